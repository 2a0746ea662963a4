"""buy_label, void_label: the calls to the carrier, with no transaction open, with the same key however often."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from doorstep.journey.shipping.choose import Chosen, choose
from doorstep.journey.shipping.label import KeepLabel, KeepVoid, RefuseLabel
from doorstep.journey.shipping.shipment import CARRIERS, Packed, packed, shipment_of
from doorstep.plug.carrier import CarrierRefused, Rate
from doorstep.spine.outcome import Ask
from doorstep.spine.verbs import errand
from doorstep.spine.world import World


class BuyLabel(msgspec.Struct, frozen=True, kw_only=True):
    parcel: str
    label_key: str
    carrier: str = ""
    service: str = ""


class VoidLabel(msgspec.Struct, frozen=True, kw_only=True):
    parcel: str
    label_key: str


@errand(BuyLabel)
async def buy_label(world: World, asks: list[Ask[BuyLabel]]) -> None:
    for ask in asks:
        await _buy(world, ask)


async def _buy(world: World, ask: Ask[BuyLabel]) -> None:
    async with world.reading([ask.merchant]) as tx:
        parcel = await packed(tx, ask.body.parcel)
        carriers = [row["code"] for row in await tx.rows(CARRIERS, ask.merchant)]
    if parcel is None or (parcel.row["label_state"], parcel.row["label_key"]) != ("wanted", ask.body.label_key):
        return  # answered meanwhile
    try:
        chosen = await _choose(world, ask, parcel, carriers)
        if chosen.rate is None:
            raise CarrierRefused(reason="no carrier goes there", detail=str(chosen.why["refused"] or _asked(carriers)))
        carrier = await world.carrier(ask.merchant, chosen.rate.carrier)
        label = await carrier.buy(shipment_of(parcel, chosen.rate.service), ask.body.label_key)
    except CarrierRefused as no:
        refused = RefuseLabel(parcel=ask.body.parcel, label_key=ask.body.label_key, reason=spelled(no))
        await world.ask("refuse_label", [Ask(ask.merchant, refused, world.now())])
        return
    kept = KeepLabel(
        parcel=ask.body.parcel, label_key=ask.body.label_key, carrier=label.carrier, service=label.service,
        label_ref=label.label_ref, tracking_number=label.tracking_number, cost_minor=label.cost_minor,
        currency=label.currency, pdf=label.pdf, why=chosen.why, first_mile_number=label.first_mile_number,
        last_mile_number=label.last_mile_number,
    )  # fmt: skip
    await world.ask("keep_label", [Ask(ask.merchant, kept, world.now())])


def _asked(carriers: Sequence[str]) -> str:
    return f"asked: {', '.join(carriers)}" if carriers else "none is connected"


async def _choose(world: World, ask: Ask[BuyLabel], parcel: Packed, carriers: Sequence[str]) -> Chosen:
    wanted = ask.body.carrier or parcel.row["method_carrier"]
    rates: list[Rate] = []
    for code in carriers:
        if wanted in ("", code):
            rates += await (await world.carrier(ask.merchant, code)).rates(shipment_of(parcel))
    return choose(rates, days_max=parcel.row["days_max"], carrier=wanted, service=ask.body.service)


@errand(VoidLabel)
async def void_label(world: World, asks: list[Ask[VoidLabel]]) -> None:
    for ask in asks:
        async with world.reading([ask.merchant]) as tx:
            parcel = await packed(tx, ask.body.parcel)
        if parcel is None or (parcel.row["label_state"], parcel.row["label_key"]) != (
            "void_wanted",
            ask.body.label_key,
        ):
            continue
        carrier = await world.carrier(ask.merchant, parcel.row["carrier"])
        try:
            await carrier.void(parcel.row["label_ref"], ask.body.label_key)
        except CarrierRefused as no:
            refused = RefuseLabel(parcel=ask.body.parcel, label_key=ask.body.label_key, reason=spelled(no))
            await world.ask("refuse_label", [Ask(ask.merchant, refused, world.now())])
            continue
        kept = KeepVoid(parcel=ask.body.parcel, label_key=ask.body.label_key)
        await world.ask("keep_void", [Ask(ask.merchant, kept, world.now())])


def spelled(no: CarrierRefused) -> str:
    """What the carrier said, in its own words where it has some."""
    words = [str(no.why[name]) for name in ("reason", "detail") if no.why.get(name)]
    return ": ".join(words) or no.sentence
