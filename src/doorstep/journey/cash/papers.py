"""papers: what is owed and what was given back: invoice and credit note, with the amounts as booked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from doorstep.kit.paper import (
    Address,
    PageSize,
    Paper,
    address_lines,
    figures,
    paragraphs,
    spelled_date,
    unit_figures,
)

TEMPLATES = Path(__file__).with_name("templates")
PAYMENT_TERMS = {
    "prepaid": "Paid with the order",
    "on_shipment": "Charged when shipped",
    "cod": "Collected on delivery",
    "on_account": "On account",
}


class InvoiceParty(msgspec.Struct, frozen=True, kw_only=True):
    address: Address
    vat_number: str = ""
    tax_id: str = ""
    registration: str = ""  # company register or the like


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    quantity: int
    unit_price: Decimal
    total_minor: int  # after the line's discount
    sku: str = ""
    discount_minor: int = 0
    tax_rate: Decimal | None = None  # percent


class InvoiceTax(msgspec.Struct, frozen=True, kw_only=True):
    name: str  # VAT, GST, Sales tax NJ …
    amount_minor: int
    rate: Decimal | None = None  # percent
    base_minor: int | None = None


class InvoiceFee(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    amount_minor: int


class InvoicePayment(msgspec.Struct, frozen=True, kw_only=True):
    paid_on: date
    amount_minor: int  # negative: given back
    method: str = ""


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice, or with `kind` a credit note for one. Amounts are printed as given, positive on both."""

    number: str
    issued_on: date
    merchant: str
    seller: InvoiceParty
    buyer: InvoiceParty
    currency: str
    lines: tuple[InvoiceLine, ...]
    subtotal_minor: int  # the lines' totals, before the order's discount
    total_minor: int
    kind: Literal["invoice", "credit_note"] = "invoice"
    corrects: str = ""  # credit note: the invoice's number
    reason: str = ""
    ship_to: Address | None = None
    order_number: str = ""
    supplied_on: date | None = None
    due_on: date | None = None
    payment_term: str = ""
    discount_minor: int = 0
    shipping_minor: int = 0
    fees: tuple[InvoiceFee, ...] = ()
    tax_included: bool = False
    taxes: tuple[InvoiceTax, ...] = ()
    payments: tuple[InvoicePayment, ...] = ()
    paid_minor: int = 0
    pay_to: str = ""  # bank details and the like, several lines
    note: str = ""
    page_size: PageSize = "a4"


def invoice(of: Invoice) -> Paper:
    kind = "Credit note" if of.kind == "credit_note" else "Invoice"
    return Paper(
        TEMPLATES / "invoice.typ",
        {
            "title": f"{kind} {of.number}",
            "page_size": of.page_size,
            "kind": kind,
            "number": of.number,
            "merchant": of.merchant,
            "seller": _party(of.seller),
            "buyer": _party(of.buyer),
            "ship_to": address_lines(of.ship_to) if of.ship_to else [],
            "issued_on": spelled_date(of.issued_on),
            "supplied_on": spelled_date(of.supplied_on),
            "due_on": spelled_date(of.due_on),
            "order_number": of.order_number,
            "corrects": of.corrects,
            "reason": of.reason,
            "payment_term": PAYMENT_TERMS.get(of.payment_term, of.payment_term),
            "currency": of.currency,
            "lines": [_line(line, of.currency) for line in of.lines],
            "has_discounts": any(line.discount_minor for line in of.lines),
            "has_rates": any(line.tax_rate is not None for line in of.lines),
            "sums": _sums(of),
            "total": figures(of.total_minor, of.currency),
            "included": [_tax(tax, of.currency) for tax in of.taxes] if of.tax_included else [],
            "payments": [_payment(payment, of.currency) for payment in of.payments],
            **_settled(of),
            "pay_to": paragraphs(of.pay_to),
            "note": paragraphs(of.note),
        },
    )


def _sums(of: Invoice) -> list[list[str]]:
    """What stands between the lines and the total; tax only where it is added."""
    added = [] if of.tax_included else [_tax(tax, of.currency) for tax in of.taxes]
    rest = [
        ("Discount", -of.discount_minor),
        ("Shipping", of.shipping_minor),
        *((fee.name, fee.amount_minor) for fee in of.fees),
    ]
    shown = [[name, figures(amount, of.currency)] for name, amount in rest if amount]
    return [["Subtotal", figures(of.subtotal_minor, of.currency)], *shown, *added]


def _settled(of: Invoice) -> dict[str, str]:
    """On a credit note, paid is what was given back and due what still is to be."""
    due_minor = of.total_minor - of.paid_minor
    given_back = of.kind == "credit_note"
    return {
        "paid": figures(of.paid_minor, of.currency) if of.paid_minor else "",
        "paid_word": "Refunded" if given_back else "Paid",
        "due": figures(abs(due_minor), of.currency),
        "due_word": _due_word(due_minor, given_back),
    }


def _due_word(due_minor: int, given_back: bool) -> str:
    if due_minor == 0:
        return "Settled"
    if given_back:
        return "To be refunded"
    return "Amount due" if due_minor > 0 else "Overpaid"


def _line(line: InvoiceLine, currency: str) -> dict[str, str]:
    return {
        "title": line.title,
        "sku": line.sku,
        "quantity": f"{line.quantity:,}",
        "unit_price": unit_figures(line.unit_price, currency),
        "discount": figures(-line.discount_minor, currency) if line.discount_minor else "",
        "rate": _percent(line.tax_rate),
        "total": figures(line.total_minor, currency),
    }


def _tax(tax: InvoiceTax, currency: str) -> list[str]:
    base = f"on {figures(tax.base_minor, currency)}" if tax.base_minor is not None else ""
    return [" ".join(filter(None, (tax.name, _percent(tax.rate), base))), figures(tax.amount_minor, currency)]


def _payment(payment: InvoicePayment, currency: str) -> list[str]:
    word = " ".join(filter(None, (spelled_date(payment.paid_on), payment.method)))
    return [word, figures(payment.amount_minor, currency)]


def _percent(rate: Decimal | None) -> str:
    return f"{rate.normalize():f}%" if rate is not None else ""


def _party(party: InvoiceParty) -> dict[str, Any]:
    numbers = (("VAT", party.vat_number), ("Tax ID", party.tax_id), ("Reg.", party.registration))
    contact = [text for text in (party.address.phone, party.address.email) if text]
    return {
        "lines": address_lines(party.address),
        "contact": contact,
        "numbers": [[name, number] for name, number in numbers if number],
    }
