"""make_sample: write the project's own sample, the same to the byte every time.

    python tools/make_sample.py            write src/doorstep/sample/
    python tools/make_sample.py --check    exit 1 if what is there is not what this writes

An operator with a site in New Jersey and a hub in Wrocław, three merchants that sell mugs and gadgets, their
products, stock and some 300 orders, in the files that a shop would hand over. Every name is invented.
"""

# ruff: noqa: SIM905

from __future__ import annotations

import csv
import io
import json
import random
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import phonenumbers

sys.path.insert(0, str(Path(__file__).parent.parent))
from doorstep.kit import money
from tools.sample_places import Place, names, places
from tools.sample_shops import MERCHANTS, OPERATOR, Goods, Merchant

HERE = Path(__file__).parent.parent / "src" / "doorstep" / "sample"
ORDER_COLUMNS = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,"
    "Shipping,Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,"
    "Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,Billing Address2,Billing Company,"
    "Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,"
    "Shipping Address1,Shipping Address2,Shipping Company,Shipping City,Shipping Zip,Shipping Province,"
    "Shipping Country,Shipping Phone,Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,"
    "Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,Tags,Risk Level,Source,"
    "Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,"
    "Tax 4 Value,Tax 5 Name,Tax 5 Value,Phone,Receipt Number,Duties,Billing Province Name,Shipping Province Name,"
    "Payment ID,Payment Terms Name,Next Payment Due At,Payment References"
).split(",")
PRODUCT_COLUMNS = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,"
    "Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Policy,Variant Fulfillment Service,"
    "Variant Price,Variant Compare At Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,"
    "Gift Card,Variant Weight Unit,Cost per item,Status,Variant HS Code,Variant Country of Origin,"
    "Customs text (product.metafields.shipping.customs_description),"
    "Length (product.metafields.shipping.length_mm),Width (product.metafields.shipping.width_mm),"
    "Height (product.metafields.shipping.height_mm)"
).split(",")
EU = set("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())
TAX = {"US-NJ": ("New Jersey State Tax 6.625%", Decimal("0.06625")), "EU": ("VAT 23%", Decimal("0.23"))}


@dataclass
class Line:
    goods: Goods
    quantity: int
    discount_minor: int = 0
    sku: str = ""

    def gross_minor(self, currency: str) -> int:
        return money.line_total(self.goods.price, self.quantity, currency)


@dataclass
class Person:
    name: str
    email: str
    place: Place
    street: str
    phone: str
    company: str = ""
    line2: str = ""


@dataclass
class Order:
    """What Shopify's columns say; `changed` replaces cells with what is wrong on purpose."""

    number: int
    at: datetime
    person: Person
    lines: list[Line]
    method: str = ""
    shipping_minor: int = 0
    code: str = ""
    percent: int = 0
    free_shipping: bool = False
    status: str = "paid"
    payment: str = "Shopify Payments"
    terms: str = ""
    note: str = ""
    tags: str = ""
    risk: str = "Low"
    canceled: bool = False
    id: int = 0
    changed: dict[str, str] = field(default_factory=dict)


class Maker:
    """Draws everything from one seeded source, in one fixed order."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant
        self.dice = random.Random(f"doorstep sample {merchant.key}")
        self.names = names()
        self.places = places()
        self.at = datetime(2026, 3, 2, 8, 0, tzinfo=timezone(timedelta(hours=merchant.utc_offset)))

    def orders(self) -> list[Order]:
        made = [self.order(1001 + count) for count in range(self.merchant.orders)]
        for order, mishap in zip(self.dice.sample(made[:-1], len(MISHAPS)), MISHAPS, strict=True):
            mishap(order)
        return [*made, self.again(made[-1])]

    def order(self, number: int) -> Order:
        self.at += timedelta(minutes=self.dice.randint(3, 210), seconds=self.dice.randint(0, 59))
        person = self.person()
        order = Order(number, self.at, person, self.lines(), id=self.dice.randint(5 * 10**12, 7 * 10**12))
        self.choose_shipping(order)
        self.choose_discount(order)
        self.choose_payment(order)
        if self.dice.random() < 0.1:
            order.note = self.dice.choice(NOTES)
        if self.dice.random() < 0.12:
            order.tags = self.dice.choice(["gift", "first order", "newsletter, spring", "wholesale"])
        return order

    def again(self, order: Order) -> Order:
        """The buyer pressed the button twice."""
        later = order.at + timedelta(minutes=4)
        return replace(order, number=order.number + 1, at=later, id=order.id + self.dice.randint(1000, 9999))

    def person(self) -> Person:
        place = self.place()
        first, last = (self.dice.choice(part) for part in self.names[place.country])
        letters = unicodedata.normalize("NFKD", f"{first}.{last}".lower())
        plain = "".join(c for c in letters if c.isascii() and (c.isalnum() or c == "."))
        mailbox = plain.strip(".") or "buyer"
        number = self.dice.randint(1, 9) if "丁目" in place.street else self.dice.randint(2, 180)
        return Person(
            name=f"{first} {last}",
            email=f"{mailbox}{self.dice.randint(10, 99)}@example.{self.dice.choice(['com', 'net', 'org'])}",
            place=place,
            street=place.street.format(number),
            phone=self.phone(place.country),
            company="Northlight Studio" if self.dice.random() < 0.05 else "",
            line2=self.dice.choice(["Apt 4B", "2nd floor", "Flat 12"]) if self.dice.random() < 0.12 else "",
        )

    def place(self) -> Place:
        """Where this merchant's buyers live: by weight of regions."""
        region = self.dice.choices(list(self.merchant.buyers), list(self.merchant.buyers.values()))[0]
        return self.dice.choice([place for place in self.places if REGIONS[place.country] == region])

    def phone(self, country: str) -> str:
        example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
        if example is None or self.dice.random() < 0.15:
            return ""
        digits = str(example.national_number)
        number = f"+{example.country_code}{digits[:-3]}{self.dice.randint(0, 999):03d}"
        return number if self.dice.random() < 0.8 else f"'{number}"

    def lines(self) -> list[Line]:
        count = self.dice.choices([1, 2, 3, 4, 5], [50, 27, 13, 7, 3])[0]
        weights = [goods.sells for goods in self.merchant.goods]
        picked: dict[str, Line] = {}
        for goods in self.dice.choices(self.merchant.goods, weights, k=count):
            quantity = self.dice.choices([1, 2, 3, 4, 6], [70, 18, 6, 4, 2])[0]
            picked.setdefault(goods.sku, Line(goods, quantity))
        return list(picked.values())

    def choose_shipping(self, order: Order) -> None:
        country = order.person.place.country
        near = country == self.merchant.country or (self.merchant.country in EU and country in EU)
        express = self.dice.random() < 0.14
        home, abroad = self.merchant.rates
        if express:
            order.method, order.shipping_minor = "Express", (home if near else abroad) * 3
        else:
            order.method = "Standard" if near else "International Tracked"
            order.shipping_minor = home if near else abroad
        goods = sum(line.gross_minor(self.merchant.currency) for line in order.lines)
        if near and not express and goods > 7500:
            order.shipping_minor = 0

    def choose_discount(self, order: Order) -> None:
        roll = self.dice.random()
        if roll < 0.10:
            order.code, order.percent = "SPRING10", 10
        elif roll < 0.14:
            order.code, order.percent = "WELCOME15", 15
        elif roll < 0.18 and order.shipping_minor:
            order.code, order.free_shipping = "SHIPSFREE", True
        elif roll < 0.24:
            line = order.lines[0]
            line.discount_minor = line.gross_minor(self.merchant.currency) // 5

    def choose_payment(self, order: Order) -> None:
        roll, country = self.dice.random(), order.person.place.country
        if roll > 0.65 and country in self.merchant.cod:
            order.status, order.payment = "pending", "Cash on Delivery (COD)"
        elif roll < 0.12:
            order.status, order.payment = "pending", "Bank Deposit"
        elif roll < 0.17:
            order.status = "authorized"
        elif roll < 0.19:
            order.status, order.payment = "partially_paid", "manual"
        elif roll < 0.21:
            order.status, order.terms, order.payment = "pending", "Net 30", "manual"
        elif roll < 0.24:
            order.payment = "gift_card + shopify_payments"
        elif roll < 0.34:
            order.payment = "PayPal Express Checkout"


NOTES = (
    "Please leave it with the neighbor at number 4.",
    "It is a gift: no prices in the box, please.",
    "Ring twice, the bell is shy.",
    "Second order this week, could you ship both together?",
    "Przesyłka na prezent,\nproszę o ładne pudełko.",
)
REGIONS = {
    **dict.fromkeys(["US", "CA"], "america"),
    **dict.fromkeys(EU | {"GB", "CH", "NO", "UA"}, "europe"),
    **dict.fromkeys(["TR", "IL", "AE", "IN", "SG", "MY", "TH", "VN", "PH", "JP", "KR", "HK"], "asia"),
    **dict.fromkeys(["ZA", "KE", "NG", "GH", "EG", "MA"], "africa"),
    **dict.fromkeys(["AU", "NZ", "BR", "MX"], "elsewhere"),
}


# What is wrong on purpose


def _change(**cells: str) -> Callable[[Order], None]:
    def apply(order: Order) -> None:
        order.changed = {name.replace("_", " "): value for name, value in cells.items()}

    return apply


def _unknown_sku(order: Order) -> None:
    order.lines[0].sku = f"{order.lines[0].goods.sku}-OLD"


def _no_sku(order: Order) -> None:
    order.lines[0].sku = "-"


def _very_many(order: Order) -> None:
    order.lines[0].quantity = 120
    order.lines[0].discount_minor = 0


def _canceled(order: Order) -> None:
    order.status, order.canceled = "voided", True


def _refunded(order: Order) -> None:
    order.status, order.canceled = "refunded", True


def _risky(order: Order) -> None:
    order.risk = "High"


MISHAPS = (
    _change(Shipping_Address1="", Shipping_Street=""),
    _change(Shipping_Zip="ABC"),
    _change(Shipping_Country="Elbonia"),
    _change(Shipping_City=""),
    _change(Shipping_Phone="12"),
    _change(Total="999.99"),
    _unknown_sku,
    _no_sku,
    _very_many,
    _canceled,
    _refunded,
    _risky,
)


# Rows


def order_rows(merchant: Merchant, order: Order) -> list[dict[str, str]]:
    """The first row has the order's columns, each further line a row of its own."""
    shared = {"Name": f"#{order.number}", "Email": order.person.email, "Created at": _stamp(order.at)}
    rows = [shared | line_cells(merchant, order, line) for line in order.lines]
    rows[0] |= (
        amounts(merchant, order)
        | payment(merchant, order)
        | address(order)
        | {
            "Fulfillment Status": "unfulfilled",
            "Accepts Marketing": "yes" if order.id % 3 == 0 else "no",
            "Shipping Method": order.method,
            "Notes": order.note,
            "Id": str(order.id),
            "Tags": order.tags,
            "Risk Level": order.risk,
            "Source": "web",
            "Cancelled at": _stamp(order.at + timedelta(hours=5)) if order.canceled else "",
        }
    )
    if order.status == "paid" or order.status == "refunded":
        rows[0]["Paid at"] = _stamp(order.at + timedelta(seconds=2))
    rows[0] |= order.changed
    return rows


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S %z")


def line_cells(merchant: Merchant, order: Order, line: Line) -> dict[str, str]:
    sku = "" if line.sku == "-" else line.sku or line.goods.sku
    return {
        "Lineitem quantity": str(line.quantity),
        "Lineitem name": line.goods.name,
        "Lineitem price": str(line.goods.price),
        "Lineitem sku": sku,
        "Lineitem requires shipping": "true",
        "Lineitem taxable": "true",
        "Lineitem fulfillment status": "pending",
        "Lineitem discount": _shown(merchant, line.discount_minor),
        "Vendor": merchant.name,
    }


def _shown(merchant: Merchant, amount_minor: int) -> str:
    return str(money.to_decimal(amount_minor, merchant.currency))


def amounts(merchant: Merchant, order: Order) -> dict[str, str]:
    gross = sum(line.gross_minor(merchant.currency) for line in order.lines)
    by_line = sum(line.discount_minor for line in order.lines)
    by_code = (gross - by_line) * order.percent // 100
    subtotal = gross - by_line - by_code
    shipping = 0 if order.free_shipping else order.shipping_minor
    off_shipping = order.shipping_minor if order.free_shipping else 0
    tax_name, tax = _tax(merchant, order, subtotal + shipping)
    total = subtotal + shipping + (0 if merchant.tax_included else tax)
    outstanding = {"pending": total, "partially_paid": total // 2, "authorized": total}.get(order.status, 0)
    minor = {
        "Subtotal": subtotal, "Shipping": shipping, "Taxes": tax, "Total": total,
        "Discount Amount": by_line + by_code + off_shipping,
        "Refunded Amount": total if order.status == "refunded" else 0, "Outstanding Balance": outstanding,
    }  # fmt: skip
    shown = {name: _shown(merchant, amount) for name, amount in minor.items()}
    named_tax = {"Tax 1 Name": tax_name, "Tax 1 Value": _shown(merchant, tax)} if tax else {}
    return shown | named_tax | {"Currency": merchant.currency, "Discount Code": order.code}


def _tax(merchant: Merchant, order: Order, taxed_minor: int) -> tuple[str, int]:
    """Sales tax on top in New Jersey; VAT inside the price in the EU; none elsewhere."""
    place = order.person.place
    if merchant.tax_included and place.country in EU:
        name, rate = TAX["EU"]
        return name, taxed_minor - money.to_minor(Decimal(taxed_minor).scaleb(-2) / (1 + rate), "EUR")
    if not merchant.tax_included and place.region == "NJ":
        name, rate = TAX["US-NJ"]
        return name, money.to_minor(Decimal(taxed_minor).scaleb(-2) * rate, "USD")
    return "", 0


def payment(merchant: Merchant, order: Order) -> dict[str, str]:
    known = order.status not in ("pending",)
    reference = f"r{order.id % 10**9:09d}" if known else ""
    return {
        "Financial Status": order.status,
        "Payment Method": order.payment,
        "Payment Reference": reference,
        "Payment References": reference,
        "Payment ID": reference,
        "Payment Terms Name": order.terms,
        "Next Payment Due At": _stamp(order.at + timedelta(days=30)) if order.terms else "",
    }


def address(order: Order) -> dict[str, str]:
    person, place = order.person, order.person.place
    zip_guard = "'" if place.postcode[:1].isdigit() else ""
    parts = {
        "Name": person.name,
        "Street": ", ".join(part for part in (person.street, person.line2) if part),
        "Address1": person.street,
        "Address2": person.line2,
        "Company": person.company,
        "City": place.city,
        "Zip": zip_guard + place.postcode,
        "Province": place.region,
        "Country": place.country,
        "Phone": person.phone,
        "Province Name": place.region_name,
    }
    return {f"{side} {name}": value for side in ("Billing", "Shipping") for name, value in parts.items()}


def product_rows(merchant: Merchant) -> list[dict[str, str]]:
    rows, seen = [], set()
    for goods in merchant.goods:
        first = goods.handle not in seen
        seen.add(goods.handle)
        rows.append(_product_cells(merchant, goods, first))
    return rows


def _product_cells(merchant: Merchant, goods: Goods, first: bool) -> dict[str, str]:
    length, width, height = goods.size_mm
    of_product = {
        "Title": goods.title, "Body (HTML)": f"<p>{goods.about}</p>", "Vendor": merchant.name,
        "Type": goods.type, "Tags": goods.tags, "Published": "true", "Status": "active", "Gift Card": "false",
        "Option1 Name": goods.option_name or "Title",
    }  # fmt: skip
    return (of_product if first else {}) | {
        "Handle": goods.handle,
        "Option1 Value": goods.option or "Default Title",
        "Variant SKU": goods.sku,
        "Variant Grams": str(goods.weight_g),
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Policy": "continue",
        "Variant Fulfillment Service": "manual",
        "Variant Price": str(goods.price),
        "Variant Requires Shipping": "true",
        "Variant Taxable": "true",
        "Variant Barcode": f"'{goods.barcode}",
        "Variant Weight Unit": "g",
        "Cost per item": str((goods.price * Decimal("0.4")).quantize(Decimal("0.01"))),
        "Variant HS Code": goods.hs_code,
        "Variant Country of Origin": goods.origin,
        PRODUCT_COLUMNS[-4]: goods.customs_text,
        PRODUCT_COLUMNS[-3]: str(length),
        PRODUCT_COLUMNS[-2]: str(width),
        PRODUCT_COLUMNS[-1]: str(height),
    }


def stock_rows(merchant: Merchant) -> list[dict[str, str]]:
    return [
        {"SKU": goods.sku, "Site": site, "Quantity": str(quantity)}
        for goods in merchant.goods
        for site, quantity in goods.stock.items()
    ]


# Files


def files() -> dict[str, str]:
    made = {"operator.json": json.dumps(OPERATOR, indent=2, ensure_ascii=False) + "\n"}
    for merchant in MERCHANTS:
        orders = sorted(Maker(merchant).orders(), key=lambda order: order.at, reverse=True)
        rows = [row for order in orders for row in order_rows(merchant, order)]
        made[f"orders/{merchant.key}.csv"] = _csv(ORDER_COLUMNS, rows)
        made[f"products/{merchant.key}.csv"] = _csv(PRODUCT_COLUMNS, product_rows(merchant))
        made[f"stock/{merchant.key}.csv"] = _csv(["SKU", "Site", "Quantity"], stock_rows(merchant))
    return made


def _csv(columns: list[str], rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def main() -> int:
    wrong = []
    for name, text in files().items():
        path = HERE / name
        if "--check" in sys.argv:
            wrong += [name] if not path.exists() or path.read_text(encoding="utf-8") != text else []
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    for name in wrong:
        print(f"sample/{name} is not what tools/make_sample.py writes: run it")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
