"""The worker: every job once, whoever is killed meanwhile; poison ends dead and can be replayed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from doorstep.doors.worker.loop import CALLS, CALLS_OF_ONE, Worker
from doorstep.doors.worker.schedule import ask_what_is_due, forget_old_keys
from doorstep.kit import clock
from doorstep.kit.embedded import Urls
from doorstep.kit.refusals import Refusal
from doorstep.plug.notifier import Delivered, Letter
from doorstep.spine import jobs
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import ERRAND, VERBS, Errand, Verb
from doorstep.spine.world import TryLater, World
from tests.database import environment
from tests.plans import rows_read
from tests.shop import HOME, Shop, open_shop

READY = "awaiting_fulfillment"


@pytest.fixture
async def alone(own_urls: Urls) -> AsyncIterator[Shop]:
    """A shop in a database of its own: nobody else's jobs are in it."""
    db = await Db.open(own_urls.app, own_urls.router, size=8)
    shop = await open_shop(db)
    yield shop
    await shop.audit()
    await db.close()


class Post:
    """Stands in for the mail server: counts what it is given."""

    def __init__(self) -> None:
        self.letters: Counter[str] = Counter()

    async def send(self, letters: list[Letter]) -> list[Delivered]:
        self.letters.update(letter.key for letter in letters)
        await asyncio.sleep(0.001)
        return [Delivered() for _ in letters]


async def nobody(merchant: int, code: str) -> Any:
    raise TryLater(f"{code} of {merchant} is asleep")


def world_of(db: Db, post: Post | None = None) -> World:
    return World(db, nobody, nobody, post or Post())


@contextmanager
def worker_process(urls: Urls, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "doorstep.doors.worker"],
        env={**environment(urls), "DOORSTEP_HOME": str(home)}, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait(60)


async def until(condition: Any, timeout_s: float = 90.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.05)


async def waiting(shop: Shop, *verbs: str) -> int:
    rows = await shop.rows(
        "select 1 from job where merchant_id = $1 and verb = any($2) and state = 'due'", shop.merchant, list(verbs)
    )
    return len(rows)


async def states(shop: Shop) -> Counter[tuple[str, str]]:
    rows = await shop.rows("select verb, state from job where merchant_id = $1", shop.merchant)
    return Counter((row["verb"], row["state"]) for row in rows)


def went_through_once(verbs: Counter[str]) -> bool:
    """Its goods are promised by its own job or by the stock that came in, whichever is first."""
    return (verbs["check"], verbs["promise"] + verbs["fill"], verbs["release"]) == (1, 1, 1)


async def comes_back_at(shop: Shop, attempt: int) -> datetime:
    """When the poisoned check, which was tried so often, is due again."""
    (row,) = await shop.rows(
        "select state, attempts, due_at, error from job where merchant_id = $1 and verb = 'check'", shop.merchant
    )
    assert (row["state"], row["attempts"]) == ("due", attempt)
    assert "this order is poison" in row["error"]
    due_at: datetime = row["due_at"]
    return due_at


async def queue(shop: Shop, verb: str, body: str, count: int = 1) -> list[int]:
    ids = list(await shop.db.ids.draw(shop.db.pool, count))
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run(
            "insert into job (merchant_id, job_id, verb, body, account, due_at)"
            " select $1, id, $3, $4::jsonb, account_of($3::text, $4::jsonb), now() from unnest($2::bigint[]) id",
            shop.merchant, ids, verb, body,
        )  # fmt: skip
    return ids


async def orders_of_strangers(shop: Shop, count: int, first: int = 1) -> list[str]:
    """Different buyers at different addresses, so that none is held as another's duplicate; a moment after each other,
    so that what is due of them is taken in their order."""
    return [
        await replace(shop, at=shop.at + timedelta(milliseconds=n)).place(
            ("MUG", 1),
            buyer={"name": f"Buyer {n}", "email": f"buyer{n}@example.com"},
            ship_to={**HOME, "name": f"Buyer {n}", "line1": f"{n} Grafton Street"},
            payment_term="cod",
        )
        for n in range(first, first + count)
    ]


async def test_a_worker_drives_orders_through_what_comes_next(alone: Shop) -> None:
    await alone.stock("MUG", 10)
    orders = await orders_of_strangers(alone, 3)
    worker = Worker(world_of(alone.db))
    while await worker.once():
        pass
    assert [await alone.stage(order) for order in orders] == [READY] * 3


