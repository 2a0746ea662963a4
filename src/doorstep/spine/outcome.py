"""outcome: what a verb decided, as plain data; `record` writes it, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal

Body = TypeVar("Body")


class Plain(msgspec.Struct, frozen=True, gc=False):
    """What verbs make most of: it costs a fifth of a named tuple, and is in no circle that anybody has to look for."""


class Demand(Plain, frozen=True):
    """Units of a line move between stages; `fulfillment_order` names the allocation they are part of."""

    line_no: int
    quantity: int
    source: str
    target: str
    fulfillment_order: int = 0


class Stock(Plain, frozen=True):
    """Units of a SKU at a site move between stages and places at once; the world has neither."""

    sku: int
    site: int
    quantity: int
    source: str
    source_place: str
    target: str
    target_place: str
    lot: str = ""


class Cash(Plain, frozen=True):
    """Minor units of the order's currency move between its accounts."""

    amount_minor: int
    source: str
    target: str


Move = Demand | Stock | Cash


class Job(Plain, frozen=True):
    """What comes next: a verb or an errand with its body. A key is there once while it waits."""

    verb: str
    body: dict[str, Any]
    due_at: datetime | None = None
    key: str | None = None


class Insert(Plain, frozen=True):
    """A row of a table of facts (holds, parcels, payments …): never of moves or balances."""

    table: str
    values: dict[str, Any]


class Update(Plain, frozen=True):
    """New values for one row of a table of facts, found by `where` (without merchant_id, which is added).

    `unless`: a column that must hold nothing yet; once it does, the row is not there any more.
    """

    table: str
    where: dict[str, Any]
    values: dict[str, Any]
    unless: str = ""


class Delete(Plain, frozen=True):
    """One row that is not so any more, found by its whole key; of few tables, whose past stands in the events."""

    table: str
    where: dict[str, Any]


Fact = Insert | Update | Delete


@dataclass(slots=True)
class Event:
    """One verb that happened to one stream, with its moves. `data` is what the timeline and subscribers see."""

    verb: str
    moves: list[Move] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    happened_at: datetime | None = None


@dataclass(slots=True)
class NewOrderRows:
    """A new order: its unchanging rows; stages and balances come from the moves of its events."""

    order: dict[str, Any]
    lines: list[dict[str, Any]]


@dataclass(slots=True)
class Outcome:
    """Of one merchant and one stream. `counts` moves the plain counters of an order's summary row.

    `more`: what else one ask did to the same merchant's other streams, written with it, all or nothing.
    `beyond`: what it did to other merchants' things, which its verb's transaction spans (spine/verbs.py).
    """

    merchant: int
    stream: tuple[str, int]
    events: list[Event]
    answer: dict[str, Any] = field(default_factory=dict)
    opens: NewOrderRows | None = None
    # Lines that an order gets later, each of no units yet: its moves bring them.
    adds: list[dict[str, Any]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    then: list[Job] = field(default_factory=list)
    # For an outcome without an event: whose `then` it queues (the carrier had no news, ask again later).
    verb: str = ""
    more: list[Outcome] = field(default_factory=list)
    beyond: list[Outcome] = field(default_factory=list)

    def whole(self) -> Iterator[Outcome]:
        """This outcome and all that is written with it."""
        yield self
        for other in self.more:
            if other.merchant != self.merchant:
                raise ValueError(f"an outcome of merchant {self.merchant} carries one of merchant {other.merchant}")
            yield from other.whole()
        for other in self.beyond:
            yield from other.whole()

    @property
    def order(self) -> int:
        kind, order = self.stream
        if kind != "order":
            raise ValueError(f"the stream {self.stream} is not an order")
        return order

    def count(self, counter: str, by: int = 1) -> None:
        self.counts[counter] = self.counts.get(counter, 0) + by


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and in which roles of the journey table."""

    name: str
    roles: frozenset[str]

    def may(self, who: tuple[str, ...]) -> bool:
        return bool(self.roles & set(who))


# Whoever came by a signed link, or knew an order's number and its postcode.
BUYER = Actor("buyer", frozenset({"buyer"}))
SYSTEM = Actor("system", frozenset({"system", "channel", "merchant", "operator", "floor", "payments", "carrier"}))


@dataclass(frozen=True, slots=True)
class Ask(Generic[Body]):
    """One request to a verb. With a key it is idempotent: `digest` is the hash of what was asked."""

    merchant: int
    body: Body
    at: datetime
    actor: Actor = SYSTEM
    key: bytes | None = None
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that an ask answers: it ends in the same transaction, if its lease is still ours."""

    job_id: int
    fence: int


Result = Outcome | Refusal


def answer_of_order(order: int, **more: Any) -> dict[str, Any]:
    return {"order": public("ord", order), **more}
