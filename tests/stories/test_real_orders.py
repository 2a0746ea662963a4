"""Years of real shops come in whole: to the penny, each order once, what contradicts itself told; shuffled or again.

What is expected is computed here from the files, by the plainest code there is, so that the definitions are tested and
not the figures of one year.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from doorstep.doors.reads.exceptions import summary
from doorstep.doors.reads.reports.delivery import DeliveryQuery, report_delivery
from doorstep.doors.reads.reports.sales import report_sales
from doorstep.journey.intake.files.mapping import read_mapping
from doorstep.journey.intake.import_orders import Imported, import_orders
from doorstep.spine.tenant import tenant_tx
from tests.shop import Shop

MAPPINGS = Path(__file__).resolve().parents[2] / "examples" / "mappings"
SERVICES = {"POST", "DOT", "C2", "C3", "M", "m", "D", "d", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "ADJUST",
            "ADJUST2", "GIFT"}  # fmt: skip

Row = dict[str, str]


def recorded(name: str) -> Path:
    folder = os.environ.get("DOORSTEP_DATA", "")
    if not folder:
        pytest.skip("set DOORSTEP_DATA to the folder of recorded data to run this")
    return Path(folder) / name


def rows_of(folder: Path, name: str = "*") -> list[Row]:
    rows = []
    for file in sorted(folder.glob(f"{name}.csv.gz")):
        with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
            rows += list(csv.DictReader(text))
    return rows


@pytest.fixture
def take(shop: Shop, tmp_path: Path) -> Any:
    async def import_into(folder: Path, mapping: str = "", **options: Any) -> Imported:
        return await import_orders(
            shop.db, shop.merchant, [folder], home=tmp_path, at=shop.at, create=True, history=True,
            mapping=read_mapping(MAPPINGS / mapping) if mapping else None, **options,
        )  # fmt: skip

    return import_into


async def sales_of(shop: Shop, currency: str) -> dict[str, Any]:
    """The sales in that currency: the merchant's own stand first, others beside them."""
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        told = msgspec.to_builtins(await report_sales(tx, shop.merchant))
    return told if told["currency"] == currency else dict(told["by_currency"][currency])


async def delivery_of(shop: Shop) -> dict[str, Any]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return dict(msgspec.to_builtins(await report_delivery(tx, shop.merchant, DeliveryQuery())))


async def exceptions_of(shop: Shop) -> dict[str, int]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return await summary(tx, shop.merchant)


def copied(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded(name), tmp_path / name))


