"""reads: what pages cost among many orders, as ratios to the same pages among 10,000: `python -m bench.reads --json`.

Two servers of one home each, seeded alike (bench/seed.py). A page is read by turns here and there, many times; counted
is the CPU of this process and of the database's process that serves it. Then orders come in by turns, and the whole
servers are counted. What was seeded is used again when --home names it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psutil

from bench import seed
from bench.meter import cpu_s, database_cpu_s
from doorstep.doors.console import attention, order_page, orders_page, reports, today
from doorstep.doors.console.signing_in import Browser, Visitor
from doorstep.doors.console.visit import Visit
from doorstep.doors.reads import cursor
from doorstep.doors.reads.order import order
from doorstep.doors.reads.orders import OrderQuery, orders
from doorstep.kit import clock, embedded
from doorstep.setup.people import Person
from doorstep.spine.audit import audit
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import VERBS

FEW = 10_000
ROUNDS, CALLS, WARM = 9, 12, 8
# The first turns only warm up: after a start every page that is written goes to the log whole, once.
BATCH, BATCHES, WARM_TURNS, TURNS = 50, 20, 8, 9
FILTERS: dict[str, dict[str, Any]] = {
    "newest": {},
    "stage_usual": {"stage": "completed"},
    "stage_open": {"stage": "awaiting_fulfillment"},
    "stage_rare": {"stage": "expired"},
    "payment": {"payment": "unpaid"},
    "fulfillment": {"fulfillment": "restocked"},
    "delivery": {"delivery": "pre_transit"},
    "hold_any": {"hold": "any"},
    "hold_type": {"hold": "operator"},
    "channel_usual": {"channel": "web"},
    "channel_rare": {"channel": seed.FAIR},
    "country_usual": {"country": "IE"},
    "country_rare": {"country": seed.RARE_COUNTRY},
    "sku_usual": {"sku": "SKU-0001"},
    "sku_rare": {"sku": seed.RARE_SKU},
    "text_name": {"q": "kovalenko"},
    "text_beginning": {"q": "shev"},
    "text_two_words": {"q": "ada kov"},
    "text_sku": {"q": "rare-"},
    "country_and_stage": {"country": "IE", "stage": "awaiting_fulfillment"},
    "channel_and_hold": {"channel": "web", "hold": "any"},
    "sku_and_country": {"sku": "SKU-0001", "country": "IE"},
    "text_and_channel": {"q": "kovalenko", "channel": "market"},
    "nothing_in_common": {"country": seed.RARE_COUNTRY, "channel": seed.FAIR},
}  # fmt: skip
REPORTS_SPLIT = {
    "perfect-orders": "country", "on-time": "channel", "time-in-stage": "step", "backlog": "stop", "sales": "sku",
    "carriers": "carrier",
}  # fmt: skip
Page = Callable[["Town"], Awaitable[object]]


@dataclass(slots=True)
class Town:
    """A seeded database, with what its pages are asked about."""

    home: Path
    db: Db
    merchants: list[int]
    backend: int
    order: str = ""
    row: Any = None
    middle: datetime = field(default_factory=clock.now)
    number: int = 0

    @property
    def merchant(self) -> int:
        return self.merchants[0]

    def backend_cpu_s(self) -> float:
        return cpu_s(psutil.Process(self.backend))


@contextlib.asynccontextmanager
async def town(home: Path, count: int) -> AsyncIterator[Town]:
    urls = await asyncio.to_thread(embedded.start, home)
    try:
        db = await Db.open(urls.app, urls.router, size=1)
        try:
            merchants = (await db.everyone())[1:]
            found = Town(home, db, merchants, await db.pool.fetchval("select pg_backend_pid()"))
            await _look_round(found, count)
            yield found
        finally:
            await db.close()
    finally:
        await asyncio.to_thread(embedded.stop, home)


async def _look_round(found: Town, count: int) -> None:
    """An order that was delivered, in the middle of the time."""
    found.middle = clock.now() - timedelta(days=seed.DAYS / 2)
    async with tenant_tx(found.db, [found.merchant], readonly=True) as tx:
        query = OrderQuery(placed_to=found.middle, stage="completed", sku="SKU-0002", limit=1)
        page = await orders(tx, found.merchant, query)
    found.row = page.orders[0]
    found.order = found.row.id


# Pages


def pages() -> dict[str, Page]:
    every: dict[str, Page] = {"order": _order, "order_page": _order_page, "list_page": _list_page({})}
    every |= {f"list_{name}": _list(filters) for name, filters in FILTERS.items()}
    every["list_further_down"] = lambda at: _listed(at, {"cursor": cursor.write(at.middle, 2**40)})
    every["list_dates"] = lambda at: _listed(
        at, {"placed_from": at.middle - timedelta(days=60), "placed_to": at.middle}
    )
    every["list_number"] = lambda at: _listed(at, {"number": at.row.number})
    every["list_external_id"] = lambda at: _listed(at, {"external_id": at.row.external_id})
    every["list_email"] = lambda at: _listed(at, {"email": at.row.email})
    every["list_page_stage"] = _list_page({"stage": "completed"})
    every["list_page_text"] = _list_page({"q": "kovalenko"})
    every["today_page"] = lambda at: today.show(_visit(at, {}, {}))
    every["due_page"] = lambda at: today.orders(_visit(at, {"of": "overdue"}, {}))
    every["attention_page"] = lambda at: attention.show(_visit(at, {}, {}))
    every["reports_page"] = lambda at: reports.index(_visit(at, {}, {}))
    for name, split in REPORTS_SPLIT.items():
        every[f"report_page_{name}"] = _report_page(name, {"by": split})
        every[f"report_page_{name}_year"] = _report_page(name, {"by": split, "range": "365"})
    return every


async def _order(at: Town) -> object:
    async with tenant_tx(at.db, [at.merchant], readonly=True) as tx:
        return msgspec.json.encode(await order(tx, [at.merchant], at.order))


async def _order_page(at: Town) -> object:
    return await order_page.show(_visit(at, {}, {"order": at.order}))


def _list_page(query: dict[str, str]) -> Page:
    return lambda at: orders_page.show(_visit(at, query, {}))


def _report_page(name: str, query: dict[str, str]) -> Page:
    return lambda at: reports.show(_visit(at, query, {"report": name}))


def _visit(at: Town, query: dict[str, str], path: dict[str, str]) -> Visit:
    person = Person(1, "owner@example.com", "Owner", "owner", None)
    visitor = Visitor(person, tuple(at.merchants), "session", clock.now(), "password")
    browser = Browser("127.0.0.1", "", "127.0.0.1", 80, is_https=False, session="session")
    return Visit(at.db, visitor, browser, path, query)


def _list(filters: dict[str, Any]) -> Page:
    return lambda at: _listed(at, filters)


async def _listed(at: Town, filters: dict[str, Any]) -> object:
    """A page of 15: among 10,000 orders a usual SKU has no more."""
    async with tenant_tx(at.db, [at.merchant], readonly=True) as tx:
        return msgspec.json.encode(await orders(tx, at.merchant, OrderQuery(limit=15, **filters)))


async def measure_page(page: Page, towns: Sequence[Town]) -> list[dict[str, float]]:
    """Per town the milliseconds of CPU and of the wall's clock that a page takes: medians of rounds by turns."""
    for at in towns:
        for _ in range(WARM):
            await page(at)
    took: list[list[tuple[float, float, float]]] = [[] for _ in towns]
    for _ in range(ROUNDS):
        for at, rounds in zip(towns, took, strict=True):
            wall, app, pg = time.perf_counter(), time.process_time(), at.backend_cpu_s()
            for _ in range(CALLS):
                await page(at)
            spent = (time.process_time() - app, at.backend_cpu_s() - pg, time.perf_counter() - wall)
            rounds.append(tuple(each / CALLS * 1000 for each in spent))  # type: ignore[arg-type]
    return [
        {
            "ms": statistics.median(app + pg for app, pg, _ in rounds),
            "app_ms": statistics.median(app for app, _, _ in rounds),
            "pg_ms": statistics.median(pg for _, pg, _ in rounds),
            "wall_ms": statistics.median(wall for _, _, wall in rounds),
        }
        for rounds in took
    ]


