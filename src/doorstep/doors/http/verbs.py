"""verbs: a route for each verb that somebody may ask: generated from the journey table and the bodies of the verbs.

What the body names first says where the route is: an order, a fulfillment order, a parcel … in the address, the rest
in the body. Verbs that only the system asks have no route.
"""

from __future__ import annotations

from typing import Any

import msgspec

import doorstep.doors.stages  # noqa: F401  (binds the verbs)
from doorstep.doors.http.operations import Asked, Call, Operation, VerbQuery
from doorstep.doors.http.placing import place_many_operation, place_operation
from doorstep.doors.http.reading import invalid
from doorstep.doors.http.shapes import Fault
from doorstep.setup.keys import AREAS
from doorstep.spine.preview import preview
from doorstep.spine.verbs import VERBS, Verb

# The id a body begins with, and the collection it is found in.
COLLECTIONS = {
    "order": "orders",
    "fulfillment_order": "fulfillment-orders",
    "parcel": "parcels",
    "load": "loads",
    "hold": "holds",
    "asn": "asns",
    "payment": "payments",
    "case": "cases",
    "manifest": "manifests",
    "pickup": "pickups",
    "return_label": "return-labels",
}


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the verb says of what it did."""


class DemandEffect(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "from", "target": "to"}):
    line: int
    source: str
    target: str
    quantity: int


class StockEffect(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "from", "target": "to"}):
    sku_id: int
    site_id: int
    source: str
    target: str
    quantity: int


class CashEffect(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "from", "target": "to"}):
    source: str
    target: str
    amount_minor: int


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen: moves, holds and promises added up; `asked_later` are calls to the outside world."""

    verbs: list[str]
    demand: list[DemandEffect]
    stock: list[StockEffect]
    cash: list[CashEffect]
    holds: list[dict[str, Any]]
    promise: list[dict[str, Any]]
    refused: list[dict[str, Any]]
    asked_later: list[str]


def operations() -> list[Operation]:
    """Every verb that is bound and may be asked from outside, in the order of the journey table."""
    return [operation for verb in VERBS.values() if is_for_people(verb) for operation in _operations(verb)]


def is_for_people(verb: Verb) -> bool:
    return set(verb.row.who) != {"system"} and verb.stage in AREAS


def _operations(verb: Verb) -> list[Operation]:
    if verb.name == "place":
        return [place_operation(verb, _about(verb)), place_many_operation(verb)]
    return [_operation(verb)]


def _operation(verb: Verb) -> Operation:
    named = named_in_path(verb)
    body = _without(verb.body, named) if named else verb.body
    word = verb.name.replace("_", "-")
    path = f"/v1/{COLLECTIONS[named]}/{{{named}}}/{word}" if named else f"/v1/{verb.stage}/{word}"
    return Operation(
        method="POST", path=path, name=verb.name, says=verb.row.says, about=_about(verb), scope=f"{verb.stage}:write",
        call=_asking(verb, named), answers={200: verb.answer or Answered}, tag=verb.stage, body=body, query=VerbQuery,
        takes_key=True,
    )  # fmt: skip


def named_in_path(verb: Verb) -> str | None:
    """The id that stands in the address: the body's first field, where it must be given."""
    first = next(iter(msgspec.structs.fields(verb.body)), None)
    if first is None or first.name not in COLLECTIONS or not first.required or first.type is not str:
        return None
    return first.name


def _without(body: type[msgspec.Struct], name: str) -> type[msgspec.Struct]:
    """The same body for when the id stands in the address."""
    rest = [one for one in msgspec.structs.fields(body) if one.name != name]
    fields: list[Any] = []
    for one in rest:
        if one.default is not msgspec.NODEFAULT:
            fields.append((one.name, one.type, one.default))
        elif one.default_factory is not msgspec.NODEFAULT:
            fields.append((one.name, one.type, msgspec.field(default_factory=one.default_factory)))
        else:
            fields.append((one.name, one.type))
    namespace = {"__doc__": vars(body).get("__doc__") or ""}
    return msgspec.defstruct(
        body.__name__, fields, module=body.__module__, namespace=namespace, frozen=True, kw_only=True,
        forbid_unknown_fields=True,
    )  # fmt: skip


def _asking(verb: Verb, named: str | None) -> Call:
    async def call(asked: Asked) -> Any:
        given = msgspec.structs.asdict(asked.body)
        if named:
            given[named] = asked.path[named]
        try:
            body = verb.body(**given)
        except (TypeError, ValueError) as error:
            raise invalid([Fault("", str(error)[:200])]) from None
        return await _ask(verb, body, asked)

    return call


async def _ask(verb: Verb, body: msgspec.Struct, asked: Asked) -> dict[str, Any]:
    if asked.query.preview:
        return await preview(asked.db, verb.name, asked.ask(body))
    return await asked.gather.ask(verb.name, asked.ask(body))


def _about(verb: Verb) -> str:
    row = verb.row
    moves = [
        f"{kind}: {ways.replace('>', '→')}"
        for kind, ways in (("demand", row.demand), ("stock", row.stock), ("cash", row.cash))
        if ways
    ]
    said = [verb.says]
    if moves:
        said.append("Moves " + "; ".join(moves) + ".")
    if row.held:
        said.append("An open hold stops it.")
    return " ".join(" ".join(said).split())
