"""A mapping file is read strictly, and what it says is done to each row: nothing is guessed, nothing dropped."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorstep.journey.intake.files.entries import Seen
from doorstep.journey.intake.files.expressions import NotAnExpression
from doorstep.journey.intake.files.mapped import MappedFiles, NoCurrency
from doorstep.journey.intake.files.mapping import LARGEST, NotAMapping, parse_mapping, read_mapping
from doorstep.journey.intake.files.opening import NotRecognized, open_source, recognized
from doorstep.journey.intake.place import Place
from doorstep.kit.refusals import Refusal
from tests.rules.mapped import Came, came, read

SMALL = """
currency = "EUR"
[order]
key = "id"
placed_at = "date"
[line]
sku = "sku"
quantity = "qty"
unit_price = "price"
"""
ROWS = "id,date,sku,qty,price\n1,2024-01-02,A,2,5.00\n"


def one(folder: Path, more: str = "", *rows: str, header: str = "id,date,sku,qty,price", **options: Any) -> Came:
    return read(folder, SMALL + more, {"o.csv": "\n".join([header, *rows]) + "\n"}, **options)


# what a mapping gets wrong


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("this is no TOML", "Expected"),
        (SMALL.replace('key = "id"\n', ""), "missing required field key - at $.order"),
        (SMALL.replace('placed_at = "date"\n', ""), "missing required field placed_at - at $.order"),
        (SMALL.replace("[line]", "[lines]"), "unknown field lines"),
        (SMALL + 'colour = "x"', "unknown field colour - at $.line"),
        (SMALL.replace('"qty"', "7"), "Expected str | object, got int - at $.line.quantity"),
        (SMALL.replace('"qty"', '{ off = "qty" }'), "unknown field off - at $.line.quantity"),
        (SMALL.replace('unit_price = "price"', ""), "[line] names neither unit_price nor total"),
        ('currency = "euro"\n' + SMALL.replace('currency = "EUR"\n', ""), "at $.currency"),
        ('timezone = "Mars/Base"\n' + SMALL, "there is no time zone Mars/Base"),
        ('timezone = "../../etc/passwd"\n' + SMALL, "there is no time zone"),
        ('decimal = ";"\n' + SMALL, "at $.decimal"),
        (SMALL + "[parcel]", "parcels leave from a site"),
        (SMALL + 'table = "items"', "there is no [tables.items]"),
        (SMALL + '[payment]\namount = "x"\ntable = "money"', "there is no [tables.money]"),
        (SMALL + '[tables]\na = { files = "*" }', "[tables.a] has either key"),
        (SMALL + '[tables]\na = { files = "*", key = "id", id = "x", by = "a.x" }', "[tables.a] has either key"),
        (SMALL + '[tables]\na = { files = "*", id = "x", by = "nowhere.x" }', "[tables.a] by is to name a column"),
        (SMALL + '[tables]\na = { files = "*", key = "id" }', "[order] and [line] each say their table"),
        (SMALL + '[tables]\na = { files = "", key = "id" }', "at $.tables"),
        (
            SMALL.replace("[order]", '[order]\ntable = "a"').replace("[line]", '[line]\ntable = "b"')
            + '[tables]\na = { files = "a*", id = "x", by = "b.y" }\nb = { files = "b*", key = "id" }',
            "[tables.a] is the order's own: it needs a key",
        ),
    ],
)
def test_what_a_mapping_gets_wrong_is_told_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(NotAMapping) as refusal:
        parse_mapping(text.encode(), "my.toml")
    assert refusal.value.why["file"] == "my.toml"
    assert problem in refusal.value.why["problem"]


def test_a_mapping_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for file, problem in (
        (tmp_path / "none.toml", "No such file"), (tmp_path, "s a directory"), (tmp_path / "bytes.toml", "codec"),
        (tmp_path / "large.toml", "larger than a mapping file can be"),
    ):  # fmt: skip
        (tmp_path / "bytes.toml").write_bytes(b"name = '\xff'")
        (tmp_path / "large.toml").write_bytes(b"#" * (LARGEST + 1))
        with pytest.raises(NotAMapping) as refusal:
            read_mapping(file)
        assert refusal.value.why["file"] == str(file)
        assert problem in refusal.value.why["problem"]


@pytest.mark.parametrize(
    ("section", "said", "problem"),
    [
        ("[sku]", "weight_g = 'Weight'", "there is no column Weight"),
        ("[kind]", "credit = \"starts(nr, 'C')\"", "there is no column nr"),
        ("[kind]", "credit = \"sum(qty)\"", "there is no function sum"),
        ("[kind]", "credit = \"starts(qty)\"", "starts takes 2 to 50 arguments, here are 1"),
        ("[kind]", "credit = \"qty ** 9\"", "only + - * / are known"),
        ("[kind]", "credit = \"qty.real.imag\"", "is no form that a mapping knows"),
        ("[kind]", "credit = \"[x for x in qty]\"", "is no form that a mapping knows"),
        ("[kind]", "credit = \"qty <\"", "it is neither a column nor an expression"),
        ("[kind]", "credit = \"qty in sku\"", "after `in` comes a list of words"),
        ("[sku]", "name = { values = { a = 'b' } }", "a field says of which column it is, or a value"),
    ],
)  # fmt: skip
def test_an_expression_that_cannot_be_worked_out_is_refused_before_a_row_is_read(
    tmp_path: Path, section: str, said: str, problem: str
) -> None:
    with pytest.raises(NotAnExpression) as refusal:
        one(tmp_path, f"{section}\n{said}\n", "1,2024-01-02,A,2,5.00")
    assert problem in refusal.value.why["problem"]


def test_files_that_are_not_there_or_lack_their_key_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAMapping) as no_key:
        read(tmp_path, SMALL, {"o.csv": "order,date,sku,qty,price\n1,2024-01-02,A,2,5\n"})
    assert no_key.value.why["problem"] == "the files of rows have no column id"
    with pytest.raises(NotAMapping) as no_file:
        read(tmp_path, TABLES, {"orders.csv": "id,date\n1,2024-01-02\n"})
    assert no_file.value.why["problem"] == "no file is the table lines: none is called like lines*"


def test_amounts_without_a_currency_are_refused(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(ROWS)
    with pytest.raises(NoCurrency):
        came(SMALL.replace('currency = "EUR"', ""), [tmp_path / "o.csv"], currency="")
    assert came(SMALL, [tmp_path / "o.csv"], currency="").order.currency == "EUR"


def test_columns_of_no_known_format_are_refused_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(ROWS)
    with pytest.raises(NotRecognized) as refusal:
        open_source([tmp_path], mapping=None, currency="EUR", timezone="UTC", channel="file", history=False)
    assert refusal.value.why == {"file": str(tmp_path / "o.csv"), "columns": "id, date, sku, qty, price"}
    assert recognized(("id", "date")) is None


# fields


def test_words_are_translated_and_others_stay_or_get_otherwise(tmp_path: Path) -> None:
    more = """
