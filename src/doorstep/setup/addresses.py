"""addresses: where an order goes, as channels hand it in and as people mend it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(max_length=200)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    name: Text = ""
    company: Text = ""
    line1: Text = ""
    line2: Text = ""
    city: Text = ""
    region: Text = ""
    postcode: Annotated[str, Meta(max_length=20)] = ""
    country: Country
    phone: Annotated[str, Meta(max_length=40)] = ""
    # The carrier's own number or id of a branch or locker where the buyer fetches it; empty = to the door.
    pickup_point: Annotated[str, Meta(max_length=80)] = ""
    # Some countries let nothing in without the recipient's own number: CPF, PCCC …
    tax_id: Annotated[str, Meta(max_length=40)] = ""
