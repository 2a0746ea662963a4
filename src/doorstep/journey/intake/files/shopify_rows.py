"""shopify_rows: a row of a Shopify export with the order that it belongs to, and what a cell of it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

import msgspec

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.problems import Problem
from doorstep.journey.intake.files.shopify_columns import Columns
from doorstep.journey.intake.files.tables import Row
from doorstep.kit import money

# Columns that only the first row of an order fills; any of them makes a row the order's own.
ORDER_COLUMNS = ("financial_status", "subtotal", "total", "currency", "id")
LINE_COLUMNS = ("quantity", "title", "price", "sku")


class OrderRow(msgspec.Struct, frozen=True):
    """A row with the order it belongs to."""

    row: Row
    columns: Columns
    channel: str
    name: str
    name_missing: bool = False

    def says(self, key: str) -> str:
        at = self.columns.at.get(key)
        return self.row.cells[at].strip() if at is not None else ""

    @property
    def heads(self) -> bool:
        """Is this an order's own row, not one that continues it?"""
        return any(self.says(key) for key in ORDER_COLUMNS)

    @property
    def has_line(self) -> bool:
        return any(self.says(key) for key in LINE_COLUMNS)

    @property
    def identity(self) -> tuple[str, str]:
        """What tells two orders of one name apart."""
        return plain_id(self.says("id")), self.says("created_at")


def plain_id(text: str) -> str:
    """The digits of Shopify's Id; "" for what cannot be one: no whole number, or one digit over and over."""
    digits = cells.code(text).removeprefix("gid://shopify/Order/")
    masked = len(digits) > 2 and len(set(digits)) == 1
    return digits if digits.isascii() and digits.isdigit() and not masked else ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What must be known beyond an order's rows to read them."""

    currency: str
    zone: tzinfo
    day_first: bool | None = None
    shared_ids: frozenset[str] = frozenset()
    external_ids: Mapping[tuple[str, str, str, str], str] = field(default_factory=dict)


class Notes:
    """Collects the problems of one order."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, row: OrderRow, key: str, reason: str, value: str = "") -> None:
        column = row.columns.at.get(key, key)
        self.found.append(Problem(row.row.line, column, reason, value[:200]))


def amount_of(row: OrderRow, key: str, currency: str, notes: Notes, may_be_negative: bool = False) -> int | None:
    text = row.says(key)
    if not text:
        return None
    value = cells.amount(text)
    try:
        minor = money.to_minor(value, currency) if value is not None else None
    except money.NotMoney:
        minor = None
    if value is None or minor is None:
        notes.add(row, key, "amount_unreadable", text)
        return None
    if minor < 0 and not may_be_negative:
        notes.add(row, key, "amount_negative", text)
        return None
    if money.to_decimal(minor, currency) != value:
        notes.add(row, key, "amount_rounded", text)
    return minor


def word_of(head: OrderRow, key: str, known: frozenset[str], notes: Notes) -> str:
    text = head.says(key)
    word = "_".join(text.casefold().replace("-", " ").split())
    if text and word not in known:
        notes.add(head, key, "status_unknown", text)
    return word


def time_of(head: OrderRow, key: str, reading: Reading, notes: Notes) -> datetime | None:
    text = head.says(key)
    if not text:
        return None
    found = cells.when(text, reading.zone, reading.day_first is True)
    if found is None:
        notes.add(head, key, "date_unreadable", text)
    elif reading.day_first is None and (pair := cells.slashed(text)) and pair[0] != pair[1] and max(pair) <= 12:
        notes.add(head, key, "date_ambiguous", text)
    return found


def text_of(row: OrderRow, key: str, limit: int, notes: Notes, *, is_code: bool = False) -> str:
    text = cells.code(row.says(key)) if is_code else cells.plain(row.says(key))
    if len(text) > limit:
        notes.add(row, key, "text_cut", text)
    return text[:limit]
