"""play: the sample played day by day: orders come in, the worker does its part, people do theirs, until today."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from doorstep.doors.demo.carriers import Carriers
from doorstep.doors.demo.cases import Cases
from doorstep.doors.demo.days import LONG, Days
from doorstep.doors.demo.desk import Desk, Keys, Ledger
from doorstep.doors.demo.dock import EVERY, Dock
from doorstep.doors.demo.exports import Export
from doorstep.doors.demo.eyes import Eyes
from doorstep.doors.demo.flights import LANE, Flights
from doorstep.doors.demo.floor import Floor
from doorstep.doors.demo.handed import hand_over
from doorstep.doors.demo.office import Office
from doorstep.doors.demo.phone import Phone
from doorstep.doors.demo.returns import Returns
from doorstep.journey.intake.import_orders import Imported, import_orders
from doorstep.kit import clock
from doorstep.setup.imports import Came

DUE = """
select m.merchant_id from unnest($1::bigint[]) m(merchant_id) where exists (select from job j
  where j.merchant_id = m.merchant_id and j.state = 'due' and j.due_at <= $2)
"""
LONGEST_SETTLING_S = 240.0
COUNTED = ("read", "taken", "changed", "unchanged", "refused")
# Customs data is looked up, goods are ordered, and arrive, on these days.
LOOKED_UP_ON, ORDERED_ON = 4, (5, 11)
# … and from this day on a driver is called, once, of a carrier that has none.
DRIVERLESS_FROM = 5

Act = Callable[[datetime, int], Awaitable[object]]
Told = Callable[[datetime, int, str], Awaitable[None]]


class NeverSettled(RuntimeError):
    """The worker did not come to the end of what is due."""


@dataclass(slots=True)
class Play:
    eyes: Eyes
    days: Days
    home: Path
    exports: dict[int, list[Export]]
    timezones: dict[int, str]
    office: Office
    floor: Floor
    dock: Dock
    flights: Flights
    carriers: Carriers
    returns: Returns
    cases: Cases
    phone: Phone
    ledger: Ledger
    imported: dict[str, int] = field(default_factory=dict)

    async def go(self, reached: datetime | None, told: Told) -> None:
        """Hour by hour, from where an interrupted play stood."""
        await self.carriers.begin()
        if reached is None:
            await self.office.say_what_is_told()
        for day in range(LONG):
            for hour, name, act in self._hours(day):
                at = self.days.at(day, hour)
                if reached is None or at > reached:
                    await self._one(at, day, name, act, told)
        await self._one(datetime.now(UTC), LONG, "the last hours", self._leave_work_behind, told)

    async def _one(self, at: datetime, day: int, name: str, act: Act, told: Told) -> None:
        self.days.go_to(at)
        await act(at, day)
        await self.settle()
        await told(at, day, name)

    def _hours(self, day: int) -> list[tuple[float, str, Act]]:
        """A day's work."""
        return [
            (8.5, "orders come in, the office mends what stopped", self._morning),
            (11, "the floor picks", self._picking),
            (13.5, "the floor packs", self._packing),
            (15, "parcels are handed over", self._handing_over),
            (21, "carriers report, returns come back", self._evening),
        ]

    async def _morning(self, at: datetime, day: int) -> None:
        for merchant, exports in self.exports.items():
            for export in exports:
                if export.day == day:
                    await self._import(merchant, export, at)
        await self.settle()
        await self._office(at, day)

    async def _import(self, merchant: int, export: Export, at: datetime) -> None:
        """By a program each morning; the last file of the first shop by a person, on the page for it."""
        shop, timezone = self.eyes.shops[merchant], self.timezones[merchant]
        came: Imported | Came
        if merchant == self.eyes.merchants[0] and export is self.exports[merchant][-1]:
            came = await hand_over(self.eyes, self.home, shop, export.file, timezone, clock.now())
        else:
            came = await import_orders(
                self.eyes.db, merchant, [export.file], home=self.home, at=clock.now(), channel="shopify",
                currency=shop.currency, timezone=timezone,
            )  # fmt: skip
        for name in COUNTED:
            self.imported[name] = self.imported.get(name, 0) + getattr(came, name)

    async def _office(self, at: datetime, day: int) -> None:
        await self.office.settle_money(day)
        if day == LOOKED_UP_ON:
            await self.office.complete_customs_data()
        if day in ORDERED_ON:
            await self.office.order_goods(at)
        await self.office.mend(at)
        await self.office.answer_buyers(at)
        await self.office.buy_labels_elsewhere(at)
        await self.office.confirm_drafts(at)
        await self.cases.answer(at)
        await self.flights.arrive(at)
        if day < ORDERED_ON[1]:
            await self.office.receive_goods(self.floor.desk, at)
        await self.phone.ring(day)

    async def _picking(self, at: datetime, day: int) -> None:
        await self.floor.put_away()
        await self.floor.pick(at)
        await self.floor.put_back()
        await self.office.cancel_too_late()

    async def _packing(self, at: datetime, day: int) -> None:
        await self.floor.pack(at)
        await self.flights.clear()
        await self.settle()
        await self.floor.change_labels()
        if day % EVERY == 0:
            await self.dock.call(at + timedelta(hours=2))
        if day >= DRIVERLESS_FROM:
            await self.dock.ask_the_driverless(at + timedelta(hours=2))
        await self.settle()
        await self.dock.call_off()

    async def _handing_over(self, at: datetime, day: int) -> None:
        working = self.floor.working(at)
        await self.floor.change_labels()
        await self.flights.hand_to_last_mile()
        await self.settle()
        if LANE.site in working:
            await self.flights.bag()
            await self.flights.fly(at)
        await self.dock.list(working)
        await self.settle()
        await self.dock.sign()
        await self.floor.hand_over(at)

    async def _evening(self, at: datetime, day: int) -> None:
        await self.flights.depart()
        await self.settle()
        await self.carriers.work(at)
        await self.settle()
        await self.cases.write()
        await self.settle()
        await self.returns.work(at)

    async def _leave_work_behind(self, at: datetime, day: int) -> None:
        """The page that stays open shows a shop at work: some of it picked, some packed, some on the way."""
        await self.phone.ring(day)
        await self.settle()
        await self.floor.pick(at, share=55)
        await self.floor.pack(at, share=50)
        await self.settle()
        await self.flights.fly(at, anyway=True)
        await self.flights.depart()
        await self.settle()
        await self.flights.bag(close=False)
        await self.floor.hand_over(at, share=40)
        await self.dock.call(at + timedelta(hours=20))
        await self.dock.list(self.floor.working(at))
        await self.settle()
        await self.carriers.work(at)

    async def settle(self) -> None:
        """Until nothing is due any more."""
        deadline = time.monotonic() + LONGEST_SETTLING_S
        while await self.eyes.rows(DUE, clock.now()):
            if time.monotonic() > deadline:
                raise NeverSettled(f"still due after {LONGEST_SETTLING_S:.0f} s; see logs/worker.log")
            await asyncio.sleep(0.03)


@asynccontextmanager
async def staged(
    eyes: Eyes,
    days: Days,
    home: Path,
    web: str,
    world: str,
    exports: dict[int, list[Export]],
    timezones: dict[int, str],
) -> AsyncIterator[Play]:
    """Everybody at their desk, with a key each; at the end the keys are taken back."""
    ledger, keys = Ledger(), Keys(eyes.db)
    await keys.hand_out(eyes.everyone)
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
    options: dict[str, Any] = {"trust_env": False, "timeout": 60.0, "limits": limits}
    async with httpx.AsyncClient(base_url=web, **options) as http, httpx.AsyncClient(base_url=world, **options) as sim:
        desks = {person: Desk(http, secrets, ledger) for person, secrets in keys.secrets.items()}
        office, floor = desks["office"], desks["floor"]
        try:
            yield Play(
                eyes, days, home, exports, timezones, Office(office, eyes), Floor(floor, eyes), Dock(floor, eyes),
                Flights(floor, desks["carrier"], eyes), Carriers(desks["carrier"], eyes, sim, set()),
                Returns(floor, office, eyes), Cases(office, eyes, http), Phone(office, eyes), ledger,
            )  # fmt: skip
        finally:
            await keys.take_back()
