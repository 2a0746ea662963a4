"""journey: what an order costs from place to paid and delivered, verb by verb, in lists and one at a time.

Each verb runs over a chunk of orders in lists of the size measured, through the runner as the doors and the worker
call it; what a verb queues next is taken from the jobs as the worker takes it. No label is printed and nobody
outside is called: the label was bought elsewhere, the money is held by the channel, and the jobs of errands (notify,
follow) are ended without a call, apart from the figures of the verbs.

    python -m bench journey --json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

import msgspec
import uvloop

from bench.disk import Disk, each, grown
from bench.meter import US, Spent, metered
from bench.orders import LINES, PRICE_MINOR, an_order, picks, several, uniform
from bench.place3 import SECONDS, Reference
from bench.scene import Merchant, Scene, accepted, audited, bin_of, put_aside, scene, work
from doorstep.kit import clock
from doorstep.kit.garbage import collect_seldom
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.verbs import VERBS

ERRANDS = ("notify", "follow")
AT_ONCE, LONG_LIST = 50, 200
# Orders of one merchant in a chunk: a few lists of each size, so that starting up does not count.
CHUNK = {1: 40, AT_ONCE: 400, LONG_LIST: 400}
TOTAL_MINOR = LINES * PRICE_MINOR

LINES_OF = """
select 'ful_' || a.fulfillment_order_id as fulfillment_order, a.line_no, s.code, s.barcode
  from allocation a join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where a.merchant_id = $1 and a.order_id = any($2) order by a.line_no, a.fulfillment_order_id
"""
NOT_COMPLETED = """
select 'ord_' || n.order_id from order_now n
  where n.merchant_id = $1 and n.order_id = any($2) and (n.stage <> 'completed' or n.payment <> 'paid') limit 5
