"""paper_data: an invoice or credit note as paper, from what was issued; what was issued never changes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from doorstep.journey.cash.papers import Invoice, InvoiceFee, InvoiceLine, InvoiceParty, InvoicePayment, InvoiceTax
from doorstep.kit.ids import number
from doorstep.kit.paper import Address
from doorstep.kit.refusals import NotFound
from doorstep.spine.numbering import spelled
from doorstep.spine.tenant import Tx

INVOICE = """
select i.merchant_id, i.invoice_id, i.series, i.number, i.kind, i.currency, i.total_minor, i.tax_minor, i.content,
    i.issued_at, o.order_id, o.number as order_number, o.buyer, o.ship_to, o.bill_to, o.payment_term, o.placed_at,
    m.name as merchant, m.address, m.country, m.email, m.tax_numbers
  from invoice i
  join orders o on o.merchant_id = i.merchant_id and o.order_id = i.order_id
  join merchant m on m.merchant_id = i.merchant_id
  where i.merchant_id = any($1) and i.invoice_id = $2
"""
PAID = """
select kind, amount_minor, method, provider, done_at from payment
  where merchant_id = $1 and order_id = $2 and state = 'done' and kind in ('capture', 'payment', 'collection', 'refund')
  order by done_at
"""
BILLED_BEFORE = """
select coalesce(sum(total_minor), 0)::bigint from invoice
  where merchant_id = $1 and order_id = $2 and kind = 'invoice' and invoice_id < $3
"""


async def invoice_data(tx: Tx, invoice: str) -> Invoice:
    """Everything that stands on the paper; refuses NotFound."""
    row = await tx.row(INVOICE, list(tx.merchants), number("inv", invoice))
    if row is None:
        raise NotFound(invoice=invoice)
    payments = await tx.rows(PAID, row["merchant_id"], row["order_id"])
    before = await tx.value(BILLED_BEFORE, row["merchant_id"], row["order_id"], row["invoice_id"])
    names = ("content", "buyer", "ship_to", "bill_to", "address", "tax_numbers")
    plain = {name: msgspec.json.decode(row[name]) if row[name] else {} for name in names}
    return _invoice(dict(row) | plain, [dict(payment) for payment in payments], before)


def _invoice(row: Mapping[str, Any], payments: list[dict[str, Any]], billed_before: int) -> Invoice:
    content, credit = row["content"], row["kind"] == "credit_note"
    shown = [payment for payment in payments if (payment["kind"] == "refund") == credit]
    paid = _paid(shown, 0 if credit else billed_before, row["total_minor"])
    return Invoice(
        number=spelled(row["series"], row["number"]),
        issued_on=row["issued_at"].date(),
        merchant=row["merchant"],
        seller=_seller(row),
        buyer=_buyer(row),
        currency=row["currency"],
        lines=tuple(_line(line) for line in content["lines"]),
        subtotal_minor=content["subtotal_minor"],
        total_minor=row["total_minor"],
        kind=row["kind"],
        corrects=content.get("corrects", ""),
        reason=content.get("reason", ""),
        ship_to=msgspec.convert(row["ship_to"], Address, strict=False) if row["ship_to"] else None,
        order_number=row["order_number"],
        supplied_on=row["issued_at"].date(),
        payment_term=row["payment_term"],
        discount_minor=content["discount_minor"],
        shipping_minor=content["shipping_minor"],
        fees=tuple(InvoiceFee(name=fee["name"], amount_minor=fee["amount_minor"]) for fee in content["fees"]),
        tax_included=content["tax_included"],
        taxes=(InvoiceTax(name="Tax", amount_minor=row["tax_minor"]),) if row["tax_minor"] else (),
        payments=tuple(_payment(payment) for payment in shown) if paid == _sum(shown) else (),
        paid_minor=paid,
    )


def _paid(payments: list[dict[str, Any]], billed_before: int, total: int) -> int:
    """What came in for the order pays its invoices in their order."""
    return max(0, min(total, _sum(payments) - billed_before))


def _sum(payments: list[dict[str, Any]]) -> int:
    return sum(payment["amount_minor"] for payment in payments)


def _payment(payment: Mapping[str, Any]) -> InvoicePayment:
    method = payment["method"] or payment["provider"]
    return InvoicePayment(paid_on=payment["done_at"].date(), amount_minor=payment["amount_minor"], method=method)


def _seller(row: Mapping[str, Any]) -> InvoiceParty:
    numbers = row["tax_numbers"]
    known = {name: str(value) for name, value in row["address"].items() if name in Address.__struct_fields__}
    address = Address(**{"name": row["merchant"], "country": row["country"], "email": row["email"]} | known)
    return InvoiceParty(
        address=address, vat_number=numbers.get("vat", ""), tax_id=numbers.get("tax_id", ""),
        registration=numbers.get("registration", ""),
    )  # fmt: skip


def _buyer(row: Mapping[str, Any]) -> InvoiceParty:
    address = row["bill_to"] or row["ship_to"] or {"name": row["buyer"].get("name", ""), "country": ""}
    return InvoiceParty(address=msgspec.convert(address, Address, strict=False))


def _line(line: Mapping[str, Any]) -> InvoiceLine:
    return InvoiceLine(
        title=line["title"],
        quantity=line["quantity"],
        unit_price=Decimal(line["unit_price"]),
        total_minor=line["total_minor"],
        sku=line["sku"],
        discount_minor=line["discount_minor"],
    )
