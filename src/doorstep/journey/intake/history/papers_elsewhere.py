"""papers_elsewhere: papers that were issued elsewhere: a historic credit is a credit note, and credits an invoice.

What was billed and is then told otherwise is credited, or billed, by the difference: a paper that is out stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from doorstep.journey.intake.history.standing import Standing, Unit
from doorstep.spine.amounts import worth_of_last_units
from doorstep.spine.numbering import Numbers, spelled
from doorstep.spine.outcome import Insert, Outcome

INVOICES, CREDIT_NOTES = "HIST-INV", "HIST-CN"


def credited(
    outcome: Outcome, standing: Standing, credit: int, numbers: Numbers, ids: Iterator[int], when: datetime
) -> str:
    """Write down the credit note, and before it the invoice that it credits; answers its number."""
    if not standing.invoiced:
        _invoice(outcome, standing, _invoice_content(standing), numbers, ids, when)
    tax = standing.tax_minor * credit // standing.total_minor if standing.total_minor else 0
    content = _difference(standing, [], credit, tax, "Refunded")
    return _credit(outcome, standing, content, "refunded before this order was taken over", numbers, ids, when)


class WasBilled(NamedTuple):
    """Of an order before it was corrected; `for_canceled`: of what was credited, as much as was canceled."""

    total_minor: int
    credited: int
    for_canceled: int


def was_billed(standing: Standing) -> WasBilled:
    credited = standing.credited_of_it
    return WasBilled(standing.total_minor, credited, min(credited, standing.not_owed()))


def follow(
    outcome: Outcome, standing: Standing, was: WasBilled, fewer: Sequence[dict[str, Any]],
    more: Sequence[dict[str, Any]], numbers: Numbers, ids: Iterator[int], when: datetime,
) -> dict[str, str]:  # fmt: skip
    """What is billed of a corrected order is what it costs now, less what was credited of it before.

    What was credited for canceled units that are told no more has taken them from the bill already; what was credited
    beyond all that it costs now may be credited again once it costs more. Where it was billed here, parcel by parcel,
    what was not billed is still to be billed here. Answers the paper's kind and number.
    """
    if not standing.invoiced:
        return {}
    credited = was.credited - was.for_canceled + min(was.for_canceled, standing.not_owed())
    now = max(0, standing.total_minor - credited)
    standing.refund_taken = max(0, standing.refund_taken - max(0, credited - standing.total_minor))
    tax = standing.tax_minor * now // standing.total_minor if standing.total_minor else 0
    if now < standing.billed:
        less = standing.billed - now
        content = _difference(standing, fewer, less, min(less, max(0, standing.bill.tax_minor - tax)), "Corrected")
        reason = "told again with fewer goods, or for less"
        return {"credit_note": _credit(outcome, standing, content, reason, numbers, ids, when)}
    beyond = now - (was.total_minor - was.credited)
    if not standing.bill.elsewhere:
        beyond = min(beyond, sum(line["worth_minor"] for line in more))
    if beyond > 0:
        content = _difference(standing, more, beyond, min(beyond, max(0, tax - standing.bill.tax_minor)), "Corrected")
        return {"invoice": _invoice(outcome, standing, content, numbers, ids, when)}
    return {}


def _invoice(
    outcome: Outcome, standing: Standing, content: dict[str, Any], numbers: Numbers, ids: Iterator[int], when: datetime
) -> str:
    number, moved = numbers.take(outcome.merchant, INVOICES)
    outcome.facts += [
        Insert("invoice", _paper(standing, next(ids), INVOICES, number, "invoice", content, when)), moved
    ]  # fmt: skip
    outcome.count("invoiced", content["total_minor"])
    standing.invoiced += content["total_minor"]
    return spelled(INVOICES, number)


def _credit(
    outcome: Outcome, standing: Standing, content: dict[str, Any], reason: str, numbers: Numbers, ids: Iterator[int],
    when: datetime,
) -> str:  # fmt: skip
    number, moved = numbers.take(outcome.merchant, CREDIT_NOTES)
    content = content | {"reason": reason, "corrects": ""}
    row = _paper(standing, next(ids), CREDIT_NOTES, number, "credit_note", content, when)
    outcome.facts += [Insert("invoice", row), moved]
    outcome.count("credited", content["total_minor"])
    standing.credited += content["total_minor"]
    return spelled(CREDIT_NOTES, number)


def paper_line(unit: Unit, units: int) -> dict[str, Any]:
    """So many units of a line, from its end."""

    def share(amount: int) -> int:
        return worth_of_last_units(amount, unit.ordered, 0, units)

    return {
        "line": unit.line_no, "sku": unit.code, "title": unit.title or unit.code, "quantity": units,
        "unit_price": f"{unit.unit_price:f}", "discount_minor": share(unit.discount_minor),
        "total_minor": share(unit.total_minor), "worth_minor": share(unit.worth_minor), "tax_minor": 0,
    }  # fmt: skip


def _difference(
    standing: Standing, lines: Sequence[dict[str, Any]], amount: int, tax: int, name: str
) -> dict[str, Any]:
    """A paper of an amount: what the lines do not come to stands beside them, or is taken off."""
    subtotal = sum(line["total_minor"] for line in lines)
    rest = amount - subtotal - (0 if standing.tax_included else tax)
    return {
        "lines": list(lines), "subtotal_minor": subtotal, "shipping_minor": 0, "discount_minor": max(0, -rest),
        "fees": [{"name": name, "amount_minor": rest}] if rest > 0 else [], "total_minor": amount, "tax_minor": tax,
        "tax_included": standing.tax_included, "history": True,
    }  # fmt: skip


def _invoice_content(standing: Standing) -> dict[str, Any]:
    lines = [paper_line(unit, unit.ordered) for unit in standing.lines if unit.ordered]
    subtotal = sum(unit.total_minor for unit in standing.lines)
    fees_minor = sum(fee["amount_minor"] for fee in standing.fees)
    added = 0 if standing.tax_included else standing.tax_minor
    beside = standing.shipping_minor + fees_minor + added
    return {
        "lines": lines, "subtotal_minor": subtotal, "shipping_minor": standing.shipping_minor,
        "fees": [msgspec.to_builtins(fee) for fee in standing.fees],
        "discount_minor": subtotal + beside - standing.total_minor, "total_minor": standing.total_minor,
        "tax_minor": standing.tax_minor, "tax_included": standing.tax_included, "history": True,
    }  # fmt: skip


def _paper(
    standing: Standing, invoice: int, series: str, number: int, kind: str, content: dict[str, Any], when: datetime
) -> dict[str, Any]:
    return {
        "invoice_id": invoice, "series": series, "number": number, "order_id": standing.money.order_id, "kind": kind,
        "currency": standing.money.currency, "total_minor": content["total_minor"],
        "tax_minor": content["tax_minor"], "content": content, "issued_at": when,
    }  # fmt: skip
