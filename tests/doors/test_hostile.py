"""Hostile input that others collected: every naughty string comes back as it was or is refused, bad JSON is 4xx.

Read from the folder DOORSTEP_DATA; skipped without it.
"""

from __future__ import annotations

import asyncio
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.doors.test_problems import everything
from tests.doors.web import Client
from tests.shop import Shop

DATA = os.environ.get("DOORSTEP_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="DOORSTEP_DATA is not set: no recorded data to read")


def json_suite() -> Iterator[tuple[str, bytes]]:
    """Names begin with y (must be read), n (must not), i (either)."""
    with zipfile.ZipFile(Path(DATA) / "adversarial" / "JSONTestSuite.zip") as archive:
        for name in archive.namelist():
            file = Path(name)
            if "test_parsing" in name and file.suffix == ".json":
                yield file.name, archive.read(name)


def naughty() -> list[str]:
    words: list[str] = json.loads((Path(DATA) / "adversarial" / "blns.json").read_text("utf-8"))
    return words


async def test_what_is_no_json_is_refused_and_nothing_fails(api: Client, shop: Shop) -> None:
    before = await everything(shop)
    seen = 0
    for name, body in json_suite():
        answer = await api.raw("/v1/orders", body)
        assert 400 <= answer.status_code < 500, f"{name}: {answer.text}"
        if name.startswith("n_"):
            assert answer.status_code == 400, f"{name}: {answer.text}"
        if name.startswith("y_"):
            # It is JSON, and no order: said field by field.
            assert answer.json()["code"] == "Invalid", f"{name}: {answer.text}"
        seen += 1
    assert seen > 300
    assert await everything(shop) == before


async def test_naughty_strings_come_back_as_they_were_or_are_refused(api: Client, shop: Shop) -> None:
    waiting = iter(list(enumerate(naughty())))

    async def some() -> int:
        return sum([await comes_back(api, shop, word, number) for number, word in waiting])

    assert sum(await asyncio.gather(*(some() for _ in range(8)))) > 450


async def comes_back(api: Client, shop: Shop, word: str, number: int) -> bool:
    """Whether it was kept, the same in every field and findable; else it was refused, field by field."""
    short = word[:200]
    body = shop.order(
        ("CUP", 1), note=word, buyer={"name": short}, ship_to={"country": "IE", "line1": short}, tags=[short],
        external_id=f"blns-{number}",
    )  # fmt: skip
    answer = await api.post("/v1/orders", body)
    if answer.status_code == 422:
        fields = {error["pointer"].split("/")[1] for error in answer.json()["errors"]}
        assert fields <= {"note", "buyer", "ship_to", "tags"}
        return False
    assert answer.status_code == 201, answer.text
    found = (await api.get(f"/v1/orders/{answer.json()['order']}")).json()
    assert (found["note"], found["buyer"].get("name", ""), found["tags"]) == (word, short, [short])
    asked = await api.get("/v1/orders", number=word)
    assert asked.status_code in (200, 422), asked.text
    return True


async def test_naughty_strings_in_addresses_name_nothing(api: Client) -> None:
    for word in naughty():
        if word.strip("/. ") and "\x00" not in word:
            answer = await api.http.get("/v1/orders/" + quote(word, safe=""))
            assert answer.status_code in (400, 404), (word, answer.text)
