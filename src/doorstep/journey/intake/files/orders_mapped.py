"""orders_mapped: the rows of one key, by a mapping, as an order, a credit, a write-off, a change of stock.

What is wrong with a row is told, never dropped: a line that cannot be taken stands in the problems with its column and
its reason, and the rest of its order is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo

import msgspec

from doorstep.journey.intake.content import Contradiction, Happened, LineStage, ToldParcel
from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.entries import Entry, FirstSeen
from doorstep.journey.intake.files.mapping import Mapping, Said
from doorstep.journey.intake.files.moments import Moment
from doorstep.journey.intake.files.problems import Problem
from doorstep.journey.intake.files.scope import ROWS, Opened, Scope, Test
from doorstep.journey.intake.files.staging import Part, Staging
from doorstep.journey.intake.files.tables import BadRow
from doorstep.journey.intake.import_history import ImportHistory
from doorstep.journey.intake.new_order import Buyer, NewLine, NewOrder, PaymentTerm, Tender
from doorstep.journey.intake.place import Place
from doorstep.journey.intake.told import CorrectedLine, ImportCorrection
from doorstep.kit import money
from doorstep.kit.refusals import Refusal
from doorstep.setup import checks
from doorstep.setup.addresses import Address
from doorstep.setup.merchants import NewSite, NewSku

MOST_LINES = 2000
LARGEST_QUANTITY = 1_000_000
LARGEST_PRICE = Decimal(10) ** 9
SIX_PLACES = Decimal(1).scaleb(-money.UNIT_PRICE_PLACES)
STAGES = frozenset(get_args(LineStage))
# Where the units of a line are gone from the site, or will never leave it.
OVER = frozenset({"shipped", "delivered", "taken_back", "lost", "canceled"})
NOT_SENT = frozenset({"canceled"})
_NOT_IN_CODES = re.compile(r"[^A-Z0-9-]+")

CorrectionKind = Literal["credit", "adjustment", "stock"]
KINDS: tuple[CorrectionKind, ...] = get_args(CorrectionKind)


@dataclass(frozen=True, slots=True)
class Settled:
    """What holds for all rows."""

    currency: str
    channel: str
    zone: ZoneInfo
    timezone: str
    history: bool
    moment: Moment


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


@dataclass(slots=True)
class Wrong:
    """The problems of one order, each with the line of the file it is about."""

    found: list[Problem] = field(default_factory=list)

    def add(self, line: int, column: Said, reason: str, value: str = "") -> None:
        named = column if isinstance(column, str) else column.of
        self.found.append(Problem(line, named[:120], reason, value[:200]))


class Fields:
    """Those of one section of the mapping, each as a function of a row."""

    def __init__(self, section: object, scope: Scope, names: Sequence[str]) -> None:
        self.said: dict[str, Said] = {name: getattr(section, name) for name in names}
        self._get = {name: get for name, said in self.said.items() if (get := scope.getter(said)) is not None}

    def __contains__(self, name: str) -> bool:
        return name in self._get

    def get(self, name: str, row: Sequence[str]) -> str:
        get = self._get.get(name)
        return get(row) if get is not None else ""


def _names(section: msgspec.Struct) -> list[str]:
    return [name for name in section.__struct_fields__ if name not in ("table", "key", "complete")]


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
        self.tables = tables
        self.order = Fields(mapping.order, self.order_scope, _names(mapping.order))
        self.line = Fields(mapping.line, self.line_scope, _names(mapping.line))
        self.sku = Fields(mapping.sku, self.line_scope, _names(mapping.sku))
        self.site = Fields(mapping.site, self.line_scope, _names(mapping.site))
        self.parcel = Fields(mapping.parcel, self.line_scope, _names(mapping.parcel)) if mapping.parcel else None
        self.payment_scope = Scope(tables, paying, order_table) if paying else self.order_scope
        self.payment = Fields(mapping.payment, self.payment_scope, _names(mapping.payment)) if mapping.payment else None
        tests = ((kind, self.line_scope.test(getattr(mapping.kind, kind))) for kind in KINDS)
        self.kinds: list[tuple[CorrectionKind, Test]] = [(kind, test) for kind, test in tests if test is not None]
        self.is_service = self.line_scope.test(mapping.line.service)
        self.is_canceled = self.order_scope.test(mapping.order.canceled)
        self.is_delivered = self.order_scope.test(mapping.order.delivered)
        self.has_tax_included = self.order_scope.test(mapping.order.tax_included)
        self.service_code = _service_codes(mapping.services)
        self.begin()

    def begin(self) -> None:
        """From the first order again."""
        self.new_sku, self.named_sku, self.new_site = FirstSeen(), FirstSeen(), FirstSeen()

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
                row = self._row_of(self.line_scope, part, order_row)
                kind = next((kind for kind, test in self.kinds if test(row)), "")
                by_kind.setdefault(kind, []).append((part, row))
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

    def _not_of_an_order(self, part: Part) -> BadRow:
        return BadRow(
            file=self.files[part.file], line=part.line, reason="payment_of_correction", value=part.texts[0][:200]
        )

    def _row_of(self, scope: Scope, part: Part, order_row: Sequence[str]) -> Sequence[str]:
        """A row of lines or payments with what it points to, its order's row behind it."""
        if part.owner == self.order_owner:
            return self._with_looked_up(scope, part.texts) if len(scope.chain) > 1 else part.texts
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
        lines = self._lines(line_rows, wrong)
        placed_at = min(
            (at for part, own in line_rows if (at := self._moment_of(self.order, "placed_at", own, part)) is not None),
            default=None,
        ) if head.owner == self.line_owner else self._moment_of(self.order, "placed_at", row, head, wrong)  # fmt: skip
        if placed_at is None and head.owner == self.line_owner:
            self._moment_of(self.order, "placed_at", row, head, wrong)
        happened = self._happened(row, head, lines, wrong, currency)
        is_history = self.settled.history or self._is_over(happened, lines)
        if not is_history:
            lines = [line for line in lines if line.quantity and line.stage not in NOT_SENT]
            happened = _to_begin_with(happened, lines)
        text, minor = self._text, self._minor
        shipping = [
            minor(self.line, "shipping", line.row, currency, line.part, wrong) for line in lines
        ] if "shipping" in self.line else []  # fmt: skip
        taxes = [minor(self.line, "tax", line.row, currency, line.part, wrong) for line in lines] \
            if "tax" in self.line else []  # fmt: skip
        order = NewOrder(
            lines=[self._new_line(line, currency, wrong, taxes[i] if taxes else 0) for i, line in enumerate(lines)],
            currency=currency,
            external_id=key[:120],
            number=(text("number", row) or key)[:60],
            channel=(text("channel", row).strip() or self.settled.channel)[:60],
            placed_at=placed_at,
            buyer=self._buyer(row),
            ship_to=self._address(row, head, wrong),
            discount_minor=minor(self.order, "discount", row, currency, head, wrong),
            shipping_minor=sum(shipping) + minor(self.order, "shipping", row, currency, head, wrong),
            tax_minor=sum(taxes) or minor(self.order, "tax", row, currency, head, wrong),
            tax_included=self.has_tax_included is not None and self.has_tax_included(row),
            total_minor=minor(self.order, "total", row, currency, head, wrong) if text("total", row).strip() else None,
            tenders=self._tenders(payments, row, currency, wrong),
            payment_term=self._term(row, head, wrong),
            shipping_method=text("shipping_method", row)[:200],
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
            problems=tuple(wrong.found), skus=self._new_skus(lines), sites=self._new_sites(lines, site, row),
            counts=counts,
        )  # fmt: skip

    def _lines(self, rows: list[tuple[Part, Sequence[str]]], wrong: Wrong) -> list[Line]:
        lines = [line for part, row in rows if (line := self._line(part, row, wrong)) is not None]
        if "number" in self.line:
            get = self.line.get
            lines.sort(key=lambda line: _as_number(get("number", line.row)))
        if len(lines) > MOST_LINES:
            wrong.add(lines[MOST_LINES].part.line, self.mapping.order.key, "too_many_lines")
        return lines[:MOST_LINES]

    def _line(self, part: Part, row: Sequence[str], wrong: Wrong) -> Line | None:
        line = self._read(part, row, wrong)
        if line is None:
            return None
        if line.quantity < 0:
            wrong.add(part.line, self.line.said["quantity"], "quantity_negative", str(line.quantity))
            return None
        if line.unit_price < 0:
            wrong.add(part.line, self.line.said["unit_price"], "price_negative", str(line.unit_price))
            return None
        return line

    def _read(self, part: Part, row: Sequence[str], wrong: Wrong) -> Line | None:
        """A line as it was told, signs included; None when its quantity is none that goods have."""
        get = self.line.get
        told = get("quantity", row) if "quantity" in self.line else "1"
        quantity = whole(told)
        if quantity is None or abs(quantity) > LARGEST_QUANTITY:
            reason = "quantity_unclear" if quantity is None else "quantity_too_large"
            wrong.add(part.line, self.line.said["quantity"], reason, told)
            quantity = 1
        price = self._price(part, row, quantity, wrong)
        if price is None:
            return None
        code = get("sku", row).strip()[:120]
        return Line(
            part=part, row=row, code=code, title=get("title", row)[:500], quantity=quantity, unit_price=price,
            service=self.service_code(code) or (self.is_service is not None and self.is_service(row)),
            site=site_code(get("site", row)) if "site" in self.line else "",
            stage=get("stage", row).strip(),
        )  # fmt: skip

    def _price(self, part: Part, row: Sequence[str], quantity: int, wrong: Wrong) -> Decimal | None:
        name = "unit_price" if "unit_price" in self.line else "total"
        told = self.line.get(name, row)
        amount = decimal(told, self.mapping.decimal)
        if amount is None:
            reason = "price_missing" if not told.strip() else "amount_unreadable"
            if quantity:
                wrong.add(part.line, self.line.said[name], reason, told)
            amount = Decimal(0)
        if name == "total" and quantity not in (0, 1):
            return _places_of_a_price(amount / quantity)
        if abs(amount) > LARGEST_PRICE:
            wrong.add(part.line, self.line.said[name], "price_too_large", told)
            return None
        exact = _places_of_a_price(amount)
        if exact != amount:
            wrong.add(part.line, self.line.said[name], "price_rounded", told)
        return exact

    def _new_line(self, line: Line, currency: str, wrong: Wrong, tax_minor: int) -> NewLine:
        discount = (
            self._minor(self.line, "discount", line.row, currency, line.part, wrong) if "discount" in self.line else 0
        )
        return NewLine(
            sku=line.code, title=line.title, quantity=line.quantity, unit_price=line.unit_price,
            discount_minor=discount, tax_minor=tax_minor, ships=not line.service,
            external_id=self.line.get("external_id", line.row).strip()[:120],
        )  # fmt: skip

    def _tenders(self, parts: list[Part], order_row: Sequence[str], currency: str, wrong: Wrong) -> list[Tender]:
        if self.payment is None:
            return []
        get, tenders = self.payment.get, []
        rows = [(part, self._row_of(self.payment_scope, part, order_row)) for part in parts]
        if "number" in self.payment:
            rows.sort(key=lambda both: _as_number(get("number", both[1])))
        if self.payment_owner == self.order_owner:
            rows = rows[:1]
        for part, row in rows:
            if not get("amount", row).strip():
                continue
            tenders.append(
                Tender(
                    kind="paid", amount_minor=self._minor(self.payment, "amount", row, currency, part, wrong),
                    method=get("method", row)[:200], reference=get("reference", row)[:200],
                    paid_at=self._moment_of(self.payment, "paid_at", row, part, wrong),
                )
            )  # fmt: skip
        return tenders

    # what happened to it

    def _happened(self, row: Sequence[str], head: Part, lines: list[Line], wrong: Wrong, currency: str) -> Happened:
        moment = self._moment_of
        fulfilled_at = moment(self.order, "fulfilled_at", row, head, wrong)
        delivered_at = moment(self.order, "delivered_at", row, head, wrong)
        stages, contradictions = self._stages(lines)
        return Happened(
            approved_at=moment(self.order, "approved_at", row, head, wrong),
            promised_on=self._day(row, head, wrong),
            fulfilled_at=fulfilled_at,
            delivered_at=delivered_at,
            canceled_at=moment(self.order, "canceled_at", row, head, wrong),
            canceled=self.is_canceled is not None and self.is_canceled(row),
            delivered=self.is_delivered is not None and self.is_delivered(row),
            refunded_minor=self._minor(self.order, "refunded", row, currency, head, wrong),
            refunded_at=moment(self.order, "refunded_at", row, head, wrong),
            stages=stages,
            parcels=self._parcels(lines, fulfilled_at, delivered_at, wrong) if self.parcel else [],
            contradictions=contradictions,
            payments_told=self.mapping.payment is not None and self.mapping.payment.complete,
            times_told="delivered_at" in self.order,
        )

    def _stages(self, lines: list[Line]) -> tuple[list[LineStage], list[Contradiction]]:
        """Where each line is; a word that is no stage says that the file contradicts itself."""
        if "stage" not in self.line:
            return [], []
        stages: list[LineStage] = []
        found: dict[str, list[str]] = {}
        inner = self.line.said["stage"]
        told = self.line_scope.getter(inner if isinstance(inner, str) else inner.of)
        for line in lines:
            if line.stage in STAGES:
                stages.append(cast(LineStage, line.stage))
            else:
                stages.append("")
                found.setdefault(line.stage, []).append(told(line.row) if told else line.stage)
        contradictions = [
            Contradiction(kind=_as_kind(kind), reason=f"the channel says: {', '.join(dict.fromkeys(words))}"[:500])
            for kind, words in found.items()
        ]
        return stages, contradictions

    def _parcels(
        self, lines: list[Line], fulfilled_at: datetime | None, delivered_at: datetime | None, wrong: Wrong
    ) -> list[ToldParcel]:
        """What lies together: lines of one site, tracking number and state."""
        assert self.parcel is not None
        get, boxes = self.parcel.get, dict[tuple[str, str, str], list[int]]()
        for number, line in enumerate(lines, start=1):
            if line.site and line.quantity and not line.service and line.stage not in NOT_SENT and line.stage in STAGES:
                box = (line.site, get("tracking_number", line.row).strip()[:200], get("state", line.row).strip())
                boxes.setdefault(box, []).append(number)
        parcels: list[ToldParcel] = []
        sites: set[str] = set()
        for (site, tracking, state), numbers in boxes.items():
            first = lines[numbers[0] - 1]
            own = self._moment_of(self.parcel, "handed_over_at", first.row, first.part, wrong)
            came = self._moment_of(self.parcel, "delivered_at", first.row, first.part, wrong)
            reference = tracking or (site if site not in sites else f"{site}/{numbers[0]}")
            sites.add(site)
            parcels.append(
                ToldParcel(
                    reference=reference[:120], site=site, lines=numbers, tracking_number=tracking, state=state,
                    carrier=get("carrier", first.row).strip()[:200],
                    handed_over_at=own if "handed_over_at" in self.parcel else fulfilled_at,
                    delivered_at=came if "delivered_at" in self.parcel else delivered_at,
                )
            )  # fmt: skip
        return parcels

    def _is_over(self, happened: Happened, lines: list[Line]) -> bool:
        """Nothing is left to do for it here."""
        if happened.canceled or happened.canceled_at or happened.delivered or happened.delivered_at:
            return True
        if happened.fulfilled_at or not lines:
            return True
        if happened.contradictions and "wanted" not in happened.stages:
            return True  # somebody must look at it first
        return bool(happened.stages) and all(stage in OVER for stage in happened.stages)

    # a correction

    def _correction(
        self, kind: CorrectionKind, key: str, row: Sequence[str], rows: list[tuple[Part, Sequence[str]]], counts: bool,
        beside: int,
    ) -> Entry:  # fmt: skip
        wrong = Wrong()
        head = rows[0][0]
        currency = self._currency(row, head, wrong)
        lines = [line for part, own in rows if (line := self._read(part, own, wrong)) is not None]
        moments = [at for part, own in rows if (at := self._moment_of(self.order, "placed_at", own, part)) is not None]
        if not moments:
            self._moment_of(self.order, "placed_at", row, head, wrong)
        site = site_code(self._text("site", row))
        body = ImportCorrection(
            kind=kind, external_id=key[:120], number=(self._text("number", row) or key)[:60],
            channel=(self._text("channel", row).strip() or self.settled.channel)[:60],
            happened_at=min(moments, default=EPOCH), currency=currency, buyer=self._buyer(row),
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
            problems=tuple(wrong.found), skus=self._new_skus(lines), sites=self._new_sites(lines, site, row),
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
        if not country and not postcode and not any(value.strip() for value in lines.values()):
            return None
        return Address(
            name=text("name", row)[:200], postcode=postcode, phone=text("phone", row).strip()[:40],
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
        for term in get_args(PaymentTerm):
            if told == term:
                return cast(PaymentTerm, term)
        if told:
            wrong.add(head.line, self.order.said["payment_term"], "status_unknown", told)
        return "prepaid"

    def _minor(self, fields: Fields, name: str, row: Sequence[str], currency: str, part: Part, wrong: Wrong) -> int:
        if name not in fields:
            return 0
        told = fields.get(name, row)
        if not told.strip():
            return 0
        amount = decimal(told, self.mapping.decimal)
        if amount is None:
            wrong.add(part.line, fields.said[name], "amount_unreadable", told)
            return 0
        if amount < 0:
            wrong.add(part.line, fields.said[name], "amount_negative", told)
            return 0
        minor = money.to_minor(amount, currency)
        if money.to_decimal(minor, currency) != amount:
            wrong.add(part.line, fields.said[name], "amount_rounded", told)
        return minor

    def _moment_of(
        self, fields: Fields, name: str, row: Sequence[str], part: Part, wrong: Wrong | None = None
    ) -> datetime | None:
        if name not in fields:
            return None
        told = fields.get(name, row)
        at = self.settled.moment(told)
        if at is None and told.strip() and wrong is not None:
            wrong.add(part.line, fields.said[name], "date_unreadable", told)
        return at

    def _day(self, row: Sequence[str], head: Part, wrong: Wrong) -> date | None:
        """A promised date is a day on the calendar there, not an instant."""
        at = self._moment_of(self.order, "promised_on", row, head, wrong)
        return at.astimezone(self.settled.zone).date() if at else None

    def _first(self, head: Part, rows: list[tuple[Part, Sequence[str]]]) -> tuple[str, int]:
        first = rows[0][0] if rows and head.owner == self.line_owner else head
        return self.files[first.file], first.line

    # what is named for the first time

    def _new_skus(self, lines: list[Line]) -> tuple[NewSku, ...]:
        """Codes seen for the first time; and once more when a row tells the name that the first one left out."""
        new = [line for line in lines if line.code and self.new_sku(line.code)]
        named = [line for line in lines if line.code and line.title.strip() and self.named_sku(line.code)]
        return tuple(self._new_sku(line) for line in {id(line): line for line in (*new, *named)}.values())

    def _new_sku(self, line: Line) -> NewSku:
        get = self.sku.get

        def measure(name: str) -> int:
            amount = decimal(get(name, line.row), self.mapping.decimal) if name in self.sku else None
            return int(amount.quantize(Decimal(1), ROUND_HALF_UP)) if amount and 0 < amount < 10**8 else 0

        hs_code = "".join(ch for ch in get("hs_code", line.row) if ch.isdigit())
        return NewSku(
            line.code, name=(get("name", line.row) or line.title).strip()[:200],
            barcode=get("barcode", line.row).strip()[:60], weight_g=measure("weight_g"),
            length_mm=measure("length_mm"), width_mm=measure("width_mm"),
            height_mm=measure("height_mm"), hs_code=hs_code if 6 <= len(hs_code) <= 12 else "",
            origin=cells.country(get("origin", line.row)) or "", stocked=not line.service,
        )  # fmt: skip

    def _new_sites(self, lines: list[Line], site: str, order_row: Sequence[str]) -> tuple[NewSite, ...]:
        new = [self._new_site(line.site, line.row) for line in lines if line.site and self.new_site(line.site)]
        if site and self.new_site(site):
            new.append(NewSite(site, site, "", {}, timezone=self.settled.timezone))
        return tuple(new)

    def _new_site(self, code: str, row: Sequence[str]) -> NewSite:
        get = self.site.get
        country = cells.country(get("country", row)) or ""
        address = {name: get(name, row).strip() for name in ("postcode", "city", "region")}
        return NewSite(
            code, (get("name", row).strip() or code)[:120], country,
            {name: value for name, value in address.items() if value}, timezone=self.settled.timezone,
        )  # fmt: skip


def _to_begin_with(happened: Happened, lines: list[Line]) -> Happened:
    """Of an order that becomes work here: what of it was sent before."""
    fulfilled = [line.quantity if line.stage in OVER else 0 for line in lines] if happened.stages else []
    return Happened(fulfilled=fulfilled, refunded_minor=happened.refunded_minor)


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


def _service_codes(patterns: list[str]) -> Callable[[str], bool]:
    """Whether a code is that of a service: by the words, and by patterns like gift_*."""
    words = frozenset(word for word in patterns if not set(word) & set("*?["))
    wild = tuple(word for word in patterns if word not in words)

    @lru_cache(maxsize=65536)
    def is_service(code: str) -> bool:
        return code in words or any(fnmatchcase(code, pattern) for pattern in wild)

    return is_service


@lru_cache(maxsize=65536)
def whole(text: str) -> int | None:
    """The whole number that a cell says: 12, -3, 12.0, 1,000; None when it is none."""
    try:
        return int(text)
    except ValueError:
        amount = cells.amount(text)
    return int(amount) if amount is not None and amount == amount.to_integral_value() else None


@lru_cache(maxsize=65536)
def decimal(text: str, mark: str = "") -> Decimal | None:
    """The exact decimal that a cell says. `mark`: what stands before the cents, where the file's country decides."""
    if mark:
        thousands = "." if mark == "," else ","
        text = text.replace(thousands, "").replace(mark, ".")
        return cells.amount(text)
    return cells.amount(text)


@lru_cache(maxsize=65536)
def _places_of_a_price(amount: Decimal) -> Decimal:
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent <= money.UNIT_PRICE_PLACES:
        return amount
    return amount.quantize(SIX_PLACES, ROUND_HALF_UP)


@lru_cache(maxsize=65536)
def site_code(text: str) -> str:
    """What a site can be called: capitals, digits and dashes."""
    code = _NOT_IN_CODES.sub("-", text.strip().upper()).strip("-")[: checks.LONGEST_SITE_CODE]
    return f"{code}-" if len(code) == 1 else code


def _as_number(text: str) -> tuple[int, Decimal, str]:
    amount = decimal(text)
    return (0, amount, "") if amount is not None else (1, Decimal(0), text)


def _as_kind(word: str) -> str:
    kind = re.sub(r"[^a-z_]+", "_", word.lower()).strip("_")[:60]
    return kind if len(kind) > 2 else "contradictory_status"
