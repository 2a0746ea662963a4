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
from doorstep.setup.log import By
from doorstep.spine.gather import Gather
from doorstep.spine.outcome import Actor, Ask
from doorstep.spine.tenant import Db, Tx, tenant_tx

# What an Idempotency-Key may be: visible ASCII.
IDEMPOTENCY_KEY = "[!-~]{1,255}"
# What a key may be let do beside the verbs and reading: set things up.
WRITE = "setup:write"

Method = Literal["GET", "POST", "PUT", "DELETE"]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """It is so now."""

    ok: Literal[True] = True


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

    @property
    def actor(self) -> Actor:
        return _actor(self.holder.prefix, self.holder.roles)

    @property
    def by(self) -> By:
        """For the log."""
        return By(f"{self.holder.prefix}…")

    def ask(self, body: Any) -> Ask[Any]:
        """What this request asks of a verb: once, where it has a key."""
        if self.key is None:
            return Ask(self.merchant, body, self.at, self.actor)
        return Ask(self.merchant, body, self.at, self.actor, request_key(self.key), digest_of(self.url, self.raw))

    def reading(self) -> AbstractAsyncContextManager[Tx]:
        """A read-only transaction of this merchant."""
        return tenant_tx(self.db, [self.merchant], readonly=True)

    def writing(self) -> AbstractAsyncContextManager[Tx]:
        return tenant_tx(self.db, [self.merchant])


def request_key(word: str) -> bytes:
    """What is kept of an Idempotency-Key."""
    return blake2b(b"http\0" + word.encode(), digest_size=16).digest()


def digest_of(url: str, raw: Any) -> bytes:
    """What is kept of a request, so that another one is not taken for it."""
    return blake2b(b"%b\0%b" % (url.encode(), raw), digest_size=16).digest()


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