"""

Bodies = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Way:
    """How the orders go: when stock is reserved, what the channel did with the money, which asks have a request key."""

    reserve: Literal["now", "after_checks"] = "now"
    money: Literal["held", "paid"] = "held"
    keys: Literal["place", "all"] = "place"


@dataclass(slots=True)
class Costs:
    """What each verb took over so many orders, and how much it wrote ahead."""

    orders: int = 0
    by_verb: dict[str, Spent] = field(default_factory=dict)
    wal: dict[str, int] = field(default_factory=dict)
    errands: Spent = field(default_factory=Spent)
    chunks_ms: list[float] = field(default_factory=list)

    def add(self, verb: str, spent: Spent, wal: int) -> None:
        self.by_verb[verb] = self.by_verb.get(verb, Spent()) + spent
        self.wal[verb] = self.wal.get(verb, 0) + wal

    @property
    def all(self) -> Spent:
        return sum(self.by_verb.values(), Spent())

    def us(self, verb: str) -> float:
        return self.by_verb[verb].cpu_s / self.orders * US

    def told(self) -> dict[str, dict[str, float]]:
        return {
            verb: {**spent.us_each(self.orders), "wal_bytes": round(self.wal[verb] / self.orders)}
            for verb, spent in self.by_verb.items()
        }


@dataclass(slots=True)
class Walk:
    """A chunk of one merchant's orders on its way through the journey."""

    on: Scene
    disk: Disk
    merchant: Merchant
    size: int
    costs: Costs
    way: Way

    async def whole(self, first: int, count: int, chance: random.Random) -> None:
        before = self.costs.all.cpu_s
        orders = await self._place(first, count, chance)
        await self._jobs("check")
        if self.way.reserve == "after_checks":
            await self._jobs("promise")
        await self._jobs("release")
        fulfillment_orders = await self._pick(orders)
        packed = await self._ask("pack", [{"fulfillment_order": one} for one in fulfillment_orders])
        parcels = [answer["parcel"] for answer in packed]
        await self._ask("keep_label", [
            {"parcel": parcel, "carrier": "Courier", "tracking_number": f"T-{parcel}"} for parcel in parcels
        ])  # fmt: skip
        await self._ask("hand_over", [{"parcel": parcel} for parcel in parcels])
        await self._jobs("issue_invoice")
        if self.way.money == "held":
            await self._ask("capture", [{"order": order, "amount_minor": TOTAL_MINOR} for order in orders])
        await self._ask("deliver", [{"parcel": parcel} for parcel in parcels])
        await self._errands()
        await self._must_be_completed(orders)
        self.costs.orders += count
        self.costs.chunks_ms.append(round((self.costs.all.cpu_s - before) / count * 1000, 3))

    async def _place(self, first: int, count: int, chance: random.Random) -> list[str]:
        choose = uniform(self.on.skus, chance)
        kind = "authorized" if self.way.money == "held" else "paid"
        tender = {"kind": kind, "amount_minor": TOTAL_MINOR, "method": "card", "reference": "ch_1"}
        more = {"tenders": [tender], "reserve": self.way.reserve}
        bodies: Bodies = [
            {"order": an_order(number, several(choose), external_id=f"WEB-{number}", **more)}
            for number in range(first, first + count)
        ]
        return [answer["order"] for answer in await self._ask("place", bodies)]

    async def _pick(self, orders: list[str]) -> list[str]:
        """All lines of a fulfillment order at once, as they come off a pick list; answers the fulfillment orders."""
        ids = [int(order[4:]) for order in orders]
        async with tenant_tx(self.on.db, [self.merchant.id], readonly=True) as tx:
            rows = await tx.rows(LINES_OF, self.merchant.id, ids)
        await self._ask("pick", picks(
            (row["fulfillment_order"], row["line_no"], 1, bin_of(int(row["barcode"])), row["barcode"]) for row in rows
        ))  # fmt: skip
        return list(dict.fromkeys(row["fulfillment_order"] for row in rows))

    async def _ask(self, verb: str, bodies: Bodies) -> list[dict[str, Any]]:
        """The verb over these bodies in lists of the size; what a door does before is not measured."""
        kind, now = VERBS[verb].body, clock.now()
        asks = [
            Ask(self.merchant.id, msgspec.convert(body, kind), now, key=self._key(verb), digest=b"12345678")
            for body in bodies
        ]
        answers: list[dict[str, Any]] = []
        async with self._measured(verb):
            for some in _lists(asks, self.size):
                answers += accepted(verb, await run(self.on.db, verb, some))
        return answers

    def _key(self, verb: str) -> bytes | None:
        return os.urandom(16) if verb == "place" or self.way.keys == "all" else None

    async def _jobs(self, verb: str) -> None:
        """What is queued of the verb, taking included."""
        async with self._measured(verb):
            await work(self.on.db, self.merchant.id, verb, self.size)

    @asynccontextmanager
    async def _measured(self, verb: str) -> AsyncIterator[None]:
        wal = await self.disk.wal()
        with metered(self.on.home) as spent:
            yield
        self.costs.add(verb, spent, await self.disk.wal() - wal)

    async def _errands(self) -> None:
        with metered(self.on.home) as spent:
            for errand in ERRANDS:
                await put_aside(self.on.db, self.merchant.id, errand, self.size)
        self.costs.errands += spent

    async def _must_be_completed(self, orders: list[str]) -> None:
        async with tenant_tx(self.on.db, [self.merchant.id], readonly=True) as tx:
            left = await tx.rows(NOT_COMPLETED, self.merchant.id, [int(order[4:]) for order in orders])
        if left:
            raise AssertionError(f"not paid and delivered: {', '.join(row[0] for row in left)}")


def _lists(asks: list[Ask[Any]], size: int) -> Iterator[list[Ask[Any]]]:
    for first in range(0, len(asks), size):
        yield asks[first : first + size]