[order]
key = "id"
placed_at = "date"
country = { of = "land", values = { EIRE = "IE" } }
payment_term = { of = "how", values = { bill = "on_account" }, otherwise = "prepaid" }
note = { value = "from the old shop" }
customer = { value = 7 }
"""
    mapping = SMALL.replace('[order]\nkey = "id"\nplaced_at = "date"\n', more)
    rows = (
        "id,date,sku,qty,price,land,how\n1,2024-01-02,A,1,1,EIRE,bill\n"
        "2,2024-01-03,A,1,1,DE,card\n3,2024-01-04,A,1,1, EIRE ,\n"
    )
    got = read(tmp_path, mapping, {"o.csv": rows})
    assert [(order.ship_to.country if order.ship_to else "", order.payment_term) for order in got.orders] == [
        ("IE", "on_account"), ("DE", "prepaid"), ("IE", "prepaid"),
    ]  # fmt: skip
    assert {(order.note, order.buyer.customer) for order in got.orders} == {("from the old shop", "7")}
    assert got.problems == []


def test_a_word_that_is_no_payment_term_is_told(tmp_path: Path) -> None:
    got = read(tmp_path, SMALL.replace("[line]", 'payment_term = "sku"\n[line]'), {"o.csv": ROWS})
    assert got.problems == [(2, "sku", "status_unknown", "A")]
    assert got.order.payment_term == "prepaid"


@pytest.mark.parametrize(
    ("more", "told", "at"),
    [
        ("", "2024-03-31T01:30:00Z", "2024-03-31 01:30"),
        ('timezone = "Europe/Berlin"', "2024-01-15 12:00", "2024-01-15 11:00"),
        ('timezone = "Europe/Berlin"', "2024-07-15 12:00", "2024-07-15 10:00"),
        ('timezone = "Europe/Berlin"', "2024-07-15 12:00 +0100", "2024-07-15 11:00"),
        ('timezone = "America/Sao_Paulo"', "2017-11-01 00:00:00", "2017-11-01 02:00"),
        ('timezone = "America/Sao_Paulo"', "2017-08-01 00:00:00", "2017-08-01 03:00"),
        ("day_first = true", "6/12/2025", "2025-12-06 00:00"),
        ("", "6/12/2025", "2025-06-12 00:00"),
        ("", "26/12/2025", "2025-12-26 00:00"),
        ('dates = ["%m-%d-%y"]', "04-30-22", "2022-04-30 00:00"),
        ('dates = ["%d %B %Y", "%Y%m%d"]', "20220430", "2022-04-30 00:00"),
        ('dates = ["%d-%m-%Y %H:%M"]\ntimezone = "Asia/Kolkata"', "30-04-2022 05:30", "2022-04-30 00:00"),
        ('dates = ["%Y-%m-%d %H:%M %z"]\ntimezone = "Asia/Kolkata"', "2022-04-30 05:30 +0000", "2022-04-30 05:30"),
        ("", "45292.5", "2024-01-01 12:00"),
    ],
)  # fmt: skip
def test_a_time_is_read_by_its_form_in_its_zone(tmp_path: Path, more: str, told: str, at: str) -> None:
    got = read(tmp_path, f"{more}\n{SMALL}", {"o.csv": f'id,date,sku,qty,price\n1,"{told}",A,1,1\n'})
    assert got.order.placed_at == datetime.fromisoformat(at).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("more", "told", "price"),
    [
        ("", "5.10", "5.10"), ("", "5,10", "5.10"), ("", "1.234,50", "1234.50"), ("", "1,234.50", "1234.50"),
        ("", "€ 7.25", "7.25"), ("", "1.234", "1.234"), ('decimal = ","', "1.234", "1234"),
        ('decimal = ","', "5,10", "5.10"),
        ('decimal = "."', "1,234", "1234"), ('decimal = "."', "5.123456", "5.123456"),
    ],
)  # fmt: skip
def test_an_amount_is_read_by_its_marks(tmp_path: Path, more: str, told: str, price: str) -> None:
    got = read(tmp_path, f"{more}\n{SMALL}", {"o.csv": f'id,date,sku,qty,price\n1,2024-01-02,A,1,"{told}"\n'})
    assert got.order.lines[0].unit_price == Decimal(price)


def test_services_have_no_stock_and_never_ship(tmp_path: Path) -> None:
    mapping = 'services = ["POST", "gift_*", "fee?"]\n' + SMALL + "service = \"starts(sku, 'X-')\"\n"
    codes = ["POST", "POSTER", "post", "gift_20", "gift", "fee1", "fee", "X-1", "A"]
    rows = "".join(f"1,2024-01-02,{code},1,1\n" for code in codes)
    got = read(tmp_path, mapping, {"o.csv": "id,date,sku,qty,price\n" + rows})
    assert [line.sku for line in got.order.lines if not line.ships] == ["POST", "gift_20", "fee1", "X-1"]
    assert {sku.code for sku in got.entries[0].skus if not sku.stocked} == {"POST", "gift_20", "fee1", "X-1"}


def test_the_amount_of_all_pieces_becomes_the_price_of_one(tmp_path: Path) -> None:
    mapping = SMALL.replace('unit_price = "price"', 'total = "price"')
    got = read(tmp_path, mapping, {"o.csv": "id,date,sku,qty,price\n1,2024-01-02,A,3,10.00\n1,2024-01-02,B,2,5.01\n"})
    assert [line.unit_price for line in got.order.lines] == [Decimal("3.333333"), Decimal("2.505")]


# what is wrong with a row


@pytest.mark.parametrize(
    ("row", "problems", "lines"),
    [
        ("1,2024-01-02,A,-2,5", [(2, "qty", "quantity_negative", "-2")], 0),
        ("1,2024-01-02,A,two,5", [(2, "qty", "quantity_unclear", "two")], 1),
        ("1,2024-01-02,A,,5", [(2, "qty", "quantity_unclear", "")], 1),
        ("1,2024-01-02,A,1.5,5", [(2, "qty", "quantity_unclear", "1.5")], 1),
        ("1,2024-01-02,A,2.0,5", [], 1),
        ("1,2024-01-02,A,10000000,5", [(2, "qty", "quantity_too_large", "10000000")], 1),
        ("1,2024-01-02,A,1,five", [(2, "price", "amount_unreadable", "five")], 1),
        ("1,2024-01-02,A,1,", [(2, "price", "price_missing", "")], 1),
        ("1,2024-01-02,A,1,-5", [(2, "price", "price_negative", "-5")], 0),
        ("1,2024-01-02,A,1,5.1234567", [(2, "price", "price_rounded", "5.1234567")], 1),
        ("1,2024-01-02,A,1,10000000000", [(2, "price", "price_too_large", "10000000000")], 0),
        ("1,soon,A,1,5", [(2, "date", "date_unreadable", "soon")], 1),
        ("1,2024-13-45,A,1,5", [(2, "date", "date_unreadable", "2024-13-45")], 1),
    ],
)
def test_what_is_wrong_with_a_row_is_told_with_its_line_and_column(
    tmp_path: Path, row: str, problems: list[tuple[int, str, str, str]], lines: int
) -> None:
    got = one(tmp_path, "", row)
    assert got.problems == problems
    assert [len(order.lines) for order in got.orders] == [lines]
    assert sum(entry.rows for entry in got.entries) == got.seen.rows == 1


def test_amounts_of_the_order_are_told_too(tmp_path: Path) -> None:
    mapping = SMALL.replace("[line]", 'total = "t"\nshipping = "s"\ntax = "x"\ncurrency = "c"\ncountry = "l"\n[line]')
    rows = "id,date,sku,qty,price,t,s,x,c,l\n1,2024-01-02,A,1,1,lots,-2,1.005,XYZ,Atlantis\n"
    got = read(tmp_path, mapping, {"o.csv": rows})
    assert sorted(got.problems) == [
        (2, "c", "currency_unknown", "XYZ"), (2, "l", "country_unknown", "Atlantis"), (2, "s", "amount_negative", "-2"),
        (2, "t", "amount_unreadable", "lots"), (2, "x", "amount_rounded", "1.005"),
    ]  # fmt: skip


def test_rows_without_a_key_and_rows_that_shifted_are_reported(tmp_path: Path) -> None:
    got = one(
        tmp_path, "", ",2024-01-02,A,1,1", "1,2024-01-02,A,1,1,extra", "2,2024-01-02,A,1,1", "id,date,sku,qty,price"
    )
    assert [(bad.line, bad.reason) for bad in got.bad] == [
        (2, "no_name"),
        (3, "too_many_cells"),
        (5, "header_repeated"),
    ]
    assert [entry.name for entry in got.entries] == ["2"]
    assert got.seen.rows == 4


def test_an_order_of_no_pieces_is_history_without_goods(tmp_path: Path) -> None:
    """A line of 0 pieces of an order that is over stands in its report, and does not stop it."""
    got = one(tmp_path, "", "1,2024-01-02,A,0,5", "1,2024-01-02,B,2,5")
    assert sum(line.quantity for line in got.order.lines) == 2
    assert sum(entry.rows for entry in got.entries) == 2


# kinds

KINDS = """
[kind]
credit = "starts(id, 'C')"
adjustment = "price < 0"
stock = "qty < 0"
"""


def test_one_key_may_be_a_sale_and_corrections(tmp_path: Path) -> None:
    got = one(
        tmp_path, KINDS, "1,2024-01-02,A,2,5", "1,2024-01-02,A,-1,0", "1,2024-01-02,B,1,-9", "C2,2024-01-03,A,-1,5"
    )
    assert [(entry.name, entry.verb, entry.counts, entry.rows) for entry in got.entries] == [
        ("1", "import_correction", True, 1), ("1", "import_correction", False, 1), ("1", "import_history", False, 1),
        ("C2", "import_correction", True, 1),
    ]  # fmt: skip
    assert [(one.kind, one.external_id, one.lines[0].quantity, one.lines[0].unit_price) for one in got.corrections] == [
        ("adjustment", "1", 1, Decimal(-9)), ("stock", "1", -1, Decimal(0)), ("credit", "C2", -1, Decimal(5)),
    ]  # fmt: skip
    assert [(line.sku, line.quantity) for line in got.order.lines] == [("A", 2)]
    assert got.problems == []


def test_the_first_kind_that_is_so_counts(tmp_path: Path) -> None:
    got = one(tmp_path, KINDS, "C1,2024-01-02,A,-1,-5")
    assert [one.kind for one in got.corrections] == ["credit"]


# several files, tables


def test_files_with_columns_in_another_order_are_one_table(tmp_path: Path) -> None:
    got = read(tmp_path, SMALL, {
        "a.csv": "id,date,sku,qty,price\n1,2024-01-02,A,2,5\n",
        "b.csv": "price;extra;qty;sku;id;date\n7;?;1;B;1;2024-01-02\n",
        "c.csv": "id,date,sku,qty\n2,2024-01-03,C,1\n",
    })  # fmt: skip
    assert [[(line.sku, line.quantity, line.unit_price) for line in order.lines] for order in got.orders] == [
        [("A", 2, Decimal(5)), ("B", 1, Decimal(7))], [("C", 1, Decimal(0))],
    ]  # fmt: skip
    assert [p[2] for p in got.problems] == ["price_missing"]


TABLES = """
currency = "EUR"
[tables]
orders = { files = "orders*", key = "id" }
lines = { files = "lines*", key = "order" }
money = { files = "money*", key = "order" }
buyers = { files = "buyers*", id = "id", by = "orders.buyer" }
skus = { files = "skus*", id = "sku", by = "lines.sku" }
makers = { files = "makers*", id = "maker", by = "skus.maker" }
[order]
table = "orders"
key = "id"
placed_at = "date"
email = "buyers.email"
[line]
table = "lines"
number = "no"
sku = "sku"
title = "skus.name + ' by ' + makers.called"
quantity = "qty"
unit_price = "price"
[payment]
table = "money"
number = "no"
amount = "paid"
[sku]
origin = "makers.country"
"""
FILES = {
    "orders.csv": "id,date,buyer\n1,2024-01-02,7\n2,2024-01-01,8\n3,2024-01-03,9\n",
    "lines.csv": "order,no,sku,qty,price\n1,10,B,1,3\n1,2,A,2,5\n2,1,A,1,5\n9,1,A,1,5\n3,1,Z,1,1\n",
    "money.csv": "order,no,paid\n1,2,3.00\n1,1,10.00\n8,1,4.00\n",
    "buyers.csv": "id,email\n7,a@example.com\n8,b@example.com\n7,second@example.com\n",
    "skus.csv": "sku,name,maker\nA,Mug,M1\nB,Jug,M2\n",
    "makers.csv": "maker,called,country\nM1,Meyer,DE\nM2,Mills,GB\n",
}


def test_tables_are_joined_by_their_keys_and_looked_up_through_each_other(tmp_path: Path) -> None:
    got = read(tmp_path, TABLES, FILES)
    assert [order.external_id for order in got.orders] == ["2", "1", "3"]
    second = got.orders[1]
    assert [(line.sku, line.title, line.quantity) for line in second.lines] == [
        ("A", "Mug by Meyer", 2),
        ("B", "Jug by Mills", 1),
    ]
    assert [tender.amount_minor for tender in second.tenders] == [1000, 300]
    assert second.buyer.email == "a@example.com"
    assert [(order.buyer.email, order.lines[0].title) for order in got.orders[::2]] == [
        ("b@example.com", "Mug by Meyer"),
        ("", " by "),
    ]
    assert {sku.code: sku.origin for entry in got.entries for sku in entry.skus} == {"A": "DE", "B": "GB", "Z": ""}


def test_rows_whose_order_is_nowhere_are_reported(tmp_path: Path) -> None:
    got = read(tmp_path, TABLES, FILES)
    assert [(Path(bad.file).name, bad.line, bad.column, bad.reason, bad.value) for bad in got.bad] == [
        ("lines.csv", 5, "order", "order_unknown", "9"), ("money.csv", 4, "order", "order_unknown", "8"),
    ]  # fmt: skip


def test_an_order_that_stands_there_twice_is_told_when_it_says_something_else(tmp_path: Path) -> None:
    orders = "id,date,buyer\n1,2024-01-02,7\n1,2024-01-02,7\n1,2024-01-02,8\n"
    got = read(tmp_path, TABLES, {**FILES, "orders.csv": orders})
    repeated = [bad for bad in got.bad if bad.reason == "order_repeated"]
    assert [(bad.line, bad.column, bad.value) for bad in repeated] == [(4, "id", "1")]
    assert [order.buyer.email for order in got.orders] == ["a@example.com"]


def test_files_that_are_no_table_are_reported_not_read(tmp_path: Path) -> None:
    got = read(tmp_path, TABLES, {**FILES, "notes.csv": "a,b\n1,2\n"})
    assert [(Path(bad.file).name, bad.line, bad.rows) for bad in got.bad if bad.reason == "file_not_mapped"] == [
        ("notes.csv", 0, 0)
    ]


def facts(got: Came) -> list[Any]:
    """What came out, without where it stood."""
    return [
        (one.name, one.verb, one.counts, msgspec.to_builtins(one.body), sorted(p.reason for p in one.problems))
        for one in got.entries
    ]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_and_files_says_nothing(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Tables whose lines and payments are numbered: any permutation gives the same orders."""
    files = {**FILES, "buyers.csv": "id,email\n7,a@example.com\n8,b@example.com\n"}
    usual = read(tmp_path_factory.mktemp("usual"), TABLES, files)
    chance = random.Random(seed)
    shuffled: dict[str, str] = {}
    for name, text in chance.sample(list(files.items()), len(files)):
        header, *rows = text.splitlines()
        chance.shuffle(rows)
        cut = chance.randint(0, len(rows))
        shuffled[name] = "\n".join([header, *rows[:cut]]) + "\n"
        shuffled[name.replace(".", "_2.")] = "\n".join([header, *rows[cut:]]) + "\n"
    other = read(tmp_path_factory.mktemp("other"), TABLES, shuffled)
    assert facts(other) == facts(usual)
    assert sorted(bad.value for bad in other.bad) == sorted(bad.value for bad in usual.bad)


