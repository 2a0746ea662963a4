"""return_void: a label for the way back is given back: two verbs round one call, as for the label of the way there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from doorstep.journey.shipping.return_label import (
    LABELS,
    RefuseReturnLabel,
    ReturnLabelState,
    label_named,
    labels_of,
    outcome_of,
)
from doorstep.journey.shipping.shopping import spelled
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.plug.carrier import Carrier, CarrierRefused
from doorstep.spine.outcome import Ask, Event, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand, verb
from doorstep.spine.world import World

# It stays written down with its number and what it cost; it can be printed no more.
VOID = {"state": "void", "pdf": None, "error": ""}


class WantReturnVoid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    return_label: str


class KeepReturnVoid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    return_label: str


class NoReturnLabel(Refusal):
    """There is nothing to be voided: this label for the way back was never bought, or is void."""


@verb(WantReturnVoid, ReturnLabelState)
async def want_return_void(tx: Tx, asks: list[Ask[WantReturnVoid]]) -> list[Result]:
    """Ask the carrier to void a label for the way back; from now on its buyer gets it no more."""
    found = await labels_of(tx, [ask.body.return_label for ask in asks])
    return each(asks, lambda ask: decide(label_named(found, ask.merchant, ask.body.return_label, ()), ask))


def decide(label: Mapping[str, Any], ask: Ask[WantReturnVoid]) -> Outcome:
    name = ask.body.return_label
    if label["state"] != "bought":
        raise NoReturnLabel(return_label=name, state=label["state"])
    state = "void_wanted" if label["label_ref"] else "void"
    outcome = outcome_of(ask.merchant, label["order_id"], label["parcel_id"], label["return_label_id"], state)
    outcome.events = [Event("want_return_void", data=_told(label))]
    wanted = {"state": "void_wanted", "error": ""} if label["label_ref"] else VOID
    outcome.facts = [Update("return_label", {"return_label_id": label["return_label_id"]}, wanted)]
    if label["label_ref"]:
        outcome.then = [Job("void_return_label", {"return_label": name, "carrier": label["carrier"]})]
    return outcome


def _told(label: Mapping[str, Any]) -> dict[str, Any]:
    """`cost_minor`: what goes back to whoever paid the carrier; None where it never told its price."""
    return {
        "parcel": public("par", label["parcel_id"]), "return_label": public("ret", label["return_label_id"]),
        "carrier": label["carrier"], "tracking_number": label["tracking_number"], "cost_minor": label["cost_minor"],
        "currency": label["currency"],
    }  # fmt: skip


@verb(KeepReturnVoid, ReturnLabelState)
async def keep_return_void(tx: Tx, asks: list[Ask[KeepReturnVoid]]) -> list[Result]:
    """Keep that a label for the way back is void: another one may be asked for."""
    found = await labels_of(tx, [ask.body.return_label for ask in asks])
    return each(asks, lambda ask: _kept(label_named(found, ask.merchant, ask.body.return_label, ("void_wanted",)), ask))


def _kept(label: Mapping[str, Any], ask: Ask[KeepReturnVoid]) -> Outcome:
    outcome = outcome_of(ask.merchant, label["order_id"], label["parcel_id"], label["return_label_id"], "void")
    outcome.events = [Event("keep_return_void", data=_told(label))]
    outcome.facts = [Update("return_label", {"return_label_id": label["return_label_id"]}, VOID)]
    return outcome


class VoidReturnLabel(msgspec.Struct, frozen=True, kw_only=True):
    return_label: str
    carrier: str = ""


@errand(VoidReturnLabel, account="carrier")
async def void_return_label(world: World, asks: list[Ask[VoidReturnLabel]]) -> None:
    for ask in asks:
        name = ask.body.return_label
        async with world.reading([ask.merchant]) as tx:
            label = (await labels_of(tx, [name], LABELS)).get(number("ret", name))
        if label is None or label["state"] != "void_wanted":
            continue  # answered meanwhile
        carrier: Carrier = await world.carrier(ask.merchant, label["carrier"])
        try:
            await carrier.void(label["label_ref"], f"{name}.void")
        except CarrierRefused as no:
            refused = RefuseReturnLabel(return_label=name, reason=spelled(no)[:2000])
            await world.ask("refuse_return_label", [Ask(ask.merchant, refused, world.now())])
            continue
        await world.ask("keep_return_void", [Ask(ask.merchant, KeepReturnVoid(return_label=name), world.now())])
