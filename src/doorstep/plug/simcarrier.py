"""simcarrier: the carrier of the simulated world, reached over HTTP like any real one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from doorstep.plug.carrier import (
    Ability,
    CarrierDown,
    CarrierRefused,
    Label,
    Manifest,
    Pickup,
    PickupAsked,
    Rate,
    Shipment,
    TrackEvent,
)
from doorstep.plug.wire import NoAnswer, Policy, Rejected, Wire
from doorstep.plug.words.meaning import Meaning, NotReadable
from doorstep.plug.words.meest import MEANINGS

T = TypeVar("T")

# It speaks Meest's codes, and has some for what Meest's list leaves out.
CODES: dict[str, Meaning] = MEANINGS | {
    "9001": Meaning("", "lost", "Declared lost", "lost", "carrier"),
    "9002": Meaning("EDA", "delayed", "Delayed", "weather", "carrier"),
    "9003": Meaning("EME", "customs_hold", "Held by customs: papers are missing", "papers", "merchant"),
    "9004": Meaning("", "damaged", "Damaged in transit", "damaged", "carrier"),
    "9005": Meaning("", "seized", "Seized by customs", "forbidden", "customs"),
}


class Told(Struct, frozen=True):
    """An event in the carrier's own words."""

    status: str
    time: datetime
    place: str = ""
    country: str = ""
    note: str = ""


class Rates(Struct, frozen=True):
    rates: list[Rate]


class History(Struct, frozen=True):
    events: list[Told]


class Histories(Struct, frozen=True):
    parcels: dict[str, list[Told]]


class SimCarrier:
    can: frozenset[Ability] = frozenset(
        {
            "rates",
            "buy",
            "void",
            "manifest",
            "pickup",
            "cancel_pickup",
            "track",
            "webhook",
            "return_label",
            "pickup_point",
            "insurance",
        }
    )

    def __init__(self, code: str, wire: Wire) -> None:
        self.code = code
        self._wire = wire

    async def rates(self, shipment: Shipment) -> list[Rate]:
        answer = await self._ask("POST", "/carrier/rates", Rates, body=shipment)
        return [_as_ours(rate, self.code) for rate in answer.rates]

    async def buy(self, shipment: Shipment, key: str) -> Label:
        label = await self._ask("POST", "/carrier/labels", Label, body=shipment, key=key)
        return _as_ours(label, self.code)

    async def void(self, label_ref: str, key: str) -> None:
        await self._ask("POST", f"/carrier/labels/{quote(label_ref, safe='')}/void", dict, body={}, key=key)

    async def manifest(self, label_refs: Sequence[str], key: str) -> Manifest:
        return await self._ask("POST", "/carrier/manifests", Manifest, body={"label_refs": list(label_refs)}, key=key)

    async def pickup(self, asked: PickupAsked, key: str) -> Pickup:
        return await self._ask("POST", "/carrier/pickups", Pickup, body=asked, key=key)

    async def cancel_pickup(self, pickup_ref: str, key: str) -> None:
        await self._ask("POST", f"/carrier/pickups/{quote(pickup_ref, safe='')}/cancel", dict, body={}, key=key)

    async def track(self, tracking_number: str) -> list[TrackEvent]:
        path = f"/carrier/track/{quote(tracking_number, safe='')}"
        history = await self._ask("GET", path, History)
        return [in_our_words(told) for told in history.events]

    async def track_many(self, tracking_numbers: Sequence[str]) -> dict[str, list[TrackEvent]]:
        body = {"numbers": list(tracking_numbers)}
        answer = await self._ask("POST", "/carrier/track", Histories, body=body)
        return {number: [in_our_words(told) for told in events] for number, events in answer.parcels.items()}

    async def close(self) -> None:
        await self._wire.close()

    async def _ask(self, method: str, path: str, into: type[T], body: Any = None, key: str = "") -> T:
        try:
            return await self._wire.call(method, path, into, body=body, key=key)
        except NoAnswer as silence:
            raise CarrierDown(
                carrier=self.code, detail=silence.detail, retry_after_s=silence.retry_after_s
            ) from silence
        except Rejected as no:
            raise CarrierRefused(carrier=self.code, reason=no.reason, detail=no.detail) from no


def in_our_words(told: Told) -> TrackEvent:
    """An unknown code is kept and shown, and does not change the state."""
    meaning = CODES.get(told.status, Meaning("", "", f"Unknown code {told.status}"))
    return TrackEvent(
        happened_at=told.time,
        code=meaning.upu,
        raw_code=told.status,
        state=meaning.state,
        place=told.place,
        country=told.country,
        message=told.note or meaning.message,
        reason=meaning.reason,
        party=meaning.party,
    )


def read_webhook(told: Any) -> dict[str, list[TrackEvent]]:
    """What it sends by itself is what it answers when it is asked for many."""
    try:
        histories = msgspec.convert(told, Histories)
    except msgspec.ValidationError as odd:
        raise NotReadable(str(odd)) from None
    return {number: [in_our_words(one) for one in events] for number, events in histories.parcels.items()}


A = TypeVar("A", Rate, Label)


def _as_ours(answer: A, code: str) -> A:
    """Under the code the operator gave this account, not the carrier's own name."""
    return replace(answer, carrier=code)


class SimSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach the simulated world."""

    base_url: str
    api_key: str = ""
    deadline_s: float = 10.0
    tries: int = 3

    def __repr__(self) -> str:
        return f"SimSettings({self.base_url!r})"  # without the key: this ends up in logs


def sim_wire(settings: SimSettings) -> Wire:
    headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
    return Wire(settings.base_url, headers, Policy(deadline_s=settings.deadline_s, tries=settings.tries))
