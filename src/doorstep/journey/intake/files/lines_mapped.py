"""lines_mapped: rows of lines by a mapping: what was sold or corrected, how many, at which price, how far it came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from doorstep.journey.intake.files.fields import Fields, Settled, Wrong, decimal, exact_price, site_code, sorting, whole
from doorstep.journey.intake.files.mapping import Mapping
from doorstep.journey.intake.files.scope import Scope
from doorstep.journey.intake.files.staging import Part
from doorstep.journey.intake.new_order import NewLine

MOST_LINES = 2000
LARGEST_QUANTITY = 1_000_000
LARGEST_PRICE = Decimal(10) ** 9
ZERO = Decimal(0)
NO_PRICE = frozenset({"price_missing", "amount_unreadable"})
REMEMBERED = 16384  # cells of prices, and what they came to


class Line(msgspec.Struct, gc=False):
    """A row of a line, in its whole context, and what it was read as."""

    part: Part
    row: Sequence[str]
    code: str
    title: str
    quantity: int
    unit_price: Decimal
    service: bool
    site: str
    stage: str = ""


class LineReader:
    """Reads the rows of lines of one mapping."""

    def __init__(self, mapping: Mapping, scope: Scope, settled: Settled) -> None:
        self.fields = fields = Fields(mapping.line, scope, settled)
        self._mark, self._key = mapping.decimal, mapping.order.key
        self._is_service = scope.test(mapping.line.service)
        self._service_code = _service_codes(mapping.services)
        self._price_field = "unit_price" if "unit_price" in fields else "total"
        self._by_total = self._price_field == "total"
        self._quantity, self._amount = fields.getter("quantity", "1"), fields.getter(self._price_field)
        self._code, self._title, self._stage = fields.getter("sku"), fields.getter("title"), fields.getter("stage")
        self._site = fields.getter("site") if "site" in fields else None
        self._external_id, self._has_discount = fields.getter("external_id"), "discount" in fields

    def lines(self, rows: list[tuple[Part, Sequence[str]]], wrong: Wrong) -> list[Line]:
        lines = [line for part, row in rows if (line := self._sold(part, row, wrong)) is not None]
        if "number" in self.fields:
            get = self.fields.get
            lines.sort(key=lambda line: sorting(get("number", line.row)))
        if len(lines) > MOST_LINES:
            wrong.add(lines[MOST_LINES].part.line, self._key, "too_many_lines")
        return lines[:MOST_LINES]

    def _sold(self, part: Part, row: Sequence[str], wrong: Wrong) -> Line | None:
        line = self.read(part, row, wrong)
        if line is None:
            return None
        if line.quantity < 0:
            wrong.add(part.line, self.fields.said["quantity"], "quantity_negative", str(line.quantity))
            return None
        if line.unit_price < 0:
            wrong.add(part.line, self.fields.said["unit_price"], "price_negative", str(line.unit_price))
            return None
        return line

    def read(self, part: Part, row: Sequence[str], wrong: Wrong) -> Line | None:
        """A line as it was told, signs included; None when its quantity is none that goods have."""
        told = self._quantity(row)
        quantity = whole(told)
        if quantity is None or abs(quantity) > LARGEST_QUANTITY:
            reason = "quantity_unclear" if quantity is None else "quantity_too_large"
            wrong.add(part.line, self.fields.said["quantity"], reason, told)
            quantity = 1
        price = self._price(part, row, quantity, wrong)
        if price is None:
            return None
        code = self._code(row).strip()[:120]
        return Line(
            part, row, code, self._title(row)[:500], quantity, price,
            self._service_code(code) or (self._is_service is not None and self._is_service(row)),
            "" if self._site is None else site_code(self._site(row)),
            self._stage(row).strip(),
        )  # fmt: skip

    def _price(self, part: Part, row: Sequence[str], quantity: int, wrong: Wrong) -> Decimal | None:
        told = self._amount(row)
        amount, price, problem = _priced(told, self._mark)
        is_shared = self._by_total and quantity not in (0, 1)
        if problem and (quantity if problem in NO_PRICE else not is_shared):
            wrong.add(part.line, self.fields.said[self._price_field], problem, told)
        return exact_price(amount / quantity) if is_shared else price

    def new_line(self, line: Line, currency: str, wrong: Wrong, tax_minor: int) -> NewLine:
        discount = 0
        if self._has_discount:
            discount = self.fields.minor("discount", line.row, currency, line.part, wrong)
        return NewLine(
            sku=line.code, title=line.title, quantity=line.quantity, unit_price=line.unit_price,
            discount_minor=discount, tax_minor=tax_minor, ships=not line.service,
            external_id=self._external_id(line.row).strip()[:120],
        )  # fmt: skip


@lru_cache(maxsize=REMEMBERED)
def _priced(told: str, mark: str) -> tuple[Decimal, Decimal | None, str]:
    """The amount that a cell says, the price that it makes, and what is wrong with it."""
    amount = decimal(told, mark)
    if amount is None:
        return ZERO, ZERO, "amount_unreadable" if told.strip() else "price_missing"
    if abs(amount) > LARGEST_PRICE:
        return amount, None, "price_too_large"
    exact = exact_price(amount)
    return amount, exact, "price_rounded" if exact != amount else ""


def _service_codes(patterns: list[str]) -> Callable[[str], bool]:
    """Whether a code is that of a service: by the words, and by patterns like gift_*."""
    words = frozenset(word for word in patterns if not set(word) & set("*?["))
    wild = tuple(word for word in patterns if word not in words)

    @lru_cache(maxsize=65536)
    def is_service(code: str) -> bool:
        return code in words or any(fnmatchcase(code, pattern) for pattern in wild)

    return is_service
