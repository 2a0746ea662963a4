"""orders_mapped: the rows of one key, by a mapping, as an order, a credit, a write-off, a change of stock.

What is wrong with a row is told, never dropped: a line that cannot be taken stands in the problems with its column and
its reason, and the rest of its order is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Literal, cast, get_args

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.entries import Entry
from doorstep.journey.intake.files.fields import Fields, Settled, Wrong, site_code, sorting
from doorstep.journey.intake.files.happened_mapped import NOT_SENT, HappenedReader, is_over, to_begin_with
from doorstep.journey.intake.files.lines_mapped import Line, LineReader
from doorstep.journey.intake.files.mapping import Mapping
from doorstep.journey.intake.files.names_mapped import Namer
from doorstep.journey.intake.files.scope import ROWS, Opened, Scope, Test
from doorstep.journey.intake.files.staging import Part, Staging
from doorstep.journey.intake.files.tables import BadRow
from doorstep.journey.intake.import_history import ImportHistory
from doorstep.journey.intake.new_order import Buyer, NewOrder, PaymentTerm, Tender
from doorstep.journey.intake.place import Place
from doorstep.journey.intake.told import CorrectedLine, ImportCorrection
from doorstep.kit import money
from doorstep.kit.refusals import Refusal
from doorstep.setup.addresses import Address

TERMS = frozenset(get_args(PaymentTerm))

CorrectionKind = Literal["credit", "adjustment", "stock"]
KINDS: tuple[CorrectionKind, ...] = get_args(CorrectionKind)


class OrderBuilder:
    """Reads by one mapping; knows what was named before."""

    def __init__(
        self, mapping: Mapping, tables: dict[str, Opened], settled: Settled, staging: Staging, files: list[str]
    ) -> None:
        self.mapping, self.settled, self.staging, self.files = mapping, settled, staging, files
        order_table, line_table = mapping.order.table or ROWS, mapping.line.table or ROWS
        paying = mapping.payment.table or order_table if mapping.payment else ""
        self.order_scope = Scope(tables, order_table)
        self.line_scope = Scope(tables, line_table, order_table)
        self.order_owner, self.line_owner = tables[order_table].owner, tables[line_table].owner
        self.payment_owner = tables[paying].owner if paying else -1
        # Where lines stand in a table of their own, or point to others, each row is seen with what is beside it.
        self.is_looked_up = self.order_owner != self.line_owner or len(self.line_scope.chain) > 1
        self.order = Fields(mapping.order, self.order_scope, settled)
        self.placed_at = self.order.getter("placed_at")
        self.lines = LineReader(mapping, self.line_scope, settled)
        self.line = self.lines.fields
        self.names = Namer(mapping, self.line_scope, settled)
        self.payment_scope = Scope(tables, paying, order_table) if paying else self.order_scope
        self.payment = Fields(mapping.payment, self.payment_scope, settled) if mapping.payment else None
        tests = ((kind, self.line_scope.test(getattr(mapping.kind, kind))) for kind in KINDS)
        self.kinds: list[tuple[CorrectionKind, Test]] = [(kind, test) for kind, test in tests if test is not None]
        self.happened = HappenedReader(mapping, self.order, self.order_scope, self.line, self.line_scope, settled)
        self.has_tax_included = self.order_scope.test(mapping.order.tax_included)

    def begin(self) -> None:
        """From the first order again."""
        self.names.begin()

    def entries(self, key: str, parts: list[Part]) -> Iterator[Entry | BadRow]:
        """What the rows of this key are: an order, or corrections, or both."""
        orders = [part for part in parts if part.owner == self.order_owner]
        told: list[BadRow] = []
        if self.order_owner != self.line_owner:
            told += _repeated(orders, self.files, self.mapping.order.key)
        order_row = self._with_looked_up(self.order_scope, orders[0].texts)
        wrong = Wrong()
        by_kind: dict[str, list[tuple[Part, Sequence[str]]]] = {}
        for part in parts:
            if part.owner == self.line_owner:
                row = self._row_of(self.line_scope, part, order_row) if self.is_looked_up else part.texts
                by_kind.setdefault(self._kind(row), []).append((part, row))
        payments = [part for part in parts if part.owner == self.payment_owner] if self.payment else []
        if by_kind and "" not in by_kind and self.payment_owner not in (self.order_owner, self.line_owner):
            told += (self._not_of_an_order(part) for part in payments)
        yield from told
        # Rows that are no line (the order's own, its payments) are counted with the first that comes of the key.
        beside = len(parts) - len(told) - sum(map(len, by_kind.values()))
        counts = True
        for kind in KINDS:
            if kind in by_kind:
                yield self._correction(kind, key, order_row, by_kind[kind], counts, beside)
                counts, beside = False, 0
        if "" in by_kind or not by_kind:
            yield self._order(key, orders[0], order_row, by_kind.get("", []), payments, wrong, counts, beside)

    def _kind(self, row: Sequence[str]) -> str:
        for kind, test in self.kinds:
            if test(row):
                return kind
        return ""

    def _not_of_an_order(self, part: Part) -> BadRow:
        return BadRow(
            file=self.files[part.file], line=part.line, reason="payment_of_correction", value=part.texts[0][:200]
        )

    def _row_of(self, scope: Scope, part: Part, order_row: Sequence[str]) -> Sequence[str]:
        """A row of lines or payments with what it points to, its order's row behind it."""
        if part.owner == self.order_owner:
            return self._with_looked_up(scope, part.texts)
        return [*self._with_looked_up(scope, part.texts, until=self.order_owner), *order_row]

    def _with_looked_up(self, scope: Scope, texts: list[str], until: int = -1) -> list[str]:
        if len(scope.chain) == 1:
            return texts
        row = list(texts)
        for table in scope.chain[1:]:
            if table.owner == until:
                break
            pointer = scope.columns[table.said.by]
            found = self.staging.look_up(table.owner, row[pointer].strip()) if pointer < len(row) else None
            row += found if found is not None else [""] * len(table.header)
        return row

    # an order

    def _order(
        self, key: str, head: Part, row: Sequence[str], line_rows: list[tuple[Part, Sequence[str]]],
        payments: list[Part], wrong: Wrong, counts: bool, beside: int,
    ) -> Entry:  # fmt: skip
        currency = self._currency(row, head, wrong)
        lines = self.lines.lines(line_rows, wrong)
        placed_at = self._placed_at(row, head, line_rows, wrong)
        happened = self.happened.read(row, head, lines, wrong, currency)
        is_history = self.settled.history or is_over(happened, lines)
        if not is_history:
            lines = [line for line in lines if line.quantity and line.stage not in NOT_SENT]
            happened = to_begin_with(happened, lines)
        text, minor = self._text, self.order.minor
        shipping, taxes = (self._of_lines(name, lines, currency, wrong) for name in ("shipping", "tax"))
        order = NewOrder(
            lines=[
                self.lines.new_line(line, currency, wrong, tax) for line, tax in zip(lines, taxes, strict=True)
            ],
            currency=currency,
            external_id=key[:120],
            number=(text("number", row) or key)[:60],
            channel=(text("channel", row).strip() or self.settled.channel)[:60],
            placed_at=placed_at,
            ship_by=self._ship_by(line_rows, wrong),
            buyer=self._buyer(row),
            ship_to=self._address(row, head, wrong),
            discount_minor=minor("discount", row, currency, head, wrong),
            shipping_minor=sum(shipping) + minor("shipping", row, currency, head, wrong),
            tax_minor=sum(taxes) or minor("tax", row, currency, head, wrong),
            tax_included=self.has_tax_included is not None and self.has_tax_included(row),
            total_minor=minor("total", row, currency, head, wrong) if text("total", row).strip() else None,
            tenders=self._tenders(payments, row, currency, wrong),
            payment_term=self._term(row, head, wrong),
            shipping_method=text("shipping_method", row)[:200],
            insured_minor=minor("insured", row, currency, head, wrong),
            risk=cells.risk(text("risk", row)),
            note=text("note", row)[:2000],
        )  # fmt: skip
        site = site_code(text("site", row))
        body = (
            ImportHistory(order=order, happened=happened, site=site)
            if is_history
            else Place(order=order, happened=happened, generous=True)
        )
        file, first_line = self._first(head, line_rows)
        return Entry(
            verb="import_history" if is_history else "place", body=body, file=file, first_line=first_line,
            rows=len(line_rows) + beside, name=key,
            problems=tuple(wrong.found), skus=self.names.skus(lines), sites=self.names.sites(lines, site),
            counts=counts,
        )  # fmt: skip

    def _placed_at(
        self, row: Sequence[str], head: Part, rows: list[tuple[Part, Sequence[str]]], wrong: Wrong
    ) -> datetime | None:
        """The earliest that its rows say; where the order has a row of its own, what that says."""
        if head.owner == self.line_owner:
            texts = {self.placed_at(own) for _, own in rows}
            told = [at for text in texts if (at := self.settled.moment(text)) is not None]
            if told:
                return min(told)
        return self.order.moment("placed_at", row, head, wrong)

    def _ship_by(self, rows: list[tuple[Part, Sequence[str]]], wrong: Wrong) -> datetime | None:
        """The earliest that its lines say; a day alone means its end."""
        if "ship_by" not in self.line:
            return None
        told = [at for part, row in rows if (at := self.line.moment("ship_by", row, part, wrong)) is not None]
        first = min(told, default=None)
        is_day = first is not None and first.astimezone(self.settled.zone).time() == time.min
        return first + timedelta(days=1) if first and is_day else first

    def _of_lines(self, name: str, lines: list[Line], currency: str, wrong: Wrong) -> list[int]:
        """An amount of each line that the order has as a whole."""
        if name not in self.line:
            return [0] * len(lines)
        return [self.line.minor(name, line.row, currency, line.part, wrong) for line in lines]

    def _tenders(self, parts: list[Part], order_row: Sequence[str], currency: str, wrong: Wrong) -> list[Tender]:
        if self.payment is None:
            return []
        get, tenders = self.payment.get, []
        rows = [(part, self._row_of(self.payment_scope, part, order_row)) for part in parts]
        if "number" in self.payment:
            rows.sort(key=lambda both: sorting(get("number", both[1])))
        if self.payment_owner == self.order_owner:
            rows = rows[:1]
        for part, row in rows:
            if not get("amount", row).strip():
                continue
            tenders.append(
                Tender(
                    kind="paid", amount_minor=self.payment.minor("amount", row, currency, part, wrong),
                    method=get("method", row)[:200], reference=get("reference", row)[:200],
                    paid_at=self.payment.moment("paid_at", row, part, wrong),
                )
            )  # fmt: skip
        return tenders

    # a correction

    def _correction(
        self, kind: CorrectionKind, key: str, row: Sequence[str], rows: list[tuple[Part, Sequence[str]]], counts: bool,
        beside: int,
    ) -> Entry:  # fmt: skip
        wrong = Wrong()
        head = rows[0][0]
        currency = self._currency(row, head, wrong)
        lines = [line for part, own in rows if (line := self.lines.read(part, own, wrong)) is not None]
        happened_at = self._placed_at(row, head, rows, wrong) or EPOCH
        site = site_code(self._text("site", row))
        body = ImportCorrection(
            kind=kind, external_id=key[:120], number=(self._text("number", row) or key)[:60],
            channel=(self._text("channel", row).strip() or self.settled.channel)[:60],
            happened_at=happened_at, currency=currency, buyer=self._buyer(row),
            country=self._country(row, head, wrong), site=site, reason=self._text("reason", row)[:500],
            lines=[
                CorrectedLine(sku=line.code, title=line.title, quantity=line.quantity, unit_price=line.unit_price)
                for line in lines
            ],
        )  # fmt: skip
        file, first_line = self._first(head, rows)
        return Entry(
            verb="import_correction", body=body, file=file, first_line=first_line, rows=len(rows) + beside,
            name=key,
            problems=tuple(wrong.found), skus=self.names.skus(lines), sites=self.names.sites(lines, site),
            counts=counts,
        )  # fmt: skip

    # parts of both

    def _text(self, name: str, row: Sequence[str]) -> str:
        return self.order.get(name, row)

    def _buyer(self, row: Sequence[str]) -> Buyer:
        text = self._text
        return Buyer(
            name=text("name", row)[:200], customer=text("customer", row).strip()[:120],
            email=text("email", row).strip()[:254], phone=text("phone", row).strip()[:40],
        )  # fmt: skip

    def _address(self, row: Sequence[str], head: Part, wrong: Wrong) -> Address | None:
        text = self._text
        lines = {name: text(name, row)[:200] for name in ("company", "line1", "line2", "city", "region")}
        postcode, country = text("postcode", row).strip()[:20], self._country(row, head, wrong)
        point = text("pickup_point", row).strip()[:80]
        if not country and not postcode and not point and not any(value.strip() for value in lines.values()):
            return None
        return Address(
            name=text("name", row)[:200], postcode=postcode, pickup_point=point, phone=text("phone", row).strip()[:40],
            country=country or cells.UNKNOWN_COUNTRY, **lines,
        )  # fmt: skip

    def _country(self, row: Sequence[str], head: Part, wrong: Wrong) -> str:
        told = self._text("country", row)
        if told == cells.UNKNOWN_COUNTRY:
            return told
        country = cells.country(told)
        if country is None:
            wrong.add(head.line, self.order.said["country"], "country_unknown", told)
            return cells.UNKNOWN_COUNTRY
        return country

    def _currency(self, row: Sequence[str], head: Part, wrong: Wrong) -> str:
        told = self._text("currency", row).strip().upper() or self.settled.currency
        try:
            money.digits(told)
        except Refusal:
            wrong.add(head.line, self.order.said["currency"], "currency_unknown", told)
            return self.settled.currency
        return told

    def _term(
        self, row: Sequence[str], head: Part, wrong: Wrong
    ) -> Literal["prepaid", "on_shipment", "cod", "on_account"]:
        told = self._text("payment_term", row).strip()
        if told in TERMS:
            return cast(PaymentTerm, told)
        if told:
            wrong.add(head.line, self.order.said["payment_term"], "status_unknown", told)
        return "prepaid"

    def _first(self, head: Part, rows: list[tuple[Part, Sequence[str]]]) -> tuple[str, int]:
        first = rows[0][0] if rows and head.owner == self.line_owner else head
        return self.files[first.file], first.line


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _repeated(orders: list[Part], files: list[str], column: str) -> Iterator[BadRow]:
    """An order's own row that stands there again and says something else: the first one counts."""
    for again in orders[1:]:
        if again.texts != orders[0].texts:
            yield BadRow(
                file=files[again.file],
                line=again.line,
                column=column,
                reason="order_repeated",
                value=again.texts[0][:200],
            )
