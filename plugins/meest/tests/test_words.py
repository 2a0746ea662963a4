"""Meest's words, without Meest: addresses taken apart, texts that are hostile, a no that gets its name."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from doorstep.plug import CarrierRefused
from doorstep_meest.addresses import door_of, is_named, kind_of
from doorstep_meest.places import KEPT_S, Kept
from doorstep_meest.settings import Settings
from doorstep_meest.words import (
    Ends,
    Listed,
    Ref,
    Register,
    Said,
    Spot,
    amount,
    day_read,
    moment_on,
    new_parcel,
    parcel_number,
    plain,
    price_asked,
    reason_of,
    said_in,
    taken,
)
from plugins.meest.tests.shipments import BERLIN_BUYER, abroad
from tests import hostile

SETTINGS = Settings(contract_id="c", token="t")
TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("line1", "line2", "door"),
    [
        ("вул. Зелена, 149", "", ("вул. Зелена", "149", "")),
        ("вулиця Зелена 149А, кв. 12", "", ("вулиця Зелена", "149А", "12")),
        ("просп. Науки, буд. 4/2, оф. 310", "", ("просп. Науки", "4/2", "310")),
        ("вул. 8 Березня, 12", "", ("вул. 8 Березня", "12", "")),
        ("вул. Січових Стрільців 37-41", "кв. 7", ("вул. Січових Стрільців", "37-41", "7")),
        ("ul. Złota 44 m. 7", "", ("ul. Złota", "44", "7")),
        ("1 Dock Street", "", ("Dock Street", "1", "")),
        ("221B Baker Street", "Apt 4", ("Baker Street", "221B", "4")),
        ("500 5th Ave #12", "", ("5th Ave", "500", "12")),
        ("Große Straße 7", "", ("Große Straße", "7", "")),
        ("вул. Зелена", "", ("вул. Зелена", "", "")),
        ("вул. Зелена, 5", "12", ("вул. Зелена", "5", "12")),
        ("", "", ("", "", "")),
    ],
)
def test_an_address_line_is_a_street_a_building_and_a_flat(line1: str, line2: str, door: tuple[str, str, str]) -> None:
    assert tuple(door_of(line1, line2)) == door


@given(st.text(max_size=80), st.text(max_size=20))
def test_no_line_is_too_strange_to_be_taken_apart(line1: str, line2: str) -> None:
    assert all(part == part.strip() for part in door_of(line1, line2)[1:2])


@pytest.mark.parametrize(
    ("wanted", "known", "same"),
    [
        ("вулиця Зелена", "вул. Зелена", True),
        ("Зелена", "Zelena st. ", False),
        ("Zelena street", "Zelena st. ", True),
        ("Зелена Нова", "вул. Зелена", False),
        ("м. Львів", "Львів", True),
        ("Львівська область", "ЛЬВІВСЬКА", True),
        ("Кам`янець", "Камʼянець", True),
    ],
)
def test_names_are_the_same_when_people_mean_the_same(wanted: str, known: str, same: bool) -> None:
    assert is_named(wanted, [None, "", known]) == same


def test_a_street_and_an_avenue_of_one_name_are_two() -> None:
    assert kind_of("вул. Зелена") == kind_of("Зелена вулиця") != kind_of("просп. Зелена")


@pytest.mark.parametrize("text", hostile.texts(), ids=lambda text: ascii(text[:20]))
def test_whatever_is_typed_is_one_line_that_can_be_sent(text: str) -> None:
    told = plain(text)
    assert told.isprintable() and len(told) <= 250 and told == told.strip()
    to = replace(BERLIN_BUYER, name=text or "x", line1=text, city=text, company=text)
    item = replace(abroad().customs[0], description=text)
    shipment = abroad(ship_to=to, customs=(item,), reference=text)
    ends = Ends(Spot("c", "city", "street"), Spot("d"))
    try:
        sent = msgspec.json.encode(new_parcel(shipment, "DS-1", ends, SETTINGS, TODAY))
    except CarrierRefused as no:
        assert no.why["reason"] == "address_incomplete"
    else:
        assert msgspec.json.decode(sent)["receiver"]["cityDescr"] == told
    assert msgspec.json.encode(price_asked(shipment, ends, SETTINGS, TODAY))


def test_a_key_is_one_number_and_other_keys_are_others() -> None:
    numbers = {parcel_number(f"key-{at}") for at in range(2_000)}
    assert len(numbers) == 2_000 and parcel_number("key-1") in numbers
    assert all(len(number) == 15 and number.startswith("DS-") for number in numbers)


def test_a_label_is_found_by_what_it_is_called() -> None:
    ref = Ref("0a1b", "711-25", TODAY)
    assert Ref.read(str(ref)) == ref
    assert Ref.read("no-such-label") == Ref("no-such-label")
    assert Ref.read("a:b:c").parcel_id == "a"


@pytest.mark.parametrize(
    ("field", "status", "reason"),
    [
        ("token", 200, "unauthorized"), ("receiver.addressID", 200, "address_unknown"), ("", 401, "unauthorized"),
        ("parcelsItems[0].parcelID", 200, "unknown_label"), ("expectedPickUpDate.date", 200, "bad_time"),
        ("contractID", 400, "unknown_contract"), ("щось", 200, "refused"), ("", 404, "not_found"),
    ],
)  # fmt: skip
def test_a_no_is_called_by_what_it_is_about(field: str, status: int, reason: str) -> None:
    said = msgspec.convert({"status": "Error", "info": {"fieldName": field, "message": "Ні"}, "result": None}, Said)
    assert reason_of(said, status) == reason
    assert said.complaint == (f"{field}: Ні" if field else "Ні")


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>502</html>", b"\xff\xfe", b'{"status": 7}', b"null"])
def test_a_no_that_makes_no_sense_is_told_as_it_came(content: bytes) -> None:
    assert reason_of(said_in(content), 500) == "refused"


def test_amounts_and_days_are_read_as_they_are_spelled() -> None:
    assert [amount(said, "UAH") for said in ("257.12", "257,1", 512.72, 60)] == [25712, 25710, 51272, 6000]
    assert day_read("28.03.2019") == date(2019, 3, 28)
    assert [day_read(said) for said in (None, "", "0001-01-01T00:00:00", "31.02.2026")] == [None] * 4
    ready = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
    assert moment_on(date(2026, 3, 4), ready) == datetime(2026, 3, 4, 8, 30, tzinfo=UTC)
    assert moment_on(date(2026, 3, 30), ready) == datetime(2026, 3, 30, 7, 30, tzinfo=UTC)  # summer time in Kyiv


def test_what_a_register_did_not_take_is_in_its_sentences() -> None:
    one, two = Ref("a-1", "711-1"), Ref("b-2", "711-2")
    said = Register("r", Not_added_to_registry=["Відправлення  711-2 вже поступило до перевезення."])
    assert taken(said, [one, two]) == [one]
    assert taken(Register("r"), [one, two]) == [one, two]


def test_the_bar_code_whose_name_begins_with_a_cyrillic_letter_is_found_too() -> None:
    row = {"parcelID": "p", "parcelNumber": "DS-1", "вarCode": "711-1"}
    assert msgspec.convert(row, Listed).number == "711-1"
    assert msgspec.convert({"parcelID": "p", "barCode": "711-2"}, Listed).number == "711-2"


async def test_what_was_answered_is_kept_a_day() -> None:
    now, asked = [0.0], []

    async def ask() -> str:
        asked.append(now[0])
        return "id"

    kept = Kept(clock=lambda: now[0])
    for now[0] in (1.0, 2.0, KEPT_S - 1, KEPT_S + 3, KEPT_S + 4):
        assert await kept.of(("city", "Львів"), ask) == "id"
    assert asked == [1.0, KEPT_S + 3]