async def test_a_job_of_a_killed_worker_is_done_again_and_its_effect_is_there_once(
    alone: Shop, own_urls: Urls, tmp_path: Path
) -> None:
    await alone.stock("MUG", 10)
    (order,) = await orders_of_strangers(alone, 1)
    other = await Db.open(own_urls.app, own_urls.router, size=1)

    async def is_leased() -> bool:
        rows = await alone.rows("select 1 from job where merchant_id = $1 and leased_until is not null", alone.merchant)
        return bool(rows)

    # While somebody else holds the order, the worker stands in the middle of its job.
    async with tenant_tx(other, [alone.merchant]) as tx:
        await tx.rows("select 1 from order_now where merchant_id = $1 for update", alone.merchant)
        with worker_process(own_urls, tmp_path) as process:
            await until(is_leased)
            await asyncio.sleep(0.2)
            process.kill()
    await other.close()
    assert await alone.timeline(order) == ["place"]
    async with tenant_tx(alone.db, [alone.merchant]) as tx:
        # The minute of its lease passes.
        await tx.run("update job set leased_until = now() - interval '1 s' where merchant_id = $1", alone.merchant)
    with worker_process(own_urls, tmp_path):

        async def is_done() -> bool:
            return "release" in await alone.timeline(order)

        await until(is_done)
    counted = Counter(await alone.timeline(order))
    assert went_through_once(counted), counted


async def test_two_workers_never_do_one_job_twice(alone: Shop, own_urls: Urls) -> None:
    await alone.stock("MUG", 10_000)
    async with tenant_tx(alone.db, [alone.merchant]) as tx:
        await tx.run("update merchant set email = 'shop@example.com' where merchant_id = $1", alone.merchant)
    orders = await orders_of_strangers(alone, 40)
    post = Post()
    other = await Db.open(own_urls.app, own_urls.router, size=8)
    workers = [Worker(world_of(db, post)) for db in (alone.db, other)]
    running = [asyncio.create_task(worker.run()) for worker in workers]

    async def both_have_worked() -> bool:
        """One may have stood still while the other did all that there was."""
        if not all(worker.done for worker in workers):
            orders.extend(await orders_of_strangers(alone, 5, first=len(orders) + 1))
        return all(worker.done for worker in workers)

    async def is_quiet() -> bool:
        return await waiting(alone, *VERBS, *ERRAND) == 0

    await until(both_have_worked)
    await until(is_quiet)
    for worker in workers:
        worker.stopping.set()
    await asyncio.wait_for(asyncio.gather(*running), 60)
    await other.close()
    for order in orders:
        counted = Counter(await alone.timeline(order))
        assert went_through_once(counted), counted
    assert post.letters and set(post.letters.values()) == {1}


