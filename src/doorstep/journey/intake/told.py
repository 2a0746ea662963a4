"""told: what a shop's books say was corrected, in the shapes that the verbs take."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from doorstep.journey.intake.new_order import Buyer, Currency, Struct

Signed = Annotated[int, Meta(ge=-(10**15), le=10**15, description="minor units, below zero for what goes back")]


class CorrectedLine(Struct, frozen=True, kw_only=True):
    """As it was told, signs included: a credited unit is a quantity below zero at the price it was credited at."""

    sku: Annotated[str, Meta(max_length=120)] = ""
    title: Annotated[str, Meta(max_length=500)] = ""
    quantity: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
    unit_price: Annotated[Decimal, Meta(description="exact decimal in major units, at most 6 places, signed")]


class ImportCorrection(Struct, frozen=True, kw_only=True):
    """A correction of somebody else's books.

    `credit`: goods and money went back; its lines are linked to the sales they are about. `adjustment`: money alone, a
    write-off. `stock`: units alone, found (above zero) or lost (below). With a `site` the units of stocked SKUs move
    there: those of a credit come back, those of `stock` by their sign. `link`: without it the correction is written
    down alone; asked again with it, its lines are linked to the sales that have come in since.
    """

    kind: Literal["credit", "adjustment", "stock"]
    external_id: Annotated[str, Meta(min_length=1, max_length=120)]
    number: Annotated[str, Meta(max_length=60)] = ""
    channel: Annotated[str, Meta(max_length=60)] = "file"
    happened_at: datetime
    currency: Currency
    buyer: Buyer = Buyer()
    country: Annotated[str, Meta(max_length=2)] = ""
    site: Annotated[str, Meta(max_length=40)] = ""
    reason: Annotated[str, Meta(max_length=500)] = ""
    lines: Annotated[list[CorrectedLine], Meta(min_length=1, max_length=2000)]
    link: bool = True

    @property
    def subject(self) -> object:
        return ("correction", self.channel, self.kind, self.external_id)


class OpeningGoods(Struct, frozen=True, kw_only=True):
    sku: Annotated[str, Meta(min_length=1, max_length=120)]
    site: Annotated[str, Meta(min_length=1, max_length=40)]
    quantity: Annotated[int, Meta(ge=1, le=1_000_000_000)]


class ImportOpening(Struct, frozen=True, kw_only=True):
    """Goods of one SKU that must have stood at a site before history began; `at` is that beginning."""

    goods: OpeningGoods
    at: datetime
