"""schedule: what happens by the clock: deadlines that pass, and request keys that are old enough to forget."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from doorstep.doors.away import is_away
from doorstep.journey.processing.expire import due_expiries
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.verbs import VERBS
from doorstep.spine.world import World

EVERY = timedelta(seconds=20)
# A retry may come late; the channel's own external id guards an order for ever.
KEYS_KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE = 1000
FORGET = """
delete from request r using (
    select key from request where merchant_id = $1 and asked_at < $2 order by asked_at limit $3) old
  where r.merchant_id = $1 and r.key = old.key
"""

log = structlog.get_logger()


async def run(world: World, stopping: asyncio.Event) -> None:
    """Every so often, until told to stop."""
    while not stopping.is_set():
        try:
            await once(world, world.now())
        except Exception as error:
            if not is_away(error):
                log.error("the schedule failed", error=repr(error))
        try:
            await asyncio.wait_for(stopping.wait(), EVERY.total_seconds())
        except TimeoutError:
            continue


async def once(world: World, now: datetime) -> None:
    merchants = await world.db.everyone()
    if not merchants:
        return
    async with tenant_tx(world.db, merchants, readonly=True) as tx:
        due = await due_expiries(tx, now)
    by_verb: dict[str, list[Ask[Any]]] = defaultdict(list)
    for deadline in due:
        body = msgspec.convert(deadline.body, VERBS[deadline.verb].body, strict=False)
        by_verb[deadline.verb].append(Ask(deadline.merchant, body, now))
    for verb, asks in by_verb.items():
        await world.ask(verb, asks)
    for merchant in merchants:
        async with tenant_tx(world.db, [merchant]) as tx:
            await tx.run(FORGET, merchant, now - KEYS_KEPT, FORGOTTEN_AT_ONCE)
