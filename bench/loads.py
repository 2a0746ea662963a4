"""loads: a flight told of: parcels of many merchants in bags, bags on a flight; its departure reaches every parcel.

Parcels are played to their hand-over by the verbs and scanned into bags, fifty a bag and merchants mixed. Then the
flight departs, arrives, is cleared: each told once, and spread by the merchants' jobs, one after the other. Statements
are counted where they leave for the database.

    python -m bench loads --parcels 10000 --merchants 20 --json
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import uvloop

from bench.scene import Scene, ask, audited, scene
from bench.tracking import Parcels, hand_over, tell
from doorstep.journey.tracking.spread import Spread, spread
from doorstep.kit import clock
from doorstep.setup.merchants import NewMerchant, create_merchant
from doorstep.spine import jobs
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Session, tenant_tx
from doorstep.spine.world import World

IN_A_BAG = 50
TOLD = ("departed", "arrived", "cleared")


@contextmanager
def counted(into: Counter[str]) -> Iterator[None]:
    """Statements that are sent meanwhile; transactions' beginnings and ends are not among them."""
    plain = Session.fetch

    async def fetch(self: Session, query: str, *args: Any, **more: Any) -> Any:
        into["statements"] += 1
        return await plain(self, query, *args, **more)

    Session.fetch = fetch
    try:
        yield
    finally:
        Session.fetch = plain


async def measure(asked: argparse.Namespace) -> dict[str, Any]:
    async with scene(asked.merchants, skus=50, ship="complete") as on:
        operator = await create_merchant(
            on.db, NewMerchant(key="hub", name="Hub", currency="USD", country="US", is_operator=True)
        )
        of = [Parcels(merchant) for merchant in on.merchants]
        each = asked.parcels // asked.merchants
        tell(f"handing over {each * asked.merchants:,} parcels of {asked.merchants} merchants")
        for nth, parcels in enumerate(of):
            await hand_over(on, parcels, each, 1 + nth * each)
        flight, scans_per_s = await _gathered(on, operator, [name for parcels in of for name in parcels.names])
        rounds = [await _told(on, operator, flight, what) for what in TOLD]
        return {
            "parcels": each * asked.merchants, "merchants": asked.merchants, "scans_per_s": scans_per_s,
            "rounds": rounds, "audit": await audited(on),
        }  # fmt: skip


async def _gathered(on: Scene, operator: int, names: list[str]) -> tuple[str, int]:
    """All of them in bags, scanned one by one as on a dock; the bags on one flight."""
    random.Random(1).shuffle(names)
    (opened,) = await ask(on.db, operator, "open_load", [{"kind": "flight", "number": "020-12345675"}])
    tell("scanning them into bags")
    began = time.perf_counter()
    for first in range(0, len(names), IN_A_BAG):
        (bag,) = await ask(on.db, operator, "open_load", [{"kind": "bag"}])
        for name in names[first : first + IN_A_BAG]:
            await ask(on.db, operator, "put_in", [{"load": bag["load"], "items": [name]}])
        await ask(on.db, operator, "close_load", [{"load": bag["load"]}])
        await ask(on.db, operator, "put_in", [{"load": opened["load"], "items": [bag["load"]]}])
    return str(opened["load"]), round(len(names) / (time.perf_counter() - began))


async def _told(on: Scene, operator: int, flight: str, what: str) -> dict[str, Any]:
    """One event of the flight, until every parcel knows it."""
    count, began = Counter[str](), time.perf_counter()
    with counted(count):
        (answer,) = await ask(on.db, operator, "track_load", [{"load": flight, "events": [{"what": what}]}])
        told_s, telling = time.perf_counter() - began, count["statements"]
        world = World(on.db, _nobody, _nobody, None)
        for merchant in on.merchants:
            async with tenant_tx(on.db, [merchant.id]) as tx:
                now = clock.now() + timedelta(seconds=1)
                claimed = await jobs.claim(tx, merchant.id, "spread", now, 10)
                await jobs.done(tx, claimed)
            await spread(world, [Ask(merchant.id, Spread(**job.body), now) for job in claimed])
    seconds = time.perf_counter() - began
    async with tenant_tx(on.db, [merchant.id for merchant in on.merchants], readonly=True) as tx:
        known = await tx.value("select count(*) from parcel_event where merchant_id = any($1)", list(tx.merchants))
    tell(f"{what}: {count['statements']} statements, {seconds:.1f} s")
    return {
        "what": what, "merchants": answer["merchants"], "events_of_parcels": known, "statements_to_tell": telling,
        "statements": count["statements"], "ms_to_tell": round(told_s * 1000), "seconds": round(seconds, 2),
        "statements_per_merchant": round((count["statements"] - telling) / len(on.merchants), 1),
    }  # fmt: skip


async def _nobody(_merchant: int, _code: str) -> Any:
    raise AssertionError("nobody is to be called")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench loads", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--parcels", type=int, default=10_000)
    parser.add_argument("--merchants", type=int, default=20)
    asked = parser.parse_args(arguments)
    figures = uvloop.run(measure(asked))
    print(json.dumps(figures, indent=None if asked.json else 2))
