"""issue_credit: what was billed and came back, or was not as promised, is no longer owed; a credit note says so.

Of what was billed and then canceled the buyer owes less already: the note only says it, to the cent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.cash.books import READS, Amount, Books, books_and, of_order, outcome_of
from doorstep.journey.cash.invoice import CREDIT_NOTES, ISSUED, Issued, invoice_row, issued_of
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.spine.amounts import worth_of_units
from doorstep.spine.facts import LINES, Line
from doorstep.spine.numbering import Numbers, numbers_of, only_last_counts, spelled
from doorstep.spine.outcome import Ask, Cash, Event, Insert, Job, Outcome, Result
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class CreditLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    line: Annotated[int, Meta(ge=1, le=2000)]
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]


class IssueCredit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By lines (units that were billed), by amount, or both. `refund`: send back what is then overpaid.

    `canceled`, alone: what was billed and has been canceled since, with the shipping and the fees that went with it.
    """

    order: str
    lines: list[CreditLine] = []
    amount_minor: Amount | None = None
    canceled: bool = False
    # As long as the reason of a cancellation, which it may come from.
    reason: Annotated[str, Meta(max_length=500)] = ""
    refund: bool = True


class Credited(msgspec.Struct, frozen=True, kw_only=True):
    """Without a number where `canceled` was asked for and nothing of it had been billed."""

    order: str
    invoice: str
    number: str
    total_minor: int
    reason: str


class NothingToCredit(Refusal):
    """No more can be credited than was billed; what was not billed yet is canceled instead."""


@verb(IssueCredit, Credited)
async def issue_credit(tx: Tx, asks: list[Ask[IssueCredit]]) -> list[Result]:
    """Credit units or an amount; what is then overpaid is refunded."""
    orders = [number("ord", ask.body.order) for ask in asks]
    books, (papers,) = await books_and(tx, orders, ISSUED, reads=(*READS, "tax_included", *LINES))
    issued = issued_of(orders, papers)
    ids = await tx.fresh_ids(len(asks))
    numbers = await numbers_of(tx, CREDIT_NOTES)
    return only_last_counts(each(asks, lambda ask: decide(of_order(books, ask), issued, numbers, ids, ask)))


def decide(
    books: Books, issued: Mapping[int, Issued], numbers: Numbers, ids: Iterator[int], ask: Ask[IssueCredit]
) -> Outcome:
    before = issued[books.order.order_id]
    credit = _of_canceled(books, before, ask) if ask.body.canceled else _as_asked(books, before, ask)
    amount, less = credit.amount_minor, credit.less_minor
    if not amount:
        return outcome_of(books, invoice="", number="", total_minor=0, reason=ask.body.reason)
    content = _content(books, before, credit, ask)
    taken, moved = numbers.take(books.order.merchant, CREDIT_NOTES)
    note, told = next(ids), {"number": spelled(CREDIT_NOTES, taken), "total_minor": amount, "reason": ask.body.reason}
    outcome = outcome_of(books, invoice=public("inv", note), **told)
    outcome.events = [Event("issue_credit", [Cash(less, "owed", "world")] if less else [], told)]
    row = invoice_row(note, CREDIT_NOTES, taken, books.order, "credit_note", content, ask.at)
    outcome.facts = [Insert("invoice", row), moved]
    outcome.count("credited", amount)
    if ask.body.refund and books.account("earned") - books.asked("refund") > books.account("owed") - less:
        outcome.then = [Job("want_refund", {"order": ask.body.order, "reason": ask.body.reason})]
    return outcome


def _as_asked(books: Books, before: Issued, ask: Ask[IssueCredit]) -> Credit:
    units = [_units(books.order.line(asked.line), before, asked) for asked in _summed(ask.body.lines)]
    beside = ask.body.amount_minor or 0
    amount = _worth(books, units) + beside
    left = books.account("invoiced") - books.account("credited")
    less = _owed_less(books, units, left, beside)
    if amount <= 0 or amount > left or less > books.account("owed"):
        raise NothingToCredit(order=ask.body.order, creditable_minor=left, asked_minor=amount)
    return Credit(units, beside, amount, less)


def _of_canceled(books: Books, before: Issued, ask: Ask[IssueCredit]) -> Credit:
    """What is billed beyond what is owed and billed: nothing beside, so that a second time there is nothing."""
    if ask.body.lines or ask.body.amount_minor:
        detail = "stands alone: what was canceled says which lines, and how much"
        raise Invalid(fields=[{"pointer": "/canceled", "detail": detail}])
    units = [gone for line in books.order.lines if len((gone := _gone(line, before)).canceled)]
    left = books.account("invoiced") - books.account("credited")
    owed = books.account("owed") - _to_be_billed(books, before)
    amount = max(0, min(left - owed, left))
    return Credit(units, max(0, amount - _worth(books, units)), amount, 0)


def _to_be_billed(books: Books, before: Issued) -> int:
    """What the units are worth that are neither billed nor canceled; all beside the goods went with the first."""
    total = 0
    for line in books.order.lines:
        billed = before.units("invoice", line.line_no)
        total += worth_of_units(line.worth_minor, line.ordered, billed, max(0, line.ordered - line.canceled - billed))
    return total


