"""kill: orders driven through every verb over the API while web, worker and database are killed -9 at random.

Who drives keeps asking with the same key until there is an answer, as every client must. At the end every verb that
was acknowledged is there exactly once, nothing is there that was not, and the audit holds.

    python -m tests.drills.kill --orders 2000 --kills 20
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from doorstep.doors import supervisor
from doorstep.kit import clock, embedded
from doorstep.plug.simulator.process import Outside
from doorstep.setup.keys import create_key
from doorstep.spine.audit import Report, audit
from doorstep.spine.tenant import tenant_tx
from tests.drills.scene import database, opened, running, tell
from tests.shop import HOME as ADDRESS
from tests.shop import Shop, open_shop

DRIVERS = 24
# A call that got no answer for so long is a failure of the drill: nothing may be lost in silence.
PATIENCE_S = 180.0
PARTS = ("web", "worker")


@dataclass
class Acks:
    """What was acknowledged, and how often nobody knew."""

    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    unknown: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    calls: int = 0


class NoAnswer(AssertionError):
    """A request never got an answer."""


@dataclass
class Driver:
    """One client of the API: every changing call has a key, and is repeated with it until it is answered."""

    http: httpx.AsyncClient
    acks: Acks
    name: str
    step: int = 0

    async def post(self, path: str, order: str = "", **body: Any) -> dict[str, Any]:
        """The verb's answer; a refusal is an AssertionError: the drill asks only for what must work."""
        answer = await self.ask(path, order, **body)
        if "code" in answer:
            raise AssertionError(f"{path} was refused: {answer}")
        return answer

    async def ask(self, path: str, order: str = "", **body: Any) -> dict[str, Any]:
        self.step += 1
        response = await self._until_answered(
            "POST", path, json=body, headers={"idempotency-key": f"{self.name}/{self.step}"}
        )
        answer: dict[str, Any] = response.json()
        if response.status_code >= 400:
            self.acks.refused[answer.get("code", "?")] += 1
            return answer
        verb = path.rsplit("/", 1)[1].replace("-", "_")
        subject = order or answer.get("order", "")
        self.acks.done[subject, "place" if verb == "orders" else verb] += 1
        return answer

    async def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self._until_answered("GET", path)).json()
        return found

    async def _until_answered(self, method: str, path: str, **more: Any) -> httpx.Response:
        deadline, pause = time.monotonic() + PATIENCE_S, 0.05
        self.acks.calls += 1
        while time.monotonic() < deadline:
            try:
                response = await self.http.request(method, path, **more)
                if response.status_code not in (429, 500, 502, 503, 504):
                    return response
                reason = f"{response.status_code} {response.text[:200]}"
            except (httpx.HTTPError, OSError) as error:
                reason = repr(error)
            self.acks.unknown += 1
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
        raise NoAnswer(f"{method} {path}: {reason}")

    async def until(self, order: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for the worker."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = await self.get(f"/v1/orders/{order}")
            if is_so(found):
                return found
            await asyncio.sleep(0.25)
        raise NoAnswer(f"{order} stays {json.dumps(found)[:1500]}")


# The ways an order can go. Each asks only for what must succeed.


async def to_floor(driver: Driver, sku: str, units: int, **more: Any) -> tuple[str, str]:
    """Placed and on the floor: order, fulfillment order."""
    body = {
        "currency": "USD", "external_id": driver.name,
        "lines": [{"sku": sku, "quantity": units, "unit_price": "12.50"}],
        "buyer": {"name": "Ada", "email": f"{driver.name}@example.com"}, "ship_to": ADDRESS, **more,
    }  # fmt: skip
    order = (await driver.post("/v1/orders", **body))["order"]
    found = await driver.until(order, released)
    return order, next(f["id"] for f in found["fulfillment_orders"] if f["released_at"])


def released(found: dict[str, Any]) -> bool:
    return any(f["released_at"] for f in found["fulfillment_orders"])


async def pick(driver: Driver, order: str, fulfillment_order: str, sku: str, units: int) -> None:
    path = f"/v1/fulfillment-orders/{fulfillment_order}/pick"
    await driver.post(path, order, scans=[{"line": 1, "quantity": units, "bin": "A-1", "barcode": sku}])


async def pack(driver: Driver, order: str, fulfillment_order: str, **more: Any) -> str:
    answer = await driver.post(f"/v1/fulfillment-orders/{fulfillment_order}/pack", order, **more)
    return str(answer["parcel"])


async def with_label(driver: Driver, order: str, parcel: str) -> None:
    await driver.until(order, lambda found: all(p["label_state"] == "bought" for p in found["parcels"]))


async def sold(driver: Driver) -> None:
    """Held by the provider, picked, packed, labeled by the simulated carrier, taken at hand-over, delivered by hand."""
    order, on_floor = await to_floor(driver, "MUG", 2, payment_token="tok_visa", shipping_minor=500)
    await pick(driver, order, on_floor, "MUG", 2)
    parcel = await pack(driver, order, on_floor)
    await with_label(driver, order, parcel)
    await driver.post(f"/v1/parcels/{parcel}/hand-over", order)
    await driver.until(order, lambda found: found["statuses"]["payment"] == "paid")
    await driver.ask(f"/v1/parcels/{parcel}/deliver", order)


async def second_thoughts(driver: Driver) -> None:
    """Unpicked, picked again, unpacked, packed again, the label voided for one bought elsewhere."""
    order, on_floor = await to_floor(driver, "CUP", 3, payment_term="on_account")
    await pick(driver, order, on_floor, "CUP", 3)
    await driver.post(f"/v1/fulfillment-orders/{on_floor}/unpick", order, line=1, quantity=1, bin="A-1")
    await pick(driver, order, on_floor, "CUP", 1)
    parcel = await pack(driver, order, on_floor, label="none")
    await driver.post(f"/v1/parcels/{parcel}/unpack", order)
    parcel = await pack(driver, order, on_floor, label="none")
    await driver.post(f"/v1/parcels/{parcel}/keep-label", order, carrier="Courier", tracking_number=f"T-{parcel}")
    await driver.post(f"/v1/parcels/{parcel}/want-void", order)
    await driver.post(f"/v1/parcels/{parcel}/keep-label", order, carrier="Courier", tracking_number=f"U-{parcel}")
    await driver.post(f"/v1/parcels/{parcel}/hand-over", order)
    scans = [{"happened_at": clock.now().isoformat(), "code": upu, "place": "Newark"} for upu in ("EMA", "EMI")]
    await driver.post(f"/v1/parcels/{parcel}/track", order, events=scans)
    await driver.until(order, lambda found: found["statuses"]["delivery"] == "delivered")
    await driver.post(f"/v1/orders/{order}/record-payment", order, amount_minor=3750, method="transfer")


async def came_back(driver: Driver) -> None:
    """Cash on delivery, remitted; then it comes back: one unit restocked, one scrapped, credited and refunded."""
    order, on_floor = await to_floor(driver, "MUG", 2, payment_term="cod")
    await pick(driver, order, on_floor, "MUG", 2)
    parcel = await pack(driver, order, on_floor, label="none")
    await driver.post(f"/v1/parcels/{parcel}/keep-label", order, carrier="Courier", tracking_number=f"C-{parcel}")
    await driver.post(f"/v1/parcels/{parcel}/hand-over", order)
    await driver.until(order, lambda found: found["statuses"]["invoicing"] == "invoiced")
    await driver.post(f"/v1/parcels/{parcel}/deliver", order)
    await driver.post(f"/v1/orders/{order}/remit", order)
    site = driver.http.headers["x-site"]
    lines = [{"line": 1, "quantity": 2}]
    await driver.post(f"/v1/orders/{order}/take-back", order, lines=lines, site=site)
    await driver.post("/v1/inventory/restock", sku="MUG", site=site, quantity=1, bin="A-1")
    await driver.post("/v1/inventory/scrap", sku="MUG", site=site, quantity=1, reason="broken")
    await driver.post(f"/v1/orders/{order}/issue-credit", order, lines=lines, reason="came back", refund=False)
    (refund,) = (await driver.post(f"/v1/orders/{order}/want-refund", order))["by_hand"]
    await driver.post(f"/v1/payments/{refund}/refund", order)


async def changed_mind(driver: Driver) -> None:
    """Held, lifted, noted, moved to another address, partly canceled, the rest lost by the carrier."""
    order, on_floor = await to_floor(driver, "CUP", 3, payment_term="on_account")
    hold = (await driver.post(f"/v1/orders/{order}/hold", order, type="merchant", reason="asked to wait"))["hold"]
    scans = [{"line": 1, "quantity": 1, "bin": "A-1", "barcode": "CUP"}]
    refused = await driver.ask(f"/v1/fulfillment-orders/{on_floor}/pick", order, scans=scans)
    assert refused.get("code") == "OnHold", refused
    await driver.post(f"/v1/holds/{hold}/lift", order)
    await driver.post(f"/v1/orders/{order}/note", order, text="wants it in blue")
    await driver.post(f"/v1/orders/{order}/fix-address", order, ship_to=ADDRESS | {"line1": "14 Grafton Street"})
    await driver.post(f"/v1/orders/{order}/cancel", order, lines=[{"line": 1, "quantity": 1}], reason="one less")
    await driver.until(order, lambda found: all(hold["lifted_at"] for hold in found["holds"]))
    await pick(driver, order, on_floor, "CUP", 2)
    parcel = await pack(driver, order, on_floor, label="none")
    await driver.post(f"/v1/parcels/{parcel}/keep-label", order, carrier="Courier", tracking_number=f"L-{parcel}")
    await driver.post(f"/v1/parcels/{parcel}/hand-over", order)
    await driver.post(f"/v1/parcels/{parcel}/lose", order, reason="the carrier says so")


async def drafted(driver: Driver) -> None:
    """A draft that is confirmed, then canceled as a whole; goods announced, received, moved and counted beside it."""
    order = (
        await driver.post(
            "/v1/orders", currency="USD", external_id=driver.name, draft=True, ship_to=ADDRESS,
            lines=[{"sku": "CUP", "quantity": 1, "unit_price": "9.99"}], buyer={"email": f"{driver.name}@example.com"},
        )
    )["order"]  # fmt: skip
    await driver.post(f"/v1/orders/{order}/confirm", order)
    await driver.until(order, lambda found: found["statuses"]["stage"] not in ("draft", "received"))
    await driver.post(f"/v1/orders/{order}/cancel", order, reason="changed their mind")
    site = driver.http.headers["x-site"]
    asn = (await driver.post("/v1/inventory/announce", site=site, lines=[{"sku": "CUP", "quantity": 3}]))["asn"]
    goods = [{"sku": "CUP", "quantity": 3, "damaged": 1}]
    await driver.post("/v1/inventory/receive", site=site, asn=asn, lines=goods)
    move = {"sku": "CUP", "site": site, "quantity": 2, "from_bin": "RECEIVING", "to_bin": "A-1"}
    await driver.post("/v1/inventory/put-away", **move)
    await driver.post("/v1/inventory/adjust", sku="CUP", site=site, quantity=-1, reason="count", bin="A-1")


WAYS: tuple[Callable[[Driver], Awaitable[None]], ...] = (sold, second_thoughts, came_back, changed_mind, drafted)


@dataclass
class Town:
    home: Path
    shop: Shop
    key: str
    address: str


@contextlib.asynccontextmanager
async def town(home: Path, orders: int) -> AsyncIterator[Town]:
    """A doorstep of its own: database, web and worker as processes, the world outside, a shop with goods."""
    os.environ["DOORSTEP_FOLLOW_SECONDS"] = "3600"
    with Outside("--speed", "0", "--seed", "7") as outside:
        async with database(home) as urls:
            async with opened(urls) as db:
                shop = await open_shop(db, hold_duplicates=False)
                for sku in ("MUG", "CUP"):
                    await shop.stock(sku, 4 * orders + 100)
                await shop.connect("carrier", "simcarrier", "sim", base_url=outside.url)
                await shop.connect("payments", "simpay", "pay", base_url=outside.url)
                key, _ = await create_key(db, shop.merchant, clock.now())
            async with running(home, *PARTS) as address:
                yield Town(home, shop, key, address)


async def killer(
    home: Path, kills: int, over_s: float, killed: Counter[str], chance: random.Random, parts: Sequence[str] = PARTS
) -> None:
    """kill -9 these parts or the postmaster at random moments, and start again what died."""
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.3, 1.7) * over_s / kills)
        victim = chance.choice((*parts, "database"))
        pid = embedded.server_pid(home) if victim == "database" else supervisor.state(home, victim).pid
        if pid is None:
            continue
        if victim == "web":
            pid = chance.choice(_with_its_twins(pid))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        killed[victim] += 1
        await asyncio.to_thread(mend, home, parts)


