"""following: reads the events of each merchant in the feed's order, and keeps how far it came.

A batch is what happened to a merchant since the last one, at most so many events, up to the oldest transaction that
still runs. What follows from it is written in one transaction with the place it came to: nothing is left out and
nothing counted twice, however many workers there are and whatever ends them. Another that is at it is not waited for.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from doorstep.doors.logs import told
from doorstep.kit.away import is_away
from doorstep.spine.tenant import Db, Tx, tenant_tx
from doorstep.spine.world import World

EVERY_S = 0.5

WITH_NEWS = """
select p.merchant_id from (
    select m.merchant_id, coalesce(f.after_txid, '0'::xid8) as txid, coalesce(f.after_pos, 0) as pos
      from unnest($1::bigint[]) m(merchant_id) left join {place} f on f.merchant_id = m.merchant_id offset 0) p
  where exists (select from event e where e.merchant_id = p.merchant_id and (e.txid, e.pos) > (p.txid, p.pos)
    and e.txid < pg_snapshot_xmin(pg_current_snapshot()))
"""
BEGIN = "insert into {place} (merchant_id) values ($1) on conflict (merchant_id) do nothing"
CLAIM = """
select f.after_txid::text as txid, f.after_pos as pos from {place} f where f.merchant_id = $1 for update skip locked
"""
# The verbs that happened to each order, and where the batch ends.
NEWS = """
with news as materialized (
  select e.kind, e.id, e.verb, e.txid, e.pos from event e
    where e.merchant_id = $1 and (e.txid, e.pos) > ($2::text::xid8, $3)
      and e.txid < pg_snapshot_xmin(pg_current_snapshot())
    order by e.txid, e.pos limit $4)
select (select count(*) from news) as events,
    (select n.txid::text from news n order by n.txid desc, n.pos desc limit 1) as txid,
    (select n.pos from news n order by n.txid desc, n.pos desc limit 1) as pos,
    v.orders, v.verbs
  from (select array_agg(n.id) as orders, array_agg(n.verb) as verbs
    from (select distinct n.id, n.verb from news n where n.kind = 'order') n) v
"""
MOVE_ON = "update {place} set after_txid = $2::text::xid8, after_pos = $3 where merchant_id = $1"

log = structlog.get_logger("doorstep.worker")

Place = tuple[str, int]  # a transaction's number, and a position in it


@dataclass(frozen=True, slots=True)
class News:
    """A batch of a merchant's events: those behind `after`, up to and with `to`; the verbs by order."""

    merchant: int
    events: int
    after: Place
    to: Place
    verbs: dict[int, set[str]]


@dataclass(frozen=True, slots=True)
class Follower:
    """Follows for one purpose: `place` is the table that keeps how far, `write` what is done with each batch."""

    place: str
    at_once: int  # events of one merchant
    write: Callable[[Tx, News], Awaitable[None]]

    async def once(self, db: Db, merchants: Sequence[int]) -> int:
        """Follow these merchants' events to where they are now; answers how many there were."""
        followed = 0
        while behind := await self._with_news(db, merchants):
            came = sum([await self.batch(db, merchant) for merchant in behind])
            followed += came
            if not came:
                break
        return followed

    async def batch(self, db: Db, merchant: int) -> int:
        """One batch of a merchant; answers how many events."""
        async with tenant_tx(db, [merchant]) as tx:
            news = await self._claim(tx, merchant)
            if news is None or not news.events:
                return 0
            await self.write(tx, news)
            await tx.run(self._sql(MOVE_ON), merchant, *news.to)
            return news.events

    async def _claim(self, tx: Tx, merchant: int) -> News | None:
        claimed = await tx.row(self._sql(CLAIM), merchant)
        if claimed is None:
            await tx.run(self._sql(BEGIN), merchant)
            claimed = await tx.row(self._sql(CLAIM), merchant)
        if claimed is None:
            return None
        after = (claimed["txid"], claimed["pos"])
        found = await tx.row(NEWS, merchant, *after, self.at_once)
        verbs = defaultdict(set)
        for order, verb in zip(found["orders"] or (), found["verbs"] or (), strict=True):
            verbs[order].add(verb)
        return News(merchant, found["events"], after, (found["txid"], found["pos"]), verbs)

    async def _with_news(self, db: Db, merchants: Sequence[int]) -> list[int]:
        if not merchants:
            return []
        async with tenant_tx(db, merchants, readonly=True) as tx:
            return [row["merchant_id"] for row in await tx.rows(self._sql(WITH_NEWS), list(merchants))]

    def _sql(self, template: str) -> str:
        return template.replace("{place}", self.place)


async def keep_up(world: World, stopping: asyncio.Event, once: Callable[[Db, Sequence[int]], Awaitable[int]]) -> None:
    """Follow everyone until told to stop."""
    while not stopping.is_set():
        try:
            await once(world.db, await world.db.everyone())
        except Exception as error:
            if not is_away(error):
                log.error("events were not followed", follower=once.__module__, **told(error))
        try:
            await asyncio.wait_for(stopping.wait(), EVERY_S)
        except TimeoutError:
            continue
