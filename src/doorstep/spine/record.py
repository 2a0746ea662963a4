"""record: the only code that writes moves and balances. Outcomes in, a handful of set-based statements out.

However many outcomes there are, each table is written by one statement. Changes are folded per row before they are
sent (two changes of one row in one UPDATE would lose one silently), sent in lock order (orders, lines, allocations,
availability, places), and row counts are compared. The CHECKs are the last wall: a balance never falls below zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from doorstep.spine import journey
from doorstep.spine.outcome import Ask, Cash, Delete, Demand, Fact, Insert, Job, Move, Outcome, Stock, Update
from doorstep.spine.status import CASH, COUNTERS
from doorstep.spine.tenant import Tx

Key = tuple[Any, ...]
Deltas = dict[Key, dict[str, int]]

ALLOCATED = ("promised", "picked", "packed", "shipped")
# Tables of facts that an outcome may insert into or update; balances and moves are not among them.
FACTS = frozenset({
    "hold", "decision", "parcel", "parcel_line", "parcel_event", "fulfillment_order", "payment", "invoice", "series",
    "asn", "asn_line", "attention", "orders", "sku_alias", "correction", "correction_line", "credit_link",
})  # fmt: skip
# Of these a row may go: what a corrected paper says no more. What became of it stands in the events.
REPLACED = frozenset({"correction_line", "credit_link"})
# Of tables of balances, the columns that are facts all the same.
FACT_COLUMNS = {
    "allocation": frozenset({"expires_at"}),
    "order_line": frozenset({
        "sku_id", "code", "title", "external_id", "unit_price", "discount_minor", "tax_minor", "total_minor",
        "worth_minor",
    }),
}  # fmt: skip

OPEN_STREAMS = """
insert into stream as s (merchant_id, kind, id, seq)
  select merchant_id, kind, id, seq from jsonb_to_recordset($1::jsonb)
    as d(merchant_id bigint, kind text, id bigint, seq integer) order by 1, 2, 3
  on conflict (merchant_id, kind, id) do update set seq = s.seq + excluded.seq
  returning merchant_id, kind, id, seq
"""

ADD_EVENTS = """
insert into event (merchant_id, kind, id, seq, verb, actor, happened_at, recorded_at, moves, data)
  select merchant_id, kind, id, seq, verb, actor, happened_at, recorded_at, moves, data
  from jsonb_to_recordset($1::jsonb) as e(merchant_id bigint, kind text, id bigint, seq integer, verb text,
    actor text, happened_at timestamptz, recorded_at timestamptz, moves jsonb, data jsonb)
"""

ADD_JOBS = """
insert into job (merchant_id, job_id, verb, body, key, due_at)
  select merchant_id, job_id, verb, body, key, due_at from jsonb_to_recordset($1::jsonb)
    as j(merchant_id bigint, job_id bigint, verb text, body jsonb, key text, due_at timestamptz)
  on conflict (merchant_id, key) do nothing
