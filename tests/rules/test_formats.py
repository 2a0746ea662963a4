"""The formats that come along: files as WooCommerce and Amazon write them become the right orders."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from doorstep.journey.intake.files.mapping import Mapping
from doorstep.journey.intake.files.opening import ready_mappings, recognized
from doorstep.journey.intake.files.tables import open_table
from doorstep.journey.intake.new_order import NewOrder
from tests.rules.mapped import Came, came, ready

# WooCommerce

ITEMS = {
    "order_id": "5001", "order_number": "5001", "date": "2024-03-05 14:22:07", "status": "completed",
    "shipping_total": "4.90", "shipping_tax_total": "0.93", "fee_total": "0.00", "tax_total": "6.31",
    "discount_total": "3.00",
    "order_total": "39.51", "refunded_total": "0.00", "order_currency": "EUR", "payment_method": "paypal",
    "payment_method_title": "PayPal", "shipping_method": "DHL", "customer_id": "77", "billing_first_name": "Ada",
    "billing_last_name": "Berg", "billing_email": "ada@example.com", "billing_phone": "+49 30 123456",
    "billing_address_1": "Alte Str. 1", "billing_city": "Berlin", "billing_postcode": "10115", "billing_country": "DE",
    "shipping_first_name": "Bo", "shipping_last_name": "Berg", "shipping_address_1": "Neue Str. 2",
    "shipping_address_2": "c/o Berg", "shipping_city": "Potsdam", "shipping_postcode": "14467",
    "shipping_country": "DE",
    "customer_note": "ring twice", "item_id": "1", "item_name": "Mug", "item_sku": "MUG-1", "item_quantity": "3",
    "item_tax": "3.85", "item_total": "20.25",
}  # fmt: skip


def written(folder: Path, *rows: dict[str, str], delimiter: str = ",") -> Path:
    file = folder / "export.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return file


def taken(file: Path, name: str, **options: Any) -> Came:
    """The file is known by its columns, and read by its format."""
    mapping = recognized(open_table(file).header)
    assert mapping is not None
    assert mapping.name == name
    return came(mapping, [file], **options)


def adds_up(order: NewOrder) -> bool:
    """The total is what the parts come to."""
    lines = sum(minor(line.unit_price * line.quantity) - line.discount_minor for line in order.lines)
    tax = 0 if order.tax_included else order.tax_minor
    return order.total_minor == lines - order.discount_minor + order.shipping_minor + tax


def minor(amount: Decimal) -> int:
    return int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP))


def test_woocommerce_rows_of_items_become_an_order_that_adds_up(tmp_path: Path) -> None:
    file = written(
        tmp_path, ITEMS, {**ITEMS, "item_id": "2", "item_name": "Jug", "item_sku": "JUG-1",
        "item_quantity": "1", "item_total": "8.05"}
    )  # fmt: skip
    got = taken(file, "WooCommerce (a row per item)")
    order = got.order
    assert got.problems == []
    assert (order.external_id, order.currency, order.channel) == ("5001", "EUR", "woocommerce")
    assert order.placed_at == datetime(2024, 3, 5, 14, 22, 7, tzinfo=UTC)
    assert [(line.sku, line.title, line.quantity, line.unit_price, line.external_id) for line in order.lines] == [
        ("MUG-1", "Mug", 3, Decimal("6.75"), "1"), ("JUG-1", "Jug", 1, Decimal("8.05"), "2"),
    ]  # fmt: skip
    assert (order.shipping_minor, order.tax_minor, order.total_minor) == (490, 631, 3951)
    assert adds_up(order)
    there = order.ship_to
    assert there is not None
    assert (there.name, there.line1, there.line2, there.postcode, there.country) == (
        "Bo Berg", "Neue Str. 2", "c/o Berg", "14467", "DE",
    )  # fmt: skip
    assert (order.buyer.customer, order.buyer.email, order.note, order.shipping_method) == (
        "77",
        "ada@example.com",
        "ring twice",
        "DHL",
    )
    assert [(tender.amount_minor, tender.method) for tender in order.tenders] == [(3951, "PayPal")]
    assert got.histories["5001"].happened.stages == ["shipped", "shipped"]
    assert not got.histories["5001"].happened.payments_told


@pytest.mark.parametrize(
    ("fee", "total", "shipping", "discount"),
    [("2.50", "33.96", 740, 0), ("-2.50", "28.96", 490, 250), ("", "31.46", 490, 0)],
)
def test_woocommerce_fees_are_charged_or_given(
    tmp_path: Path, fee: str, total: str, shipping: int, discount: int
) -> None:
    order = taken(
        written(tmp_path, {**ITEMS, "fee_total": fee, "order_total": total}), "WooCommerce (a row per item)"
    ).order
    assert (order.shipping_minor, order.discount_minor) == (shipping, discount)
    assert adds_up(order)


@pytest.mark.parametrize(
    ("status", "verb", "stages", "paid"),
    [
        ("processing", "place", None, True), ("pending", "place", None, False), ("on-hold", "place", None, False),
        ("completed", "import_history", ["shipped"], True), ("wc-completed", "import_history", ["shipped"], True),
        ("refunded", "import_history", ["shipped"], True), ("cancelled", "import_history", ["canceled"], False),
        ("failed", "import_history", ["canceled"], False), ("trash", "import_history", ["canceled"], False),
    ],
)  # fmt: skip
def test_woocommerce_statuses_are_work_or_history(
    tmp_path: Path, status: str, verb: str, stages: list[str] | None, paid: bool
) -> None:
    got = taken(written(tmp_path, {**ITEMS, "status": status}), "WooCommerce (a row per item)", history=False)
    (entry,) = got.entries
    assert entry.verb == verb
    assert bool(got.order.tenders) is paid
    if stages is not None:
        assert got.histories["5001"].happened.stages == stages
    assert got.entries[0].problems == ()


def test_woocommerce_cash_on_delivery_is_not_paid_yet_and_a_refund_is_told(tmp_path: Path) -> None:
    cod = taken(written(tmp_path, {**ITEMS, "payment_method": "cod"}), "WooCommerce (a row per item)").order
    assert (cod.payment_term, cod.tenders) == ("cod", [])
    back = taken(written(tmp_path, {**ITEMS, "refunded_total": "-10.00"}), "WooCommerce (a row per item)")
    assert back.histories["5001"].happened.refunded_minor == 1000


ADVANCED = {
    "Order Number": "88", "Order Status": "Completed", "Order Date": "2024-03-05 14:22", "Customer Note": "",
    "First Name (Billing)": "Ada", "Last Name (Billing)": "Berg", "Address 1&2 (Billing)": "Alte Str. 1",
    "City (Billing)": "Berlin", "State Code (Billing)": "BE", "Postcode (Billing)": "10115",
    "Country Code (Billing)": "DE",
    "Email (Billing)": "ada@example.com", "Phone (Billing)": "030 1", "First Name (Shipping)": "",
    "Last Name (Shipping)": "",
    "Payment Method Title": "Card", "Cart Discount Amount": "3.00", "Shipping Method Title": "Post",
    "Order Shipping Amount": "4.90", "Order Refund Amount": "0", "Order Total Amount": "27.37",
    "Order Total Tax Amount": "4.37",
    "SKU": "MUG-1", "Item #": "1", "Item Name": "Mug", "Quantity": "2", "Item Cost": "6.75",
}  # fmt: skip


def test_woocommerce_advanced_exports_become_an_order_that_adds_up(tmp_path: Path) -> None:
    second = {**ADVANCED, "SKU": "JUG-1", "Item #": "2", "Item Name": "Jug", "Quantity": "1", "Item Cost": "7.60"}
    got = taken(written(tmp_path, second, ADVANCED), "WooCommerce (advanced export)")
    order = got.order
    assert got.problems == []
    assert [(line.sku, line.quantity, line.unit_price) for line in order.lines] == [
        ("MUG-1", 2, Decimal("6.75")), ("JUG-1", 1, Decimal("7.60")),
    ]  # fmt: skip
    assert (order.discount_minor, order.shipping_minor, order.tax_minor, order.total_minor) == (300, 490, 437, 2737)
    assert adds_up(order)
    assert order.ship_to is not None
    assert (order.ship_to.name, order.ship_to.line1, order.ship_to.region) == ("Ada Berg", "Alte Str. 1", "BE")
    assert [(tender.amount_minor, tender.method) for tender in order.tenders] == [(2737, "Card")]
    assert got.histories["88"].happened.stages == ["shipped", "shipped"]


# Amazon

TRACKED = {
    "amazon-order-id": "171-1", "merchant-order-id": "S02", "purchase-date": "2022-04-30T23:59:59+00:00",
    "order-status": "Shipped", "fulfillment-channel": "Amazon", "ship-service-level": "Expedited",
    "product-name": "Shirt", "sku": "SH-L", "asin": "B0", "item-status": "Shipped", "quantity": "2", "currency": "INR",
    "item-price": "812.00", "item-tax": "38.67", "shipping-price": "40", "shipping-tax": "2", "gift-wrap-price": "",
    "gift-wrap-tax": "", "item-promotion-discount": "-12.50", "ship-promotion-discount": "40", "ship-city": "MUMBAI",
    "ship-state": "MAHARASHTRA", "ship-postal-code": "400081", "ship-country": "IN",
}  # fmt: skip


def test_amazon_orders_are_lines_with_their_stages_and_a_parcel(tmp_path: Path) -> None:
    file = written(
        tmp_path, TRACKED, {**TRACKED, "sku": "SH-M", "quantity": "0", "item-price": "", "item-status": "Cancelled"},
        {**TRACKED, "amazon-order-id": "171-2", "order-status": "Pending", "item-status": "Unshipped"},
        {**TRACKED, "amazon-order-id": "171-3", "order-status": "Shipped", "item-status": "Unshipped"}, delimiter="\t",
    )  # fmt: skip
    got = taken(file, "Amazon orders")
    by_key = {order.external_id: order for order in got.orders}
    first = by_key["171-1"]
    assert (first.number, first.currency, first.channel) == ("S02", "INR", "amazon")
    line = first.lines[0]
    assert (line.sku, line.quantity, line.unit_price, line.discount_minor, line.tax_minor) == (
        "SH-L",
        2,
        Decimal(406),
        5250,
        4067,
    )
    assert first.placed_at == datetime(2022, 4, 30, 23, 59, 59, tzinfo=UTC)
    happened = got.histories["171-1"].happened
    assert happened.stages == ["shipped", "canceled"]
    assert [(parcel.site, parcel.state, parcel.lines) for parcel in happened.parcels] == [("AMAZON", "in_transit", [1])]
    assert got.histories["171-2"].happened.stages == ["wanted"]
    third = got.histories["171-3"].happened
    assert third.stages == [""]
    assert [(one.kind, one.reason) for one in third.contradictions] == [
        ("contradictory_status", "the channel says: Shipped / Unshipped")
    ]


UNSHIPPED = {
    "order-id": "302-1", "order-item-id": "900", "purchase-date": "2024-03-05T10:00:00+01:00",
    "promise-date": "2024-03-07T23:59:59+01:00",
    "buyer-email": "x@example.com",
    "buyer-phone-number": "1", "sku": "MUG-1", "product-name": "Mug", "quantity-purchased": "2", "currency": "EUR",
    "item-price": "20.00", "item-tax": "3.19", "shipping-price": "4.00", "shipping-tax": "0.64",
    "recipient-name": "Ada Berg", "ship-address-1": "Alte Str. 1", "ship-address-2": "2. Hof",
    "ship-address-3": "links",
    "ship-city": "Berlin", "ship-state": "", "ship-postal-code": "10115", "ship-country": "DE",
    "ship-phone-number": "2",
}  # fmt: skip


def test_amazon_unshipped_orders_become_work(tmp_path: Path) -> None:
    second = {**UNSHIPPED, "order-item-id": "89", "sku": "JUG-1", "quantity-purchased": "1", "item-price": "7.50"}
    got = taken(written(tmp_path, UNSHIPPED, second, delimiter="\t"), "Amazon unshipped orders", history=False)
    (entry,) = got.entries
    order = got.order
    assert entry.verb == "place"
    assert [(line.sku, line.quantity, line.unit_price, line.external_id) for line in order.lines] == [
        ("JUG-1", 1, Decimal("7.50"), "89"), ("MUG-1", 2, Decimal("10"), "900"),
    ]  # fmt: skip
    assert (order.shipping_minor, order.tax_minor) == (800, 766)
    assert order.placed_at == datetime(2024, 3, 5, 9, 0, tzinfo=UTC)
    assert order.ship_by == datetime(2024, 3, 7, 22, 59, 59, tzinfo=UTC)
    assert order.ship_to is not None
    assert (order.ship_to.name, order.ship_to.line2, order.ship_to.phone) == ("Ada Berg", "2. Hof, links", "2")


# Every pair of statuses in the sale report of a spring, and what the two together mean. ? is a contradiction.
PAIRS = """
4088 Cancelled / Cancelled -> canceled
5107 Cancelled / On the Way -> ?
3836 Cancelled / Unshipped -> canceled
1 Pending / Cancelled -> ?
1 Pending / Shipped -> ?
7 Pending / Unshipped -> wanted
59 Shipped / Cancelled -> ?
53962 Shipped / Shipped -> shipped
93 Shipped / Unshipped -> ?
8 Shipped - Delivered to Buyer / On the Way -> ?
22477 Shipped - Delivered to Buyer / Shipped -> delivered
5 Shipped - Lost in Transit / Shipped -> lost
2 Shipped - Out for Delivery / Shipped -> shipped
9 Shipped - Picked Up / Shipped -> shipped
6 Shipped - Rejected by Buyer / Shipped -> shipped
3 Shipped - Returned to Seller / On the Way -> ?
1599 Shipped - Returned to Seller / Shipped -> taken_back
16 Shipped - Returning to Seller / Shipped -> shipped
"""


def expected_pairs() -> dict[tuple[str, str], int]:
    counted = {}
    for line in PAIRS.strip().splitlines():
        many, _, pair = line.partition(" ")
        statuses, _, stage = pair.partition(" -> ")
        counted[statuses, stage.replace("?", "")] = int(many)
    return counted


def test_each_pair_of_statuses_of_a_real_sale_report_is_one_state_and_no_line_is_dropped() -> None:
    """Counted here with the csv module alone, line by line, beside what the format makes of it."""
    root = os.environ.get("DOORSTEP_DATA")
    if not root:
        pytest.skip("DOORSTEP_DATA is not set")
    (file,) = sorted((Path(root) / "orders_amazon_in").glob("*.csv.gz"))
    pairs: dict[str, list[str]] = defaultdict(list)
    amounts = Decimal(0)
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            pairs[row["Order ID"]].append(f"{row['Status']} / {row['Courier Status']}".strip())
            amounts += Decimal(row["Amount"] or 0) if row["Qty"] != "0" else 0
    got = taken(file, "Amazon sale report")
    assert sum(map(len, pairs.values())) == got.seen.rows == sum(entry.rows for entry in got.entries) == 91_279
    assert got.bad == []
    counted: Counter[tuple[str, str]] = Counter()
    told = Decimal(0)
    for key, history in got.histories.items():
        assert len(history.happened.stages) == len(pairs[key])
        counted.update(zip(pairs[key], history.happened.stages, strict=True))
        told += sum(line.unit_price * line.quantity for line in history.order.lines)
        contradicted = {pair for pair, stage in zip(pairs[key], history.happened.stages, strict=True) if not stage}
        assert {one.kind for one in history.happened.contradictions} == (
            {"contradictory_status"} if contradicted else set()
        )
    assert len(got.histories) == len(pairs)
    assert counted == expected_pairs()
    assert abs(told - amounts) < Decimal("0.01")


# all of them


def test_no_format_is_taken_for_another() -> None:
    for mapping in ready_mappings():
        found = recognized(tuple(mapping.recognize))
        assert found is not None
        assert found.name == mapping.name
    assert len({mapping.name for mapping in ready_mappings()}) == 5


@pytest.mark.parametrize("mapping", ready_mappings(), ids=lambda mapping: mapping.name)
def test_a_format_reads_a_file_that_has_only_its_telling_columns(tmp_path: Path, mapping: Mapping) -> None:
    """Everything else may be missing."""
    known = {"amazon sale report": {"SKU": "A", "currency": "INR", "ship-service-level": "Fast"}}.get(
        mapping.name.lower(), {}
    )
    row = dict.fromkeys(mapping.recognize, "1") | {"date": "2024-01-02"} | known
    got = came(ready(mapping.name), [written(tmp_path, row)])
    assert len(got.entries) == 1
    assert got.bad == []
