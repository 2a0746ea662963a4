"""record: the only code that writes moves and balances. Outcomes in, one set-based statement out.

However many outcomes there are, each table is written once: changes are folded per row before they are sent (two
changes of one row in one UPDATE would lose one silently), sent in the order of locks (orders, lines, allocations,
availability, places), and row counts are compared. The CHECKs are the last wall: a balance never falls below zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from doorstep.spine import journey, status
from doorstep.spine.addressed import addressed
from doorstep.spine.counters import counted
from doorstep.spine.moves import written
from doorstep.spine.outcome import Ask, Cash, Claimed, Demand, Event, Fact, Insert, Move, Outcome, Stock, Update
from doorstep.spine.statement import AS_IT_IS, Add, AddOrOpen, Statements, Written
from doorstep.spine.status import ORDER, as_sql
from doorstep.spine.tenant import Tx

Key = tuple[Any, ...]
Counters = dict[str, int]
NO_UNITS: Counters = {}
Deltas = dict[Key, Counters]

ALLOCATED = frozenset({"promised", "picked", "packed", "shipped"})
# Tables of facts that an outcome may insert into or update; balances and moves are not among them.
FACTS = frozenset({
    "hold", "decision", "parcel", "parcel_line", "parcel_event", "fulfillment_order", "payment", "invoice", "series",
    "asn", "asn_line", "attention", "orders", "sku_alias", "correction", "correction_line", "credit_link",
    "party_review", "export_filing", "promise", "promise_end", "contact_case", "case_message", "notice",
    "manifest", "pickup", "return_label",
    "load", "load_stay", "load_share", "load_event", "parcel_stay", "parcel_number",
})  # fmt: skip
# Of these a row may go: what a corrected paper says no more. What became of it stands in the events.
REPLACED = frozenset({"correction_line", "credit_link"})
# Of tables of balances, the columns that are facts all the same.
FACT_COLUMNS = {
    "order_line": frozenset({
        "sku_id", "code", "title", "external_id", "unit_price", "discount_minor", "tax_minor", "total_minor",
        "worth_minor",
    }),
}  # fmt: skip

# Of tables of facts, the columns that are balances all the same: what is promised or picked has still to be packed.
TO_PACK = frozenset({"promised", "picked"})
KEPT_HERE = {"fulfillment_order": frozenset({"to_pack"})}

# Balances, each found by its key.
KEYS: dict[str, tuple[str, ...]] = {
    "order_now": ("merchant_id", "order_id"),
    "order_line": ("merchant_id", "order_id", "line_no"),
    "allocation": ("merchant_id", "order_id", "line_no", "fulfillment_order_id"),
    "fulfillment_order": ("merchant_id", "fulfillment_order_id"),
    "availability": ("merchant_id", "sku_id", "site_id"),
    "bin_stock": ("merchant_id", "sku_id", "site_id", "place", "lot"),
}
# Places that goods only pass through; and those whose own lines tell what lies in them.
PASSING, IN_PARCELS = "tote:", "parcel:"
UNITS = ("ordered", *journey.LINE)
# An order of which none of these changes stays at its stage.
STAGED = status.read_by(ORDER)
LINE, STOCK, CASH = frozenset(journey.LINE), frozenset(journey.STOCK), frozenset(status.CASH)

EVENT_KINDS = (
    ("merchant_id", "bigint"), ("kind", "text"), ("id", "bigint"), ("of_order", "integer"), ("of_stream", "integer"),
    ("nth", "integer"), ("verb", "text"), ("actor", "text"), ("happened_at", "timestamptz"),
    ("recorded_at", "timestamptz"), ("moves", AS_IT_IS), ("data", AS_IT_IS),
)  # fmt: skip
STREAM_KINDS = (("merchant_id", "bigint"), ("kind", "text"), ("id", "bigint"), ("seq", "integer"))
ANSWER_KINDS = (("merchant_id", "bigint"), ("key", "bytea"), ("digest", "bytea"), ("answer", AS_IT_IS))
ENDED_KINDS = (("merchant_id", "bigint"), ("job_id", "bigint"), ("fence", "bigint"))
JOB_KINDS = (
    ("merchant_id", "bigint"), ("job_id", "bigint"), ("verb", "text"), ("body", AS_IT_IS), ("key", "text"),
    ("due_at", "timestamptz"),
)  # fmt: skip
STREAMS = """
insert into stream as s (merchant_id, kind, id, seq)
  select merchant_id, kind, id, seq from {rows}
  on conflict (merchant_id, kind, id) do update set seq = s.seq + excluded.seq