# Intake


async def measure_intake(towns: Sequence[Town]) -> list[dict[str, float]]:
    """Microseconds per order placed in batches, promised at once: this process and the whole server."""
    took: list[list[tuple[float, float]]] = [[] for _ in towns]
    for turn in range(WARM_TURNS + TURNS):
        for at, rounds in zip(towns, took, strict=True):
            batches = [[_new_order(at) for _ in range(BATCH)] for _ in range(BATCHES)]
            wall, cpu = time.perf_counter(), time.process_time() + database_cpu_s(at.home)
            for batch in batches:
                await run(at.db, "place", batch)
            cpu = time.process_time() + database_cpu_s(at.home) - cpu
            if turn >= WARM_TURNS:
                rounds.append((cpu / BATCH / BATCHES * 1e6, (time.perf_counter() - wall) / BATCH / BATCHES * 1e6))
    return [
        {
            "cpu_us": statistics.median(cpu for cpu, _ in rounds),
            "wall_us": statistics.median(wall for _, wall in rounds),
        }
        for rounds in took
    ]


def _new_order(at: Town) -> Ask[Any]:
    at.number += 1
    n = at.number
    name = f"New Buyer {n}"
    home = {"name": name, "line1": f"{n} Quay Street", "city": "Galway", "postcode": "H91 AB12", "country": "IE"}
    lines = [
        {"sku": f"SKU-{1 + (n * 7 + step) % seed.SKUS:04d}", "quantity": 1, "unit_price": "12.50"}
        for step in (0, 131, 257)
    ]
    body = {
        "currency": "USD", "lines": lines, "buyer": {"name": name, "email": f"new.{n}@example.com"}, "ship_to": home,
        "external_id": f"new-{clock.now().timestamp()}-{n}", "channel": "web", "reserve": "now",
    }  # fmt: skip
    key = f"{n:08d}{time.time_ns() % 10**8:08d}".encode()
    return Ask(at.merchant, msgspec.convert({"order": body}, VERBS["place"].body), clock.now(), key=key)


