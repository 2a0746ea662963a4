"""`import sniff` looks at files nobody described, and proposes a mapping that reads them."""

from __future__ import annotations

import csv
import os
import re
import tomllib
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorstep.journey.intake.files.column_words import WORDS, match
from doorstep.journey.intake.files.columns_seen import Column
from doorstep.journey.intake.files.entries import Entry, Seen
from doorstep.journey.intake.files.mapped import MappedFiles
from doorstep.journey.intake.files.mapping import parse_mapping
from doorstep.journey.intake.files.proposal import Proposal, in_lines, propose
from doorstep.journey.intake.files.sniff import NoOrdersSeen, guess
from doorstep.journey.intake.files.tables import BadRow
from doorstep.journey.intake.told import ImportCorrection

EXAMPLES = Path(__file__).parents[2] / "examples" / "mappings"


def data(folder: str) -> Path:
    root = os.environ.get("DOORSTEP_DATA")
    if not root:
        pytest.skip("DOORSTEP_DATA is not set")
    return Path(root) / folder


def written(folder: Path, name: str, *rows: str) -> Path:
    file = folder / name
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def fields(proposal: Proposal) -> dict[str, str]:
    return {one.field: one.column for one in proposal.fields}


def read(proposal: Proposal, *paths: Path) -> list[Entry]:
    """What the proposed mapping makes of the files; it is to leave nothing unread."""
    mapping = parse_mapping(proposal.mapping.encode(), "proposed.toml")
    with MappedFiles(mapping, paths, currency="EUR", timezone="UTC", channel="file", history=True) as files:
        assert [bad for bad in files.load(Seen()) if bad.reason != "file_not_mapped"] == []
        found = list(files.entries())
    assert not [one for one in found if isinstance(one, BadRow)]
    return [one for one in found if isinstance(one, Entry)]


# one table

GERMAN = (
    "Bestellnummer;Bestelldatum;Kundennummer;E-Mail;PLZ;Ort;Land;Artikelnummer;Bezeichnung;Menge;Einzelpreis;Gesamtpreis",
    "B-1;03.02.2024 10:15;K7;a@example.com;01067;Dresden;Deutschland;A-10;Tasse, blau;2;4,50 €;9,00 €",
    "B-1;03.02.2024 10:15;K7;a@example.com;01067;Dresden;Deutschland;A-11;Teller;1;1.234,00 €;1.234,00 €",
    "B-2;25.02.2024 08:00;K8;b@example.com;80331;München;Österreich;A-10;Tasse, blau;4;4,50 €;18,00 €",
    "B-3;26.02.2024 09:30;K9;c@example.com;10115;Berlin;Deutschland;A-12;Kanne;3;19,99 €;59,97 €",
)


