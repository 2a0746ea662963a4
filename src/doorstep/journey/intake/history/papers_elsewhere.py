"""papers_elsewhere: papers that were issued elsewhere: a historic credit is a credit note, and credits an invoice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.intake.history.standing import Standing
from doorstep.spine.numbering import Numbers, spelled
from doorstep.spine.outcome import Insert, Outcome

INVOICES, CREDIT_NOTES = "HIST-INV", "HIST-CN"


def credited(
    outcome: Outcome, standing: Standing, credit: int, numbers: Numbers, ids: Iterator[int], when: datetime
) -> str:
    """Write down the credit note, and before it the invoice that it credits; answers its number."""
    merchant = outcome.merchant
    if not standing.invoiced:
        number, moved = numbers.take(merchant, INVOICES)
        row = _paper(standing, next(ids), INVOICES, number, "invoice", _invoice_content(standing), when)
        outcome.facts += [Insert("invoice", row), moved]
        outcome.count("invoiced", standing.total_minor)
        standing.invoiced = standing.total_minor
    number, moved = numbers.take(merchant, CREDIT_NOTES)
    tax = standing.tax_minor * credit // standing.total_minor if standing.total_minor else 0
    beside = 0 if standing.tax_included else tax
    content = {
        "lines": [], "subtotal_minor": 0, "shipping_minor": 0, "discount_minor": 0,
        "fees": [{"name": "Refunded", "amount_minor": credit - beside}], "total_minor": credit, "tax_minor": tax,
        "tax_included": standing.tax_included, "reason": "refunded before this order was taken over",
        "corrects": "", "history": True,
    }  # fmt: skip
    row = _paper(standing, next(ids), CREDIT_NOTES, number, "credit_note", content, when)
    outcome.facts += [Insert("invoice", row), moved]
    outcome.count("credited", credit)
    standing.credited += credit
    return spelled(CREDIT_NOTES, number)


def _invoice_content(standing: Standing) -> dict[str, Any]:
    lines = [
        {
            "line": unit.line_no, "sku": unit.code, "title": unit.title or unit.code, "quantity": unit.ordered,
            "unit_price": f"{unit.unit_price:f}", "discount_minor": unit.discount_minor,
            "total_minor": unit.total_minor, "worth_minor": unit.worth_minor, "tax_minor": 0,
        }
        for unit in standing.lines
    ]  # fmt: skip
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
