"""Due jobs of verbs: taken, done and ended in one transaction, or due as before; trouble is counted and buried."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from doorstep.doors.worker.loop import Worker
from doorstep.kit import clock
from doorstep.kit.embedded import Urls
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.spine import jobs, runner
from doorstep.spine.outcome import Ask, Demand, Event, Outcome, Result
from doorstep.spine.runner import run_due
from doorstep.spine.tenant import Db, Tx, tenant_tx
from doorstep.spine.verbs import VERBS
from tests.doors.test_worker import (
    alone,
    comes_back_at,
    orders_of_strangers,
    queue,
    states,
    until,
    waiting,
    worker_process,
    world_of,
)
from tests.plans import rows_read
from tests.shop import Shop

__all__ = ["alone"]

Look = Callable[[list[Ask[Any]]], Awaitable[None]]
UNTOUCHED = {"state": "due", "attempts": 0, "fence": 0, "leased_until": None}


async def due_checks(shop: Shop) -> list[dict[str, Any]]:
    return await shop.rows(
        "select state, attempts, fence, leased_until from job where merchant_id = $1 and verb = 'check'", shop.merchant
    )


async def checks_of(shop: Shop, orders: list[str]) -> list[int]:
    return [(await shop.timeline(order)).count("check") for order in orders]


async def done_at_once(shop: Shop, most: int = 50) -> list[str]:
    """The orders that a list of due checks was about."""
    answers = await run_due(shop.db, "check", shop.merchant, clock.now(), most)
    assert answers is not None, "they are to be leased"
    return ["" if isinstance(answer, Refusal) else answer["order"] for answer in answers]


def look_first(monkeypatch: pytest.MonkeyPatch, verb: str, look: Look) -> None:
    """Something happens in the middle of the verb, before it decides."""
    real = VERBS[verb]

    async def looking(tx: Tx, asks: list[Ask[Any]]) -> list[Result]:
        await look(asks)
        return await real.run(tx, asks)

    monkeypatch.setitem(VERBS, verb, replace(real, run=looking))


def stand_still(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The first list of checks that is written stands before its commit for ever: whether it does."""
    stands = asyncio.Event()
    real = runner.record

    async def recorded(*args: Any) -> None:
        await real(*args)
        if not stands.is_set():
            stands.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(runner, "record", recorded)
    return stands


async def at_work(shop: Shop) -> Worker:
    """A worker that has been through checks of this shop already; its clock stands still."""
    await orders_of_strangers(shop, 1)
    worker = reborn(shop, clock.now() + timedelta(minutes=10))
    assert await worker.work_at(shop.merchant, "check") == 1
    return worker


async def work_off(worker: Worker, shop: Shop, verb: str = "check") -> None:
    while await worker.work_at(shop.merchant, verb):
        pass


