"""products: read Shopify product CSVs, of the classic and of the newer layout, a product at a time.

A product is the rows of one handle; its later rows leave out what the first one says. Rows that only carry
an image are no variants. A variant without SKU gets one from its handle and options, the same every time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from os import PathLike

import msgspec
from stdnum import ean

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.problems import Problem
from doorstep.journey.intake.files.shopify import PRODUCTS, recognize
from doorstep.journey.intake.files.tables import BadRow, Row, expand, open_table
from doorstep.kit.refusals import Refusal

# Our name for a column, then its names in the layouts of Shopify and of the tools that write the same files.
NAMES = """
handle: handle; url handle
title: title
vendor: vendor
type: type; product type
tags: tags
status: status
published: published; published on online store
option1_name: option1 name
option1_value: option1 value
option2_name: option2 name
option2_value: option2 value
option3_name: option3 name
option3_value: option3 value
sku: variant sku; sku
barcode: variant barcode; barcode
grams: variant grams; weight value (grams)
weight: variant weight
weight_unit: variant weight unit; weight unit for display
price: variant price; price
compare_at_price: variant compare at price; compare at price
cost: cost per item; variant cost
quantity: variant inventory qty; inventory quantity
requires_shipping: variant requires shipping; requires shipping
gift_card: gift card
hs_code: variant hs code; hs code; harmonized system code
origin: variant country of origin; country of origin; country/region of origin; coo
customs_text: customs description
length_mm: length mm; length (mm)
width_mm: width mm; width (mm)
height_mm: height mm; height (mm)
"""
GRAMS = {"g": Decimal(1), "kg": Decimal(1000), "oz": Decimal("28.349523125"), "lb": Decimal("453.59237")}
GRAMS |= {"lbs": GRAMS["lb"], "gram": GRAMS["g"], "grams": GRAMS["g"], "kilograms": GRAMS["kg"]}
VARIANT_COLUMNS = ("option1_value", "sku", "price", "grams", "barcode")

# Tags that say how goods must be handled, and the SKU's flag for it.
FLAGS = {
    "battery": "battery", "lithium battery": "battery", "lithium": "battery", "contains battery": "battery",
    "fragile": "fragile", "liquid": "liquid", "flammable": "flammable", "aerosol": "flammable",
    "magnetic": "magnetic", "food": "food",
}  # fmt: skip

Note = Callable[[str, str], None]  # a column, and what is wrong in it


class NotAProductFile(Refusal):
    """This file does not have the columns of a Shopify product export."""

    status = 422


class FileVariant(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be sold. `sku_made`: the file gave none, this one is from handle and options."""

    sku: str
    sku_made: bool = False
    title: str
    options: dict[str, str] = {}
    barcode: str = ""
    weight_g: int = 0
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    price: Decimal | None = None
    cost: Decimal | None = None
    hs_code: str = ""
    origin: str = ""
    customs_text: str = ""
    ships: bool = True
    flags: list[str] = []
    quantity: int | None = None
    line: int


class FileProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A product and its variants; `rows` counts image rows too."""

    handle: str
    title: str
    vendor: str = ""
    type: str = ""
    tags: list[str] = []
    status: str = ""
    variants: list[FileVariant]
    file: str
    first_line: int
    last_line: int
    rows: int
    problems: list[Problem] = []


def read_products(
    paths: Sequence[str | PathLike[str]], columns: Mapping[str, str] | None = None
) -> Iterator[FileProduct | BadRow]:
    """Every product of these files and folders. Refuses NotReadable and NotAProductFile before the first.

    `columns`: what each of our columns is called, for tables of other layouts; without a handle there each row is a
    product of its own.
    """
    files, strangers = expand(paths)
    for file in files:
        header = open_table(file).header
        if not (_columns(header, columns).keys() & {"sku", "handle"} if columns else recognize(header) == PRODUCTS):
            raise NotAProductFile(file=str(file), columns=", ".join(header[:10]))
    return _products([str(file) for file in files], strangers, columns)


def product_columns(header: Sequence[str]) -> dict[str, str]:
    """Which of these columns is which of ours, by their names."""
    return _columns(header)


def _products(
    files: Iterable[str], strangers: list[BadRow], columns: Mapping[str, str] | None
) -> Iterator[FileProduct | BadRow]:
    yield from strangers
    skus: dict[str, str] = {}
    for file in files:
        heads: dict[str, _ProductRow] = {}
        for group in _groups(file, columns):
            if isinstance(group, BadRow):
                yield group
            else:
                head = heads.setdefault(group[0].says("handle"), group[0])
                yield _product(group, head, skus)


# Rows


class _ProductRow(msgspec.Struct, frozen=True):
    row: Row
    at: dict[str, str]

    def says(self, key: str) -> str:
        name = self.at.get(key)
        return self.row.cells[name].strip() if name is not None else ""


def _columns(header: Sequence[str], said: Mapping[str, str] | None = None) -> dict[str, str]:
    if said:
        known = {key: name for key, name in said.items() if name in header}
        return known if "handle" in known or "sku" not in known else {**known, "handle": known["sku"]}
    folded: dict[str, str] = {}
    for name in header:
        for alias in _aliases(name):
            folded.setdefault(alias, name)
    at = {}
    for line in NAMES.strip().splitlines():
        key, names = line.split(": ", 1)
        found = next((folded[name] for name in names.split("; ") if name in folded), None)
        if found is not None:
            at[key] = found
    return at


def _aliases(name: str) -> Iterator[str]:
    """The name as such; of a metafield, `Length (product.metafields.custom.length_mm)`, its key too."""
    yield " ".join(name.casefold().replace("-", " ").split())
    if match := re.search(r"\(\w+\.metafields\.[\w-]+\.([\w-]+)\)$", name):
        yield match[1].casefold().replace("_", " ").replace("-", " ")


def _groups(file: str, columns: Mapping[str, str] | None) -> Iterator[list[_ProductRow] | BadRow]:
    """Rows of one handle that follow each other."""
    table = open_table(file)
    at = _columns(table.header, columns)
    group: list[_ProductRow] = []
    for row in table:
        if isinstance(row, BadRow):
            yield row
            continue
        found = _ProductRow(row, at)
        if not found.says("handle") or any(extra.strip() for extra in row.extra):
            reason = "too_many_cells" if found.says("handle") else "no_handle"
            yield BadRow(file=file, line=row.line, column="Handle", reason=reason, value=found.says("title"))
            continue
        if group and group[0].says("handle") != found.says("handle"):
            yield group
            group = []
        group.append(found)
    if group:
        yield group


# Products


def _product(rows: list[_ProductRow], head: _ProductRow, skus: dict[str, str]) -> FileProduct:
    """`head` is the first row of this handle in the file, which names the options and the product."""
    problems: list[Problem] = []
    variants = []
    for row in rows:
        if row is head or any(row.says(key) for key in VARIANT_COLUMNS):
            variant = _variant(row, head, problems)
            _note_repeat(row, variant, skus, problems)
            variants.append(variant)
    return FileProduct(
        handle=head.says("handle"),
        title=cells.plain(head.says("title")),
        vendor=head.says("vendor"),
        type=head.says("type"),
        tags=_tags(head),
        status=head.says("status").casefold(),
        variants=variants,
        file=head.row.file,
        first_line=rows[0].row.line,
        last_line=rows[-1].row.last_line,
        rows=len(rows),
        problems=problems,
    )


def _tags(head: _ProductRow) -> list[str]:
    return [tag.strip() for tag in head.says("tags").split(",") if tag.strip()]


def _note_repeat(row: _ProductRow, variant: FileVariant, skus: dict[str, str], problems: list[Problem]) -> None:
    place = f"{row.row.file}:{row.row.line}"
    first = skus.setdefault(variant.sku, place)
    if first != place:
        problems.append(Problem(row.row.line, row.at.get("sku", "sku"), "sku_repeats", variant.sku))


def _variant(row: _ProductRow, head: _ProductRow, problems: list[Problem]) -> FileVariant:
    def note(key: str, reason: str) -> None:
        problems.append(Problem(row.row.line, row.at.get(key, key), reason, row.says(key)[:200]))

    options = _options(row, head)
    sku = cells.code(row.says("sku"))
    if not sku:
        note("sku", "no_sku")
    title = " - ".join([cells.plain(head.says("title")) or head.says("handle"), *options.values()])
    gift_card = cells.yes(head.says("gift_card"), default=False)
    return FileVariant(
        sku=(sku or _made_sku(head.says("handle"), options))[:120],
        sku_made=not sku,
        title=title[:500],
        options=options,
        barcode=_barcode(row, note),
        weight_g=_weight_g(row, note),
        length_mm=_millimeters(row, head, "length_mm", note),
        width_mm=_millimeters(row, head, "width_mm", note),
        height_mm=_millimeters(row, head, "height_mm", note),
        price=_amount(row, "price", note),
        cost=_amount(row, "cost", note),
        hs_code=_hs_code(row, head, note),
        origin=_origin(row, head, note),
        customs_text=(row.says("customs_text") or head.says("customs_text"))[:200],
        ships=cells.yes(row.says("requires_shipping"), default=True) and not gift_card,
        flags=sorted({FLAGS[tag] for tag in map(_tag_word, _tags(head)) if tag in FLAGS}),
        quantity=_quantity(row, note),
        line=row.row.line,
    )


# Cells


def _options(row: _ProductRow, head: _ProductRow) -> dict[str, str]:
    """Option names stand in the product's first row; the one option of a product without options is none."""
    options = {}
    for place in (1, 2, 3):
        value = cells.plain(row.says(f"option{place}_value"))
        name = cells.plain(row.says(f"option{place}_name") or head.says(f"option{place}_name"))
        if value and (name, value) != ("Title", "Default Title"):
            options[name or f"Option {place}"] = value
    return options


