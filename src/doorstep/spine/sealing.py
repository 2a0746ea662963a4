"""sealing: the audit of what came in since the last seal, so that what breaks a law is known within seconds.

A merchant's seal is a place in its feed: everything up to there was checked. A turn takes the events after it, as many
as a bounded batch, and checks what they touched by the same laws as the whole audit, at one instant: the streams are
replayed whole; of goods the seal keeps what all moves before it add up to, so that only the moves since are added.
Goods are compared when the turn reaches the end of the feed; a seal that is behind adds up and remembers which.

Who seals has the merchant's row for a while (a lease), and writes its findings and the new seal in one transaction:
of two, the second changes nothing. The intake never waits for it.

A seal moves past what is broken, or one broken order would end the audit of all that come after. But not silently: each
broken thing is an exception (kind `books_broken`) from the same transaction on, once, until somebody resolves it; and
the whole audit finds it for as long as it is there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec

from doorstep.spine.audit import FIRST_BROKEN, MEMORY, ONE_INSTANT, Broken, traced
from doorstep.spine.laws import LAWS
from doorstep.spine.laws.law import Law, narrowed
from doorstep.spine.laws.stock import STOCK_LEGS, STOCK_VERBS
from doorstep.spine.tenant import Db, Tx, tenant_tx

EVENTS_A_TURN = 5000
MERCHANTS_A_TURN = 100
BEYOND_A_TURN = 20_000  # where there are more, the goods wait to be compared
LEASE = timedelta(minutes=2)
# A request is kept when its transaction ends, which may be this long after it was asked; clocks differ.
ASKED_AROUND = timedelta(seconds=15)
NAMED = 500  # of what breaks one check in one turn; the rest is one exception that says how many
KIND = "books_broken"

OPEN = """
insert into seal (merchant_id) select m.merchant_id from merchant m where m.merchant_id = any($1)
    and not exists (select from seal s where s.merchant_id = m.merchant_id)
  on conflict do nothing
"""
# Whoever has news and is nobody's, the longest unsealed first.
CLAIM = """
with due as (
  select s.merchant_id from seal s where s.merchant_id = any($1) and s.due_at <= now()
      and exists (select from event e where e.merchant_id = s.merchant_id and (e.txid, e.pos) > (s.txid, s.pos)
        and e.txid < pg_snapshot_xmin(pg_current_snapshot()))
    order by s.sealed_at, s.merchant_id limit $2 for update skip locked)
update seal s set due_at = now() + $3 from due where s.merchant_id = due.merchant_id
  returning s.merchant_id, s.txid::text as txid, s.pos
"""
# So many events of each feed after a place, up to the oldest running transaction; the limit keeps to the feed's index.
NEWS = """
select e.merchant_id, e.kind, e.id, e.seq, e.txid, e.pos, e.verb = any($5) as moves_stock, e.recorded_at
  from unnest($1::bigint[], $2::text[], $3::bigint[]) s(merchant_id, txid, pos)
  cross join lateral (
    select e.merchant_id, e.kind, e.id, e.seq, e.txid::text as txid, e.pos, e.verb, e.recorded_at from event e
      where e.merchant_id = s.merchant_id and (e.txid, e.pos) > (s.txid::xid8, s.pos)
        and e.txid < pg_snapshot_xmin(pg_current_snapshot())
      order by e.txid, e.pos limit $4) e
"""
# What the snapshot shows beyond: of transactions that ended before an older one.
BEYOND = NEWS.replace("e.txid < pg_snapshot_xmin", "e.txid >= pg_snapshot_xmin")
# `legs`: the ends of the moves of the events in `touched_event`, which no seal has added up, narrowed like a check.
PLACES = """
select merchant_id, sku_id, site_id, place, lot from ({legs}) legs
union
select merchant_id, sku_id, site_id, place, lot from sealed_stock where merchant_id = any($1) and not compared
"""
ADD_UP = """
insert into sealed_stock as s (merchant_id, sku_id, site_id, stage, place, lot, quantity, compared)
  select merchant_id, sku_id, site_id, stage, place, lot, sum(quantity), merchant_id = any($2)
    from ({legs}) legs group by merchant_id, sku_id, site_id, stage, place, lot
    having sum(quantity) <> 0 or not merchant_id = any($2) order by 1, 2, 3, 4, 5, 6
  on conflict (merchant_id, sku_id, site_id, stage, place, lot)
    do update set quantity = s.quantity + excluded.quantity, compared = excluded.compared
