"""tracking: news of parcels taken in: a carrier's own words read, put into ours, told to `track`, kept.

Parcels are played to their hand-over by the verbs. Then each is told of to its end, one event an ask, as webhooks tell:
round after round, a tenth of the events a round later than their turn and a tenth twice. Merchants take turns in lanes
of one process, each a batch at a time through the runner. The jobs that news queues stay: they are other verbs' work.

    python -m bench tracking --events 1000000 --json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop

from bench.disk import Disk
from bench.journey import LINES_OF
from bench.meter import Spent, metered
from bench.orders import an_order, picks, uniform
from bench.place3 import SECONDS, Reference
from bench.scene import Merchant, Scene, accepted, ask, audited, bin_of, put_aside, scene, work
from doorstep.journey.tracking.follow import scan_of
from doorstep.journey.tracking.track import Track
from doorstep.kit import clock
from doorstep.plug.words import READERS
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import tenant_tx

LANES, AT_ONCE, PLAYED_AT_ONCE = 2, 500, 200
# A parcel's way from a site to a door abroad, in Meest's codes; a failed attempt now and then.
WAY = ("101", "606", "202", "303", "505", "2225", "2226", "808", "1214", "1625", "1315", "1622")
LATE, TWICE = 0.1, 0.1
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(slots=True)
class Parcels:
    """Of one merchant: the parcels on the road, and how they are told of."""

    merchant: Merchant
    names: list[str] = field(default_factory=list)


async def hand_over(on: Scene, of: Parcels, count: int, first: int) -> None:
    """So many orders of one unit, placed, picked, packed and handed over, in lists."""
    choose, merchant = uniform(on.skus, random.Random(first)), of.merchant.id
    for start in range(first, first + count, PLAYED_AT_ONCE):
        numbers = range(start, min(start + PLAYED_AT_ONCE, first + count))
        bodies = [
            {"order": an_order(n, [choose()], external_id=f"T-{n}", reserve="now", payment_term="on_account")}
            for n in numbers
        ]
        orders = [answer["order"] for answer in await ask(on.db, merchant, "place", bodies)]
        for verb in ("check", "release"):
            await work(on.db, merchant, verb, PLAYED_AT_ONCE)
        async with tenant_tx(on.db, [merchant], readonly=True) as tx:
            rows = await tx.rows(LINES_OF, merchant, [int(order[4:]) for order in orders])
        await ask(on.db, merchant, "pick", picks(
            (row["fulfillment_order"], row["line_no"], 1, bin_of(int(row["barcode"])), row["barcode"]) for row in rows
        ))  # fmt: skip
        packed = await ask(on.db, merchant, "pack", [{"fulfillment_order": row["fulfillment_order"]} for row in rows])
        parcels = [answer["parcel"] for answer in packed]
        await ask(on.db, merchant, "keep_label", [
            {"parcel": parcel, "carrier": "meest", "service": "ECONOMY", "tracking_number": f"717-{parcel[4:]}"}
            for parcel in parcels
        ])  # fmt: skip
        await ask(on.db, merchant, "hand_over", [{"parcel": parcel} for parcel in parcels])
        for errand in ("follow", "notify"):
            await put_aside(on.db, merchant, errand, 1000)
        of.names += parcels


def news(names: list[str], chance: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that is told of these parcels, round by round: the parcel, and what the carrier answers."""
    late: list[tuple[str, dict[str, Any]]] = []
    for step, code in enumerate(WAY):
        told = [(name, _answer(name, step, code)) for name in names]
        held = {name for name in names if chance.random() < LATE}
        now = [one for one in told if one[0] not in held] + late
        late = [one for one in told if one[0] in held]
        now += chance.sample(now, int(len(now) * TWICE))
        chance.shuffle(now)
        yield from now
    yield from late


