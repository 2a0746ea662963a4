"""Calls that arrive together go to the database together, and each gets its own answer; the database may go away."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from doorstep.kit.embedded import Urls
from doorstep.kit.refusals import Busy, NotFound, Refusal
from doorstep.spine import gather as gathering
from doorstep.spine.gather import Gather
from doorstep.spine.outcome import Ask
from tests.doors.test_problems import problem
from tests.doors.web import Client, client_of, serving
from tests.shop import NOON, Shop


class Batches:
    """Stands in for the runner: answers each ask with itself, and remembers the batches."""

    def __init__(self) -> None:
        self.of: list[list[int]] = []  # whose asks were in each
        self.verbs: list[str] = []
        self.go_on = asyncio.Event()

    async def run(self, db: Any, verb: str, asks: list[Ask[Any]]) -> list[Any]:
        self.of.append([ask.merchant for ask in asks])
        self.verbs.append(verb)
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


async def all_that_can_go_on() -> None:
    """Nobody here waits for a clock or a socket: turn by turn, whatever each turn takes."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_what_arrives_while_a_batch_is_away_is_the_next_batch(batches: Batches) -> None:
    gather = Gather(db=None)  # type: ignore[arg-type]
    answers = asyncio.create_task(asked(gather, *[str(n) for n in range(10)]))
    await all_that_can_go_on()
    batches.go_on.set()
    assert await answers == [{"body": str(n)} for n in range(10)]
    assert sum(map(len, batches.of)) == 10 and len(batches.of) <= 2


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
    await all_that_can_go_on()
    batches.go_on.set()
    assert [type(answer) for answer in await answers] == [ConnectionResetError] * 3
    assert len(batches.of) <= 2


async def test_merchants_of_one_lane_share_a_batch(batches: Batches) -> None:
    gather = Gather(db=None, lanes=1)  # type: ignore[arg-type]
    both = asyncio.gather(asked(gather, "a", "b"), asked(gather, "c", "d", merchant=2))
    await all_that_can_go_on()
    batches.go_on.set()
    assert await both == [[{"body": "a"}, {"body": "b"}], [{"body": "c"}, {"body": "d"}]]
    assert batches.of == [[1, 1, 2, 2]]


async def test_a_merchant_is_always_in_the_same_lane_and_lanes_do_not_wait_for_each_other(batches: Batches) -> None:
    gather = Gather(db=None, lanes=4)  # type: ignore[arg-type]
    asks = [asyncio.create_task(asked(gather, "a", "b", merchant=merchant)) for merchant in range(1, 65)]
    await all_that_can_go_on()
    assert len(batches.of) == 4, "each lane has its batch at the database"
    for merchants in batches.of:
        assert 8 <= len(set(merchants)) <= 24, "merchants are spread evenly"
    batches.go_on.set()
    await asyncio.gather(*asks)
    assert sum(map(len, batches.of)) == 128


async def test_verbs_never_share_a_batch_and_take_turns(batches: Batches) -> None:
    gather = Gather(db=None, lanes=1)  # type: ignore[arg-type]
    asks = [gather.ask(verb, Ask(1, verb, NOON)) for verb in ("place", "pick") for _ in range(100)]
    batches.go_on.set()
    await asyncio.gather(*asks)
    assert list(zip(batches.verbs, map(len, batches.of), strict=True)) == [
        ("place", 64), ("pick", 64), ("place", 36), ("pick", 36),
    ]  # fmt: skip


async def test_a_merchant_that_floods_its_lane_keeps_nobody_out(batches: Batches) -> None:
    gather = Gather(db=None, lanes=1)  # type: ignore[arg-type]
    flood = asyncio.create_task(asked(gather, *map(str, range(1000)), merchant=1))
    await all_that_can_go_on()
    few = asyncio.create_task(asked(gather, *"abc", merchant=2))
    await all_that_can_go_on()
    batches.go_on.set()
    await few
    assert batches.of[1].count(2) == 3, "it is in the very next batch"
    await flood


async def test_a_thousand_asked_at_once_are_answered_in_their_order_and_keep_nobody_out(batches: Batches) -> None:
    gather = Gather(db=None, lanes=1)  # type: ignore[arg-type]
    asks = [Ask(1, str(n), NOON) for n in range(1000)]
    asks[500] = Ask(1, "nothing", NOON)
    many = asyncio.create_task(gather.ask_all("place", asks))
    await all_that_can_go_on()
    few = asyncio.create_task(asked(gather, *"abc", merchant=2))
    await all_that_can_go_on()
    batches.go_on.set()
    await few
    assert batches.of[1].count(2) == 3, "they are in the very next batch"
    answers = await many
    assert isinstance(answers.pop(500), NotFound)
    assert answers == [{"body": str(n)} for n in range(1000) if n != 500]
    assert max(map(len, batches.of)) == 256 and len(batches.of) == 4


async def test_a_bug_in_one_of_many_fails_alone_too(batches: Batches) -> None:
    batches.go_on.set()
    asks = [Ask(1, "bug" if n == 7 else str(n), NOON) for n in range(20)]
    answers = await Gather(db=None).ask_all("place", asks)  # type: ignore[arg-type]
    assert [n for n, answer in enumerate(answers) if isinstance(answer, RuntimeError)] == [7]
    assert sorted(map(len, batches.of)) == [*[1] * 20, 20]


async def test_nothing_asked_is_nothing_answered(batches: Batches) -> None:
    assert await Gather(db=None).ask_all("place", []) == []  # type: ignore[arg-type]


async def test_who_stops_waiting_keeps_nobody_else_from_an_answer(batches: Batches) -> None:
    gather = Gather(db=None, lanes=1)  # type: ignore[arg-type]
    gone, stays = (asyncio.create_task(gather.ask("place", Ask(1, body, NOON))) for body in "ab")
    await all_that_can_go_on()
    gone.cancel()
    batches.go_on.set()
    assert await stays == {"body": "b"}
    assert await gather.ask("place", Ask(1, "c", NOON)) == {"body": "c"}


async def test_too_many_at_once_are_told_so(batches: Batches) -> None:
    gather = Gather(db=None, lanes=1, most_waiting=3)  # type: ignore[arg-type]
    first = asyncio.create_task(asked(gather, "first"))
    await all_that_can_go_on()
    answers = asyncio.create_task(asked(gather, *"abcdefgh"))
    other = asyncio.create_task(asked(gather, "other", merchant=2))
    await all_that_can_go_on()
    batches.go_on.set()
    assert [type(answer) for answer in await answers] == [dict] * 3 + [Busy] * 5
    assert await other == [{"body": "other"}], "another merchant's line is its own"
    assert await first == [{"body": "first"}]


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
    async with asyncio.timeout(90):
        while not await connection.fetchval(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where wait_event_type = 'Lock' and datname = current_database()"
        ):
            await asyncio.sleep(0.05)
    await connection.close()