def test_a_german_file_is_read_by_its_names_and_its_values(tmp_path: Path) -> None:
    file = written(tmp_path, "Bestellungen.csv", *GERMAN)
    proposal = propose([file])
    assert fields(proposal) == {
        "order.key": "Bestellnummer", "order.placed_at": "Bestelldatum", "order.customer": "Kundennummer",
        "order.email": "E-Mail", "order.postcode": "PLZ", "order.city": "Ort", "order.country": "Land",
        "line.sku": "Artikelnummer", "line.title": "Bezeichnung", "line.quantity": "Menge",
        "line.unit_price": "Einzelpreis",
    }  # fmt: skip
    assert proposal.format is None
    assert proposal.unused == ["Gesamtpreis"]
    mapping = parse_mapping(proposal.mapping.encode(), "x")
    assert (mapping.currency, mapping.decimal) == ("EUR", ",")
    assert "quantity x this is Gesamtpreis in 100% of the rows" in proposal.mapping
    orders = [entry.body.order for entry in read(proposal, file)]  # type: ignore[union-attr]
    lines = [[(line.sku, line.quantity, line.unit_price) for line in order.lines] for order in orders]
    assert list(zip([order.external_id for order in orders], lines, strict=True)) == [
        ("B-1", [("A-10", 2, Decimal("4.50")), ("A-11", 1, Decimal("1234.00"))]),
        ("B-2", [("A-10", 4, Decimal("4.50"))]),
        ("B-3", [("A-12", 3, Decimal("19.99"))]),
    ]  # fmt: skip
    assert [f"{order.placed_at:%Y-%m-%d %H:%M}" for order in orders] == [
        "2024-02-03 10:15", "2024-02-25 08:00", "2024-02-26 09:30",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("Numéro de commande;Date de commande;Référence article;Quantité;Prix unitaire", "French"),
        ("Número de pedido;Fecha de pedido;Código producto;Cantidad;Precio unitario", "Spanish"),
        ("Numero ordine;Data ordine;Codice articolo;Quantità;Prezzo unitario", "Italian"),
        ("ID pedido;Data do pedido;Código do produto;Quantidade;Preço unitário", "Portuguese"),
        ("Ordernummer;Besteldatum;Artikelcode;Aantal;Stukprijs", "Dutch"),
        ("Numer zamówienia;Data zamówienia;Kod produktu;Ilość;Cena jednostkowa", "Polish"),
        ("OrderID;orderDate;item_sku;QTY;unit-price", "English, by programmers"),
    ],
)
def test_the_main_languages_are_known(tmp_path: Path, header: str, named: str) -> None:
    file = written(
        tmp_path,
        "orders.csv",
        header,
        "7001;2024-01-02;X1;2;5,10",
        "7001;2024-01-02;X2;1;3,00",
        "7002;2024-01-03;X1;3;5,10",
    )
    proposal = propose([file])
    columns = header.split(";")
    assert [
        fields(proposal)[name]
        for name in ("order.key", "order.placed_at", "line.sku", "line.quantity", "line.unit_price")
    ] == columns
    orders = [entry.body.order for entry in read(proposal, file)]  # type: ignore[union-attr]
    assert [len(order.lines) for order in orders] == [2, 1]
    assert orders[0].lines[0].unit_price == Decimal("5.10")


def test_an_amount_that_grows_with_the_quantity_is_that_of_all_pieces(tmp_path: Path) -> None:
    rows = [f"{no},2024-01-0{no},{sku},{many},{Decimal(price) * many}" for no, sku, many, price in (
        (1, "A", 1, "2.50"), (2, "A", 4, "2.50"), (3, "B", 2, "7.00"), (4, "B", 3, "7.00"),
        (5, "C", 1, "1.10"), (6, "C", 9, "1.10"),
    )]  # fmt: skip
    proposal = propose([written(tmp_path, "o.csv", "order,date,sku,quantity,price", *rows)])
    assert fields(proposal)["line.total"] == "price"
    assert "line.unit_price" not in fields(proposal)


def test_an_amount_that_stays_is_that_of_one_piece_whatever_it_is_called(tmp_path: Path) -> None:
    rows = [
        "1,2024-01-01,A,1,2.50",
        "2,2024-01-02,A,4,2.50",
        "3,2024-01-03,B,2,7",
        "4,2024-01-04,B,3,7",
        "5,2024-01-05,C,1,9",
        "6,2024-01-06,C,5,9",
    ]
    proposal = propose([written(tmp_path, "o.csv", "order,date,sku,quantity,amount", *rows)])
    assert fields(proposal)["line.unit_price"] == "amount"


def test_a_total_that_repeats_on_each_row_is_the_orders_and_adds_up(tmp_path: Path) -> None:
    file = written(
        tmp_path, "o.csv", "Order No,Date,SKU,Qty,Price,Shipping,Tax,Total",
        "1,2024-01-01,A,1,10.00,5.00,2.00,27.00", "1,2024-01-01,B,2,5.00,5.00,2.00,27.00",
        "2,2024-01-02,A,1,10.00,0.00,1.00,11.00", "3,2024-01-02,C,3,1.00,1.50,0.30,4.80",
    )  # fmt: skip
    proposal = propose([file])
    assert {name: fields(proposal)[name] for name in ("order.total", "order.shipping", "order.tax")} == {
        "order.total": "Total", "order.shipping": "Shipping", "order.tax": "Tax",
    }  # fmt: skip
    assert "adds up in 100% of the orders" in proposal.mapping
    assert [entry.body.order.total_minor for entry in read(proposal, file)] == [2700, 1100, 480]  # type: ignore[union-attr]


