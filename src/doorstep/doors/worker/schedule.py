"""schedule: what happens by the clock: deadlines that pass, what came in audited, request keys forgotten."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import structlog

from doorstep.doors.logs import told
from doorstep.journey.processing.expire import due_expiries
from doorstep.kit.away import is_away
from doorstep.setup import lanes
from doorstep.setup.learning import count_queues, learn
from doorstep.spine.outcome import Ask
from doorstep.spine.sealing import one_turn
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.verbs import VERBS
from doorstep.spine.world import World

DEADLINES_EVERY = timedelta(seconds=20)
SEAL_EVERY = timedelta(seconds=5)
LEARN_DATES_EVERY = timedelta(minutes=1)
FORGET_EVERY = timedelta(hours=1)
LEARN_LANES_EVERY = timedelta(hours=6)
# A retry may come late; the channel's own external id guards an order for ever.
KEYS_KEPT = timedelta(days=30)
MESSAGES_KEPT = timedelta(days=90)
FORGOTTEN_AT_ONCE = 1000
FORGET = """
delete from request r using (
    select o.merchant_id, o.key from request o where o.merchant_id = any($1) and o.asked_at < $2 limit $3) old
  where r.merchant_id = old.merchant_id and r.key = old.key returning 1
"""

FORGET_MESSAGES = """
delete from carrier_message m using (
    select o.merchant_id, o.message_id from carrier_message o
      where o.merchant_id = any($1) and o.received_at < $2 limit $3) old
  where m.merchant_id = old.merchant_id and m.message_id = old.message_id returning 1
"""

log = structlog.get_logger("doorstep.worker")


async def run(world: World, stopping: asyncio.Event) -> None:
    """Every so often, until told to stop."""
    await asyncio.gather(
        _every(DEADLINES_EVERY, ask_what_is_due, world, stopping),
        _every(SEAL_EVERY, partial(seal_what_came_in, stopping=stopping), world, stopping),
        _every(FORGET_EVERY, forget_old_keys, world, stopping),
        _every(FORGET_EVERY, forget_old_messages, world, stopping),
        _every(LEARN_LANES_EVERY, learn_lanes, world, stopping),
        _every(LEARN_DATES_EVERY, learn_from_the_past, world, stopping),
    )


async def _every(
    pause: timedelta, work: Callable[[World, datetime], Awaitable[object]], world: World, stopping: asyncio.Event
) -> None:
    while not stopping.is_set():
        try:
            await work(world, world.now())
        except Exception as error:
            if not is_away(error):
                log.error("the schedule failed", work=_name(work), **told(error))
        try:
            await asyncio.wait_for(stopping.wait(), pause.total_seconds())
        except TimeoutError:
            continue


def _name(work: Callable[..., Awaitable[object]]) -> str:
    return str(getattr(work, "func", work).__name__)


async def once(world: World, now: datetime) -> None:
    await ask_what_is_due(world, now)
    await seal_what_came_in(world, now)
    await forget_old_keys(world, now)
    await forget_old_messages(world, now)
    await learn_lanes(world, now)
    await learn_from_the_past(world, now)


async def learn_lanes(world: World, now: datetime) -> None:
    """How long it is usually quiet on each lane, and how many days it takes, from what each merchant's parcels did."""
    for merchant in await world.db.everyone():
        async with tenant_tx(world.db, [merchant]) as tx:
            await lanes.learn(tx, merchant, now)


async def ask_what_is_due(world: World, now: datetime) -> None:
    """What ran out, and holds whose time has come. Of two workers that ask, the second changes nothing."""
    merchants = await world.db.everyone()
    if not merchants:
        return
    async with tenant_tx(world.db, merchants, readonly=True) as tx:
        due = await due_expiries(tx, now)
    asks: dict[tuple[int, str], list[Ask[Any]]] = defaultdict(list)
    for deadline in due:
        body = msgspec.convert(deadline.body, VERBS[deadline.verb].body, strict=False)
        asks[deadline.merchant, deadline.verb].append(Ask(deadline.merchant, body, now))
    for (_, verb), waiting in asks.items():
        await world.ask(verb, waiting)


async def seal_what_came_in(world: World, now: datetime, stopping: asyncio.Event | None = None) -> None:
    """Audit what came in since the last seal, a turn after the other while there is more; what is broken is loud."""
    merchants = await world.db.everyone()
    while not (stopping and stopping.is_set()) and (turn := await one_turn(world.db, merchants)) is not None:
        for law, broken in turn.found:
            log.error("the books are broken", law=law.name, merchant=broken.merchant, what=broken.what,
                      expected=broken.expected, found=broken.found, since=broken.event, mend=law.mend)  # fmt: skip
        if not turn.more:
            break


async def learn_from_the_past(world: World, now: datetime) -> None:
    """How long ways take, of the days that are over; and how many orders wait at sites with a capacity."""
    merchants = await world.db.everyone()
    for merchant in merchants:
        more = True
        while more:
            more = await learn(world.db, merchant, now.date() - timedelta(days=1))
    async with tenant_tx(world.db, merchants) as tx:
        await count_queues(tx, now)


async def forget_old_keys(world: World, now: datetime) -> int:
    """Answers how many keys are forgotten."""
    return await _forget(world, FORGET, now - KEYS_KEPT)


async def forget_old_messages(world: World, now: datetime) -> int:
    """What carriers sent long ago; what it said stands in the parcels' events."""
    return await _forget(world, FORGET_MESSAGES, now - MESSAGES_KEPT)


async def _forget(world: World, what: str, before: datetime) -> int:
    """In small deletes, so that nobody waits for one."""
    merchants = await world.db.everyone()
    forgotten = 0
    while merchants:
        async with tenant_tx(world.db, merchants) as tx:
            gone = len(await tx.rows(what, merchants, before, FORGOTTEN_AT_ONCE))
        forgotten += gone
        if gone < FORGOTTEN_AT_ONCE:
            break
    return forgotten
