"""mapping: a TOML file that tells what a stranger's columns mean; read, checked, and nothing else.

A field is a column's name, an expression (see `expressions`), or a table that says more:

    customer = "CustomerID"                                   # a column
    credit   = "starts(InvoiceNo, 'C')"                       # an expression
    site     = { value = "MAIN" }                             # always the same
    country  = { of = "Country", values = { EIRE = "IE" } }   # words translated; others stay, or get `otherwise`

`docs/importing.md` has every key with examples.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from doorstep.kit.refusals import Refusal

LARGEST = 200_000  # bytes of a mapping file


class NotAMapping(Refusal):
    """This is no mapping file: it says something that is not known, or leaves out what is needed."""

    status = 422


class Field(Struct, frozen=True, forbid_unknown_fields=True):
    """`of`: a column or an expression. `value`: always this. `values`: its words in ours, `otherwise` for the rest."""

    of: str = ""
    value: str | int | float | bool | None = None
    values: dict[str, str] | None = None
    otherwise: str | None = None


Said = str | Field


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """Which files of a folder are this table, and how its rows are found.

    `key`: the column with the order's key, for tables with rows of an order (the order's own, its lines, its
    payments). `id` and `by`: for tables that are looked up: the row whose `id` is what the column `by`
    (`orders.customer_id`) says.
    """

    files: Annotated[str, Meta(min_length=1)]
    key: str = ""
    id: str = ""
    by: str = ""


class Kinds(Struct, frozen=True, forbid_unknown_fields=True):
    """Of each row: is it a credit, a write-off of money, a change of stock? The first that is so; else a sale."""

    credit: Said = ""
    adjustment: Said = ""
    stock: Said = ""


class OrderFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of the order. Amounts are in major units; `canceled` and `delivered` are yes or no."""

    key: Annotated[str, Meta(min_length=1)]
    table: str = ""
    placed_at: Said
    number: Said = ""
    channel: Said = ""
    currency: Said = ""
    customer: Said = ""
    name: Said = ""
    email: Said = ""
    phone: Said = ""
    company: Said = ""
    line1: Said = ""
    line2: Said = ""
    postcode: Said = ""
    city: Said = ""
    region: Said = ""
    country: Said = ""
    pickup_point: Said = ""
    payment_term: Said = ""
    shipping_method: Said = ""
    insured: Said = ""
    risk: Said = ""
    note: Said = ""
    reason: Said = ""  # of a correction
    discount: Said = ""
    shipping: Said = ""
    tax: Said = ""
    tax_included: Said = ""
    total: Said = ""
    approved_at: Said = ""
    fulfilled_at: Said = ""
    delivered_at: Said = ""
    canceled_at: Said = ""
    promised_on: Said = ""
    canceled: Said = ""
    delivered: Said = ""
    refunded: Said = ""
    refunded_at: Said = ""
    site: Said = ""


class LineFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of a line. `number` puts the lines of an order in order; `total` instead of `unit_price` where only that is told.

    `stage` says where its units are (wanted, shipped, delivered, taken_back, lost, canceled); a word that is none of
    these is the kind of an exception: the file contradicts itself. `service`: has no stock and never ships. `ship_by`:
    until when the channel wants it to have left; the earliest of the lines is the order's.
    """

    table: str = ""
    number: Said = ""
    external_id: Said = ""
    sku: Said = ""
    title: Said = ""
    quantity: Said = ""
    unit_price: Said = ""
    total: Said = ""
    discount: Said = ""
    shipping: Said = ""
    tax: Said = ""
    service: Said = ""
    site: Said = ""
    ship_by: Said = ""
    stage: Said = ""


class PaymentFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Money that came in. `complete`: all that was ever paid is told, so that it must add up to the total."""

    table: str = ""
    number: Said = ""
    amount: Said
    method: Said = ""
    reference: Said = ""
    paid_at: Said = ""
    complete: bool = True


class ParcelFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Parcels, read on the order's lines: those of one site, tracking number and state lie in one.

    Without times of their own they have the order's `fulfilled_at` and `delivered_at`.
    """

    tracking_number: Said = ""
    carrier: Said = ""
    state: Said = ""
    handed_over_at: Said = ""
    delivered_at: Said = ""


class SkuFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a line's row tells of its SKU, for SKUs that are made new."""

    name: Said = ""
    barcode: Said = ""
    weight_g: Said = ""
    length_mm: Said = ""
    width_mm: Said = ""
    height_mm: Said = ""
    hs_code: Said = ""
    origin: Said = ""


class SiteFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a line's row tells of its site, for sites that are made new."""

    name: Said = ""
    country: Said = ""
    postcode: Said = ""
    city: Said = ""
    region: Said = ""


class Mapping(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole mapping. `dates`: strptime forms tried in turn, beside ISO; `day_first` for 6/12/2025.

    `decimal`: the mark before the cents where a file could be read both ways. `recognize`: columns by which a file is
    known to be of this format without naming the mapping.
    """

    name: str = ""
    recognize: list[str] = []
    timezone: str = ""
    currency: Annotated[str, Meta(pattern="^([A-Z]{3})?$")] = ""
    channel: str = ""
    dates: list[str] = []
    day_first: bool = False
    decimal: Annotated[str, Meta(pattern="^[.,]?$")] = ""
    tables: dict[str, Table] = {}
    kind: Kinds = Kinds()
    order: OrderFields
    line: LineFields
    payment: PaymentFields | None = None
    parcel: ParcelFields | None = None
    sku: SkuFields = SkuFields()
    site: SiteFields = SiteFields()
    services: list[str] = []


def read_mapping(path: Path) -> Mapping:
    """The mapping of this file. Refuses NotAMapping, saying where and why."""
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise NotAMapping(file=str(path), problem=problem.strerror or "it cannot be read") from None
    if len(raw) > LARGEST:
        raise NotAMapping(file=str(path), problem="it is larger than a mapping file can be")
    return parse_mapping(raw, str(path))


def parse_mapping(raw: bytes, file: str) -> Mapping:
    """As `read_mapping`, of the file's bytes."""
    try:
        said: dict[str, Any] = tomllib.loads(raw.decode())
        mapping = msgspec.convert(said, Mapping, strict=True)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as problem:
        raise NotAMapping(file=file, problem=str(problem).replace("`", "")) from None
    _must_make_sense(mapping, file)
    return mapping


def _must_make_sense(mapping: Mapping, file: str) -> None:
    def refuse(problem: str) -> NotAMapping:
        return NotAMapping(file=file, problem=problem)

    if mapping.timezone:
        try:
            ZoneInfo(mapping.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise refuse(f"there is no time zone {mapping.timezone}") from None
    if not mapping.line.unit_price and not mapping.line.total:
        raise refuse("[line] names neither unit_price nor total")
    if mapping.parcel and not mapping.line.site and not mapping.order.site:
        raise refuse('parcels leave from a site: say [line] site or [order] site = { value = "MAIN" }')
    for said in (mapping.order.table, mapping.line.table, mapping.payment.table if mapping.payment else ""):
        if said and said not in mapping.tables:
            raise refuse(f"there is no [tables.{said}]")
    for name, table in mapping.tables.items():
        if bool(table.key) == bool(table.id):
            raise refuse(f"[tables.{name}] has either key (its rows belong to an order) or id and by (it is looked up)")
        if table.id and table.by.partition(".")[0] not in mapping.tables:
            raise refuse(f"[tables.{name}] by is to name a column of another table: orders.customer_id")
    if mapping.tables and not (mapping.order.table and mapping.line.table):
        raise refuse("with [tables], [order] and [line] each say their table")
    if mapping.order.table and not mapping.tables[mapping.order.table].key:
        raise refuse(f"[tables.{mapping.order.table}] is the order's own: it needs a key")
