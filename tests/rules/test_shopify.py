"""Shopify order exports: every order is taken, its amounts are exact, and what is wrong with it is said."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorstep.journey.intake.files.problems import HOLDS, REASONS
from doorstep.journey.intake.files.shopify import NotAnOrderExport, UnknownTimezone, read_orders, recognize
from doorstep.journey.intake.files.shopify_order import FileOrder
from doorstep.journey.intake.files.tables import BadRow, NotReadable
from doorstep.journey.intake.new_order import NewOrder
from doorstep.kit import money
from doorstep.spine.amounts import Amounts, Priced, amounts
from doorstep.spine.holds import TYPES
from tools.make_sample import ORDER_COLUMNS

PAYLOADS = Path(__file__).parent.parent / "payloads"
HEAD = {
    "Name": "#1001", "Email": "ada@example.com", "Financial Status": "paid", "Fulfillment Status": "unfulfilled",
    "Currency": "USD", "Subtotal": "16.00", "Shipping": "5.00", "Taxes": "0.00", "Total": "21.00",
    "Discount Amount": "0.00", "Created at": "2026-03-02 09:00:00 -0500", "Lineitem quantity": "1",
    "Lineitem name": "Mug", "Lineitem price": "16.00", "Lineitem sku": "MUG", "Lineitem requires shipping": "true",
    "Lineitem discount": "0.00", "Shipping Name": "Ada Byrne", "Shipping Address1": "12 Grafton Street",
    "Shipping City": "Dublin", "Shipping Zip": "D02 XY45", "Shipping Country": "IE", "Id": "5550000001234",
}  # fmt: skip


def more(name: str = "#1001", **cells: str) -> dict[str, str]:
    """A row that continues an order."""
    named = {key.replace("_", " "): value for key, value in cells.items()}
    return {"Name": name, "Lineitem requires shipping": "true", "Lineitem discount": "0.00"} | named


def head(**cells: str) -> dict[str, str]:
    return HEAD | {key.replace("_", " "): value for key, value in cells.items()}


def write(folder: Path, rows: list[dict[str, str]], name: str = "orders.csv", without: tuple[str, ...] = ()) -> Path:
    extra = [key for key in dict.fromkeys(key for row in rows for key in row) if key not in ORDER_COLUMNS]
    columns = [column for column in (*extra, *ORDER_COLUMNS) if column not in without]
    with (folder / name).open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return folder / name


def read(*paths: Path, currency: str = "USD", timezone: str = "UTC", channel: str = "shop") -> list[Any]:
    found = list(read_orders(paths, currency=currency, timezone=timezone, channel=channel))
    for one in found:
        if isinstance(one, FileOrder):
            holds_together(one)
    return found


def holds_together(found: FileOrder) -> None:
    """What is true of every order from a file: it is a valid order, and its lines come to its Subtotal."""
    msgspec.convert(msgspec.to_builtins(found.order), NewOrder, strict=False)
    assert priced(found).lines_minor - found.order.discount_minor == found.subtotal_minor
    assert len(found.lines) == len(found.order.lines)
    assert all(problem.reason in REASONS for problem in found.problems)


def priced(found: FileOrder) -> Amounts:
    new = found.order
    return amounts(
        [Priced(line.quantity, line.unit_price, line.discount_minor) for line in new.lines],
        new.currency,
        discount_minor=new.discount_minor,
        shipping_minor=new.shipping_minor,
        fees_minor=sum(fee.amount_minor for fee in new.fees),
        tax_minor=new.tax_minor,
        tax_included=new.tax_included,
    )


def only(tmp_path: Path, *rows: dict[str, str], **more_: Any) -> FileOrder:
    (found,) = read(write(tmp_path, list(rows)), **more_)
    assert isinstance(found, FileOrder)
    return found


def reasons(found: FileOrder) -> list[str]:
    return [problem.reason for problem in found.problems]


# the shape of the export


def test_an_order_is_its_first_row_and_the_rows_that_continue_it(tmp_path: Path) -> None:
    second = more(Lineitem_quantity="2", Lineitem_name="Cup", Lineitem_price="4.50", Lineitem_sku="CUP")
    found = only(tmp_path, head(Subtotal="25.00", Total="30.00"), second)
    assert [(line.sku, line.quantity, line.unit_price) for line in found.order.lines] == [
        ("MUG", 1, Decimal("16")),
        ("CUP", 2, Decimal("4.5")),
    ]
    assert (found.rows, found.first_line, found.last_line) == (2, 2, 3)
    assert found.order.placed_at == datetime(2026, 3, 2, 14, tzinfo=UTC)
    assert (found.order.external_id, found.order.number, found.order.channel) == ("#1001", "#1001", "shop")
    assert found.problems == []


def test_columns_may_stand_in_any_order_and_case_and_be_of_any_year(tmp_path: Path) -> None:
    old = {key: value for key, value in HEAD.items() if key not in ("Id", "Lineitem discount")}
    renamed = {"Lineitem sku": "Lineitem SKU", "Created at": "CREATED AT", "Shipping Address1": "Shipping Street"}
    row = {renamed.get(key, key): value for key, value in reversed(old.items())} | {"Gift wrapping": "no"}
    path = tmp_path / "old.csv"
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(row))
        writer.writeheader()
        writer.writerow(row)
    (found,) = read(path)
    assert (found.order.lines[0].sku, found.shopify_id, found.subtotal_minor) == ("MUG", "", 1600)
    assert found.order.placed_at == datetime(2026, 3, 2, 14, tzinfo=UTC)
    assert found.order.ship_to.line1 == "12 Grafton Street"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (ORDER_COLUMNS, "shopify_orders"),
        (["Lineitem name", "name", "LINEITEM SKU"], "shopify_orders"),
        (["Handle", "Title", "Variant SKU", "Variant Price"], "shopify_products"),
        (["Title", "URL handle", "SKU", "Price"], "shopify_products"),
        (["SKU", "Site", "Quantity"], None),
        (["InvoiceNo", "StockCode", "Quantity"], None),
        ([], None),
    ],
)
def test_a_format_is_recognized_by_its_columns(header: list[str], name: str | None) -> None:
    assert recognize(header) == name


def test_names_repeat_between_stores(tmp_path: Path) -> None:
    rows = [
        head() | {"_store": "north"},
        more(Lineitem_quantity="1", Lineitem_name="Cup", Lineitem_price="0.00", Lineitem_sku="CUP") | {"_store": ""},
        head(Created_at="2026-03-03 09:00:00 -0500") | {"_store": "south"},
    ]
    north, south = read(write(tmp_path, rows))
    assert [(one.order.channel, one.order.external_id) for one in (north, south)] == [
        ("north", "#1001"),
        ("south", "#1001"),
    ]
    assert len(north.order.lines) == 2


def test_two_orders_of_one_name_in_one_store_are_told_apart_whatever_their_order(tmp_path: Path) -> None:
    older, newer = head(Id="5550000000001"), head(Id="5550000000002", Created_at="2026-05-01 09:00:00 -0400")
    for rows in ([older, newer], [newer, head(Name="#1002"), older]):
        found = {one.shopify_id: one for one in read(write(tmp_path, rows)) if one.order.number == "#1001"}
        assert found["5550000000001"].order.external_id == "#1001"
        assert found["5550000000002"].order.external_id == "#1001 (5550000000002)"
        assert "name_shared" in reasons(found["5550000000002"])


def test_an_order_in_two_overlapping_exports_comes_out_twice_under_one_key(tmp_path: Path) -> None:
    write(tmp_path, [head(), head(Name="#1002", Id="5550000007777")], "1.csv")
    write(tmp_path, [head(Fulfillment_Status="fulfilled")], "2.csv")
    found = read(tmp_path)
    assert [one.order.external_id for one in found] == ["#1001", "#1002", "#1001"]
    assert [one.fulfillment_status for one in found] == ["unfulfilled", "unfulfilled", "fulfilled"]


def test_rows_that_lie_apart_are_put_together(tmp_path: Path) -> None:
    second = more(Lineitem_quantity="1", Lineitem_name="Cup", Lineitem_price="4.00", Lineitem_sku="CUP")
    rows = [second, head(Name="#1002", Id="5550000007777"), head(Subtotal="20.00", Total="25.00")]
    first, found = read(write(tmp_path, rows))
    assert first.order.external_id == "#1002"
    assert sorted(line.sku for line in found.order.lines) == ["CUP", "MUG"]
    assert [(source.first_line, source.last_line) for source in found.sources] == [(2, 2), (4, 4)]
    assert found.problems == []


def test_an_export_that_repeats_the_order_on_each_line_is_one_order(tmp_path: Path) -> None:
    rows = [head(Subtotal="20.00", Total="25.00"), head(Subtotal="20.00", Total="25.00")]
    rows[1] |= {"Lineitem name": "Cup", "Lineitem price": "4.00", "Lineitem sku": "CUP"}
    found = only(tmp_path, *rows)
    assert [line.sku for line in found.order.lines] == ["MUG", "CUP"]
    assert found.subtotal_minor == 2000


def test_the_same_single_line_order_twice_in_a_row_is_two_copies(tmp_path: Path) -> None:
    assert [one.subtotal_minor for one in read(write(tmp_path, [head(), head()]))] == [1600, 1600]


def test_continuing_rows_without_their_order_are_taken_and_held(tmp_path: Path) -> None:
    found = only(tmp_path, more(Lineitem_quantity="2", Lineitem_price="3.00", Lineitem_sku="CUP"))
    assert found.subtotal_minor == 600
    assert "no_order_row" in reasons(found) and "no_order_row" in HOLDS


def test_half_an_order_is_never_taken_for_a_whole_one(tmp_path: Path) -> None:
    path = write(tmp_path, [head(Name="#1000"), head(), more(Lineitem_price="1.00", Lineitem_quantity="1")])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1], lines[2] + ",shifted", lines[3]]) + "\n")
    shifted, first, left = read(path)
    assert first.order.external_id == "#1000"
    assert (shifted.reason, shifted.line) == ("too_many_cells", 3)
    assert (left.reason, left.line) == ("order_row_unreadable", 4)


def test_a_row_lost_in_the_middle_holds_its_order(tmp_path: Path) -> None:
    cup = more(Lineitem_price="4.00", Lineitem_quantity="1", Lineitem_sku="CUP")
    path = write(tmp_path, [head(Subtotal="24.00", Total="29.00"), cup, cup])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[2] + ",shifted", lines[3]]) + "\n")
    bad, found = read(path)
    assert isinstance(bad, BadRow)
    assert {"row_left_out", "subtotal_is_not_the_lines"} <= set(reasons(found))
    assert found.subtotal_minor == 2400


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        (["5550000001234", "5550000001235"], ["5550000001234", "5550000001235"]),
        (["9999999999999", "9999999999999"], ["", ""]),  # masked
        (["9999999999999"], [""]),
        (["5550000001234", "5550000001234"], ["", ""]),  # one Id cannot be two orders'
        (["5.55E+12", "gid://shopify/Order/77"], ["", "77"]),
        (["'5550000001234", ""], ["5550000001234", ""]),
    ],
)
def test_an_id_is_kept_where_it_is_one(tmp_path: Path, ids: list[str], kept: list[str]) -> None:
    rows = [head(Name=f"#{number}", Id=id) for number, id in enumerate(ids)]
    assert [one.shopify_id for one in read(write(tmp_path, rows))] == kept


# amounts

AMOUNTS = [
    # what, head cells, (subtotal, line discounts, order discount, shipping, tax included, fees), problems
    ("a code off the order", {"Subtotal": "14.40", "Discount Amount": "1.60", "Total": "19.40"},
     (1440, 0, 160, 500, False, 0), []),
    ("line discounts are counted in Discount Amount",
     {"Subtotal": "12.00", "Discount Amount": "4.00", "Lineitem discount": "3.00", "Total": "17.00"},
     (1200, 300, 100, 500, False, 0), []),
    ("line discounts stand beside Discount Amount",
     {"Subtotal": "12.00", "Discount Amount": "1.00", "Lineitem discount": "3.00", "Total": "17.00"},
     (1200, 300, 100, 500, False, 0), []),
    ("only the line was discounted", {"Subtotal": "13.00", "Lineitem discount": "3.00", "Total": "18.00"},
     (1300, 300, 0, 500, False, 0), []),
    ("the price is after the line discount already",
     {"Subtotal": "16.00", "Discount Amount": "3.00", "Lineitem discount": "3.00"}, (1600, 0, 0, 500, False, 0), []),
    ("free shipping, Shipping after it", {"Discount Amount": "5.00", "Shipping": "0.00", "Total": "16.00"},
     (1600, 0, 0, 0, False, 0), []),
    ("free shipping, Shipping before it", {"Discount Amount": "5.00", "Shipping": "5.00", "Total": "16.00"},
     (1600, 0, 0, 0, False, 0), []),
    ("goods and shipping discounted", {"Subtotal": "14.00", "Discount Amount": "7.00", "Shipping": "0.00",
     "Total": "14.00"}, (1400, 0, 200, 0, False, 0), []),
    ("tax added", {"Taxes": "1.06", "Total": "22.06"}, (1600, 0, 0, 500, False, 0), []),
    ("tax included", {"Taxes": "3.93"}, (1600, 0, 0, 500, True, 0), []),
    ("tax included and a discount", {"Subtotal": "14.40", "Discount Amount": "1.60", "Taxes": "3.63",
     "Total": "19.40"}, (1440, 0, 160, 500, True, 0), []),
    ("duties charged", {"Duties": "2.50", "Total": "23.50"}, (1600, 0, 0, 500, False, 250), []),
    ("duties stated, not charged", {"Duties": "2.50"}, (1600, 0, 0, 500, False, 0), []),
    ("all for nothing", {"Subtotal": "0.00", "Discount Amount": "21.00", "Shipping": "0.00", "Total": "0.00"},
     (0, 0, 1600, 0, False, 0), []),
    ("more in Total than in its columns", {"Total": "25.00"}, (1600, 0, 0, 500, False, 400),
     ["total_does_not_add_up"]),
    ("less in Total", {"Total": "20.00"}, (1600, 0, 0, 500, False, 0), ["total_does_not_add_up"]),
    ("Subtotal below the lines", {"Subtotal": "10.00", "Total": "15.00"}, (1000, 0, 600, 500, False, 0),
     ["subtotal_is_not_the_lines"]),
    ("Subtotal above the lines", {"Subtotal": "20.00", "Total": "25.00"}, (2000, 0, 0, 500, False, 0),
     ["price_raised_to_subtotal", "subtotal_is_not_the_lines"]),
    ("no Subtotal", {"Subtotal": "", "Discount Amount": "1.00", "Total": "20.00"}, (1500, 0, 100, 500, False, 0), []),
    ("no amounts but prices", {"Subtotal": "", "Shipping": "", "Total": "", "Taxes": ""},
     (1600, 0, 0, 0, False, 0), []),
    ("an amount that is none", {"Subtotal": "n/a"}, (1600, 0, 0, 500, False, 0), ["amount_unreadable"]),
    ("thousands and signs", {"Subtotal": "$1,016.00", "Lineitem price": "1,016.00", "Total": "USD 1,021.00"},
     (101600, 0, 0, 500, False, 0), []),
    ("a discount below zero", {"Subtotal": "14.40", "Discount Amount": "-1.60", "Total": "19.40"},
     (1440, 0, 160, 500, False, 0), []),
]  # fmt: skip


@pytest.mark.parametrize(("what", "cells", "expected", "problems"), AMOUNTS, ids=[case[0] for case in AMOUNTS])
def test_amounts_are_read_as_the_file_means_them(
    tmp_path: Path,
    what: str,
    cells: dict[str, str],
    expected: tuple[int, int, int, int, bool, int],
    problems: list[str],
) -> None:
    found = only(tmp_path, HEAD | cells)
    new = found.order
    by_line = sum(line.discount_minor for line in new.lines)
    fees = sum(fee.amount_minor for fee in new.fees)
    amounts_ = (found.subtotal_minor, by_line, new.discount_minor, new.shipping_minor, new.tax_included, fees)
    assert amounts_ == expected
    assert reasons(found) == problems
    if new.total_minor is not None and "less" not in what:
        assert priced(found).total_minor == new.total_minor


def test_a_discount_per_unit_is_understood_where_only_that_adds_up(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        head(Lineitem_quantity="4", Lineitem_discount="1.50", Subtotal="58.00", Discount_Amount="6.00", Total="63.00"),
    )
    assert (found.order.lines[0].discount_minor, found.order.discount_minor) == (600, 0)


def test_a_tip_is_a_fee_where_subtotal_leaves_it_out(tmp_path: Path) -> None:
    tip = more(Lineitem_quantity="1", Lineitem_name="Tip", Lineitem_price="2.00") | {
        "Lineitem requires shipping": "false"
    }
    found = only(tmp_path, head(Total="23.00"), tip)
    assert [fee.name for fee in found.order.fees] == ["Tip"]
    assert [line.sku for line in found.order.lines] == ["MUG"]
    kept = only(tmp_path, head(Subtotal="18.00", Total="23.00"), tip)
    assert [line.title for line in kept.order.lines] == ["Mug", "Tip"]


@pytest.mark.parametrize(
    ("currency", "price", "subtotal", "minor"),
    [
        ("JPY", "1800", "3600", 3600),
        ("JPY", "1800.00", "3600.00", 3600),
        ("KWD", "1.250", "2.500", 2500),
        ("USD", "1.2345", "2.47", 247),
        ("EUR", "0.333333", "0.67", 67),
        ("HUF", "1500.50", "3001.00", 300100),
    ],
)
def test_each_currency_has_its_own_minor_units(
    tmp_path: Path, currency: str, price: str, subtotal: str, minor: int
) -> None:
    cells = {"Currency": currency, "Lineitem price": price, "Lineitem quantity": "2", "Subtotal": subtotal}
    found = only(tmp_path, HEAD | cells | {"Shipping": "", "Total": subtotal})
    assert (found.subtotal_minor, found.order.discount_minor, found.problems) == (minor, 0, [])


def test_an_order_has_the_currency_it_names_and_else_the_default(tmp_path: Path) -> None:
    rows = [head(Name="#1", Currency="cad"), head(Name="#2", Currency=""), head(Name="#3", Currency="XYZ")]
    found = read(write(tmp_path, rows), currency="EUR")
    assert [one.order.currency for one in found] == ["CAD", "EUR", "EUR"]
    assert [reasons(one) for one in found if one.order.number == "#3"] == [["currency_unknown"]]


def test_every_order_of_one_currency_sums_to_the_column(tmp_path: Path) -> None:
    rows = [head(Name=f"#{n}", Id=f"55500000{n:05d}", Subtotal=f"{n}.{n % 100:02d}") for n in range(40)]
    found = read(write(tmp_path, rows))
    assert sum(one.subtotal_minor for one in found) == sum(n * 100 + n % 100 for n in range(40))


# lines


@pytest.mark.parametrize(
    ("cells", "taken", "left_out", "problem"),
    [
        ({"Lineitem quantity": ""}, 1, 0, "quantity_unclear"),
        ({"Lineitem quantity": "two"}, 1, 0, "quantity_unclear"),
        ({"Lineitem quantity": "0"}, 1, 1, "no_lines"),
        ({"Lineitem quantity": "-1"}, 1, 1, "quantity_negative"),
        ({"Lineitem quantity": "1.5", "Lineitem price": "10.00", "Subtotal": "15.00"}, 1, 0, "quantity_not_whole"),
        ({"Lineitem quantity": "5000000"}, 1, 0, "quantity_too_large"),
        ({"Lineitem quantity": "1.0"}, 1, 0, None),
        ({"Lineitem sku": ""}, 1, 0, "no_sku"),
        ({"Lineitem price": ""}, 1, 0, "price_missing"),
        ({"Lineitem price": "-16.00"}, 1, 1, "price_negative"),
        ({"Lineitem price": "16.0000001"}, 1, 0, "price_rounded"),
        ({"Lineitem price": "9e15"}, 1, 1, "price_too_large"),
        ({"Lineitem name": "x" * 900}, 1, 0, None),
    ],
)
def test_a_line_with_something_wrong_is_kept_or_left_out_aloud(
    tmp_path: Path, cells: dict[str, str], taken: int, left_out: int, problem: str | None
) -> None:
    found = only(tmp_path, HEAD | cells)
    assert (len(found.order.lines), len(found.left_out)) == (taken, left_out)
    assert (problem in reasons(found)) if problem else found.problems == []
    assert found.subtotal_minor == money.to_minor((HEAD | cells)["Subtotal"], "USD")


def test_a_price_that_is_missing_is_what_subtotal_leaves_for_it(tmp_path: Path) -> None:
    cup = more(Lineitem_quantity="2", Lineitem_name="Cup", Lineitem_sku="CUP")
    found = only(tmp_path, head(Subtotal="25.00", Total="30.00"), cup)
    assert [line.unit_price for line in found.order.lines] == [Decimal("16"), Decimal("4.5")]


def test_codes_lose_the_guard_of_a_spreadsheet_and_names_keep_their_apostrophe(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        head(
            Shipping_Name="'t Hooft", Shipping_City="'s-Hertogenbosch", Shipping_Zip="'5211 AA", Shipping_Country="NL",
            Shipping_Phone="'+31201234567", Lineitem_sku="'00123", Lineitem_name="'=Mug", Notes="'-careful",
        ),
    )  # fmt: skip
    to = found.order.ship_to
    assert to is not None
    assert (to.name, to.city, to.postcode, to.phone) == ("'t Hooft", "'s-Hertogenbosch", "5211 AA", "+31201234567")
    assert (found.order.lines[0].sku, found.order.lines[0].title, found.order.note) == ("00123", "=Mug", "-careful")


# places, times, people


@pytest.mark.parametrize(
    ("said", "code"),
    [("US", "US"), ("us", "US"), ("United States", "US"), ("Deutschland", "DE"), ("Polska", "PL"), ("日本", "JP"),
     ("Cote d'Ivoire", "CI"), ("Czech Republic", "CZ"), ("South Korea", "KR"), ("Elbonia", "ZZ"), ("", "ZZ")],
)  # fmt: skip
def test_a_country_is_known_by_code_and_by_name(tmp_path: Path, said: str, code: str) -> None:
    found = only(tmp_path, head(Shipping_Country=said))
    assert found.order.ship_to is not None and found.order.ship_to.country == code
    held = {HOLDS.get(reason) for reason in reasons(found)}
    assert held == ({"address"} if code == "ZZ" else set())


@pytest.mark.parametrize(
    ("country", "code", "name", "region"),
    [("US", "NJ", "New Jersey", "NJ"), ("IN", "KA", "Karnataka", "Karnataka"), ("JP", "JP-13", "Tōkyō", "Tokyo"),
     ("BR", "SP", "", "SP"), ("US", "", "New Jersey", "NJ"), ("PL", "XX", "Mazowieckie", "XX")],
)  # fmt: skip
def test_a_province_is_written_as_its_country_writes_it(
    tmp_path: Path, country: str, code: str, name: str, region: str
) -> None:
    cells = {"Shipping_Country": country, "Shipping_Province": code, "Shipping_Province_Name": name}
    found = only(tmp_path, head(**cells))
    assert found.order.ship_to is not None and found.order.ship_to.region == region


def test_an_order_that_ships_nowhere_is_held_and_one_that_does_not_ship_is_not(tmp_path: Path) -> None:
    nowhere = {key: "" for key in HEAD if key.startswith("Shipping ")}
    assert reasons(only(tmp_path, HEAD | nowhere)) == ["no_address"]
    assert reasons(only(tmp_path, HEAD | nowhere | {"Lineitem requires shipping": "false"})) == []


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-03-02 09:00:00 -0500", datetime(2026, 3, 2, 14, tzinfo=UTC)),
        ("2026-03-02T09:00:00+05:30", datetime(2026, 3, 2, 3, 30, tzinfo=UTC)),
        ("2026-03-02 09:00:00 UTC", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02 09:00", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2026-07-02 09:00", datetime(2026, 7, 2, 7, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 1, 23, tzinfo=UTC)),
        ("46083.5", datetime(2026, 3, 2, 11, tzinfo=UTC)),
        ("02.03.2026 09:00", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("3/22/2026 9:00 PM", datetime(2026, 3, 22, 20, tzinfo=UTC)),
        ("2026-02-30 09:00:00", None),
        ("yesterday", None),
    ],
)
def test_a_time_is_an_instant(tmp_path: Path, said: str, at: datetime | None) -> None:
    found = only(tmp_path, head(Created_at=said), timezone="Europe/Warsaw")
    assert found.order.placed_at == at
    assert reasons(found) == ([] if at else ["date_unreadable"])


def test_whether_the_day_or_the_month_leads_is_learned_from_the_whole(tmp_path: Path) -> None:
    rows = [head(Created_at="6/3/2026 10:00"), head(Name="#1002", Id="77", Created_at="25/3/2026 10:00")]
    assert read(write(tmp_path, rows))[0].order.placed_at == datetime(2026, 3, 6, 10, tzinfo=UTC)
    unsure = only(tmp_path, rows[0])
    assert unsure.order.placed_at == datetime(2026, 6, 3, 10, tzinfo=UTC)
    assert reasons(unsure) == ["date_ambiguous"]


# paying


@pytest.mark.parametrize(
    ("status", "outstanding", "tender"),
    [
        ("paid", "0.00", ("paid", 2100)),
        ("PAID", "", ("paid", 2100)),
        ("paid", "21.00", ("paid", 2100)),
        ("partially_refunded", "0.00", ("paid", 2100)),
        ("refunded", "0.00", ("paid", 2100)),
        ("authorized", "21.00", ("authorized", 2100)),
        ("partially_paid", "6.00", ("paid", 1500)),
        ("partially_paid", "", None),
        ("pending", "21.00", None),
        ("voided", "0.00", None),
        ("expired", "21.00", None),
        ("", "", None),
    ],
)
def test_what_was_paid_elsewhere_comes_with_the_order(
    tmp_path: Path, status: str, outstanding: str, tender: tuple[str, int] | None
) -> None:
    found = only(tmp_path, head(Financial_Status=status, Outstanding_Balance=outstanding))
    tenders = [(one.kind, one.amount_minor) for one in found.order.tenders]
    assert tenders == ([tender] if tender else [])
    contradicts = status == "paid" and outstanding == "21.00"
    assert ("paid_yet_outstanding" in reasons(found)) is contradicts
    assert found.financial_status == status.lower()


@pytest.mark.parametrize(
    ("method", "terms", "term"),
    [
        ("Cash on Delivery (COD)", "", "cod"),
        ("cash_on_delivery", "", "cod"),
        ("gift_card + Cash on Delivery (COD)", "", "cod"),
        ("Nachnahme", "", "cod"),
        ("Płatność przy odbiorze (pobranie)", "", "cod"),
        ("manual", "", "prepaid"),
        ("shopify_payments", "", "prepaid"),
        ("Codex Pay", "", "prepaid"),
        ("manual", "Net 30", "on_account"),
        ("", "Due on receipt", "on_account"),
        ("", "Due on fulfillment", "on_shipment"),
        ("", "", "prepaid"),
    ],
)
def test_how_an_order_is_to_be_paid(tmp_path: Path, method: str, terms: str, term: str) -> None:
    found = only(tmp_path, head(Payment_Method=method, Payment_Terms_Name=terms, Financial_Status="pending"))
    assert found.order.payment_term == term


def test_all_else_that_the_file_says_is_kept(tmp_path: Path) -> None:
    found = only(
        tmp_path,
        head(
            Financial_Status="partially_refunded", Fulfillment_Status="partial", Refunded_Amount="4.00",
            Fulfilled_at="2026-03-04 10:00:00 -0500", Cancelled_at="2026-03-05 10:00:00 -0500", Risk_Level="High",
            Taxes="3.00", Tags="gift, wholesale", Discount_Code="SPRING10, VIP", Notes="Ring twice\nplease",
            Payment_Method="gift_card + shopify_payments", Source="web", Total="24.00",
            Lineitem_fulfillment_status="fulfilled", Vendor="Harbor",
        ) | {"Tax 1 Name": "CGST 9%", "Tax 1 Value": "1.50", "Tax 2 Name": "SGST 9%", "Tax 2 Value": "1.50"},
    )  # fmt: skip
    assert (found.refunded_minor, found.order.risk, found.source) == (400, "high", "web")
    assert found.fulfilled_at == datetime(2026, 3, 4, 15, tzinfo=UTC)
    assert found.canceled_at == datetime(2026, 3, 5, 15, tzinfo=UTC)
    assert [(tax.name, tax.amount_minor) for tax in found.taxes] == [("CGST 9%", 150), ("SGST 9%", 150)]
    assert (found.order.tags, found.discount_codes) == (["gift", "wholesale"], ["SPRING10", "VIP"])
    assert found.payment_methods == ["gift_card", "shopify_payments"]
    assert (found.lines[0].fulfillment_status, found.lines[0].vendor) == ("fulfilled", "Harbor")
    assert found.order.note == "Ring twice\nplease"
    assert found.problems == []


# refused, and hostile


def test_other_files_are_refused_by_name_and_reported_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "stock.csv").write_text("SKU,Quantity\nMUG,3\n")
    with pytest.raises(NotAnOrderExport):
        read(tmp_path / "stock.csv")
    with pytest.raises(NotAnOrderExport):
        read(tmp_path)
    with pytest.raises(NotReadable):
        read(tmp_path / "none.csv")
    write(tmp_path, [head()])
    with pytest.raises(UnknownTimezone):
        read(tmp_path, timezone="Mars/Olympus")
    with pytest.raises(money.UnknownCurrency):
        read(tmp_path, currency="XYZ")
    stranger, found = read(tmp_path)
    assert isinstance(stranger, BadRow) and stranger.reason == "not_an_order_export"
    assert isinstance(found, FileOrder)


def test_every_problem_has_words_and_every_hold_a_type() -> None:
    assert HOLDS.keys() <= REASONS.keys()
    assert set(HOLDS.values()) <= TYPES.keys()


def test_the_torture_export_is_taken_row_by_row() -> None:
    found = read(PAYLOADS / "shopify_orders_torture.csv", timezone="America/New_York")
    orders = [one for one in found if isinstance(one, FileOrder)]
    bad = [one for one in found if isinstance(one, BadRow)]
    assert sum(one.rows for one in orders) + sum(one.rows for one in bad) == 20
    assert sorted(one.order.external_id for one in orders) == [f"#{n}" for n in range(2001, 2013)]
    assert [(one.line, one.reason) for one in bad] == [(22, "quote_not_closed"), (23, "no_name")]
    assert all(one.reason in REASONS for one in bad)
    assert sum(one.subtotal_minor for one in orders if one.order.currency == "USD") == 41788
    by_reason = Counter(reason for one in orders for reason in reasons(one))
    assert by_reason["no_sku"] == 1 and by_reason["country_unknown"] == 1 and by_reason["phone_unclear"] == 1


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(ORDER_COLUMNS), WORDS, max_size=25), min_size=1, max_size=4),
    st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_whatever_stands_in_the_cells_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], currency: str
) -> None:
    path = write(tmp_path_factory.mktemp("any"), rows)
    found = read(path, currency=currency)
    meant = [row for row in rows if any(cell.strip() for cell in row.values())]
    assert sum(one.rows for one in found) == len(meant)


# a generated order comes back


@st.composite
def bought(draw: st.DrawFn) -> dict[str, Any]:
    """An order as a store keeps it, with all the ways that Shopify has to write its amounts."""
    currency = draw(st.sampled_from(["USD", "EUR", "JPY", "KWD", "INR"]))
    places = money.digits(currency)
    price = st.integers(0, 500_000).map(lambda minor: Decimal(minor).scaleb(-places))
    lines = draw(st.lists(st.tuples(st.integers(1, 40), price), min_size=1, max_size=6))
    totals = [money.line_total(price, quantity, currency) for quantity, price in lines]
    by_line = [draw(st.integers(0, total)) if draw(st.booleans()) else 0 for total in totals]
    by_code = draw(st.integers(0, sum(totals) - sum(by_line)))
    shipping, shipping_off = draw(st.integers(0, 5000)), 0
    if shipping and draw(st.booleans()):
        shipping_off = shipping
    return {
        "currency": currency, "lines": lines, "by_line": by_line, "by_code": by_code, "shipping": shipping,
        "shipping_off": shipping_off, "tax": draw(st.integers(0, 9000)), "included": draw(st.booleans()),
        "subtotal": sum(totals) - sum(by_line) - by_code,
    }  # fmt: skip


def rows_of(order: dict[str, Any], number: int) -> list[dict[str, str]]:
    def shown(minor: int) -> str:
        return str(money.to_decimal(minor, order["currency"]))

    shipping = order["shipping"] - order["shipping_off"]
    total = order["subtotal"] + shipping + (0 if order["included"] else order["tax"])
    discount = sum(order["by_line"]) + order["by_code"] + order["shipping_off"]
    rows = [
        more(f"#{number}") | {"Lineitem quantity": str(quantity), "Lineitem price": str(price),
            "Lineitem sku": f"S{place}", "Lineitem discount": shown(by_line)}
        for place, ((quantity, price), by_line) in enumerate(zip(order["lines"], order["by_line"], strict=True))
    ]  # fmt: skip
    rows[0] = HEAD | rows[0] | {
        "Id": str(5550000000000 + number), "Currency": order["currency"], "Subtotal": shown(order["subtotal"]),
        "Shipping": shown(shipping), "Taxes": shown(order["tax"]), "Total": shown(total),
        "Discount Amount": shown(discount),
    }  # fmt: skip
    return rows


@settings(max_examples=150, deadline=None)
@given(st.lists(bought(), min_size=1, max_size=4))
def test_an_order_written_as_shopify_writes_it_comes_back_to_the_cent(
    tmp_path_factory: pytest.TempPathFactory, orders: list[dict[str, Any]]
) -> None:
    rows = [row for number, order in enumerate(orders) for row in rows_of(order, number)]
    found = read(write(tmp_path_factory.mktemp("orders"), rows))
    assert len(found) == len(orders)
    for one, order in zip(found, orders, strict=True):
        new = one.order
        assert one.subtotal_minor == order["subtotal"]
        assert [(line.quantity, line.unit_price) for line in new.lines] == order["lines"]
        assert [line.discount_minor for line in new.lines] == order["by_line"]
        assert new.discount_minor == order["by_code"]
        assert new.shipping_minor == order["shipping"] - order["shipping_off"]
        assert new.tax_included is (order["included"] and order["tax"] > 0)
        assert priced(one).total_minor == new.total_minor == new.tenders[0].amount_minor if new.tenders else True
        assert one.problems == []


# recorded data

needs_data = pytest.mark.skipif("DOORSTEP_DATA" not in os.environ, reason="DOORSTEP_DATA is not set")


@needs_data
def test_the_recorded_export_is_read_to_the_last_row_and_cent() -> None:
    path = Path(os.environ["DOORSTEP_DATA"]) / "orders_shopify_export" / "orders_export_masked.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = read(path)
    heads = [row for row in rows if row["Subtotal"]]
    assert all(isinstance(one, FileOrder) for one in found)
    assert sum(one.rows for one in found) == len(rows)
    assert [(one.order.channel, one.order.external_id) for one in found] == [
        (row["_store"], row["Name"]) for row in heads
    ]
    assert sum(one.subtotal_minor for one in found) == sum(money.to_minor(row["Subtotal"], "INR") for row in heads)
    assert sum(len(one.order.lines) for one in found) == len(rows)
    assert [one.order.total_minor for one in found] == [money.to_minor(row["Total"], "INR") for row in heads]
    assert all(priced(one).total_minor == one.order.total_minor for one in found)
    assert {one.shopify_id for one in found} == {""}
    assert {reason for one in found for reason in reasons(one)} == {"no_address", "paid_yet_outstanding"}
