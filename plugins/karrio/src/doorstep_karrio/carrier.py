"""carrier: one connector of Karrio's as doorstep's carrier, off the event loop, each purchase asked for once.

Neither Karrio nor the carriers behind it know keys, and none can be asked what came of one. What this process bought it
remembers; where an answer was lost it says so and asks no second time: somebody has to ask the carrier.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from doorstep.plug import (
    READERS,
    Ability,
    CarrierDown,
    CarrierPlugin,
    CarrierRefused,
    Label,
    NotMoney,
    NotReadable,
    Rate,
    Shipment,
    TrackEvent,
)
from doorstep_karrio import words
from doorstep_karrio.sdk import Came, Sdk
from doorstep_karrio.settings import Settings

# What a connector has to have, to be asked for it.
NEEDED: dict[str, Ability] = {
    "get_rates": "rates", "create_shipment": "buy", "cancel_shipment": "void", "get_tracking": "track",
}  # fmt: skip
PLAIN = re.compile(r"[A-Za-z0-9_-]{1,60}")  # a number becomes a part of an address
AT_ONCE = 8  # calls under way for one account
REMEMBERED = 10_000
OVERALL_S = 45.0  # shorter than a job is leased: no second worker begins while this one may still be buying


@contextmanager
def _sense(code: str) -> Iterator[None]:
    """What cannot be read is as good as no answer."""
    try:
        yield
    except (NotReadable, KeyError, TypeError, ValueError, NotMoney) as odd:
        raise CarrierDown(carrier=code, detail=f"an answer that makes no sense: {odd}") from odd


class Karrio:
    asks_once = True  # it knows no keys: see `doorstep.plug.AsksOnce`

    def __init__(self, code: str, settings: Settings) -> None:
        self.code, self._settings = code, settings
        self._sdk = Sdk(settings)
        self._options = self._sdk.options | words.UNLISTED.get(settings.connector, frozenset())
        able = {ability for method, ability in NEEDED.items() if method in self._sdk.methods}
        if "insurance" in self._options:
            able.add("insurance")
        self.can: frozenset[Ability] = frozenset(able)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"karrio-{settings.connector}")
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._bought: OrderedDict[str, tuple[bytes, Label | None]] = OrderedDict()

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def rates(self, shipment: Shipment) -> list[Rate]:
        self._must_be_able("rates")
        self._must_fit(shipment)
        services = [shipment.service] if shipment.service else []
        came = await self._call(lambda sdk, gateway: sdk.Rating.fetch(
            words.rates_asked(shipment, self._settings.customs_signer, services)
        ).from_(gateway))  # fmt: skip
        if not came.brought:
            self._answer_for(came, knows_nothing_is_none=True)
        with _sense(self.code):
            return words.rates_of(came.brought or [], self.code, shipment.service)

    async def buy(self, shipment: Shipment, key: str) -> Label:
        self._must_be_able("buy")
        if shipment.is_return:
            self._must_be_able("return_label")
        self._must_fit(shipment)
        if self._sdk.services and shipment.service not in self._sdk.services:
            raise CarrierRefused(carrier=self.code, reason="unknown_service", detail=shipment.service)
        lock = self._turns.setdefault(key, asyncio.Lock())
        async with lock:
            return self._remembered(shipment, key) or await self._buy(shipment, key)

    def _remembered(self, shipment: Shipment, key: str) -> Label | None:
        print_, label = self._bought.get(key, (b"", None))
        if not print_:
            return None
        if print_ != msgspec.json.encode(shipment):
            raise CarrierRefused(carrier=self.code, reason="key_reused", key=key)
        if label is None:
            raise self._unknown(shipment)
        return label

    async def _buy(self, shipment: Shipment, key: str) -> Label:
        try:
            asked = words.label_asked(shipment, self._settings.customs_signer, self._options)
        except CarrierRefused as no:
            raise CarrierRefused(carrier=self.code, **no.why) from None
        try:
            came = await self._call(lambda sdk, gateway: sdk.Shipment.create(asked).from_(gateway))
        except CarrierDown:
            self._remember(shipment, key, None)
            raise self._unknown(shipment) from None
        if not (came.brought and came.brought.get("tracking_number")):
            if words.verdict(self._settings.connector, came.exchanges, came.messages) == "unknown":
                self._remember(shipment, key, None)
                raise self._unknown(shipment, words.complaint(came.messages))
            self._answer_for(came)
        label = words.label_of(came.brought, self.code, shipment.service)
        self._remember(shipment, key, label)
        return label

    def _remember(self, shipment: Shipment, key: str, label: Label | None) -> None:
        self._bought[key] = (msgspec.json.encode(shipment), label)
        while len(self._bought) > REMEMBERED:
            self._bought.popitem(last=False)

    async def void(self, label_ref: str, key: str) -> None:
        """Harmless to repeat: what is void stays void."""
        self._must_be_able("void")
        if not PLAIN.fullmatch(label_ref):
            raise CarrierRefused(carrier=self.code, reason="unknown_label", label_ref=label_ref[:60])
        came = await self._call(
            lambda sdk, gateway: sdk.Shipment.cancel({"shipment_identifier": label_ref}).from_(gateway)
        )
        if (came.brought and came.brought.get("success")) or words.is_void_already(came.messages):
            return
        if words.verdict(self._settings.connector, came.exchanges, came.messages) != "no":
            raise self._down(came)
        raise CarrierRefused(
            carrier=self.code, reason=words.reason_of_void(came.messages, came.status),
            detail=words.complaint(came.messages), label_ref=label_ref,
        )  # fmt: skip

    async def track(self, tracking_number: str) -> list[TrackEvent]:
        self._must_be_able("track")
        if not PLAIN.fullmatch(tracking_number):
            raise CarrierRefused(carrier=self.code, reason="unknown_number", tracking_number=tracking_number[:60])
        came = await self._call(
            lambda sdk, gateway: sdk.Tracking.fetch({"tracking_numbers": [tracking_number]}).from_(gateway)
        )
        with _sense(self.code):
            found = READERS["karrio"](came.brought or [])
        if tracking_number in found:
            return found[tracking_number]
        if words.verdict(self._settings.connector, came.exchanges, came.messages) != "no":
            raise self._down(came)
        if came.status in (401, 403):
            self._answer_for(came)
        detail = words.complaint(came.messages)
        raise CarrierRefused(carrier=self.code, reason="unknown_number", detail=detail, tracking_number=tracking_number)

    # How it is asked

    async def _call(self, act: Callable[[Any, Any], Any]) -> Came:
        """In a thread of its own: Karrio waits. One that takes too long is left to its own deadline."""
        try:
            async with asyncio.timeout(OVERALL_S):
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._sdk.call, act)
        except TimeoutError:
            raise CarrierDown(carrier=self.code, detail=f"no answer within {OVERALL_S:g} s") from None

    def _answer_for(self, came: Came, *, knows_nothing_is_none: bool = False) -> None:
        """Raises what a call that brought nothing means."""
        if words.verdict(self._settings.connector, came.exchanges, came.messages) != "no":
            raise self._down(came)
        reason = words.reason_of(came.exchanges, came.messages)
        if knows_nothing_is_none and reason == "unknown_service":
            return
        raise CarrierRefused(carrier=self.code, reason=reason, detail=words.complaint(came.messages))

    def _down(self, came: Came) -> CarrierDown:
        detail = words.complaint(came.messages) or f"answered {came.status}"
        wait_s = came.exchanges[-1].retry_after_s if came.exchanges else None
        return CarrierDown(carrier=self.code, detail=detail, retry_after_s=wait_s)

    def _unknown(self, shipment: Shipment, detail: str = "") -> CarrierRefused:
        what = shipment.reference or "this parcel"
        told = f"ask the carrier whether it made a label for {what}, before it is asked anew"
        detail = f"{told} ({detail})" if detail else told
        return CarrierRefused(carrier=self.code, reason="outcome_unknown", detail=detail)

    def _must_be_able(self, ability: Ability) -> None:
        if ability not in self.can:
            raise CarrierRefused(carrier=self.code, reason="unsupported", detail=ability)

    def _must_fit(self, shipment: Shipment) -> None:
        try:
            words.must_fit(shipment)
        except CarrierRefused as no:
            raise CarrierRefused(carrier=self.code, **no.why) from None


PLUGIN = CarrierPlugin(
    Settings, Karrio, "Karrio: connectors of its SDK, such as UPS and FedEx", secret_fields=("credentials",)
)
