"""asked_columns: what a file is (orders, products, counts of stock), and what each of its columns says: proposed from
names and values, shown to somebody, changed by them, and kept as what the readers take.

Orders are read by a mapping (`mapping`); products and stock, whose fields are few, by the names of their columns.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from doorstep.journey.intake.files import column_words
from doorstep.journey.intake.files.mapping import (
    LineFields,
    OrderFields,
    ParcelFields,
    PaymentFields,
    SkuFields,
    parse_mapping,
)
from doorstep.journey.intake.files.mapping import Mapping as OrderMapping
from doorstep.journey.intake.files.opening import recognized
from doorstep.journey.intake.files.products import product_columns
from doorstep.journey.intake.files.proposal import propose
from doorstep.journey.intake.files.shopify import ORDERS, PRODUCTS, recognize
from doorstep.journey.intake.files.stock import stock_columns
from doorstep.journey.intake.files.tables import Row, expand, open_table
from doorstep.kit.refusals import Refusal

Kind = Literal["orders", "products", "stock"]

LOOKED_AT, FEW, LONGEST = 200, 3, 60
SURE = 0.55
# Our columns of products and stock, and which words of `column_words` may mean them.
PRODUCT_FIELDS = {
    "sku": "line.sku", "title": "line.title", "barcode": "sku.barcode", "grams": "sku.weight_g",
    "price": "line.unit_price",
    "hs_code": "sku.hs_code", "origin": "sku.origin", "length_mm": "sku.length_mm", "width_mm": "sku.width_mm",
    "height_mm": "sku.height_mm", "weight": "sku.weight_kg", "customs_text": "", "handle": "", "tags": "",
    "requires_shipping": "", "weight_unit": "",
}  # fmt: skip
STOCK_FIELDS = {
    "sku": "line.sku", "site": "line.site", "quantity": "line.quantity", "available": "", "bin": "", "lot": "",
}  # fmt: skip
# In a table of products a name is the SKU's; in one of orders it would be the buyer's.
NAME_OF_A_SKU = frozenset({"name", "nom", "nombre", "nome", "naam", "nazwa", "назва"})
ORDER_SECTIONS: dict[str, type[Struct]] = {
    "order": OrderFields, "line": LineFields, "payment": PaymentFields, "parcel": ParcelFields, "sku": SkuFields,
}  # fmt: skip
NO_COLUMN = ("table", "complete")


class SaidTwice(Refusal):
    """Two columns cannot say the same thing; choose which of them does."""

    status = 422


class Seen(Struct, frozen=True):
    """A column of the file, and what it says: '' where nobody needs it. `confidence`: 1 where somebody said so."""

    name: str
    samples: list[str]
    field: str = ""
    confidence: float = 1.0


class Said(Struct, frozen=True):
    """What a file says, as it is kept. `format`: a known one that is read as it is; `mapping`: a TOML text, for orders;
    `columns`: for products and stock."""

    kind: Kind
    format: str = ""
    mapping: str = ""
    columns: dict[str, str] = {}
    confidence: dict[str, float] = {}  # of a proposal, by field


def kind_of(paths: Sequence[str | PathLike[str]]) -> Kind:
    """What these files most likely are. Refuses NotReadable."""
    headers = _headers(paths)
    formats = {recognize(header) for header in headers}
    if ORDERS in formats or any(recognized(header) for header in headers):
        return "orders"
    if PRODUCTS in formats:
        return "products"
    names = [name for header in headers for name in header]
    says = {field: any(column_words.match(name, field) >= SURE for name in names) for field in _TELLING}
    says["line.sku"] |= any("sku" in stock_columns(header) for header in headers)
    if says["order.placed_at"] or says["order.key"] or not says["line.sku"]:
        return "orders"
    counts = any({"sku"} < stock_columns(header).keys() for header in headers) or says["line.quantity"]
    return "stock" if counts and not says["line.unit_price"] and not says["line.title"] else "products"


_TELLING = ("order.placed_at", "order.key", "line.sku", "line.quantity", "line.unit_price", "line.title")


def proposed(paths: Sequence[str | PathLike[str]], kind: Kind) -> Said:
    """What the columns most likely say. Refuses NotReadable, NoOrdersSeen."""
    if kind == "orders":
        made = propose(paths)
        sure = {one.field: one.confidence for one in made.fields}
        return Said(kind, made.format or "", made.mapping, confidence=sure)
    (header, *_others) = _headers(paths)
    counted = stock_columns(header)
    known = {**_only("sku", counted), **_named(header), **product_columns(header)} if kind == "products" else counted
    format = "Shopify" if kind == "products" and recognize(header) == PRODUCTS else ""
    columns = {**_guessed(header, PRODUCT_FIELDS if kind == "products" else STOCK_FIELDS, known), **known}
    return Said(kind, format, columns={key: columns[key] for key in fields_of(kind) if key in columns})


def _named(header: Sequence[str]) -> dict[str, str]:
    name = next((name for name in header if name.strip().casefold() in NAME_OF_A_SKU), "")
    return {"title": name} if name else {}


def _only(key: str, columns: Mapping[str, str]) -> dict[str, str]:
    return {key: columns[key]} if key in columns else {}


def _guessed(header: Sequence[str], fields: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """By words of several languages; a column says one thing."""
    taken, found = set(known.values()), {}
    for key, words in fields.items():
        fits = [(column_words.match(name, words), name) for name in header if words and name not in taken]
        best = max(fits, default=(0.0, ""))
        if best[0] >= SURE and key not in known:
            found[key] = best[1]
            taken.add(best[1])
    return found


def fields_of(kind: Kind) -> list[str]:
    """What a column may say, as a list to choose from."""
    if kind != "orders":
        return list(PRODUCT_FIELDS if kind == "products" else STOCK_FIELDS)
    return [
        f"{section}.{name}"
        for section, shape in ORDER_SECTIONS.items()
        for name in shape.__struct_fields__
        if name not in NO_COLUMN
    ]


def columns_of(paths: Sequence[str | PathLike[str]], said: Said) -> list[Seen]:
    """Every column with samples, and what it says now; of several tables, with their names."""
    files, _strangers = expand(paths)
    spoken = {column: field for field, column in _plainly(said)}
    return [
        Seen(name, samples, spoken.get(name, ""), said.confidence.get(spoken.get(name, ""), 1.0))
        for file in files
        for name, samples in _samples(file)
    ]


def _samples(file: Path) -> Iterator[tuple[str, list[str]]]:
    table = open_table(file)
    rows = [row for row in islice(table, LOOKED_AT) if isinstance(row, Row)]
    for at, name in enumerate(table.header):
        texts = dict.fromkeys(row.texts[at].strip()[:LONGEST] for row in rows)
        yield name, [text for text in texts if text][:FEW]


def _plainly(said: Said) -> Iterator[tuple[str, str]]:
    """Fields that a column says as it stands."""
    if said.kind != "orders":
        yield from said.columns.items()
        return
    for section, fields in _sections(said.mapping):
        for name, value in fields.items():
            yield f"{section}.{name}", value if isinstance(value, str) else str(value.get("of", ""))


def rules_of(said: Said, columns: Sequence[Seen]) -> list[tuple[str, str]]:
    """What is said by an expression or is always the same: no column's alone."""
    names = {column.name for column in columns}
    found = []
    for section, fields in _sections(said.mapping):
        for name, value in fields.items():
            spoken = value if isinstance(value, str) else str(value.get("of") or value.get("value") or "")
            if spoken and spoken not in names:
                found.append((f"{section}.{name}", spoken))
    return found


