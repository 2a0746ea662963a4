"""shopify_columns: the columns of a Shopify order export, under all the names they have had."""

from __future__ import annotations

from collections.abc import Iterable

ADDRESS = {
    "name": "name", "street": "street", "address1": "address1", "address2": "address2", "company": "company",
    "city": "city", "zip": "zip", "province": "province", "country": "country", "phone": "phone",
    "province_name": "province name",
}  # fmt: skip

# Our name for a column, then its names in the export, in Shopify's help pages and in exports of other years.
NAMES = """
store: _store; store; shop; store name; shop name; store domain; shop domain
name: name; order name
email: email
phone: phone
financial_status: financial status
paid_at: paid at
fulfillment_status: fulfillment status
fulfilled_at: fulfilled at
currency: currency
subtotal: subtotal
shipping: shipping
taxes: taxes
total: total
discount_code: discount code
discount_amount: discount amount
shipping_method: shipping method
created_at: created at
quantity: lineitem quantity
title: lineitem name
price: lineitem price
sku: lineitem sku
requires_shipping: lineitem requires shipping
line_status: lineitem fulfillment status
line_discount: lineitem discount
vendor: vendor
notes: notes
note_attributes: note attributes
canceled_at: cancelled at; canceled at
payment_method: payment method
payment_references: payment references; payment reference; payment reference (deprecated)
payment_id: payment id
payment_terms: payment terms name; payment terms
next_due_at: next payment due at
refunded: refunded amount
outstanding: outstanding balance
id: id
tags: tags
risk: risk level
source: source
duties: duties
"""


def _names() -> dict[str, tuple[str, ...]]:
    known = {}
    for line in NAMES.strip().splitlines():
        key, names = line.split(": ", 1)
        known[key] = tuple(names.split("; "))
    for place in range(1, 6):
        known[f"tax_{place}_name"] = (f"tax {place} name",)
        known[f"tax_{place}_value"] = (f"tax {place} value",)
    for side in ("billing", "shipping"):
        known |= {f"{side}_{part}": (f"{side} {name}",) for part, name in ADDRESS.items()}
    return known


COLUMNS = _names()


class Columns:
    """Where the known columns stand in a file's header, whatever their order, case and year."""

    def __init__(self, header: Iterable[str]) -> None:
        folded: dict[str, str] = {}
        for name in header:
            folded.setdefault(" ".join(name.casefold().replace("-", " ").split()), name)
        self.at = {
            key: next(folded[name] for name in names if name in folded)
            for key, names in COLUMNS.items()
            if any(name in folded for name in names)
        }

    def __contains__(self, key: str) -> bool:
        return key in self.at
