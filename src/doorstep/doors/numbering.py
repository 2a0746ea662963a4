"""numbering: further numbers for many parcels at once, each named by whatever finds it: for the API, files, screens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct, ValidationError, convert

from doorstep.journey.shipping.into import Thing, WhichParcel, found
from doorstep.journey.shipping.legs import Leg
from doorstep.journey.shipping.number_parcel import NumberParcel
from doorstep.kit.refusals import Invalid, NotFound, Refusal
from doorstep.spine.loads import reachable
from doorstep.spine.outcome import Actor, Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import Db, tenant_tx

Refused = list[tuple[str, Refusal]]


class Told(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`item` is the parcel: its id, or any number that finds it."""

    item: Annotated[str, Meta(min_length=1, max_length=80)]
    number: Annotated[str, Meta(min_length=1, max_length=60)]
    carrier: Annotated[str, Meta(max_length=60)] = ""
    leg: Leg = "last_mile"


async def number_them(
    db: Db, merchant: int, told: Sequence[Told], at: datetime, actor: Actor
) -> tuple[int, Refused]:  # fmt: skip
    """So many were kept; the others with their refusals."""
    may_be = await reachable(db, merchant)
    async with tenant_tx(db, may_be, readonly=True) as tx:
        meant = await found(tx, may_be, [], [one.item.strip() for one in told])
    asks: dict[int, list[tuple[str, Ask[Any]]]] = defaultdict(list)
    refused: Refused = []
    for one in told:
        things = [thing for thing in meant[one.item.strip()] if thing.kind == "parcel"]
        if len(things) != 1:
            refused.append((one.item, _not_one(one.item, things)))
            continue
        body = NumberParcel(parcel=things[0].name, number=one.number, carrier=one.carrier, leg=one.leg)
        asks[things[0].merchant].append((one.item, Ask(things[0].merchant, body, at, actor)))
    flat = [ask for of_merchant in asks.values() for ask in of_merchant]
    answers = await run(db, "number_parcel", [ask for _, ask in flat])
    refused += [(item, answer) for (item, _), answer in zip(flat, answers, strict=True) if isinstance(answer, Refusal)]
    return len(told) - len(refused), refused


def _not_one(item: str, things: Sequence[Thing]) -> Refusal:
    return WhichParcel(item=item, found=", ".join(thing.name for thing in things)) if things else NotFound(item=item)


def told_by(rows: Sequence[Mapping[str, str]]) -> list[Told]:
    """A file's lines by their columns; refuses Invalid, naming the lines that are none."""
    told, wrong = [], []
    for nth, row in enumerate(rows, 2):
        given = {name: value.strip() for name in Told.__struct_fields__ if (value := row.get(name) or "").strip()}
        try:
            told.append(convert(given, Told))
        except ValidationError as error:
            wrong.append({"pointer": f"/{nth}", "detail": str(error)})
    if wrong:
        raise Invalid(fields=wrong[:100])
    return told
