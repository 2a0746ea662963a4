"""Calls that arrive together are answered together, each with its own; too many at once are told to come again."""

from __future__ import annotations

import asyncio

import msgspec

from doorstep.doors.http.gather import Gather
from doorstep.kit.refusals import Busy, NotFound
from doorstep.spine.outcome import Ask
from doorstep.spine.verbs import VERBS
from tests.shop import Shop


def note(shop: Shop, order: str, text: str) -> Ask[msgspec.Struct]:
    return Ask(shop.merchant, VERBS["note"].body(order=order, text=text), shop.at)


async def test_each_call_of_a_batch_gets_its_own_answer(shop: Shop) -> None:
    orders = [await shop.place(("MUG", units)) for units in (1, 2, 3)]
    gather = Gather(shop.db)
    asked = [gather.ask("note", note(shop, order, "hello")) for order in (*orders, "ord_1")]
    *answers, refused = await asyncio.gather(*asked, return_exceptions=True)
    assert answers == [{"order": order} for order in orders]
    assert isinstance(refused, NotFound)


async def test_too_many_at_once_are_told_to_come_again_and_may(shop: Shop) -> None:
    order = await shop.place(("MUG", 1))
    gather = Gather(shop.db, most_waiting=2)
    asked = [gather.ask("note", note(shop, order, f"note {number}")) for number in range(4)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(answer, Busy) for answer in answers] == [False, False, True, True]
    assert (await shop.timeline(order)).count("note") == 2
    await gather.ask("note", note(shop, order, "note 2"))
    await gather.settle()
    assert (await shop.timeline(order)).count("note") == 3
