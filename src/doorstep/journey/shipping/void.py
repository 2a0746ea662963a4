"""void: the label is given back, and the parcel may get another one: two verbs round one call, as for buying it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from doorstep.journey.shipping.label import LabelState, NoLabel, RefuseLabel, Word, refuse_other_question
from doorstep.journey.shipping.legs import numbers_of
from doorstep.journey.shipping.shipment import packed
from doorstep.journey.shipping.shopping import spelled
from doorstep.plug.carrier import CarrierRefused
from doorstep.spine.outcome import Ask, Event, Fact, Job, Outcome, Result, Update
from doorstep.spine.parcels import ParcelFacts, of_parcel, outcome_of_parcel, parcel_facts
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand, verb
from doorstep.spine.world import World

VOID = {
    "label_state": "void", "tracking_number": "", "label_ref": "", "label_pdf": None, "carrier": "", "service": "",
    "manifest_id": None,
}  # fmt: skip


class WantVoid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parcel: str


class KeepVoid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parcel: str
    label_key: Word = ""


class VoidLabel(msgspec.Struct, frozen=True, kw_only=True):
    parcel: str
    label_key: str
    carrier: str = ""


@verb(WantVoid, LabelState)
async def want_void(tx: Tx, asks: list[Ask[WantVoid]]) -> list[Result]:
    """Ask the carrier to void the label; one bought elsewhere is void at once, as far as doorstep goes."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks])
    known = await numbers_of(tx, parcels)
    return each(asks, lambda ask: _void_wanted(of_parcel(parcels, ask.merchant, ask.body.parcel), known, ask))


def _void_wanted(parcel: ParcelFacts, known: Mapping[int, Sequence[Any]], ask: Ask[WantVoid]) -> Outcome:
    parcel.must_be_here()
    if parcel.label_state != "bought":
        raise NoLabel(parcel=ask.body.parcel, label=parcel.label_state)
    key = f"{ask.body.parcel}.void.{parcel.label_tries}"
    outcome = outcome_of_parcel(parcel, label="void_wanted" if parcel.label_ref else "void")
    outcome.events = [Event("want_void", data={"parcel": ask.body.parcel, "tracking_number": parcel.tracking_number})]
    wanted = {"label_state": "void_wanted", "label_key": key} if parcel.label_ref else VOID
    outcome.facts = [Update("parcel", {"parcel_id": parcel.parcel_id}, wanted)]
    if not parcel.label_ref:
        outcome.facts += _ended(known.get(parcel.parcel_id, ()), ask)
    else:
        body = {"parcel": ask.body.parcel, "label_key": key, "carrier": parcel.carrier}
        outcome.then = [Job("void_label", body)]
    return outcome


@errand(VoidLabel, account="carrier")
async def void_label(world: World, asks: list[Ask[VoidLabel]]) -> None:
    for ask in asks:
        async with world.reading([ask.merchant]) as tx:
            parcel = await packed(tx, ask.body.parcel)
        asked = ("void_wanted", ask.body.label_key)
        if parcel is None or (parcel.row["label_state"], parcel.row["label_key"]) != asked:
            continue  # answered meanwhile
        carrier = await world.carrier(ask.merchant, parcel.row["carrier"])
        try:
            await carrier.void(parcel.row["label_ref"], ask.body.label_key)
        except CarrierRefused as no:
            refused = RefuseLabel(parcel=ask.body.parcel, label_key=ask.body.label_key, reason=spelled(no))
            await world.keep(ask.merchant, "refuse_label", refused)
            continue
        kept = KeepVoid(parcel=ask.body.parcel, label_key=ask.body.label_key)
        await world.keep(ask.merchant, "keep_void", kept)


@verb(KeepVoid, LabelState)
async def keep_void(tx: Tx, asks: list[Ask[KeepVoid]]) -> list[Result]:
    """Keep that the label is void: the parcel may get another one."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks])
    known = await numbers_of(tx, parcels)
    return each(asks, lambda ask: _void_kept(of_parcel(parcels, ask.merchant, ask.body.parcel), known, ask))


def _void_kept(parcel: ParcelFacts, known: Mapping[int, Sequence[Any]], ask: Ask[KeepVoid]) -> Outcome:
    refuse_other_question(parcel, ask.body.label_key or parcel.label_key, "void_wanted")
    outcome = outcome_of_parcel(parcel, label="void")
    told = {"parcel": ask.body.parcel, "tracking_number": parcel.tracking_number}
    outcome.events = [Event("keep_void", data=told)]
    outcome.facts = [Update("parcel", {"parcel_id": parcel.parcel_id}, VOID)]
    outcome.facts += _ended(known.get(parcel.parcel_id, ()), ask)
    return outcome


def _ended(numbers: Sequence[Any], ask: Ask[Any]) -> list[Fact]:
    """Numbers are a label's: with it they end."""
    return [
        Update("parcel_number", {"parcel_id": row["parcel_id"], "number": row["number"]}, {"until": ask.at})
        for row in numbers if row["until"] is None
    ]  # fmt: skip
