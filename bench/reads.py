"""reads: what pages cost among many orders, as ratios to the same pages among 10,000: `python -m bench.reads --json`.

Two servers of one home each, seeded alike (bench/seed.py), with a tenth as many open exceptions as orders. A page is
read by turns here and there, many times; counted is the CPU of this process and of the database's process that serves
it, and told the slowest twentieth of its reads by the clock. Then orders come in by turns, and the whole servers are
counted. With --paint, Chromium opens the list of orders too (bench/paint.py). What was seeded is used again when --home
names it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import psutil

from bench import paint, seed
from bench.meter import cpu_s, database_cpu_s
from doorstep.doors.console import attention, order_page, orders_page, reports, stock_page, today
from doorstep.doors.console.routes import PAGES
from doorstep.doors.console.signing_in import Browser, Visitor
from doorstep.doors.console.visit import Visit
from doorstep.doors.reads import cursor
from doorstep.doors.reads.order import order
from doorstep.doors.reads.orders import OrderQuery, orders
from doorstep.kit import clock, embedded
from doorstep.kit.embedded import Urls
from doorstep.kit.ids import public
from doorstep.kit.migrate import migrate
from doorstep.setup.people import Person
from doorstep.spine.audit import audit
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import VERBS

FEW = 10_000
ROUNDS, CALLS, WARM = 9, 12, 8
LONG_S = 1.0
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
# Pages of the console that have lines of their own here, or are files and papers.
READ_ELSEWHERE = {
    "/", "/today", "/today/orders", "/attention", "/reports", "/reports/{report:str}", "/orders", "/orders/{order:str}",
    "/orders/download/{name:str}", "/floor/pick-list",
}  # fmt: skip
MOST_MS = 150  # of a page, in nineteen of twenty reads
EXCEPTIONS = 10  # an open one for each so many orders
KINDS = (
    "delivery_exception", "delivery_delayed", "delivery_attempted", "silence", "label_refused", "short_pick",
    "case_not_arrived", "import_problem",
)  # fmt: skip
TROUBLED = """
insert into attention (merchant_id, attention_id, kind, order_id, reason, raised_at)
  select o.merchant_id, $2 + row_number() over (order by o.order_id),
      ($3::text[])[1 + (row_number() over (order by o.order_id)) % cardinality($3::text[])], o.order_id,
      'somebody must look at it', o.placed_at
    from (select merchant_id, order_id, placed_at from orders where merchant_id = any($1)
      order by order_id desc limit $4) o