"""
# An event's number: what its stream has, and the how manieth of this batch it is (counted back from the end where the
# stream has counted already). New orders have none.
EVENTS = """
insert into event (merchant_id, kind, id, seq, verb, actor, happened_at, recorded_at, moves, data)
  select merchant_id, kind, id, nth{before}, verb, actor, happened_at, recorded_at, moves::json, data::json
  from {{rows}}
"""
OF_ONE_ORDER = " + (select b.seq from orders_moved b)"
OF_ORDERS = " + coalesce((select array_agg(b.seq order by b.at) from orders_moved b)[d.of_order], 0)"
OF_STREAMS = (
    ' + coalesce((select array_agg(s.seq order by s.merchant_id, s.kind collate "C", s.id) from streams s)'
    "[d.of_stream], 0)"
)
JOBS = """
insert into job (merchant_id, job_id, verb, body, account, key, due_at)
  select merchant_id, job_id, verb, body::jsonb, account_of(verb, body::jsonb), key, due_at from {rows}
"""
# A row that may be there already is written in two steps.
ONCE = "  on conflict (merchant_id, key) where key is not null do nothing\n"
ANSWERS = """
insert into request (merchant_id, key, digest, answer)
  select merchant_id, key, digest, answer::jsonb from {rows}
  order by merchant_id, key
"""
ENDED = """
delete from job j using {rows}
  where j.merchant_id = d.merchant_id and j.job_id = d.job_id and j.fence = d.fence
"""

Recorded = tuple[Ask[Any], Outcome]


class Answered(NamedTuple):
    """A request that has its answer: the same key with the same body gets it again."""

    merchant: int
    key: bytes
    digest: bytes
    answer: str


class NotOnTheTable(AssertionError):
    """A verb made a move, or queued a verb, that its row of the journey does not allow."""


async def record(
    tx: Tx, outcomes: Sequence[Recorded], answered: Sequence[Answered] = (), ended: Sequence[tuple[int, Claimed]] = ()
) -> None:
    """Write these outcomes in the caller's transaction, with the answers and the ends of jobs that belong to them.

    Never retries, never catches. A broken CHECK comes as asyncpg.CheckViolationError with the constraint's name, a
    balance that is not there to take from as RowsMissing: the runner makes them refusals.
    """
    outcomes = [(ask, each) for ask, outcome in outcomes for each in outcome.whole()]
    for _, outcome in outcomes:
        if outcome.then:
            _check_what_is_next(outcome)
    batch = _Batch(outcomes)
    writes = Statements(tx.columns, alone=len(outcomes) == 1)
    _keep_answers(writes, answered)
    _write_orders(writes, outcomes, batch)
    _write_lines(writes, outcomes, batch)
    _write_allocations(writes, outcomes, batch)
    _add_or_open(writes, "availability", batch.stock, returning="1")
    _write_places(writes, batch)
    _write_facts(writes, outcomes, batch)
    _write_floor(writes, batch)
    _write_events(writes, outcomes, batch)
    _end_jobs(writes, ended)
    await _write_jobs(tx, writes, outcomes)
    _count_stages(writes, batch, has_new=any(outcome.opens for _, outcome in outcomes))
    await writes.send(tx.connection)


# What a batch changes, folded per row


class _Batch:
    """The changes of every balance, each row once. A move that its verb's row does not allow is refused on the way."""

    def __init__(self, outcomes: Sequence[Recorded]) -> None:
        self.orders: Deltas = defaultdict(dict)
        # By order, then by line.
        self.lines: dict[Key, dict[int, Counters]] = defaultdict(dict)
        self.allocations: Deltas = defaultdict(dict)
        self.floor: Deltas = defaultdict(dict)
        self.stock: Deltas = defaultdict(dict)
        self.places: Deltas = defaultdict(dict)
        # What a new allocation is of: its SKU and its site.
        self.allocated: dict[Key, tuple[int, int]] = {}
        # Orders that were here before, in the order in which they are sent; whether any may be at another stage now.
        self.standing: list[tuple[Key, Counters]] = []
        self.may_change_stage = False
        for _, outcome in outcomes:
            self._fold(outcome)

    def _fold(self, outcome: Outcome) -> None:
        merchant, (kind, subject) = outcome.merchant, outcome.stream
        summary: Counters = self.orders[merchant, subject] if kind == "order" else {}
        _add(summary, "seq", len(outcome.events))
        for counter, by in outcome.counts.items():
            _add(summary, counter, by)
        for event in outcome.events:
            self._fold_event((merchant, subject), event, summary)

    def _fold_event(self, order: Key, event: Event, summary: Counters) -> None:
        verb, demand = event.verb, None
        whole: dict[_Way, int] = {}
        for move in event.moves:
            way = _way(verb, type(move), move.source, move.target)
            units = move.amount_minor if isinstance(move, Cash) else move.quantity
            if units <= 0:
                raise NotOnTheTable(f"{verb} moved {units}: a move is at least one")
            if isinstance(move, Stock):
                self._fold_stock(order[0], move, way)
                if demand and demand.fulfillment_order:
                    key = (*order, demand.line_no, demand.fulfillment_order)
                    self.allocated.setdefault(key, (move.sku, move.site))
                demand = None
                continue
            whole[way] = whole.get(way, 0) + units
            if isinstance(move, Demand):
                self._fold_demand(order, move, way)
                demand = move
        for way, units in whole.items():
            _shift(summary, way.changes, units)

    def _fold_demand(self, order: Key, move: Demand, way: _Way) -> None:
        line_no, quantity = move.line_no, move.quantity
        _shift(self.lines[order].setdefault(line_no, {}), way.changes, quantity)
        if move.fulfillment_order:
            _shift(self.allocations[*order, line_no, move.fulfillment_order], way.of_an_allocation, quantity)
            _add(self.floor[order[0], move.fulfillment_order], "to_pack", way.to_pack * quantity)

    def _fold_stock(self, merchant: int, move: Stock, way: _Way) -> None:
        sku, site, quantity, lot = move.sku, move.site, move.quantity, move.lot
        _shift(self.stock[merchant, sku, site], way.changes, quantity)
        if move.source_place != move.target_place:
            if move.source != journey.WORLD and not move.source_place.startswith(IN_PARCELS):
                _add(self.places[merchant, sku, site, move.source_place, lot], "quantity", -quantity)
            if move.target != journey.WORLD and not move.target_place.startswith(IN_PARCELS):
                _add(self.places[merchant, sku, site, move.target_place, lot], "quantity", quantity)