async def test_two_at_once_share_what_is_due_and_do_no_job_twice(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = await orders_of_strangers(shop, 5)
    stands, goes_on = asyncio.Event(), asyncio.Event()

    async def stand(_: list[Ask[Any]]) -> None:
        """With its jobs, and before it writes: two that write may be in one slot of a counter, where one waits."""
        if not stands.is_set():
            stands.set()
            await goes_on.wait()

    look_first(monkeypatch, "check", stand)
    first = asyncio.create_task(done_at_once(shop, 3))
    await stands.wait()
    assert await done_at_once(shop, 3) == orders[3:]
    assert await done_at_once(shop, 3) == []  # nobody waits for what another has
    assert await due_checks(shop) == [UNTOUCHED] * 3  # and nothing was written about having it
    goes_on.set()
    assert await first == orders[:3]
    assert await due_checks(shop) == []
    assert await checks_of(shop, orders) == [1] * 5


async def test_what_was_tried_before_is_not_taken_but_leased_so_that_its_tries_count(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await at_work(shop)
    orders = await orders_of_strangers(shop, 3)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run(
            "update job set attempts = 1 where merchant_id = $1 and verb = 'check' and body ->> 'order' = $2",
            shop.merchant, orders[1],
        )  # fmt: skip
    before = await shop.books()
    assert await run_due(shop.db, "check", shop.merchant, clock.now(), 50) is None
    assert await shop.books() == before
    lists: list[list[str]] = []

    async def look(asks: list[Ask[Any]]) -> None:
        lists.append([ask.body.order for ask in asks])

    look_first(monkeypatch, "check", look)
    await work_off(worker, shop)
    assert lists == [[orders[0], orders[2]], [orders[1]]]
    assert await checks_of(shop, orders) == [1] * 3


async def test_many_workers_at_once_do_each_job_once(shop: Shop) -> None:
    workers = [await at_work(shop) for _ in range(4)]
    orders = await orders_of_strangers(shop, 40)
    await asyncio.gather(*(work_off(worker, shop) for worker in workers))
    assert await due_checks(shop) == []
    assert await checks_of(shop, orders) == [1] * 40


async def test_what_comes_second_about_an_order_waits_for_the_next_round(shop: Shop) -> None:
    one, other = await orders_of_strangers(shop, 2)
    await queue(shop, "check", f'{{"order": "{one}"}}')
    assert await done_at_once(shop) == [one, other]
    assert await due_checks(shop) == [UNTOUCHED]
    assert await done_at_once(shop) == [one]
    assert await done_at_once(shop) == []


async def test_who_is_due_first_is_taken_first_and_answers_are_in_the_order_of_the_jobs(shop: Shop) -> None:
    orders = await orders_of_strangers(shop, 4)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run(
            "update job set due_at = now() - make_interval(secs => right(job_id::text, 12)::bigint * 10)"
            " where merchant_id = $1 and verb = 'check'", shop.merchant,
        )  # fmt: skip
    assert await done_at_once(shop, 3) == orders[1:]
    assert await done_at_once(shop, 3) == orders[:1]


async def test_of_two_merchants_one_is_worked_for_at_a_time(shop: Shop, other_shop: Shop) -> None:
    ours, theirs = [await orders_of_strangers(each, 2) for each in (shop, other_shop)]
    assert await done_at_once(shop) == ours
    assert await checks_of(other_shop, theirs) == [0, 0]
    assert await done_at_once(other_shop) == theirs


async def test_what_is_refused_stays_visible_beside_what_is_done(shop: Shop) -> None:
    (order,) = await orders_of_strangers(shop, 1)
    (stray,) = await queue(shop, "check", '{"order": "ord_999999"}')
    answers = await run_due(shop.db, "check", shop.merchant, clock.now(), 50)
    assert answers is not None
    assert [isinstance(answer, NotFound) for answer in answers] == [False, True]
    assert await checks_of(shop, [order]) == [1]
    (kept,) = await shop.rows(
        "select job_id, state, body, error from job where merchant_id = $1 and verb = 'check'", shop.merchant
    )
    assert (kept["job_id"], kept["state"], kept["error"][:8]) == (stray, "refused", "NotFound")
    assert await done_at_once(shop) == []


async def test_what_a_wall_stops_is_refused_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(world_of(shop.db))

    async def careless(tx: Tx, asks: list[Ask[Any]]) -> list[Result]:
        three = Demand(1, 3, "wanted", "canceled")
        return [Outcome(ask.merchant, ("order", int(ask.body.order[4:])), [Event("expire", [three])]) for ask in asks]

    monkeypatch.setitem(VERBS, "expire", replace(VERBS["expire"], run=careless))
    for units in ((3,), (3, 2, 4)):
        orders = [await shop.place(("MUG", some)) for some in units]
        for order in orders:
            await queue(shop, "expire", f'{{"order": "{order}"}}')
        await work_off(worker, shop, "expire")
    assert [(await shop.now(order))["canceled"] for order in orders] == [3, 0, 3]
    (kept,) = await shop.rows("select state, error from job where merchant_id = $1 and verb = 'expire'", shop.merchant)
    assert (kept["state"], kept["error"][:10]) == ("refused", "WrongStage")


async def test_a_wall_leaves_everything_as_it_was_until_it_is_done_otherwise(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await orders_of_strangers(shop, 3)
    before = await shop.books()

    async def broken(*_: Any) -> None:
        raise asyncpg.CheckViolationError("new row violates a check")

    monkeypatch.setattr(runner, "record", broken)
    assert await run_due(shop.db, "check", shop.merchant, clock.now(), 50) is None
    assert await shop.books() == before


@pytest.mark.parametrize(
    "collision", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.UniqueViolationError]
)
async def test_who_came_second_does_it_all_the_same_and_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, collision: type[Exception]
) -> None:
    worker = await at_work(shop)
    orders = await orders_of_strangers(shop, 3)
    stumbled: list[int] = []
    real = runner.record

    async def stumbles(*args: Any) -> None:
        await real(*args)
        if not stumbled:
            stumbled.append(1)
            raise collision("the other one was first")

    monkeypatch.setattr(runner, "record", stumbles)
    await work_off(worker, shop)
    assert stumbled
    assert await checks_of(shop, orders) == [1] * 3
    assert await due_checks(shop) == []


async def test_what_ends_in_the_middle_is_due_again_as_if_nobody_had_taken_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = await orders_of_strangers(shop, 3)
    before = await shop.books()
    stands = stand_still(monkeypatch)
    working = asyncio.create_task(done_at_once(shop))
    await stands.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await shop.books() == before
    assert await done_at_once(shop) == orders


async def test_jobs_of_a_killed_worker_wait_for_no_lease(alone: Shop, own_urls: Urls, tmp_path: Path) -> None:
    await alone.stock("MUG", 10)
    other = await Db.open(own_urls.app, own_urls.router, size=1)

    async def are_through() -> bool:
        return await waiting(alone, *VERBS) == 0

    async def is_taken() -> bool:
        async with tenant_tx(alone.db, [alone.merchant]) as tx:
            return not await jobs.take(tx, alone.merchant, "check", clock.now(), 1)

    async def is_due() -> bool:
        return not await is_taken()

    with worker_process(own_urls, tmp_path) as process:
        await orders_of_strangers(alone, 1)
        await until(are_through)
        process.send_signal(signal.SIGSTOP)
        (order,) = await orders_of_strangers(alone, 1)
        # While somebody else holds the order, the worker stands in the middle of its job.
        async with tenant_tx(other, [alone.merchant]) as tx:
            await tx.rows("select 1 from order_now where merchant_id = $1 for update", alone.merchant)
            process.send_signal(signal.SIGCONT)
            await until(is_taken)
            await asyncio.sleep(0.2)
            process.kill()
    await other.close()
    await until(is_due)
    assert await alone.timeline(order) == ["place"]
    assert await due_checks(alone) == [UNTOUCHED]
    with worker_process(own_urls, tmp_path):
        await until(are_through)
    assert await checks_of(alone, [order]) == [1]


async def test_a_poisoned_job_ends_dead_beside_a_worker_that_has_had_no_trouble(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await at_work(shop)
    orders = await orders_of_strangers(shop, 3)

    async def poisoned(asks: list[Ask[Any]]) -> None:
        if any(ask.body.order == orders[1] for ask in asks):
            raise RuntimeError("this order is poison")

    look_first(monkeypatch, "check", poisoned)
    await work_off(worker, shop)
    assert await checks_of(shop, orders) == [1, 0, 1]
    for attempt in range(1, jobs.TRIES):
        back_at = await comes_back_at(shop, attempt)
        monkeypatch.setattr(worker.world, "now", lambda at=back_at: at)
        # Others are done meanwhile, in the very list that it comes back in.
        (late,) = await queue(shop, "check", f'{{"order": "{orders[0]}"}}')
        await work_off(worker, shop)
        assert late not in await job_ids(shop)
    assert (await states(shop))["check", "dead"] == 1
    assert await checks_of(shop, orders) == [1, 0, 1]


async def job_ids(shop: Shop) -> set[int]:
    return {row["job_id"] for row in await shop.rows("select job_id from job where merchant_id = $1", shop.merchant)}


class Killed(BaseException):
    """What no worker comes back from."""


async def test_a_job_that_ends_its_worker_each_time_is_counted_and_buried(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await at_work(shop)
    orders = await orders_of_strangers(shop, 3)

    async def deadly(asks: list[Ask[Any]]) -> None:
        if any(ask.body.order == orders[1] for ask in asks):
            raise Killed

    look_first(monkeypatch, "check", deadly)
    at, deaths = worker.world.now(), 0
    while deaths < jobs.TRIES + 5:
        try:
            await work_off(worker, shop)
            break
        except Killed:
            deaths += 1
            at += 2 * jobs.LEASE
            worker = reborn(shop, at)
    # Once before anybody counted, then as often as any job is tried.
    assert deaths == 1 + jobs.TRIES
    (row,) = await shop.rows(
        "select state, error from job where merchant_id = $1 and verb = 'check'", shop.merchant
    )  # fmt: skip
    assert (row["state"], row["error"]) == ("dead", f"its worker ended {jobs.TRIES} times before it was done")
    assert await checks_of(shop, orders) == [1, 0, 1]


async def test_a_job_that_takes_the_database_along_is_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = await at_work(shop)
    await orders_of_strangers(shop, 1)

    async def crashes(asks: list[Ask[Any]]) -> None:
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    look_first(monkeypatch, "check", crashes)
    for tries in (0, 1):
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await worker.work_at(shop.merchant, "check")
        assert [row["attempts"] for row in await due_checks(shop)] == [tries]


def reborn(shop: Shop, at: datetime) -> Worker:
    worker = Worker(world_of(shop.db))
    worker.world.now = lambda: at
    return worker


async def test_a_body_that_does_not_fit_is_dead_at_once_and_the_others_are_done(shop: Shop) -> None:
    worker = await at_work(shop)
    orders = await orders_of_strangers(shop, 2)
    await queue(shop, "check", '{"nonsense": 1}')
    await work_off(worker, shop)
    assert await checks_of(shop, orders) == [1, 1]
    (row,) = await shop.rows("select state, error from job where merchant_id = $1 and verb = 'check'", shop.merchant)
    assert row["state"] == "dead"
    assert row["error"].startswith("the body does not fit")


async def test_taking_jobs_costs_the_same_however_many_wait(alone: Shop) -> None:
    await queue(alone, "check", '{"order": "ord_1"}', 10_000)
    async with tenant_tx(alone.db, [alone.merchant]) as tx:
        assert await rows_read(tx, jobs.TAKE, alone.merchant, "check", clock.now() + timedelta(seconds=1), 3) < 20
