"""lines_mapped: rows of lines by a mapping: what was sold or corrected, how many, at which price, how far it came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache

from doorstep.journey.intake.files.fields import Fields, Settled, Wrong, decimal, exact_price, site_code, sorting, whole
from doorstep.journey.intake.files.mapping import Mapping
from doorstep.journey.intake.files.scope import Scope
from doorstep.journey.intake.files.staging import Part
from doorstep.journey.intake.new_order import NewLine

MOST_LINES = 2000
LARGEST_QUANTITY = 1_000_000
LARGEST_PRICE = Decimal(10) ** 9


@dataclass(slots=True)
class Line:
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
        self.fields = Fields(mapping.line, scope, settled)
        self._decimal, self._key = mapping.decimal, mapping.order.key
        self._is_service = scope.test(mapping.line.service)
        self._service_code = _service_codes(mapping.services)

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
        get = self.fields.get
        told = get("quantity", row) if "quantity" in self.fields else "1"
        quantity = whole(told)
        if quantity is None or abs(quantity) > LARGEST_QUANTITY:
            reason = "quantity_unclear" if quantity is None else "quantity_too_large"
            wrong.add(part.line, self.fields.said["quantity"], reason, told)
            quantity = 1
        price = self._price(part, row, quantity, wrong)
        if price is None:
            return None
        code = get("sku", row).strip()[:120]
        return Line(
            part=part, row=row, code=code, title=get("title", row)[:500], quantity=quantity, unit_price=price,
            service=self._service_code(code) or (self._is_service is not None and self._is_service(row)),
            site=site_code(get("site", row)) if "site" in self.fields else "",
            stage=get("stage", row).strip(),
        )  # fmt: skip

    def _price(self, part: Part, row: Sequence[str], quantity: int, wrong: Wrong) -> Decimal | None:
        name = "unit_price" if "unit_price" in self.fields else "total"
        told = self.fields.get(name, row)
        amount = decimal(told, self._decimal)
        if amount is None:
            reason = "price_missing" if not told.strip() else "amount_unreadable"
            if quantity:
                wrong.add(part.line, self.fields.said[name], reason, told)
            amount = Decimal(0)
        if name == "total" and quantity not in (0, 1):
            return exact_price(amount / quantity)
        if abs(amount) > LARGEST_PRICE:
            wrong.add(part.line, self.fields.said[name], "price_too_large", told)
            return None
        exact = exact_price(amount)
        if exact != amount:
            wrong.add(part.line, self.fields.said[name], "price_rounded", told)
        return exact

    def new_line(self, line: Line, currency: str, wrong: Wrong, tax_minor: int) -> NewLine:
        discount = self.fields.minor("discount", line.row, currency, line.part, wrong)
        return NewLine(
            sku=line.code, title=line.title, quantity=line.quantity, unit_price=line.unit_price,
            discount_minor=discount, tax_minor=tax_minor, ships=not line.service,
            external_id=self.fields.get("external_id", line.row).strip()[:120],
        )  # fmt: skip


def _service_codes(patterns: list[str]) -> Callable[[str], bool]:
    """Whether a code is that of a service: by the words, and by patterns like gift_*."""
    words = frozenset(word for word in patterns if not set(word) & set("*?["))
    wild = tuple(word for word in patterns if word not in words)

    @lru_cache(maxsize=65536)
    def is_service(code: str) -> bool:
        return code in words or any(fnmatchcase(code, pattern) for pattern in wild)

    return is_service