def test_a_tax_that_is_in_the_total_already_is_told(tmp_path: Path) -> None:
    file = written(
        tmp_path, "o.csv", "Order No,Date,SKU,Qty,Price,Tax,Total",
        "1,2024-01-01,A,1,12.00,2.00,22.00", "1,2024-01-01,B,2,5.00,2.00,22.00", "2,2024-01-02,A,1,12.00,2.00,12.00",
    )  # fmt: skip
    mapping = parse_mapping(propose([file]).mapping.encode(), "x")
    assert mapping.order.total == "Total"
    assert all(entry.body.order.tax_included for entry in read(propose([file]), file))  # type: ignore[union-attr]


def test_a_total_that_never_adds_up_is_left_out(tmp_path: Path) -> None:
    file = written(
        tmp_path, "o.csv", "Order No,Date,SKU,Qty,Price,Order Total",
        "1,2024-01-01,A,1,12.00,99.00", "1,2024-01-01,B,2,5.00,99.00", "2,2024-01-02,A,1,12.00,77.00",
    )  # fmt: skip
    assert "order.total" not in fields(propose([file]))


def test_credits_under_a_letter_are_seen_and_what_else_is_below_zero_is_stock(tmp_path: Path) -> None:
    file = written(
        tmp_path, "o.csv", "Invoice No,Date,Item Code,Quantity,Unit Price",
        "1001,2024-01-01,X1,10,2.00", "1002,2024-01-02,X2,5,3.00", "1003,2024-01-03,X2,-4,0.00",
        "R1004,2024-01-04,X1,-2,2.00", "R1005,2024-01-04,X2,-1,3.00", "1006,2024-01-05,X1,1,2.00",
        "1007,2024-01-06,PORTO,1,4.90",
    )  # fmt: skip
    proposal = propose([file])
    kind = tomllib.loads(proposal.mapping)["kind"]
    assert kind == {"credit": "starts(col('Invoice No'), 'R')", "stock": "Quantity < 0"}
    assert '# services = ["PORTO"]' in proposal.mapping
    told = [(entry.name, entry.body.kind) for entry in read(proposal, file) if isinstance(entry.body, ImportCorrection)]
    assert told == [("1003", "stock"), ("R1004", "credit"), ("R1005", "credit")]


def test_negative_quantities_without_a_letter_are_credits(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "o.csv",
        "order id,date,sku,qty,price",
        "1,2024-01-01,A1,2,5",
        "2,2024-01-02,A1,-1,5",
        "3,2024-01-03,B1,1,6",
    )
    assert tomllib.loads(propose([file]).mapping)["kind"] == {"credit": "qty < 0"}


@pytest.mark.parametrize(
    ("texts", "form", "day_first", "is_open"),
    [
        (["2024-02-03", "2024-02-04"], "", False, False),
        (["2024-02-03T10:00:00Z", "2024-02-04T11:00:00+02:00"], "", False, False),
        (["13/02/2024", "02/03/2024"], "", True, False),
        (["02/13/2024", "02/03/2024"], "", False, False),
        (["03/02/2024", "04/02/2024", "05/02/2024"], "", True, True),
        (["02/03/2024", "02/04/2024", "02/05/2024"], "", False, True),
        (["03.02.2024 10:15", "25.02.2024"], "", False, False),
        (["04-30-22", "05-01-22"], "%m-%d-%y", False, False),
        (["30-04-2022", "01-05-2022"], "%d-%m-%Y", False, False),
        (["01-04-2022", "01-05-2022", "02-05-2022"], "%d-%m-%Y", False, False),
        (["02-Jun-06", "14-Nov-06"], "%d-%b-%y", False, False),
        (["March 5, 2024", "April 15, 2024"], "%B %d, %Y", False, False),
        (["20240305", "20240306"], "%Y%m%d", False, False),
        (["2024/03/05 10:11", "2024/03/06 09:00"], "%Y/%m/%d %H:%M", False, False),
    ],
)  # fmt: skip
def test_the_form_of_dates_is_told_from_their_values(
    texts: list[str], form: str, day_first: bool, is_open: bool
) -> None:
    dates = Column("t", "date", texts).dates
    assert dates.share > 0.99
    assert (dates.form, dates.day_first, dates.is_open) == (form, day_first, is_open)


