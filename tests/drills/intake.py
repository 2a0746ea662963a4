"""intake: orders pour in over 64 connections, alone and in batches, while web and database are killed -9 mid-batch.

Who sends asks again with the same key until there is an answer. At the end every order that was acknowledged is there
once, under the id that was told; nothing else is there; the stock is what they took; the audit holds.

    python -m tests.drills.intake --seconds 60 --kills 16
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from doorstep.kit import clock, embedded
from doorstep.setup.keys import create_key
from doorstep.spine.audit import audit
from tests.drills.kill import PATIENCE_S, NoAnswer, killer, mend
from tests.drills.scene import database, opened, running, tell
from tests.shop import HOME as ADDRESS
from tests.shop import Shop, open_shop

CONNECTIONS, MERCHANTS, BATCH, UNITS = 64, 6, 20, 1_000_000
WEB = ("web",)
TO_ASK_AGAIN = (429, 500, 502, 503, 504)


@dataclass
class Sent:
    """What was told about each order, by merchant and number; when it was last asked for, if more than once."""

    ids: dict[tuple[int, str], str] = field(default_factory=dict)
    asked_again: dict[tuple[int, str], datetime] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)


@dataclass
class Town:
    home: Path
    shops: list[Shop]
    keys: list[str]
    address: str


@contextlib.asynccontextmanager
async def town(home: Path) -> AsyncIterator[Town]:
    """Database and web as processes of their own, and a few merchants with goods."""
    shops, keys = [], []
    async with database(home) as urls:
        async with opened(urls) as db:
            for _ in range(MERCHANTS):
                shops.append(await open_shop(db, hold_duplicates=False))
                await shops[-1].stock("MUG", UNITS)
                keys.append((await create_key(db, shops[-1].merchant, clock.now()))[0])
        async with running(home, *WEB) as address:
            yield Town(home, shops, keys, address)


@dataclass
class Client:
    """One connection of one merchant: odd ones send alone, even ones in batches."""

    http: httpx.AsyncClient
    on: Town
    number: int
    sent: Sent

    @property
    def shop(self) -> Shop:
        return self.on.shops[self.number % MERCHANTS]

    async def until(self, deadline: float) -> None:
        turn = 0
        while time.monotonic() < deadline:
            names = [f"{self.number}/{turn}/{n}" for n in range(1 if self.number % 2 else BATCH)]
            await self._send(names)
            turn += 1

    async def _send(self, names: list[str]) -> None:
        """The same again, with the same keys, until each has an answer."""
        deadline, pause, waiting = time.monotonic() + PATIENCE_S, 0.05, names
        while waiting:
            if time.monotonic() > deadline:
                raise NoAnswer(f"{waiting[:3]}: {dict(self.sent.statuses)}")
            waiting = await self._ask(waiting)
            if waiting:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.5)
                for name in waiting:
                    self.sent.asked_again[self.shop.merchant, name] = clock.now()

    async def _ask(self, names: list[str]) -> list[str]:
        """Those that have no answer yet."""
        headers = {"authorization": f"Bearer {self.on.keys[self.number % MERCHANTS]}"}
        try:
            if len(names) == 1 and self.number % 2:
                headers["idempotency-key"] = names[0]
                response = await self.http.post("/v1/orders", json=an_order(names[0]), headers=headers)
                answers = [{"status": response.status_code, **response.json()}]
            else:
                body = {"orders": [{"key": name, "order": an_order(name)} for name in names]}
                response = await self.http.post("/v1/orders/batch", json=body, headers=headers)
                whole = {"status": response.status_code}
                answers = response.json()["answers"] if response.status_code == 200 else [whole] * len(names)
        except (httpx.HTTPError, OSError, ValueError) as error:
            self.sent.statuses[type(error).__name__] += len(names)
            return names
        return [name for name, answer in zip(names, answers, strict=True) if not self._took(name, answer)]

    def _took(self, name: str, answer: dict[str, Any]) -> bool:
        self.sent.statuses[str(answer["status"])] += 1
        if answer["status"] in TO_ASK_AGAIN:
            return False
        if answer["status"] != 201:
            raise AssertionError(f"{name} was answered {answer}")
        self.sent.ids[self.shop.merchant, name] = answer["order"]
        return True


def an_order(name: str) -> dict[str, Any]:
    return {
        "currency": "USD", "number": name, "reserve": "now", "ship_to": ADDRESS,
        "buyer": {"name": "Ada", "email": f"{name.replace('/', '.')}@example.com"},
        "lines": [{"sku": "MUG", "quantity": 1, "unit_price": "12.50"}],
    }  # fmt: skip


async def drill(seconds: float, kills: int, seed: int) -> dict[str, Any]:
    sent, killed, chance = Sent(), Counter[str](), random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="doorstep-drill-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        async with town(home) as on:
            killing = asyncio.create_task(killer(home, kills, seconds, killed, chance, WEB))
            limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
            async with httpx.AsyncClient(base_url=on.address, timeout=15, limits=limits, trust_env=False) as http:
                deadline = time.monotonic() + seconds
                clients = [Client(http, on, number, sent) for number in range(CONNECTIONS)]
                await asyncio.gather(*(client.until(deadline) for client in clients))
            killing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await killing
            await asyncio.to_thread(mend, home, WEB)
            told = await judge(on, sent)
            told["bugs"] = bugs(home)
    return {"acknowledged": len(sent.ids), "answers": dict(sent.statuses), "kills": dict(killed), **told}


PLACED = """
select o.number, o.order_id, e.recorded_at from orders o
  join event e on e.merchant_id = o.merchant_id and e.kind = 'order' and e.id = o.order_id and e.verb = 'place'
  where o.merchant_id = $1
"""


async def judge(on: Town, sent: Sent) -> dict[str, Any]:
    """Each acknowledged order is there once, under its id; nothing else is; each took its unit; the books hold."""
    wrong: list[str] = []
    settled = 0
    async with opened(embedded.urls(on.home)) as db:
        for shop in on.shops:
            shop.db = db
            rows = await shop.rows(PLACED, shop.merchant)
            there = Counter((shop.merchant, row["number"], f"ord_{row['order_id']}") for row in rows)
            told = Counter((merchant, name, order) for (merchant, name), order in sent.ids.items())
            ours = Counter({key: times for key, times in told.items() if key[0] == shop.merchant})
            wrong += [f"acknowledged, not there: {key}" for key in ours - there]
            wrong += [f"there, never acknowledged, or twice: {key}" for key in there - ours]
            reserved = (await shop.availability("MUG"))["reserved"]
            if reserved != len(rows):
                wrong.append(f"{len(rows)} orders took {reserved} units")
            for row in rows:
                again = sent.asked_again.get((shop.merchant, row["number"]))
                settled += again is not None and row["recorded_at"] < again
        report = await audit(db, [shop.merchant for shop in on.shops])
    return {
        "asked_again": len(sent.asked_again), "of_these_placed_before": settled, "wrong": wrong[:50],
        "audit": report.ok, "ok": not wrong and report.ok,
    }  # fmt: skip


def bugs(home: Path) -> list[str]:
    """What the web process took for mistakes of its own, where it had only lost its database."""
    logs = home.joinpath("logs").glob("web.log*")
    return [line[:600] for log in logs for line in log.read_text("utf-8", "replace").splitlines() if '"bug"' in line]


def main() -> None:
    parser = argparse.ArgumentParser(description="Orders over 64 connections while web and database are killed -9.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kills", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    figures = asyncio.run(drill(given.seconds, given.kills, given.seed))
    tell(figures, figures["ok"] and figures["acknowledged"] > 0)


if __name__ == "__main__":
    main()
