"""buy_label: the call to the carrier, with no transaction open, with the same key however often.

A label is bought in two jobs: all carriers are asked what it costs and one is chosen; that one is asked for it. Until
it has answered nobody else is: an answer that was lost is asked for again, of the same carrier with the same key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec

from doorstep.journey.shipping.choose import Chosen, Refused
from doorstep.journey.shipping.label import ASKING, AskLabel, ChooseLabel, KeepLabel, RefuseLabel, Tried
from doorstep.journey.shipping.shipment import Packed, packed, shipment_of
from doorstep.journey.shipping.shopping import basket, shop, spelled
from doorstep.kit.refusals import Refusal
from doorstep.plug.carrier import AsksOnce, Carrier, CarrierDown, CarrierRefused, Label, must_be_able_to_take
from doorstep.spine.outcome import Ask
from doorstep.spine.verbs import errand
from doorstep.spine.world import World

# Then somebody has to look at it.
MOST_CHOICES = 5
# What is refused for these reasons is refused by every service of the carrier.
ABOUT_THE_PARCEL = ("address_incomplete", "customs_incomplete", "weight_missing", "unauthorized", "unsupported")
UNKNOWN = "outcome_unknown"
# Perhaps it is sold: the answer was lost, or the key belongs to another purchase.
PERHAPS_SOLD = (UNKNOWN, "key_reused")


class BuyLabel(msgspec.Struct, frozen=True, kw_only=True):
    """`nth`: which choice is to be bought; before the first one, whom a person named."""

    parcel: str
    label_key: str
    carrier: str = ""
    service: str = ""
    nth: int = 0


@errand(BuyLabel, account="carrier")
async def buy_label(world: World, asks: list[Ask[BuyLabel]]) -> None:
    for ask in asks:
        await _buy(world, ask)


async def _buy(world: World, ask: Ask[BuyLabel]) -> None:
    async with world.reading([ask.merchant]) as tx:
        parcel = await packed(tx, ask.body.parcel, world.now().date())
    if parcel is None or (parcel.row["label_state"], parcel.row["label_key"]) != ("wanted", ask.body.label_key):
        return  # answered meanwhile
    choice = parcel.row["label_choice"] or {"nth": 0, "tried": []}
    if choice["nth"] != ask.body.nth:
        return  # chosen meanwhile: that choice has a job of its own
    if not choice["nth"]:
        await _choose(world, ask, parcel, ())
        return
    try:
        label = await _bought(world, ask, parcel, choice)
    except CarrierRefused as no:
        if may_be_sold(no, was_silent=parcel.row["label_error"] == ASKING):
            # Nobody else is asked before somebody has asked the carrier.
            refused = RefuseLabel(parcel=ask.body.parcel, label_key=ask.body.label_key, reason=unsure(no))
            await world.keep(ask.merchant, "refuse_label", refused)
            return
        everything = no.why.get("reason") in ABOUT_THE_PARCEL
        said = Refused(choice["carrier"], "" if everything else choice["service"], spelled(no))
        await _choose(world, ask, parcel, [*(Refused(**before) for before in choice["tried"]), said])
        return
    kept = KeepLabel(
        parcel=ask.body.parcel, label_key=ask.body.label_key, carrier=label.carrier, service=label.service,
        label_ref=label.label_ref, tracking_number=label.tracking_number, cost_minor=label.cost_minor,
        cod_minor=parcel.row["cod_minor"] if parcel.row["payment_term"] == "cod" else None,
        currency=label.currency, pdf=label.pdf, first_mile_number=label.first_mile_number,
        last_mile_number=label.last_mile_number,
    )  # fmt: skip
    answer = await world.keep(ask.merchant, "keep_label", kept)
    if isinstance(answer, Refusal):
        await _not_needed(world, ask, label, choice["key"])


async def _not_needed(world: World, ask: Ask[BuyLabel], label: Label, key: str) -> None:
    """Somebody kept another label meanwhile, or the parcel has left: this one goes back, or somebody must see to it."""
    async with world.reading([ask.merchant]) as tx:
        parcel = await packed(tx, ask.body.parcel)
    if parcel is not None and parcel.row["label_ref"] == label.label_ref:
        return  # it is kept: another worker asked with the same key
    if no := await give_back(world, ask.merchant, label, key):
        told = RefuseLabel(parcel=ask.body.parcel, label_key=ask.body.label_key, reason=no, left_over=True)
        await world.keep(ask.merchant, "refuse_label", told)


async def give_back(world: World, merchant: int, label: Label, key: str) -> str:
    """Void what was bought in vain. Answers why it could not be, or nothing."""
    try:
        carrier: Carrier = await world.carrier(merchant, label.carrier)
        await carrier.void(label.label_ref, f"{key}.void")
    except Refusal as no:
        return f"{label.carrier} {label.tracking_number} was bought in vain, and could not be voided: {spelled(no)}"
    return ""


async def _bought(world: World, ask: Ask[BuyLabel], parcel: Packed, choice: dict[str, Any]) -> Label:
    """With the same key however often; a carrier that knows none is asked once, and by nobody after a crash."""
    carrier: Carrier = await world.carrier(ask.merchant, choice["carrier"])
    shipment = shipment_of(parcel, choice["service"])
    must_be_able_to_take(carrier, shipment)
    is_asked_once = isinstance(carrier, AsksOnce)
    if not is_asked_once:
        return await _asked_again(world, ask, parcel, carrier.buy(shipment, choice["key"]))
    if parcel.row["label_error"] == ASKING:
        detail = f"ask the carrier whether it made a label for {shipment.reference}, before it is asked anew"
        raise CarrierRefused(carrier=carrier.code, reason=UNKNOWN, detail=detail)
    await _note(world, ask)
    try:
        return await carrier.buy(shipment, choice["key"])
    except (CarrierDown, CarrierRefused) as no:
        if isinstance(no, CarrierDown) or not may_be_sold(no):
            await _note(world, ask, over=True)
        raise


async def _asked_again(world: World, ask: Ask[BuyLabel], parcel: Packed, buying: Awaitable[Label]) -> Label:
    """A carrier that knows keys is asked however often; that it was silent once is noted, for what it says then."""
    try:
        return await buying
    except CarrierDown:
        if parcel.row["label_error"] != ASKING:
            await _note(world, ask)
        raise


def may_be_sold(no: CarrierRefused, *, was_silent: bool = False) -> bool:
    """A no that does not say that nothing was sold. A login that fails says nothing of what was asked before."""
    reason = no.why.get("reason")
    return reason in PERHAPS_SOLD or (was_silent and reason == "unauthorized")


def unsure(no: CarrierRefused) -> str:
    told = spelled(no)
    return told if told.startswith(UNKNOWN) else f"{UNKNOWN}: {told}"


async def _note(world: World, ask: Ask[BuyLabel], *, over: bool = False) -> None:
    """Raises what the verb refuses: then nobody is asked."""
    noted = AskLabel(parcel=ask.body.parcel, label_key=ask.body.label_key, over=over)
    answer = await world.keep(ask.merchant, "ask_label", noted)
    if isinstance(answer, Refusal):
        raise answer


async def _choose(world: World, ask: Ask[BuyLabel], parcel: Packed, refused: Sequence[Refused]) -> None:
    """Whom to buy it of, among those that have not refused; where nobody is left, somebody has to look at it."""
    named = (parcel.row["label_choice"] or {}).get("named") or [ask.body.carrier, ask.body.service]
    async with world.reading([ask.merchant]) as tx:
        of = await basket(tx, ask.merchant, parcel, world.now(), carrier=named[0], service=named[1], refused=refused)
    chosen = await shop(world, ask.merchant, of)
    if chosen.rate is None or len(refused) >= MOST_CHOICES:
        no = RefuseLabel(
            parcel=ask.body.parcel, label_key=ask.body.label_key, reason=_nobody(chosen, of.carriers, refused),
            why=chosen.why if of.carriers else {},
        )  # fmt: skip
        await world.keep(ask.merchant, "refuse_label", no)
        return
    choice = ChooseLabel(
        parcel=ask.body.parcel, label_key=ask.body.label_key, nth=ask.body.nth + 1, carrier=chosen.rate.carrier,
        service=chosen.rate.service, tried=[Tried(**one._asdict()) for one in refused], named_carrier=named[0],
        named_service=named[1], why=chosen.why,
    )  # fmt: skip
    await world.ask("choose_label", [Ask(ask.merchant, choice, ask.at)])


def _nobody(chosen: Chosen, carriers: Sequence[str], refused: Sequence[Refused]) -> str:
    """Why no label was bought: the carrier's own no, where it gave one."""
    if refused:
        return "; ".join(f"{one.carrier} {one.service}".strip() + f": {one.reason}" for one in refused)[:2000]
    why = chosen.why
    told: dict[str, Any] = why["refused"] | why["left_out"]
    if told:
        return ("no carrier goes there: " + "; ".join(f"{name}: {reason}" for name, reason in told.items()))[:2000]
    asked = f"asked: {', '.join(carriers)}" if carriers else "none is connected"
    return f"no carrier goes there: {asked}"