@pytest.mark.parametrize("texts", [["12.50", "13.10"], ["45000", "46000"], ["abc", "d1"], ["01067", "80331"], [""]])
def test_numbers_and_words_are_no_dates(texts: list[str]) -> None:
    assert Column("t", "c", texts).dates.share == 0


def test_countries_that_nobody_knows_are_listed_to_be_named(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "o.csv",
        "order id,date,sku,qty,price,country",
        "1,2024-01-01,A1,2,5,France",
        "2,2024-01-02,A1,1,5,EIRE",
        "3,2024-01-02,A1,1,5,Spain",
    )
    assert tomllib.loads(propose([file]).mapping)["order"]["country"] == {"of": "country", "values": {"EIRE": "ZZ"}}


def test_a_status_becomes_canceled_and_delivered(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "o.csv",
        "order id,date,sku,qty,price,Order Status",
        "1,2024-01-01,A1,2,5,Cancelled",
        "2,2024-01-02,A1,1,5,delivered",
        "3,2024-01-02,A1,1,5,new",
    )
    proposal = propose([file])
    by_key = {entry.name: entry.body.happened for entry in read(proposal, file)}  # type: ignore[union-attr]
    assert {key: (one.canceled, one.delivered) for key, one in by_key.items()} == {
        "1": (True, False), "2": (False, True), "3": (False, False),
    }  # fmt: skip


def test_columns_with_names_no_expression_can_say_are_quoted(tmp_path: Path) -> None:
    file = written(
        tmp_path, "o.csv", 'Order "No",Order Date,class,Qty (pcs),Price',
        "1,2024-01-01,A1,2,5.00", "1,2024-01-01,A2,1,5.00", "2,2024-01-02,A1,-1,5.00",
    )  # fmt: skip
    proposal = propose([file])
    assert tomllib.loads(proposal.mapping)["kind"]["credit"] == "col('Qty (pcs)') < 0"
    assert [entry.verb for entry in read(proposal, file)] == ["import_history", "import_correction"]


def test_files_without_anything_like_an_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoOrdersSeen, match="looks like an order's number"):
        propose([written(tmp_path, "x.csv", "temperature,wind", "1.5,2.5", "3.5,4.5")])


def test_a_ready_format_is_named_and_needs_no_guess(tmp_path: Path) -> None:
    file = written(
        tmp_path, "w.csv", "order_id,status,date,order_total,item_name,item_quantity,item_total,weird",
        "5,completed,2024-01-02 10:00:00,10.00,Mug,2,10.00,?",
    )  # fmt: skip
    proposal = propose([file])
    assert proposal.format == "WooCommerce (a row per item)"
    assert fields(proposal)["order.key"] == "order_id"
    assert {one.field: one.samples for one in proposal.fields}["line.title"] == ["Mug"]
    assert proposal.unused == ["weird"]
    assert parse_mapping(proposal.mapping.encode(), "x").name == proposal.format
    assert in_lines(proposal).startswith("This is the format WooCommerce (a row per item): it is read as it is.")


def test_shopify_needs_no_mapping(tmp_path: Path) -> None:
    torture = Path(__file__).parents[1] / "payloads" / "shopify_orders_torture.csv"
    proposal = propose([torture])
    assert (proposal.format, proposal.mapping) == ("Shopify", "")
    assert in_lines(proposal) == "This is a Shopify export: it is read as it is, without a mapping."