def _answer(name: str, step: int, code: str) -> dict[str, Any]:
    at = BEGAN + timedelta(hours=step * 14, seconds=int(name[4:]) % 3600)
    return {"status": "ok", "result": [{
        "parcelNumber": f"717-{name[4:]}", "barCode": f"717-{name[4:]}", "eventDateTime": f"{at:%Y-%m-%d %H:%M:%S}",
        "eventCode": int(code), "eventCodeUPU": "", "eventCountryDescr": {"descrEN": "UKRAINE"},
        "eventCityDescr": {"descrEN": "Lviv"}, "eventDescr": {"descrEN": f"Event {code}"},
    }]}  # fmt: skip


@dataclass(slots=True)
class Taken:
    told: int = 0
    new: int = 0


async def take_in(on: Scene, merchant: int, told: list[tuple[str, dict[str, Any]]], taken: Taken) -> None:
    """One merchant's news in lists: read, put into our words, tracked."""
    read = READERS["meest"]
    for first in range(0, len(told), AT_ONCE):
        now, asks = clock.now(), []
        for name, answer in told[first : first + AT_ONCE]:
            (events,) = read(answer).values()
            asks.append(Ask(merchant, Track(parcel=name, events=[scan_of(event) for event in events]), now))
        answers = accepted("track", await run(on.db, "track", asks))
        taken.told += len(asks)
        taken.new += sum(answer["new_events"] for answer in answers)


async def measure(asked: argparse.Namespace) -> dict[str, Any]:
    async with scene(LANES, skus=200, ship="complete") as on:
        each = max(1, round(asked.events / len(WAY) / (1 + TWICE) / LANES))
        of = [Parcels(merchant) for merchant in on.merchants]
        tell(f"handing over {each * LANES:,} parcels")
        for lane, parcels in enumerate(of):
            await hand_over(on, parcels, each, 1 + lane * each)
        disk = await Disk.open(on.urls.owner)
        try:
            return await _rounds(on, of, disk, asked)
        finally:
            await disk.close()


async def _rounds(on: Scene, of: list[Parcels], disk: Disk, asked: argparse.Namespace) -> dict[str, Any]:
    chance = random.Random(1)
    told = [list(news(parcels.names, chance)) for parcels in of]
    await disk.vacuum()
    reference = await asyncio.to_thread(Reference, on.home, on.urls.owner, asked.place3_seconds)
    wal, spent, taken, seconds = await disk.wal(), Spent(), Taken(), list[float]()
    rounds = asked.rounds
    for number in range(rounds):
        parts = [one[len(one) * number // rounds : len(one) * (number + 1) // rounds] for one in told]
        before, began = taken.told, time.perf_counter()
        with metered(on.home) as this:
            await asyncio.gather(*(
                take_in(on, parcels.merchant.id, part, taken) for parcels, part in zip(of, parts, strict=True)
            ))  # fmt: skip
        spent += this
        seconds.append(round((taken.told - before) / (time.perf_counter() - began)))
        await asyncio.to_thread(reference.again)
        tell(f"round {number + 1} of {rounds}: {seconds[-1]:,} events/s")
    return {
        "events_per_s": round(taken.told / spent.wall_s),
        "events": taken.told, "new_events": taken.new, "parcels": sum(len(parcels.names) for parcels in of),
        **spent.us_each(taken.told), "rounds_per_s": seconds,
        "x_place3": round(spent.cpu_s / taken.told * 1e6 / reference.pg_us, 2),
        "wal_bytes_per_event": round((await disk.wal() - wal) / taken.told),
        "states": await _states(on), "at_once": AT_ONCE, "lanes": LANES, "audit": await audited(on),
        **reference.told(),
    }  # fmt: skip


async def _states(on: Scene) -> dict[str, int]:
    """Where the parcels ended: all at the door, however they were told of."""
    async with tenant_tx(on.db, [merchant.id for merchant in on.merchants], readonly=True) as tx:
        rows = await tx.rows(
            "select state, count(*) as parcels from parcel where merchant_id = any($1) group by state",
            [merchant.id for merchant in on.merchants],
        )
    return {row["state"]: row["parcels"] for row in rows}


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench tracking", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--place3-seconds", type=float, default=SECONDS)
    asked = parser.parse_args(arguments)
    figures = uvloop.run(measure(asked))
    print(json.dumps(figures, indent=None if asked.json else 2))
