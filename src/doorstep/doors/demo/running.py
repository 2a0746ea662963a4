"""running: a demo from its first process to its last table."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from doorstep.doors import supervisor
from doorstep.doors.demo import state as states
from doorstep.doors.demo.days import LONG, Days, first_day
from doorstep.doors.demo.exports import Export, write_exports
from doorstep.doors.demo.eyes import Eyes, opened
from doorstep.doors.demo.play import Play, staged
from doorstep.doors.demo.show import Scene, Show
from doorstep.doors.demo.state import State
from doorstep.doors.demo.told import figures
from doorstep.doors.opening import open_db
from doorstep.doors.worker.loop import IDLE_SECONDS
from doorstep.doors.worker.outside import FOLLOW_SECONDS
from doorstep.journey.intake.files.stock import read_stock
from doorstep.journey.intake.import_products import import_products
from doorstep.journey.inventory.import_stock import import_stock
from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.kit.secrets import keyring
from doorstep.sample import FOLDER, OPERATOR
from doorstep.setup.customs.lists import KINDS
from doorstep.setup.customs.loading import load_list, sample
from doorstep.setup.operator import Loaded, load_operator
from doorstep.setup.sessions import issue_link
from doorstep.spine.audit import Report, audit
from doorstep.spine.tenant import Db

PARTS = ("simulator", "web", "worker")
# In a demo's day a carrier is asked every few hours.
FOLLOW_EVERY_S = 2 * 3600
IDLE_S = 0.05
SCENE = """
select n.stage, count(*) as n, sum((n.holds_open > 0)::int) as held from order_now n
  where n.merchant_id = any($1) group by 1
"""


class NotADemoHome(Refusal):
    """This home keeps a shop of its own; give the demo another one with DOORSTEP_HOME."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it."""

    facts: dict[str, Any]
    audit: Report
    link: str


async def play_demo(home: Path, show: Show, orders: int | None = None) -> Played:
    """The play, or what is left of an interrupted one; one that is over is told again."""
    async with open_db(size=12) as db:
        state = await _state(db, home)
        days = Days(states.folder(home) / "clock", state.first)
        if not state.over:
            await _play_on(db, home, days, state, show, orders)
        parts = _addresses(await asyncio.to_thread(supervisor.start, home, *PARTS))
        if parts["simulator"] != state.simulator:
            await load_operator(db, OPERATOR, keyring(home), simulator=parts["simulator"])
        return await _tell(db, home, state)


async def _state(db: Db, home: Path) -> State:
    """Refuses NotADemoHome."""
    found, somebody = states.read(home), await db.everyone()
    if found is None and somebody:
        raise NotADemoHome(home=str(home))
    return found if found and somebody else State(first_day(datetime.now(UTC)))


async def _play_on(db: Db, home: Path, days: Days, state: State, show: Show, orders: int | None) -> None:
    begun = time.monotonic()
    days.enter()
    days.go_to(state.reached or state.first)
    states.write(home, state)
    try:
        parts = await asyncio.to_thread(_start_anew, home, state)
        show.say(f"database, {', '.join(parts)} are up; setting up the shops")
        state.simulator = parts["simulator"]
        loaded = await _set_up(db, home, parts["simulator"], state.first)
        eyes = await opened(db)
        exports = {
            loaded.merchants[key]: _exports(home, said.files["orders"], key, state, share)
            for (key, said), share in zip(loaded.said.items(), _shares(orders, len(loaded.said)), strict=True)
        }
        timezones = {loaded.merchants[key]: said.timezone for key, said in loaded.said.items()}
        async with staged(eyes, days, home, parts["web"], parts["simulator"], exports, timezones) as play:
            play.ledger.refused.update(state.refused)
            play.imported |= state.imported
            with show.playing():
                await play.go(state.reached, _telling(play, home, state, show))
            days.end()
            await play.settle()
    finally:
        days.end()
        state.took_s += round(time.monotonic() - begun, 1)
        states.write(home, state)
    state.over = True
    states.write(home, state)


def _start_anew(home: Path, state: State) -> dict[str, str]:
    """All parts live in the demo's time: what ran before is started again. Their addresses."""
    os.environ |= {FOLLOW_SECONDS: str(FOLLOW_EVERY_S), IDLE_SECONDS: str(IDLE_S)}
    for name in PARTS:
        supervisor.stop(home, name)
    if state.reached is None:
        # A world that knows of another database's parcels is not ours.
        (home / "simulator.journal").unlink(missing_ok=True)
    return _addresses(supervisor.start(home, *PARTS))


def _addresses(parts: list[supervisor.State]) -> dict[str, str]:
    return {part.name: part.address or "" for part in parts}


async def _set_up(db: Db, home: Path, simulator: str, first: datetime) -> Loaded:
    """The operator's file, rules of customs (of the first day: a list of later does not count yet), then each shop's
    products and stock, as their owners would import them."""
    loaded = await load_operator(db, OPERATOR, keyring(home), simulator=simulator)
    for kind in KINDS:
        await load_list(db, kind, sample(kind), at=clock.now(), by="demo", as_of=first.date())
    for key, merchant in loaded.merchants.items():
        files = loaded.said[key].files
        await import_products(db, merchant, [FOLDER / files["products"]], home=home)
        await import_stock(db, merchant, read_stock([FOLDER / files["stock"]]), at=clock.now())
    return loaded


def _exports(home: Path, file: str, key: str, state: State, wanted: int | None) -> list[Export]:
    return write_exports(FOLDER / file, states.folder(home) / "orders" / key, state.first, wanted)


def _shares(orders: int | None, shops: int) -> list[int | None]:
    if orders is None:
        return [None] * shops
    return [orders // shops + (number < orders % shops) for number in range(shops)]


def _telling(play: Play, home: Path, state: State, show: Show) -> Callable[[datetime, int, str], Any]:
    async def told(at: datetime, day: int, doing: str) -> None:
        state.reached, state.imported = at, play.imported
        state.refused = dict(play.ledger.refused)
        states.write(home, state)
        rows = await play.eyes.rows(SCENE)
        stages = {row["stage"]: row["n"] for row in rows}
        letters = sum(1 for _ in (home / "mail" / "new").glob("*.eml"))
        show.scene(Scene(at, day, LONG + 1, doing, stages, sum(row["held"] or 0 for row in rows), letters))

    return told


async def _tell(db: Db, home: Path, state: State) -> Played:
    eyes: Eyes = await opened(db)
    facts = await figures(eyes, home, state.refused)
    facts["imported"] = state.imported
    facts["days"] = LONG
    facts["took_s"] = state.took_s
    report = await audit(db)
    web = supervisor.state(home, "web").address
    return Played(facts, report, f"{web}/in/{await issue_link(db)}")