def _with_its_twins(web: int) -> list[int]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [web, *(twin.pid for twin in psutil.Process(web).children())]
    return [web]


def mend(home: Path, parts: Sequence[str] = PARTS) -> None:
    """What an init system does: whatever is not running is started."""
    for _ in range(20):
        try:
            embedded.start(home)
            supervisor.start(home, *parts)
            return
        except Exception as error:
            print(f"starting again: {error!r}", file=sys.stderr)
            time.sleep(0.5)
    raise AssertionError("doorstep did not come back")


async def drill(orders: int, kills: int, seed: int, over_s: float) -> dict[str, Any]:
    """The drill; answers its figures. `over_s`: the time over which the kills are spread."""
    began, acks, killed, chance = time.monotonic(), Acks(), Counter[str](), random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="doorstep-drill-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        async with town(home, orders) as scene:
            killing = asyncio.create_task(killer(home, kills, over_s, killed, chance))
            await drive(scene, orders, acks)
            killing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await killing
            await asyncio.to_thread(mend, home)
            await quiet(scene)
            report, wrong = await judge(scene, acks)
    return {
        "orders": orders, "calls": acks.calls, "acknowledged": sum(acks.done.values()),
        "unknown_then_settled": acks.unknown, "refused": dict(acks.refused), "kills": dict(killed),
        "wrong": wrong, "audit": report.as_json(), "seconds": round(time.monotonic() - began),
        "ok": not wrong and report.ok,
    }  # fmt: skip


