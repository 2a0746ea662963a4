"""A shop's files come in whole: every order once, amounts to the cent, and whatever is wrong is told, not dropped."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from doorstep.doors.reads.reports.sales import report_sales
from doorstep.journey.intake.files.mapping import parse_mapping
from doorstep.journey.intake.files.stock import read_stock
from doorstep.journey.intake.import_orders import Imported, import_orders
from doorstep.journey.intake.import_products import import_products
from doorstep.journey.inventory.import_stock import import_stock
from doorstep.sample import FOLDER
from doorstep.setup.catalog import put_alias
from doorstep.setup.merchants import NewSku, add_skus
from doorstep.spine.tenant import tenant_tx
from tests.shop import Shop

COLUMNS = """
Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Currency,Subtotal,Shipping,Taxes,Total,
Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,
Lineitem sku,Lineitem requires shipping,Lineitem fulfillment status,Billing Name,Shipping Name,Shipping Address1,
Shipping City,Shipping Zip,Shipping Country,Shipping Phone,Notes,Cancelled at,Payment Method,Refunded Amount,Vendor,
Outstanding Balance,Id,Lineitem discount
"""
HEADER = COLUMNS.replace("\n", "").split(",")
OLD_HEADER = [name for name in HEADER if name not in ("Id", "Outstanding Balance", "Lineitem discount")]
DUBLIN = {
    "Shipping Name": "Ada Byrne", "Shipping Address1": "12 Grafton Street", "Shipping City": "Dublin",
    "Shipping Zip": "D02 XY45", "Shipping Country": "IE", "Shipping Phone": "+35315550143", "Email": "ada@example.com",
}  # fmt: skip


def order(name: str, *lines: tuple[str, str, int, str], total: str, **more: str) -> list[dict[str, str]]:
    """The rows of an order: lines as (SKU, title, quantity, price); `Subtotal` is the total unless it is said."""
    first = {
        "Name": name, "Financial Status": "paid", "Fulfillment Status": "unfulfilled", "Currency": "USD",
        "Subtotal": total, "Shipping": "0.00", "Taxes": "0.00", "Total": total, "Discount Amount": "0.00",
        "Created at": "2026-03-02 10:00:00 +0000", "Refunded Amount": "0.00", **DUBLIN, **_columns(more),
    }  # fmt: skip
    rows = []
    for place, (sku, title, quantity, price) in enumerate(lines):
        line = {
            "Name": name, "Lineitem sku": sku, "Lineitem name": title, "Lineitem quantity": str(quantity),
            "Lineitem price": price, "Lineitem requires shipping": "true", "Lineitem fulfillment status": "pending",
        }  # fmt: skip
        rows.append({**(first if place == 0 else {}), **line})
    return rows


def _columns(more: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", " "): value for name, value in more.items()}


def write(path: Path, rows: Iterable[dict[str, str]], header: list[str] = HEADER, **always: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*always, *header], restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**row, **always} for row in rows)
    return path


@pytest.fixture
def take(shop: Shop, tmp_path: Path) -> Any:
    """Import files into the shop."""

    async def import_into(*paths: Path, **options: Any) -> Imported:
        return await import_orders(shop.db, shop.merchant, paths, home=tmp_path, at=shop.at, **options)

    return import_into


MUG = ("MUG", "A mug", 2, "12.50")
CUP = ("CUP", "A cup", 1, "8.00")


# The recorded export


def recorded() -> Path:
    folder = os.environ.get("DOORSTEP_DATA", "")
    if not folder:
        pytest.skip("set DOORSTEP_DATA to the folder of recorded data to run this")
    return Path(folder) / "orders_shopify_export"


@pytest.mark.parametrize("history", [False, True])
async def test_the_recorded_export_comes_in_exactly_and_a_second_time_changes_nothing(
    shop: Shop, take: Any, tmp_path: Path, history: bool
) -> None:
    source = next(recorded().glob("*.csv.gz"))
    file = tmp_path / source.name
    file.write_bytes(source.read_bytes())
    with gzip.open(file, "rt", encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    heads = [row for row in rows if row["Financial Status"]]

    came = await take(file, create=True, history=history)
    assert (came.read, came.taken, came.changed, came.unchanged, came.refused) == (len(rows), len(heads), 0, 0, 0)
    assert (len(rows), len(heads)) == (121, 51)

    told = await _sales(shop)
    sold = told["by_currency"]["INR"]
    assert sold["orders"] == len(heads)
    assert sold["lines"] == len(rows)
    assert sold["gross_minor"] == _minor(row["Subtotal"] for row in heads)
    totals = (
        "select sum(total_minor)::bigint as total, sum(tax_minor)::bigint as tax from orders where merchant_id = $1"
    )
    (kept,) = await shop.rows(totals, shop.merchant)
    assert kept == {"total": _minor(row["Total"] for row in heads), "tax": _minor(row["Taxes"] for row in heads)}
    units = "select sum(ordered)::bigint as units from order_line where merchant_id = $1"
    assert (await shop.rows(units, shop.merchant))[0]["units"] == sum(int(row["Lineitem quantity"]) for row in rows)

    again = await take(file, create=True, history=history)
    assert (again.taken, again.changed, again.unchanged, again.refused) == (0, 0, len(heads), 0)
    assert await _sales(shop) == told
    events = "select count(*) as events from event where merchant_id = $1 and kind = 'order' and seq > 1"
    more = (await shop.rows(events, shop.merchant))[0]["events"]
    assert more == (len(heads) if history else 0)  # of history, the payment is an event of its own


async def test_the_sample_comes_in_exactly(shop: Shop, take: Any, tmp_path: Path) -> None:
    expected: dict[str, int] = {}
    for source in sorted((FOLDER / "orders").glob("*.csv")):
        with source.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            if row["Currency"]:
                expected[row["Currency"]] = expected.get(row["Currency"], 0) + _minor([row["Subtotal"]])
        copy = tmp_path / source.name
        copy.write_bytes(source.read_bytes())
        came = await take(copy, create=True, channel=source.stem)
        assert came.read == len(rows)
        assert came.taken == len({row["Name"] for row in rows})
    told = await _sales(shop)
    assert {told["currency"]: told["gross_minor"]} | {
        currency: sold["gross_minor"] for currency, sold in told["by_currency"].items()
    } == expected


# Every shop is another


async def test_a_cash_on_delivery_order_needs_no_payment_before_it_goes(shop: Shop, take: Any, tmp_path: Path) -> None:
    await shop.stock("MUG", 5)
    rows = order("#1", MUG, total="25.00", Financial_Status="pending", Payment_Method="Cash on Delivery (COD)")
    await take(write(tmp_path / "o.csv", rows))
    await shop.work()
    (row,) = await _orders(shop, "payment_term, n.stage, n.payment, promised")
    assert tuple(row.values()) == ("cod", "awaiting_fulfillment", "unpaid", 2)


async def test_an_order_that_is_not_paid_waits_at_the_gate(shop: Shop, take: Any, tmp_path: Path) -> None:
    await take(write(tmp_path / "o.csv", order("#1", MUG, total="25.00", Financial_Status="pending")))
    await shop.work()
    assert [hold["type"] for hold in await _holds(shop)] == ["payment"]


async def test_a_line_without_a_sku_is_held_and_the_order_taken(shop: Shop, take: Any, tmp_path: Path) -> None:
    rows = order("#1", MUG, ("", "Gift wrapping paper", 1, "3.00"), total="28.00")
    came = await take(write(tmp_path / "o.csv", rows), create=True)
    assert came.taken == 1
    assert await _holds(shop) == [{"type": "unknown_item", "line_no": 2}]


async def test_discounts_of_the_order_and_shipping_add_up_to_the_cent(shop: Shop, take: Any, tmp_path: Path) -> None:
    rows = order("#1", MUG, CUP, total="36.70", Subtotal="29.70", Discount_Amount="3.30", Shipping="7.00")
    await take(write(tmp_path / "o.csv", rows))
    assert (await _sales(shop))["gross_minor"] == 2970
    (row,) = await _orders(shop, "lines_minor, discount_minor, shipping_minor, total_minor")
    assert tuple(row.values()) == (3300, 330, 700, 3670)
    assert await _holds(shop) == []


@pytest.mark.parametrize(("total", "included"), [("29.00", False), ("25.00", True)])
async def test_tax_is_added_or_included_as_the_total_says(
    shop: Shop, take: Any, tmp_path: Path, total: str, included: bool
) -> None:
    await take(write(tmp_path / "o.csv", order("#1", MUG, total=total, Subtotal="25.00", Taxes="4.00")))
    (row,) = await _orders(shop, "tax_minor, tax_included, total_minor, n.payment")
    assert tuple(row.values()) == (400, included, _minor([total]), "paid")
    assert (await _sales(shop))["gross_minor"] == 2500


async def test_a_total_that_does_not_add_up_holds_the_order(shop: Shop, take: Any, tmp_path: Path) -> None:
    came = await take(write(tmp_path / "o.csv", order("#1", MUG, total="20.00", Subtotal="25.00")))
    assert came.taken == 1
    assert {hold["type"] for hold in await _holds(shop)} == {"amounts"}


async def test_names_that_repeat_between_stores_are_orders_of_their_own(shop: Shop, take: Any, tmp_path: Path) -> None:
    north = write(tmp_path / "a.csv", order("#1001", MUG, total="25.00"), _store="north")
    south = write(tmp_path / "b.csv", order("#1001", CUP, total="8.00"), _store="south")
    came = await take(north, south, create=True)
    assert (came.taken, came.refused) == (2, 0)
    again = await take(south, create=True)
    assert (again.unchanged, again.taken) == (1, 0)


async def test_a_store_nobody_opened_is_refused_and_told(shop: Shop, take: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", order("#1001", MUG, total="25.00"), _store="north")
    came = await take(file)
    assert (came.taken, came.refused) == (0, 1)
    assert "UnknownChannel" in Path(came.report).read_text("utf-8-sig")
    assert await _orders(shop, "number") == []


async def test_an_old_export_without_id_is_the_same_order_in_a_new_one_with_it(
    shop: Shop, take: Any, tmp_path: Path
) -> None:
    rows = order("#1001", MUG, total="25.00", Id="5550001")
    old = await take(write(tmp_path / "old.csv", rows, OLD_HEADER))
    new = await take(write(tmp_path / "new.csv", rows))
    assert (old.taken, new.taken, new.unchanged) == (1, 0, 1)
    (row,) = await _orders(shop, "also_id")
    assert row["also_id"] == "5550001"


async def test_a_real_id_finds_an_order_that_was_renamed(shop: Shop, take: Any, tmp_path: Path) -> None:
    await take(write(tmp_path / "a.csv", order("#1001", MUG, total="25.00", Id="5550001")))
    came = await take(write(tmp_path / "b.csv", order("SHOP-1001", MUG, total="25.00", Id="5550001")))
    assert (came.taken, came.changed) == (0, 1)
    (row,) = await _orders(shop, "number")
    assert row["number"] == "SHOP-1001"


async def test_a_name_that_another_order_has_is_no_change_of_it_when_the_ids_differ(
    shop: Shop, take: Any, tmp_path: Path
) -> None:
    await take(write(tmp_path / "a.csv", order("#1001", MUG, total="25.00", Id="5550001")))
    came = await take(write(tmp_path / "b.csv", order("#1001", CUP, total="8.00", Id="5550002")))
    assert (came.taken, came.changed) == (1, 0)
    assert (await _sales(shop))["gross_minor"] == 3300


# Open orders become work, what is over is history


async def test_what_is_over_in_the_file_is_history_and_the_rest_is_work(shop: Shop, take: Any, tmp_path: Path) -> None:
    rows = [
        *order("#1", MUG, total="25.00"),
        *order("#2", MUG, total="25.00", Fulfillment_Status="fulfilled", Fulfilled_at="2026-03-03 10:00:00 +0000"),
        *order("#3", MUG, total="25.00", Cancelled_at="2026-03-03 10:00:00 +0000", Financial_Status="refunded",
               Refunded_Amount="25.00"),
        *order("#4", MUG, total="25.00", Financial_Status="partially_refunded", Refunded_Amount="5.00",
               Fulfillment_Status="fulfilled", Fulfilled_at="2026-03-03 10:00:00 +0000"),
    ]  # fmt: skip
    came = await take(write(tmp_path / "o.csv", rows))
    assert came.taken == 4
    found = await _orders(shop, "number, history, n.stage, n.payment")
    assert [tuple(row.values()) for row in found] == [
        ("#1", False, "received", "paid"), ("#2", True, "fulfilled", "paid"), ("#3", True, "canceled", "refunded"),
        ("#4", True, "fulfilled", "partially_refunded"),
    ]  # fmt: skip
    told = await _sales(shop)
    assert (told["orders"], told["gross_minor"], told["credits_minor"], told["net_minor"]) == (4, 10000, -3000, 7000)
    assert told["credits_linked"] == 2
    assert await shop.rows("select 1 from attention where merchant_id = $1", shop.merchant) == []


async def test_with_history_nothing_becomes_work(shop: Shop, take: Any, tmp_path: Path) -> None:
    await take(write(tmp_path / "o.csv", order("#1", MUG, total="25.00")), history=True)
    assert await shop.jobs() == []
    (row,) = await _orders(shop, "history, n.stage, wanted")
    assert tuple(row.values()) == (True, "received", 2)


async def test_a_partly_fulfilled_order_is_work_for_its_open_lines(shop: Shop, take: Any, tmp_path: Path) -> None:
    rows = order("#1", MUG, CUP, total="33.00", Fulfillment_Status="partial")
    rows[0]["Lineitem fulfillment status"] = "fulfilled"
    await take(write(tmp_path / "o.csv", rows))
    (row,) = await _orders(shop, "history, delivered, wanted")
    assert tuple(row.values()) == (False, 2, 1)
    assert await _holds(shop) == []


async def test_a_later_export_of_an_order_tells_what_changed(shop: Shop, take: Any, tmp_path: Path) -> None:
    pending = order("#1", MUG, total="25.00", Financial_Status="pending")
    await take(write(tmp_path / "o.csv", [*pending, *order("#2", CUP, total="8.00")]))
    paid = order("#1", MUG, total="25.00", Notes="ring twice")
    edited = order("#2", ("CUP", "A cup", 2, "8.00"), total="16.00")
    came = await take(write(tmp_path / "later.csv", [*paid, *edited]))
    assert (came.taken, came.changed, came.unchanged) == (0, 2, 0)
    found = await _orders(shop, "number, n.payment, ordered")
    assert [tuple(row.values()) for row in found] == [("#1", "paid", 2), ("#2", "overpaid", 1)]
    assert [hold["type"] for hold in await _holds(shop)] == ["changed"]


async def test_an_order_that_stands_in_a_file_twice_is_one_order(shop: Shop, take: Any, tmp_path: Path) -> None:
    first = order("#1", MUG, total="25.00", Financial_Status="pending", Id="5550001")
    later = order("#1", MUG, total="25.00", Id="5550001")
    came = await take(write(tmp_path / "o.csv", [*first, *order("#2", CUP, total="8.00"), *later]))
    assert (came.taken, came.changed) == (2, 1)
    found = await _orders(shop, "number, n.payment")
    assert [tuple(row.values()) for row in found] == [("#1", "paid"), ("#2", "paid")]


# What it makes, tells and leaves alone


async def test_items_the_file_names_are_made_and_what_is_there_stays(shop: Shop, take: Any, tmp_path: Path) -> None:
    rows = order("#1", ("MUG", "Another name", 1, "12.50"), ("TEAPOT", "A teapot", 1, "20.00"), total="32.50")
    await take(write(tmp_path / "o.csv", rows), create=True)
    names = "select code, name from sku where merchant_id = $1 and code in ('MUG', 'TEAPOT') order by code"
    assert [tuple(row.values()) for row in await shop.rows(names, shop.merchant)] == [
        ("MUG", "A mug"), ("TEAPOT", "A teapot"),
    ]  # fmt: skip
    assert await _holds(shop) == []


async def test_a_dry_run_tells_the_same_and_writes_nothing(shop: Shop, take: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "o.csv", [*order("#1", MUG, total="25.00"), *order("#2", CUP, total="8.00")])
    before = await take(file, dry_run=True)
    assert (before.read, before.taken) == (2, 2)
    assert await _orders(shop, "number") == []
    await take(file)
    after = await take(file, dry_run=True)
    assert (after.taken, after.unchanged) == (0, 2)


async def test_rows_that_cannot_be_read_are_told_beside_the_file(shop: Shop, take: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "o.csv", order("#1", MUG, total="25.00"))
    with file.open("a", encoding="utf-8") as text:
        text.write("#2,a@example.com,paid" + ",x" * 60 + "\n")
    came = await take(file)
    assert (came.taken, came.read) == (1, 2)
    assert came.report == str(tmp_path / "o.doorstep-report.csv")
    assert "too_many_cells" in Path(came.report).read_text("utf-8-sig")


async def test_a_file_in_order_leaves_no_report(take: Any, tmp_path: Path) -> None:
    came = await take(write(tmp_path / "o.csv", order("#1", MUG, total="25.00")))
    assert came.report is None
    assert not (tmp_path / "o.doorstep-report.csv").exists()


async def test_more_orders_than_a_batch_come_in_whole(shop: Shop, take: Any, tmp_path: Path) -> None:
    rows = [row for number in range(1200) for row in order(f"#{number}", MUG, total="25.00")]
    seen: list[int] = []
    came = await take(write(tmp_path / "o.csv", rows), progress=lambda done, of, what: seen.append(done))
    assert (came.read, came.taken) == (1200, 1200)
    assert seen == [1000, 1200]


WITH_STOCK = b"""
currency = "USD"
[order]
key = "id"
placed_at = "day"
fulfilled_at = "day"
site = { value = "MAIN" }
[line]
sku = "sku"
quantity = "pieces"
unit_price = "price"
"""


async def test_batches_that_are_written_at_once_open_no_unit_too_many(shop: Shop, tmp_path: Path) -> None:
    """The channel's own word for a SKU is opened as it is met, its code ahead; both to the very unit."""
    await add_skus(shop.db, shop.merchant, [NewSku("MUG-A"), NewSku("MUG-B")])
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await put_alias(tx, shop.merchant, "file", "OLD-B", "MUG-B")
    file = tmp_path / "o.csv"
    goods = [(number, sku) for number in range(2400) for sku in ("MUG-A", "OLD-B")]
    rows = [f"{number},2024-03-{1 + number % 28:02},{sku},2,1.50" for number, sku in goods]
    file.write_text("\n".join(["id,day,sku,pieces,price", *rows]))
    options: dict[str, Any] = {"home": tmp_path, "at": shop.at, "create": True, "history": True}
    mapping = parse_mapping(WITH_STOCK, "inline")
    came = await import_orders(shop.db, shop.merchant, [file], mapping=mapping, **options)
    assert (came.read, came.taken, came.refused) == (4800, 2400, 0)
    opened = "select s.code, sum(m.quantity)::int as units from move m join sku s on s.merchant_id = m.merchant_id"
    opened += " and s.sku_id = m.sku_id where m.merchant_id = $1 and m.verb = 'import_opening' group by 1 order by 1"
    assert await shop.rows(opened, shop.merchant) == [
        {"code": "MUG-A", "units": 4800}, {"code": "MUG-B", "units": 4800},
    ]  # fmt: skip
    assert not await shop.rows("select 1 from availability where merchant_id = $1 and free <> 0", shop.merchant)
    again = await import_orders(shop.db, shop.merchant, [file], mapping=mapping, **options)
    assert (again.taken, again.changed, again.unchanged) == (0, 0, 2400)


