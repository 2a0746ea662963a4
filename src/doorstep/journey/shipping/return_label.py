"""return_label: a label for the way back of a parcel's goods, bought with a key, kept as PDF for whoever sends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from doorstep.journey.shipping.buy_label import spelled
from doorstep.journey.shipping.choose import choose
from doorstep.journey.shipping.label import AmountMinor, Word
from doorstep.journey.shipping.manifest import carrier_refused
from doorstep.journey.shipping.shipment import CARRIERS, Packed, packed, shipment_of
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.plug.carrier import CarrierRefused, Rate, Shipment
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, Update
from doorstep.spine.parcels import ParcelFacts, of_parcel, parcel_facts
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand, verb
from doorstep.spine.world import World

# The way back is nobody's promise.
DAYS_MAX = 60
OPEN = """
select l.parcel_id, l.return_label_id, l.state, l.tracking_number from return_label l
  where l.merchant_id = any($1) and l.parcel_id = any($2) and l.state in ('wanted', 'bought')
"""
LABELS = """
select l.merchant_id, l.return_label_id, l.order_id, l.parcel_id, l.state from return_label l
  where l.merchant_id = any($1) and l.return_label_id = any($2) order by l.return_label_id
"""
LOCKED = f"{LABELS.rstrip()} for update\n"


class WantReturnLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For goods of this parcel. Default: the carrier that brought it, where it sells such labels; else the cheapest."""

    parcel: str
    carrier: Word = ""
    service: Word = ""


class KeepReturnLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    return_label: str
    tracking_number: Annotated[str, Meta(min_length=1, max_length=60)]
    carrier: Word
    service: Word = ""
    label_ref: Word = ""
    cost_minor: AmountMinor | None = None
    currency: Annotated[str, Meta(max_length=3)] = ""
    pdf: bytes | None = None


class RefuseReturnLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    return_label: str
    reason: Annotated[str, Meta(max_length=2000)]


class ReturnLabelState(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: wanted, bought or refused."""

    order: str
    parcel: str
    return_label: str
    state: str


class NotGone(Refusal):
    """This parcel has not left yet; cancel it or unpack it."""


class ReturnLabelThere(Refusal):
    """There is a label for the way back of this parcel, or one is being bought."""


class ReturnLabelAnswered(Refusal):
    """The carrier has answered for this label before."""


@verb(WantReturnLabel, ReturnLabelState)
async def want_return_label(tx: Tx, asks: list[Ask[WantReturnLabel]]) -> list[Result]:
    """Ask for a label for the way back; the carrier is called by a job, with a key that makes a repeat harmless."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks])
    there = {row["parcel_id"]: dict(row) for row in await tx.rows(OPEN, list(tx.merchants), list(parcels))}
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(of_parcel(parcels, ask.merchant, ask.body.parcel), there, ids, ask))


def decide(
    parcel: ParcelFacts, there: Mapping[int, Mapping[str, Any]], ids: Iterator[int], ask: Ask[WantReturnLabel]
) -> Outcome:
    wanted = ask.body
    if not parcel.has_left:
        raise NotGone(parcel=wanted.parcel)
    if before := there.get(parcel.parcel_id):
        name = public("ret", before["return_label_id"])
        raise ReturnLabelThere(
            parcel=wanted.parcel, return_label=name, state=before["state"], tracking_number=before["tracking_number"]
        )
    label = next(ids)
    name = public("ret", label)
    outcome = _outcome(parcel.order.merchant, parcel.order.order_id, parcel.parcel_id, label, "wanted")
    told = {"parcel": wanted.parcel, "return_label": name, "carrier": wanted.carrier}
    outcome.events = [Event("want_return_label", data=told)]
    values = {
        "return_label_id": label, "order_id": parcel.order.order_id, "parcel_id": parcel.parcel_id,
        "site_id": parcel.site_id, "state": "wanted", "asked_at": ask.at,
    }  # fmt: skip
    outcome.facts = [Insert("return_label", values)]
    body = {"return_label": name, "parcel": wanted.parcel, "carrier": wanted.carrier, "service": wanted.service}
    outcome.then = [Job("buy_return_label", body)]
    return outcome


def _outcome(merchant: int, order: int, parcel: int, label: int, state: str) -> Outcome:
    answer = {
        "order": public("ord", order), "parcel": public("par", parcel), "return_label": public("ret", label),
        "state": state,
    }  # fmt: skip
    return Outcome(merchant, ("order", order), [], answer=answer)


async def _labels(tx: Tx, names: Sequence[str], labels: str = LOCKED) -> dict[int, Mapping[str, Any]]:
    rows = await tx.rows(labels, list(tx.merchants), sorted({number("ret", name) for name in names}))
    return {row["return_label_id"]: dict(row) for row in rows}


def _of(found: Mapping[int, Mapping[str, Any]], merchant: int, name: str) -> Mapping[str, Any]:
    """The label that is still waited for. Raises NotFound, ReturnLabelAnswered."""
    label = found.get(number("ret", name))
    if label is None or label["merchant_id"] != merchant:
        raise NotFound(return_label=name)
    if label["state"] != "wanted":
        raise ReturnLabelAnswered(return_label=name, state=label["state"])
    return label


