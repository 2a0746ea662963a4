"""What went in comes out: the books as files, exact, all of one instant; and back in again, the same."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import msgspec
import pyarrow.parquet as parquet
import pytest

from doorstep.doors.console.download import SOME
from doorstep.doors.exports.every import EXPORTS, QUERIES
from doorstep.doors.exports.files import CannotWrite, FileIsThere
from doorstep.doors.exports.running import Narrowed, Target, export_books
from doorstep.doors.reads.reports.sales import report_sales
from doorstep.journey.intake.files.cells import unguarded
from doorstep.journey.intake.files.mapping import read_mapping
from doorstep.journey.intake.files.rows import Row
from doorstep.journey.intake.files.tables import open_table
from doorstep.journey.intake.import_orders import import_orders
from doorstep.kit.embedded import Urls
from doorstep.setup.channels import UnknownChannel
from doorstep.spine.tenant import tenant_tx
from tests.plans import analyzed, rows_read
from tests.shop import HOME, Shop, open_shop
from tests.stories.test_processing import LESSON

MAPPING = Path(__file__).resolve().parents[2] / "examples" / "mappings" / "doorstep_lines.toml"
HOSTILE = ["=1+1", "@cmd|' /C calc'!A0", "+43 1", "-1", "'quoted'", "a,b;c\td", 'said "no"', "two\nlines", "\u202ertl",
           "naïve 貓 🦊", "' =1", "  padded  ", ""]  # fmt: skip


async def written(shop: Shop, folder: Path, format: Any = "csv", **narrowed: Any) -> dict[str, Path]:
    """All exports of the shop, each in a file of its own."""
    files = {name: folder / f"{name}.{format}" for name in EXPORTS}
    targets = [Target(EXPORTS[name], format, path) for name, path in files.items()]
    await export_books(shop.db, shop.merchant, targets, Narrowed(**narrowed))
    return files


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


async def a_busy_shop(shop: Shop) -> None:
    """Orders of every kind: with a discount and shipping, delivered, canceled, refunded, historic, credited."""
    await shop.stock("MUG", 20)
    await shop.stock("CUP", 20)
    for number, text in enumerate(HOSTILE):
        await shop.place(("MUG", 1), external_id=f"x{number}", note=text, number=text[:60] or "plain")
    sent = await shop.place(("MUG", 2), ("CUP", 3), discount_minor=701, shipping_minor=500, payment_term="on_account")
    parcel = await shop.to_packed(sent)
    await shop.do("keep_label", parcel=parcel, carrier="post", tracking_number="T1")
    await shop.do("hand_over", parcel=parcel)
    await shop.work()
    gone = await shop.place(("CUP", 2), payment_term="on_account")
    await shop.do("cancel", order=gone)
    when = datetime(2024, 5, 6, 12, 0, tzinfo=UTC)
    lines = [
        {"sku": "MUG", "title": "=SUM(A1)", "quantity": 3, "unit_price": "2.505"},
        {"sku": "CUP", "title": "A cup", "quantity": 1, "unit_price": "8"},
    ]
    past = {
        "lines": lines, "currency": "USD", "external_id": "past-1", "channel": "file", "placed_at": when,
        "buyer": {"name": "Ada", "customer": "77"}, "ship_to": HOME,
        "tenders": [{"kind": "paid", "amount_minor": 700, "method": "card"}, {"kind": "paid", "amount_minor": 852}],
    }  # fmt: skip
    await shop.do(
        "import_history", order=past, happened={"fulfilled_at": when, "payments_told": True}, site=shop.site("NJ")
    )
    back = [{"sku": "MUG", "quantity": -1, "unit_price": "2.505"}]
    await shop.do(
        "import_correction", kind="credit", external_id="C1", channel="file", happened_at=when.replace(day=9),
        currency="USD", buyer={"customer": "77"}, site=shop.site("NJ"), lines=back,
    )  # fmt: skip


async def test_every_row_of_the_books_is_in_its_file_and_csv_and_parquet_agree(shop: Shop, tmp_path: Path) -> None:
    await a_busy_shop(shop)
    plain = await written(shop, tmp_path)
    columnar = await written(shop, tmp_path, "parquet")
    for name, export in EXPORTS.items():
        async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
            args = (None, None, None) if export.is_narrowed else ()
            kept = [tuple(row.values()) for row in await tx.rows(QUERIES[name], shop.merchant, *args)]
        table = parquet.read_table(columnar[name])
        assert table.column_names == [column.name for column in export.columns]
        assert [tuple(row.values()) for row in table.to_pylist()] == kept, name
        read = [
            tuple(_value(column.kind, row[column.name]) for column in export.columns) for row in rows_of(plain[name])
        ]
        assert read == kept, name
    assert {name: len(rows_of(path)) for name, path in plain.items()} == {
        "orders": 16, "lines": 18, "moves": len(rows_of(plain["moves"])), "parcels": 1, "cash": 2, "invoices": 1,
        "corrections": 1, "stock": len(rows_of(plain["stock"])),
    }  # fmt: skip


async def test_a_workbook_holds_the_same_texts_and_runs_none_of_them(shop: Shop, tmp_path: Path) -> None:
    await a_busy_shop(shop)
    plain, books = await written(shop, tmp_path), await written(shop, tmp_path, "xlsx")
    for name, export in EXPORTS.items():
        texts = [nth for nth, column in enumerate(export.columns) if column.kind == "text"]
        kept = [[unguarded(row[export.columns[nth].name]) for nth in texts] for row in rows_of(plain[name])]
        table = open_table(books[name])
        assert table.header == tuple(column.name for column in export.columns)
        read = [row for row in table if isinstance(row, Row)]
        assert [[row.texts[nth] for nth in texts] for row in read] == kept, name
        with ZipFile(books[name]) as archive:
            assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def _value(kind: str, cell: str) -> Any:
    """What a cell of an export means, by the page that documents it."""
    if kind == "text":
        return unguarded(cell)
    if cell == "":
        return None
    match kind:
        case "number":
            return int(cell)
        case "price":
            return Decimal(cell)
        case "moment":
            return datetime.fromisoformat(cell)
        case "day":
            return datetime.fromisoformat(cell).date()
    return cell == "true"


async def test_no_cell_of_a_file_is_run_by_a_spreadsheet(shop: Shop, tmp_path: Path) -> None:
    await a_busy_shop(shop)
    files = await written(shop, tmp_path)
    numbers = {column.name for column in EXPORTS["orders"].columns if column.kind != "text"}
    for row in rows_of(files["orders"]):
        for name, cell in row.items():
            assert name in numbers or not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")), (name, cell)


async def test_the_moves_replayed_are_the_balances_of_the_other_files(shop: Shop, tmp_path: Path) -> None:
    await a_busy_shop(shop)
    files = await written(shop, tmp_path)
    balances: Counter[tuple[str, str, str]] = Counter()
    for move in rows_of(files["moves"]):
        if move["what"] == "stock":
            whose, amount = (move["sku"], move["site"]), int(move["quantity"])
        else:
            whose = (move["subject_id"], move["line_no"])
            amount = int(move["quantity"] or move["amount_minor"])
        balances[*whose, move["source"]] -= amount
        balances[*whose, move["target"]] += amount
    stages = ("wanted", "promised", "picked", "packed", "shipped", "delivered", "taken_back", "lost", "canceled")
    for line in rows_of(files["lines"]):
        assert {s: balances[line["order_id"], line["line_no"], s] for s in stages} == {s: int(line[s]) for s in stages}
    for order in rows_of(files["orders"]):
        accounts = ("owed", "held", "collected", "earned", "refunded")
        assert [balances[order["order_id"], "", a] for a in accounts] == [int(order[f"{a}_minor"]) for a in accounts]
    for stock in rows_of(files["stock"]):
        kept = ("free", "reserved", "picked", "packed", "quarantine")
        assert [balances[stock["sku"], stock["site"], a] for a in kept] == [int(stock[a]) for a in kept]


async def test_stock_tells_of_what_lies_in_parcels_until_they_leave(shop: Shop, tmp_path: Path) -> None:
    await shop.receive("MUG", 5, bin="A-1", lot="L1")
    parcel = await shop.to_packed(await shop.place(("MUG", 2), payment_term="on_account"))

    async def places(folder: str) -> list[dict[str, Any]]:
        (tmp_path / folder).mkdir()
        rows = rows_of((await written(shop, tmp_path / folder))["stock"])
        return next(json.loads(row["places"]) for row in rows if row["sku"] == "MUG")

    shelf = {"place": "A-1", "lot": "L1", "quantity": 3}
    assert await places("packed") == [shelf, {"place": f"parcel:{parcel[4:]}", "lot": "L1", "quantity": 2}]
    await shop.do("keep_label", parcel=parcel, carrier="post", tracking_number="T1")
    await shop.do("hand_over", parcel=parcel)
    assert await places("gone") == [shelf]


async def test_the_lines_add_up_to_the_sales_report_and_come_back_in_the_same(shop: Shop, tmp_path: Path) -> None:
    await a_busy_shop(shop)
    files = await written(shop, tmp_path)
    sold = await _sales(shop)
    lines = rows_of(files["lines"])
    assert sum(int(line["gross_minor"]) for line in lines) == sold["gross_minor"]
    assert len(lines) == sold["lines"]

    other = await open_shop(shop.db)
    for _ in range(2):
        came = await import_orders(
            other.db, other.merchant, [files["lines"]], home=tmp_path, at=other.at, mapping=read_mapping(MAPPING),
            create=True, history=True,
        )  # fmt: skip
    assert (came.read, came.taken, came.changed, came.unchanged) == (len(lines), 0, 0, sold["orders"])
    again = await _sales(other)
    assert {name: again[name] for name in ("orders", "lines", "gross_minor")} == {
        name: sold[name] for name in ("orders", "lines", "gross_minor")
    }
    texts = (
        "select o.number, l.code, l.title, l.ordered, l.unit_price from order_line l"
        " join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id"
        " where l.merchant_id = $1 order by 1, 2, 3, 4, 5"
    )
    assert await other.rows(texts, other.merchant) == await shop.rows(texts, shop.merchant)
    await other.audit()


async def _sales(shop: Shop) -> dict[str, Any]:
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return dict(msgspec.to_builtins(await report_sales(tx, shop.merchant)))


async def test_an_export_holds_nothing_of_another_merchant(shop: Shop, tmp_path: Path) -> None:
    other = await open_shop(shop.db)
    await other.place(("MUG", 1), note="canary-4711", external_id="canary-4711")
    await a_busy_shop(shop)
    for path in (await written(shop, tmp_path)).values():
        assert b"canary-4711" not in path.read_bytes()


async def test_a_period_and_a_channel_narrow_it(shop: Shop, tmp_path: Path) -> None:
    await a_busy_shop(shop)
    begins, ends = datetime(2024, 5, 6, tzinfo=UTC), datetime(2024, 5, 7, tzinfo=UTC)
    files = await written(shop, tmp_path, begins=begins, ends=ends, channel="file")
    assert [row["external_id"] for row in rows_of(files["orders"])] == ["past-1"]
    assert len(rows_of(files["lines"])) == 2
    assert rows_of(files["corrections"]) == []
    with pytest.raises(CannotWrite):
        await written(shop, tmp_path / "no such folder")


async def test_a_file_that_is_there_stays_and_none_is_left_half(shop: Shop, tmp_path: Path) -> None:
    target = Target(EXPORTS["orders"], "csv", tmp_path / "orders.csv")
    (tmp_path / "orders.csv").write_text("mine")
    with pytest.raises(FileIsThere):
        await export_books(shop.db, shop.merchant, [target], Narrowed())
    assert (tmp_path / "orders.csv").read_text() == "mine"
    new = replace(target, path=tmp_path / "new.csv")
    with pytest.raises(UnknownChannel):
        await export_books(shop.db, shop.merchant, [new], Narrowed(channel="nobody"))
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]
    await export_books(shop.db, shop.merchant, [target], Narrowed(), force=True)
    assert rows_of(tmp_path / "orders.csv") == []


async def test_packed_files_hold_the_same_rows_without_the_mark(shop: Shop, tmp_path: Path) -> None:
    await shop.place(("MUG", 1))
    files = await written(shop, tmp_path)
    packed = await written(shop, tmp_path, "csv.gz")
    for name, path in files.items():
        assert gzip.decompress(packed[name].read_bytes()) == path.read_bytes().removeprefix(b"\xef\xbb\xbf")


def lists_of(path: Path, column: str) -> Iterator[list[dict[str, Any]]]:
    return (json.loads(unguarded(row[column])) for row in rows_of(path))


async def test_a_few_of_many_orders_are_looked_up_and_no_other_is_read(
    shop: Shop, other_shop: Shop, urls: Urls
) -> None:
    """Of a merchant whom the statistics do not know yet."""
    await other_shop.ask_all("place", [{"order": other_shop.order(("MUG", 1))} for _ in range(200)])
    await analyzed(urls, "orders", "order_now", "order_line", "fulfillment_order", "channel")
    orders = [await shop.place(("MUG", 1), number=f"N{n}") for n in range(60)]
    some = [int(order[4:]) for order in orders[20:25]]
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        # Tables that are known to be a few pages are read whole, whatever is asked; those of many orders never.
        await tx.run("set local enable_seqscan = off")
        rows = await tx.rows(SOME, shop.merchant, some)
        assert sorted(row["number"] for row in rows) == [f"N{n}" for n in range(20, 25)]
        # Of each: its row, the summary, the channel, its fulfillment order and its line; some are read twice.
        assert await rows_read(tx, SOME, shop.merchant, some) <= 10 * len(some)


async def test_an_order_that_nobody_paid_yet_is_exported_with_when_it_runs_out(shop: Shop, tmp_path: Path) -> None:
    await shop.stock("MUG", 1)
    await shop.place(("MUG", 1), reserve="now", number="goods")
    await shop.place(LESSON, reserve="now", number="services")
    await shop.place(("MUG", 1), number="waits as long as it takes")
    paid = await shop.place(LESSON, reserve="now", number="paid")
    await shop.do("record_payment", order=paid, amount_minor=2500, method="transfer")
    await shop.work()
    orders = rows_of((await written(shop, tmp_path))["orders"])
    end = shop.at + timedelta(minutes=60)
    assert {row["number"]: _value("moment", row["expires_at"]) for row in orders} == {
        "goods": end, "services": end, "waits as long as it takes": None, "paid": None,
    }  # fmt: skip


async def test_a_credit_is_exported_with_the_sales_it_is_about(shop: Shop, tmp_path: Path) -> None:
    await a_busy_shop(shop)
    files = await written(shop, tmp_path)
    (sale,) = [row["order_id"] for row in rows_of(files["orders"]) if row["external_id"] == "past-1"]
    (links,) = lists_of(files["corrections"], "links")
    assert [(link["order_id"], link["line_no"], link["quantity"]) for link in links] == [(sale, 1, 1)]
    (contents,) = lists_of(files["parcels"], "contents")
    assert [(line["sku"], line["quantity"]) for line in contents] == [("MUG", 2), ("CUP", 3)]
