"""shoot: every page of the console as a picture, wide and narrow, light and dark: `make screenshots`.

Plays the demo where DOORSTEP_HOME is, or in a home that goes afterwards, and looks at each line of pages.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

import doorstep.doors.stages  # noqa: F401  (binds the verbs)
from doorstep.doors import supervisor
from doorstep.doors.demo.running import play_demo
from doorstep.doors.demo.show import Show
from doorstep.kit import embedded
from doorstep.kit.migrate import migrate
from doorstep.setup.people import PersonExists, add_person
from doorstep.setup.sessions import issue_link
from doorstep.spine.tenant import Db
from tests.browser.pages import PAGES, address_of
from tests.browser.windows import CHROMIUM
from tests.doors.web import serving

SIZES: dict[str, dict[str, Any]] = {
    "1440": {"viewport": {"width": 1440, "height": 900}},
    "390": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2},
}
SCHEMES = ("light", "dark")
SETTLED_MS = 300


def main() -> None:
    parser = argparse.ArgumentParser(prog="make screenshots", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=Path, default=Path("screenshots"), help="the folder of the pictures")
    parser.add_argument("--only", default="", help="pages whose name begins so")
    parser.add_argument("--language", default="en")
    given = parser.parse_args()
    with _home() as home:
        asyncio.run(_shoot(home, given.to, given.only, given.language))


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


async def _shoot(home: Path, to: Path, only: str, language: str) -> None:
    played = home / "shot"
    if not played.exists():
        await play_demo(home, Show(as_json=True), None)
        played.touch()
        for name in ("web", "worker", "simulator"):
            supervisor.stop(home, name)
    urls = await asyncio.to_thread(embedded.start, home)
    await migrate(urls.owner)
    to.mkdir(parents=True, exist_ok=True)
    with serving(urls) as web:
        db = await Db.open(urls.app, urls.router, size=2)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
            for size, how in SIZES.items():
                for scheme in SCHEMES:
                    kind = {**how, "color_scheme": scheme, "locale": language, "timezone_id": "Europe/Kyiv"}
                    await _round(browser, db, web, kind, to, f"{size}-{scheme}", only)
            await browser.close()
        await db.close()


async def _round(browser: Browser, db: Db, web: str, how: dict[str, Any], to: Path, kind: str, only: str) -> None:
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
            await tab.wait_for_timeout(SETTLED_MS)
            await tab.screenshot(path=to / f"{page.name}-{kind}.png", full_page=page.then is None)
            print(f"{page.name}-{kind}", flush=True)
        await context.close()


async def _link(db: Db, role: str) -> str:
    email = f"{role}@shots.example"
    merchant = (await db.everyone())[-1] if role == "merchant" else None
    with suppress(PersonExists):
        await add_person(db, email, role, name=role.capitalize(), merchant=merchant)
    return await issue_link(db, email)


if __name__ == "__main__":
    main()
