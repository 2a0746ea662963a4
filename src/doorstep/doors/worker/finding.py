"""finding: follows the events and writes down what orders are found by, beside the way they come in.

A batch is what happened to a merchant since the last one, at most so many events, up to the oldest transaction that
still runs; it is written in one transaction with the place it came to, so that nothing is left out, however many
workers there are and whatever ends them. An order that changes twice in a batch is looked at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from doorstep.doors.logs import told
from doorstep.doors.reads.words import standing_of, tokens_of
from doorstep.kit.away import is_away
from doorstep.spine.journey import ROWS
from doorstep.spine.tenant import Db, Tx, tenant_tx
from doorstep.spine.world import World

EVERY_S = 0.5
EVENTS = 2_000  # of one merchant in one batch
# Verbs that change no name, number, SKU or address of an order: after them only its standing is looked at. What is not
# in here is looked at whole.
NAME_NOTHING = frozenset(ROWS) & {
    "confirm", "promise", "fill", "unpromise", "expire", "hold", "lift", "release", "pick", "short", "unpick", "unpack",
    "want_label", "refuse_label", "want_void", "keep_void", "hand_over", "track", "deliver", "lose",
    "want_authorization", "authorize", "decline", "record_payment", "want_capture", "capture", "want_release_of_funds",
    "release_funds", "remit", "issue_invoice", "issue_credit", "want_refund", "refund", "cancel", "note", "take_back",
    "keep_notice", "open_case", "answer_case", "close_case",
}  # fmt: skip

WITH_NEWS = """
select p.merchant_id from (
    select m.merchant_id, coalesce(f.after_txid, '0'::xid8) as txid, coalesce(f.after_pos, 0) as pos
      from unnest($1::bigint[]) m(merchant_id) left join order_finding f on f.merchant_id = m.merchant_id offset 0) p
  where exists (select from event e where e.merchant_id = p.merchant_id and (e.txid, e.pos) > (p.txid, p.pos)
    and e.txid < pg_snapshot_xmin(pg_current_snapshot()))
"""
BEGIN = "insert into order_finding (merchant_id) values ($1) on conflict (merchant_id) do nothing"
# Another that is at it is not waited for.
CLAIM = """
select f.after_txid::text as after_txid, f.after_pos from order_finding f where f.merchant_id = $1
  for update skip locked
"""
NEWS = """
with news as materialized (
  select e.kind, e.id, e.verb, e.txid, e.pos from event e
    where e.merchant_id = $1 and (e.txid, e.pos) > ($2::text::xid8, $3)
      and e.txid < pg_snapshot_xmin(pg_current_snapshot())
    order by e.txid, e.pos limit $4)
select (select count(*) from news) as events,
    (select n.txid::text from news n order by n.txid desc, n.pos desc limit 1) as txid,
    (select n.pos from news n order by n.txid desc, n.pos desc limit 1) as pos,
    array(select distinct n.id from news n where n.kind = 'order') as changed,
    array(select distinct n.id from news n where n.kind = 'order' and n.verb <> all($5::text[])) as named
"""
MOVE_ON = "update order_finding set after_txid = $2::text::xid8, after_pos = $3 where merchant_id = $1"

_THESE = "select $1::bigint as merchant_id, u.order_id from unnest($2::bigint[]) u(order_id)"
ADD_TOKENS = f"""
insert into order_token (merchant_id, placed_at, order_id, token)
  select t.merchant_id, t.placed_at, t.order_id, t.token from ({tokens_of(_THESE)}) t
    order by t.token, t.placed_at, t.order_id
  on conflict (merchant_id, token, placed_at, order_id) do nothing
"""
# Ways to stand that nobody has seen yet; there are few, and soon none.
ADD_STANDINGS = f"""
insert into standing (stage, payment, fulfillment, delivery, holds)
  select distinct w.stage, w.payment, w.fulfillment, w.delivery, w.holds from ({standing_of(_THESE)}) w
    where not exists (select from standing s where (s.stage, s.payment, s.fulfillment, s.delivery, s.holds)
      = (w.stage, w.payment, w.fulfillment, w.delivery, w.holds))
  on conflict (stage, payment, fulfillment, delivery, holds) do nothing
"""
KEEP_STANDING = f"""
insert into order_standing as k (merchant_id, order_id, placed_at, standing_id)
  select w.merchant_id, w.order_id, w.placed_at, s.standing_id from ({standing_of(_THESE)}) w
    join standing s on (s.stage, s.payment, s.fulfillment, s.delivery, s.holds)
      = (w.stage, w.payment, w.fulfillment, w.delivery, w.holds)
    order by w.order_id
  on conflict (merchant_id, order_id) do update
    set standing_id = excluded.standing_id, placed_at = excluded.placed_at
    where (k.standing_id, k.placed_at) <> (excluded.standing_id, excluded.placed_at)
"""

log = structlog.get_logger("doorstep.worker")


async def run(world: World, stopping: asyncio.Event) -> None:
    """Until told to stop."""
    while not stopping.is_set():
        try:
            await once(world.db, await world.db.everyone())
        except Exception as error:
            if not is_away(error):
                log.error("what finds orders was not written", **told(error))
        try:
            await asyncio.wait_for(stopping.wait(), EVERY_S)
        except TimeoutError:
            continue


async def once(db: Db, merchants: Sequence[int]) -> int:
    """Follow these merchants' events to where they are now; answers how many there were."""
    followed = 0
    while behind := await _with_news(db, merchants):
        came = sum([await _follow(db, merchant) for merchant in behind])
        followed += came
        if not came:
            break
    return followed


async def _with_news(db: Db, merchants: Sequence[int]) -> list[int]:
    if not merchants:
        return []
    async with tenant_tx(db, merchants, readonly=True) as tx:
        return [row["merchant_id"] for row in await tx.rows(WITH_NEWS, list(merchants))]


async def _follow(db: Db, merchant: int) -> int:
    """One batch of a merchant; answers how many events."""
    async with tenant_tx(db, [merchant]) as tx:
        claimed = await tx.row(CLAIM, merchant)
        if claimed is None:
            await tx.run(BEGIN, merchant)
            claimed = await tx.row(CLAIM, merchant)
        if claimed is None:
            return 0
        news = await tx.row(NEWS, merchant, claimed["after_txid"], claimed["after_pos"], EVENTS, sorted(NAME_NOTHING))
        if news["events"]:
            await _write(tx, merchant, news["changed"], news["named"])
            await tx.run(MOVE_ON, merchant, news["txid"], news["pos"])
        return int(news["events"])


async def _write(tx: Tx, merchant: int, changed: list[int], named: list[int]) -> None:
    if named:
        await tx.run(ADD_TOKENS, merchant, named)
    if changed:
        await tx.run(ADD_STANDINGS, merchant, changed)
        await tx.run(KEEP_STANDING, merchant, changed)
