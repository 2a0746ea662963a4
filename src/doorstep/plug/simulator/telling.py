"""telling: the simulated carrier's webhooks: an event a message, some twice, some in the wrong order, until heard; and
the gateway's: how each text message ended that somebody wants to know of."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any
from uuid import UUID

import httpx
import msgspec
from msgspec import Struct
from standardwebhooks.webhooks import Webhook

from doorstep.kit import clock
from doorstep.plug.simcarrier import Histories
from doorstep.plug.simulator.world import World

LOOKS_EVERY_S = 0.1
LONGEST_WAIT_S = 5.0
RECEIPT_TRIES = 5


class Hook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where messages go, and the secret they are signed with (Standard Webhooks)."""

    url: str
    secret: str
    disorder: float = 0.25  # how often a message is sent twice, and how often it waits for those behind it


class Message(Struct):
    message_id: str
    body: bytes
    tries: int = 0


class Telling:
    def __init__(self, world: World, seed: int = 1) -> None:
        self._world, self._chance = world, Random(f"{seed}|telling")
        self._hook: Hook | None = None
        self._waiting: list[Message] = []
        self.sent = 0

    def to(self, hook: Hook | None) -> None:
        self._hook = hook
        self._waiting.clear()

    async def run(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
            while True:
                await asyncio.sleep(LOOKS_EVERY_S)
                await self._send_receipts(client)
                if self._hook is not None:
                    self._gather(self._hook)
                    await self._send(client, self._hook)

    async def _send_receipts(self, client: httpx.AsyncClient) -> None:
        """A few times each, as a gateway does; then it gives up."""
        waiting, self._world.sms.to_tell = self._world.sms.to_tell, []
        for told in waiting:
            try:
                headers = {"x-twilio-signature": told.signature()}
                is_heard = (await client.post(told.url, data=told.form, headers=headers)).is_success
            except httpx.HTTPError:
                is_heard = False
            told.tries += 1
            if not is_heard and told.tries < RECEIPT_TRIES:
                self._world.sms.to_tell.append(told)

    def _gather(self, hook: Hook) -> None:
        """What is new, muddled: a message that is sent twice has one id, as with real ones."""
        fresh: list[Message] = []
        for number, told in self._world.carrier.unsent(self._world.clock.now()):
            body = msgspec.json.encode(Histories({number: [told]}))
            message = Message(f"msg_{UUID(int=self._chance.getrandbits(128)).hex}", body)
            fresh.append(message)
            if self._chance.random() < hook.disorder:
                fresh.insert(self._chance.randrange(len(fresh) + 1), Message(message.message_id, body))
        for at in range(len(fresh) - 1, 0, -1):
            if self._chance.random() < hook.disorder:
                other = self._chance.randrange(at + 1)
                fresh[at], fresh[other] = fresh[other], fresh[at]
        self._waiting += fresh

    async def _send(self, client: httpx.AsyncClient, hook: Hook) -> None:
        """What is not answered with a 2xx stays for later."""
        left: list[Message] = []
        for message in self._waiting:
            if not await self._heard(client, hook, message):
                message.tries += 1
                left.append(message)
        self._waiting = left
        if left:
            await asyncio.sleep(min(LONGEST_WAIT_S, 0.1 * 2 ** max(message.tries for message in left)))

    async def _heard(self, client: httpx.AsyncClient, hook: Hook, message: Message) -> bool:
        now = clock.now()
        headers: dict[str, Any] = {
            "content-type": "application/json", "webhook-id": message.message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(hook.secret).sign(message.message_id, now, message.body.decode()),
        }  # fmt: skip
        try:
            answer = await client.post(hook.url, content=message.body, headers=headers)
        except httpx.HTTPError:
            return False
        self.sent += answer.is_success
        return answer.is_success