def _sections(mapping: str) -> Iterator[tuple[str, dict[str, Any]]]:
    said = tomllib.loads(mapping) if mapping else {}
    for section in (*ORDER_SECTIONS, "kind", "site"):
        fields = said.get(section, {})
        yield section, {name: value for name, value in fields.items() if name not in NO_COLUMN and value}


def changed(said: Said, chosen: Mapping[str, str], columns: Sequence[Seen]) -> Said:
    """With what somebody chose for each column; what was said by more than a column stays, unless a column says it now.

    Refuses SaidTwice, NotAMapping.
    """
    speakers: dict[str, str] = {}
    for column, field in chosen.items():
        if field and speakers.setdefault(field, column) != column:
            raise SaidTwice(field=field, columns=f"{speakers[field]}, {column}")
    if said.kind != "orders":
        return Said(
            said.kind,
            said.format,
            columns={field: speakers[field] for field in fields_of(said.kind) if field in speakers},
        )
    before = {column.name: column.field for column in columns}
    moved = {column: field for column, field in chosen.items() if before.get(column, "") != field}
    if not moved:
        return said
    told: dict[str, Any] = tomllib.loads(said.mapping)
    for column in moved:
        _forget(told, before.get(column, ""))
    for column, field in moved.items():
        section, _, name = field.partition(".")
        if field:
            told.setdefault(section, {})[name] = column
    return of_mapping(to_toml(told))


def _forget(told: dict[str, Any], field: str) -> None:
    section, _, name = field.partition(".")
    told.get(section, {}).pop(name, None)


def of_mapping(text: str) -> Said:
    """Orders read by this mapping. Refuses NotAMapping."""
    parse_mapping(text.encode(), "mapping")
    return Said("orders", "", text)


def mapping_of(said: Said) -> OrderMapping | None:
    """For the reader: none where the format is known, or nothing was proposed."""
    if said.kind != "orders" or not said.mapping or said.format:
        return None
    return parse_mapping(said.mapping.encode(), "mapping")


def _headers(paths: Sequence[str | PathLike[str]]) -> list[tuple[str, ...]]:
    files, _strangers = expand(paths)
    return [open_table(file).header for file in files]


# A mapping as a text again


def to_toml(told: Mapping[str, Any]) -> str:
    """What `parse_mapping` reads: plain values first, then a section each."""
    plain = [f"{name} = {_spelled(value)}" for name, value in told.items() if not isinstance(value, dict)]
    sections = [(name, value) for name, value in told.items() if isinstance(value, dict)]
    lines = list(plain)
    for name, fields in sections:
        lines += ["", f"[{name}]", *(f"{key(one)} = {_spelled(value)}" for one, value in fields.items())]
    return "\n".join(lines).strip() + "\n"


def key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else _quoted(name)


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key(name)} = {_spelled(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_spelled, value)) + "]"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
