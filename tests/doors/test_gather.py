"""Calls that arrive together go to the database together, and each gets its own answer; the database may go away."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from doorstep.doors.http import gather as gathering
from doorstep.doors.http.gather import Gather
from doorstep.kit.embedded import Urls
from doorstep.kit.refusals import Busy, NotFound, Refusal
from doorstep.spine.outcome import Ask
from tests.doors.test_problems import problem
from tests.doors.web import Client, client_of, serving
from tests.shop import NOON, Shop


class Batches:
    """Stands in for the runner: answers each ask with itself, and remembers the batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.go_on = asyncio.Event()

    async def run(self, db: Any, verb: str, asks: list[Ask[Any]]) -> list[Any]:
        self.sizes.append(len(asks))
        await self.go_on.wait()
        bodies = [ask.body for ask in asks]
        if "bug" in bodies:
            raise RuntimeError("one of these is a bug")
        if "away" in bodies:
            raise ConnectionResetError
        return [NotFound(body=body) if body == "nothing" else {"body": body} for body in bodies]


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> Batches:
    made = Batches()
    monkeypatch.setattr(gathering, "run", made.run)
    return made


async def asked(gather: Gather, *bodies: str, merchant: int = 1) -> list[Any]:
    asks = [gather.ask("place", Ask(merchant, body, NOON)) for body in bodies]
    return await asyncio.gather(*asks, return_exceptions=True)


async def test_what_arrives_while_a_batch_is_away_is_the_next_batch(batches: Batches) -> None:
    gather = Gather(db=None)  # type: ignore[arg-type]
    answers = asyncio.create_task(asked(gather, *[str(n) for n in range(10)]))
    await asyncio.sleep(0.01)
    batches.go_on.set()
    assert await answers == [{"body": str(n)} for n in range(10)]
    assert sum(batches.sizes) == 10 and len(batches.sizes) <= 2


async def test_each_gets_its_own_answer_or_refusal(batches: Batches) -> None:
    batches.go_on.set()
    good, refused, other = await asked(Gather(db=None), "a", "nothing", "b")  # type: ignore[arg-type]
    assert (good, other) == ({"body": "a"}, {"body": "b"})
    assert isinstance(refused, Refusal)


async def test_a_bug_in_one_fails_alone(batches: Batches) -> None:
    batches.go_on.set()
    first, bug, last = await asked(Gather(db=None), "a", "bug", "b")  # type: ignore[arg-type]
    assert (first, last) == ({"body": "a"}, {"body": "b"})
    assert isinstance(bug, RuntimeError)


async def test_when_the_database_goes_away_nothing_is_asked_a_second_time(batches: Batches) -> None:
    gather = Gather(db=None)  # type: ignore[arg-type]
    answers = asyncio.create_task(asked(gather, "a", "away", "b"))
    await asyncio.sleep(0.01)
    batches.go_on.set()
    assert [type(answer) for answer in await answers] == [ConnectionResetError] * 3
    assert len(batches.sizes) <= 2


async def test_merchants_never_share_a_batch(batches: Batches) -> None:
    gather = Gather(db=None)  # type: ignore[arg-type]
    both = asyncio.gather(asked(gather, "a", "b"), asked(gather, "c", "d", merchant=2))
    await asyncio.sleep(0.01)
    batches.go_on.set()
    await both
    assert sorted(batches.sizes) == [2, 2]


async def test_too_many_at_once_are_told_so(batches: Batches) -> None:
    gather = Gather(db=None, most_waiting=3)  # type: ignore[arg-type]
    answers = asyncio.create_task(asked(gather, *"abcdefgh"))
    await asyncio.sleep(0.01)
    batches.go_on.set()
    assert {type(answer) for answer in await answers} == {dict, Busy}


async def test_a_lost_connection_is_503_and_the_same_key_settles_it(shop: Shop, urls: Urls) -> None:
    holding = await asyncpg.connect(urls.app)
    with serving(urls) as web:
        api: Client = await client_of(shop, web)
        await shop.stock("MUG", 5)
        body = shop.order(("MUG", 1), reserve="now")
        transaction = holding.transaction()
        await transaction.start()
        await holding.execute(f"set local app.merchants = '{shop.merchant}'")
        await holding.execute("select 1 from availability where merchant_id = $1 for update", shop.merchant)
        waiting = asyncio.create_task(api.post("/v1/orders", body, key="once"))
        await asyncio.sleep(0.5)
        await cut_who_waits(urls)
        answer = await waiting
        problem(answer, 503, "DatabaseAway")
        assert answer.headers["retry-after"] == "1"
        await transaction.rollback()
        await holding.close()
        again = await api.post("/v1/orders", body, key="once")
        assert again.status_code == 201
        assert len(await shop.rows("select 1 from orders where merchant_id = $1", shop.merchant)) == 1


async def cut_who_waits(urls: Urls) -> None:
    """Ends the connections that wait for a lock, as a crash would."""
    connection = await asyncpg.connect(urls.app)
    ended = await connection.fetchval(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where wait_event_type = 'Lock' and datname = current_database()"
    )
    await connection.close()
    assert ended
