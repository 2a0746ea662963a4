"""return_label: a label for the way back of a parcel's goods, bought with a key, kept as PDF for whoever sends them.

As with the label for the way there, whom it is bought of is kept before anybody is asked: see `buy_label`. How it is
given back is told in `return_void`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace as with_
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from doorstep.journey.shipping import choose
from doorstep.journey.shipping.buy_label import ABOUT_THE_PARCEL, MOST_CHOICES, UNKNOWN, give_back, may_be_sold, unsure
from doorstep.journey.shipping.for_a_site import carrier_refused
from doorstep.journey.shipping.label import ASK_THE_CARRIER, AmountMinor, Tried, Word
from doorstep.journey.shipping.shipment import CARRIERS, Packed, packed, shipment_of
from doorstep.journey.shipping.shopping import answers, basket, or_later, spelled
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.plug.carrier import Carrier, CarrierRefused, Label, Shipment
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
  where l.merchant_id = any($1) and l.parcel_id = any($2) and l.state in ('wanted', 'bought', 'void_wanted')
"""
LABELS = """
select l.merchant_id, l.return_label_id, l.order_id, l.parcel_id, l.state, l.carrier, l.label_ref, l.tracking_number,
    l.cost_minor, l.currency, l.choice
  from return_label l
  where l.merchant_id = any($1) and l.return_label_id = any($2) order by l.return_label_id
"""
LOCKED = f"{LABELS.rstrip()} for update\n"
# In these the carrier's answer is waited for.
ASKED = ("wanted", "void_wanted")


class WantReturnLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For goods of this parcel. Default: the carrier that brought it, where it sells such labels; else the cheapest."""

    parcel: str
    carrier: Word = ""
    service: Word = ""


class ChooseReturnLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `nth` choice for this label: each is asked with a key of its own. `named`: what a person asked for."""

    return_label: str
    nth: Annotated[int, Meta(ge=1, le=20)] = 1
    carrier: Word
    service: Word
    tried: list[Tried] = []
    named_carrier: Word = ""
    named_service: Word = ""


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
    """To selling it, or to voiding it: then it stays as it was. `left_over`: of a label that nobody needs any more and
    that could not be voided."""

    return_label: str
    reason: Annotated[str, Meta(max_length=2000)]
    left_over: bool = False


class ReturnLabelState(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: wanted, bought, refused, void_wanted or void."""

    order: str
    parcel: str
    return_label: str
    state: str


class NotGone(Refusal):
    """This parcel has not left yet; cancel it or unpack it."""


class ReturnLabelThere(Refusal):
    """There is a label for the way back of this parcel, or one is being bought or voided."""


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
    outcome = outcome_of(parcel.order.merchant, parcel.order.order_id, parcel.parcel_id, label, "wanted")
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


def outcome_of(merchant: int, order: int, parcel: int, label: int, state: str) -> Outcome:
    answer = {
        "order": public("ord", order), "parcel": public("par", parcel), "return_label": public("ret", label),
        "state": state,
    }  # fmt: skip
    return Outcome(merchant, ("order", order), [], answer=answer)


async def labels_of(tx: Tx, names: Sequence[str], labels: str = LOCKED) -> dict[int, Mapping[str, Any]]:
    rows = await tx.rows(labels, list(tx.merchants), sorted({number("ret", name) for name in names}))
    return {
        row["return_label_id"]: dict(row) | {"choice": msgspec.json.decode(row["choice"]) if row["choice"] else None}
        for row in rows
    }


def label_named(
    found: Mapping[int, Mapping[str, Any]], merchant: int, name: str, states: Collection[str] = ("wanted",)
) -> Mapping[str, Any]:
    """The label, in one of these states; in any where none is named. Refuses NotFound, ReturnLabelAnswered."""
    label = found.get(number("ret", name))
    if label is None or label["merchant_id"] != merchant:
        raise NotFound(return_label=name)
    if states and label["state"] not in states:
        raise ReturnLabelAnswered(return_label=name, state=label["state"])
    return label


@verb(ChooseReturnLabel, ReturnLabelState)
async def choose_return_label(tx: Tx, asks: list[Ask[ChooseReturnLabel]]) -> list[Result]:
    """Keep whom the label is to be bought of, before anybody is asked: whatever happens then, nobody else is."""
    found = await labels_of(tx, [ask.body.return_label for ask in asks])
    return each(asks, lambda ask: _chosen(label_named(found, ask.merchant, ask.body.return_label), ask))


def _chosen(label: Mapping[str, Any], ask: Ask[ChooseReturnLabel]) -> Outcome:
    choice, name = ask.body, ask.body.return_label
    if choice.nth != (label["choice"] or {}).get("nth", 0) + 1:
        raise ReturnLabelAnswered(return_label=name, state=label["state"], nth=choice.nth)
    outcome = outcome_of(ask.merchant, label["order_id"], label["parcel_id"], label["return_label_id"], "wanted")
    told = {
        "return_label": name, "parcel": public("par", label["parcel_id"]), "carrier": choice.carrier,
        "service": choice.service,
    }  # fmt: skip
    tried = msgspec.to_builtins(choice.tried)
    if tried:
        outcome.events = [Event("choose_return_label", data=told | {"refused": tried[-1]})]
    else:
        outcome.verb = "choose_return_label"
    kept = {
        "nth": choice.nth, "carrier": choice.carrier, "service": choice.service, "tried": tried,
        "named": [choice.named_carrier, choice.named_service],
        "key": name if choice.nth == 1 else f"{name}.{choice.nth}",
    }  # fmt: skip
    outcome.facts = [Update("return_label", {"return_label_id": label["return_label_id"]}, {"choice": kept})]
    outcome.then = [Job("buy_return_label", told | {"nth": choice.nth})]
    return outcome


@verb(KeepReturnLabel, ReturnLabelState)
async def keep_return_label(tx: Tx, asks: list[Ask[KeepReturnLabel]]) -> list[Result]:
    """Keep the carrier's label for the way back."""
    found = await labels_of(tx, [ask.body.return_label for ask in asks])
    return each(asks, lambda ask: _kept(label_named(found, ask.merchant, ask.body.return_label), ask))


def _kept(label: Mapping[str, Any], ask: Ask[KeepReturnLabel]) -> Outcome:
    kept = ask.body
    outcome = outcome_of(ask.merchant, label["order_id"], label["parcel_id"], label["return_label_id"], "bought")
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
    told = {"order": public("ord", label["order_id"]), "parcel": public("par", label["parcel_id"])}
    outcome.then = [Job("notify", told | {"kind": "return_label", "about": kept.return_label})]
    return outcome


@verb(RefuseReturnLabel, ReturnLabelState)
async def refuse_return_label(tx: Tx, asks: list[Ask[RefuseReturnLabel]]) -> list[Result]:
    """Keep the carrier's no; somebody must act."""
    found = await labels_of(tx, [ask.body.return_label for ask in asks])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: _refused(
        label_named(found, ask.merchant, ask.body.return_label, () if ask.body.left_over else ASKED), next(ids), ask
    ))  # fmt: skip


