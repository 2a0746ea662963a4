"""operations: what the API can do, as data: each is a route, a piece of the OpenAPI document and a row of its tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from doorstep.setup.keys import Holder
from doorstep.spine.gather import Gather
from doorstep.spine.outcome import Actor, Ask
from doorstep.spine.tenant import Db, Tx, tenant_tx

# What an Idempotency-Key may be: visible ASCII.
IDEMPOTENCY_KEY = "[!-~]{1,255}"
# The request's own key, not one of a part of it.
OWN: Any = object()

Method = Literal["GET", "POST", "PUT", "DELETE"]


class NoQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class VerbQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`preview`: nothing is done; the answer tells what would happen."""

    preview: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read and let in."""

    db: Db
    gather: Gather
    holder: Holder
    at: datetime
    path: Mapping[str, str]
    query: Any
    body: Any
    raw: bytes
    url: str
    key: str | None

    @property
    def merchant(self) -> int:
        return self.holder.merchant

    def ask(self, body: Any, *, key: Any = OWN, url: str = "", raw: Any = b"") -> Ask[Any]:
        """What it asks of a verb, under its own request key; a part of it under another, told by its own bytes."""
        if key is OWN:
            key, url, raw = self.key, self.url, self.raw
        holder = self.holder
        actor = _actor(holder.prefix, holder.roles)
        if key is None:
            return Ask(holder.merchant, body, self.at, actor)
        hashed = blake2b(b"http\0" + key.encode(), digest_size=16).digest()
        digest = blake2b(url.encode() + b"\0", digest_size=16)
        digest.update(raw)
        return Ask(holder.merchant, body, self.at, actor, hashed, digest.digest())

    def reading(self) -> AbstractAsyncContextManager[Tx]:
        """A read-only transaction of this merchant."""
        return tenant_tx(self.db, [self.merchant], readonly=True)

    def writing(self) -> AbstractAsyncContextManager[Tx]:
        return tenant_tx(self.db, [self.merchant])


@lru_cache(maxsize=1024)
def _actor(prefix: str, roles: frozenset[str]) -> Actor:
    return Actor(f"key:{prefix}", roles)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is not simply 200 and JSON."""

    content: Any
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Call = Callable[[Asked], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """`answers` maps each good status to the type of its body, None for bytes of `media_type`."""

    method: Method
    path: str
    name: str
    says: str
    scope: str
    call: Call
    answers: Mapping[int, Any]
    tag: str
    body: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] = NoQuery
    about: str = ""
    takes_key: bool = False
    media_type: str = "application/json"
    example: Any = None

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    @property
    def body_may_be_empty(self) -> bool:
        return self.body is not None and not any(one.required for one in msgspec.structs.fields(self.body))


OPERATIONS: list[Operation] = []


def operation(
    method: Method,
    path: str,
    *,
    scope: str,
    tag: str,
    answer: Any,
    status: int = 200,
    body: type[msgspec.Struct] | None = None,
    query: type[msgspec.Struct] = NoQuery,
    media_type: str = "application/json",
    example: Any = None,
) -> Callable[[Call], Call]:
    """Bind a function to a route below /v1; its docstring says in one line what it does."""

    def bind(call: Call) -> Call:
        says, _, about = (call.__doc__ or "").strip().partition("\n")
        OPERATIONS.append(
            Operation(
                method=method, path=f"/v1{path}", name=call.__name__.rstrip("_"), says=says, scope=scope, call=call,
                answers={status: answer}, tag=tag, body=body, query=query, about=" ".join(about.split()),
                media_type=media_type, example=example,
            )
        )  # fmt: skip
        return call

    return bind
