"""flights: what crosses the ocean goes together: in a bag for each country, on a pallet, on a flight, under one entry.

Each hour looks at how far a load is, by what was told of it last, and tells what comes next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from doorstep.doors.demo.desk import Answer, Desk
from doorstep.doors.demo.eyes import Eyes
from doorstep.kit.ids import number, public
from doorstep.setup.customs import EU


class Lane(NamedTuple):
    """From which site, where to, by which airports; in which country it is cleared, and who has it from there."""

    site: str
    to: frozenset[str]
    out: str
    into: str
    cleared_in: str
    last_mile: str


LANE = Lane("EWR", frozenset(EU), "EWR", "WAW", "PL", "odra-parcel")
AIRLINE, FLIGHT, WAYBILLS, BROKER = "north-air", "NA 811", "990", "quay-broker"
# What has a label of a carrier that leaves the ocean to us, and nothing stops it; in no load, on no list.
TO_FLY = """
select p.merchant_id, p.parcel_id, o.country from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  join site t on t.site_id = p.site_id
  join connection c on c.merchant_id = p.merchant_id and c.kind = 'carrier' and c.code = p.carrier
    and c.plugin = 'ratecard'
  where p.merchant_id = any($1) and t.code = $2 and o.country = any($3) and p.label_state = 'bought'
    and p.packed_at is not null and p.handed_over_at is null and p.manifest_id is null
    and exists (select from parcel_line l where l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
      and l.quantity > 0)
    and not exists (select from hold h where h.merchant_id = p.merchant_id and h.order_id = p.order_id
      and h.lifted_at is null)
    and not exists (select from parcel_stay s where s.merchant_id = p.merchant_id and s.parcel_id = p.parcel_id
      and s.left_at is null)
  order by o.country, p.merchant_id, p.parcel_id
"""
LOADS = """
select l.load_id, l.kind, l.number, l.parent_id, l.closed_at is not null as closed, l.state, l.opened_at from load l
  where l.merchant_id = any($1) order by l.load_id
"""
INSIDE = """
with recursive inside(load_id) as (
  select l.load_id from load l where l.merchant_id = any($1) and l.load_id = $2
  union all
  select l.load_id from inside i join load l on l.merchant_id = any($1) and l.parent_id = i.load_id)
select s.parcel_id from inside i
  join parcel_stay s on s.merchant_id = any($1) and s.load_id = i.load_id and s.left_at is null order by s.parcel_id
"""
# A flight is booked for so many bags, or when the oldest has stood so long.
BAGS, STANDS = 5, timedelta(days=2)


@dataclass(slots=True)
class Flights:
    floor: Desk
    tells: Desk  # airline and broker
    eyes: Eyes

    async def bag(self, *, close: bool = True) -> None:
        """Each country has its bag; at the end of the play they stand open."""
        by_country: dict[str, list[str]] = defaultdict(list)
        for row in await self.eyes.rows(TO_FLY, LANE.site, sorted(LANE.to)):
            by_country[row["country"]].append(public("par", row["parcel_id"]))
        is_first = not await self._loads("bag")
        for country, parcels in by_country.items():
            bag = await self._ask("open_load", kind="bag", country=country)
            if bag is None or not await self._ask("put_in", load=bag["load"], items=parcels):
                continue
            if is_first:
                await self._look_again(bag["load"])
            if close:
                await self._ask("close_load", load=bag["load"], seal=f"S{bag['number']}")
            is_first = False

    async def _look_again(self, bag: str) -> None:
        """The very first bag: somebody is not sure that all in it go there."""
        await self._ask("close_load", load=bag)
        await self._ask("reopen_load", load=bag, reason="does the last one go there?")
        row = (await self.eyes.rows(INSIDE, number("lod", bag)))[-1]
        items = [public("par", row["parcel_id"])]
        await self._ask("take_out", load=bag, items=items)
        await self._ask("put_in", load=bag, items=items)

    async def fly(self, at: datetime, *, anyway: bool = False) -> None:
        """The bags that stand here go onto a pallet, the pallet onto a flight, once it is worth one."""
        standing = [load for load in await self._loads("bag") if load["closed"] and not load["parent_id"]]
        is_worth_it = anyway or len(standing) >= BAGS or (standing and at - standing[0]["opened_at"] >= STANDS)
        if not standing or not is_worth_it:
            return
        pallet = await self._ask("open_load", kind="pallet")
        flight = await self._ask(
            "open_load", kind="flight", number=_waybill(len(await self._loads("flight"))), carrier=AIRLINE,
            flight=FLIGHT, from_airport=LANE.out, to_airport=LANE.into,
            departs_at=at + timedelta(hours=6), arrives_at=at + timedelta(hours=15),
        )  # fmt: skip
        if not pallet or not flight:
            return
        bags = [public("lod", bag["load_id"]) for bag in standing]
        await self._ask("put_in", load=pallet["load"], items=bags)
        await self._ask("close_load", load=pallet["load"], gross_g=25_000)
        await self._ask("put_in", load=flight["load"], items=[pallet["load"]])
        await self._ask("close_load", load=flight["load"])
        await self._tell(flight["load"], "handed_over", LANE.out)

    async def depart(self) -> None:
        for flight in await self._loads("flight", "handed_over"):
            await self._tell(public("lod", flight["load_id"]), "departed", LANE.out)

    async def arrive(self, at: datetime) -> None:
        """Presented to customs as one entry."""
        for flight in await self._loads("flight", "DEP"):
            load = public("lod", flight["load_id"])
            await self._tell(load, "arrived", LANE.into)
            word = f"{at:%y}{LANE.cleared_in}{flight['number'].replace('-', '')}"
            entry = await self._ask("open_load", kind="entry", number=word, carrier=BROKER)
            if entry and await self._ask("put_in", load=entry["load"], items=[load]):
                await self._ask("close_load", load=entry["load"])
                await self._tell(entry["load"], "in_customs", LANE.into)

    async def clear(self) -> None:
        for entry in await self._loads("entry", "in_customs"):
            await self._tell(public("lod", entry["load_id"]), "cleared", LANE.into)

    async def hand_to_last_mile(self) -> None:
        """The carrier there gives each parcel a number of its own; they come as a list."""
        for entry in await self._loads("entry", "CCD"):
            rows = await self.eyes.rows(INSIDE, entry["load_id"])
            numbers = [
                {"item": public("par", row["parcel_id"]), "number": f"OD7{row['parcel_id']:09}PL",
                 "carrier": LANE.last_mile}
                for row in rows
            ]  # fmt: skip
            await self.floor.send(
                self.eyes.operator, "POST", "/v1/parcels/numbers", {"numbers": numbers}, "number_parcels"
            )
            await self._tell(public("lod", entry["load_id"]), "handed_to_last_mile", LANE.into)

    async def _loads(self, kind: str, state: str | None = None) -> list[Mapping[str, Any]]:
        """Of that kind; with `state` those of which that was told last."""
        return [
            load
            for load in await self.eyes.rows(LOADS)
            if load["kind"] == kind and (state is None or load["state"] == state)
        ]

    async def _tell(self, load: str, what: str, place: str) -> None:
        event = {"what": what, "place": place}
        await self.tells.ask(self.eyes.operator, "track_load", load=load, events=[event])

    async def _ask(self, verb: str, **body: Any) -> Answer | None:
        return await self.floor.ask(self.eyes.operator, verb, **body)


def _waybill(before: int) -> str:
    serial = 4_811_020 + before
    return f"{WAYBILLS}-{serial}{serial % 7}"
