"""audit: replay every move and compare; it says which law is broken, by what, since which event, and how to mend it.

Everything is read at one instant (a snapshot per group of merchants), so it may run beside a live system. Only for
what is broken the event is looked up: the first after which the replayed balance is below zero, else the last that
moved it, else the last of its stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from doorstep.kit.ids import public
from doorstep.spine.feed import PREFIXES
from doorstep.spine.laws import LAWS
from doorstep.spine.laws.law import Law
from doorstep.spine.tenant import Db, Tx, tenant_tx

SHOWN = 20
MERCHANTS_AT_ONCE = 100

ONE_INSTANT = "set transaction isolation level repeatable read"
SHARED = "select pg_export_snapshot()"
# A replay of many orders hashes in memory; no event's moves are like another's, so remembering them costs only.
MEMORY = "set local work_mem = '64MB'; set local enable_memoize = off"

FIRST_BROKEN = "select b.*, count(*) over () as broken from ({check}) b order by b.merchant_id, b.what limit $2"
KEYS = "select merchant_id, key from merchant where merchant_id = any($1)"

# Per asked balance of a stream (or the stream alone): its event.
EVENT_OF_STREAM = """
with asked as (
  select * from unnest($1::integer[], $2::bigint[], $3::text[], $4::bigint[], $5::integer[], $6::bigint[], $7::text[],
    $8::integer[]) a(n, merchant_id, kind, id, line_no, fulfillment_order_id, account, seq)),
running as (
  select a.n, e.seq, e.verb, m.moved is not null as touched,
      sum(coalesce(m.moved, 0)) over (partition by a.n order by e.seq) as balance
    from asked a
    join event e on e.merchant_id = a.merchant_id and e.kind = a.kind and e.id = a.id
      and e.seq = coalesce(a.seq, e.seq)
    left join lateral (
      select sum(coalesce(m.quantity, m.amount_minor) * ((m.target = a.account)::int - (m.source = a.account)::int))
          as moved
        from move m
        where m.merchant_id = e.merchant_id and m.kind = e.kind and m.id = e.id and m.seq = e.seq
          and m.what = case when a.line_no is null then 'cash' else 'demand' end
          and (a.line_no is null or m.line_no = a.line_no)
          and (a.fulfillment_order_id is null or m.fulfillment_order_id = a.fulfillment_order_id)
          and a.account in (m.source, m.target)) m on true)
select distinct on (n) n, seq, verb from running
  order by n, balance < 0 desc, case when balance < 0 then seq end, touched desc, seq desc
"""
# Per asked stock: its event, of whatever stream; transactions stand in the order they began.
EVENT_OF_STOCK = """
with asked as (
  select * from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[])
    a(n, merchant_id, sku_id, site_id, account, place, lot)),
moved as (
  select a.n, m.kind, m.id, m.seq, m.verb, sum(m.quantity * case
      when a.place is not null then
        (m.target <> 'world' and m.target_place = a.place)::int
        - (m.source <> 'world' and m.source_place = a.place)::int
      when a.account is not null then (m.target = a.account)::int - (m.source = a.account)::int
      else (m.source = 'world')::int - (m.target = 'world')::int end) as moved
    from asked a
    join move m on m.merchant_id = a.merchant_id and m.sku_id = a.sku_id and m.site_id = a.site_id
      and m.lot = coalesce(a.lot, m.lot)
    where m.merchant_id = any($2) and m.what = 'stock'
    group by a.n, m.merchant_id, m.kind, m.id, m.seq, m.verb),
running as (
  select d.*, row_number() over w as nth, sum(d.moved) over w as balance
    from moved d join asked a on a.n = d.n
    join event e on e.merchant_id = a.merchant_id and e.kind = d.kind and e.id = d.id and e.seq = d.seq
    window w as (partition by d.n order by e.txid, e.pos))
select distinct on (n) n, kind, id, seq, verb from running
  order by n, balance < 0 desc, case when balance < 0 then nth end, moved <> 0 desc, nth desc