def shuffled(name: str, tmp_path: Path) -> Path:
    """The same files, every row in another place."""
    target = tmp_path / f"{name}-shuffled"
    target.mkdir()
    for file in sorted(recorded(name).glob("*.csv.gz")):
        with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
            header, *rows = list(csv.reader(text))
        random.Random(1).shuffle(rows)
        with gzip.open(target / file.name, "wt", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([header, *rows])
    return target


# a wholesaler: invoices, credits, write-offs


def pence(row: Row) -> int:
    exact = Decimal(row["UnitPrice"]) * int(row["Quantity"]) * 100
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def kind(row: Row) -> str:
    if row["InvoiceNo"].startswith("C"):
        return "credit"
    if row["InvoiceNo"].startswith("A"):
        return "adjustment"
    return "stock" if int(row["Quantity"]) < 0 else "sale"


def is_service(code: str) -> bool:
    return code in SERVICES or code.startswith(("gift_", "TEST"))


async def test_a_year_of_a_wholesaler_comes_in_to_the_penny(shop: Shop, take: Any, tmp_path: Path) -> None:
    folder = copied("orders_uci_online_retail", tmp_path)
    rows = rows_of(folder)
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_kind[kind(row)].append(row)
    invoices = {row["InvoiceNo"] for row in rows}

    came = await take(folder, "uci_online_retail.toml")
    assert (came.read, came.taken, came.changed, came.unchanged, came.refused) == (len(rows), len(invoices), 0, 0, 0)

    sold = await sales_of(shop, "GBP")
    totals = {name: sum(map(pence, of)) for name, of in by_kind.items()}
    assert sold["orders"] == len({row["InvoiceNo"] for row in by_kind["sale"]})
    assert sold["lines"] == len(by_kind["sale"])
    assert sold["gross_minor"] == totals["sale"]
    assert sold["credits_minor"] == totals["credit"]
    assert sold["adjustments_minor"] == totals["adjustment"]
    assert sold["net_minor"] == totals["sale"] + totals["credit"] + totals["adjustment"]
    assert totals["stock"] == 0

    credited = [row for row in by_kind["credit"] if row["CustomerID"] and not is_service(row["StockCode"].strip())]
    assert sold["credits_linked"] >= 0.82 * len(credited)

    # every line as it stood there
    kept = await shop.rows(
        "select l.code, l.title, l.ordered, l.unit_price from order_line l where l.merchant_id = $1", shop.merchant
    )
    assert Counter((row["code"], row["ordered"], row["unit_price"]) for row in kept) == Counter(
        (row["StockCode"].strip(), int(row["Quantity"]), Decimal(row["UnitPrice"])) for row in by_kind["sale"]
    )
    # a line without a title shows its SKU's name, all others what stood there, to the blank
    assert Counter((row["code"], row["title"]) for row in kept) >= Counter(
        (row["StockCode"].strip(), row["Description"]) for row in by_kind["sale"] if row["Description"].strip()
    )
    await _stock_is_the_raw_sum_from_the_opening(shop, rows)

    again = await take(folder, "uci_online_retail.toml")
    assert (again.taken, again.changed, again.unchanged, again.refused) == (0, 0, len(invoices), 0)


async def _stock_is_the_raw_sum_from_the_opening(shop: Shop, rows: list[Row]) -> None:
    """Per SKU and instant: opening less sales, with what came back, without what was lost; and just enough of it."""
    moves = await shop.rows(
        "select s.code, m.happened_at, m.verb, m.quantity * (case m.target when 'free' then 1 else -1 end) as units"
        " from move m join sku s on s.merchant_id = m.merchant_id and s.sku_id = m.sku_id"
        " where m.merchant_id = $1 and m.what = 'stock'",
        shop.merchant,
    )
    books: dict[str, Counter[Any]] = defaultdict(Counter)
    opened: Counter[str] = Counter()
    for move in moves:
        if move["verb"] == "import_opening":
            opened[move["code"]] += move["units"]
        else:
            books[move["code"]][move["happened_at"]] += move["units"]
    zone = ZoneInfo("Europe/London")
    files: dict[str, Counter[Any]] = defaultdict(Counter)
    events: dict[str, list[tuple[Any, str, int]]] = defaultdict(list)
    started: dict[str, str] = {}
    for row in rows:
        started[row["InvoiceNo"]] = min(started.get(row["InvoiceNo"], "9"), row["InvoiceDate"])
    for row in rows:
        code, quantity = row["StockCode"].strip(), int(row["Quantity"])
        if kind(row) != "adjustment" and not is_service(code):
            signed = quantity if kind(row) == "stock" else -quantity
            at = datetime.fromisoformat(started[row["InvoiceNo"]]).replace(tzinfo=zone)
            files[code][at] += signed
            events[code].append((at, row["InvoiceNo"], signed))
    for code, expected in files.items():
        assert _moved(books[code]) == _moved(expected), code
        running = lowest = 0
        for _, _, signed in sorted(events[code]):
            running += signed
            lowest = min(lowest, running)
        assert opened[code] == -lowest, code


def _moved(by_instant: Counter[Any]) -> dict[Any, int]:
    return {at: units for at, units in by_instant.items() if units}


# a marketplace: sellers, parcels, several payments


async def test_a_marketplace_comes_in_with_its_parcels_payments_and_contradictions(
    shop: Shop, take: Any, tmp_path: Path
) -> None:
    folder = copied("orders_olist", tmp_path)
    orders, items, payments = (rows_of(folder, name) for name in ("orders", "order_items", "order_payments"))

    came = await take(folder, "olist.toml")
    assert (came.taken, came.changed, came.unchanged, came.refused) == (len(orders), 0, 0, 0)
    await _is_the_marketplace(shop, orders, items, payments)

    # The very same files again are told of the other two.
    anew = await take(shuffled("orders_olist", tmp_path), "olist.toml")
    assert (anew.taken, anew.changed, anew.unchanged, anew.refused) == (0, 0, len(orders), 0)
    await _is_the_marketplace(shop, orders, items, payments)


async def _is_the_marketplace(shop: Shop, orders: list[Row], items: list[Row], payments: list[Row]) -> None:
    assert await delivery_of(shop) == _delivery(orders, items)
    assert await exceptions_of(shop) == dict(_contradictions(orders, items, payments))
    sold = await sales_of(shop, "BRL")
    assert (sold["orders"], sold["lines"]) == (len(orders), len(items))
    assert sold["gross_minor"] == sum(_cents(row["price"]) for row in items)
    kept = await shop.rows(
        "select o.external_id as order_id, p.method, p.amount_minor from payment p"
        " join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id where p.merchant_id = $1",
        shop.merchant,
    )
    assert Counter(tuple(row.values()) for row in kept) == Counter(
        (row["order_id"], row["payment_type"], _cents(row["payment_value"])) for row in payments
    )
    mixed = await shop.rows(
        "select o.external_id as order_id, t.code as site, count(*) as lines"
        " from parcel p join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id"
        " join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id"
        " join site t on t.site_id = p.site_id where p.merchant_id = $1 group by 1, 2, p.parcel_id",
        shop.merchant,
    )
    assert {(row["order_id"], row["site"]): row["lines"] for row in mixed} == Counter(
        (row["order_id"], row["seller_id"].upper()) for row in items
    )


def _cents(text: str) -> int:
    return int((Decimal(text) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def _delivery(orders: list[Row], items: list[Row]) -> dict[str, int]:
    delivered = [row for row in orders if row["order_delivered_customer_date"]]
    return {
        "orders": len(orders),
        "delivered": len(delivered),
        "late": sum(
            row["order_delivered_customer_date"][:10] > row["order_estimated_delivery_date"][:10] for row in delivered
        ),
        "parcels": len({(row["order_id"], row["seller_id"]) for row in items}),
    }


def _contradictions(orders: list[Row], items: list[Row], payments: list[Row]) -> Iterator[tuple[str, int]]:
    cost: dict[str, int] = defaultdict(int)
    paid: dict[str, int] = defaultdict(int)
    for row in items:
        cost[row["order_id"]] += _cents(row["price"]) + _cents(row["freight_value"])
    for row in payments:
        paid[row["order_id"]] += _cents(row["payment_value"])
    found: Counter[str] = Counter()
    for row in orders:
        order = row["order_id"]
        approved, handed_over = row["order_approved_at"], row["order_delivered_carrier_date"]
        delivered = row["order_delivered_customer_date"]
        found["payment_mismatch"] += order in cost and abs(cost[order] - paid[order]) > 2
        found["paid_no_items"] += order not in cost and paid[order] > 0
        found["handed_over_before_approval"] += bool(handed_over and approved and handed_over < approved)
        found["delivered_before_carrier"] += bool(handed_over and delivered and delivered < handed_over)
        found["delivered_no_date"] += row["order_status"] == "delivered" and not delivered
        found["canceled_but_delivered"] += row["order_status"] == "canceled" and bool(delivered)
    yield from ((kind, count) for kind, count in found.items() if count)


# a seller report


async def test_a_seller_report_is_taken_line_by_line_and_every_pair_of_statuses_is_told(
    shop: Shop, take: Any, tmp_path: Path
) -> None:
    folder = copied("orders_amazon_in", tmp_path)
    rows = rows_of(folder)
    came = await take(folder)
    orders = {row["Order ID"] for row in rows}
    assert (came.read, came.taken, came.refused) == (len(rows), len(orders), 0)
    kept = await shop.rows("select count(*) as lines from order_line where merchant_id = $1", shop.merchant)
    assert kept == [{"lines": len(rows)}]
    contradictory = {
        ("Cancelled", "On the Way"), ("Pending", "Cancelled"), ("Pending", "Shipped"), ("Shipped", "Cancelled"),
        ("Shipped", "Unshipped"), ("Shipped - Delivered to Buyer", "On the Way"),
        ("Shipped - Returned to Seller", "On the Way"),
    }  # fmt: skip
    told = {row["Order ID"] for row in rows if (row["Status"], row["Courier Status"]) in contradictory}
    assert (await exceptions_of(shop)).get("contradictory_status") == len(told)
    again = await take(folder)
    assert (again.taken, again.changed, again.unchanged, again.refused) == (0, 0, len(orders), 0)
