"""What measures must itself be right: the load of `bench` asks each request once and misses no answer."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from bench.load import NUMBER, NothingMeasured, Plan, Unexpected, drive, post
from bench.orders import several, zipf

ANSWER = b"HTTP/1.1 %d Said\r\ncontent-type: application/json\r\ncontent-length: 18\r\n\r\n" + b'{"order":"ord_12"}'


class Counter:
    """An HTTP server that answers in two pieces, and remembers what it was asked."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = statuses
        self.asked: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.findall(rb"content-length: (\d+)", head)[0])
                self.asked.append(head + await reader.readexactly(length))
                answer = ANSWER % self.statuses[len(self.asked) % len(self.statuses)]
                writer.write(answer[:40])
                await writer.drain()
                await asyncio.sleep(0)
                writer.write(answer[40:])
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()


@asynccontextmanager
async def counting(*statuses: int) -> AsyncIterator[Counter]:
    counter = Counter(*statuses)
    server = await asyncio.start_server(counter.serve, "127.0.0.1", 0)
    counter.port = server.sockets[0].getsockname()[1]
    try:
        yield counter
    finally:
        server.close()


def plan(counter: Counter, expected: tuple[int, ...]) -> Plan:
    templates = [post("/v1/orders", "ds_live_x", b'{"external_id":"WEB-' + NUMBER + b'"}') for _ in range(3)]
    return Plan(counter.port, templates, 5, 0.2, 0.05, first_number=700, expected=expected)


async def test_every_answer_is_counted_and_every_request_is_another() -> None:
    loaded = None
    async with asyncio.timeout(60):
        while loaded is None:
            async with counting(201, 409) as counter:
                # A machine that stood still all the measured time measured nothing: once more.
                with suppress(NothingMeasured):
                    loaded = await asyncio.to_thread(drive, plan(counter, (201, 409)))
    assert sum(loaded.statuses.values()) == len(counter.asked) >= loaded.answered > 0
    assert loaded.statuses.keys() == {201, 409}
    keys = [re.findall(rb"idempotency-key: (\d+)", one)[0] for one in counter.asked]
    named = [re.findall(rb'"external_id":"WEB-(\d+)"', one)[0] for one in counter.asked]
    assert keys == named
    assert sorted(map(int, keys)) == list(range(700, 700 + len(keys)))


async def test_a_status_that_nobody_expected_ends_the_load() -> None:
    async with counting(201, 500) as counter:
        with pytest.raises(Unexpected, match="500"):
            await asyncio.to_thread(drive, plan(counter, (201,)))


async def test_a_batch_that_answers_for_fewer_orders_ends_the_load() -> None:
    async with counting(200) as counter:
        asked = Plan(counter.port, [post("/", "x", b"{}")], 1, 0.1, 0.0, 0, (200,), b'"order":"ord_', 2)
        with pytest.raises(Unexpected):
            await asyncio.to_thread(drive, asked)


def test_the_lines_of_an_order_are_different_skus_and_few_are_wanted_most() -> None:
    choose = zipf(1000, random.Random(1))
    orders = [several(choose) for _ in range(500)]
    assert all(len(set(skus)) == 3 for skus in orders)
    assert sum(0 in skus for skus in orders) > 10 * sum(999 in skus for skus in orders)
