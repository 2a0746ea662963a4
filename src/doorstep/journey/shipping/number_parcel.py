"""number_parcel: a parcel gets a further number: of its first mile, its line haul or its last mile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.shipping.legs import Leg, numbers_of, whose_surely
from doorstep.kit.ids import number
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.spine.outcome import Ask, Event, Insert, Outcome, Result, Update
from doorstep.spine.parcels import ParcelFacts, of_parcel, outcome_of_parcel, parcel_facts
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.told_times import told_time
from doorstep.spine.verbs import verb


class NumberParcel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one told without a carrier: whose it surely is by its shape, else nobody's; it finds the order either way."""

    parcel: str
    number: Annotated[str, Meta(min_length=1, max_length=60)]
    carrier: Annotated[str, Meta(max_length=60)] = ""
    leg: Leg = "last_mile"
    happened_at: datetime | None = None


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    parcel: str
    number: str
    carrier: str
    leg: str


class NotSentYet(Refusal):
    """The parcel has no label yet: nobody can have given it a further number."""


@verb(NumberParcel, Numbered)
async def number_parcel(tx: Tx, asks: list[Ask[NumberParcel]]) -> list[Result]:
    """Add a number to a parcel: of its first mile, line haul or last mile; from then on each of them finds it."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks], ("placed_at",))
    known = await numbers_of(tx, parcels)
    return each(asks, lambda ask: decide(of_parcel(parcels, ask.merchant, ask.body.parcel), known, ask))


def decide(parcel: ParcelFacts, known: Mapping[int, Sequence[Any]], ask: Ask[NumberParcel]) -> Outcome:
    new = ask.body
    if not parcel.tracking_number:
        raise NotSentYet(parcel=new.parcel, label=parcel.label_state)
    written = new.number.strip()
    if not any(character.isalnum() for character in written):
        raise Invalid(fields=[{"pointer": "/number", "detail": "must have a letter or a digit"}])
    at = told_time(new.happened_at, ask.at, since=parcel.order.row["placed_at"], parcel=new.parcel)
    carrier = new.carrier or whose_surely(written, parcel.carrier)
    told = {"parcel": new.parcel, "number": written, "carrier": carrier, "leg": new.leg}
    outcome = outcome_of_parcel(parcel, **{name: told[name] for name in ("number", "carrier", "leg")})
    outcome.verb = "number_parcel"
    before = next((row for row in known.get(parcel.parcel_id, ()) if row["number"] == written), None)
    as_told = {"carrier": carrier, "leg": new.leg, "until": None}
    if written == parcel.tracking_number or (before and all(before[name] == as_told[name] for name in as_told)):
        return outcome
    key = {"parcel_id": number("par", new.parcel), "number": written}
    if before:
        outcome.facts = [Update("parcel_number", key, as_told)]
    else:
        values = key | as_told | {"label_key": "", "since": at}
        outcome.facts = [Insert("parcel_number", values)]
    outcome.events = [Event("number_parcel", [], told, at)]
    return outcome