CELL = st.sampled_from(["1", "2", "", "x", "-1", "0", "1.5", "2024-01-02", "C1"])


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(st.lists(CELL, min_size=4, max_size=6), max_size=12), history=st.booleans())
def test_no_row_is_dropped(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], history: bool) -> None:
    text = "id,date,sku,qty,price\n" + "".join(",".join(row) + "\n" for row in rows)
    got = read(tmp_path_factory.mktemp("any"), SMALL + KINDS, {"o.csv": text}, history=history)
    assert sum(entry.rows for entry in got.entries) + sum(bad.rows for bad in got.bad) == got.seen.rows
    assert got.seen.rows == sum(any(cell for cell in row) for row in rows)


def test_no_row_of_joined_tables_is_dropped(tmp_path: Path) -> None:
    got = read(tmp_path, TABLES, FILES)
    looked_up = 3 + 2 + 2
    assert (
        sum(entry.rows for entry in got.entries) + sum(bad.rows for bad in got.bad) + looked_up == got.seen.rows == 18
    )


def test_rows_that_repeat_an_order_are_counted_or_told(tmp_path: Path) -> None:
    orders = "id,date,buyer\n1,2024-01-02,7\n1,2024-01-02,7\n1,2024-01-02,8\n"
    got = read(tmp_path, TABLES, {**FILES, "orders.csv": orders})
    assert [(entry.name, entry.rows) for entry in got.entries] == [("1", 2 + 2 + 2)]
    assert sum(entry.rows for entry in got.entries) + sum(bad.rows for bad in got.bad) + 7 == got.seen.rows


