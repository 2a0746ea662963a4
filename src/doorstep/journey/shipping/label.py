"""label: the parcel gets its carrier, its number and its label: two verbs round one call, bought once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.shipping.legs import numbers_of, of_a_label, whose_surely
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.plug.numbers import candidates
from doorstep.spine.outcome import Ask, Event, Fact, Insert, Job, Outcome, Result, Update
from doorstep.spine.parcels import LabelThere, ParcelFacts, of_parcel, outcome_of_parcel, parcel_facts
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

Word = Annotated[str, Meta(max_length=120)]
AmountMinor = Annotated[int, Meta(ge=0, le=10**12)]


class WantLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Default: the cheapest carrier and service that keep the promise."""

    parcel: str
    carrier: Word = ""
    service: Word = ""


class Tried(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was chosen before and could not be bought; without a service, nothing of that carrier can."""

    carrier: Word
    service: Word = ""
    reason: Annotated[str, Meta(max_length=2000)] = ""


class ChooseLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `nth` choice for this question: each is asked with a key of its own. `named`: what a person asked for."""

    parcel: str
    label_key: Word
    nth: Annotated[int, Meta(ge=1, le=20)] = 1
    carrier: Word
    service: Word
    tried: list[Tried] = []
    named_carrier: Word = ""
    named_service: Word = ""
    why: dict[str, Any] = {}


class KeepLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The carrier's answer (`label_key` says to which question), or a label bought elsewhere (none).

    Of one bought elsewhere the carrier may be left out where the number tells it. No cost is one that nobody told.
    `cod_minor` is what the label tells the carrier to collect at the door.
    """

    parcel: str
    tracking_number: Annotated[str, Meta(min_length=1, max_length=60)]
    carrier: Word = ""
    service: Word = ""
    cost_minor: AmountMinor | None = None
    cod_minor: AmountMinor | None = None
    currency: Annotated[str, Meta(max_length=3)] = ""
    label_ref: Word = ""
    label_key: Word = ""
    pdf: bytes | None = None
    why: dict[str, Any] = {}
    first_mile_number: Annotated[str, Meta(max_length=60)] = ""
    last_mile_number: Annotated[str, Meta(max_length=60)] = ""


class RefuseLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`left_over`: of a label that the parcel does not need any more and that could not be voided."""

    parcel: str
    label_key: Word
    reason: Annotated[str, Meta(max_length=2000)]
    why: dict[str, Any] = {}
    left_over: bool = False


class AskLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`over`: it was asked, and surely sold nothing."""

    parcel: str
    label_key: Word
    over: bool = False


class LabelRefused(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    parcel: str
    reason: str


class LabelKept(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    parcel: str
    carrier: str
    service: str
    tracking_number: str
    cost_minor: int | None
    currency: str


class LabelState(msgspec.Struct, frozen=True, kw_only=True):
    """`label`: none, wanted, bought, refused, void_wanted or void."""

    order: str
    parcel: str
    label: str


class LabelAnswered(Refusal):
    """This answer is to an older question about the parcel's label."""


class WhichCarrier(Refusal):
    """The number does not tell whose it is; name the carrier."""

    status = 422


class NoLabel(Refusal):
    """The parcel has no label; buy one, or keep one bought elsewhere."""


class EmptyParcel(Refusal):
    """Nothing is in this parcel."""


@verb(WantLabel, LabelState)
async def want_label(tx: Tx, asks: list[Ask[WantLabel]]) -> list[Result]:
    """Ask for a label; the carrier is called by a job, with a key that makes a repeat harmless."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks], ("holds",), contents=True)
    return each(asks, lambda ask: _wanted(of_parcel(parcels, ask.merchant, ask.body.parcel), ask))


def _wanted(parcel: ParcelFacts, ask: Ask[WantLabel]) -> Outcome:
    parcel.must_be_here()
    if parcel.label_state in ("wanted", "bought", "void_wanted"):
        raise LabelThere(parcel=ask.body.parcel, label=parcel.label_state, tracking_number=parcel.tracking_number)
    if not parcel.lines:
        raise EmptyParcel(parcel=ask.body.parcel)
    for line in parcel.lines:
        if stopped := parcel.order.stopped("want_label", line.line_no):
            raise stopped
    tries = parcel.label_tries + 1
    key = f"{ask.body.parcel}.{tries}"
    outcome = outcome_of_parcel(parcel, label="wanted")
    outcome.events = [Event("want_label", data={"parcel": ask.body.parcel, "carrier": ask.body.carrier})]
    wanted = {
        "label_state": "wanted", "label_key": key, "label_tries": tries, "label_error": "", "label_choice": None,
    }  # fmt: skip
    outcome.facts = [Update("parcel", {"parcel_id": parcel.parcel_id}, wanted)]
    body = {"parcel": ask.body.parcel, "label_key": key, "carrier": ask.body.carrier, "service": ask.body.service}
    outcome.then = [Job("buy_label", body)]
    return outcome


@verb(ChooseLabel, LabelState)
async def choose_label(tx: Tx, asks: list[Ask[ChooseLabel]]) -> list[Result]:
    """Keep whom the label is to be bought of, before anybody is asked: whatever happens then, nobody else is."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: _chosen(of_parcel(parcels, ask.merchant, ask.body.parcel), next(ids), ask))


def _chosen(parcel: ParcelFacts, decision: int, ask: Ask[ChooseLabel]) -> Outcome:
    choice = ask.body
    parcel.must_be_here()
    refuse_other_question(parcel, choice.label_key, "wanted")
    if choice.nth != (parcel.label_choice or {}).get("nth", 0) + 1:
        raise LabelAnswered(parcel=choice.parcel, label=parcel.label_state, nth=choice.nth)
    outcome = outcome_of_parcel(parcel, label="wanted")
    told = {"parcel": choice.parcel, "carrier": choice.carrier, "service": choice.service}
    if choice.tried:
        before = msgspec.to_builtins(choice.tried[-1])
        outcome.events = [Event("choose_label", data=told | {"refused": before})]
    else:
        outcome.verb = "choose_label"
    kept = {
        "nth": choice.nth, "carrier": choice.carrier, "service": choice.service,
        "tried": msgspec.to_builtins(choice.tried), "named": [choice.named_carrier, choice.named_service],
        "key": choice.label_key if choice.nth == 1 else f"{choice.label_key}.{choice.nth}",
    }  # fmt: skip
    outcome.facts = [
        Update("parcel", {"parcel_id": parcel.parcel_id}, {"label_choice": kept, "label_error": ""}),
        _decision(parcel, decision, f"{choice.carrier} {choice.service}".strip(), choice.parcel, choice.why, ask.at),
    ]
    outcome.then = [Job("buy_label", told | {"label_key": choice.label_key, "nth": choice.nth})]
    return outcome


def _decision(parcel: ParcelFacts, decision: int, chosen: str, name: str, why: dict[str, Any], at: datetime) -> Insert:
    values = {
        "decision_id": decision, "order_id": parcel.order.order_id, "verb": "buy_label", "chosen": chosen,
        "why": why | {"parcel": name}, "decided_at": at,
    }  # fmt: skip
    return Insert("decision", values)


# In the place of an error while nobody knows what became of a purchase: after a crash it is still there.
ASKING = "the carrier is being asked"


@verb(AskLabel, LabelState)
async def ask_label(tx: Tx, asks: list[Ask[AskLabel]]) -> list[Result]:
    """Note down that a carrier is being asked which knows no keys, or was silent: what it says next is no clear no."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks])
    return each(asks, lambda ask: _asking(of_parcel(parcels, ask.merchant, ask.body.parcel), ask))


def _asking(parcel: ParcelFacts, ask: Ask[AskLabel]) -> Outcome:
    refuse_other_question(parcel, ask.body.label_key, "wanted")
    if not ask.body.over and parcel.label_error == ASKING:
        raise LabelAnswered(parcel=ask.body.parcel, label=parcel.label_state)
    outcome = outcome_of_parcel(parcel, label="wanted")
    outcome.events = [Event("ask_label", data={"parcel": ask.body.parcel, "over": ask.body.over})]
    outcome.facts = [
        Update("parcel", {"parcel_id": parcel.parcel_id}, {"label_error": "" if ask.body.over else ASKING})
    ]
    return outcome


@verb(KeepLabel, LabelKept)
async def keep_label(tx: Tx, asks: list[Ask[KeepLabel]]) -> list[Result]:
    """Keep the carrier's label, or one bought elsewhere, by hand."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks])
    ids = await tx.fresh_ids(len(asks))
    known = await numbers_of(tx, parcels) if any(map(_has_more_numbers, asks)) else {}
    return each(asks, lambda ask: _kept(of_parcel(parcels, ask.merchant, ask.body.parcel), next(ids), known, ask))


def _has_more_numbers(ask: Ask[KeepLabel]) -> bool:
    return bool(ask.body.first_mile_number or ask.body.last_mile_number)


def _kept(parcel: ParcelFacts, decision: int, known: Mapping[int, Sequence[Any]], ask: Ask[KeepLabel]) -> Outcome:
    label = _with_carrier(ask.body)
    parcel.must_be_here()
    if label.label_key:
        refuse_other_question(parcel, label.label_key, "wanted")
    elif parcel.label_state in ("bought", "void_wanted"):
        raise LabelThere(parcel=label.parcel, label=parcel.label_state, tracking_number=parcel.tracking_number)
    told = {
        "parcel": label.parcel, "carrier": label.carrier, "service": label.service,
        "tracking_number": label.tracking_number, "cost_minor": label.cost_minor, "currency": label.currency,
    }  # fmt: skip
    outcome = outcome_of_parcel(parcel, **told)
    collects = {} if label.cod_minor is None else {"cod_minor": label.cod_minor}
    outcome.events = [Event("keep_label", data=told | collects)]
    bought = {
        "label_state": "bought", "label_key": label.label_key, "carrier": label.carrier, "service": label.service,
        "label_ref": label.label_ref, "tracking_number": label.tracking_number, "label_cost_minor": label.cost_minor,
        "label_currency": label.currency, "label_pdf": label.pdf, "label_error": "",
    }  # fmt: skip
    outcome.facts = [Update("parcel", {"parcel_id": parcel.parcel_id}, bought)]
    outcome.facts += _further_numbers(parcel, label, {row["number"] for row in known.get(parcel.parcel_id, ())}, ask)
    if label.why:
        chosen = f"{label.carrier} {label.service}".strip()
        outcome.facts.append(_decision(parcel, decision, chosen, label.parcel, label.why, ask.at))
    return outcome


def _further_numbers(
    parcel: ParcelFacts, label: KeepLabel, known: Collection[str], ask: Ask[KeepLabel]
) -> Iterator[Fact]:
    """Of the first and the last mile, where the carrier told them with the label."""
    for number, leg in of_a_label(label.tracking_number, label.first_mile_number, label.last_mile_number):
        carrier = whose_surely(number, label.carrier) or label.carrier
        key = {"parcel_id": parcel.parcel_id, "number": number}
        told = {"carrier": carrier, "leg": leg, "label_key": label.label_key, "until": None}
        yield (
            Update("parcel_number", key, told)
            if number in known
            else Insert("parcel_number", key | told | {"since": ask.at})
        )


def _with_carrier(label: KeepLabel) -> KeepLabel:
    """A number that a person typed without a carrier: whose it surely is, written as the carrier writes it."""
    if label.carrier:
        return label
    found = candidates(label.tracking_number)
    if not found or (len(found) > 1 and found[0].certainty != "certain"):
        told = [one.carrier for one in found]
        raise WhichCarrier(parcel=label.parcel, tracking_number=label.tracking_number, candidates=told)
    return msgspec.structs.replace(label, carrier=found[0].carrier, tracking_number=found[0].number)


@verb(RefuseLabel, LabelRefused)
async def refuse_label(tx: Tx, asks: list[Ask[RefuseLabel]]) -> list[Result]:
    """Keep the carrier's no, to buying or to voiding; somebody must act."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks])
    ids = await tx.fresh_ids(2 * len(asks))
    return each(
        asks, lambda ask: _refused(of_parcel(parcels, ask.merchant, ask.body.parcel), next(ids), next(ids), ask)
    )


def _refused(parcel: ParcelFacts, attention: int, decision: int, ask: Ask[RefuseLabel]) -> Outcome:
    voiding = parcel.label_state == "void_wanted"
    if not ask.body.left_over:
        refuse_other_question(parcel, ask.body.label_key, "void_wanted" if voiding else "wanted")
    outcome = outcome_of_parcel(parcel, reason=ask.body.reason)
    outcome.events = [Event("refuse_label", data={"parcel": ask.body.parcel, "reason": ask.body.reason})]
    after = {"label_state": "bought" if voiding else "refused", "label_error": ask.body.reason}
    raised = {
        "attention_id": attention, "kind": "label_refused", "order_id": parcel.order.order_id,
        "parcel_id": parcel.parcel_id, "reason": ask.body.reason, "why": {"parcel": ask.body.parcel},
        "next_action": _next_action(ask.body.reason, voiding or ask.body.left_over),
        "raised_at": ask.at,
    }  # fmt: skip
    outcome.facts = [Insert("attention", raised)]
    if not ask.body.left_over:
        outcome.facts.append(Update("parcel", {"parcel_id": parcel.parcel_id}, after))
    if ask.body.why:
        outcome.facts.append(_decision(parcel, decision, "none", ask.body.parcel, ask.body.why, ask.at))
    return outcome


ASK_THE_CARRIER = "ask the carrier"


def _next_action(reason: str, voiding: bool) -> str:
    """Where nobody knows whether a label was made, another one is not what comes next."""
    if voiding or reason.startswith("outcome_unknown"):
        return ASK_THE_CARRIER
    return "mend what the carrier names, then ask for the label again"


def refuse_other_question(parcel: ParcelFacts, key: str, state: str) -> None:
    if parcel.label_state != state or parcel.label_key != key:
        raise LabelAnswered(parcel=public("par", parcel.parcel_id), label=parcel.label_state)
