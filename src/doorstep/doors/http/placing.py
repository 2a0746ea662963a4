"""placing: orders come in over the API, one or up to a thousand in a request."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.doors.http.operations import (
    IDEMPOTENCY_KEY,
    Asked,
    Operation,
    Reply,
    VerbQuery,
    digest_of,
    request_key,
)
from doorstep.doors.http.problems import Problem, as_problem, refusal_of
from doorstep.journey.intake.new_order import NewOrder, Struct
from doorstep.journey.intake.place import Place
from doorstep.kit.away import is_away
from doorstep.spine.outcome import Ask
from doorstep.spine.preview import preview
from doorstep.spine.verbs import Verb

PATH = "/v1/orders"
MOST_ORDERS = 1_000


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """The order; `existing` when the same order came in before."""

    order: str
    number: str
    existing: bool


class OneOfMany(Struct, frozen=True, kw_only=True):
    """An order of a batch. `key` is its own idempotency key, as if it came in a request of its own.

    Without one, a batch that has an Idempotency-Key gives each order a key by its place in the list.
    """

    order: NewOrder
    key: Annotated[str, Meta(pattern=f"^{IDEMPOTENCY_KEY}$")] | None = None


class ManyOrders(Struct, frozen=True, kw_only=True):
    """Orders to place. If one of them is not as it must be, none is placed; each is refused by the rules alone."""

    orders: Annotated[list[OneOfMany], Meta(min_length=1, max_length=MOST_ORDERS)]


class AnswerToOne(msgspec.Struct, frozen=True, kw_only=True):
    """What a request of its own would have been answered: `problem` when its `status` is no success."""

    status: int
    order: str | None = None
    number: str | None = None
    existing: bool | None = None
    problem: Problem | None = None


class AnswersToMany(msgspec.Struct, frozen=True, kw_only=True):
    """An answer per order, in the order in which they were sent."""

    answers: list[AnswerToOne]


class _OneAsSent(msgspec.Struct):
    order: msgspec.Raw


class _ManyAsSent(msgspec.Struct):
    orders: list[_OneAsSent]


_AS_SENT = msgspec.json.Decoder(_ManyAsSent)
_ENCODE = msgspec.json.Encoder(enc_hook=str).encode


def place_operation(verb: Verb, about: str) -> Operation:
    async def call(asked: Asked) -> Any:
        body = Place(order=asked.body)
        if asked.query.preview:
            return await preview(asked.db, verb.name, asked.ask(body))
        answer = await asked.gather.ask(verb.name, asked.ask(body))
        return Reply(answer, 200 if answer["existing"] else 201)

    return Operation(
        method="POST", path=PATH, name=verb.name, says=verb.row.says, about=about, scope=f"{verb.stage}:write",
        call=call, answers={201: Placed, 200: Placed}, tag=verb.stage, body=NewOrder, query=VerbQuery, takes_key=True,
        example=EXAMPLE_ORDER,
    )  # fmt: skip


def place_many_operation(verb: Verb) -> Operation:
    async def call(asked: Asked) -> Any:
        answers = await asked.gather.ask_all(verb.name, _asks(asked))
        if all(isinstance(answer, Exception) and is_away(answer) for answer in answers):
            raise answers[0]  # type: ignore[misc]
        return Reply(_ENCODE({"answers": [_answer(answer) for answer in answers]}))

    return Operation(
        method="POST", path=f"{PATH}/batch", name=f"{verb.name}_many",
        says=f"Place up to {MOST_ORDERS} orders at once; each has its own answer.",
        about="Answers stand in the order of the orders. An order that a rule refuses fails alone. With an"
        " Idempotency-Key each order has a key by its place in the list: asked again, the same order at the same place"
        " answers with its first result.",
        scope=f"{verb.stage}:write", call=call, answers={200: AnswersToMany}, tag=verb.stage, body=ManyOrders,
        takes_key=True, example={"orders": [{"order": EXAMPLE_ORDER}]},
    )  # fmt: skip


def _asks(asked: Asked) -> list[Ask[Place]]:
    orders: list[OneOfMany] = asked.body.orders
    merchant, at, actor = asked.merchant, asked.at, asked.actor
    if asked.key is None and not any(one.key for one in orders):
        return [Ask(merchant, Place(order=one.order), at, actor) for one in orders]
    # The same order under the same key is the same request, however it came: its own bytes tell.
    sent = _AS_SENT.decode(asked.raw).orders
    asks = []
    for index, (one, as_sent) in enumerate(zip(orders, sent, strict=True)):
        # By its place in the list: no key that a client can send is like it, for those have no spaces.
        key = one.key or (f"{asked.key} {index}" if asked.key else None)
        keyed = (request_key(key), digest_of(PATH, as_sent.order)) if key else (None, b"")
        asks.append(Ask(merchant, Place(order=one.order), at, actor, *keyed))
    return asks


def _answer(answer: dict[str, Any] | Exception) -> dict[str, Any]:
    if isinstance(answer, Exception):
        problem = as_problem(refusal_of(answer, route=f"{PATH}/batch"))
        return {"status": problem.status, "problem": problem}
    return {"status": 200 if answer["existing"] else 201, **answer}


EXAMPLE_ORDER = {
    "external_id": "1042",
    "number": "#1042",
    "currency": "USD",
    "buyer": {"name": "Ada Byrne", "email": "ada@example.com"},
    "ship_to": {
        "name": "Ada Byrne",
        "line1": "12 Grafton Street",
        "city": "Dublin",
        "postcode": "D02 XY45",
        "country": "IE",
    },
    "lines": [{"sku": "MUG", "title": "A mug", "quantity": 2, "unit_price": "12.50"}],
    "shipping_minor": 500,
    "total_minor": 3000,
}