def test_rows_with_payments_in_them_are_counted_once(tmp_path: Path) -> None:
    more = '[payment]\namount = "paid"\n'
    got = one(tmp_path, more, "1,2024-01-02,A,2,5,13", "1,2024-01-02,B,1,3,13", header="id,date,sku,qty,price,paid")
    assert [entry.rows for entry in got.entries] == [2]
    assert [tender.amount_minor for tender in got.order.tenders] == [1300]


def test_a_payment_of_a_key_that_is_only_a_credit_is_told(tmp_path: Path) -> None:
    files = {
        **FILES,
        "lines.csv": FILES["lines.csv"] + "2,2,A,-1,5\n",
        "money.csv": FILES["money.csv"] + "4,1,-5\n2,1,5\n",
    }
    files["orders.csv"] += "4,2024-01-09,7\n"
    files["lines.csv"] += "4,1,A,-1,5\n"
    got = read(tmp_path, TABLES + "[kind]\ncredit = 'qty < 0'\n", files)
    told = [(Path(bad.file).name, bad.line, bad.value) for bad in got.bad if bad.reason == "payment_of_correction"]
    assert told == [("money.csv", 5, "4")]
    assert [(entry.name, entry.verb, entry.rows) for entry in got.entries if entry.name in "24"] == [
        ("2", "import_correction", 1 + 2), ("2", "import_history", 1), ("4", "import_correction", 1 + 1),
    ]  # fmt: skip
    assert sum(entry.rows for entry in got.entries) + sum(bad.rows for bad in got.bad) + 7 == got.seen.rows


