"""What the console writes without a database: amounts and days by language, reasons, a parcel's way, a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.doors.console import words
from doorstep.doors.console.beside import ParcelNews
from doorstep.doors.console.columns import USUAL, columns_of
from doorstep.doors.console.ledger import ledger
from doorstep.doors.console.listing import Filters
from doorstep.doors.console.looks import days, full_time, money, price, since
from doorstep.doors.console.route import stops
from doorstep.doors.console.speaking import LANGUAGES, Reader, reader_of, write_for
from doorstep.doors.console.timeline import timeline
from doorstep.doors.reads.order import TimelineEvent
from doorstep.kit import clock
from doorstep.kit.money import spell

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _reader() -> Iterator[None]:
    yield
    write_for(Reader())


@given(
    st.integers(0, 10**14),
    st.sampled_from(["USD", "EUR", "JPY", "KWD", "UAH", "PLN"]),
    st.sampled_from(list(LANGUAGES)),
)
def test_amounts_are_written_as_the_language_writes_them(amount: int, currency: str, language: str) -> None:
    write_for(Reader(language))
    assert money(amount, currency) == spell(amount, currency, language)


def test_amounts_below_zero_have_a_minus_and_prices_all_their_places() -> None:
    assert money(-1250, "USD") == "−$12.50"
    assert price(Decimal("1234.5"), "USD") == "1,234.50"
    assert price(Decimal("0.00125"), "USD") == "0.00125"
    write_for(Reader("uk"))
    assert price(Decimal("1234.5"), "USD") == "1\xa0234,50"


def test_times_are_on_the_readers_clock_and_in_their_words() -> None:
    write_for(Reader("uk", zone="Europe/Kyiv"))
    assert full_time(NOON) == "вт 3 бер. 2026, 14:00 EET"
    assert days(date(2026, 2, 27), date(2026, 3, 3)) == "27 лют. – 3 бер."
    assert since(clock.now() - timedelta(hours=3, minutes=5)) == "3\xa0год тому"
    write_for(Reader(zone="America/New_York"))
    assert full_time(NOON) == "Tue 3 Mar 2026, 07:00 EST"
    assert since(clock.now() + timedelta(days=2, hours=1)) == "in 2 d"


@pytest.mark.parametrize(
    ("cookies", "accepts", "expected"),
    [
        ({}, "uk-UA,uk;q=0.9,en;q=0.8", Reader("uk")),
        ({}, "de,fr;q=0.5,en;q=0.1", Reader("en")),
        ({}, "en;q=0.2,uk;q=0.7", Reader("uk")),
        ({}, "; q=x, ,,", Reader("en")),
        ({"language": "en", "theme": "dark", "zone": "Europe%2FKyiv"}, "uk", Reader("en", "dark", "Europe/Kyiv")),
        ({"language": "xx", "theme": "pink", "zone": "../../etc/passwd"}, "", Reader()),
    ],
)
def test_whom_a_page_is_written_for(cookies: dict[str, str], accepts: str, expected: Reader) -> None:
    assert reader_of(cookies, accepts) == expected


def test_reasons_of_rules_are_read_in_the_readers_language_and_words_of_people_as_they_are() -> None:
    write_for(Reader("uk"))
    assert words.sentence("the money is not here yet") == "Гроші ще не надійшли."
    assert words.reason("ABC is no postcode of HU") == "ABC — не поштовий індекс HU"
    assert words.reason("no SKU is known as '100% wool %s'") == "SKU з назвою «100% wool %s» невідомий"
    assert words.reason("Buyer wants to talk: 50% off") == "Buyer wants to talk: 50% off"
    write_for(Reader())
    assert words.reason("ABC is no postcode of HU") == "ABC is no postcode of HU"


def test_a_carriers_news_is_told_in_the_readers_language_and_its_words_beneath_as_they_came() -> None:
    write_for(Reader("uk"))
    ours, theirs = words.exception_told("delivery_attempted", "Receiver absent")
    assert (ours, theirs) == ("Перевізник пробував доставити й не зміг.", "Receiver absent")
    assert words.exception_told("delivery_lost", "Lost.")[1] == "", "that is all it says"
    assert words.exception_told("delivery_delayed", "the carrier says delayed")[1] == "", "these are words of ours"
    assert words.exception_told("short_pick", "2 × MUG missing from bin A-1 at EWR")[1] == ""
    assert (words.adds("Out for delivery!", "out_for_delivery"), words.adds("At depot 7", "in_transit")) == (
        "", "At depot 7",
    )  # fmt: skip
    write_for(Reader())
    assert words.reason("canceled goods are still in tote:7, tote:9") == "canceled goods are still in tote 7, tote 9"


def test_what_an_address_says_wrongly_is_left_out() -> None:
    asked = Filters.of({"stage": "nowhere", "payment": "paid", "country": "Ireland", "placed_from": "2026-13-40",
                        "placed_to": "2026-03-03", "sku": " MUG ", "columns": "buyer.nothing"})  # fmt: skip
    assert asked.chosen == {"payment": "paid", "placed_to": "2026-03-03", "sku": "MUG"}
    assert asked.but(sku="") == "/orders?payment=paid&placed_to=2026-03-03&columns=buyer.nothing"
    assert columns_of(asked.columns) == ("buyer",) and columns_of("nothing") == USUAL
    write_for(Reader(zone="Europe/Kyiv"))
    assert asked.query.placed_to == datetime(2026, 3, 3, 22, 0, tzinfo=UTC)


# A parcel's way


class Stub:
    """Something with these attributes."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


