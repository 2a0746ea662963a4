"""shopify_buyer: who ordered, where it goes, and how it is paid, from the rows of an order of a Shopify export."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.shopify_rows import Notes, OrderRow, text_of
from doorstep.journey.intake.new_order import Buyer, PaymentTerm, Tender
from doorstep.setup.addresses import Address

PAID = ("paid", "partially_refunded", "refunded")
COD = re.compile(
    r"\bcod\b|cash[ _-]*on[ _-]*delivery|nachnahme|contre[ -]?remboursement|contra ?r?reembolso"
    r"|contrareembolso|contrassegno|pobrani|dobírk|dobierk|rembours\b|utánvét|ramburs|наложен|післяплат",
    re.IGNORECASE,
)
ON_SHIPMENT = re.compile(r"fulfil|shipment|dispatch", re.IGNORECASE)


def address_of(head: OrderRow, side: str, notes: Notes) -> Address | None:
    """None when no place is named; the country is `ZZ` when it is not known which."""
    parts = ("street", "address1", "address2", "city", "zip", "province", "province_name", "country")
    if not any(head.says(f"{side}_{part}") for part in parts):
        return None
    country = _country(head, f"{side}_country", notes)
    has_lines = bool(head.says(f"{side}_address1"))
    phone = text_of(head, f"{side}_phone", 40, notes, is_code=True)
    if phone and not cells.possible_phone(phone, country):
        notes.add(head, f"{side}_phone", "phone_unclear", phone)
    return Address(
        name=text_of(head, f"{side}_name", 200, notes),
        company=text_of(head, f"{side}_company", 200, notes),
        line1=text_of(head, f"{side}_address1" if has_lines else f"{side}_street", 200, notes),
        line2=text_of(head, f"{side}_address2", 200, notes) if has_lines else "",
        city=text_of(head, f"{side}_city", 200, notes),
        region=cells.region(
            country, head.says(f"{side}_province"), head.says(f"{side}_province_name")
        )[:200],
        postcode=text_of(head, f"{side}_zip", 20, notes, is_code=True),
        country=country,
        phone=phone,
    )  # fmt: skip


def _country(head: OrderRow, key: str, notes: Notes) -> str:
    text = cells.plain(head.says(key))
    found = cells.country(text)
    if not found:
        notes.add(head, key, "country_unknown" if text else "country_missing", text)
    return found or cells.UNKNOWN_COUNTRY


def buyer_of(head: OrderRow, ship_to: Address | None, notes: Notes) -> Buyer:
    email = text_of(head, "email", 254, notes)
    if email and not cells.looks_like_email(email):
        notes.add(head, "email", "email_unclear", email)
    name_key = "billing_name" if head.says("billing_name") else "shipping_name"
    phones = (key for key in ("phone", "billing_phone", "shipping_phone") if head.says(key))
    phone = text_of(head, next(phones, "phone"), 40, notes, is_code=True)
    country = ship_to.country if ship_to else cells.UNKNOWN_COUNTRY
    if head.says("phone") and not cells.possible_phone(phone, country):
        notes.add(head, "phone", "phone_unclear", phone)
    return Buyer(name=text_of(head, name_key, 200, notes), email=email, phone=phone)


def payment_term(head: OrderRow, methods: Sequence[str]) -> PaymentTerm:
    """Cash on delivery by the method's name; else the store's payment terms; else paid before we ship."""
    if any(COD.search(method) for method in methods):
        return "cod"
    terms = head.says("payment_terms")
    if not terms:
        return "prepaid"
    return "on_shipment" if ON_SHIPMENT.search(terms) else "on_account"


def tenders_of(
    head: OrderRow, status: str, total: int, outstanding: int | None, paid_at: datetime | None, notes: Notes
) -> list[Tender]:
    """What was paid or authorized before the order came to us; a later refund does not change it."""
    kind, amount = "paid", total
    if status == "partially_paid":
        if outstanding is None:
            notes.add(head, "outstanding", "paid_part_unknown")
        amount = max(0, total - outstanding) if outstanding is not None else 0
    elif status == "authorized":
        kind = "authorized"
    elif status not in PAID:
        return []
    elif status == "paid" and outstanding and outstanding > 0:
        notes.add(head, "outstanding", "paid_yet_outstanding", head.says("outstanding"))
    if not amount:
        return []
    reference = next((key for key in ("payment_references", "payment_id") if head.says(key)), "payment_id")
    return [
        Tender(
            kind="paid" if kind == "paid" else "authorized",
            amount_minor=amount,
            method=text_of(head, "payment_method", 200, notes),
            reference=text_of(head, reference, 200, notes, is_code=True),
            paid_at=paid_at,
        )
    ]