# open orders, parcels, stages


def test_an_open_order_becomes_work_and_one_that_is_over_history(tmp_path: Path) -> None:
    mapping = SMALL.replace(
        "[line]", 'canceled = "state == \'canceled\'"\ndelivered = "state == \'here\'"\nfulfilled_at = "sent"\n[line]'
    )
    rows = "id,date,sku,qty,price,state,sent\n1,2024-01-02,A,1,1,new,\n"
    rows += "2,2024-01-02,A,1,1,canceled,\n3,2024-01-02,A,1,1,here,\n4,2024-01-02,A,1,1,new,2024-01-03\n"
    files = {"o.csv": rows}
    assert [entry.verb for entry in read(tmp_path, mapping, files, history=False).entries] == ["place"] + [
        "import_history"
    ] * 3
    assert {entry.verb for entry in read(tmp_path, mapping, files, history=True).entries} == {"import_history"}


def test_a_line_that_is_on_its_way_is_left_out_of_what_becomes_work(tmp_path: Path) -> None:
    got = one(
        tmp_path, 'stage = "state"\n', "1,2024-01-02,A,2,5,wanted", "1,2024-01-02,B,1,5,shipped",
        "1,2024-01-02,C,1,5,canceled", header="id,date,sku,qty,price,state", history=False,
    )  # fmt: skip
    (entry,) = got.entries
    assert isinstance(entry.body, Place)
    assert [line.sku for line in entry.body.order.lines] == ["A", "B"]
    assert entry.body.happened.fulfilled == [0, 1]


