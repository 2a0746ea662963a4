"""intake: how many orders a second come in over HTTP, and what one costs the application, the database and the client.

A real web process over a real database; every order has an API key, a request key, three lines, a buyer and an address,
and is reserved at once. The reference runs before and after each measured round on the same server.

    python -m bench intake --json
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import random
import sys
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.disk import Disk, each, grown
from bench.load import NUMBER, Loaded, Plan, post, run
from bench.orders import LINES, Choose, an_order, several, uniform, zipf
from bench.place3 import SECONDS, Place3, Reference
from bench.scene import SITES, UNITS, Merchant, Scene, audited, open_merchant, receive, scene, sku_code, web, work
from doorstep.kit import embedded
from doorstep.spine.tenant import tenant_tx

BULK = 50
TEMPLATES, BULK_TEMPLATES = 4_000, 100
CREATED, SHORT = 201, 409
# The first SKUs are the hot ones, another in each round; some sellers have them only when they are told to.
SCARCE = 10
# Each load has numbers of its own: no request key and no external id comes twice.
NUMBERS_A_LOAD = 10_000_000

STANDS = """
select a.free, a.reserved from availability a
  join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id join site t on t.site_id = a.site_id
  where a.merchant_id = $1 and s.code = $2 and t.code = $3
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load. `orders` in each request; `near` its ratio to the reference is told."""

    name: str
    connections: int
    orders: int = 1
    near: bool = False


SINGLE = Case("single", 64, near=True)
BULK_CASE = Case("bulk", 8, BULK, near=True)
OTHERS = (Case("single_8", 8), Case("single_1", 1), Case("zipf_64", 64), Case("zipf_8", 8), Case("zipf_1", 1))
ONE_MERCHANT = Case("one_merchant", 64)
HOT = Case("hot", 64)
# The stock of the one SKU runs out half-way: the rest waits for goods, or is refused.
RUNS_OUT = {"backorder": Case("hot_runs_out", 64), "refuse": Case("hot_runs_out_refused", 64)}


@dataclass(slots=True)
class Round:
    """What one round of a case measured."""

    per_s: float
    p50_ms: float
    p99_ms: float
    app_us: float
    pg_us: float
    load_us: float
    wal_bytes: float
    ratio: float | None = None


@dataclass(slots=True)
class Bench:
    on: Scene
    shops: list[Merchant]
    port: int
    pids: dict[str, int]
    disk: Disk
    asked: argparse.Namespace
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    placed: int = 0
    loads: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    hot: list[dict[str, Any]] = field(default_factory=list)

    async def load(self, case: Case, requests: list[bytes], expected: tuple[int, ...] = (CREATED,)) -> Loaded:
        """One load, and its figures per order."""
        self.loads += 1
        markers = case.orders if case.orders > 1 else 0
        plan = Plan(
            self.port, requests, case.connections, self.asked.seconds, self.asked.warm_up,
            self.loads * NUMBERS_A_LOAD, (200, CREATED) if markers else expected, b'"order":"ord_', markers, self.pids,
        )  # fmt: skip
        wal = await self.disk.wal()
        loaded = await asyncio.to_thread(run, plan)
        wal, answered = await self.disk.wal() - wal, sum(loaded.statuses.values()) * case.orders
        self.placed += answered - loaded.statuses.get(SHORT, 0)
        size = case.orders
        self.rounds.setdefault(case.name, []).append(Round(
            loaded.per_s * size, loaded.p50_ms, loaded.p99_ms, loaded.cpu_us["app"] / size,
            loaded.cpu_us["pg"] / size, loaded.load_us / size, wal / answered,
        ))  # fmt: skip
        return loaded

    def near(self, case: Case, reference: Place3) -> None:
        last = self.rounds[case.name][-1]
        last.ratio = last.per_s / reference.per_s
        tell(f"{case.name}: {last.per_s:,.0f} a second, {last.ratio:.3f} of the reference's {reference.per_s:,.0f}")

    # what is asked

    def singles(self, merchants: list[Merchant], choose: Choose, first: int | None = None) -> list[bytes]:
        """With `first`, that SKU is a line of every order."""
        requests = []
        for n in range(TEMPLATES):
            skus = several(choose) if first is None else [first, *several(choose, LINES - 1)]
            body = as_json(self._order(n, skus))
            requests.append(post("/v1/orders", merchants[n % len(merchants)].secret, body))
        return requests

    def bulks(self, merchants: list[Merchant], choose: Choose) -> list[bytes]:
        requests = []
        for n in range(BULK_TEMPLATES):
            orders = [self._order(n * BULK + k, several(choose)) for k in range(BULK)]
            requests.append(bulk(merchants[n % len(merchants)].secret, orders))
        return requests

    def _order(self, n: int, skus: list[int]) -> dict[str, Any]:
        external = {"external_id": f"WEB-{n % BULK}-\0"} if self.asked.external_id else {}
        return an_order(n, skus, reserve="now", **external)

    # the cases

    async def single(self, case: Case = SINGLE) -> None:
        choose = (zipf if case.name.startswith("zipf") else uniform)(self.on.skus, self.chance)
        await self.load(case, self.singles(self.shops, choose))

    async def bulk(self) -> None:
        await self.load(BULK_CASE, self.bulks(self.shops, uniform(self.on.skus, self.chance)))

    async def hot_sku(self, number: int, sellers: dict[str, Merchant]) -> None:
        """Uniform orders of one merchant, then all of them with one SKU, then with one whose stock runs out."""
        choose = common(self.on.skus, self.chance)
        await self.load(ONE_MERCHANT, self.singles(self.shops[:1], choose))
        await self.load(HOT, self.singles(self.shops[:1], choose, first=number % SCARCE))
        expected = self.rounds[HOT.name][-1].per_s * (self.asked.seconds + self.asked.warm_up)
        for policy, case in RUNS_OUT.items():
            await self._last_units(case, sellers[policy], number % SCARCE, max(20, int(expected / 2)), choose)

    async def _last_units(self, case: Case, seller: Merchant, sku: int, units: int, choose: Choose) -> None:
        """As many units at one site as half of the orders will want."""
        site = SITES[0].code
        before = await self._stands(seller, sku, site)
        await receive(self.on.db, seller, site, range(sku, sku + 1), units)
        await work(self.on.db, seller.id, "fill", BULK)
        there = await self._stands(seller, sku, site)
        loaded = await self.load(case, self.singles([seller], choose, first=sku), (CREATED, SHORT))
        after = await self._stands(seller, sku, site)
        answered, refused = sum(loaded.statuses.values()), loaded.statuses.get(SHORT, 0)
        sold = after["reserved"] - there["reserved"]
        self.hot.append({
            "case": case.name, "free": there["free"], "answered": answered, "refused": refused, "sold": sold,
            "ran_out": after["free"] == 0, "ran_out_at": round(there["free"] / answered, 2),
            "oversold": sold > there["free"] or after["reserved"] > before["reserved"] + units
            or (case is RUNS_OUT["refuse"] and answered - refused != sold),
        })  # fmt: skip

    async def _stands(self, seller: Merchant, sku: int, site: str) -> dict[str, int]:
        async with tenant_tx(self.on.db, [seller.id], readonly=True) as tx:
            row = await tx.row(STANDS, seller.id, sku_code(sku), site)
        return dict(row) if row else {"free": 0, "reserved": 0}


def common(skus: int, chance: random.Random) -> Choose:
    """Any SKU but the scarce ones."""
    return lambda: chance.randrange(SCARCE, skus)


def as_json(body: Any) -> bytes:
    """The request's own number stands where a text has a NUL."""
    return json.dumps(body, separators=(",", ":")).encode().replace(b"%", b"%%").replace(b"\\u0000", NUMBER)


