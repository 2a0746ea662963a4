"""carrier: Meest as doorstep's carrier. It knows no keys: what was made is found again by our own number of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from doorstep.plug import (
    READERS,
    Ability,
    BadSettings,
    CarrierDown,
    CarrierPlugin,
    CarrierRefused,
    Label,
    Manifest,
    NotReadable,
    Pickup,
    PickupAsked,
    Rate,
    Shipment,
    TrackEvent,
    now,
)
from doorstep_meest import words
from doorstep_meest.client import Client, may_have_acted
from doorstep_meest.places import Places
from doorstep_meest.settings import Settings
from doorstep_meest.turns import Turns
from doorstep_meest.words import Listed, Made, NewPickup, NewRegister, Price, Ref, Register, Told

# So long after a purchase that was not answered it is looked for, and not bought anew: it may still be on its way.
SETTLES_S = 60.0
# In so many days' lists a parcel is looked for.
LOOKED_BACK_DAYS = 8
# Not with Meest: no reason to keep other carriers from being asked.
NO_WAY = frozenset({
    "address_unknown", "address_ambiguous", "address_incomplete", "unknown_pickup_point", "unsupported", "currency",
    "weight_refused", "cod_refused",
})  # fmt: skip
CALLED = "registerpickup"  # as the kind of register is spelled, however it is written


class Meest:
    can: frozenset[Ability] = frozenset(
        {"rates", "buy", "void", "manifest", "pickup", "cancel_pickup", "track", "pickup_point", "insurance"}
    )

    def __init__(
        self, code: str, settings: Settings, client: Client | None = None, settles_s: float = SETTLES_S
    ) -> None:
        self.code = code
        self._settings, self._settles_s = settings, settles_s
        self._client = client or Client(code, settings)
        self._places = Places(self._client, settings)
        self._turns = Turns()
        self._doubted_until: dict[str, float] = {}

    # Prices

    async def rates(self, shipment: Shipment) -> list[Rate]:
        found = []
        for service in words.services_of(shipment):
            try:
                found.append(await self._rate(replace(shipment, service=service)))
            except CarrierRefused as no:
                if no.why.get("reason") not in NO_WAY:
                    raise
        return found

    async def _rate(self, shipment: Shipment) -> Rate:
        words.must_be_priceable(shipment, self._settings)
        today = _today()
        ends = await self._places.ends(shipment.ship_from, shipment.ship_to, streets=False)
        asked = words.price_asked(shipment, ends, self._settings, today)
        prices = await self._client.ask("POST", "/calculate", list[Price], asked)
        if not prices:
            raise CarrierRefused(carrier=self.code, reason="address_unknown", detail="no price for this way")
        return words.rate(prices[0], shipment.service, self.code, today, self._settings)

    # Labels

    async def buy(self, shipment: Shipment, key: str) -> Label:
        words.must_be_sendable(shipment, self._settings)
        number = words.parcel_number(key)
        async with self._turns.of(number):
            made, day = await self._found(number, shipment) or await self._made(number, shipment)
        pdf = await self._paper(f"/print/sticker100/{_quoted(made.parcelID)}")
        return words.label(made, shipment.service, self.code, day, self._settings, pdf)

    async def _made(self, number: str, shipment: Shipment) -> tuple[Made, date]:
        """Asked for once: without an answer it is not known whether there is a label."""
        left_s = self._doubted_until.get(number, 0.0) - time.monotonic()
        if left_s > 0:
            raise CarrierDown(carrier=self.code, detail="it may still be on its way", retry_after_s=left_s)
        today = _today()
        ends = await self._places.ends(shipment.ship_from, shipment.ship_to, streets=True)
        wanted = words.new_parcel(shipment, number, ends, self._settings, today)
        self._doubted_until[number] = time.monotonic() + self._client.deadline_s + self._settles_s
        try:
            made = await self._client.ask("POST", "/parcel", Made, wanted, once=True)
        except CarrierDown as down:
            self._doubted_until[number] = time.monotonic() + (self._settles_s if may_have_acted(down) else 0.0)
            raise
        except CarrierRefused:
            # Perhaps because it is there already: whatever lies between us may have sent the request twice.
            if found := await self._found(number, shipment):
                return found
            self._doubted_until.pop(number, None)
            raise
        self._doubted_until.pop(number, None)
        return made, today

    async def _found(self, number: str, shipment: Shipment) -> tuple[Made, date] | None:
        """The parcel of that number, if one was made before; of several the last, and the others are given back."""
        told = await self._told(number)
        if told is None:
            return None
        if not words.is_the_same(told, shipment):
            raise CarrierRefused(carrier=self.code, reason="key_reused", detail=f"{number} is another parcel")
        for days in range(LOOKED_BACK_DAYS):
            day = _today() - timedelta(days=days)
            same = [one for one in await self._list(day) if one.parcelNumber == number]
            if same:
                await self._give_back(one.parcelID for one in same[:-1])
                self._doubted_until.pop(number, None)
                return Made(same[-1].parcelID, same[-1].number, await self._cost(shipment)), day
        raise CarrierDown(carrier=self.code, detail=f"{number} is known, and in no list of parcels yet")

    async def _told(self, number: str) -> Told | None:
        try:
            told = await self._client.ask("GET", f"/getParcel/{_quoted(number)}/parcelNumber/objectData", Told)
        except CarrierRefused as no:
            if no.why.get("reason") in ("unauthorized", "unknown_contract"):
                raise
            return None
        return told if told.parcelNumber == number else None

    async def _cost(self, shipment: Shipment) -> words.Text | None:
        """The price of a label whose own was lost with the answer: it is asked anew, and does without if need be."""
        try:
            ends = await self._places.ends(shipment.ship_from, shipment.ship_to, streets=False)
            asked = words.price_asked(shipment, ends, self._settings, _today())
            prices = await self._client.ask("POST", "/calculate", list[Price], asked)
        except CarrierRefused:
            return None
        return prices[0].costServices if prices else None

    async def _paper(self, path: str) -> bytes | None:
        """None where Meest prints none: doorstep prints its own."""
        try:
            return await self._client.page(path)
        except CarrierRefused as no:
            if no.why.get("reason") == "unauthorized":
                raise
            return None

    async def _give_back(self, twins: Iterable[str]) -> None:
        """What was made beside the parcel that counts, by a request that came twice or came late."""
        for parcel_id in twins:
            with suppress(CarrierRefused):
                await self._delete(parcel_id)

    async def void(self, label_ref: str, key: str) -> None:
        """A no is looked into: given back before, or moving already?"""
        ref = Ref.read(label_ref)
        try:
            await self._delete(ref.parcel_id)
        except CarrierRefused as no:
            states = {event.state for event in await self._history(ref.number)}
            if "canceled" in states:
                return
            if states - {"pre_transit", ""}:
                raise CarrierRefused(carrier=self.code, reason="already_moving", detail=no.why.get("detail")) from no
            raise

    async def _delete(self, parcel_id: str) -> None:
        path = f"/parcel/{_quoted(parcel_id)}/{_quoted(self._settings.contract_id)}"
        await self._client.ask("DELETE", path, Any)

    # Registers: what is handed in, and what a courier fetches

    async def manifest(self, label_refs: Sequence[str], key: str) -> Manifest:
        refs = _some(label_refs, self.code)
        async with self._turns.of("register"):
            known = await self._on_registers(refs)
            if len(known) < len(refs):
                asked = words.new_register(refs, self._settings, words.parcel_number(key))
                made = await self._register("/registerBranch", asked, refs, known)
                if made is not None:
                    return await self._manifest(made.registerID, words.taken(made, refs))
        number = _most(known)
        return await self._manifest(number, [ref for ref in refs if known[ref.parcel_id].registerID == number])

    async def _manifest(self, number: str, refs: Sequence[Ref]) -> Manifest:
        if not refs:
            raise CarrierRefused(carrier=self.code, reason="already_moving", detail="it put none of them on the list")
        pdf = await self._paper(f"/print/register/{_quoted(number)}/pdf")
        return Manifest(manifest_ref=number, label_refs=tuple(map(str, refs)), pdf=pdf)

    async def pickup(self, asked: PickupAsked, key: str) -> Pickup:
        """The courier is called for parcels that are named. When asked again, the day is told that was asked for."""
        refs = _some(asked.label_refs, self.code)
        day = asked.ready_at.astimezone(words.KYIV).date()
        made = None
        async with self._turns.of("register"):
            known = await self._on_registers(refs, CALLED)
            if len(known) < len(refs):
                wanted = words.new_pickup(asked, refs, await self._places.door(asked.address), self._settings)
                made = await self._register("/registerPickup", wanted, refs, known, CALLED)
        comes = words.day_read(made.pickUpDate if made else None) or day
        return Pickup(
            pickup_ref=str(Ref(made.registerID if made else _most(known), day=day)),
            ready_at=words.moment_on(comes, asked.ready_at), until=words.moment_on(comes, asked.until),
        )  # fmt: skip

    async def cancel_pickup(self, pickup_ref: str, key: str) -> None:
        """A call that is ours and not there was canceled before."""
        ref = Ref.read(pickup_ref)
        try:
            await self._client.ask("DELETE", f"/registerPickup/{_quoted(ref.parcel_id)}", Any)
        except CarrierRefused as no:
            if no.why.get("reason") not in ("unknown_register", "not_found"):
                raise
            if ref.day is None:
                raise CarrierRefused(carrier=self.code, reason="unknown_pickup", detail=pickup_ref[:100]) from no

    async def _register(
        self, path: str, asked: NewRegister | NewPickup, refs: Sequence[Ref], known: dict[str, Listed], kind: str = ""
    ) -> Register | None:
        """Made once; None, and `known` tells where they stand, when it says no for they stand on one already."""
        try:
            return await self._client.ask("POST", path, Register, asked, once=True)
        except CarrierRefused:
            known |= await self._on_registers(refs, kind)
            if len(known) < len(refs):
                raise
            return None

    async def _on_registers(self, refs: Sequence[Ref], kind: str = "") -> dict[str, Listed]:
        """Of these parcels, those that stand on a register of that kind. A twin of one of them is given back."""
        wanted, days = {ref.parcel_id for ref in refs}, sorted({ref.day for ref in refs if ref.day})
        listed = [one for day in days for one in await self._list(day)]
        numbers = {one.parcelNumber for one in listed if one.parcelID in wanted and words.is_ours(one.parcelNumber)}
        twins = [one.parcelID for one in listed if one.parcelNumber in numbers and one.parcelID not in wanted]
        await self._give_back(twins)
        on_one = [one for one in listed if one.registerID and (one.registerType or "").casefold().startswith(kind)]
        return {one.parcelID: one for one in on_one if one.parcelID in wanted}

    async def _list(self, day: date) -> list[Listed]:
        return await self._client.ask("GET", f"/parcelsList/{words.day_spelled(day)}", list[Listed])

    # Tracking

    async def track(self, tracking_number: str) -> list[TrackEvent]:
        if not any(map(str.isalnum, tracking_number)):
            raise CarrierRefused(carrier=self.code, reason="unknown_number", detail=tracking_number)
        try:
            rows = await self._client.ask("GET", f"/tracking/{_quoted(tracking_number)}", Any)
        except CarrierRefused as no:
            if no.why.get("reason") == "unauthorized":
                raise
            raise CarrierRefused(
                carrier=self.code, reason="unknown_number", detail=no.why.get("detail") or tracking_number
            ) from no
        try:
            told = READERS["meest"]({"result": rows})
        except NotReadable as odd:
            raise CarrierDown(carrier=self.code, detail=str(odd)) from odd
        return told.get(tracking_number, [])

    async def _history(self, number: str) -> list[TrackEvent]:
        try:
            return await self.track(number) if number else []
        except CarrierRefused:
            return []

    async def close(self) -> None:
        await self._client.close()


def _today() -> date:
    return now().astimezone(words.KYIV).date()


def _quoted(part: str) -> str:
    return quote(part, safe="") or "-"


def _some(label_refs: Sequence[str], code: str) -> list[Ref]:
    if not label_refs:
        raise CarrierRefused(carrier=code, reason="labels_missing", detail="Meest is told which parcels")
    return [Ref.read(one) for one in dict.fromkeys(label_refs)]


def _most(known: dict[str, Listed]) -> str:
    return str(Counter(one.registerID for one in known.values()).most_common(1)[0][0])


def _build(code: str, settings: Settings) -> Meest:
    if settings.problem:
        raise BadSettings(plugin="meest", problem=settings.problem)
    return Meest(code, settings)


PLUGIN = CarrierPlugin(
    Settings,
    _build,
    "Meest: prices, labels, registers, the courier's call and tracking",
    ("password", "token"),
)