# All of it


async def measure(homes: dict[int, Path], say: Callable[[str], None], audited: bool) -> dict[str, Any]:
    async with contextlib.AsyncExitStack() as stack:
        towns = [await stack.enter_async_context(town(home, count)) for count, home in homes.items()]
        names = [_short(count) for count in homes]
        told: dict[str, dict[str, float]] = {}
        for name, page in pages().items():
            found = await measure_page(page, towns)
            told[name] = _told(names, found)
            say(f"{name:26}" + "  ".join(f"{key} {value:g}" for key, value in told[name].items()))
        intake = await measure_intake(towns)
        result: dict[str, Any] = {}
        for name in names[1:]:
            of_orders = [page[f"ratio_{name}"] for page_name, page in told.items() if _is_of_orders(page_name)]
            result[f"ratio_{name}"] = round(max(of_orders), 3)
            result[f"slowest_ms_{name}"] = max(page[f"wall_ms_{name}"] for page in told.values())
        for nth in range(1, len(towns)):
            result[f"intake_{names[nth]}_ratio"] = round(intake[0]["cpu_us"] / intake[nth]["cpu_us"], 3)
            result[f"intake_{names[nth]}_wall_ratio"] = round(intake[0]["wall_us"] / intake[nth]["wall_us"], 3)
        result["intake_us"] = {
            name: {key: round(value, 1) for key, value in found.items()}
            for name, found in zip(names, intake, strict=True)
        }
        if audited:
            began = time.perf_counter()
            report = await audit(towns[1].db)
            result |= {f"audit_{names[1]}_s": round(time.perf_counter() - began, 1), "audit_ok": report.ok}
        return result | {"pages": told}


def _is_of_orders(page: str) -> bool:
    """Pages and lists of orders do not grow with them. Those of the day and reports count the days, SKUs and countries
    that there are: of them the time is told."""
    return page.startswith(("order", "list"))


def _told(names: Sequence[str], found: Sequence[dict[str, float]]) -> dict[str, float]:
    told: dict[str, float] = {}
    for name, page in zip(names, found, strict=True):
        told |= {f"ms_{name}": page["ms"], f"pg_ms_{name}": page["pg_ms"], f"wall_ms_{name}": page["wall_ms"]}
    told |= {f"ratio_{name}": page["ms"] / found[0]["ms"] for name, page in zip(names[1:], found[1:], strict=True)}
    if "ratio_1m" in told:
        told["ratio"] = told["ratio_1m"]
    return {key: round(value, 3) for key, value in told.items()}


def _short(count: int) -> str:
    return f"{count // 1_000_000}m" if count >= 1_000_000 else f"{count // 1000}k"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reads", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--five", action="store_true", help="among 5 M orders too")
    parser.add_argument("--home", type=Path, help="where the seeded servers stand, and stay; else they go")
    parser.add_argument("--no-audit", action="store_true")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="doorstep-reads-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        top = given.home or Path(folder)
        top.mkdir(exist_ok=True)
        homes = {count: top / _short(count) for count in (FEW, 1_000_000, *([5_000_000] if given.five else []))}
        for count, home in homes.items():
            if not (home / "seeded").exists():
                seed.main(["--orders", str(count), "--home", str(home)])
                embedded.stop(home)
                (home / "seeded").touch()
        result = asyncio.run(measure(homes, lambda text: print(text, flush=True), not given.no_audit))
    print(json.dumps(result) if given.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