def test_a_word_that_is_no_stage_is_a_contradiction(tmp_path: Path) -> None:
    more = (
        "stage = { of = \"state + ' / ' + sku\", values = { 'out / A' = 'shipped' },"
        " otherwise = 'contradictory_status' }\n"
    )
    got = one(tmp_path, more, "1,2024-01-02,A,2,5,out", "1,2024-01-02,B,1,5,in", header="id,date,sku,qty,price,state")
    happened = got.histories["1"].happened
    assert happened.stages == ["shipped", ""]
    assert [(one.kind, one.reason) for one in happened.contradictions] == [
        ("contradictory_status", "the channel says: in / B")
    ]


def test_parcels_are_the_lines_of_one_site_number_and_state(tmp_path: Path) -> None:
    more = 'site = "from"\n[parcel]\ntracking_number = "track"\ncarrier = { value = "DHL" }\nhanded_over_at = "sent"\n'
    got = one(
        tmp_path, more, "1,2024-01-02,A,1,5,north,T1,2024-01-03", "1,2024-01-02,B,1,5,south,T2,",
        "1,2024-01-02,C,1,5,north,T1,2024-01-03", "1,2024-01-02,D,1,5,,T9,",
        header="id,date,sku,qty,price,from,track,sent",
    )  # fmt: skip
    parcels = got.histories["1"].happened.parcels
    assert [(one.reference, one.site, one.lines, one.carrier, one.handed_over_at is not None) for one in parcels] == [
        ("T1", "NORTH", [1, 3], "DHL", True), ("T2", "SOUTH", [2], "DHL", False),
    ]  # fmt: skip
    assert [site.code for site in got.entries[0].sites] == ["NORTH", "SOUTH"]


