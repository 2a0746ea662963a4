"""race: many clients want the same few units at once, over the API of a real web process.

First one SKU: exactly what there is gets sold, everybody else is told Short. Then mixed carts that name two SKUs in
opposite order: no deadlock reaches a caller, and again nothing is sold twice.

    python -m tests.drills.race --tries 10000 --units 1000 --clients 64
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from doorstep.kit import clock
from doorstep.setup.keys import create_key
from doorstep.spine.audit import audit
from doorstep.spine.tenant import Db
from tests.drills.scene import database, opened, running, tell
from tests.shop import HOME as ADDRESS
from tests.shop import Shop, open_shop


@dataclass
class Scene:
    db: Db
    shop: Shop
    address: str
    key: str


@contextlib.asynccontextmanager
async def scene(home: Path) -> AsyncIterator[Scene]:
    """A web process over a database of its own; its merchant sells only what is there."""
    async with database(home) as urls, opened(urls) as db:
        shop = await open_shop(db, when_short="refuse", ship="complete", hold_duplicates=False)
        key, _ = await create_key(db, shop.merchant, clock.now())
        async with running(home, "web") as address:
            yield Scene(db, shop, address, key)


async def run_all(on: Scene, round_: str, bodies: list[dict[str, Any]], clients: int) -> Counter[str]:
    """Send them all, so many at a time; counts the answers by status and code."""
    answers: Counter[str] = Counter()
    waiting: Iterator[tuple[int, dict[str, Any]]] = iter(list(enumerate(bodies)))
    headers = {"authorization": f"Bearer {on.key}"}
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(
        base_url=on.address, headers=headers, timeout=60, limits=limits, trust_env=False
    ) as http:

        async def client() -> None:
            for number, body in waiting:
                response = await http.post("/v1/orders", json=body, headers={"idempotency-key": f"{round_}/{number}"})
                answer = response.json()
                answers[answer.get("code") or str(response.status_code)] += 1

        await asyncio.gather(*(client() for _ in range(clients)))
    return answers


def cart(*skus: str, buyer: int) -> dict[str, Any]:
    return {
        "currency": "USD", "reserve": "now", "ship_to": ADDRESS, "buyer": {"email": f"buyer{buyer}@example.com"},
        "lines": [{"sku": sku, "quantity": 1, "unit_price": "12.50"} for sku in skus],
    }  # fmt: skip


async def one_sku(on: Scene, tries: int, units: int, clients: int) -> dict[str, Any]:
    await on.shop.stock("MUG", units)
    began = time.monotonic()
    answers = await run_all(on, "one", [cart("MUG", buyer=number) for number in range(tries)], clients)
    stock = await on.shop.availability("MUG")
    ok = answers == Counter({"201": units, "Short": tries - units}) and (stock["free"], stock["reserved"]) == (0, units)
    return {"answers": dict(answers), "stock": stock, "seconds": round(time.monotonic() - began, 1), "ok": ok}


async def opposite_carts(on: Scene, tries: int, units: int, clients: int) -> dict[str, Any]:
    """Half of the carts name CUP before LAMP, half LAMP before CUP; together they want more than there is."""
    await on.shop.stock("CUP", units)
    await on.shop.stock("LAMP", units)
    carts = [cart(*(("CUP", "LAMP") if number % 2 else ("LAMP", "CUP")), buyer=number) for number in range(tries)]
    answers = await run_all(on, "carts", carts, clients)
    cup, lamp = await on.shop.availability("CUP"), await on.shop.availability("LAMP")
    sold_out = all((stock["free"], stock["reserved"]) == (0, units) for stock in (cup, lamp))
    ok = answers == Counter({"201": units, "Short": tries - units}) and sold_out
    return {"answers": dict(answers), "stock": {"CUP": cup, "LAMP": lamp}, "ok": ok}


async def race(tries: int, units: int, clients: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="doorstep-race-", ignore_cleanup_errors=True) as folder:
        async with scene(Path(folder)) as on:
            first = await one_sku(on, tries, units, clients)
            second = await opposite_carts(on, tries // 5, units // 5, clients)
            report = await audit(on.db, [on.shop.merchant])
    return {
        "one_sku": first,
        "opposite_carts": second,
        "audit": report.ok,
        "ok": first["ok"] and second["ok"] and report.ok,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Sell the last units to a crowd, exactly once.")
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--units", type=int, default=1_000)
    parser.add_argument("--clients", type=int, default=64)
    given = parser.parse_args()
    figures = asyncio.run(race(given.tries, given.units, given.clients))
    tell(figures, figures["ok"])


if __name__ == "__main__":
    main()