async def test_a_poisoned_job_ends_dead_and_the_others_are_done(alone: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await alone.stock("MUG", 10)
    orders = await orders_of_strangers(alone, 3)
    check = VERBS["check"]

    async def poisoned(tx: Any, asks: list[Ask[Any]]) -> Any:
        if any(ask.body.order == orders[1] for ask in asks):
            raise RuntimeError("this order is poison")
        return await check.run(tx, asks)

    monkeypatch.setitem(VERBS, "check", Verb(check.row, check.body, poisoned, check.stage, check.answer))
    worker = Worker(world_of(alone.db))
    # Its clock stands still, later than all that is queued: the second until the next try never passes by itself.
    later = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(worker.world, "now", lambda: later)
    while await worker.once():
        pass
    assert [await alone.stage(order) for order in orders] == [READY, "received", READY]
    for attempt in range(1, jobs.TRIES):
        back_at = await comes_back_at(alone, attempt)
        monkeypatch.setattr(worker.world, "now", lambda at=back_at: at)
        await worker.once()
    assert (await states(alone))["check", "dead"] == 1
    monkeypatch.undo()
    await replay_all(alone)
    worker = Worker(world_of(alone.db))
    while await worker.once():
        pass
    assert await alone.stage(orders[1]) == READY


async def replay_all(shop: Shop) -> None:
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        rows = await tx.rows("select job_id from job where merchant_id = $1 and state <> 'due'", shop.merchant)
        replayed = await jobs.replay(tx, shop.merchant, [row["job_id"] for row in rows], clock.now())
    assert len(replayed) == len(rows)


async def test_a_body_that_does_not_fit_and_an_unknown_verb_are_dead_at_once(alone: Shop) -> None:
    await queue(alone, "promise", '{"nonsense": 1}')
    await queue(alone, "teleport", "{}")
    await queue(alone, "notify", '{"order": 5}')
    await Worker(world_of(alone.db)).once()
    assert await states(alone) == {("promise", "dead"): 1, ("teleport", "dead"): 1, ("notify", "dead"): 1}
    (row,) = await alone.rows("select error from job where merchant_id = $1 and verb = 'promise'", alone.merchant)
    assert "does not fit" in row["error"]


async def test_a_job_that_ends_its_worker_each_time_is_buried(alone: Shop) -> None:
    (job,) = await queue(alone, "promise", '{"order": "ord_1"}')
    async with tenant_tx(alone.db, [alone.merchant]) as tx:
        await tx.run(
            "update job set attempts = $3 where merchant_id = $1 and job_id = $2", alone.merchant, job, jobs.TRIES
        )
    await Worker(world_of(alone.db)).once()
    assert await states(alone) == {("promise", "dead"): 1}


async def test_what_a_verb_refuses_stays_visible_and_is_not_tried_again(alone: Shop) -> None:
    await queue(alone, "promise", '{"order": "ord_999999"}')
    worker = Worker(world_of(alone.db))
    assert await worker.once() == 1
    assert await worker.once() == 0
    (row,) = await alone.rows("select state, error, body from job where merchant_id = $1", alone.merchant)
    assert row["state"] == "refused"
    assert row["error"].startswith("NotFound")
    assert "ord_999999" in row["body"]


async def test_an_errand_that_fails_is_tried_again_later_and_the_others_go_through(
    alone: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: Counter[str] = Counter()

    async def moody(world: World, asks: list[Ask[Any]]) -> None:
        for ask in asks:
            called[ask.body.order] += 1
            if ask.body.order == "ord_2":
                raise TryLater("not now")

    monkeypatch.setitem(ERRAND, "notify", Errand("notify", ERRAND["notify"].body, moody))
    for number in (1, 2, 3):
        await queue(alone, "notify", f'{{"order": "ord_{number}", "kind": "received"}}')
    began = clock.now()
    await Worker(world_of(alone.db)).once()
    assert called == {"ord_1": 1, "ord_2": 1, "ord_3": 1}
    (row,) = await alone.rows("select state, attempts, error, due_at from job where merchant_id = $1", alone.merchant)
    assert (row["state"], row["attempts"], row["error"]) == ("due", 1, "TryLater: not now")
    assert row["due_at"] >= began + jobs.backoff(1)


async def test_a_slow_errand_holds_up_no_verb(alone: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await alone.stock("MUG", 1)
    (order,) = await orders_of_strangers(alone, 1)
    patience = asyncio.Event()

    async def slow(world: World, asks: list[Ask[Any]]) -> None:
        await patience.wait()

    monkeypatch.setitem(ERRAND, "notify", Errand("notify", ERRAND["notify"].body, slow))
    worker = Worker(world_of(alone.db))
    running = asyncio.create_task(worker.run())

    async def is_promised() -> bool:
        return await alone.stage(order) == READY

    await until(is_promised)
    patience.set()
    worker.stopping.set()
    await asyncio.wait_for(running, 60)


async def test_who_is_slow_holds_up_nobody_but_those_who_wait_for_it(
    alone: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred jobs for a carrier that never answers are due before one for a carrier that does."""
    patience, asked = asyncio.Event(), Counter[str]()

    async def call(world: World, asks: list[Ask[Any]]) -> None:
        (ask,) = asks
        asked[ask.body.carrier] += 1
        if ask.body.carrier == "slow":
            await patience.wait()

    monkeypatch.setitem(ERRAND, "buy_label", Errand("buy_label", ERRAND["buy_label"].body, call, account="carrier"))
    await queue(alone, "buy_label", '{"parcel": "par_1", "label_key": "k", "carrier": "slow"}', 100)
    await queue(alone, "buy_label", '{"parcel": "par_2", "label_key": "k", "carrier": "quick"}', 20)
    worker = Worker(world_of(alone.db))
    running = asyncio.create_task(worker.run())

    async def are_done() -> bool:
        return asked["quick"] == 20 and await waiting(alone, "buy_label") == 100

    await until(are_done)
    assert asked["slow"] == CALLS_OF_ONE  # never more of one account at once
    patience.set()

    async def is_quiet() -> bool:
        return await waiting(alone, "buy_label") == 0

    await until(is_quiet)
    assert asked == {"slow": 100, "quick": 20}
    worker.stopping.set()
    await asyncio.wait_for(running, 60)


async def test_finding_work_costs_the_same_however_much_waits_for_a_slow_account(alone: Shop) -> None:
    """Ten thousand labels wait for a carrier that is slow; then there are three for one that is not."""
    await queue(alone, "buy_label", '{"parcel": "par_1", "label_key": "k", "carrier": "slow"}', 10_000)
    await queue(alone, "buy_label", '{"parcel": "par_2", "label_key": "k", "carrier": "quick"}', 3)
    await queue(alone, "hear", '{"message": 1, "carrier": "slow"}')
    here, now = alone.merchant, clock.now()
    async with tenant_tx(alone.db, [here], readonly=True) as tx:
        assert await jobs.waiting(tx, now) == [(here, "buy_label"), (here, "hear")]
        assert await jobs.accounts(tx, here, "buy_label", now) == ["slow", "quick"]
        assert await rows_read(tx, jobs.WAITING, [here], now) < 20
        assert await rows_read(tx, jobs.ACCOUNTS, here, "buy_label", now) < 20
    async with tenant_tx(alone.db, [here]) as tx:
        of_quick = await rows_read(tx, jobs.CLAIM_OF, here, "buy_label", now, 3, now + jobs.LEASE, "quick")
        assert of_quick < 30
        assert await jobs.accounts(tx, here, "buy_label", now) == ["slow"]  # the three are leased


@pytest.mark.parametrize("name", sorted(name for name, errand in ERRAND.items() if errand.account))
async def test_the_job_of_an_errand_knows_its_account(alone: Shop, name: str) -> None:
    """As the errand's own body says it; an errand that does not name one has jobs of no account."""
    body = f'{{"{ERRAND[name].account}": "acme"}}'
    (of_it,) = await queue(alone, name, body)
    (of_none,) = await queue(alone, name, "{}")
    (of_another,) = await queue(alone, "follow", body)
    rows = await alone.rows("select job_id, account from job where merchant_id = $1", alone.merchant)
    assert {row["job_id"]: row["account"] for row in rows} == {of_it: "acme", of_none: "", of_another: None}


async def test_a_call_that_waits_long_gives_its_hand_to_another(alone: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Carriers that never answer, enough of them to fill all hands; then there is one that does."""
    patience, asked = asyncio.Event(), Counter[str]()

    async def call(world: World, asks: list[Ask[Any]]) -> None:
        (ask,) = asks
        asked[ask.body.carrier] += 1
        if ask.body.carrier != "quick":
            await patience.wait()

    monkeypatch.setitem(ERRAND, "buy_label", Errand("buy_label", ERRAND["buy_label"].body, call, account="carrier"))
    for nth in range(CALLS // CALLS_OF_ONE + 1):
        body = f'{{"parcel": "par_1", "label_key": "k", "carrier": "slow-{nth}"}}'
        await queue(alone, "buy_label", body, CALLS_OF_ONE)
    await queue(alone, "buy_label", '{"parcel": "par_2", "label_key": "k", "carrier": "quick"}')
    worker = Worker(world_of(alone.db))
    running = asyncio.create_task(worker.run())

    async def is_asked() -> bool:
        return asked["quick"] == 1

    await until(is_asked)
    patience.set()
    worker.stopping.set()
    await asyncio.wait_for(running, 60)


async def test_a_worker_told_to_end_ends_in_peace(own_urls: Urls, tmp_path: Path) -> None:
    with worker_process(own_urls, tmp_path) as process:
        assert process.stderr is not None
        assert b"worker started" in await asyncio.to_thread(process.stderr.readline)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 60) == 0


async def test_request_keys_are_forgotten_after_thirty_days(alone: Shop) -> None:
    for key in (b"old", b"new"):
        body = alone.order(("MUG", 1))
        answer = await alone.ask("place", key=key, order=body)
        assert not isinstance(answer, Refusal)
    async with tenant_tx(alone.db, [alone.merchant]) as tx:
        await tx.run(
            "update request set asked_at = now() - interval '31 days' where merchant_id = $1 and key = $2",
            alone.merchant, b"old",
        )  # fmt: skip
    assert await forget_old_keys(world_of(alone.db), clock.now()) == 1
    rows = await alone.rows("select key from request where merchant_id = $1", alone.merchant)
    assert [row["key"] for row in rows] == [b"new"]


async def test_by_the_clock_authorizations_run_out_of_every_merchant(alone: Shop) -> None:
    shops = [alone, await open_shop(alone.db)]
    orders = []
    for shop in shops:
        await shop.connect("payments", "simpay", "sim")
        order = await shop.place(("MUG", 2), payment_token="tok_ok")
        payment = (await shop.do("want_authorization", order=order))["payment"]
        until = (shop.at + timedelta(days=7)).isoformat()
        await shop.do("authorize", payment=payment, provider_ref="auth", expires_at=until)
        orders.append(order)
    for days, held_minor in ((6, 2500), (7, 0), (8, 0)):
        await ask_what_is_due(world_of(alone.db), alone.at + timedelta(days=days, minutes=1))
        for shop, order in zip(shops, orders, strict=True):
            now = await shop.now(order)
            assert (now["held"], now["auths_expired"]) == (held_minor, int(not held_minor))
