"""instruct: what the carrier is to do with a parcel now: try again, go elsewhere, come back, take the papers.

Nobody has a common way to tell carriers so: it is somebody's to tell them, with all they need to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from doorstep.journey.tracking.deliver import AlreadyArrived, NotHandedOver
from doorstep.plug.states import FINAL_STATES
from doorstep.setup.addresses import Address
from doorstep.spine.exceptions import next_action
from doorstep.spine.outcome import Ask, Event, Insert, Outcome, Result
from doorstep.spine.parcels import ParcelFacts, of_parcel, outcome_of_parcel, parcel_facts
from doorstep.spine.playbooks import STEPS
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Instruct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`on`: the day the buyer names; `ship_to`: where it is to go instead; `note`: what else the carrier must know."""

    parcel: str
    what: Literal["reattempt", "readdress", "return", "send_papers"]
    on: date | None = None
    ship_to: Address | None = None
    note: Annotated[str, Meta(max_length=1000)] = ""


class Instructed(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    parcel: str
    what: str


@verb(Instruct, Instructed)
async def instruct(tx: Tx, asks: list[Ask[Instruct]]) -> list[Result]:
    """Say what the carrier is to do with a parcel on its way; who tells the carrier finds it among the exceptions."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(of_parcel(parcels, ask.merchant, ask.body.parcel), ids, ask))


def decide(parcel: ParcelFacts, ids: Iterator[int], ask: Ask[Instruct]) -> Outcome:
    wanted = ask.body
    if not parcel.has_left:
        raise NotHandedOver(parcel=wanted.parcel)
    if parcel.delivered_at or parcel.state in FINAL_STATES:
        raise AlreadyArrived(parcel=wanted.parcel, state=parcel.state)
    told: dict[str, Any] = {
        name: value for name, value in msgspec.to_builtins(wanted).items() if value not in (None, "")
    } | {"carrier": parcel.carrier, "tracking_number": parcel.tracking_number}  # fmt: skip
    outcome = outcome_of_parcel(parcel, what=wanted.what)
    outcome.events = [Event("instruct", data=told)]
    outcome.facts = [Insert("attention", {
        "attention_id": next(ids), "kind": "carrier_to_tell", "order_id": parcel.order.order_id,
        "parcel_id": parcel.parcel_id, "reason": _reason(parcel, wanted), "next_action": next_action("carrier_to_tell"),
        "why": told, "raised_at": ask.at,
    })]  # fmt: skip
    return outcome


def _reason(parcel: ParcelFacts, wanted: Instruct) -> str:
    parts = [f"{parcel.carrier or 'the carrier'} {parcel.tracking_number}: {STEPS[wanted.what].says}"]
    if wanted.on:
        parts.append(f"on {wanted.on.isoformat()}")
    if wanted.ship_to:
        parts.append(f"to {wanted.ship_to.line1}, {wanted.ship_to.city}, {wanted.ship_to.country}")
    return "; ".join([*parts, *filter(None, [wanted.note])])[:1000]