# folders


def test_tables_are_told_apart_and_joined_by_their_keys(tmp_path: Path) -> None:
    written(tmp_path, "orders.csv", "id,customer_id,created_at", "1,7,2024-01-01", "2,8,2024-01-02", "3,7,2024-01-02")
    written(tmp_path, "customers.csv", "id,email,city", "7,a@example.com,Bonn", "8,b@example.com,Ulm")
    written(
        tmp_path,
        "order_lines.csv",
        "order_id,sku,quantity,unit_price",
        "1,A1,2,5.00",
        "1,B1,1,3.00",
        "2,A1,1,5.00",
        "3,B1,2,3.00",
    )
    written(
        tmp_path,
        "payments.csv",
        "order_id,payment_method,amount,paid_at",
        "1,card,13.00,2024-01-01",
        "2,card,5.00,2024-01-02",
    )
    written(tmp_path, "reviews.csv", "order_id,stars", "1,5")
    proposal = propose([tmp_path])
    assert tomllib.loads(proposal.mapping)["tables"] == {
        "orders": {"files": "orders.csv*", "key": "id"},
        "order_lines": {"files": "order_lines.csv*", "key": "order_id"},
        "payments": {"files": "payments.csv*", "key": "order_id"},
        "customers": {"files": "customers.csv*", "id": "id", "by": "orders.customer_id"},
    }
    found = fields(proposal)
    assert (found["order.key"], found["order.email"], found["order.city"]) == (
        "id",
        "customers.email",
        "customers.city",
    )
    assert (found["payment.amount"], found["payment.method"], found["payment.paid_at"]) == (
        "amount",
        "payment_method",
        "paid_at",
    )
    assert "reviews.stars" in proposal.unused
    orders = [entry.body.order for entry in read(proposal, tmp_path)]  # type: ignore[union-attr]
    assert [(o.external_id, len(o.lines), o.buyer.email, [t.amount_minor for t in o.tenders]) for o in orders] == [
        ("1", 2, "a@example.com", [1300]), ("2", 1, "b@example.com", [500]), ("3", 1, "a@example.com", []),
    ]  # fmt: skip


def test_files_of_one_kind_are_one_table(tmp_path: Path) -> None:
    written(tmp_path, "2023.csv", "order id,date,sku,qty,price", "1,2023-01-01,A1,2,5")
    written(tmp_path, "2024.csv", "date,order id,sku,price,qty", "2024-01-01,2,A1,5,2")
    proposal = propose([tmp_path])
    assert "tables" not in tomllib.loads(proposal.mapping)
    assert [entry.name for entry in read(proposal, tmp_path)] == ["1", "2"]


# robustness

CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\x00"), max_size=12)

VALUES = st.one_of(CELLS, st.integers(-99, 99).map(str), st.just("2024-01-02"))
NAMES = st.sampled_from(["order id", "date", "sku", "qty", "price", "total", "status"])


@settings(max_examples=60, deadline=None)
@given(
    header=st.lists(st.one_of(NAMES, CELLS), min_size=2, max_size=7),
    rows=st.lists(st.lists(VALUES, min_size=7, max_size=7), min_size=1, max_size=6),
)  # fmt: skip
def test_whatever_the_file_what_is_proposed_is_a_mapping(
    tmp_path_factory: pytest.TempPathFactory, header: list[str], rows: list[list[str]]
) -> None:
    file = tmp_path_factory.mktemp("sniff") / "x.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(
            [["order id", *header], *([str(no), *row[: len(header)]] for no, row in enumerate(rows))]
        )
    proposal = propose([file])
    if proposal.format is None:
        mapping = parse_mapping(proposal.mapping.encode(), "x")
        with MappedFiles(mapping, [file], currency="EUR", timezone="UTC", channel="f", history=True) as files:
            list(files.load(Seen()))
            list(files.entries())