def _summed(lines: list[CreditLine]) -> list[CreditLine]:
    """A line named twice is credited once, for both."""
    units: dict[int, int] = {}
    for line in lines:
        units[line.line] = units.get(line.line, 0) + line.quantity
    return [CreditLine(line=line_no, quantity=quantity) for line_no, quantity in units.items()]


@dataclass(frozen=True, slots=True)
class CreditedUnits:
    """Of a line: `canceled` units from its end, which were billed and then canceled, and `others` from its start."""

    line_no: int
    canceled: range
    others: range

    def worth(self, amount: int, ordered: int) -> int:
        return self._of(self.canceled, amount, ordered) + self._of(self.others, amount, ordered)

    def owed(self, amount: int, ordered: int) -> int:
        """What was canceled is not owed any more."""
        return self._of(self.others, amount, ordered)

    def _of(self, units: range, amount: int, ordered: int) -> int:
        return worth_of_units(amount, ordered, units.start, len(units))


@dataclass(frozen=True, slots=True)
class Credit:
    """`beside_minor`: what is credited beyond the units, which are worth the rest; `less_minor` is still owed of it."""

    units: list[CreditedUnits]
    beside_minor: int
    amount_minor: int
    less_minor: int


def _gone(line: Line, before: Issued) -> CreditedUnits:
    """The units that were billed and then canceled, and not credited yet."""
    credited, billed = before.units("credit_note", line.line_no), before.units("invoice", line.line_no)
    gone = max(0, billed + line.canceled - line.ordered)
    gone_before = min(credited, gone)
    return CreditedUnits(line.line_no, range(billed - gone, billed - gone_before), range(0))


def _units(line: Line, before: Issued, wanted: CreditLine) -> CreditedUnits:
    """What was billed and then canceled is credited first: the buyer owes that less already, or has it back."""
    credited, billed = before.units("credit_note", line.line_no), before.units("invoice", line.line_no)
    if credited + wanted.quantity > billed:
        raise NothingToCredit(line=wanted.line, billed=billed, credited=credited, asked=wanted.quantity)
    gone = _gone(line, before).canceled
    now = min(wanted.quantity, len(gone))
    first = credited - (billed - gone.stop)
    return CreditedUnits(line.line_no, gone[len(gone) - now :], range(first, first + wanted.quantity - now))


def _worth(books: Books, units: list[CreditedUnits]) -> int:
    lines = [(one, books.order.line(one.line_no)) for one in units]
    return sum(one.worth(line.worth_minor, line.ordered) for one, line in lines)


def _owed_less(books: Books, units: list[CreditedUnits], left: int, amount_minor: int) -> int:
    """Of what is credited, all that is still owed. What is billed beyond all that is owed was canceled with its goods:
    an amount is credited of that first."""
    lines = {credited.line_no: books.order.line(credited.line_no) for credited in units}
    less = sum(one.owed(lines[one.line_no].worth_minor, lines[one.line_no].ordered) for one in units)
    beyond = max(0, (left - _worth(books, units)) - (books.account("owed") - less))
    return less + max(0, amount_minor - beyond)


def _credited(line: Line, units: CreditedUnits) -> dict[str, Any]:
    def share(amount: int) -> int:
        return units.worth(amount, line.ordered)

    return {
        "line": line.line_no, "sku": line.code, "title": line.title or line.code,
        "quantity": len(units.canceled) + len(units.others), "unit_price": str(line.unit_price),
        "discount_minor": share(line.discount_minor), "total_minor": share(line.total_minor),
        "worth_minor": share(line.worth_minor), "tax_minor": 0,
    }  # fmt: skip


def _content(books: Books, before: Issued, credit: Credit, ask: Ask[IssueCredit]) -> dict[str, Any]:
    """The tax in a credit is its share of the tax that was billed."""
    amount, beside_lines = credit.amount_minor, credit.beside_minor
    lines = [_credited(books.order.line(one.line_no), one) for one in credit.units]
    billed = before.of_kind("invoice")
    invoiced, tax = books.account("invoiced"), sum(row["tax_minor"] for row in billed)
    included = bool(books.order.row["tax_included"])
    subtotal = sum(line["total_minor"] for line in lines)
    taxed = worth_of_units(tax, invoiced, books.account("credited"), amount)
    other = [{"name": ask.body.reason or "Credit", "amount_minor": beside_lines}] if beside_lines else []
    beside = beside_lines + (0 if included else taxed)
    if lines and subtotal + beside < amount:
        # The odd cent stands in a line: no discount is ever below nothing.
        odd = amount - subtotal - beside
        lines, subtotal = [lines[0] | {"total_minor": lines[0]["total_minor"] + odd}, *lines[1:]], subtotal + odd
    return {
        "lines": lines, "subtotal_minor": subtotal, "shipping_minor": 0, "fees": other,
        "discount_minor": subtotal + beside - amount, "total_minor": amount, "tax_included": included,
        "tax_minor": taxed, "reason": ask.body.reason,
        "corrects": ", ".join(spelled(row["series"], row["number"]) for row in billed),
    }  # fmt: skip