def test_a_promised_day_is_a_day_there(tmp_path: Path) -> None:
    mapping = 'timezone = "America/Sao_Paulo"\n' + SMALL.replace("[line]", 'promised_on = "due"\n[line]')
    got = read(tmp_path, mapping, {"o.csv": "id,date,sku,qty,price,due\n1,2024-01-02,A,1,1,2024-01-09 00:00:00\n"})
    assert str(got.histories["1"].happened.promised_on) == "2024-01-09"


def test_the_oldest_comes_first_and_what_has_no_time_last(tmp_path: Path) -> None:
    got = one(
        tmp_path,
        "",
        "3,2024-01-05,A,1,1",
        "9,never,A,1,1",
        "2,2024-01-02,A,1,1",
        "1,2024-01-02,A,1,1",
        "3,2024-01-01,B,1,1",
    )
    assert [entry.name for entry in got.entries] == ["3", "1", "2", "9"]


def test_entries_can_be_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text(ROWS)
    mapping = parse_mapping(SMALL.encode(), "x")
    with MappedFiles(mapping, [tmp_path / "o.csv"], currency="", timezone="UTC", channel="f", history=True) as files:
        list(files.load(Seen()))
        first, second = list(files.entries()), list(files.entries())
    assert first == second
    assert len(first[0].skus) == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(("word", "risk"), [("High", "high"), (" medium ", "medium"), ("LOW", "low"), ("-", "")])