"""
COMPARED = "update sealed_stock set compared = true where merchant_id = any($1) and not compared"
DROP_NOUGHT = "delete from sealed_stock where merchant_id = any($1) and quantity = 0 and compared"
SEAL = """
update seal s set txid = u.to_txid::xid8, pos = u.to_pos, due_at = now(), sealed_at = now()
  from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[])
    u(merchant_id, txid, pos, to_txid, to_pos)
  where s.merchant_id = u.merchant_id and s.txid = u.txid::xid8 and s.pos = u.pos returning s.merchant_id
"""
KNOWN = """
select merchant_id, why ->> 'law' as law, why ->> 'what' as what from attention
  where merchant_id = any($1) and kind = $2 and resolved_at is null
"""
RAISE = """
insert into attention (merchant_id, attention_id, kind, order_id, reason, next_action, why, raised_at)
  select u.merchant_id, u.attention_id, $2, o.order_id, u.reason, u.next_action, u.why::jsonb, now()
    from unnest($1::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[])
      u(merchant_id, attention_id, order_id, reason, next_action, why)
    left join orders o on o.merchant_id = u.merchant_id and o.order_id = u.order_id
"""
BEHIND = """
select count(first.recorded_at) as merchants,
    greatest(coalesce(extract(epoch from now() - min(first.recorded_at)), 0), 0)::float8 as seconds,
    (select count(*) from attention where merchant_id = any($1) and kind = $2 and resolved_at is null) as broken
  from unnest($1::bigint[]) m(merchant_id)
  left join seal s on s.merchant_id = m.merchant_id
  left join lateral (select e.recorded_at from event e where e.merchant_id = m.merchant_id
      and (e.txid, e.pos) > (coalesce(s.txid, '0'::xid8), coalesce(s.pos, 0))
    order by e.txid, e.pos limit 1) first on true