async def drive(scene: Town, orders: int, acks: Acks) -> None:
    headers = {"authorization": f"Bearer {scene.key}", "x-site": scene.shop.site("NJ")}
    waiting = iter(range(orders))
    limits = httpx.Limits(max_connections=DRIVERS)
    async with httpx.AsyncClient(
        base_url=scene.address, headers=headers, timeout=15, limits=limits, trust_env=False
    ) as http:

        async def one_after_another() -> None:
            for number in waiting:
                await WAYS[number % len(WAYS)](Driver(http, acks, f"drill-{number}"))

        await asyncio.gather(*(one_after_another() for _ in range(DRIVERS)))


async def quiet(scene: Town) -> None:
    """Until the worker has nothing left to do."""
    async with opened(embedded.urls(scene.home)) as db:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            async with tenant_tx(db, [scene.shop.merchant]) as tx:
                if not await tx.rows(
                    "select 1 from job where merchant_id = $1 and state = 'due' and verb <> 'follow' limit 1",
                    scene.shop.merchant,
                ):
                    return
            await asyncio.sleep(0.5)
        raise NoAnswer("the worker still has jobs")


HAPPENED = """
select 'ord_' || id as subject, verb, count(*)::int as times from event
  where merchant_id = $1 and kind = 'order' and actor like 'key:%' group by 1, 2
"""
DEAD = "select verb, error from job where merchant_id = $1 and state = 'dead' limit 20"


