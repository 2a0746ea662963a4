"""Product and stock files, and the report on what could not be taken."""

from __future__ import annotations

import csv
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from doorstep.journey.intake.files.problems import REASONS
from doorstep.journey.intake.files.products import FileProduct, NotAProductFile, read_products
from doorstep.journey.intake.files.report import Report, ReportRow, beside, harmless
from doorstep.journey.intake.files.stock import NotAStockFile, StockRow, read_stock
from doorstep.journey.intake.files.tables import BadRow

CLASSIC = """Handle,Title,Vendor,Type,Tags,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Price,\
Variant Requires Shipping,Variant Barcode,Image Src,Gift Card,Variant HS Code,Variant Country of Origin,\
Length (product.metafields.shipping.length_mm)
sea-mug,Sea Mug,Harbor,Mug,"fragile, Lithium-Battery",Color,Blue,SEA-BLU,\
390,16.00,true,'4006381333931,a.jpg,false,6912.00,Portugal,120
sea-mug,,,,,,Red,,391.6,17.50,true,,b.jpg,,,,
sea-mug,,,,,,,,,,,,c.jpg,,,,
voucher,Voucher,Harbor,Gift,,Title,Default Title,GIFT,0,25.00,true,4006381333932,,true,69,Elbonia,-5
"""
NEWER = """Title,URL handle,Vendor,Tags,Status,SKU,Barcode,Option1 name,Option1 value,Price,Weight value (grams),\
Weight unit for display,Requires shipping,Inventory quantity
Pine Stand,pine-stand,Tinker,,Active,STAND,,Title,Default Title,"18,00",140,lb,TRUE,12
"""


def read(tmp_path: Path, text: str) -> list[Any]:
    (tmp_path / "products.csv").write_text(text, encoding="utf-8")
    return list(read_products([tmp_path / "products.csv"]))


def test_a_product_is_the_rows_of_its_handle_and_images_are_no_variants(tmp_path: Path) -> None:
    mug, _ = read(tmp_path, CLASSIC)
    assert (mug.handle, mug.title, mug.rows, mug.first_line, mug.last_line) == ("sea-mug", "Sea Mug", 3, 2, 4)
    assert [(one.sku, one.title, one.options) for one in mug.variants] == [
        ("SEA-BLU", "Sea Mug - Blue", {"Color": "Blue"}),
        ("SEA-MUG/RED", "Sea Mug - Red", {"Color": "Red"}),
    ]
    blue, red = mug.variants
    assert (blue.weight_g, blue.price, blue.barcode, blue.length_mm) == (390, Decimal("16.00"), "4006381333931", 120)
    assert (red.weight_g, red.sku_made, blue.sku_made) == (392, True, False)
    assert blue.flags == ["battery", "fragile"]
    assert [problem.reason for problem in mug.problems] == ["no_sku"]


def test_customs_data_of_the_first_row_hold_for_all_variants(tmp_path: Path) -> None:
    mug, _ = read(tmp_path, CLASSIC)
    assert {(one.hs_code, one.origin) for one in mug.variants} == {("691200", "PT")}


def test_what_is_wrong_with_a_variant_is_said_and_the_variant_kept(tmp_path: Path) -> None:
    _, voucher = read(tmp_path, CLASSIC)
    (variant,) = voucher.variants
    assert (variant.ships, variant.hs_code, variant.origin, variant.options) == (False, "", "", {})
    assert {problem.reason for problem in voucher.problems} == {
        "barcode_check_digit",
        "hs_code_unclear",
        "country_unknown",
        "size_unreadable",
    }
    assert all(problem.reason in REASONS for problem in voucher.problems)


def test_the_newer_layout_is_read_too(tmp_path: Path) -> None:
    (stand,) = read(tmp_path, NEWER)
    (variant,) = stand.variants
    assert (stand.handle, stand.status, variant.sku) == ("pine-stand", "active", "STAND")
    assert (variant.price, variant.weight_g, variant.quantity) == (Decimal("18.00"), 140, 12)


def test_a_weight_in_other_units_is_grams(tmp_path: Path) -> None:
    text = (
        "Handle,Title,Variant SKU,Variant Weight,Variant Weight Unit\na,A,1,2,lb\nb,B,2,0.5,kg\nc,C,3,4,oz\nd,D,4,x,g\n"
    )
    found = read(tmp_path, text)
    assert [one.variants[0].weight_g for one in found] == [907, 500, 113, 0]


def test_a_sku_of_two_variants_is_noted(tmp_path: Path) -> None:
    first, second = read(tmp_path, "Handle,Title,Variant SKU\na,A,S\nb,B,S\n")
    assert first.problems == []
    assert [(problem.line, problem.reason, problem.value) for problem in second.problems] == [(3, "sku_repeats", "S")]