def _refused(label: Mapping[str, Any], attention: int, ask: Ask[RefuseReturnLabel]) -> Outcome:
    voiding = label["state"] == "void_wanted"
    state = label["state"] if ask.body.left_over else "bought" if voiding else "refused"
    outcome = outcome_of(ask.merchant, label["order_id"], label["parcel_id"], label["return_label_id"], state)
    parcel = public("par", label["parcel_id"])
    told = {"parcel": parcel, "return_label": ask.body.return_label, "reason": ask.body.reason}
    outcome.events = [Event("refuse_return_label", data=told)]
    why = {"return_label": ask.body.return_label, "parcel": parcel}
    of = {"order_id": label["order_id"], "parcel_id": label["parcel_id"]}
    if voiding or ask.body.left_over or ask.body.reason.startswith(UNKNOWN):
        of["next_action"] = ASK_THE_CARRIER
    outcome.facts = [carrier_refused(attention, ask.body.reason, why, ask, **of)]
    if not ask.body.left_over:
        after = {"state": state, "error": ask.body.reason}
        outcome.facts.append(Update("return_label", {"return_label_id": label["return_label_id"]}, after))
    return outcome


class BuyReturnLabel(msgspec.Struct, frozen=True, kw_only=True):
    """`nth`: which choice is to be bought; before the first one, whom a person named."""

    return_label: str
    parcel: str
    carrier: str = ""
    service: str = ""
    nth: int = 0


@errand(BuyReturnLabel)
async def buy_return_label(world: World, asks: list[Ask[BuyReturnLabel]]) -> None:
    for ask in asks:
        await _buy(world, ask)