def bulk(secret: str, orders: list[dict[str, Any]]) -> bytes:
    """Many orders in one request: the one place that knows its shape."""
    return post("/v1/orders/batch", secret, as_json({"orders": [{"order": order} for order in orders]}))


def has_bulk(port: int, secret: str) -> bool:
    """Whether there is a door for many orders at once: it refuses an empty list, and is not missing."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
        connection.request("POST", "/v1/orders/batch", b'{"orders":[]}', headers)
        return connection.getresponse().status not in (404, 405)
    finally:
        connection.close()


async def measure(asked: argparse.Namespace) -> dict[str, Any]:
    async with scene(asked.merchants) as on:
        shops = list(on.merchants)
        sellers = {}
        for policy in RUNS_OUT:
            sellers[policy] = await open_merchant(on, f"last-units-{policy}", UNITS, SCARCE, when_short=policy)
        disk = await Disk.open(on.urls.owner)
        try:
            async with web(on) as served:
                pids = {"app": served.pid or 0, "pg": embedded.server_pid(on.home) or 0}
                bench = Bench(on, shops, served.port or 0, pids, disk, asked)
                return await _rounds(bench, sellers)
        finally:
            await disk.close()


async def _rounds(bench: Bench, sellers: dict[str, Merchant]) -> dict[str, Any]:
    asked, on = bench.asked, bench.on
    empty = await bench.disk.sizes()
    many = has_bulk(bench.port, bench.shops[0].secret)
    if not many:
        tell("there is no POST /v1/orders/batch here: the bulk case is left out")
    reference = await asyncio.to_thread(Reference, on.home, on.urls.owner, asked.place3_seconds)
    for number in range(asked.rounds):
        if number:
            await asyncio.to_thread(reference.again)
        await bench.single()
        bench.near(SINGLE, await asyncio.to_thread(reference.again))
        if many:
            await bench.bulk()
            bench.near(BULK_CASE, await asyncio.to_thread(reference.again))
        for case in OTHERS if not asked.only_near else ():
            await bench.single(case)
        if not asked.only_near:
            await bench.hot_sku(number, sellers)
    while bench.placed < asked.orders:
        await (bench.bulk() if many else bench.single())
        bench.rounds[(BULK_CASE if many else SINGLE).name].pop()  # it fills the disk; it is no round
    await bench.disk.vacuum()
    on_disk = each(grown(empty, await bench.disk.sizes()), bench.placed)
    return {
        **_figures(bench, reference), **reference.told(), "orders": bench.placed,
        # The jobs that wait for a worker are told apart: it takes them away when they are done.
        "disk_bytes_per_order": sum(on_disk.values()) - on_disk.get("job", 0),
        "disk_bytes_per_order_with_waiting_jobs": sum(on_disk.values()), "disk_by_table": on_disk,
        "audit": await audited(on),
    }  # fmt: skip


def _figures(bench: Bench, reference: Reference) -> dict[str, Any]:
    cases = {name: _told(rounds) for name, rounds in bench.rounds.items()}
    for case in cases.values():
        # What an order costs application and database, as a multiple of what the reference's costs the database.
        case["x_place3"] = round((case["app_us"] + case["pg_us"]) / reference.pg_us, 2)
    single, many = cases[SINGLE.name], cases.get(BULK_CASE.name, {})
    hot = {case.name: _to_uniform(bench, case.name) for case in (HOT, *RUNS_OUT.values())}
    told = [ratio for ratio in hot.values() if ratio is not None]
    return {
        "single_per_s": single["per_s"], "single_ratio": single["ratio"], "single_p99_ms": single["p99_ms"],
        "bulk_per_s": many.get("per_s"), "bulk_ratio": many.get("ratio"), "bulk_p99_ms": many.get("p99_ms"),
        "hot_ratio": min(told) if told else None, "hot_ratios": hot, "hot_stock": bench.hot,
        "never_oversold": not any(one["oversold"] for one in bench.hot), "cases": cases,
    }  # fmt: skip


def _told(rounds: list[Round]) -> dict[str, Any]:
    """The median of each figure; the rates one by one, so that the noise is seen."""
    figures: dict[str, Any] = {}
    for name in ("per_s", "p50_ms", "p99_ms", "app_us", "pg_us", "load_us", "wal_bytes", "ratio"):
        values = [value for one in rounds if (value := getattr(one, name)) is not None]
        figures[name] = _rounded(name, median(values)) if values else None
    return figures | {"rounds_per_s": [round(one.per_s) for one in rounds]}


def _rounded(name: str, value: float) -> float:
    places = {"per_s": None, "wal_bytes": None, "ratio": 3, "p50_ms": 2, "p99_ms": 2}
    return round(value, places.get(name, 1))


def _to_uniform(bench: Bench, name: str) -> float | None:
    """The median over the rounds of the hot SKU's rate to that of uniform orders just before."""
    pairs = zip(bench.rounds.get(name, []), bench.rounds.get(ONE_MERCHANT.name, []), strict=True)
    ratios = [hot.per_s / base.per_s for hot, base in pairs]
    return round(median(ratios), 3) if ratios else None


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench intake", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--quick", action="store_true", help="one round of a second: to try it out")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--merchants", type=int, default=10)
    parser.add_argument("--orders", type=int, default=0, help="go on to so many orders before the disk is looked at")
    parser.add_argument("--only-near", action="store_true", help="only what is told as a ratio to the reference")
    parser.add_argument("--no-external-id", dest="external_id", action="store_false")
    parser.add_argument("--place3-seconds", type=float, default=SECONDS)
    asked = parser.parse_args(arguments)
    if asked.quick:
        asked.rounds, asked.seconds, asked.warm_up, asked.place3_seconds = 1, 1.0, 0.3, 1.0
    figures = asyncio.run(measure(asked))
    print(json.dumps(figures, indent=None if asked.json else 2))
