"""open_load: something to travel in is opened: a bag, a pallet, a flight by its air waybill, a customs entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from doorstep.journey.shipping.waybill import waybill
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.spine.outcome import Ask, Event, Insert, Outcome, Result
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

Word = Annotated[str, Meta(max_length=60)]
Airport = Annotated[str, Meta(pattern="^([A-Z]{3})?$", description="IATA code: EWR, RZE")]
Kind = Literal["bag", "pallet", "flight", "entry"]

TAKEN = "select merchant_id, load_id, number from load where merchant_id = any($1) and number = any($2)"


class OpenLoad(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`number`: what is printed on a bag or pallet (made up where none is given), the air waybill of a flight, the
    number of a customs entry. `carrier` moves it, or declares it. With `country` only what goes there may be put in.
    """

    kind: Kind
    number: Word = ""
    carrier: Word = ""
    flight: Word = ""
    from_airport: Airport = ""
    to_airport: Airport = ""
    country: Annotated[str, Meta(pattern="^([A-Z]{2})?$", description="ISO 3166-1 alpha-2")] = ""
    departs_at: datetime | None = None
    arrives_at: datetime | None = None


class LoadOpened(msgspec.Struct, frozen=True, kw_only=True):
    load: str
    kind: str
    number: str


class NumberTaken(Refusal):
    """There is a load of that number."""


class NumberMissing(Refusal):
    """A flight goes by its air waybill, a customs entry by its number: say which."""

    status = 422


@verb(OpenLoad, LoadOpened)
async def open_load(tx: Tx, asks: list[Ask[OpenLoad]]) -> list[Result]:
    """Open a bag, a pallet, a flight or a customs entry: parcels and loads may then be put into it."""
    ids = await tx.fresh_ids(len(asks))
    numbers = [number for ask in asks for number in (ask.body.number.strip(), _written(ask.body)) if number]
    rows = await tx.rows(TAKEN, list(tx.merchants), numbers)
    taken = {(row["merchant_id"], row["number"]): row["load_id"] for row in rows}
    return each(asks, lambda ask: decide(taken, ids, ask))


def _written(new: OpenLoad) -> str:
    try:
        return waybill(new.number)
    except Refusal:
        return ""


def decide(taken: Mapping[tuple[int, str], int], ids: Iterator[int], ask: Ask[OpenLoad]) -> Outcome:
    new, load = ask.body, next(ids)
    number = _number(new, load)
    if (ask.merchant, number) in taken:
        raise NumberTaken(number=number, load=public("lod", taken[ask.merchant, number]))
    told = {"load": public("lod", load), "kind": new.kind, "number": number}
    outcome = Outcome(ask.merchant, ("load", load), [Event("open_load", [], told | _way(new))], answer=told)
    values = msgspec.structs.asdict(new) | {"load_id": load, "number": number, "opened_at": ask.at}
    outcome.facts = [Insert("load", values)]
    return outcome


def _number(new: OpenLoad, load: int) -> str:
    number = new.number.strip()
    if new.kind == "flight" and number:
        return waybill(number)
    if number:
        return number
    if new.kind in ("flight", "entry"):
        raise NumberMissing(kind=new.kind)
    return f"{new.kind[0].upper()}{load:07d}"


def _way(new: OpenLoad) -> dict[str, str]:
    names = ("carrier", "flight", "from_airport", "to_airport", "country")
    return {name: value for name in names if (value := getattr(new, name))}
