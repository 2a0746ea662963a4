"""new_order: an order as a channel, a file or a person hands it in, before anything is checked."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from doorstep.setup.addresses import Address, Text

LongText = Annotated[str, Meta(max_length=2000)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217")]
AmountMinor = Annotated[int, Meta(ge=0, le=10**15, description="minor units of the order's currency")]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
UnitPrice = Annotated[Decimal, Meta(description="exact decimal in major units, at most 6 places, >= 0")]
PaymentTerm = Literal["prepaid", "on_shipment", "cod", "on_account"]
Reserve = Literal["now", "after_checks"]
Risk = Literal["", "low", "medium", "high"]
Moment = Annotated[datetime, Meta(tz=True)]


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What comes from outside: unknown fields are errors."""


class Buyer(Struct, frozen=True, kw_only=True):
    """`customer` is the channel's own id of who bought: what tells two orders of one buyer."""

    name: Text = ""
    customer: Annotated[str, Meta(max_length=120)] = ""
    email: Annotated[str, Meta(max_length=254)] = ""
    phone: Annotated[str, Meta(max_length=40)] = ""
    locale: Annotated[str, Meta(max_length=20)] = ""


class NewLine(Struct, frozen=True, kw_only=True):
    """One line: `sku` is the merchant's code or the channel's alias of it; `title` what the buyer saw."""

    sku: Annotated[str, Meta(max_length=120)] = ""
    title: Annotated[str, Meta(max_length=500)] = ""
    quantity: Quantity
    unit_price: UnitPrice
    discount_minor: AmountMinor = 0
    tax_minor: AmountMinor = 0
    ships: bool = True
    external_id: Annotated[str, Meta(max_length=120)] = ""


class Tender(Struct, frozen=True, kw_only=True):
    """Money already paid or authorized elsewhere when the order came in."""

    kind: Literal["paid", "authorized"]
    amount_minor: AmountMinor
    method: Text = ""
    reference: Text = ""
    paid_at: datetime | None = None


class Fee(Struct, frozen=True, kw_only=True):
    name: Text
    amount_minor: AmountMinor


class NewOrder(Struct, frozen=True, kw_only=True):
    """An order to place. `discount_minor` is for the whole order, beside the discounts of its lines.

    total = lines - discounts + shipping + fees (+ tax, unless `tax_included`). When `total_minor` is given it must
    be that, else `TotalDoesNotAddUp` (the API) or a hold with the reason (channels and files).

    `risk`: how likely the channel takes it to be fraud; of a high one somebody looks at it before anything is done.

    `ship_by`: until when the channel wants the goods to have left. It tells more about how long they take to leave, and
    they are to leave by then even where the site's own cut-off is later.

    `reserve`: `now` sets its goods aside as it is placed; while its money is waited for, it runs out after the
    merchant's time for that (`expires_at`), and so does one of services alone, which has no goods to set aside.
    `after_checks` sets them aside once nothing holds it; such an order waits for its money as long as it takes.

    `insured_minor`: for how much its goods are insured on their way; 0 = not. Each parcel has its share by its goods.
    """

    lines: Annotated[list[NewLine], Meta(min_length=1, max_length=2000)]
    currency: Currency
    external_id: Annotated[str, Meta(max_length=120)] = ""
    number: Annotated[str, Meta(max_length=60)] = ""
    channel: Annotated[str, Meta(max_length=60)] = "api"
    placed_at: datetime | None = None
    ship_by: Moment | None = None
    buyer: Buyer = Buyer()
    ship_to: Address | None = None
    bill_to: Address | None = None
    discount_minor: AmountMinor = 0
    shipping_minor: AmountMinor = 0
    tax_minor: AmountMinor = 0
    tax_included: bool = False
    fees: Annotated[list[Fee], Meta(max_length=20)] = []
    total_minor: AmountMinor | None = None
    tenders: Annotated[list[Tender], Meta(max_length=100)] = []
    payment_term: PaymentTerm = "prepaid"
    payment_token: Text = ""
    shipping_method: Text = ""
    insured_minor: AmountMinor = 0
    risk: Risk = ""
    note: LongText = ""
    tags: Annotated[list[Text], Meta(max_length=50)] = []
    reserve: Reserve = "after_checks"
    draft: bool = False