def test_a_risk_is_read_from_its_column(tmp_path: Path, word: str, risk: str) -> None:
    mapping = SMALL.replace("[order]\n", '[order]\nrisk = "risk"\n', 1)
    found = read(
        tmp_path, mapping, {"o.csv": f"id,date,sku,qty,price,risk\n1,2024-01-02,A,2,5.00,{word}\n"}, history=False
    )
    assert found.orders[0].risk == risk


def test_an_order_is_to_leave_by_the_earliest_day_of_its_lines_and_a_day_alone_means_its_end(tmp_path: Path) -> None:
    mapping = SMALL.replace("[line]\n", '[line]\nship_by = "by"\n', 1)
    rows = "id,date,sku,qty,price,by\n1,2024-01-02,A,2,5.00,{}\n1,2024-01-02,B,1,5.00,{}\n"
    for days, earliest in (
        (("2024-01-05 14:00:00", "2024-01-04 09:30:00"), datetime(2024, 1, 4, 9, 30, tzinfo=UTC)),
        (("2024-01-04", ""), datetime(2024, 1, 5, tzinfo=UTC)),
        (("", ""), None),
    ):
        found = read(tmp_path, mapping, {"o.csv": rows.format(*days)}, history=False)
        assert found.orders[0].ship_by == earliest
    found = read(tmp_path, mapping, {"o.csv": rows.format("soon", "")}, history=False)
    assert [(column, reason) for _, column, reason, _ in found.problems] == [("by", "date_unreadable")]


def test_a_day_to_ship_by_is_read_out_of_attributes_that_stand_with_the_first_row(tmp_path: Path) -> None:
    mapping = SMALL.replace("[line]\n", """[line]\nship_by = "left(after(attributes, 'Ship by: '), 10)"\n""", 1)
    rows = ["id,date,sku,qty,price,attributes", '1,2024-01-02,A,2,5.00,"Gift: yes\nShip by: 2024-01-04\nFrom: shelf 3"',
            "1,2024-01-02,B,1,5.00,", "2,2024-01-02,A,1,5.00,Gift: yes"]  # fmt: skip
    found = read(tmp_path, mapping, {"o.csv": "\n".join(rows) + "\n"}, history=False)
    assert [order.ship_by for order in found.orders] == [datetime(2024, 1, 5, tzinfo=UTC), None]
    assert not found.problems


def test_a_pickup_point_and_an_insured_amount_are_read_from_their_columns(tmp_path: Path) -> None:
    told = '\n[order]\npickup_point = "point"\ninsured = "insured"\ncountry = "to"\n'
    mapping = SMALL.replace("[order]\n", told.lstrip("\n"), 1)
    header = "id,date,sku,qty,price,point,insured,to"
    rows = [
        header,
        "1,2024-01-02,A,2,5.00,WAW-12,60.50,PL",
        "2,2024-01-02,A,2,5.00,,,PL",
        "3,2024-01-02,A,1,5,X,much,PL",
    ]
    found = read(tmp_path, mapping, {"o.csv": "\n".join(rows) + "\n"}, history=False)
    first, second, third = found.orders
    assert first.ship_to and (first.ship_to.pickup_point, first.insured_minor) == ("WAW-12", 6050)
    assert second.ship_to and (second.ship_to.pickup_point, second.insured_minor) == ("", 0)
    assert third.insured_minor == 0 and (4, "insured", "amount_unreadable", "much") in found.problems


def test_refusals_of_mappings_are_sentences() -> None:
    for refusal in (NotAMapping, NotAnExpression, NoCurrency, NotRecognized):
        assert issubclass(refusal, Refusal)
        assert refusal.status == 422