@verb(KeepReturnLabel, ReturnLabelState)
async def keep_return_label(tx: Tx, asks: list[Ask[KeepReturnLabel]]) -> list[Result]:
    """Keep the carrier's label for the way back."""
    found = await _labels(tx, [ask.body.return_label for ask in asks])
    return each(asks, lambda ask: _kept(_of(found, ask.merchant, ask.body.return_label), ask))


def _kept(label: Mapping[str, Any], ask: Ask[KeepReturnLabel]) -> Outcome:
    kept = ask.body
    outcome = _outcome(ask.merchant, label["order_id"], label["parcel_id"], label["return_label_id"], "bought")
    outcome.events = [Event("keep_return_label", data={
        "parcel": public("par", label["parcel_id"]), "return_label": kept.return_label, "carrier": kept.carrier,
        "service": kept.service, "tracking_number": kept.tracking_number, "cost_minor": kept.cost_minor,
        "currency": kept.currency,
    })]  # fmt: skip
    bought = {
        "state": "bought", "carrier": kept.carrier, "service": kept.service, "label_ref": kept.label_ref,
        "tracking_number": kept.tracking_number, "cost_minor": kept.cost_minor, "currency": kept.currency,
        "pdf": kept.pdf, "error": "",
    }  # fmt: skip
    outcome.facts = [Update("return_label", {"return_label_id": label["return_label_id"]}, bought)]
    return outcome


@verb(RefuseReturnLabel, ReturnLabelState)
async def refuse_return_label(tx: Tx, asks: list[Ask[RefuseReturnLabel]]) -> list[Result]:
    """Keep the carrier's no; somebody must act."""
    found = await _labels(tx, [ask.body.return_label for ask in asks])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: _refused(_of(found, ask.merchant, ask.body.return_label), next(ids), ask))


def _refused(label: Mapping[str, Any], attention: int, ask: Ask[RefuseReturnLabel]) -> Outcome:
    outcome = _outcome(ask.merchant, label["order_id"], label["parcel_id"], label["return_label_id"], "refused")
    parcel = public("par", label["parcel_id"])
    told = {"parcel": parcel, "return_label": ask.body.return_label, "reason": ask.body.reason}
    outcome.events = [Event("refuse_return_label", data=told)]
    after = {"state": "refused", "error": ask.body.reason}
    why = {"return_label": ask.body.return_label, "parcel": parcel}
    outcome.facts = [
        Update("return_label", {"return_label_id": label["return_label_id"]}, after),
        carrier_refused(attention, ask.body.reason, why, ask, order_id=label["order_id"], parcel_id=label["parcel_id"]),
    ]
    return outcome


class BuyReturnLabel(msgspec.Struct, frozen=True, kw_only=True):
    return_label: str
    parcel: str
    carrier: str = ""
    service: str = ""


@errand(BuyReturnLabel)
async def buy_return_label(world: World, asks: list[Ask[BuyReturnLabel]]) -> None:
    for ask in asks:
        await _buy(world, ask)


async def _buy(world: World, ask: Ask[BuyReturnLabel]) -> None:
    name = ask.body.return_label
    async with world.reading([ask.merchant]) as tx:
        found = (await _labels(tx, [name], LABELS)).get(number("ret", name))
        parcel = await packed(tx, ask.body.parcel)
        codes = [row["code"] for row in await tx.rows(CARRIERS, ask.merchant)]
    if parcel is None or found is None or found["state"] != "wanted":
        return  # answered meanwhile
    try:
        rate = await _rate(world, ask, parcel, codes)
        carrier = await world.carrier(ask.merchant, rate.carrier)
        label = await carrier.buy(way_back(parcel, rate.service), name)
    except CarrierRefused as no:
        refused = RefuseReturnLabel(return_label=name, reason=spelled(no))
        await world.ask("refuse_return_label", [Ask(ask.merchant, refused, world.now())])
        return
    kept = KeepReturnLabel(
        return_label=name, tracking_number=label.tracking_number, carrier=label.carrier, service=label.service,
        label_ref=label.label_ref, cost_minor=label.cost_minor, currency=label.currency, pdf=label.pdf,
    )  # fmt: skip
    await world.ask("keep_return_label", [Ask(ask.merchant, kept, world.now())])


async def _rate(world: World, ask: Ask[BuyReturnLabel], parcel: Packed, codes: Sequence[str]) -> Rate:
    """Of the carrier that was asked for, of the one that brought it, of the cheapest. Raises CarrierRefused."""
    rates: list[Rate] = []
    for code in codes:
        if ask.body.carrier in ("", code):
            carrier = await world.carrier(ask.merchant, code)
            if "return_label" in carrier.can:
                rates += await carrier.rates(way_back(parcel))
    same = parcel.row["carrier"] if any(rate.carrier == parcel.row["carrier"] for rate in rates) else ""
    chosen = choose(rates, days_max=DAYS_MAX, carrier=ask.body.carrier or same, service=ask.body.service)
    if chosen.rate is None:
        raise CarrierRefused(
            reason="no carrier sells a label for the way back", detail=str(chosen.why["refused"] or ", ".join(codes))
        )
    return chosen.rate


def way_back(parcel: Packed, service: str = "") -> Shipment:
    """The same goods, from the buyer to the site; nothing is to be collected for them."""
    there = shipment_of(parcel, service)
    return replace(there, ship_from=there.ship_to, ship_to=there.ship_from, is_return=True, cod_minor=0)
