"""A process that is frozen in the middle holds nobody up for long; when it wakes up nothing is done twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from doorstep.kit import clock
from doorstep.kit.away import is_away
from doorstep.kit.embedded import Urls
from doorstep.kit.refusals import NotFound
from doorstep.setup.keys import create_key
from doorstep.spine import jobs
from doorstep.spine.tenant import ENDS_THE_FROZEN, FROZEN_SECONDS, Db, tenant_tx
from tests.database import environment
from tests.doors.test_worker import alone, until, went_through_once
from tests.faults.test_twins import is_answered
from tests.ports import a_free_port
from tests.shop import HOME, Shop

__all__ = ["alone"]

FROZEN_AFTER_S = 4
# Of the application's sessions.
STANDING = """
select 1 from pg_stat_activity where datname = current_database() and usename = 'doorstep_app' and {so} limit 1
"""
WAITING_FOR_A_LOCK = STANDING.format(so="wait_event_type = 'Lock'")
# Who stands still with what it locked is there for a few seconds only, which may be over when somebody looks.
HAS_ITS_LOCK = f"select 1 where not exists ({WAITING_FOR_A_LOCK})"
IS_GONE = "select 1 where not exists (select from pg_stat_activity where pid = {pid})"


@contextmanager
def process(urls: Urls, home: Path, module: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Its log is a file in the home, however much it says."""
    with (home / f"{os.urandom(4).hex()}.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", module, *words], stderr=log,
            env={**environment(urls), "DOORSTEP_HOME": str(home), "DOORSTEP_WEB_PROCESSES": "1",
                 FROZEN_SECONDS: str(FROZEN_AFTER_S)},
        )  # fmt: skip
        try:
            yield started
        finally:
            started.kill()
            started.wait(60)


def freeze(frozen: subprocess.Popen[bytes]) -> None:
    frozen.send_signal(signal.SIGSTOP)
    while psutil.Process(frozen.pid).status() != psutil.STATUS_STOPPED:
        continue


def wake(frozen: subprocess.Popen[bytes]) -> None:
    assert psutil.Process(frozen.pid).status() == psutil.STATUS_STOPPED, "it was to be frozen until now"
    frozen.send_signal(signal.SIGCONT)


def logged(home: Path) -> str:
    return "".join(log.read_text("utf-8") for log in home.glob("*.log"))


def seen(urls: Urls, query: str) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        connection = await asyncpg.connect(urls.app)
        try:
            return await connection.fetchval(query) is not None
        finally:
            await connection.close()

    return asked


@asynccontextmanager
async def held(shop: Shop, urls: Urls, order: str) -> AsyncIterator[None]:
    """Whoever wants this order waits."""
    db = await Db.open(urls.app, urls.router, size=1)
    try:
        async with tenant_tx(db, [shop.merchant]) as tx:
            await tx.rows(
                "select 1 from order_now where merchant_id = $1 and order_id = $2 for update",
                shop.merchant, int(order.removeprefix("ord_")),
            )  # fmt: skip
            yield
    finally:
        await db.close()


def is_through(shop: Shop, order: str) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return "release" in await shop.timeline(order)

    return asked


async def checks_to_be_had(shop: Shop) -> int:
    """How many another worker could take now."""
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        return len(await jobs.take(tx, shop.merchant, "check", clock.now(), 50))


async def place(shop: Shop) -> str:
    buyer = {"name": "Ada", "email": f"{os.urandom(4).hex()}@example.com"}
    street = {**HOME, "line1": f"{os.urandom(4).hex()} Street"}
    return await shop.place(("MUG", 1), buyer=buyer, ship_to=street, payment_term="cod")