# What a move from here to there changes of a row: counters, each up or down.
Changes = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """What a unit that moves from here to there changes.

    `changes`: of the line and its order, of what is available of a SKU, or of the order's cash.
    """

    changes: Changes
    of_an_allocation: Changes = ()
    to_pack: int = 0


@lru_cache(maxsize=2048)
def _way(verb: str, kind: type[Move], source: str, target: str) -> _Way:
    """Of a move that this verb makes; NotOnTheTable where its row does not allow it."""
    if (kind, source, target) not in _allowed(verb):
        raise NotOnTheTable(
            f"{verb} moved {kind.__name__.lower()} from {source} to {target}: "
            f"add it to its row in spine/journey.py, or make another verb's move"
        )
    if kind is Demand:
        to_pack = (target in TO_PACK) - (source in TO_PACK)
        return _Way(_of_a_line(source, target), _between(ALLOCATED, source, target), to_pack)
    return _Way(_between(STOCK if kind is Stock else CASH, source, target))


def _of_a_line(source: str, target: str) -> Changes:
    """What comes from the world is ordered, what goes back there no more."""
    ordered = (source == journey.WORLD) - (target == journey.WORLD)
    return (*_between(LINE, source, target), *([("ordered", ordered)] if ordered else ()))


def _between(kept: frozenset[str], source: str, target: str) -> Changes:
    return tuple((name, by) for name, by in ((source, -1), (target, 1)) if name in kept)


def _shift(counters: Counters, changes: Changes, quantity: int) -> None:
    for name, by in changes:
        counters[name] = counters.get(name, 0) + by * quantity


def _add(counters: Counters, name: str, by: int) -> None:
    counters[name] = counters.get(name, 0) + by


def _changed(deltas: Deltas) -> list[tuple[Key, Counters]]:
    """Rows that are another after all, in the order in which they are locked."""
    return sorted([item for item in deltas.items() if any(item[1].values())], key=_KEY)


_KEY = itemgetter(0)


def _touched(rows: Sequence[Counters]) -> tuple[str, ...]:
    """The counters that any of these rows changes."""
    return tuple(sorted(name for name in set().union(*rows) if any(row.get(name) for row in rows)))


def _arrays(rows: Sequence[tuple[Key, Counters]], columns: Sequence[str]) -> list[list[Any]]:
    """An array per part of the key, then one per counter."""
    return [*_by_column([key for key, _ in rows]), *([row.get(column, 0) for _, row in rows] for column in columns)]