"""


@dataclass(frozen=True, slots=True)
class Behind:
    """How old the oldest event is that no seal covers, at how many merchants; and what is known to be broken."""

    seconds: float
    merchants: int
    broken: int

    def as_json(self) -> dict[str, Any]:
        facts = {"seconds_behind": round(self.seconds, 1), "merchants_behind": self.merchants}
        return facts | {"known_broken": self.broken}

    def told(self) -> str:
        behind = f"{self.seconds:,.0f} s behind" if self.merchants else "up to date"
        known = f"; {self.broken:,} open exceptions of kind {KIND}" if self.broken else ""
        return f"The seals are {behind}{known}."


@dataclass(slots=True)
class Turn:
    """What one turn checked, and what it found broken that nobody knew: (law, thing)."""

    events: int = 0
    streams: int = 0
    places: int = 0
    again: int = 0  # broken things that an open exception names already
    more: bool = False  # there is more than one turn takes
    found: list[tuple[Law, Broken]] = field(default_factory=list)

    def add(self, other: Turn) -> None:
        self.events += other.events
        self.streams += other.streams
        self.places += other.places
        self.again += other.again
        self.found += other.found

    @property
    def ok(self) -> bool:
        return not self.found and not self.again

    def as_json(self) -> dict[str, Any]:
        broken = [{"law": law.name, **_why(broken)} for law, broken in self.found]
        checked = {"events": self.events, "streams": self.streams, "places": self.places}
        return {"ok": self.ok, "checked": checked, "broken": broken, "broken_before": self.again}

    def told(self) -> str:
        head = f"Since the last seal: {self.events:,} events of {self.streams:,} streams, {self.places:,} places"
        lines = [f"  {law.name}: {broken.told()}" for law, broken in self.found]
        again = [f"  {self.again:,} more are known: see the exceptions of kind {KIND}."] if self.again else []
        return "\n".join([f"{head}: {'nothing broken.' if self.ok else 'broken:'}", *lines, *again])


class TakenOver(Exception):
    """Another has sealed these meanwhile: what this one found is there already."""


@dataclass(slots=True)
class Touched:
    """The tables that a narrowed check reads, by name: columns with their types, and rows."""

    tables: dict[str, tuple[dict[str, str], list[tuple[Any, ...]]]] = field(default_factory=dict)

    def put(self, name: str, columns: dict[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        self.tables[name] = (columns, list(rows))

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        return self.tables[name][1]

    def bound(self, sql: str, *args: Any) -> tuple[str, list[Any]]:
        """The statement with the tables that it names before it, and its arguments with theirs."""
        given, bound = list(args), []
        for name, (columns, rows) in self.tables.items():
            if not re.search(rf"\b{name}\b", sql):
                continue
            arrays = ", ".join(f"${len(given) + n}::{kind}[]" for n, kind in enumerate(columns.values(), 1))
            bound.append(f"{name} as (select * from unnest({arrays}) t({', '.join(columns)}))")
            given += [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
        return (f"with {', '.join(bound)} {sql}" if bound else sql), given


async def audit_since(db: Db, merchants: Sequence[int] | None = None, *, at_once: int = EVENTS_A_TURN) -> Turn:
    """Turn after turn until what had come in is sealed."""
    everyone = sorted(set(merchants)) if merchants is not None else await db.everyone()
    whole = Turn()
    while (turn := await one_turn(db, everyone, at_once=at_once)) is not None:
        whole.add(turn)
        if not turn.more:
            break
    return whole


async def behind(db: Db, merchants: Sequence[int] | None = None) -> Behind:
    """How far the seals are behind."""
    everyone = sorted(set(merchants)) if merchants is not None else await db.everyone()
    async with tenant_tx(db, everyone, readonly=True) as tx:
        row = await tx.row(BEHIND, everyone, KIND)
    return Behind(row["seconds"], row["merchants"], row["broken"])


async def one_turn(db: Db, merchants: Sequence[int], *, at_once: int = EVENTS_A_TURN) -> Turn | None:
    """Check and seal a batch of what came in; None when there is nothing new, or nothing that is not another's."""
    if not merchants:
        return None
    async with tenant_tx(db, merchants) as tx:
        await tx.run(OPEN, list(merchants))
        claimed = await tx.rows(CLAIM, list(merchants), MERCHANTS_A_TURN, LEASE)
    if not claimed:
        return None
    try:
        async with tenant_tx(db, [row["merchant_id"] for row in claimed]) as tx:
            await tx.run(ONE_INSTANT)
            await tx.run(MEMORY)
            return await _turn(tx, claimed, max(1, at_once // len(claimed)))
    except (TakenOver, asyncpg.SerializationError):
        return Turn(more=True)


async def _turn(tx: Tx, claimed: Sequence[Any], share: int) -> Turn:
    """Reads first and writes last: a transaction that writes holds up the feed until it ends."""
    seals = sorted((row["merchant_id"], row["txid"], row["pos"]) for row in claimed)
    news = _News(await _events(tx, NEWS, seals, share))
    spans = [(*seal, *news.reached(seal[0])) for seal in seals if seal[0] in news.by_merchant]
    if not spans:
        return Turn()
    ends = [(merchant, *news.reached(merchant)) for merchant, of in news.by_merchant.items() if len(of) < share]
    beyond = _News(await _events(tx, BEYOND, ends, BEYOND_A_TURN) if ends else [])
    at_end = [end[0] for end in ends if len(beyond.by_merchant.get(end[0], ())) < BEYOND_A_TURN]
    touched = _touched(news)
    # Compared is with all that the snapshot shows, which may be more than what can be sealed.
    touched.put("touched_event", EVENT, news.moving(at_end) + beyond.moving(at_end))
    places = [tuple(row) for row in await tx.rows(*_bound(touched, PLACES, at_end))]
    touched.put("touched_place", PLACE, places)
    touched.put("touched_goods", GOODS, sorted({place[:3] for place in places}))
    more = len(at_end) < len(claimed) or len(claimed) == MERCHANTS_A_TURN
    turn = Turn(len(news.events), len(touched.rows("touched_stream")), len(places), more=more)
    await _check(tx, touched, turn)
    await _raise(tx, turn.found)
    touched.put("touched_event", EVENT, news.moving(list(tx.merchants)))
    await tx.run(*_bound(touched, ADD_UP, list(tx.merchants), at_end))
    await tx.run(COMPARED, at_end)
    await tx.run(DROP_NOUGHT, at_end)
    if len(await tx.rows(SEAL, *map(list, zip(*spans, strict=True)))) != len(spans):
        raise TakenOver
    return turn


EVENT = {"merchant_id": "bigint", "kind": "text", "id": "bigint", "seq": "integer"}
STREAM = {name: EVENT[name] for name in ("merchant_id", "kind", "id")}
PLACE = {"merchant_id": "bigint", "sku_id": "bigint", "site_id": "bigint", "place": "text", "lot": "text"}
GOODS = {name: PLACE[name] for name in ("merchant_id", "sku_id", "site_id")}
ASKED = {"merchant_id": "bigint", "asked_from": "timestamptz", "asked_to": "timestamptz"}


async def _events(tx: Tx, sql: str, after: Sequence[tuple[int, str, int]], limit: int) -> list[Any]:
    return await tx.rows(sql, *map(list, zip(*after, strict=True)), limit, list(STOCK_VERBS))


class _News:
    """Events by merchant, each merchant's in the feed's order."""

    def __init__(self, events: Sequence[Any]) -> None:
        self.events = events
        self.by_merchant: dict[int, list[Any]] = defaultdict(list)
        for event in events:
            self.by_merchant[event["merchant_id"]].append(event)

    def reached(self, merchant: int) -> tuple[str, int]:
        """The place of the last one."""
        return max(((event["txid"], event["pos"]) for event in self.by_merchant[merchant]), key=_numbers)

    def moving(self, merchants: Sequence[int]) -> list[tuple[Any, ...]]:
        """Those that move stock."""
        return [
            (merchant, event["kind"], event["id"], event["seq"])
            for merchant in merchants
            for event in self.by_merchant.get(merchant, ())
            if event["moves_stock"]
        ]


def _numbers(place: tuple[str, int]) -> tuple[int, int]:
    return int(place[0]), place[1]


def _touched(news: _News) -> Touched:
    touched = Touched()
    streams = sorted({(event["merchant_id"], event["kind"], event["id"]) for event in news.events})
    touched.put("touched_stream", STREAM, streams)
    for kind in ("order", "correction"):
        ids = [(merchant, subject) for merchant, of, subject in streams if of == kind]
        touched.put(f"touched_{kind}", {"merchant_id": "bigint", f"{kind}_id": "bigint"}, ids)
    times = {merchant: [event["recorded_at"] for event in of] for merchant, of in news.by_merchant.items()}
    asked = [(merchant, min(at) - ASKED_AROUND, max(at) + ASKED_AROUND) for merchant, at in times.items()]
    touched.put("touched_request", ASKED, asked)
    return touched


def _bound(touched: Touched, sql: str, *args: Any) -> list[Any]:
    text, given = touched.bound(sql.replace("{legs}", narrowed(STOCK_LEGS) or ""), *args)
    return [text, *given]


async def _check(tx: Tx, touched: Touched, turn: Turn) -> None:
    known = {tuple(row) for row in await tx.rows(KNOWN, list(tx.merchants), KIND)}
    for law in LAWS:
        for check in filter(None, map(narrowed, law.checks)):
            rows = await tx.rows(*_bound(touched, FIRST_BROKEN.format(check=check), list(tx.merchants), NAMED))
            new = [row for row in rows if (row["merchant_id"], law.name, row["what"]) not in known]
            turn.again += len(rows) - len(new)
            turn.found += [(law, broken) for broken in await traced(tx, new)] if new else []
            if rows and rows[0]["broken"] > len(rows):
                turn.found.append((law, _many_more(rows[-1], rows[0]["broken"] - len(rows))))


def _many_more(last: Any, more: int) -> Broken:
    what = f"{more} more after {last['what']}"
    return Broken("", what, "nothing broken", "run the whole audit", "of many", last["merchant_id"])


async def _raise(tx: Tx, found: Sequence[tuple[Law, Broken]]) -> None:
    if not found:
        return
    ids = await tx.fresh_ids(len(found))
    rows = [
        (broken.merchant_id, next(ids), broken.order, f"{law.name}: {_reason(broken)}"[:2000], law.mend,
         msgspec.json.encode({"law": law.name, **_why(broken)}).decode())
        for law, broken in found
    ]  # fmt: skip
    merchants, *columns = (list(column) for column in zip(*rows, strict=True))
    await tx.run(RAISE, merchants, KIND, *columns)


def _reason(broken: Broken) -> str:
    return f"{broken.what}: expected {broken.expected}, found {broken.found} ({broken.event})"


def _why(broken: Broken) -> dict[str, str]:
    return {"what": broken.what, "expected": broken.expected, "found": broken.found, "event": broken.event}
