"""relay: tells subscribers what happened: in the feed's order, at least once, each message under one id for ever.

A subscriber has a place in its merchant's feed. What it does not take is tried again on the schedule of Standard
Webhooks, and what comes later waits behind it; after the last try it is paused, for its merchant to look at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from doorstep.doors.logs import told
from doorstep.kit.away import is_away
from doorstep.kit.secrets import NotOpened
from doorstep.plug.notifier import (
    LARGEST_BODY,
    Delivered,
    Endpoint,
    Gone,
    Outcome,
    RetryAt,
    WebhookMessage,
    WebhookSender,
)
from doorstep.setup.subscribers import context_of, sealing
from doorstep.spine.feed import Happened, Place, events_after
from doorstep.spine.status import AXES
from doorstep.spine.tenant import Tx, tenant_tx
from doorstep.spine.world import World

# Longer than a message may take: a worker that dies leaves its subscribers to another after this.
LEASE = timedelta(seconds=60)
AT_ONCE = 20  # subscribers told at the same time
EVENTS = 100  # of one subscriber in one go
IDLE_S = 0.5

# Whoever has news waiting and is due; `due_at` is moved on as a lease.
CLAIM = """
with due as (
  select w.merchant_id, w.endpoint_id from webhook_endpoint w
    where w.merchant_id = any($1) and w.state = 'active' and w.due_at <= $2
      and exists (select from event e where e.merchant_id = w.merchant_id
        and (e.txid, e.pos) > (w.after_txid, w.after_pos) and e.txid < pg_snapshot_xmin(pg_current_snapshot()))
    order by w.due_at limit $4 for update skip locked)
update webhook_endpoint w set due_at = $3 from due
  where w.merchant_id = due.merchant_id and w.endpoint_id = due.endpoint_id
  returning w.merchant_id, w.endpoint_id, w.url, w.secret, w.verbs, w.after_txid::text::bigint as after_txid,
    w.after_pos, w.tries
"""
# Only whoever still stands at the place it began from may move on: another worker may have taken over.
MOVE_ON = """
update webhook_endpoint w set after_txid = $5::text::xid8, after_pos = $6, tries = 0, last_error = '', due_at = $7
  where w.merchant_id = $1 and w.endpoint_id = $2 and w.after_txid = $3::text::xid8 and w.after_pos = $4
    and w.state = 'active'
  returning w.endpoint_id
"""
WAIT = """
update webhook_endpoint w set state = $5, tries = $6, due_at = $7, last_error = $8
  where w.merchant_id = $1 and w.endpoint_id = $2 and w.after_txid = $3::text::xid8 and w.after_pos = $4
    and w.state = 'active'
"""
STATUSES = f"""
select n.order_id, {", ".join(f"n.{axis}" for axis in AXES)} from order_now n
  where n.merchant_id = $1 and n.order_id = any($2)
