"""auditing: what the whole audit costs by law, what the seal costs per 1,000 orders, how far it is behind live intake.

`python -m bench audit [--orders 50000] [--rate 500] [--seconds 60] [--json]`: so many orders are seeded (bench/seed.py)
and sealed; then orders of one more merchant are placed, delivered, and placed at a rate.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import psutil

from bench.desk import BATCH, Desk
from bench.meter import Spent, metered
from bench.scene import Scene, scene
from bench.seed import seed
from doorstep.kit import clock
from doorstep.spine import audit as whole
from doorstep.spine.laws import LAWS
from doorstep.spine.sealing import audit_since, behind
from doorstep.spine.tenant import tenant_tx

SKUS = 40
THOUSAND = 1000
CATCHING_UP = 50_000  # events a turn, where nothing else is to be done
SEAL_EVERY_S = 5.0  # as the worker does


@dataclass
class Figures:
    orders: int = 0
    laws: dict[str, dict[str, float]] = field(default_factory=dict)
    whole: dict[str, float] = field(default_factory=dict)
    catching_up: dict[str, float] = field(default_factory=dict)
    placed: dict[str, float] = field(default_factory=dict)
    delivered: dict[str, float] = field(default_factory=dict)
    live: dict[str, float] = field(default_factory=dict)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench audit", description=__doc__)
    for name, usual in (("orders", 50_000), ("rate", 500), ("seconds", 60)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    figures = asyncio.run(_measure(asked))
    print(json.dumps(vars(figures)) if asked.json else _told(figures))


async def _measure(asked: argparse.Namespace) -> Figures:
    figures = Figures()
    async with scene(merchants=0, skus=SKUS) as on:
        await seed(on.urls, asked.orders)
        desk = await Desk.open(on, "bench")
        figures.orders = asked.orders
        await _whole(on, figures)
        with metered(on.home) as spent:
            turn = await audit_since(on.db, at_once=CATCHING_UP)
        assert turn.ok, turn.told()
        figures.catching_up = _cost(spent) | {"events": turn.events, "us_an_event": round(_us(spent, turn.events), 1)}
        orders, figures.placed = await _sealed_after(on, desk.place)
        _, figures.delivered = await _sealed_after(on, _deliver(desk, orders))
        figures.live = await _live(on, desk, THOUSAND, asked.rate, asked.seconds)
        assert (await audit_since(on.db)).ok
    return figures


async def _whole(on: Scene, figures: Figures) -> None:
    """Law by law, at one instant, and the memory of the backend that did it."""
    per = 100_000 / figures.orders
    total, most = Spent(), 0.0
    async with tenant_tx(on.db, await on.db.everyone(), readonly=True) as tx:
        await tx.run(whole.ONE_INSTANT)
        await tx.run(whole.MEMORY)
        backend = psutil.Process(await tx.value("select pg_backend_pid()"))
        for law in LAWS:
            kept = whole.Kept(law.name, law.says, law.mend)
            with metered(on.home) as spent:
                await whole._check(tx, law, kept)
            assert not kept.broken_in_all, kept.told()
            figures.laws[law.name] = {"wall_s": round(spent.wall_s * per, 2), "cpu_s": round(spent.cpu_s * per, 2)}
            total, most = total + spent, max(most, backend.memory_full_info().uss / 1e6)
    with metered(on.home) as together:
        assert (await whole.audit(on.db, hands=2)).ok
    figures.whole = {
        "two_hands_wall_s_per_100k": round(together.wall_s * per, 2),
        "wall_s_per_100k": round(total.wall_s * per, 2), "cpu_s_per_100k": round(total.cpu_s * per, 2),
        "backend_mb": round(most),
    }  # fmt: skip


async def _sealed_after(on: Scene, step: Any) -> tuple[list[str], dict[str, float]]:
    """What the seal costs after 1,000 orders took a step."""
    orders: list[str] = []
    for number in range(0, THOUSAND, BATCH):
        orders += await step(number) or []
    with metered(on.home) as spent:
        turn = await audit_since(on.db)
    assert turn.ok, turn.told()
    return orders, _cost(spent) | {"events": turn.events}


def _deliver(desk: Desk, orders: list[str]) -> Any:
    waiting = iter([orders[first : first + BATCH] for first in range(0, len(orders), BATCH)])

    async def step(_: int) -> None:
        await desk.deliver(next(waiting))

    return step


async def _live(on: Scene, desk: Desk, first: int, rate: int, seconds: int) -> dict[str, float]:
    """Orders come in at a rate while the seal moves on every few seconds: how far behind is it, at most?"""
    stopping, lags = asyncio.Event(), list[float]()

    async def seal() -> None:
        while not stopping.is_set():
            await audit_since(on.db)
            await _nap(stopping, SEAL_EVERY_S)

    async def watch() -> None:
        while not stopping.is_set():
            lags.append((await behind(on.db)).seconds)
            await _nap(stopping, 1.0)

    beside = [asyncio.create_task(work()) for work in (seal, watch)]
    began, placed = time.perf_counter(), 0
    with metered(on.home) as sealed:
        while (passed := time.perf_counter() - began) < seconds:
            if placed > passed * rate:
                await asyncio.sleep(placed / rate - passed)
                continue
            await desk.place(first + placed)
            placed += BATCH
    stopping.set()
    await asyncio.gather(*beside)
    reached = placed / (time.perf_counter() - began)
    return {
        "orders": placed, "orders_a_second": round(reached), "behind_s_most": round(max(lags), 1),
        "behind_s_mean": round(sum(lags) / len(lags), 1), "cpu_s": round(sealed.cpu_s, 1),
    }  # fmt: skip


async def _nap(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


def _cost(spent: Spent) -> dict[str, float]:
    return {"wall_s": round(spent.wall_s, 2), "app_s": round(spent.app_s, 2), "pg_s": round(spent.pg_s, 2)}


def _us(spent: Spent, count: int) -> float:
    return spent.cpu_s / max(1, count) * 1e6


def _told(figures: Figures) -> str:
    lines = [f"{clock.now():%Y-%m-%d}: {figures.orders:,} orders; the whole audit, per 100,000 orders:"]
    lines += [
        f"  {law:<12} {spent['wall_s']:6.2f} s, CPU {spent['cpu_s']:6.2f} s" for law, spent in figures.laws.items()
    ]
    names = ("whole", "catching_up", "placed", "delivered", "live")
    lines += [f"{name}: {getattr(figures, name)}" for name in names]
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