@dataclass(slots=True)
class Bench:
    """The walk of many chunks: sizes take turns, so that all of them meet the same machine."""

    on: Scene
    disk: Disk
    way: Way
    costs: dict[int, Costs] = field(default_factory=dict)
    placed: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    async def chunk(self, size: int, costs: Costs | None = None) -> None:
        merchant = self.on.merchants[self.placed // CHUNK[AT_ONCE] % len(self.on.merchants)]
        counted = costs if costs is not None else self.costs.setdefault(size, Costs())
        walk = Walk(self.on, self.disk, merchant, size, counted, self.way)
        await walk.whole(self.placed, CHUNK[size], self.chance)
        self.placed += CHUNK[size]


async def measure(asked: argparse.Namespace) -> dict[str, Any]:
    sizes = list(dict.fromkeys([AT_ONCE, LONG_LIST, *asked.size]))
    async with scene(asked.merchants, ship="complete") as on:
        disk = await Disk.open(on.urls.owner)
        collect_seldom()  # as the worker does
        try:
            return await _rounds(on, disk, sizes, asked)
        finally:
            await disk.close()


async def _rounds(on: Scene, disk: Disk, sizes: list[int], asked: argparse.Namespace) -> dict[str, Any]:
    bench = Bench(on, disk, Way(asked.reserve, asked.money, asked.keys))
    for size in sizes:
        tell(f"warming up: {CHUNK[size]} orders in lists of {size}")
        await bench.chunk(size, Costs())
    warm, empty = bench.placed, await disk.sizes()
    reference = await asyncio.to_thread(Reference, on.home, on.urls.owner, asked.place3_seconds)
    for number in range(asked.rounds):
        for size in sizes:
            await bench.chunk(size)
        await asyncio.to_thread(reference.again)
        tell(f"round {number + 1}: {_ms(bench.costs[AT_ONCE])} ms an order in lists of {AT_ONCE}")
    figures = _figures(bench, reference) | await _until(bench, asked.orders)
    young = each(grown(empty, await disk.sizes()), bench.placed - warm)
    await disk.vacuum()
    on_disk = each(await disk.sizes(), bench.placed)
    began = time.perf_counter()
    books = await audited(on)
    return {
        **figures,
        "orders": bench.placed, "disk_bytes_per_order": sum(on_disk.values()), "disk_by_table": on_disk,
        "disk_bytes_per_order_as_grown": sum(young.values()),
        "audit": books, "audit_s": round(time.perf_counter() - began, 1),
        "way": {**asdict(bench.way), "lines": LINES, "errands": "not called"},
    }  # fmt: skip


async def _until(bench: Bench, orders: int) -> dict[str, Any]:
    """Many more orders in lists of 50: whether an order costs the same when there are many, and what it writes."""
    told: list[float] = []
    first, wal = bench.placed, await bench.disk.wal()
    while bench.placed < orders:
        costs, target = Costs(), min(orders, bench.placed + max(orders // 10, CHUNK[AT_ONCE]))
        while bench.placed < target:
            await bench.chunk(AT_ONCE, costs)
        told.append(_ms(costs))
        tell(f"{bench.placed:,} orders: {told[-1]} ms an order")
    if not told:
        return {}
    wal_each = round((await bench.disk.wal() - wal) / (bench.placed - first))
    return {"cpu_ms_per_order_as_it_grows": told, "wal_bytes_per_order": wal_each}


def _figures(bench: Bench, reference: Reference) -> dict[str, Any]:
    at_once, longer = bench.costs[AT_ONCE], bench.costs[LONG_LIST]
    figures: dict[str, Any] = {"cpu_ms_per_order": _of_rounds(at_once), "cpu_ms_per_order_mean": _ms(at_once)}
    if 1 in bench.costs:
        one = bench.costs[1]
        figures |= {"cpu_ms_per_order_one_at_a_time": _of_rounds(one), "by_verb_one": one.told()}
    return figures | {
        "x_place3": round(_of_rounds(at_once) * 1000 / reference.pg_us, 2),
        "app_ms_per_order": round(at_once.all.app_s / at_once.orders * 1000, 4),
        "pg_ms_per_order": round(at_once.all.pg_s / at_once.orders * 1000, 4),
        "by_verb": at_once.told(),
        "wal_bytes_per_order": round(sum(at_once.wal.values()) / at_once.orders),
        "errands_not_counted_us": at_once.errands.us_each(at_once.orders),
        # At 1 or below, a verb's list of 200 costs no more per order than its list of 50.
        "linearity_200_to_50": {verb: round(longer.us(verb) / at_once.us(verb), 2) for verb in at_once.by_verb},
        "cpu_ms_per_order_in_lists_of_200": _of_rounds(longer),
        # One by one, so that the noise is seen.
        "rounds_ms_per_order": {str(size): costs.chunks_ms for size, costs in sorted(bench.costs.items())},
        **reference.told(),
    }  # fmt: skip


def _of_rounds(costs: Costs) -> float:
    """The median of the rounds."""
    return round(median(costs.chunks_ms), 4)


def _ms(costs: Costs) -> float:
    return round(costs.all.cpu_s / costs.orders * 1000, 4)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench journey", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, action="append", default=[1], help="lists of 1 are always measured")
    parser.add_argument("--orders", type=int, default=0, help="go on to so many orders; then the disk is vacuumed")
    parser.add_argument("--merchants", type=int, default=4)
    parser.add_argument("--reserve", choices=("now", "after_checks"), default="now")
    parser.add_argument("--money", choices=("held", "paid"), default="held", help="what the channel did at checkout")
    parser.add_argument("--keys", choices=("place", "all"), default="place", help="asks that have a request key")
    parser.add_argument("--place3-seconds", type=float, default=SECONDS)
    asked = parser.parse_args(arguments)
    figures = uvloop.run(measure(asked))
    print(json.dumps(figures, indent=None if asked.json else 2))
