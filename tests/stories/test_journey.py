"""An order's whole life, with a real worker and the outside world as a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from doorstep.doors.worker.loop import Worker
from doorstep.doors.worker.outside import Connections
from doorstep.kit.secrets import keyring
from doorstep.plug.notifier import FolderMailer
from doorstep.plug.simulator.process import Outside
from doorstep.spine.world import World
from tests.shop import Shop


@dataclass
class Town:
    """A shop, its worker, and the world around it."""

    shop: Shop
    worker: Worker
    outside: Outside
    letters: Path

    async def settle(self, rounds: int = 60) -> None:
        """Work until nothing is due."""
        for _ in range(rounds):
            self.shop.at = self.worker.world.now()
            due = await self.shop.rows(
                "select verb from job where merchant_id = $1 and state = 'due' and due_at <= now()", self.shop.merchant
            )
            if not due:
                return
            for verb in {row["verb"] for row in due}:
                await self.worker.work_at(self.shop.merchant, verb)
            await asyncio.sleep(0)

    async def until(self, order: str, **wanted: Any) -> dict[str, Any]:
        """Let time pass in the world outside until the order is so."""
        for _ in range(80):
            await self.settle()
            now = await self.shop.now(order)
            if all(now[name] == value for name, value in wanted.items()):
                return now
            self.outside.control("advance", hours=8)
            await asyncio.sleep(0.05)
        raise AssertionError(f"{order} is not {wanted} but {now}; refused: {await self.refused()}")

    async def refused(self) -> list[dict[str, Any]]:
        return await self.shop.rows(
            "select verb, state, error, attempts from job where merchant_id = $1 and error <> ''", self.shop.merchant
        )

    def subjects(self) -> list[str]:
        import email
        import email.policy

        files = sorted(self.letters.glob("mail/new/*.eml"), key=lambda file: file.stat().st_mtime_ns)
        return [email.message_from_bytes(f.read_bytes(), policy=email.policy.default)["Subject"] for f in files]


@pytest.fixture
async def town(shop: Shop, tmp_path: Path) -> AsyncIterator[Town]:
    with Outside("--speed", "0", "--seed", "4") as outside:
        await shop.connect("carrier", "simcarrier", "sim", base_url=outside.url)
        await shop.connect("payments", "simpay", "pay", base_url=outside.url)
        outside.control("fates", smooth=1)
        connections = Connections(shop.db, keyring(tmp_path))
        post = FolderMailer(tmp_path / "mail")
        world = World(shop.db, connections.carrier, connections.payments, post, follow_every=timedelta(milliseconds=20))
        await shop.rows("update merchant set email = 'shop@mugs.example' where merchant_id = $1", shop.merchant)
        yield Town(shop, Worker(world), outside, tmp_path)


async def test_from_the_checkout_to_the_doorstep_and_from_the_order_to_cash(town: Town) -> None:
    shop = town.shop
    await shop.stock("MUG", 10)
    order = await shop.place(("MUG", 2), payment_token="tok_visa", shipping_minor=700)
    assert await shop.stage(order) == "received"
    await town.settle()
    now = await shop.now(order)
    assert (now["stage"], now["payment"]) == ("awaiting_fulfillment", "authorized"), await town.refused()
    await shop.pick_all(order)
    (parcel,) = await shop.pack_all(order)
    await town.settle()
    await shop.do("hand_over", parcel=parcel)
    now = await town.until(order, payment="paid", invoicing="invoiced")
    assert (now["stage"], now["held"], now["earned"]) == ("fulfilled", 0, 3200)
    now = await town.until(order, stage="completed")
    assert (now["delivery"], now["delivered"]) == ("delivered", 2)
    assert [subject.split(" order")[0] for subject in town.subjects()] == [
        "We have received your", "We're working on getting your", "Your", "Your",
    ]  # fmt: skip
    charges = town.outside.state()
    assert charges