def way(
    places: list[tuple[str, str]], *, state: str = "in_transit", delivered: bool = False
) -> list[tuple[str, str, str, bool]]:
    """Name, kind, state and border of each stop, of a parcel from New Jersey to Dublin that was seen so."""
    row = Stub(packed_at=NOON, handed_over_at=NOON, delivered_at=NOON if delivered else None, state=state)
    news = [
        ParcelNews("par_1", NOON + timedelta(hours=nth), "", "", seen, place, "", None, "", "")
        for nth, (place, seen) in enumerate(places)
    ]
    of: Any = Stub(order=Stub(ship_to={"city": "Dublin", "country": "IE"}))
    part: Any = Stub(site=Stub(name="New Jersey", country="US"))
    parcel: Any = Stub(row=row, events=list(reversed(news)))
    return [(stop.name, stop.kind, stop.state, stop.crosses) for stop in stops(of, part, parcel)]


def test_a_parcel_that_nobody_saw_is_still_at_its_site() -> None:
    assert way([]) == [("New Jersey", "site", "now", False), ("Dublin", "door", "ahead", True)]


def test_the_way_leads_over_every_place_once_and_over_borders() -> None:
    seen = [("Newark, US", "accepted"), ("Newark, US", "in_transit"), ("Shannon hub, IE", "arrived")]
    assert way(seen) == [
        ("New Jersey", "site", "done", False),
        ("Shannon hub", "place", "now", True),
        ("Dublin", "door", "ahead", False),
    ]


def test_customs_in_the_buyers_city_are_not_the_door() -> None:
    assert way([("Dublin, IE", "in_customs")], state="in_customs")[1:] == [
        ("Dublin", "place", "now", True), ("Dublin", "door", "ahead", False),
    ]  # fmt: skip
    assert way([("Dublin, IE", "out_for_delivery")], state="out_for_delivery")[-1] == ("Dublin", "door", "now", True)
    assert way([("Dublin", "delivered")], delivered=True) == [
        ("New Jersey", "site", "done", False), ("Dublin", "door", "done", True),
    ]  # fmt: skip


# A ledger


def event(verb: str, *moves: tuple[str, int, str, str]) -> TimelineEvent:
    kept = [list(move) for move in moves]
    return TimelineEvent(seq=1, verb=verb, actor="system", happened_at=NOON, recorded_at=NOON, moves=kept, data={})


def test_the_ledger_says_what_was_due_after_each_entry() -> None:
    entries = ledger([
        event("place", ("cash", 2500, "world", "owed")),
        event("authorize", ("cash", 2500, "world", "held")),
        event("capture", ("cash", 2000, "held", "earned")),
        event("record_payment", ("cash", 900, "world", "earned")),
        event("refund", ("cash", 400, "earned", "refunded")),
        event("cancel", ("cash", 500, "owed", "world"), ("demand", 1, 1, "wanted", "canceled")),
    ])  # fmt: skip
    assert [(entry.charged_minor, entry.paid_minor, entry.due_minor) for entry in entries] == [
        (2500, 0, 2500), (0, 2000, 500), (0, 900, -400), (0, -400, 0), (-500, 0, -500),
    ]  # fmt: skip


# A timeline


def test_a_line_without_a_title_is_told_by_its_number() -> None:
    (told,) = timeline([event("pick", ("demand", 7, 2, "promised", "picked"))], "USD", {}, {})
    assert ["2 × line 7" in moved for moved in told.moved] == [True]


def test_what_came_back_says_what_of_it_had_been_credited() -> None:
    """No line moves for that; what came before it was credited no more has no goods of its own."""
    taken = event("take_back", ("demand", 1, 1, "shipped", "taken_back"))
    taken.data["lines"] = [{"line": 1, "quantity": 2, "lot": "A"}, {"line": 1, "quantity": 1, "lot": "B"}]
    later = event("take_back", ("demand", 1, 2, "shipped", "taken_back"))
    later.data["lines"] = []
    last, first = timeline([taken, later], "USD", {1: "Mug"}, {})
    assert first.moved[1:] == ["2 × Mug, credited already"]
    assert len(last.moved) == 1 and "2 × Mug" in last.moved[0]