async def test_jobs_that_a_frozen_worker_took_are_done_by_another_and_it_goes_on_when_it_wakes_up(
    alone: Shop, own_urls: Urls, tmp_path: Path
) -> None:
    await alone.stock("MUG", 10)
    with process(own_urls, tmp_path, "doorstep.doors.worker") as frozen:
        # What came through once is taken, done and ended in one transaction from then on.
        orders = [await place(alone)]
        await until(is_through(alone, orders[0]))
        freeze(frozen)
        orders.append(await place(alone))
        assert await checks_to_be_had(alone) == 1
        async with held(alone, own_urls, orders[1]):
            wake(frozen)
            await until(seen(own_urls, WAITING_FOR_A_LOCK))
            freeze(frozen)
            assert await checks_to_be_had(alone) == 0
        await until(seen(own_urls, HAS_ITS_LOCK))
        with process(own_urls, tmp_path, "doorstep.doors.worker"):
            await until(is_through(alone, orders[1]))
            wake(frozen)
            orders.append(await place(alone))
            await until(is_through(alone, orders[2]))
        orders.append(await place(alone))
        await until(is_through(alone, orders[3]))
        assert frozen.poll() is None
    for order in orders:
        counted = Counter(await alone.timeline(order))
        assert went_through_once(counted), counted
    assert "the database is away" in logged(tmp_path)
    assert '"level": "error"' not in logged(tmp_path)


async def test_an_order_that_a_frozen_web_process_locked_is_free_again_and_its_request_is_done_once(
    alone: Shop, own_urls: Urls, tmp_path: Path
) -> None:
    key, _ = await create_key(alone.db, alone.merchant, clock.now())
    headers = {"authorization": f"Bearer {key}", "idempotency-key": "once"}
    order = await alone.place(("MUG", 1))
    ports = [a_free_port(), a_free_port()]
    asked = {"url": f"/v1/orders/{order}/note", "json": {"text": "wants it in blue"}, "headers": headers}
    with (
        process(own_urls, tmp_path, "doorstep.doors.http", "--port", str(ports[0])) as frozen,
        process(own_urls, tmp_path, "doorstep.doors.http", "--port", str(ports[1])),
    ):
        for port in ports:
            await until(lambda port=port: asyncio.to_thread(is_answered, port))
        first, second = (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False) for port in ports
        )
        async with first, second:
            async with held(alone, own_urls, order):
                lost = asyncio.create_task(first.post(**asked))
                await until(seen(own_urls, WAITING_FOR_A_LOCK))
                freeze(frozen)
            await until(seen(own_urls, HAS_ITS_LOCK))
            done = await second.post(**asked)
            assert done.status_code == 200, done.text
            assert not lost.done()
            wake(frozen)
            assert (await lost).status_code == 503
            again = await first.post(**asked)
    assert (again.status_code, again.json()) == (200, done.json())
    assert (await alone.timeline(order)).count("note") == 1
    assert '"level": "error"' not in logged(tmp_path)


@pytest.mark.parametrize("then", ["asks on", "commits", "gives up"])
async def test_who_stood_still_too_long_finds_the_database_away_and_can_begin_again(
    shop: Shop, urls: Urls, then: str
) -> None:
    db = await Db.open(urls.app, urls.router, size=1)
    with pytest.raises(NotFound if then == "gives up" else Exception) as raised:
        async with tenant_tx(db, [shop.merchant]) as tx:
            await tx.run("update merchant set name = 'Still' where merchant_id = $1", shop.merchant)
            gone = seen(urls, IS_GONE.format(pid=await tx.value("select pg_backend_pid()")))
            # Not from the beginning: a busy machine stands still between two statements, too.
            await tx.run(f"set local {ENDS_THE_FROZEN} = '300ms'")
            await until(gone)
            if then == "asks on":
                await tx.run("update merchant set name = 'Still and Sons' where merchant_id = $1", shop.merchant)
            if then == "gives up":
                raise NotFound
    assert then == "gives up" or is_away(raised.value), repr(raised.value)
    async with tenant_tx(db, [shop.merchant]) as tx:
        assert await tx.value("select name from merchant where merchant_id = $1", shop.merchant) != "Still"
    await db.close()


async def test_who_only_reads_may_stand_still_for_longer(
    shop: Shop, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export writes into a slow pipe between two blocks."""
    monkeypatch.setenv(FROZEN_SECONDS, "0.3")
    db = await Db.open(urls.app, urls.router, size=1)
    async with tenant_tx(db, [shop.merchant], readonly=True) as tx:
        await asyncio.sleep(1)
        assert await tx.value("select 1") == 1
    await db.close()
