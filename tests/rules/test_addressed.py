"""The number of an address is the same whoever works it out, and another one for another doorstep."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import msgspec
import pytest

import doorstep.migrations
from doorstep.kit.embedded.urls import Urls
from doorstep.setup.addresses import Address
from doorstep.spine.addressed import address_key, addressed

HOME = {"line1": "12 Grafton Street", "city": "Dublin", "postcode": "D02 XY45", "country": "IE"}
ADDRESSES = (
    HOME, {**HOME, "line1": "вул. Зелена, 149А", "line2": "кв. 12"}, {"line1": "1|2", "country": "US"},
    {"city": "Dublin"}, {"line1": ""}, {**HOME, "name": "Ada", "line2": None},
)  # fmt: skip
MIGRATION = Path(doorstep.migrations.__file__).parent / "0050_pre_functions.sql"


@pytest.mark.parametrize("address", ADDRESSES)
async def test_the_migration_and_the_writer_say_the_same_number(urls: Urls, address: dict[str, str]) -> None:
    text = MIGRATION.read_text("utf-8")
    said = text.split("update orders set ship_to_key = ")[1].split("  where ")[0]
    connection = await asyncpg.connect(urls.app)
    try:
        query = f"select case when ship_to ->> 'line1' <> '' then {said} end from (select $1::jsonb as ship_to) o"
        kept = await connection.fetchval(query, msgspec.json.encode(address).decode())
    finally:
        await connection.close()
    assert address_key(address) == kept


def test_the_name_and_the_case_of_letters_are_not_in_it() -> None:
    there = address_key(HOME)
    assert there == address_key({**HOME, "name": "Bo", "line1": "12 GRAFTON street"})
    assert there == address_key(Address(**HOME, name="Ada"))
    assert there != address_key({**HOME, "line1": "13 Grafton Street"})


def test_what_is_written_of_an_order_has_it_when_it_has_an_address() -> None:
    assert addressed({"note": "x"}) == {"note": "x"}
    assert addressed({"ship_to": None}) == {"ship_to": None, "ship_to_key": None}
    assert addressed({"ship_to": HOME})["ship_to_key"] == address_key(HOME)