"""


@dataclass(frozen=True, slots=True)
class Broken:
    """One thing that breaks a law, and the event it is traced to: `ord_12#4 pick`."""

    merchant: str
    what: str
    expected: str
    found: str
    event: str
    merchant_id: int = 0
    order: int | None = None

    def told(self) -> str:
        return f"{self.merchant}: {self.what}: expected {self.expected}, found {self.found} ({self.event})"


@dataclass(slots=True)
class Kept:
    """A law with what was looked at and what breaks it: `broken` shows the first, `broken_in_all` counts all."""

    law: str
    says: str
    mend: str
    checked: int = 0
    broken_in_all: int = 0
    broken: list[Broken] = field(default_factory=list)

    def told(self) -> str:
        head = f"{self.law}: {self.broken_in_all:,} broken of {self.checked:,} checked. {self.says}"
        lines = [f"  {broken.told()}" for broken in self.broken]
        if self.broken_in_all > len(self.broken):
            lines.append(f"  … and {self.broken_in_all - len(self.broken):,} more")
        return "\n".join([head, *lines, f"  To mend: {self.mend}."])


@dataclass(slots=True)
class Report:
    laws: list[Kept]

    @property
    def ok(self) -> bool:
        return not any(law.broken_in_all for law in self.laws)

    def told(self) -> str:
        """For people: what is broken, or that nothing is."""
        checked = sum(law.checked for law in self.laws)
        if self.ok:
            return f"The books hold: {len(self.laws)} laws, {checked:,} things checked, nothing broken."
        return "\n".join(law.told() for law in self.laws if law.broken_in_all)

    def as_json(self) -> dict[str, Any]:
        laws = [{"law": law.law, "checked": law.checked, "broken": law.broken_in_all} for law in self.laws]
        return {"ok": self.ok, "laws": laws}


async def audit(db: Db, merchants: Sequence[int] | None = None, *, hands: int = 1) -> Report:
    """Audit the books of these merchants, or of everyone; with several hands so many laws are checked at a time.

    Each hand takes a connection; all of them see one snapshot. It writes nothing, so that the feed never waits for it.
    """
    everyone = sorted(set(merchants)) if merchants is not None else await db.everyone()
    report = Report([Kept(law.name, law.says, law.mend) for law in LAWS])
    for first in range(0, len(everyone), MERCHANTS_AT_ONCE):
        await _audit_group(db, everyone[first : first + MERCHANTS_AT_ONCE], report, hands)
    return report


Todo = Iterator[tuple[Law, Kept]]


async def _audit_group(db: Db, merchants: Sequence[int], report: Report, hands: int) -> None:
    todo = zip(LAWS, report.laws, strict=True)
    async with tenant_tx(db, merchants, readonly=True) as tx:
        await tx.run(ONE_INSTANT)
        if hands == 1:
            return await _work(tx, todo)
        snapshot: str = await tx.value(SHARED)
        async with asyncio.TaskGroup() as together:
            for _ in range(hands - 1):
                together.create_task(_beside(db, merchants, snapshot, todo))
            together.create_task(_work(tx, todo))


async def _beside(db: Db, merchants: Sequence[int], snapshot: str, todo: Todo) -> None:
    async with tenant_tx(db, merchants, readonly=True) as tx:
        await tx.run(ONE_INSTANT)
        await tx.run(f"set transaction snapshot '{snapshot}'")
        await _work(tx, todo)


async def _work(tx: Tx, todo: Todo) -> None:
    await tx.run(MEMORY)
    for law, kept in todo:
        await _check(tx, law, kept)


async def _check(tx: Tx, law: Law, kept: Kept) -> None:
    kept.checked += await tx.value(law.counted, list(tx.merchants))
    for check in law.checks:
        rows = await tx.rows(FIRST_BROKEN.format(check=check), list(tx.merchants), SHOWN)
        if rows:
            kept.broken_in_all += rows[0]["broken"]
            kept.broken += await traced(tx, rows[: SHOWN - len(kept.broken)])


async def traced(tx: Tx, rows: Sequence[Any]) -> list[Broken]:
    """What the checks found, each with the event that it began with."""
    events = await _events_of_streams(tx, rows) | await _events_of_stock(tx, rows)
    keys = {row["merchant_id"]: row["key"] for row in await tx.rows(KEYS, list(tx.merchants))}
    return [
        Broken(
            keys.get(row["merchant_id"], f"merchant {row['merchant_id']}"),
            row["what"],
            str(row["expected"]),
            str(row["found"]),
            events.get(number, "no event: it was written past the books"),
            row["merchant_id"],
            row["id"] if row.get("kind") == "order" else None,
        )
        for number, row in enumerate(rows)
    ]


async def _events_of_streams(tx: Tx, rows: Sequence[Any]) -> dict[int, str]:
    names = ("merchant_id", "kind", "id", "line_no", "fulfillment_order_id", "account", "seq")
    asked = [(n, *_named(row, names)) for n, row in enumerate(rows) if row.get("id") is not None]
    if not asked:
        return {}
    found = await tx.rows(EVENT_OF_STREAM, *map(list, zip(*asked, strict=True)))
    return {row["n"]: _event(rows[row["n"]]["kind"], rows[row["n"]]["id"], row) for row in found}


async def _events_of_stock(tx: Tx, rows: Sequence[Any]) -> dict[int, str]:
    names = ("merchant_id", "sku_id", "site_id", "account", "place", "lot")
    asked = [(n, *_named(row, names)) for n, row in enumerate(rows) if row.get("sku_id") is not None]
    if not asked:
        return {}
    found = await tx.rows(EVENT_OF_STOCK, *map(list, zip(*asked, strict=True)))
    return {row["n"]: _event(row["kind"], row["id"], row) for row in found}


def _named(row: Any, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in names)


def _event(kind: str, subject: int, row: Any) -> str:
    return f"{public(PREFIXES.get(kind, kind), subject)}#{row['seq']} {row['verb']}"
