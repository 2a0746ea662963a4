"""import_words: what columns of files can say, in words; what an import is about, and how far it is."""

from __future__ import annotations

from doorstep.doors.console.speaking import Told
from doorstep.journey.intake.files.asked_columns import ORDER_SECTIONS, Kind, fields_of

KINDS = Told({"orders": "Orders", "products": "Products", "stock": "Stock"})
SECTIONS = Told({
    "order": "Order", "line": "Line", "payment": "Payment", "parcel": "Parcel", "sku": "SKU", "site": "Site",
    "kind": "Kind",
})  # fmt: skip
FIELDS = Told({
    "order.key": "Order number (its id)", "order.placed_at": "Placed on", "order.number": "Number as people call it",
    "order.channel": "Channel", "order.currency": "Currency", "order.customer": "Customer’s id",
    "order.name": "Buyer’s name",
    "order.email": "E-mail", "order.phone": "Phone", "order.company": "Company", "order.line1": "Street",
    "order.line2": "Street, second line", "order.postcode": "Postcode", "order.city": "City", "order.region": "Region",
    "order.country": "Country", "order.pickup_point": "Pickup point", "order.insured": "Insured for",
    "order.risk": "Risk of fraud",
    "order.payment_term": "Payment term", "order.shipping_method": "Shipping method",
    "order.note": "Buyer’s note", "order.reason": "Reason of a correction", "order.discount": "Discount on the order",
    "order.shipping": "Shipping price", "order.tax": "Tax", "order.tax_included": "Tax is included",
    "order.total": "Total",
    "order.approved_at": "Cleared on", "order.fulfilled_at": "Sent on", "order.delivered_at": "Delivered on",
    "order.canceled_at": "Canceled on", "order.promised_on": "Promised for", "order.canceled": "Is it canceled?",
    "order.delivered": "Is it delivered?", "order.refunded": "Refunded amount", "order.refunded_at": "Refunded on",
    "order.site": "Site", "line.number": "Line number", "line.external_id": "Line’s id", "line.sku": "SKU",
    "line.title": "Title", "line.quantity": "Quantity", "line.unit_price": "Price of one", "line.total": "Price of all",
    "line.discount": "Discount", "line.shipping": "Shipping", "line.tax": "Tax", "line.service": "Is it a service?",
    "line.site": "Site", "line.ship_by": "Ship by", "line.stage": "Where its units are",
    "payment.number": "Payment number",
    "payment.amount": "Amount paid",
    "payment.method": "Paid by", "payment.reference": "Payment reference", "payment.paid_at": "Paid on",
    "parcel.tracking_number": "Tracking number", "parcel.carrier": "Carrier", "parcel.state": "How far it came",
    "parcel.handed_over_at": "Left on", "parcel.delivered_at": "Came on", "sku.name": "Name", "sku.barcode": "Barcode",
    "sku.weight_g": "Weight in grams", "sku.length_mm": "Length in mm", "sku.width_mm": "Width in mm",
    "sku.height_mm": "Height in mm", "sku.hs_code": "HS code", "sku.origin": "Country of origin",
    "site.name": "Site’s name", "site.country": "Site’s country", "site.postcode": "Site’s postcode",
    "site.city": "Site’s city",
    "site.region": "Site’s region", "kind.credit": "Is it a credit?", "kind.adjustment": "Is it a write-off?",
    "kind.stock": "Is it a change of stock?",
})  # fmt: skip
COLUMNS = Told({
    "sku": "SKU", "title": "Name", "barcode": "Barcode", "grams": "Weight in grams", "price": "Price",
    "hs_code": "HS code",
    "origin": "Country of origin", "length_mm": "Length in mm", "width_mm": "Width in mm", "height_mm": "Height in mm",
    "weight": "Weight", "customs_text": "Description for customs", "handle": "Product that variants belong to",
    "tags": "Tags", "requires_shipping": "Is it kept in stock?", "weight_unit": "Unit of the weight", "site": "Site",
    "quantity": "Counted (free and promised)", "available": "Free", "bin": "Bin", "lot": "Lot",
})  # fmt: skip
# What a row comes to, as the preview shows it.
PREVIEWS = {
    "orders": Told({
        "order": "Order", "placed": "Placed", "buyer": "Buyer", "goods": "Goods", "total": "Total",
        "becomes": "Becomes",
    }),
    "products": Told({
        "sku": "SKU", "name": "Name", "barcode": "Barcode", "weight": "Grams", "hs_code": "HS code", "origin": "Origin",
        "price": "Price",
    }),
    "stock": Told({"sku": "SKU", "site": "Site", "bin": "Bin", "lot": "Lot", "quantity": "Quantity"}),
}  # fmt: skip
# Without one of these a row says too little.
WANTED: dict[str, tuple[tuple[str, ...], ...]] = {
    "orders": (
        ("order.key",), ("order.placed_at",), ("line.sku", "line.title"), ("line.quantity",),
        ("line.unit_price", "line.total"),
    ),
    "products": (("sku", "handle"), ("title",)),
    "stock": (("sku",), ("quantity", "available")),
}  # fmt: skip
BECOMES = Told(
    {
        "work": "work",
        "history": "history",
        "credit": "a credit",
        "adjustment": "a write-off",
        "stock": "a change of stock",
    }
)
STATES = Told(
    {
        "draft": "Not taken in yet",
        "waiting": "Waits for the worker",
        "running": "Under way",
        "done": "Taken in",
        "failed": "Refused",
    }
)
TONES = {"draft": "slate", "waiting": "blue", "running": "cyan", "done": "green", "failed": "red"}
DOING = Told(
    {"rows read": "Reading", "rows looked at": "Looking at what is there", "rows taken": "Taking in", "": "Beginning"}
)
CAME = Told({"taken": "new", "changed": "changed", "unchanged": "unchanged", "refused": "refused"})


def field(kind: str, name: str) -> str:
    told = FIELDS if kind == "orders" else COLUMNS
    return told.get(name, name)


def choices(kind: Kind) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a column may say, in groups."""
    if kind != "orders":
        return [("", [(name, COLUMNS[name]) for name in fields_of(kind)])]
    names = fields_of(kind)
    return [
        (SECTIONS[section], [(name, FIELDS[name]) for name in names if name.startswith(f"{section}.")])
        for section in ORDER_SECTIONS
    ]
