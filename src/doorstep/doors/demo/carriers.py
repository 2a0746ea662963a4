"""carriers: what becomes of the parcels: the simulated carrier is told their fates, the others report by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx

from doorstep.doors.demo.desk import Desk, Wish
from doorstep.doors.demo.eyes import Eyes
from doorstep.doors.demo.flights import LANE
from doorstep.kit.ids import public

ON_THE_ROAD = """
select p.merchant_id, p.parcel_id, p.order_id, p.carrier, p.tracking_number, p.handed_over_at, p.state, o.number,
    s.country as origin, o.country, s.name as site, coalesce(o.ship_to ->> 'city', '') as city,
    (select max(e.happened_at) from parcel_event e
      where e.merchant_id = p.merchant_id and e.parcel_id = p.parcel_id) as told_at,
    (select max(s.joined_at) from parcel_stay s
      where s.merchant_id = p.merchant_id and s.parcel_id = p.parcel_id) as bagged_at,
    (select max(e.happened_at) from parcel_event e where e.merchant_id = p.merchant_id and e.parcel_id = p.parcel_id
      and e.raw_code = 'handed_to_last_mile') as last_mile_at,
    exists (select from connection c where c.merchant_id = p.merchant_id and c.code = p.carrier
      and c.plugin = 'simcarrier') as simulated
  from parcel p join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  join site s on s.site_id = p.site_id
  where p.merchant_id = any($1) and p.handed_over_at is not null
    and p.state not in ('delivered', 'returned_to_sender', 'lost', 'destroyed', 'seized')
  order by p.merchant_id, p.parcel_id
"""
# Of a hundred parcels; the rest goes smoothly.
FATES = (("refused", 3), ("lost", 2), ("attempted", 5), ("customs_hold", 4), ("delayed", 4), ("absent", 2),
         ("pickup", 3), ("damaged", 1))  # fmt: skip
# However few parcels there are: the luck of the first ones.
FIRST = {2: "refused", 4: "lost", 6: "attempted", 8: "customs_hold"}
EUROPE = frozenset(
    "AT BE BG CH CZ DE DK EE ES FI FR GB GR HR HU IE IT LT LU LV NL NO PL PT RO SE SI SK UA".split()  # noqa: SIM905
)


@dataclass(slots=True)
class Carriers:
    desk: Desk
    eyes: Eyes
    world: httpx.AsyncClient  # the simulated one's controls
    known: set[int]

    async def begin(self) -> None:
        """Left alone the simulated carrier is smooth: whose luck is bad, the demo says."""
        await self._control("fates", {"smooth": 1})

    async def work(self, at: datetime) -> None:
        rows = await self.eyes.rows(ON_THE_ROAD)
        for row in rows:
            if row["simulated"] and row["parcel_id"] not in self.known:
                await self._decide(row, FIRST.get(len(self.known)) or self._fate(row))
                self.known.add(row["parcel_id"])
        await self.desk.ask_all(
            Wish(row["merchant_id"], "track", {"parcel": public("par", row["parcel_id"]), "events": events})
            for row in rows
            if not row["simulated"] and (events := self._news(row, at))
        )

    async def _decide(self, row: dict[str, Any], fate: str) -> None:
        if fate != "smooth":
            await self._control("fate", {"number": row["tracking_number"], "fate": fate})

    def _fate(self, row: dict[str, Any]) -> str:
        luck = self.eyes.lot(row["merchant_id"], row["number"], "carrier")
        for fate, share in FATES:
            if (luck := luck - share) < 0:
                return fate
        return "smooth"

    def _news(self, row: dict[str, Any], at: datetime) -> list[dict[str, Any]]:
        """What happened since the carrier reported last."""
        since = row["told_at"] or row["handed_over_at"] - timedelta(days=1)
        return [scan for scan in self._way(row) if since < scan["happened_at"] <= at]

    def _way(self, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        abroad = row["origin"] != row["country"]
        days = 2 if not abroad else 4 if row["country"] in EUROPE else 9
        if row["bagged_at"]:
            yield from _last_mile(row, self._fate(row)) if row["last_mile_at"] else ()
            return
        for scan in _scans(self._fate(row), abroad):
            yield _told(row, scan, row["handed_over_at"] + timedelta(hours=2 + scan.part * days * 24))

    async def _control(self, what: str, body: dict[str, Any]) -> None:
        answer = await self.world.post(f"/control/{what}", json=body)
        answer.raise_for_status()


class Scan(NamedTuple):
    part: float  # of the way
    code: str  # of the UPU
    state: str
    is_there: bool  # at the buyer's
    message: str


def _told(row: dict[str, Any], scan: Scan, at: datetime) -> dict[str, Any]:
    place = row["city"] if scan.is_there else row["site"]
    return {
        "happened_at": at, "code": scan.code, "raw_code": scan.state, "state": scan.state, "place": place[:200],
        "message": scan.message,
    }  # fmt: skip


def _last_mile(row: dict[str, Any], fate: str) -> Iterator[dict[str, Any]]:
    """What flew here in a bag: the carrier that has it now has it for two days."""
    for scan in _scans(fate, abroad=False):
        at = row["last_mile_at"] + timedelta(hours=3 + scan.part * 40)
        yield {
            **_told(row, scan, at),
            "holder": LANE.last_mile,
            "leg": "last_mile",
            **({} if scan.is_there else {"place": LANE.into}),
        }


def _scans(fate: str, abroad: bool) -> Iterator[Scan]:
    yield Scan(0.0, "EMA", "accepted", False, "Accepted")
    if abroad:
        yield Scan(0.2, "EMC", "departed", False, "Left the country of origin")
        yield Scan(0.5, "EMD", "arrived", True, "Arrived in the country of destination")
        yield Scan(0.6, "EDB", "in_customs", True, "Presented to customs")
        if fate == "customs_hold":
            yield Scan(0.65, "EME", "customs_hold", True, "Held by customs: invoice wanted")
        yield Scan(0.8, "EDC", "customs_released", True, "Released by customs")
    if fate == "lost":
        yield Scan(2.0, "", "lost", True, "Lost on the way")
        return
    yield Scan(0.9, "EDG", "out_for_delivery", True, "Out for delivery")
    if fate in ("refused", "absent", "damaged"):
        yield Scan(1.0, "EMH", "refused", True, "Not taken by the addressee")
        yield Scan(1.3, "", "returning", True, "On the way back")
        yield Scan(2.0, "", "returned_to_sender", False, "Back at the sender")
        return
    if fate in ("attempted", "delayed"):
        yield Scan(1.0, "EMH", "attempted", True, "Nobody at home")
    if fate == "pickup":
        yield Scan(1.0, "EDH", "available_for_pickup", True, "Waits at the parcel shop")
    yield Scan(1.2 if fate != "smooth" else 1.0, "EMI", "delivered", True, "Delivered")