def _check_what_is_next(outcome: Outcome) -> None:
    """What is queued stands in the row of its verb."""
    verbs = [event.verb for event in outcome.events] or [outcome.verb]
    allowed_next = {name for verb in verbs if verb for name in journey.ROWS[verb].then}
    for job in outcome.then:
        if job.verb not in allowed_next:
            by = ", ".join(verbs) or "an outcome without an event"
            raise NotOnTheTable(f"{by} queued {job.verb}: name it in its `then`")


@lru_cache(maxsize=256)
def _allowed(verb: str) -> frozenset[tuple[type[Move], str, str]]:
    """The moves of its row."""
    kinds: tuple[tuple[type[Move], str], ...] = ((Demand, "demand"), (Stock, "stock"), (Cash, "cash"))
    return frozenset(
        (kind, source, target)
        for kind, name in kinds
        for source, target in product(*journey.ways(getattr(journey.ROWS[verb], name)))
    )


# Orders and their lines


def _write_orders(writes: Statements, outcomes: Sequence[Recorded], batch: _Batch) -> None:
    new = [o for _, o in outcomes if o.opens]
    opened = {(o.merchant, o.order) for o in new}
    rows_of_new = [{"merchant_id": o.merchant, "order_id": o.order, **addressed(o.opens.order)} for o in new if o.opens]
    writes.insert("orders", rows_of_new)
    rows = sorted([item for item in batch.orders.items() if item[0] in opened], key=_KEY)
    if rows:
        columns = _touched([row for _, row in rows])
        writes.insert_arrays(
            "order_now", (*KEYS["order_now"], *columns), _arrays(rows, columns), group="now", name="orders_new",
            returning="t.merchant_id, t.stage",
        )  # fmt: skip
    batch.standing = [item for item in _changed(batch.orders) if item[0] not in opened]
    if batch.standing:
        columns = tuple(sorted({*_touched([row for _, row in batch.standing]), "seq"}))
        batch.may_change_stage = not STAGED.isdisjoint(columns)
        moved = Add("order_now", KEYS["order_now"], columns, returning=_how_it_stood(columns))
        writes.add(moved, _arrays(batch.standing, columns), group="now", name="orders_moved")


def _count_stages(writes: Statements, batch: _Batch, has_new: bool) -> None:
    """As the last rows that are locked: they are the ones that many want."""
    if has_new or batch.may_change_stage:
        moved = "orders_moved" if batch.may_change_stage else ""
        text = counted("orders_new" if has_new else "", moved, one=len(batch.orders) == 1)
        writes.put(Written("stage_count", text, returning="1"), [])


@lru_cache(maxsize=512)
def _how_it_stood(columns: tuple[str, ...]) -> str:
    """What its parts read of a moved order: its place in the batch, its events, its stage, and its stage before."""
    events = "d.at, t.seq - d.seq as seq"
    if STAGED.isdisjoint(columns):
        return events
    return f"{events}, t.merchant_id, t.stage, {_before(columns)} as was"


def _before(columns: tuple[str, ...]) -> str:
    """The stage by the counters as they were: those that moved, less what they moved by."""

    def was(counter: str) -> str:
        return f"(t.{counter} - d.{counter})" if counter in columns else f"t.{counter}"

    return as_sql(ORDER, was)


def _write_lines(writes: Statements, outcomes: Sequence[Recorded], batch: _Batch) -> None:
    """New lines come with their units; those that are here are moved."""
    new = [((o.merchant, o.order), lines) for _, o in outcomes if (lines := _new_lines(o))]
    if new:
        facts = tuple(new[0][1][0])
        values = itemgetter(*facts)
        rows = [(*order, *values(line)) for order, lines in new for line in lines]
        units = [batch.lines[order].pop(line["line_no"], NO_UNITS) for order, lines in new for line in lines]
        counted = _touched(units)
        arrays = [*_by_column(rows), *([row.get(name, 0) for row in units] for name in counted)]
        zeros = tuple(name for name in UNITS if name not in counted)
        columns = (*KEYS["order_line"][:2], *facts, *counted)
        writes.insert_arrays("order_line", columns, arrays, zeros, group="units")
    moved = _changed({(*order, at): row for order, lines in batch.lines.items() for at, row in lines.items()})
    if moved:
        columns = _touched([row for _, row in moved])
        writes.add(Add("order_line", KEYS["order_line"], columns), _arrays(moved, columns), group="units")


