"""carrier: EasyPost behind doorstep's socket: one label for a key, though EasyPost itself knows no keys.

The key is kept as the reference of EasyPost's shipment, and looked for before anything is bought. A shipment is bought
once, however often that is asked; so two labels could only come of two shipments with one reference, made when the
answer to the first was lost. Where one is found that nobody bought yet, the bought ones are therefore looked through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from weakref import WeakValueDictionary

from doorstep.plug import (
    READERS,
    Ability,
    CarrierPlugin,
    CarrierRefused,
    Label,
    Manifest,
    NotReadable,
    Pickup,
    PickupAsked,
    Policy,
    Rate,
    Shipment,
    TrackEvent,
    now,
)
from doorstep_easypost.asked import batch_asked, must_fit, pickup_asked, purchase_asked, scan_form_asked, shipment_asked
from doorstep_easypost.client import Client
from doorstep_easypost.settings import Settings
from doorstep_easypost.told import (
    ALREADY_BOUGHT,
    GIVEN_BACK,
    Batch,
    Rates,
    Shipments,
    ToldPickup,
    ToldScanForm,
    ToldShipment,
    Trackers,
    cheapest_of_each,
    differs,
    is_moving,
    minor,
    rates_of,
    said_by_carriers,
)

BUY_S = 45.0  # shorter than a job is leased: no second worker begins while this one may still be buying
PAGE, PAGES = 100, 50  # EasyPost's largest page; so many are looked through
BEFORE = timedelta(days=1)  # how much earlier than the shipment found another of its reference may have been made
AT_ONCE = 100  # trackers in one question


class EasyPost:
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

    def __init__(self, code: str, settings: Settings, policy: Policy | None = None) -> None:
        self.code, self._settings = code, settings
        self._client = Client(code, settings, policy)
        self._buying: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def close(self) -> None:
        await self._client.close()

    # Prices and labels

    async def rates(self, shipment: Shipment) -> list[Rate]:
        self._must_fit(shipment)
        with self._makes_sense():
            return rates_of(await self._made(shipment), self.code, shipment.service)

    async def buy(self, shipment: Shipment, key: str) -> Label:
        self._must_fit(shipment)
        async with self._one_at_a_time(key):
            try:
                async with asyncio.timeout(BUY_S):
                    bought = await self._bought(shipment, key)
                    return await self._label(bought, shipment.service)
            except TimeoutError:
                raise self._client.down(f"no label within {BUY_S:g} s") from None

    async def _bought(self, shipment: Shipment, key: str) -> ToldShipment:
        kept = await self._client.find(f"/shipments/{quote(key, safe='')}", ToldShipment)
        if kept is None:
            return await self._purchase(await self._made(shipment, key, once=True), shipment)
        if not kept.is_bought:
            kept = await self._bought_under(key, kept.created_at or now()) or kept
        if wrong := differs(kept, shipment):
            raise CarrierRefused(carrier=self.code, reason="key_reused", detail=f"another {wrong}", key=key)
        if kept.is_bought:
            return kept
        fresh = await self._client.ask("POST", f"/shipments/{kept.id}/rerate", Rates, body={})
        return await self._purchase(kept, shipment, fresh)

    async def _made(self, shipment: Shipment, key: str = "", *, once: bool = False) -> ToldShipment:
        body = shipment_asked(
            shipment, key, signer=self._settings.customs_signer, contents=self._settings.contents,
            accounts=self._settings.account_ids,
        )  # fmt: skip
        return await self._client.ask("POST", "/shipments", ToldShipment, body, once=once)

    async def _bought_under(self, key: str, around: datetime) -> ToldShipment | None:
        """The one that was bought of those with that reference: EasyPost promises no order among them."""
        asked = {
            "page_size": str(PAGE), "purchased": "true",
            "start_datetime": (around - BEFORE).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }  # fmt: skip
        for _ in range(PAGES):
            page = await self._client.ask("GET", "/shipments", Shipments, params=asked)
            for one in page.shipments:
                if one.reference == key and one.is_bought:
                    return one
            if not page.has_more or not page.shipments:
                return None
            asked["before_id"] = page.shipments[-1].id
        detail = "too many labels were bought since it was asked for: look for its reference at EasyPost"
        raise CarrierRefused(carrier=self.code, reason="outcome_unknown", detail=detail, key=key)

    async def _purchase(self, kept: ToldShipment, shipment: Shipment, fresh: Rates | None = None) -> ToldShipment:
        with self._makes_sense():
            rate = cheapest_of_each(fresh.rates if fresh else kept.rates or []).get(shipment.service)
        if rate is None:
            detail = said_by_carriers(kept.messages) or shipment.service
            raise CarrierRefused(carrier=self.code, reason="unknown_service", detail=detail)
        try:
            body = purchase_asked(shipment, rate.id)
            return await self._client.ask("POST", f"/shipments/{kept.id}/buy", ToldShipment, body)
        except CarrierRefused as no:
            if no.why["said"] != ALREADY_BOUGHT:
                raise
            return await self._client.ask("GET", f"/shipments/{kept.id}", ToldShipment)

    async def _label(self, bought: ToldShipment, service: str) -> Label:
        if not bought.tracking_code:
            raise self._client.down(f"{bought.id} was bought and has no number yet")
        rate = bought.selected_rate
        with self._makes_sense():
            cost_minor = rate.amount_minor if rate else None
        return Label(
            carrier=self.code, service=rate.name if rate else service, tracking_number=bought.tracking_code,
            label_ref=bought.id, cost_minor=cost_minor, currency=rate.currency if rate else "",
            pdf=await self._pdf(bought),
        )  # fmt: skip

    async def _pdf(self, bought: ToldShipment) -> bytes | None:
        """As it is; else EasyPost makes a PDF of what the carrier gave. None where the carrier gave nothing."""
        label = bought.postage_label
        if label is None:
            return None
        if not label.pdf_url and label.label_url:
            path = f"/shipments/{bought.id}/label"
            turned = await self._client.ask("GET", path, ToldShipment, params={"file_format": "PDF"})
            label = turned.postage_label or label
        return await self._client.file(label.pdf_url) if label.pdf_url else None

    async def void(self, label_ref: str, key: str) -> None:
        """Asks for the refund; asked for already, it is not asked for again."""
        kept = await self._shipment(label_ref)
        if kept.refund_status in GIVEN_BACK:
            return
        if is_moving(kept):
            raise CarrierRefused(carrier=self.code, reason="already_moving", label_ref=label_ref)
        try:
            kept = await self._client.ask("POST", f"/shipments/{kept.id}/refund", ToldShipment, body={})
        except CarrierRefused:
            # A repeat on the way may have been refused because the first had come.
            kept = await self._client.ask("GET", f"/shipments/{kept.id}", ToldShipment)
            if kept.refund_status not in GIVEN_BACK:
                raise
        if kept.refund_status not in GIVEN_BACK:
            told = f"refund {kept.refund_status or 'not asked for'}"
            raise CarrierRefused(carrier=self.code, reason="refund_refused", detail=told, label_ref=label_ref)

    # Scan forms and pickups

    async def manifest(self, label_refs: Sequence[str], key: str) -> Manifest:
        """A label stands on one scan form at most: the form of the first is the form of this call, if it has one."""
        if not label_refs:
            raise CarrierRefused(carrier=self.code, reason="labels_missing")
        if (made := await self._form_of(label_refs[0])) is None:
            try:
                made = await self._client.ask("POST", "/scan_forms", ToldScanForm, scan_form_asked(label_refs))
            except CarrierRefused:
                if (made := await self._form_of(label_refs[0])) is None:
                    raise
        return await self._manifest(made, label_refs)

    async def _form_of(self, label_ref: str) -> ToldScanForm | None:
        kept = await self._shipment(label_ref)
        if kept.scan_form is None:
            return None
        form = await self._client.ask("GET", f"/scan_forms/{kept.scan_form.id}", ToldScanForm)
        return None if form.status == "failed" else form

    async def _manifest(self, form: ToldScanForm, label_refs: Sequence[str]) -> Manifest:
        if form.status == "failed":
            raise CarrierRefused(carrier=self.code, reason="manifest_refused", detail=form.message or "")
        if form.status == "creating":
            raise self._client.down(f"the scan form {form.id} is still being made")
        pdf = await self._client.file(form.form_url) if form.form_url else None
        return Manifest(manifest_ref=form.id, label_refs=tuple(label_refs), pdf=pdf)

    async def pickup(self, asked: PickupAsked, key: str) -> Pickup:
        if not asked.label_refs:
            detail = "EasyPost sends for labels: name those that are to be fetched"
            raise CarrierRefused(carrier=self.code, reason="labels_missing", detail=detail)
        kept = await self._client.find(f"/pickups/{quote(key, safe='')}", ToldPickup)
        if kept is None:
            batch = await self._batch(asked, key) if len(asked.label_refs) > 1 else ""
            body = pickup_asked(asked, key, batch)
            kept = await self._client.ask("POST", "/pickups", ToldPickup, body, once=True)
        if kept.status == "canceled":
            raise CarrierRefused(carrier=self.code, reason="pickup_canceled", pickup_ref=kept.id)
        with self._makes_sense():
            rate = kept.cheapest
        if kept.status != "scheduled":
            if rate is None:
                detail = said_by_carriers(kept.messages)
                raise CarrierRefused(carrier=self.code, reason="pickup_refused", detail=detail)
            kept = await self._order_pickup(kept, {"carrier": rate.carrier, "service": rate.service})
        return Pickup(
            pickup_ref=kept.id, ready_at=kept.min_datetime, until=kept.max_datetime,
            cost_minor=minor(rate.rate, rate.currency) if rate else None, currency=rate.currency if rate else "",
        )  # fmt: skip

    async def _order_pickup(self, kept: ToldPickup, rate: dict[str, str]) -> ToldPickup:
        try:
            return await self._client.ask("POST", f"/pickups/{kept.id}/buy", ToldPickup, rate)
        except CarrierRefused:
            # A repeat on the way may have been refused because the first had come.
            again = await self._client.ask("GET", f"/pickups/{kept.id}", ToldPickup)
            if again.status != "scheduled":
                raise
            return again

    async def _batch(self, asked: PickupAsked, key: str) -> str:
        kept = await self._client.find(f"/batches/{quote(key, safe='')}", Batch)
        if kept is None:
            kept = await self._client.ask("POST", "/batches", Batch, batch_asked(asked.label_refs, key), once=True)
        return kept.id

    async def cancel_pickup(self, pickup_ref: str, key: str) -> None:
        kept = None
        if pickup_ref.startswith("pickup_"):
            kept = await self._client.find(f"/pickups/{quote(pickup_ref, safe='')}", ToldPickup)
        if kept is None:
            raise CarrierRefused(carrier=self.code, reason="unknown_pickup", pickup_ref=pickup_ref)
        if kept.status != "canceled":
            await self._client.ask("POST", f"/pickups/{kept.id}/cancel", ToldPickup, body={})

    # Tracking

    async def track(self, tracking_number: str) -> list[TrackEvent]:
        asked = {"tracking_code": tracking_number, "page_size": str(PAGE)}
        found = await self._client.ask("GET", "/trackers", Trackers, params=asked)
        events = self._read(found)
        if tracking_number not in events:
            raise CarrierRefused(carrier=self.code, reason="unknown_number", tracking_number=tracking_number)
        return events[tracking_number]

    async def track_many(self, tracking_numbers: Sequence[str]) -> dict[str, list[TrackEvent]]:
        found: dict[str, list[TrackEvent]] = {}
        for start in range(0, len(tracking_numbers), AT_ONCE):
            asked = {"tracking_codes": list(tracking_numbers[start : start + AT_ONCE])}
            found |= self._read(await self._client.ask("POST", "/trackers/batch", Trackers, asked))
        return {number: events for number, events in found.items() if number in set(tracking_numbers)}

    def _read(self, told: Trackers) -> dict[str, list[TrackEvent]]:
        with self._makes_sense():
            return READERS["easypost"](told.trackers)

    # How it is asked

    def _must_fit(self, shipment: Shipment) -> None:
        try:
            must_fit(shipment)
        except CarrierRefused as no:
            raise CarrierRefused(carrier=self.code, **no.why) from None

    @contextmanager
    def _makes_sense(self) -> Iterator[None]:
        try:
            yield
        except NotReadable as odd:
            raise self._client.down(f"an answer that makes no sense: {odd}") from odd

    async def _shipment(self, label_ref: str) -> ToldShipment:
        """One that was bought. Raises CarrierRefused of what is none of theirs."""
        kept = None
        if label_ref.startswith("shp_"):
            kept = await self._client.find(f"/shipments/{quote(label_ref, safe='')}", ToldShipment)
        if kept is None or not kept.is_bought:
            raise CarrierRefused(carrier=self.code, reason="unknown_label", label_ref=label_ref)
        return kept

    @asynccontextmanager
    async def _one_at_a_time(self, key: str) -> AsyncIterator[None]:
        lock = self._buying.setdefault(key, asyncio.Lock())
        async with lock:
            yield


PLUGIN = CarrierPlugin(
    Settings, EasyPost, "EasyPost: all the carriers of an account there, over one API", secret_fields=("api_key",),
    read=READERS["easypost"],
)  # fmt: skip
