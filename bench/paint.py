"""paint: how soon Chromium shows the list of orders, its cache empty, from a real web process over a seeded server."""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, StorageState, async_playwright

from doorstep.doors import supervisor
from doorstep.kit import embedded
from doorstep.setup.people import PersonExists, add_person
from doorstep.setup.sessions import issue_link
from doorstep.spine.tenant import Db

# With windows, as people have it, else the one that the tests look at pages with.
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")
PAGES = {"orders": "/orders", "today": "/today", "attention": "/attention"}
WARM, LOADS = 2, 25
WHO = "painter@example.com"
LAPTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}

# What the page's own clock says of its coming: milliseconds since it was asked for.
TIMES = """
() => new Promise(tell => {
  const told = () => {
    const shown = performance.getEntriesByName('first-contentful-paint')[0]
    if (!shown) return requestAnimationFrame(told)
    const page = performance.getEntriesByType('navigation')[0]
    const files = performance.getEntriesByType('resource').filter(file => file.transferSize)
    tell({ first_paint_ms: shown.startTime, first_byte_ms: page.responseStart - page.requestStart,
      weight: page.transferSize + files.reduce((sum, file) => sum + file.transferSize, 0) })
  }
  told()
})
"""


async def measure(home: Path) -> dict[str, Any]:
    """Medians and slowest twentieths, by page; `first_paint_ms` is that of the list of orders. `page_cpu_ms`: what
    Chromium's own thread for the page needed, which says more where others use the machine too."""
    told: dict[str, Any] = {}
    async with _served(home) as (address, token), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        session = await _signed_in(browser, address, token)
        for name, path in PAGES.items():
            loads = [await _load(browser, session, address + path) for _ in range(WARM + LOADS)][WARM:]
            told[name] = {
                "first_paint_ms": _median(loads, "first_paint_ms"),
                "first_paint_p95_ms": p95([load["first_paint_ms"] for load in loads]),
                "first_byte_ms": _median(loads, "first_byte_ms"),
                "first_byte_p95_ms": p95([load["first_byte_ms"] for load in loads]),
                "page_cpu_ms": _median(loads, "page_cpu_ms"),
                "weight_kb": round(max(load["weight"] for load in loads) / 1000, 1),
            }
            print(f"{name}: " + "  ".join(f"{key} {value:g}" for key, value in told[name].items()), flush=True)
        await browser.close()
    of_orders = told["orders"]
    return {"first_paint_ms": of_orders["first_paint_ms"], "first_paint_p95_ms": of_orders["first_paint_p95_ms"],
            "paint": told}  # fmt: skip


@asynccontextmanager
async def _served(home: Path) -> AsyncIterator[tuple[str, str]]:
    """A web process as `doorstep up` starts it, and a link for its owner."""
    os.environ["DOORSTEP_HOME"] = str(home)
    urls = await asyncio.to_thread(embedded.start, home)
    try:
        db = await Db.open(urls.app, urls.router, size=1)
        with suppress(PersonExists):
            await add_person(db, WHO, "owner", name="Painter")
        token = await issue_link(db, WHO)
        await db.close()
        (web,) = await asyncio.to_thread(supervisor.start, home, "web")
        yield str(web.address), token
    finally:
        await asyncio.to_thread(supervisor.stop, home, "web")
        await asyncio.to_thread(embedded.stop, home)


async def _signed_in(browser: Browser, address: str, token: str) -> StorageState:
    context = await browser.new_context(**LAPTOP)
    page = await context.new_page()
    await page.goto(f"{address}/in/{token}")
    state = await context.storage_state()
    await context.close()
    return state


async def _load(browser: Browser, session: StorageState, address: str) -> dict[str, float]:
    """A context of its own has a cache of its own: nothing is in it yet."""
    context = await browser.new_context(storage_state=session, **LAPTOP)
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    await page.goto(address)
    times: dict[str, float] = await page.evaluate(TIMES)
    metrics = (await devtools.send("Performance.getMetrics"))["metrics"]
    times["page_cpu_ms"] = next(one["value"] for one in metrics if one["name"] == "TaskDuration") * 1000
    await context.close()
    return times


def _median(loads: Sequence[dict[str, float]], name: str) -> float:
    return round(statistics.median(load[name] for load in loads), 1)


def p95(values: Sequence[float]) -> float:
    """What nineteen of twenty are not slower than."""
    return round(sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)], 2)