"""

log = structlog.get_logger("doorstep.worker")


@dataclass(slots=True)
class _Subscriber:
    merchant: int
    endpoint_id: int
    endpoint: Endpoint
    verbs: frozenset[str]
    place: Place
    tries: int


class Relay:
    """Subscribers are told beside each other: a slow one holds up nobody but itself."""

    def __init__(self, world: World, sender: WebhookSender) -> None:
        self._world, self._sender = world, sender
        self._telling: set[asyncio.Task[int]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                for subscriber in await self._claim(AT_ONCE - len(self._telling)):
                    task = asyncio.create_task(self._tell(subscriber))
                    self._telling.add(task)
                    task.add_done_callback(self._told)
            except Exception as error:
                _note(error)
            try:
                await asyncio.wait_for(stopping.wait(), IDLE_S)
            except TimeoutError:
                continue
        for task in self._telling:
            task.cancel()
        await self._sender.close()

    async def once(self) -> int:
        """One round over the subscribers with news; answers how many messages got through."""
        return sum(await asyncio.gather(*(self._tell(one) for one in await self._claim(AT_ONCE))))

    def _told(self, task: asyncio.Task[int]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _note(error)

    async def _claim(self, hands: int) -> list[_Subscriber]:
        now = self._world.now()
        merchants = await self._world.db.everyone()
        if not merchants or hands <= 0:
            return []
        async with tenant_tx(self._world.db, merchants) as tx:
            rows = await tx.rows(CLAIM, merchants, now, now + LEASE, hands)
        return [one for row in rows if (one := await self._opened(row)) is not None]

    async def _opened(self, row: Mapping[str, Any]) -> _Subscriber | None:
        merchant, endpoint_id, place = row["merchant_id"], row["endpoint_id"], (row["after_txid"], row["after_pos"])
        try:
            secret = sealing().open(row["secret"].decode(), context_of(merchant, endpoint_id))
        except NotOpened:
            shut = _Subscriber(merchant, endpoint_id, Endpoint(row["url"], ()), frozenset(), place, row["tries"])
            await self._wait(shut, "paused", row["tries"], self._world.now(), "its secret cannot be opened")
            return None
        verbs = frozenset(row["verbs"])
        return _Subscriber(merchant, endpoint_id, Endpoint(row["url"], (secret,)), verbs, place, row["tries"])

    async def _tell(self, subscriber: _Subscriber) -> int:
        """Event after event until one is not taken; answers how many were."""
        async with tenant_tx(self._world.db, [subscriber.merchant], readonly=True) as tx:
            events = await events_after(tx, subscriber.merchant, subscriber.place, EVENTS)
            statuses = await _statuses(tx, subscriber.merchant, events)
        told_of = 0
        for event in events:
            wanted = not subscriber.verbs or event.verb in subscriber.verbs
            if wanted:
                outcome = await self._send(subscriber, event, statuses)
                if not isinstance(outcome, Delivered):
                    await self._not_taken(subscriber, outcome)
                    return told_of
                told_of += 1
            # What is not wanted is passed by together with the next that is.
            if wanted and event is not events[-1] and not await self._move_on(subscriber, event.place, LEASE):
                return told_of
        await self._move_on(subscriber, events[-1].place if events else subscriber.place, timedelta(0))
        return told_of

    async def _send(
        self, subscriber: _Subscriber, event: Happened, statuses: Mapping[int, Mapping[str, str]]
    ) -> Outcome:
        message = WebhookMessage(event.id, body_of(event, statuses.get(event.subject_id)), subscriber.tries + 1)
        return await self._sender.send(subscriber.endpoint, message)

    async def _not_taken(self, subscriber: _Subscriber, outcome: Outcome) -> None:
        match outcome:
            case RetryAt():
                await self._wait(subscriber, "active", outcome.attempt - 1, outcome.at, outcome.reason)
            case Gone():
                state = "gone" if outcome.disable else "paused"
                await self._wait(subscriber, state, subscriber.tries, self._world.now(), outcome.reason)

    async def _move_on(self, subscriber: _Subscriber, place: Place, lease: timedelta) -> bool:
        """Whether the subscriber is still ours."""
        async with tenant_tx(self._world.db, [subscriber.merchant]) as tx:
            moved = await tx.value(
                MOVE_ON, subscriber.merchant, subscriber.endpoint_id, str(subscriber.place[0]), subscriber.place[1],
                str(place[0]), place[1], self._world.now() + lease,
            )  # fmt: skip
        subscriber.place, subscriber.tries = place, 0
        return moved is not None

    async def _wait(self, subscriber: _Subscriber, state: str, tries: int, due_at: datetime, reason: str) -> None:
        async with tenant_tx(self._world.db, [subscriber.merchant]) as tx:
            await tx.run(
                WAIT, subscriber.merchant, subscriber.endpoint_id, str(subscriber.place[0]), subscriber.place[1],
                state, tries, due_at, reason[:500],
            )  # fmt: skip


def _note(error: BaseException) -> None:
    if not is_away(error):
        log.error("the relay failed", **told(error))


async def _statuses(tx: Tx, merchant: int, events: Sequence[Happened]) -> dict[int, dict[str, str]]:
    orders = list({event.subject_id for event in events if event.kind == "order"})
    if not orders:
        return {}
    return {row["order_id"]: {axis: row[axis] for axis in AXES} for row in await tx.rows(STATUSES, merchant, orders)}


def body_of(event: Happened, statuses: Mapping[str, str] | None) -> bytes:
    """The message; moves, then data are left out where they would not fit (they stay in the feed)."""
    data: dict[str, Any] = {"id": event.subject, "seq": event.seq, "actor": event.actor}
    if event.kind == "order":
        data |= {"order": event.subject, "statuses": dict(statuses or {})}
    full = {"moves": event.moves, "data": event.data}
    for left_out in ((), ("moves",), ("moves", "data")):
        kept = {name: value for name, value in full.items() if name not in left_out}
        told_of = {**data, **kept, "left_out": list(left_out)}
        body = msgspec.json.encode({"type": event.type, "timestamp": event.happened_at, "data": told_of})
        if len(body) < LARGEST_BODY:
            return body
    raise AssertionError("an event without its data is small")
