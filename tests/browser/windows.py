"""windows: a real browser for tests, whose windows note whatever they should not have met; and people to sign in as."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from doorstep.setup.people import add_person
from doorstep.setup.sessions import issue_link
from tests.shop import Shop

# What a page takes on a busy machine, and more.
LONGEST_MS = 90_000
# Without windows of its own it draws the same pages in half of the time; with them it will do.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
LAPTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "timezone_id": "Europe/Warsaw"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "timezone_id": "Europe/Warsaw"}
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
# Styles are fetched once more only for its rules about film and sound: no page has any.
RUN_AXE = "axe.run(document, {resultTypes: ['violations'], preload: false})"
GRAVE = ("serious", "critical")
# What fades from one color to another has none that could be judged; what never ends has no end to go to.
COMING_TO_REST = "() => { for (const each of document.getAnimations()) try { each.finish(); } catch { continue; } }"
STICKING_OUT = """() => {
  const width = document.documentElement.clientWidth, wider = document.documentElement.scrollWidth - width;
  if (wider <= 0) return "";
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), told = [];
  for (let text; (text = texts.nextNode()); ) {
    const range = document.createRange();
    range.selectNodeContents(text);
    if (range.getBoundingClientRect().right > width + 0.5 && !text.parentElement.closest(".filters"))
      told.push(text.parentElement.outerHTML.slice(0, 300));
  }
  for (const each of document.querySelectorAll("body *"))
    if (each.getBoundingClientRect().right > width + 0.5 && !each.children.length)
      told.push(each.outerHTML.slice(0, 300));
  return `${wider} px wider than the window: ${told.slice(0, 6).join(" | ")}`;
}"""

# What one clicks or types into, and what cuts it off.
CUT_OFF = """() => {
  const told = [];
  for (const each of document.querySelectorAll("main :is(button, .button, input, select, textarea)")) {
    const box = each.getBoundingClientRect();
    if (!box.width || each.type === "checkbox") continue;
    for (let around = each.parentElement; around && around !== document.body; around = around.parentElement) {
      const flows = getComputedStyle(around).overflowX;
      if (flows === "auto" || flows === "scroll") break;
      if (flows !== "visible" && box.right > around.getBoundingClientRect().right + 0.5) {
        told.push(each.outerHTML.slice(0, 200));
        break;
      }
    }
  }
  return told.length ? `cut off: ${told.slice(0, 4).join(" | ")}` : "";
}"""


def email(shop: Shop, role: str) -> str:
    return f"{role}@{shop.key}.example"


async def link_for(shop: Shop, role: str) -> str:
    """A link for somebody of that role, who is made; those of the role merchant are this shop's."""
    merchant = shop.merchant if role == "merchant" else None
    await add_person(shop.db, email(shop, role), role, name=f"Dana {role}", merchant=merchant)
    return await issue_link(shop.db, email(shop, role))


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("the console's looks are tested in Chromium: install the package chromium-headless-shell")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=LONGEST_MS)
        yield opened
        await opened.close()


@dataclass
class Window:
    """A browser window that notes whatever it should not have met."""

    page: Page
    context: BrowserContext
    web: str
    troubles: list[str] = field(default_factory=list)

    async def go(self, path: str) -> int:
        answer = await self.page.goto(self.web + path)
        assert answer
        return answer.status

    async def becomes(self, viewport: Any, color_scheme: Any, **_: Any) -> None:
        """The window changes its size and the day its light, while the page stays open."""
        await self.page.set_viewport_size(viewport)
        await self.page.emulate_media(color_scheme=color_scheme)

    async def text(self) -> str:
        return await self.page.inner_text("body")

    async def fits(self) -> bool:
        return not await self.sticks_out()

    async def sticks_out(self) -> str:
        """Nothing when the page fits the window's width; else by how much it does not, and what reaches beyond it."""
        await self.page.evaluate(COMING_TO_REST)
        told: str = await self.page.evaluate(STICKING_OUT) or await self.page.evaluate(CUT_OFF)
        return told

    async def barriers(self) -> list[str]:
        """What axe-core finds that keeps somebody out: its rule, and where."""
        await self.page.evaluate(f"{AXE}; undefined")
        await self.page.evaluate(COMING_TO_REST)
        found = await self.page.evaluate(RUN_AXE)
        return [
            f"{each['id']}: {', '.join(' '.join(map(str, node['target'])) for node in each['nodes'][:5])}"
            for each in found["violations"]
            if each["impact"] in GRAVE
        ]


@asynccontextmanager
async def window(browser: Browser, web: str, token: str = "", **how: Any) -> AsyncIterator[Window]:
    context = await browser.new_context(**how)
    context.set_default_timeout(LONGEST_MS)
    page = await context.new_page()
    opened = Window(page, context, web)

    async def met_dialog(dialog: Any) -> None:
        opened.troubles.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    page.on("dialog", met_dialog)
    page.on("pageerror", lambda error: opened.troubles.append(f"error: {error}"))
    page.on("console", lambda said: opened.troubles.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("request", lambda asked: opened.troubles.append(f"outside: {asked.url}")
            if not asked.url.startswith(web) else None)  # fmt: skip
    if token:
        assert await opened.go(f"/in/{token}") == 200
    yield opened
    await context.close()


@pytest.fixture
async def desk(shop: Shop, web: str, browser: Browser) -> AsyncIterator[Window]:
    """The owner at a laptop; the list shows this test's shop alone when it is asked for it."""
    async with window(browser, web, await link_for(shop, "owner"), **LAPTOP) as opened:
        yield opened
        assert opened.troubles == []
