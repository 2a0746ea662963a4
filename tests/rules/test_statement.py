"""Arrays travel as the text of themselves: whatever a word holds, the database reads the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorstep.kit.embedded import Urls
from doorstep.spine.statement import passed, sent

WORDS = st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=6)
NUMBERS = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=6)
PRICES = st.lists(st.none() | st.decimals(-(10**9), 10**9, places=6), max_size=6)


async def back(urls: Urls, kind: str, values: list[Any]) -> list[Any]:
    connection = await asyncpg.connect(urls.app)
    try:
        found: list[Any] = await connection.fetchval(f"select {passed(kind, 1)}", sent(kind, values))
        return found
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "word", ['"', "\\", '","', "{}", "NULL", "null", "", " ", "a,b", "'", '\\\\"', "\n\t", "{a}", "𝒜", '\\"', "$1"]
)
async def test_a_word_arrives_as_it_is(urls: Urls, word: str) -> None:
    assert await back(urls, "text", [word, "b", None]) == [word, "b", None]
    assert await back(urls, "text", [word]) == [word]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS, numbers=NUMBERS, prices=PRICES)
async def test_any_words_and_numbers_arrive_as_they_are(
    urls: Urls, words: list[str | None], numbers: list[int | None], prices: list[Decimal | None]
) -> None:
    assert await back(urls, "text", words) == words
    assert await back(urls, "bigint", numbers) == numbers
    assert await back(urls, "numeric", prices) == prices