"""

Recorded = tuple[Ask[Any], Outcome]


class NotOnTheTable(AssertionError):
    """A verb made a move, or queued a verb, that its row of the journey does not allow."""


class RowsMissing(AssertionError):
    """A statement changed another number of rows than it was given: something would have been lost."""


async def record(tx: Tx, outcomes: Sequence[Recorded]) -> None:
    """Write these outcomes in the caller's transaction. Never retries, never catches.

    A broken CHECK comes as asyncpg.CheckViolationError with the constraint's name: the runner makes it a refusal.
    """
    if not outcomes:
        return
    outcomes = [(ask, each) for ask, outcome in outcomes for each in outcome.whole()]
    for _, outcome in outcomes:
        _check_against_the_table(outcome)
    lines, allocations, stock, places, orders = _fold(outcomes)
    opened = {(o.merchant, o.order) for _, o in outcomes if o.opens}
    await _open_orders(tx, outcomes, orders, lines)
    bases = await _move_orders(tx, {key: row for key, row in orders.items() if key not in opened})
    bases |= {("order", *key): 0 for key in opened}
    bases |= await _open_streams(tx, outcomes)
    await _add_lines(tx, outcomes)
    await _move(tx, "order_line", {key: row for key, row in lines.items() if key[:2] not in opened})
    await _move_allocations(tx, allocations, outcomes)
    await _move_or_open(tx, "availability", stock)
    await _move_or_open(tx, "bin_stock", places)
    await _write_facts(tx, outcomes)
    await _add_events(tx, outcomes, bases)
    await _add_jobs(tx, outcomes)


# What a batch changes, folded per row


def _fold(outcomes: Sequence[Recorded]) -> tuple[Deltas, Deltas, Deltas, Deltas, Deltas]:
    lines: Deltas = defaultdict(_zeros)
    allocations: Deltas = defaultdict(_zeros)
    stock: Deltas = defaultdict(_zeros)
    places: Deltas = defaultdict(_zeros)
    orders: Deltas = defaultdict(_zeros)
    for _, outcome in outcomes:
        merchant = outcome.merchant
        is_order = outcome.stream[0] == "order"
        summary = orders[merchant, outcome.order] if is_order else _zeros()
        summary["seq"] += len(outcome.events)
        for counter, by in outcome.counts.items():
            summary[counter] += by
        for move in (move for event in outcome.events for move in event.moves):
            if isinstance(move, Demand):
                _fold_demand(move, summary, lines[merchant, outcome.order, move.line_no])
                if move.fulfillment_order:
                    key = (merchant, outcome.order, move.line_no, move.fulfillment_order)
                    _shift(allocations[key], move.source, move.target, move.quantity, ALLOCATED)
            elif isinstance(move, Cash):
                _shift(summary, move.source, move.target, move.amount_minor, CASH)
            else:
                _fold_stock(move, stock[merchant, move.sku, move.site], places, merchant)
    return lines, allocations, stock, places, orders


def _zeros() -> dict[str, int]:
    return defaultdict(int)


def _fold_demand(move: Demand, summary: dict[str, int], line: dict[str, int]) -> None:
    for counters in (summary, line):
        _shift(counters, move.source, move.target, move.quantity, journey.LINE)
        if move.source == journey.WORLD:
            counters["ordered"] += move.quantity
        if move.target == journey.WORLD:
            counters["ordered"] -= move.quantity


def _fold_stock(move: Stock, stages: dict[str, int], places: Deltas, merchant: int) -> None:
    _shift(stages, move.source, move.target, move.quantity, journey.STOCK)
    at = (merchant, move.sku, move.site)
    if move.source != journey.WORLD and move.source_place != move.target_place:
        places[*at, move.source_place, move.lot]["quantity"] -= move.quantity
    if move.target != journey.WORLD and move.source_place != move.target_place:
        places[*at, move.target_place, move.lot]["quantity"] += move.quantity


def _shift(counters: dict[str, int], source: str, target: str, by: int, kept: Sequence[str]) -> None:
    if source in kept:
        counters[source] -= by
    if target in kept:
        counters[target] += by


def _check_against_the_table(outcome: Outcome) -> None:
    for event in outcome.events:
        row = journey.ROWS[event.verb]
        for move in event.moves:
            kind = type(move).__name__.lower()
            if not row.allows(kind, move.source, move.target):
                raise NotOnTheTable(
                    f"{event.verb} moved {kind} from {move.source} to {move.target}: "
                    f"add it to its row in spine/journey.py, or make another verb's move"
                )
            if _amount(move) <= 0:
                raise NotOnTheTable(f"{event.verb} moved {_amount(move)}: a move is at least one")
    verbs = [event.verb for event in outcome.events] or [outcome.verb]
    allowed = {name for verb in verbs if verb for name in journey.ROWS[verb].then}
    for job in outcome.then:
        if job.verb not in allowed:
            by = ", ".join(verbs) or "an outcome without an event"
            raise NotOnTheTable(f"{by} queued {job.verb}: name it in its `then`")


def _amount(move: Move) -> int:
    return move.amount_minor if isinstance(move, Cash) else move.quantity


# Orders and their lines


async def _open_orders(tx: Tx, outcomes: Sequence[Recorded], orders: Deltas, lines: Deltas) -> None:
    new = [o for _, o in outcomes if o.opens]
    if not new:
        return
    rows, line_rows, summaries = [], [], []
    for outcome in new:
        assert outcome.opens
        key = {"merchant_id": outcome.merchant, "order_id": outcome.order}
        rows.append(key | outcome.opens.order)
        summary = orders[outcome.merchant, outcome.order]
        summaries.append(key | {name: summary[name] for name in ("seq", *COUNTERS)})
        for line in outcome.opens.lines:
            units = lines[outcome.merchant, outcome.order, line["line_no"]]
            line_rows.append(key | line | {name: units[name] for name in ("ordered", *journey.LINE)})
    await _insert(tx, "orders", rows)
    await _insert(tx, "order_line", line_rows)
    await _insert(tx, "order_now", summaries)


async def _add_lines(tx: Tx, outcomes: Sequence[Recorded]) -> None:
    """Lines of orders that are here: of nothing, until the moves of the same outcome bring their units."""
    nothing = dict.fromkeys(("ordered", *journey.LINE), 0)
    rows = [
        {"merchant_id": outcome.merchant, "order_id": outcome.order} | line | nothing
        for _, outcome in outcomes
        for line in outcome.adds
    ]
    await _insert(tx, "order_line", rows)


async def _move_orders(tx: Tx, orders: Deltas) -> dict[Key, int]:
    orders = {key: row for key, row in orders.items() if any(row.values())}
    if not orders:
        return {}
    columns = _touched(orders)
    found = await tx.rows(
        _move_sql("order_now", columns, returning="t.merchant_id, t.order_id, t.seq - d.seq as base"),
        _json(_rows("order_now", orders, columns)),
    )
    _same_count("order_now", found, orders)
    return {("order", row["merchant_id"], row["order_id"]): row["base"] for row in found}


async def _open_streams(tx: Tx, outcomes: Sequence[Recorded]) -> dict[Key, int]:
    added: dict[Key, int] = defaultdict(int)
    for _, outcome in outcomes:
        if outcome.stream[0] != "order":
            added[outcome.merchant, *outcome.stream] += len(outcome.events)
    added = {key: events for key, events in added.items() if events}
    if not added:
        return {}
    rows = [dict(zip(("merchant_id", "kind", "id", "seq"), (*key, n), strict=True)) for key, n in added.items()]
    found = await tx.rows(OPEN_STREAMS, _json(rows))
    return {
        (row["kind"], row["merchant_id"], row["id"]): row["seq"] - added[row["merchant_id"], row["kind"], row["id"]]
        for row in found
    }


# Balances

KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "order_now": (("merchant_id", "bigint"), ("order_id", "bigint")),
    "order_line": (("merchant_id", "bigint"), ("order_id", "bigint"), ("line_no", "smallint")),
    "allocation": (
        ("merchant_id", "bigint"), ("order_id", "bigint"), ("line_no", "smallint"), ("fulfillment_order_id", "bigint"),
    ),
    "availability": (("merchant_id", "bigint"), ("sku_id", "bigint"), ("site_id", "bigint")),
    "bin_stock": (
        ("merchant_id", "bigint"), ("sku_id", "bigint"), ("site_id", "bigint"), ("place", "text"), ("lot", "text"),
    ),
}  # fmt: skip


@lru_cache(maxsize=512)
def _move_sql(table: str, columns: tuple[str, ...], returning: str) -> str:
    """Add to these columns of the given rows, which are locked in key order first."""
    keys = [name for name, _ in KEYS[table]]
    shape = ", ".join([*(f"{name} {kind}" for name, kind in KEYS[table]), *(f"{name} bigint" for name in columns)])
    same = " and ".join(f"t.{name} = d.{name}" for name in keys)
    changes = ", ".join(f"{name} = t.{name} + d.{name}" for name in columns)
    in_order = ", ".join(f"t.{name}" for name in keys)
    return (
        f"with d as materialized (select * from jsonb_to_recordset($1::jsonb) as d({shape})), "
        f"locked as materialized "
        f"(select d.* from d join {table} t on {same} order by {in_order} for no key update of t) "
        f"update {table} t set {changes} from locked d where {same} returning {returning}"
    )


async def _move(tx: Tx, table: str, deltas: Deltas) -> None:
    changed = {key: row for key, row in deltas.items() if any(row.values())}
    if not changed:
        return
    columns = _touched(changed)
    found = await tx.rows(_move_sql(table, columns, returning="1"), _json(_rows(table, changed, columns)))
    _same_count(table, found, changed)


async def _move_or_open(tx: Tx, table: str, deltas: Deltas, more: dict[Key, dict[str, Any]] | None = None) -> None:
    """As `_move`, but a row that is not there yet is opened; below zero is refused either way."""
    changed = {key: row for key, row in deltas.items() if any(row.values())}
    if not changed:
        return
    columns, names = _touched(changed), [name for name, _ in KEYS[table]]
    returning = ", ".join(f"t.{name}" for name in names)
    found = await tx.rows(_move_sql(table, columns, returning), _json(_rows(table, changed, columns)))
    there = {tuple(row.values()) for row in found}
    missing = {key: row for key, row in changed.items() if key not in there}
    if missing:
        rows = _rows(table, missing, columns)
        await _insert(tx, table, [row | (more or {}).get(key, {}) for key, row in zip(missing, rows, strict=True)])


async def _move_allocations(tx: Tx, allocations: Deltas, outcomes: Sequence[Recorded]) -> None:
    more = {}
    for _, outcome in outcomes:
        skus = {(m.fulfillment_order, m.line_no) for e in outcome.events for m in e.moves if isinstance(m, Demand)}
        for fulfillment_order, line_no in skus:
            key = (outcome.merchant, outcome.order, line_no, fulfillment_order)
            if key in allocations:
                more[key] = _allocation_facts(outcome, line_no, fulfillment_order)
    await _move_or_open(tx, "allocation", allocations, more)


def _allocation_facts(outcome: Outcome, line_no: int, fulfillment_order: int) -> dict[str, Any]:
    """Site and SKU of a new allocation: those of the stock that moved with the line."""
    for event in outcome.events:
        pairs = zip(event.moves, event.moves[1:], strict=False)
        for demand, stock in pairs:
            if (
                isinstance(demand, Demand)
                and isinstance(stock, Stock)
                and (demand.line_no, demand.fulfillment_order) == (line_no, fulfillment_order)
            ):
                return {"sku_id": stock.sku, "site_id": stock.site, "expires_at": outcome.expires_at}
    return {}


def _touched(deltas: Deltas) -> tuple[str, ...]:
    return tuple(sorted({column for row in deltas.values() for column, by in row.items() if by}))


def _rows(table: str, deltas: Deltas, columns: Sequence[str]) -> list[dict[str, Any]]:
    names = [name for name, _ in KEYS[table]]
    return [
        dict(zip(names, key, strict=True)) | {column: row.get(column, 0) for column in columns}
        for key, row in deltas.items()
    ]


def _same_count(table: str, found: Sequence[Any], given: Sequence[Any] | Deltas) -> None:
    if len(found) != len(given):
        raise RowsMissing(f"{table}: {len(given)} rows were to change, {len(found)} did")


# Facts, events, jobs


async def _write_facts(tx: Tx, outcomes: Sequence[Recorded]) -> None:
    deletes: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
    inserts: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
    updates: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
    for _, outcome in outcomes:
        for fact in outcome.facts:
            if fact.table not in FACTS and not _only_fact_columns(fact):
                raise NotOnTheTable(f"{fact.table} is not a table of facts")
            tenant = {"merchant_id": outcome.merchant}
            if isinstance(fact, Delete):
                if fact.table not in REPLACED:
                    raise NotOnTheTable(f"rows of {fact.table} stay")
                deletes[fact.table, tuple(fact.where)].append(tenant | fact.where)
            elif isinstance(fact, Insert):
                inserts[fact.table, tuple(fact.values)].append(tenant | fact.values)
            else:
                shape = (fact.table, tuple(fact.where), tuple(fact.values))
                updates[shape].append(tenant | fact.where | fact.values)
    for (table, where), rows in deletes.items():
        _same_count(table, await tx.rows(_delete_sql(table, where), _json(rows)), rows)
    for (table, _), rows in inserts.items():
        await _insert(tx, table, rows)
    for (table, where, values), rows in updates.items():
        await _update(tx, table, where, values, rows)


def _only_fact_columns(fact: Fact) -> bool:
    return isinstance(fact, Update) and fact.values.keys() <= FACT_COLUMNS.get(fact.table, frozenset())


async def _insert(tx: Tx, table: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    await tx.run(_insert_sql(table, tuple(rows[0])), _json(rows))


@lru_cache(maxsize=512)
def _insert_sql(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    return f"insert into {table} ({names}) select {names} from jsonb_populate_recordset(null::{table}, $1::jsonb)"


@lru_cache(maxsize=512)
def _delete_sql(table: str, where: tuple[str, ...]) -> str:
    same = " and ".join(f"t.{name} = d.{name}" for name in ("merchant_id", *where))
    return f"delete from {table} t using jsonb_populate_recordset(null::{table}, $1::jsonb) d where {same} returning 1"


async def _update(
    tx: Tx, table: str, where: tuple[str, ...], values: tuple[str, ...], rows: list[dict[str, Any]]
) -> None:
    found = await tx.rows(_update_sql(table, where, values), _json(rows))
    _same_count(table, found, rows)


@lru_cache(maxsize=512)
def _update_sql(table: str, where: tuple[str, ...], values: tuple[str, ...]) -> str:
    same = " and ".join(f"t.{name} = d.{name}" for name in ("merchant_id", *where))
    changes = ", ".join(f"{name} = d.{name}" for name in values)
    return (
        f"update {table} t set {changes} from jsonb_populate_recordset(null::{table}, $1::jsonb) d "
        f"where {same} returning 1"
    )


async def _add_events(tx: Tx, outcomes: Sequence[Recorded], bases: dict[Key, int]) -> None:
    rows = []
    for ask, outcome in outcomes:
        kind, subject = outcome.stream
        for event in outcome.events:
            bases[kind, outcome.merchant, subject] += 1
            rows.append({
                "merchant_id": outcome.merchant, "kind": kind, "id": subject,
                "seq": bases[kind, outcome.merchant, subject],
                "verb": event.verb, "actor": ask.actor.name, "happened_at": event.happened_at or ask.at,
                "recorded_at": ask.at, "moves": [_as_array(move) for move in event.moves], "data": event.data,
            })  # fmt: skip
    if rows:
        await tx.run(ADD_EVENTS, _json(rows))


def _as_array(move: Move) -> list[Any]:
    if isinstance(move, Demand):
        return ["demand", move.line_no, move.quantity, move.source, move.target, move.fulfillment_order]
    if isinstance(move, Stock):
        return ["stock", *move]
    return ["cash", *move]


async def _add_jobs(tx: Tx, outcomes: Sequence[Recorded]) -> None:
    jobs = [(ask, outcome, job) for ask, outcome in outcomes for job in outcome.then]
    if not jobs:
        return
    ids = await tx.fresh_ids(len(jobs))
    await tx.run(ADD_JOBS, _json([_job_row(ask, outcome, job, next(ids)) for ask, outcome, job in jobs]))


def _job_row(ask: Ask[Any], outcome: Outcome, job: Job, job_id: int) -> dict[str, Any]:
    return {
        "merchant_id": outcome.merchant, "job_id": job_id, "verb": job.verb, "body": job.body, "key": job.key,
        "due_at": job.due_at or ask.at,
    }  # fmt: skip


def _json(rows: Iterable[dict[str, Any]]) -> str:
    return msgspec.json.encode([{name: _plain(value) for name, value in row.items()} for row in rows]).decode()


def _plain(value: Any) -> Any:
    return "\\x" + value.hex() if isinstance(value, bytes) else value
