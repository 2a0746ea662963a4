"""Loads with any past: what reaches a parcel is what happened to whatever it lay in at that instant, in any order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from doorstep.journey.tracking.spread import MISSED, Spread, spread
from doorstep.spine.laws.loads import IN_TWO_AT_ONCE, INSIDE_OUT, NOT_TOLD, TOLD_OF_NOTHING
from doorstep.spine.loads import KINDS, RANK
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.world import World
from tests.shop import Shop, open_shop
from tests.stories.test_loads import _nobody

SEEDS = range(12)
HOURS = 40
CODES = ("MAN", "DEP", "ARR", "RCF", "CCD", "handed_to_last_mile")


class Stay(NamedTuple):
    """`what` lay in `where` from the one hour, before the other."""

    what: str
    where: str
    since: int
    until: int | None

    def holds(self, hour: int) -> bool:
        return self.since <= hour and (self.until is None or hour < self.until)


class Past(NamedTuple):
    """Loads by kind; where everything lay; what happened to which load, at what hour."""

    loads: dict[str, str]
    parcels: Sequence[str]
    stays: Sequence[Stay]
    events: Sequence[tuple[str, int, str]]


def a_past(rng: random.Random) -> Past:
    loads = {f"{kind}{nth}": kind for kind in KINDS for nth in range(rng.randint(1, 3))}
    parcels = [f"p{nth}" for nth in range(rng.randint(1, 6))]
    stays = []
    for what in (*parcels, *loads):
        outer = [load for load, kind in loads.items() if RANK[kind] > (RANK[loads[what]] if what in loads else -1)]
        hour = 0
        while outer and hour < HOURS and rng.random() < 0.8:
            since = hour + rng.randint(0, 8)
            until = since + rng.randint(0, 15) if rng.random() < 0.7 else None
            stays.append(Stay(what, rng.choice(outer), since, until))
            hour = HOURS if until is None else until
    events = {(rng.choice(list(loads)), rng.randint(0, HOURS), rng.choice(CODES)) for _ in range(25)}
    return Past(loads, parcels, stays, sorted(events))


def reached(past: Past) -> set[tuple[str, int, str]]:
    """Parcel, hour, code: looked up instant by instant, from the parcel upwards."""
    found = set()
    for load, hour, code in past.events:
        for parcel in past.parcels:
            at: str | None = parcel
            while at is not None:
                at = next((stay.where for stay in past.stays if stay.what == at and stay.holds(hour)), None)
                if at == load:
                    found.add((parcel, hour, code))
    return found


class Books:
    """A past written into the tables, past the verbs."""

    def __init__(self, shop: Shop, past: Past, rng: random.Random) -> None:
        self.shop, self.past, self.rng = shop, past, rng
        self.ids: dict[str, int] = {}
        self.start = shop.at - timedelta(hours=HOURS + 1)

    def at(self, hour: int | None) -> datetime | None:
        return None if hour is None else self.start + timedelta(hours=hour)

    async def write(self) -> None:
        bodies = [{"order": self.shop.order(("MUG", 1))} for _ in self.past.parcels]
        orders = [int(answer["order"][4:]) for answer in await self.shop.ask_all("place", bodies)]  # type: ignore[index]
        self.ids |= dict(zip(self.past.parcels, orders, strict=True))
        loads = await self.shop.db.ids.draw(self.shop.db.pool, len(self.past.loads) + len(self.past.stays))
        self.ids |= {load: next(loads) for load in self.past.loads}
        async with tenant_tx(self.shop.db, [self.shop.merchant]) as tx:
            site = await tx.value("select site_id from site where code = $1", self.shop.site("NJ"))
            for parcel in self.past.parcels:
                await tx.run(
                    "insert into parcel (merchant_id, parcel_id, order_id, fulfillment_order_id, site_id, packed_at)"
                    " values ($1, $2, $2, 0, $3, $4)",
                    self.shop.merchant, self.ids[parcel], site, self.shop.at,
                )  # fmt: skip
            for load, kind in self.past.loads.items():
                await tx.run(
                    "insert into load (merchant_id, load_id, kind, number, opened_at) values ($1, $2, $3, $4, $5)",
                    self.shop.merchant, self.ids[load], kind, load, self.start,
                )  # fmt: skip
            for stay in self.past.stays:
                where = (self.shop.merchant, self.ids[stay.what], next(loads), self.ids[stay.where])
                times = self.at(stay.since), self.at(stay.until)
                if stay.what in self.past.loads:
                    await tx.run("insert into load_stay values ($1, $2, $3, $4, $5, $6)", *where, *times)
                else:
                    await tx.run("insert into parcel_stay values ($1, $2, $3, $4, $1, 0, $5, $6)", *where, *times)

    async def tell(self, load: str, *events: tuple[str, int, str]) -> None:
        scans = [{"what": code, "happened_at": self.at(hour), "place": ""} for _, hour, code in events]
        await self.shop.do("track_load", load=f"lod_{self.ids[load]}", events=scans)

    async def spread(self, load: str) -> None:
        world = World(self.shop.db, _nobody, _nobody, None, now=lambda: self.shop.at)
        body = Spread(load=f"lod_{self.ids[load]}", of=self.shop.merchant)
        await spread(world, [Ask(self.shop.merchant, body, self.shop.at)])

    async def told(self) -> set[tuple[str, int, str]]:
        names = {number: name for name, number in self.ids.items()}
        rows = await self.shop.rows(
            "select parcel_id, happened_at, raw_code from parcel_event where merchant_id = $1", self.shop.merchant
        )
        hours = [(row, round((row["happened_at"] - self.start).total_seconds() / 3600)) for row in rows]
        return {(names[row["parcel_id"]], hour, row["raw_code"]) for row, hour in hours}

    async def states(self) -> dict[str, str]:
        rows = await self.shop.rows("select parcel_id, state from parcel where merchant_id = $1", self.shop.merchant)
        names = {number: name for name, number in self.ids.items()}
        return {names[row["parcel_id"]]: row["state"] for row in rows}


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_reaches_a_parcel_is_what_happened_to_whatever_it_lay_in(db: Db, seed: int) -> None:
    rng, shop = random.Random(seed), await open_shop(db, hold_duplicates=False)
    books = Books(shop, a_past(rng), rng)
    await books.write()
    events = list(books.past.events)
    rng.shuffle(events)
    for load, hour, code in events:
        await books.tell(load, (load, hour, code))
        if rng.random() < 0.5:
            await books.spread(load)
    for load in sorted(books.past.loads, key=lambda _: rng.random()):
        await books.spread(load)
    assert await books.told() == reached(books.past)
    states = await books.states()
    for load in books.past.loads:
        await books.spread(load)
    assert (await books.told(), await books.states()) == (reached(books.past), states), "again is harmless"
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        for load in books.past.loads:
            assert not await tx.rows(MISSED, shop.merchant, shop.merchant, books.ids[load], 0, 100)
        for law in (NOT_TOLD, TOLD_OF_NOTHING, IN_TWO_AT_ONCE, INSIDE_OUT):
            assert not await tx.rows(law, [shop.merchant])