# Products and stock


async def test_products_become_skus_and_a_later_file_is_taken_over(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    columns = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Price,Variant HS Code\n"
    file.write_text(
        columns + "lamp,Desk lamp,Color,Red,LAMP-RED,900,39.00,940520\nlamp,,,Blue,LAMP-BLUE,900,39.00,940520\n"
    )
    came = await import_products(shop.db, shop.merchant, [file], home=tmp_path)
    assert (came.read, came.taken, came.changed, came.unchanged) == (2, 2, 0, 0)
    assert (await import_products(shop.db, shop.merchant, [file], home=tmp_path)).unchanged == 2
    file.write_text(columns + "lamp,Desk lamp,Color,Red,LAMP-RED,950,39.00,\n")
    assert (await import_products(shop.db, shop.merchant, [file], home=tmp_path)).changed == 1
    kept = "select weight_g, hs_code, value_minor from sku where merchant_id = $1 and code = 'LAMP-RED'"
    (row,) = await shop.rows(kept, shop.merchant)
    assert tuple(row.values()) == (950, "940520", 3900)


async def test_counts_of_a_file_are_the_stock_and_twice_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "stock.csv"
    file.write_text(f"SKU,Site,Quantity\nMUG,{shop.site('NJ')},7\nCUP,{shop.site('PL')},3\n")
    first = await import_stock(shop.db, shop.merchant, read_stock([file]), at=shop.at)
    second = await import_stock(shop.db, shop.merchant, read_stock([file]), at=shop.at)
    assert (first["taken"], second["unchanged"]) == (2, 2)
    assert (await shop.free("MUG"), await shop.free("CUP", "PL")) == (7, 3)


def _minor(amounts: Iterable[str]) -> int:
    return int(sum((Decimal(amount or "0") for amount in amounts), Decimal(0)) * 100)


async def _sales(shop: Shop) -> dict[str, Any]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        told: dict[str, Any] = msgspec.to_builtins(await report_sales(tx, shop.merchant))
    return told


async def _orders(shop: Shop, columns: str) -> list[dict[str, Any]]:
    found = f"""
        select {columns} from orders o join order_now n using (merchant_id, order_id)
          where merchant_id = $1 order by number
    """
    return await shop.rows(found, shop.merchant)


async def _holds(shop: Shop) -> list[dict[str, Any]]:
    return await shop.rows(
        "select type, line_no from hold where merchant_id = $1 and lifted_at is null order by hold_id", shop.merchant
    )