async def _buy(world: World, ask: Ask[BuyReturnLabel]) -> None:
    name = ask.body.return_label
    async with world.reading([ask.merchant]) as tx:
        found = (await labels_of(tx, [name], LABELS)).get(number("ret", name))
        parcel = await packed(tx, ask.body.parcel)
    if parcel is None or found is None or found["state"] != "wanted":
        return  # answered meanwhile
    choice = found["choice"] or {"nth": 0, "tried": [], "named": [ask.body.carrier, ask.body.service]}
    if choice["nth"] != ask.body.nth:
        return  # chosen meanwhile: that choice has a job of its own
    if not choice["nth"]:
        await _choose(world, ask, parcel, choice["named"], ())
        return
    try:
        carrier: Carrier = await world.carrier(ask.merchant, choice["carrier"])
        label = await carrier.buy(way_back(parcel, choice["service"]), choice["key"])
    except CarrierRefused as no:
        # That it was silent before is not noted of the way back: a login that fails is never a clear no.
        if may_be_sold(no, was_silent=True):
            await _refuse(world, ask, unsure(no))
            return
        everything = no.why.get("reason") in ABOUT_THE_PARCEL
        said = choose.Refused(choice["carrier"], "" if everything else choice["service"], spelled(no))
        tried = [*(choose.Refused(**before) for before in choice["tried"]), said]
        await _choose(world, ask, parcel, choice["named"], tried)
        return
    kept = KeepReturnLabel(
        return_label=name, tracking_number=label.tracking_number, carrier=label.carrier, service=label.service,
        label_ref=label.label_ref, cost_minor=label.cost_minor, currency=label.currency, pdf=label.pdf,
    )  # fmt: skip
    [answer] = await world.ask("keep_return_label", [Ask(ask.merchant, kept, world.now())])
    if isinstance(answer, Refusal):
        await _not_needed(world, ask, label, choice["key"])


async def _not_needed(world: World, ask: Ask[BuyReturnLabel], label: Label, key: str) -> None:
    """Another answer was kept meanwhile: this one goes back, or somebody must see to it."""
    name = ask.body.return_label
    async with world.reading([ask.merchant]) as tx:
        found = (await labels_of(tx, [name], LABELS)).get(number("ret", name))
    if found is not None and found["label_ref"] == label.label_ref:
        return  # it is kept: another worker asked with the same key
    if no := await give_back(world, ask.merchant, label, key):
        await _refuse(world, ask, no, left_over=True)


async def _refuse(world: World, ask: Ask[BuyReturnLabel], reason: str, *, left_over: bool = False) -> None:
    refused = RefuseReturnLabel(return_label=ask.body.return_label, reason=reason[:2000], left_over=left_over)
    await world.ask("refuse_return_label", [Ask(ask.merchant, refused, world.now())])


async def _choose(
    world: World, ask: Ask[BuyReturnLabel], parcel: Packed, named: Sequence[str], refused: Sequence[choose.Refused]
) -> None:
    """Whom to buy it of, among those that have not refused; where nobody is left, somebody has to look at it."""
    async with world.reading([ask.merchant]) as tx:
        there = (await basket(tx, ask.merchant, parcel, world.now(), refused=refused)).facts
        codes = [row["code"] for row in await tx.rows(CARRIERS, ask.merchant)]
    asked = [code for code in codes if named[0] in ("", code)]
    answered = await answers(world, ask.merchant, asked, way_back(parcel), there.rules)
    chosen = _whom(with_(there, answered=answered, carried={}), named, parcel.row["carrier"])
    if chosen.rate is None or len(refused) >= MOST_CHOICES:
        await _refuse(world, ask, f"no carrier sells a label for the way back: {_nobody(chosen, codes)}")
        return
    choice = ChooseReturnLabel(
        return_label=ask.body.return_label, nth=ask.body.nth + 1, carrier=chosen.rate.carrier,
        service=chosen.rate.service, tried=[Tried(**one._asdict()) for one in refused], named_carrier=named[0],
        named_service=named[1],
    )  # fmt: skip
    await world.ask("choose_return_label", [Ask(ask.merchant, choice, ask.at)])


def _whom(facts: choose.Facts, named: Sequence[str], brought_by: str) -> choose.Chosen:
    """The carrier that was asked for; else the one that brought it; else the cheapest. Raises TryLater."""
    there = facts.wanted
    wanted = with_(
        there, origin=there.to, to=there.origin, working_days=DAYS_MAX, level="", to_po_box=False, carrier=named[0],
        service=named[1], leaves=None, promised=None,
    )  # fmt: skip
    first = choose.decide(with_(facts, wanted=with_(wanted, carrier=named[0] or brought_by)))
    return first if first.rate else or_later(choose.decide(with_(facts, wanted=wanted)))


def _nobody(chosen: choose.Chosen, codes: Sequence[str]) -> str:
    told = chosen.why["refused"] | chosen.why["left_out"]
    return "; ".join(f"{name}: {reason}" for name, reason in told.items()) or ", ".join(codes)


def way_back(parcel: Packed, service: str = "") -> Shipment:
    """The same goods, from the buyer's own address to the site; nothing is collected for them, and nobody insures
    them."""
    there = shipment_of(parcel, service)
    buyer = replace(there.ship_to, pickup_point="")
    return replace(
        there, ship_from=buyer, ship_to=there.ship_from, is_return=True, cod_minor=0, insured_minor=0,
        sender_numbers=(), recipient_number="",
    )  # fmt: skip