def _made_sku(handle: str, options: dict[str, str]) -> str:
    """clay-plant-pot with Large is CLAY-PLANT-POT/LARGE."""
    return "/".join(_slug(part) for part in (handle, *options.values()))


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text).strip("-").upper()


def _tag_word(tag: str) -> str:
    return " ".join(re.split(r"[\s_-]+", tag.casefold().strip()))


def _barcode(row: _ProductRow, note: Note) -> str:
    barcode = cells.code(row.says("barcode"))
    if "E+" in barcode.upper():
        note("barcode", "barcode_unreadable")  # a spreadsheet has turned it into 5.01E+12: digits are lost
        return ""
    if barcode.isdigit() and len(barcode) in (8, 12, 13, 14) and not ean.is_valid(barcode):
        note("barcode", "barcode_check_digit")
    return barcode[:120]


def _weight_g(row: _ProductRow, note: Note) -> int:
    """Grams where the file gives them (the unit column is only for display then), else weight and unit."""
    key = "grams" if row.says("grams") else "weight"
    text = row.says(key)
    weight = cells.amount(text)
    if weight is None or weight < 0:
        if text:
            note(key, "weight_unreadable")
        return 0
    factor = GRAMS.get(row.says("weight_unit").casefold(), GRAMS["g"]) if key == "weight" else GRAMS["g"]
    return min(int((weight * factor).quantize(Decimal(1), rounding=ROUND_HALF_UP)), 10**9)


def _amount(row: _ProductRow, key: str, note: Note) -> Decimal | None:
    text = row.says(key)
    value = cells.amount(text)
    if text and (value is None or value < 0):
        note(key, "amount_unreadable")
        return None
    return value


def _quantity(row: _ProductRow, note: Note) -> int | None:
    text = row.says("quantity")
    value = cells.amount(text)
    if text and (value is None or value != int(value)):
        note("quantity", "quantity_unclear")
        return None
    return int(value) if value is not None else None


def _millimeters(row: _ProductRow, head: _ProductRow, key: str, note: Note) -> int:
    text = row.says(key) or head.says(key)
    value = cells.amount(text)
    if text and (value is None or not 0 <= value <= 100_000):
        note(key, "size_unreadable")
        return 0
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP)) if value is not None else 0


def _hs_code(row: _ProductRow, head: _ProductRow, note: Note) -> str:
    """What the first row says of customs holds for the variants that say nothing of their own."""
    code = re.sub(r"[.\s]", "", cells.code(row.says("hs_code") or head.says("hs_code")))
    if code and not re.fullmatch(r"\d{6,13}", code, re.ASCII):
        note("hs_code", "hs_code_unclear")
        return ""
    return code


def _origin(row: _ProductRow, head: _ProductRow, note: Note) -> str:
    found = cells.country(row.says("origin") or head.says("origin"))
    if found is None:
        note("origin", "country_unknown")
    return found or ""
