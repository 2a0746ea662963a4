"""shoot: every page of the console as a picture, wide and narrow, light and dark: `make screenshots`.

Plays the demo where DOORSTEP_HOME is, or in a home that goes afterwards, puts a dock to work and hands files over so
that no page is empty on a Sunday, and looks at each line of pages.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright
from playwright.async_api import Page as Tab

import doorstep.doors.stages  # noqa: F401  (binds the verbs)
from doorstep.doors import supervisor
from doorstep.doors.demo.days import Days
from doorstep.doors.demo.eyes import opened
from doorstep.doors.demo.play import staged
from doorstep.doors.demo.running import play_demo
from doorstep.doors.demo.show import Show
from doorstep.doors.opening import open_db
from doorstep.kit import embedded
from doorstep.kit.migrate import migrate
from doorstep.setup.branding import brand_of, keep_brand
from doorstep.setup.people import PersonExists, add_person
from doorstep.setup.sessions import issue_link
from doorstep.spine.tenant import Db, tenant_tx
from tests.browser.dock import Dock
from tests.browser.files import hand_files_over
from tests.browser.pages import PAGES, address_of
from tests.browser.windows import CHROMIUM
from tests.doors.web import serving
from tests.shop import Shop

SIZES: dict[str, dict[str, Any]] = {
    "1440": {"viewport": {"width": 1440, "height": 900}},
    "390": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2},
}
SCHEMES = ("light", "dark")
KINDS = [f"{size}-{scheme}" for size in SIZES for scheme in SCHEMES]
SETTLED_MS = 300
WORKED_WITHIN_S = 30
A_WORKDAY = datetime(2026, 3, 4, 15, tzinfo=UTC)
OPERATOR = "select merchant_id from merchant where merchant_id = any($1) and is_operator"
ASKED = """
select exists (select from manifest m where m.merchant_id = any($1) and m.state = 'wanted')
  or exists (select from pickup p where p.merchant_id = any($1) and p.state = 'wanted')
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make screenshots", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=Path, default=Path("screenshots"), help="the folder of the pictures")
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME", help="pages whose names begin so")
    parser.add_argument("--language", default="en")
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=KINDS, help="how wide, and in which light")
    given = parser.parse_args()
    with _home() as home:
        asyncio.run(_shoot(home, given.to, tuple(given.only), given.language, given.kind))


@contextmanager
def _home() -> Iterator[Path]:
    """Of DOORSTEP_HOME, or for this once; its processes are ended either way."""
    with tempfile.TemporaryDirectory(prefix="doorstep-shots-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        home = Path(os.environ.setdefault("DOORSTEP_HOME", folder))
        try:
            yield home
        finally:
            for name in ("web", "worker", "simulator"):
                supervisor.stop(home, name)
            embedded.stop(home)


async def _shoot(home: Path, to: Path, only: tuple[str, ...], language: str, kinds: list[str]) -> None:
    played = home / "shot"
    if not played.exists():
        await play_demo(home, Show(as_json=True), None)
        await _a_dock_at_work(home)
        for name in ("web", "worker", "simulator"):
            supervisor.stop(home, name)
        await _files_on_the_desk()
        played.touch()
    urls = await asyncio.to_thread(embedded.start, home)
    await migrate(urls.owner)
    to.mkdir(parents=True, exist_ok=True)
    with serving(urls) as web:
        db = await Db.open(urls.app, urls.router, size=2)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            for kind in kinds:
                size, scheme = kind.split("-")
                how = {**SIZES[size], "color_scheme": scheme, "locale": language, "timezone_id": "Europe/Kyiv"}
                await _round(browser, db, web, how, to, kind, only)
            await browser.close()
        await db.close()


async def _a_dock_at_work(home: Path) -> None:
    """Whatever day it is, something is picked, packed and labeled, goes into bags and is asked for; the worker has done
    its part."""
    async with open_db(size=4) as db:
        web, simulator = (str(supervisor.state(home, name).address) for name in ("web", "simulator"))
        async with staged(await opened(db), Days(home / "no-clock", A_WORKDAY), home, web, simulator, {}, {}) as play:
            await play.floor.pick(A_WORKDAY, share=60)
            await play.floor.pack(A_WORKDAY, share=70)
            await play.settle()
        everyone = await db.everyone()
        async with tenant_tx(db, everyone, readonly=True) as tx:
            operator = await tx.value(OPERATOR, list(everyone))
        await Dock(db, everyone, operator).work()
        await _buyers_may_cancel(db, everyone)
        for _ in range(WORKED_WITHIN_S):
            async with tenant_tx(db, everyone, readonly=True) as tx:
                if not await tx.value(ASKED, list(everyone)):
                    return
            await asyncio.sleep(1)


async def _files_on_the_desk() -> None:
    """Once no worker runs: none lets go of one again because it is stopped."""
    async with open_db(size=4) as db:
        await hand_files_over(Shop(db, (await db.everyone())[-1], ""))


async def _buyers_may_cancel(db: Db, merchants: Iterable[int]) -> None:
    for merchant in merchants:
        async with tenant_tx(db, [merchant]) as tx:
            brand = await brand_of(tx, merchant)
            told = {"name": brand.name, "accent": brand.accent, "support": brand.support, "note": brand.note}
            await keep_brand(tx, merchant, **told, buyers_cancel=True)


async def _round(
    browser: Browser, db: Db, web: str, how: dict[str, Any], to: Path, kind: str, only: tuple[str, ...]
) -> None:
    """All pages in one size and one light, each role in a window of its own."""
    for role in sorted({page.role for page in PAGES}):
        context = await browser.new_context(**how)
        tab = await context.new_page()
        if role:
            await tab.goto(f"{web}/in/{await _link(db, role)}")
        for page in (page for page in PAGES if page.role == role and page.name.startswith(only)):
            await tab.goto(web + await address_of(page, db))
            if page.then:
                await page.then(tab)
            await _picture(tab, to / f"{page.name}-{kind}.png", whole=page.then is None)
            print(f"{page.name}-{kind}", flush=True)
        await context.close()


async def _picture(tab: Tab, file: Path, *, whole: bool) -> None:
    """A letter's preview is a page of its own, which Chromium draws only where it is in sight: then the window is as
    tall as the page."""
    size = tab.viewport_size
    assert size is not None
    if whole and await tab.locator("iframe").count():
        tall = await tab.evaluate("document.documentElement.scrollHeight")
        await tab.set_viewport_size({"width": size["width"], "height": tall})
    await tab.wait_for_timeout(SETTLED_MS)
    await tab.screenshot(path=file, full_page=whole)
    await tab.set_viewport_size(size)


async def _link(db: Db, role: str) -> str:
    email = f"{role}@shots.example"
    merchant = (await db.everyone())[-1] if role == "merchant" else None
    with suppress(PersonExists):
        await add_person(db, email, role, name=role.capitalize(), merchant=merchant)
    return await issue_link(db, email)


if __name__ == "__main__":
    main()