def test_the_sku_made_for_a_variant_is_the_same_in_every_export(tmp_path: Path) -> None:
    rows = ["pot,Clay Pot,Size,Large / wide\n", "box,Box,Title,Default Title\n"]
    skus = set()
    for text in (rows, rows[::-1]):
        found = read(
            tmp_path, "Handle,Title,Option1 Name,Option1 Value,Variant SKU\n" + "".join(r.strip() + ",\n" for r in text)
        )
        skus.add(tuple(sorted(one.variants[0].sku for one in found)))
    assert skus == {("BOX", "POT/LARGE-WIDE")}


def test_other_files_are_no_product_files(tmp_path: Path) -> None:
    with pytest.raises(NotAProductFile):
        read(tmp_path, "SKU,Quantity\nMUG,3\n")
    (bad, good) = read(tmp_path, "Handle,Title,Variant SKU\n,Nameless,X\na,A,Y\n")
    assert isinstance(bad, BadRow) and bad.reason == "no_handle"
    assert isinstance(good, FileProduct)


def test_stock_is_a_sku_a_site_and_a_whole_number(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("Quantity;sku;Site;Note\n12;'0012;EWR;\n0;MUG;EWR;\n-1;MUG;EWR;\n2.5;MUG;EWR;\n3;;EWR;\n4;MUG;;\n")
    found = list(read_stock([path]))
    assert [(one.sku, one.site, one.quantity) for one in found if isinstance(one, StockRow)] == [
        ("0012", "EWR", 12),
        ("MUG", "EWR", 0),
    ]
    assert [(one.line, one.reason) for one in found if isinstance(one, BadRow)] == [
        (4, "quantity_unreadable"),
        (5, "quantity_unreadable"),
        (6, "sku_missing"),
        (7, "site_missing"),
    ]
    with pytest.raises(NotAStockFile):
        path.write_text("Handle,Title\n")
        read_stock([path])


# report


def test_a_report_stands_beside_its_file_in_words_and_harmless(tmp_path: Path) -> None:
    source = tmp_path / "orders.csv.gz"
    with Report(source, tmp_path / "home") as report:
        report.add(ReportRow("orders.csv.gz", 7, "Lineitem sku", "no_sku", "=HYPERLINK(1)"))
        report.add(ReportRow("orders.csv.gz", 0, "", "stock", "-5", "there was too little"))
    assert report.path == tmp_path / "orders.doorstep-report.csv"
    assert list(csv.reader(report.path.read_text(encoding="utf-8-sig").splitlines())) == [
        ["file", "line", "column", "reason", "value", "meaning"],
        ["orders.csv.gz", "7", "Lineitem sku", "no_sku", "'=HYPERLINK(1)", REASONS["no_sku"]],
        ["orders.csv.gz", "", "", "stock", "'-5", "there was too little"],
    ]
    assert report.rows == 2


def test_nothing_to_report_leaves_no_report_not_even_an_older_one(tmp_path: Path) -> None:
    with Report(tmp_path / "orders.csv", tmp_path) as first:
        first.add(ReportRow("orders.csv", 1, "", "no_sku", ""))
    with Report(tmp_path / "orders.csv", tmp_path) as second:
        pass
    assert second.path is None
    assert list(tmp_path.iterdir()) == []


def test_where_the_folder_cannot_be_written_the_report_goes_home(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with Report(tmp_path / "taken" / "orders.csv", tmp_path / "home") as report:
        report.add(ReportRow("orders.csv", 1, "", "no_sku", ""))
    assert report.path == tmp_path / "home" / "reports" / "orders.doorstep-report.csv"
    assert report.path.exists()


def test_a_folder_has_its_report_inside(tmp_path: Path) -> None:
    assert beside(tmp_path) == tmp_path / "doorstep-report.csv"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", " =1", "|cmd", "%0A"])
def test_no_cell_of_a_report_runs_as_a_formula(text: str) -> None:
    assert harmless(text) == "'" + text
    assert harmless("Mug = cup") == "Mug = cup"


@pytest.mark.skipif("DOORSTEP_DATA" not in os.environ, reason="DOORSTEP_DATA is not set")
def test_the_recorded_catalogs_are_read_to_the_last_row() -> None:
    for path in sorted((Path(os.environ["DOORSTEP_DATA"]) / "catalogs").glob("shopify_*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = sum(1 for row in csv.reader(file) if row) - 1
        found = list(read_products([path]))
        assert sum(one.rows for one in found) == rows
        assert all(isinstance(one, FileProduct) and one.variants for one in found)