"""
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
    words: dict[str, str] = field(default_factory=dict)
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
        await migrate(urls.owner)
        db = await Db.open(urls.app, urls.router, size=1)
        try:
            merchants = (await db.everyone())[1:]
            found = Town(home, db, merchants, await db.pool.fetchval("select pg_backend_pid()"))
            await _trouble(home, urls, merchants, count // EXCEPTIONS)
            await _look_round(found)
            yield found
        finally:
            await db.close()
    finally:
        await asyncio.to_thread(embedded.stop, home)


async def _trouble(home: Path, urls: Urls, merchants: list[int], count: int) -> None:
    """The newest orders need attention, once."""
    if (home / "troubled").exists():
        return
    owner = await asyncpg.connect(urls.owner)
    try:
        await owner.execute(f"set app.merchants = '{','.join(map(str, merchants))}'")
        first = await owner.fetchval("select nextval('doorstep_id') + 1024")
        await owner.execute(TROUBLED, merchants, first, list(KINDS), count)
        await owner.execute(f"select setval('doorstep_id', {-(-(first + count + 1) // 256) * 256 + 1})")
        await owner.execute("vacuum (analyze) attention")
    finally:
        await owner.close()
    (home / "troubled").touch()


async def _look_round(found: Town) -> None:
    """An order that was delivered, in the middle of the time."""
    found.middle = clock.now() - timedelta(days=seed.DAYS / 2)
    async with tenant_tx(found.db, [found.merchant], readonly=True) as tx:
        query = OrderQuery(placed_to=found.middle, stage="completed", sku="SKU-0002", limit=1)
        page = await orders(tx, found.merchant, query)
        sku = await tx.value("select sku_id from sku where merchant_id = $1 and code = 'SKU-0002'", found.merchant)
        key = await tx.value("select key from merchant where merchant_id = $1", found.merchant)
    found.row = page.orders[0]
    found.order = found.row.id
    found.words = {"order": found.order, "sku": public("sku", sku), "merchant": key, "site": seed.SITE.code,
                   "verb": "adjust"}  # fmt: skip


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
    every["attention_page_of_a_kind"] = lambda at: attention.show(_visit(at, {"kind": KINDS[0]}, {}))
    every["stock_of_a_past_day"] = lambda at: stock_page.show_past(_visit(at, {"day": f"{at.middle:%Y-%m-%d}"}, {}))
    every["attention_page_of_mine"] = lambda at: attention.show(_visit(at, {"whose": "mine"}, {}))
    return every | dict(_other_pages())


def _other_pages() -> Iterator[tuple[str, Page]]:
    """Every other page of the console whose address a town knows the words of."""
    for method, path, show in PAGES:
        words = set(re.findall(r"{(\w+):str}", path))
        if method == "GET" and path not in READ_ELSEWHERE and words <= {"order", "sku", "merchant", "site", "verb"}:
            yield f"page {path.replace(':str', '')}", _shown(show)


def _shown(show: Callable[[Visit], Awaitable[object]]) -> Page:
    return lambda at: show(_visit(at, {"site": seed.SITE.code}, at.words))


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
    """Per town the milliseconds of CPU and of the wall's clock that a page takes: medians of rounds by turns; and what
    nineteen of twenty reads took at most, by the clock and in CPU. What takes long is read less often."""
    began = time.perf_counter()
    for at in towns:
        await page(at)
    calls = CALLS if time.perf_counter() - began < LONG_S else 1
    for at in towns:
        for _ in range(WARM if calls == CALLS else 0):
            await page(at)
    took: list[list[tuple[float, float, float]]] = [[] for _ in towns]
    reads: list[list[tuple[float, float]]] = [[] for _ in towns]
    for _ in range(ROUNDS):
        for at, rounds, each in zip(towns, took, reads, strict=True):
            wall, app, pg = time.perf_counter(), time.process_time(), at.backend_cpu_s()
            for _ in range(calls):
                clock_was, cpu_was = time.perf_counter(), time.process_time() + at.backend_cpu_s()
                await page(at)
                cpu = time.process_time() + at.backend_cpu_s() - cpu_was
                each.append(((time.perf_counter() - clock_was) * 1000, cpu * 1000))
            spent = (time.process_time() - app, at.backend_cpu_s() - pg, time.perf_counter() - wall)
            rounds.append(tuple(part / calls * 1000 for part in spent))  # type: ignore[arg-type]
    return [
        {
            "ms": statistics.median(app + pg for app, pg, _ in rounds),
            "app_ms": statistics.median(app for app, _, _ in rounds),
            "pg_ms": statistics.median(pg for _, pg, _ in rounds),
            "wall_ms": statistics.median(wall for _, _, wall in rounds),
            "p95_ms": paint.p95([wall for wall, _ in each]),
            "p95_cpu_ms": paint.p95([cpu for _, cpu in each]),
        }
        for rounds, each in zip(took, reads, strict=True)
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


async def measure(homes: dict[int, Path], only: str, audited: bool) -> dict[str, Any]:
    """`only`: pages whose name begins so, without intake and audit."""
    async with contextlib.AsyncExitStack() as stack:
        towns = [await stack.enter_async_context(town(home, count)) for count, home in homes.items()]
        names = [_short(count) for count in homes]
        told: dict[str, dict[str, float]] = {}
        for name, page in pages().items():
            if name.startswith(tuple(only.split(","))):
                told[name] = _told(names, await measure_page(page, towns))
                figures = "  ".join(f"{key} {value:g}" for key, value in told[name].items())
                print(f"{name:32}{figures}", flush=True)
        result: dict[str, Any] = {}
        for name in names[1:]:
            of_orders = [page[f"ratio_{name}"] for page_name, page in told.items() if _is_of_orders(page_name)]
            result[f"ratio_{name}"] = round(max(of_orders, default=0), 3)
            result[f"slowest_ms_{name}"] = max(page[f"wall_ms_{name}"] for page in told.values())
            result |= _slowest(told, name)
        if only:
            return result | {"pages": told}
        intake = await measure_intake(towns)
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


def _slowest(told: dict[str, dict[str, float]], name: str) -> dict[str, Any]:
    """The page whose slowest twentieth is the slowest, and all that take longer than they may."""
    p95, cpu = (
        {page: figures[f"{what}_{name}"] for page, figures in told.items()} for what in ("p95_ms", "p95_cpu_ms")
    )
    return {
        f"p95_ms_{name}": max(p95.values()), f"p95_page_{name}": max(p95, key=lambda page: p95[page]),
        f"p95_cpu_ms_{name}": max(cpu.values()), f"too_slow_{name}": [page for page in p95 if p95[page] > MOST_MS],
    }  # fmt: skip


def _is_of_orders(page: str) -> bool:
    """Pages and lists of orders do not grow with them. Those of the day and reports count the days, SKUs and countries
    that there are: of them the time is told."""
    return page.startswith(("order", "list"))


def _told(names: Sequence[str], found: Sequence[dict[str, float]]) -> dict[str, float]:
    told: dict[str, float] = {}
    for name, page in zip(names, found, strict=True):
        told |= {f"ms_{name}": page["ms"], f"pg_ms_{name}": page["pg_ms"], f"wall_ms_{name}": page["wall_ms"]}
        told |= {f"p95_ms_{name}": page["p95_ms"], f"p95_cpu_ms_{name}": page["p95_cpu_ms"]}
    told |= {f"ratio_{name}": page["ms"] / found[0]["ms"] for name, page in zip(names[1:], found[1:], strict=True)}
    if "ratio_1m" in told:
        told["ratio"] = told["ratio_1m"]
    return {key: round(value, 3) for key, value in told.items()}


def _short(count: int) -> str:
    return f"{count // 1_000_000}m" if count >= 1_000_000 else f"{count // 1000}k"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reads", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--many", type=int, action="append", help="among so many orders (again: and so many); else 1 M")
    parser.add_argument("--home", type=Path, help="where the seeded servers stand, and stay; else they go")
    parser.add_argument("--no-audit", action="store_true")
    parser.add_argument("--paint", action="store_true", help="open the list of orders in Chromium too")
    parser.add_argument("--only-paint", action="store_true", help="that alone")
    parser.add_argument("--only", default="", help="pages whose names begin so (a,b), and no intake")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="doorstep-reads-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        top = given.home or Path(folder)
        top.mkdir(exist_ok=True)
        homes = {count: top / _short(count) for count in (FEW, *(given.many or [1_000_000]))}
        for count, home in homes.items():
            if not (home / "seeded").exists():
                seed.main(["--orders", str(count), "--home", str(home)])
                embedded.stop(home)
                (home / "seeded").touch()
        result = {} if given.only_paint else asyncio.run(measure(homes, given.only, not given.no_audit))
        if given.paint or given.only_paint:
            result |= asyncio.run(paint.measure(homes[max(homes)].resolve()))
    print(json.dumps(result) if given.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