def _new_lines(outcome: Outcome) -> list[dict[str, Any]]:
    return [*outcome.opens.lines, *outcome.adds] if outcome.opens else outcome.adds


def _write_allocations(writes: Statements, outcomes: Sequence[Recorded], batch: _Batch) -> None:
    """Those of a fulfillment order that is new are new, and need not be looked for."""
    opened = {
        (outcome.merchant, fact.values["fulfillment_order_id"])
        for _, outcome in outcomes
        for fact in outcome.facts
        if isinstance(fact, Insert) and fact.table == "fulfillment_order"
    }
    keys, more = KEYS["allocation"], ("sku_id", "site_id")
    new = _changed({key: row for key, row in batch.allocations.items() if (key[0], key[3]) in opened})
    if new:
        columns = _touched([row for _, row in new])
        arrays = [*_arrays(new, columns), *_by_column([batch.allocated[key] for key, _ in new])]
        writes.insert_arrays("allocation", (*keys, *columns, *more), arrays, group="units")
    standing = {key: row for key, row in batch.allocations.items() if (key[0], key[3]) not in opened}
    _add_or_open(writes, "allocation", standing, (*keys, "lot"), more, batch.allocated)


def _write_places(writes: Statements, batch: _Batch) -> None:
    """A bin stays when it is empty; a tote that holds nothing any more is no place."""
    keys = KEYS["bin_stock"]
    passing = {key: row for key, row in batch.places.items() if key[3].startswith(PASSING)}
    drained = [item for item in _changed(passing) if item[1]["quantity"] < 0]
    if drained:
        writes.drain("bin_stock", keys, "quantity", _arrays(drained, ("quantity",)), group="units")
    gone = {key for key, _ in drained}
    _add_or_open(writes, "bin_stock", {key: row for key, row in batch.places.items() if key not in gone}, returning="1")


def _add_or_open(
    writes: Statements,
    table: str,
    deltas: Deltas,
    unique: tuple[str, ...] = (),
    more: tuple[str, ...] = (),
    values: dict[Key, tuple[Any, ...]] | None = None,
    *,
    returning: str = "",
) -> None:
    """What only gains may be opened by it; what loses must be there. Below zero is refused either way."""
    changed = _changed(deltas)
    keys = KEYS[table]
    losing = [item for item in changed if min(item[1].values()) < 0]
    if losing:
        columns = _touched([row for _, row in losing])
        writes.add(Add(table, keys, columns), _arrays(losing, columns), group="units")
    gaining = [item for item in changed if min(item[1].values()) >= 0]
    if gaining:
        columns = _touched([row for _, row in gaining])
        arrays = _arrays(gaining, columns)
        if more and values is not None:
            given = [values.get(key, (None,) * len(more)) for key, _ in gaining]
            arrays += [list(column) for column in zip(*given, strict=True)]
        writes.add(AddOrOpen(table, keys, unique or keys, columns, more, returning), arrays, group="units")


# Facts, events, jobs, answers


def _write_facts(writes: Statements, outcomes: Sequence[Recorded], batch: _Batch) -> None:
    deletes: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
    inserts: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
    updates: dict[tuple[str, tuple[str, ...], tuple[str, ...], str], list[dict[str, Any]]] = defaultdict(list)
    for _, outcome in outcomes:
        for fact in outcome.facts:
            if not _only_facts(fact):
                raise NotOnTheTable(f"{fact.table} is not a table of facts, or has balances too: they are moved")
            if isinstance(fact, Insert):
                row = {"merchant_id": outcome.merchant, **fact.values, **_with_it(fact, outcome.merchant, batch)}
                inserts[fact.table, tuple(row)].append(row)
            elif isinstance(fact, Update):
                said = addressed(fact.values) if fact.table == "orders" else fact.values
                shape = (fact.table, ("merchant_id", *fact.where), tuple(said), fact.unless)
                updates[shape].append({"merchant_id": outcome.merchant, **fact.where, **said})
            else:
                if fact.table not in REPLACED:
                    raise NotOnTheTable(f"rows of {fact.table} stay")
                where = ("merchant_id", *fact.where)
                deletes[fact.table, where].append({"merchant_id": outcome.merchant, **fact.where})
    for (table, where), rows in deletes.items():
        writes.delete(table, where, rows)
    for (table, _), rows in inserts.items():
        writes.insert(table, rows)
    for (table, where, values, unless), rows in updates.items():
        writes.update(table, where, values, rows, unless=unless)