def test_no_two_fields_are_called_the_same_in_every_way() -> None:
    for field in WORDS:
        assert any(
            match(name, field) >= max(match(name, other) for other in WORDS) for name in WORDS[field].split("|")
        ), field


# real files


def said(example: str) -> dict[str, Any]:
    return tomllib.loads((EXAMPLES / example).read_text())


def test_the_wholesalers_columns_are_those_that_the_example_names() -> None:
    proposal = propose([data("orders_uci_online_retail")])
    example, found = said("uci_online_retail.toml"), fields(proposal)
    for name in (
        "order.key",
        "order.placed_at",
        "order.customer",
        "line.sku",
        "line.title",
        "line.quantity",
        "line.unit_price",
    ):
        section, _, field = name.partition(".")
        assert found[name] == example[section][field]
    assert tomllib.loads(proposal.mapping)["kind"]["credit"] == example["kind"]["credit"]
    assert proposal.unused == []


def test_the_marketplaces_columns_are_those_that_the_example_names() -> None:
    proposal = propose([data("orders_olist")])
    example, found = said("olist.toml"), fields(proposal)
    for name in (
        "order.key", "order.placed_at", "order.approved_at", "order.fulfilled_at", "order.delivered_at",
        "order.promised_on", "order.customer", "order.city", "order.postcode", "order.region", "line.sku", "line.title",
        "line.unit_price", "line.shipping", "line.site", "line.ship_by", "payment.amount", "payment.number",
        "payment.method", "sku.weight_g", "site.city", "site.postcode", "site.region",
    ):  # fmt: skip
        section, _, field = name.partition(".")
        assert found[name].rpartition(".")[2] == example[section][field].rpartition(".")[2], name
    made = guess([data("orders_olist")])
    assert made.orders.name == "orders"
    assert made.lines.name == "order_items"
    assert made.payments is not None
    assert made.payments.name == "order_payments"
    tables = tomllib.loads(proposal.mapping)["tables"]
    assert {name: table.get("by") for name, table in tables.items()} == {
        "orders": None, "order_items": None, "order_payments": None, "customers": "orders.customer_id",
        "products": "order_items.product_id", "sellers": "order_items.seller_id",
    }  # fmt: skip


def test_the_sniffed_mapping_reads_the_wholesalers_years_to_the_penny() -> None:
    """Gross of sales and credits, counted here from the raw file, are what the proposed mapping reads."""
    folder = data("orders_uci_online_retail")
    mapping = parse_mapping(propose([folder]).mapping.encode(), "x")
    gross: Counter[str] = Counter()
    with MappedFiles(mapping, [folder], currency="GBP", timezone="Europe/London", channel="f", history=True) as files:
        assert list(files.load(seen := Seen())) == []
        for entry in files.entries():
            assert isinstance(entry, Entry)
            correction = isinstance(entry.body, ImportCorrection)
            kind = entry.body.kind if isinstance(entry.body, ImportCorrection) else "sale"
            lines = entry.body.lines if isinstance(entry.body, ImportCorrection) else entry.body.order.lines
            gross[kind] += sum(minor(line.quantity * line.unit_price) for line in lines)
            told = {problem.reason for problem in entry.problems}
            assert correction or told <= {"price_negative", "country_unknown"}
    assert seen.rows == 525_461
    assert gross["sale"] == 1_030_589_201
    assert gross["credit"] == -62_985_537


def minor(amount: Decimal) -> int:
    return int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP))


def test_each_field_has_a_place_in_the_mapping_and_is_explained_by_samples(tmp_path: Path) -> None:
    proposal = propose([written(tmp_path, "Bestellungen.csv", *GERMAN)])
    lines = in_lines(proposal).splitlines()
    assert lines[0].split() == ["column", "field", "sure", "samples"]
    assert re.fullmatch(
        r"Artikelnummer +line\.sku +1\.00  A-10 \| A-11 \| A-12",
        next(line for line in lines if line.startswith("Artikel")),
    )
    assert all(len(one.samples) <= 3 and 0 <= one.confidence <= 1 for one in proposal.fields)
