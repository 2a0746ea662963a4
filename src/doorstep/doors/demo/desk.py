"""desk: where a person of the demo works: they ask verbs over the API, with a key of their own for each merchant."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import msgspec

from doorstep.doors.http.verbs import COLLECTIONS, named_in_path
from doorstep.kit import clock
from doorstep.setup.keys import create_key, revoke_key
from doorstep.spine.tenant import Db
from doorstep.spine.verbs import VERBS

AT_ONCE = 16
TRIES = 5
# Who works in the demo, and what their keys are good for.
PEOPLE: dict[str, tuple[str, ...]] = {
    "office": (
        "read", "intake:write", "processing:write", "shipping:write", "changes:write", "cash:write", "inventory:write",
        "setup:write", "tracking:write",
    ),
    "floor": ("read", "fulfillment:write", "shipping:write", "inventory:write", "changes:write"),
    "carrier": ("read", "tracking:write"),
}  # fmt: skip

Answer = dict[str, Any]


class Wish(NamedTuple):
    """One verb to be asked of one merchant."""

    merchant: int
    verb: str
    body: dict[str, Any]


class DeskFailed(RuntimeError):
    """The API answered with something that is neither a yes nor a refusal."""


@dataclass(slots=True)
class Ledger:
    """What was asked and refused at all desks."""

    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Desk:
    client: httpx.AsyncClient
    keys: Mapping[int, str]
    ledger: Ledger
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def ask(self, merchant: int, verb: str, **body: Any) -> Answer | None:
        """The verb's answer; None when it was refused, which is counted."""
        path, rest = _addressed(verb, body)
        return await self.send(merchant, "POST", path, rest, verb)

    async def ask_all(self, wishes: Iterable[Wish]) -> list[Answer | None]:
        """All of them beside each other."""
        return list(await asyncio.gather(*(self.ask(wish.merchant, wish.verb, **wish.body) for wish in wishes)))

    async def send(self, merchant: int, method: str, path: str, body: Any, name: str) -> Answer | None:
        """The same request, with the same key, until it is answered."""
        headers = {
            "authorization": f"Bearer {self.keys[merchant]}",
            "content-type": "application/json",
            "idempotency-key": uuid4().hex,
        }
        content = msgspec.json.encode(body)
        async with self.gate:
            for attempt in range(TRIES):
                try:
                    answer = await self.client.request(method, path, content=content, headers=headers)
                except httpx.TransportError:
                    if attempt == TRIES - 1:
                        raise
                    continue
                if answer.status_code != 503:
                    break
                await asyncio.sleep(0.2 * 2**attempt)
        return self._read(answer, name)

    def _read(self, answer: httpx.Response, name: str) -> Answer | None:
        self.ledger.asked[name] += 1
        told: Answer = msgspec.json.decode(answer.content)
        if answer.is_success:
            return told
        if answer.status_code >= 500 or answer.status_code in (401, 403):
            raise DeskFailed(f"{name}: {answer.status_code} {answer.text[:500]}")
        self.ledger.refused[told["code"]] += 1
        return None


def _addressed(verb: str, body: dict[str, Any]) -> tuple[str, Any]:
    """The verb's address and what is left for the body."""
    if verb == "place":
        return "/v1/orders", body["order"]
    named, word = named_in_path(VERBS[verb]), verb.replace("_", "-")
    if named is None:
        return f"/v1/{VERBS[verb].stage}/{word}", body
    rest = {name: value for name, value in body.items() if name != named}
    return f"/v1/{COLLECTIONS[named]}/{body[named]}/{word}", rest


@dataclass(slots=True)
class Keys:
    """The keys of the demo's people; taken back when it is over."""

    db: Db
    secrets: dict[str, dict[int, str]] = field(default_factory=dict)
    ids: list[tuple[int, str]] = field(default_factory=list)

    async def hand_out(self, merchants: Iterable[int]) -> None:
        for merchant in merchants:
            for person, scopes in PEOPLE.items():
                secret, key = await create_key(self.db, merchant, clock.now(), name=f"demo {person}", scopes=scopes)
                self.secrets.setdefault(person, {})[merchant] = secret
                self.ids.append((merchant, key.id))

    async def take_back(self) -> None:
        for merchant, key in self.ids:
            await revoke_key(self.db, [merchant], key, clock.now())
        self.ids.clear()