def _only_facts(fact: Fact) -> bool:
    if fact.table in FACTS:
        return not isinstance(fact, Insert | Update) or not fact.values.keys() & KEPT_HERE.get(fact.table, frozenset())
    return isinstance(fact, Update) and fact.values.keys() <= FACT_COLUMNS.get(fact.table, frozenset())


def _with_it(fact: Insert, merchant: int, batch: _Batch) -> Counters:
    """A fulfillment order that is new comes with its units."""
    if fact.table != "fulfillment_order":
        return {}
    return {"to_pack": batch.floor.pop((merchant, fact.values["fulfillment_order_id"]), {}).get("to_pack", 0)}


def _write_floor(writes: Statements, batch: _Batch) -> None:
    moved = _changed(batch.floor)
    if moved:
        writes.add(Add("fulfillment_order", KEYS["fulfillment_order"], ("to_pack",)), _arrays(moved, ("to_pack",)))


def _write_events(writes: Statements, outcomes: Sequence[Recorded], batch: _Batch) -> None:
    orders = {key: at for at, (key, _) in enumerate(batch.standing, start=1)}
    streams = _write_streams(writes, outcomes)
    seen: dict[Key, int] = defaultdict(int)
    rows = []
    for ask, outcome in outcomes:
        (kind, subject), merchant = outcome.stream, outcome.merchant
        of_order = orders.get((merchant, subject), 0) if kind == "order" else 0
        of_stream, added = streams.get((merchant, kind, subject), (0, 0))
        for event in outcome.events:
            seen[merchant, kind, subject] += 1
            rows.append((
                merchant, kind, subject, of_order, of_stream, seen[merchant, kind, subject] - added,
                event.verb, ask.actor.name, event.happened_at or ask.at, ask.at,
                written(event.moves), _json(event.data),
            ))  # fmt: skip
    if rows:
        before = _counted_before(orders, rows) + (OF_STREAMS if streams else "")
        text = EVENTS.format(before=before)
        writes.add(Written("event", text, EVENT_KINDS), _by_column(rows))


def _counted_before(orders: Mapping[Key, int], rows: Sequence[tuple[Any, ...]]) -> str:
    """What the events' orders have counted before: `of_order` is the fourth of a row."""
    if not orders:
        return ""
    return OF_ONE_ORDER if len(orders) == 1 and all(row[3] for row in rows) else OF_ORDERS


def _write_streams(writes: Statements, outcomes: Sequence[Recorded]) -> dict[Key, tuple[int, int]]:
    """Count on the streams that are not orders; answers each one's place among what comes back, and what it counts."""
    added: dict[Key, int] = defaultdict(int)
    for _, outcome in outcomes:
        if outcome.stream[0] != "order" and outcome.events:
            added[outcome.merchant, *outcome.stream] += len(outcome.events)
    rows = sorted(added.items())
    if rows:
        keys = [list(part) for part in zip(*(key for key, _ in rows), strict=True)]
        writes.add(
            Written("stream", STREAMS, STREAM_KINDS, "s.merchant_id, s.kind, s.id, s.seq"),
            [*keys, [events for _, events in rows]],
            name="streams",
        )
    return {key: (at, events) for at, (key, events) in enumerate(rows, start=1)}


async def _write_jobs(tx: Tx, writes: Statements, outcomes: Sequence[Recorded]) -> None:
    jobs = [(outcome.merchant, job, job.due_at or ask.at) for ask, outcome in outcomes for job in outcome.then]
    if jobs:
        ids = await tx.fresh_ids(len(jobs))
        rows = [(merchant, next(ids), job.verb, _json(job.body), job.key, due) for merchant, job, due in jobs]
        text = JOBS + (ONCE if any(job.key for _, job, _ in jobs) else "")
        writes.put(Written("job", text, JOB_KINDS), _by_column(rows), group="jobs")


def _keep_answers(writes: Statements, answered: Sequence[Answered]) -> None:
    if answered:
        writes.add(
            Written("request", ANSWERS, ANSWER_KINDS, "1"),
            _by_column(answered),
        )


def _end_jobs(writes: Statements, ended: Sequence[tuple[int, Claimed]]) -> None:
    if ended:
        rows = [(merchant, job.job_id, job.fence) for merchant, job in ended]
        writes.add(
            Written("job", ENDED, ENDED_KINDS, "1"),
            _by_column(rows),
            group="jobs",
        )


_ENCODE = msgspec.json.Encoder().encode


def _json(value: Any) -> str:
    return _ENCODE(value).decode()


def _by_column(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