async def judge(scene: Town, acks: Acks) -> tuple[Report, list[str]]:
    """Every acknowledged verb is there once, and nothing else of ours; the books hold; no job was lost."""
    async with opened(embedded.urls(scene.home)) as db:
        async with tenant_tx(db, [scene.shop.merchant]) as tx:
            happened = Counter(
                {(row["subject"], row["verb"]): row["times"] for row in await tx.rows(HAPPENED, scene.shop.merchant)}
            )
            dead = [f"dead job: {row['verb']}: {row['error']}" for row in await tx.rows(DEAD, scene.shop.merchant)]
        acknowledged = Counter({key: times for key, times in acks.done.items() if key[0]})
        lost = [f"acknowledged, not there: {key} x{n}" for key, n in (acknowledged - happened).items()]
        extra = [f"there, never acknowledged: {key} x{n}" for key, n in (happened - acknowledged).items()]
        return await audit(db, [scene.shop.merchant]), (lost + extra + dead)[:50]


def main() -> None:
    parser = argparse.ArgumentParser(description="Drive orders through every verb while everything is killed -9.")
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--over", type=float, default=0, help="seconds over which the kills are spread")
    given = parser.parse_args()
    over = given.over or max(20.0, given.orders / 8)
    figures = asyncio.run(drill(given.orders, given.kills, given.seed, over))
    tell(figures, figures["ok"])


if __name__ == "__main__":
    main()
