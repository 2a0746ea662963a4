"""content: what a channel says of an order, whole and by part: tells a repeat of it from a change, and what changed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from doorstep.journey.intake.files.problems import Stops
from doorstep.journey.intake.new_order import AmountMinor, NewLine, NewOrder, Struct
from doorstep.journey.intake.told import ImportCorrection
from doorstep.setup.addresses import Text

Units = Annotated[int, Meta(ge=0, le=1_000_000)]
LineStage = Literal["", "wanted", "shipped", "delivered", "taken_back", "lost", "canceled"]


class Problem(Struct, frozen=True):
    """What is wrong with an order that is taken all the same; `hold` stops it, or its `line`, until somebody looked."""

    reason: str
    field: str = ""
    value: str = ""
    hold: Stops = ""
    line: Annotated[int, Meta(ge=0, le=2000)] = 0


class ToldParcel(Struct, frozen=True, kw_only=True):
    """A parcel of somebody else's: which lines are in it, whole, from which site, and how far it came.

    `reference` tells it from the order's others for ever. `state` is a delivery state that its times do not tell
    (`out_for_delivery`, `returning` …); planned is what was never handed over.
    """

    reference: Annotated[str, Meta(min_length=1, max_length=120)]
    site: Annotated[str, Meta(max_length=40)]
    lines: Annotated[list[Annotated[int, Meta(ge=1, le=2000)]], Meta(min_length=1, max_length=2000)]
    carrier: Text = ""
    tracking_number: Text = ""
    handed_over_at: datetime | None = None
    delivered_at: datetime | None = None
    state: Annotated[str, Meta(max_length=40)] = ""


class Contradiction(Struct, frozen=True, kw_only=True):
    """What cannot be true together, as who read the file saw it: a kind of exception, and the sentence."""

    kind: Annotated[str, Meta(pattern="^[a-z][a-z_]{2,59}$")]
    reason: Annotated[str, Meta(max_length=500)]


class Happened(Struct, frozen=True, kw_only=True):
    """What the channel says happened to the order there, with the times of that world.

    `fulfilled`: units per line, in the order of the lines; without it `fulfilled_at` means all that ships.
    `stages`: where all units of each line are, for channels that tell it line by line; "" = not told.
    `canceled`, `delivered`: told without a time, or as a status beside the times. `came_back`: what was fulfilled is
    back on the channel's shelf. `payments_told`: the tenders are all that was ever paid, so they must add up.
    `times_told`: the channel names the time of delivery where there was one.
    """

    approved_at: datetime | None = None
    promised_on: date | None = None
    canceled: bool = False
    delivered: bool = False
    stages: Annotated[list[LineStage], Meta(max_length=2000)] = msgspec.field(default_factory=list)
    parcels: Annotated[list[ToldParcel], Meta(max_length=500)] = msgspec.field(default_factory=list)
    contradictions: Annotated[list[Contradiction], Meta(max_length=20)] = msgspec.field(default_factory=list)
    payments_told: bool = False
    times_told: bool = False
    fulfilled_at: datetime | None = None
    fulfilled: Annotated[list[Units], Meta(max_length=2000)] = msgspec.field(default_factory=list)
    delivered_at: datetime | None = None
    canceled_at: datetime | None = None
    came_back: bool = False
    refunded_minor: AmountMinor = 0
    refunded_at: datetime | None = None

    def units(self, line_no: int, line: NewLine) -> int:
        """How many of this line were fulfilled there."""
        if line_no <= len(self.fulfilled):
            return min(self.fulfilled[line_no - 1], line.quantity)
        return line.quantity if self.fulfilled_at and not self.fulfilled and line.ships else 0


NOTHING = Happened()
_encode = msgspec.json.Encoder().encode


def content_hash(new: NewOrder) -> bytes:
    """Of an order from the API: what tells a repeat of it from another order."""
    return blake2b(msgspec.json.encode(new), digest_size=16).digest()


def correction_hash(told: ImportCorrection) -> bytes:
    """What tells a repeat of a correction from a corrected one; the order of its lines says nothing."""
    lines = sorted((line.sku, line.title, line.quantity, _plain(str(line.unit_price))) for line in told.lines)
    beside = (told.number, told.happened_at.astimezone(UTC), told.currency, told.buyer, told.country, told.site)
    return blake2b(msgspec.json.encode([*beside, told.reason, lines]), digest_size=16).digest()


def parts_of(new: NewOrder, happened: Happened) -> dict[str, str]:
    """A short hash per part of what a channel or a file says. Its name for the order is not part of it.

    In which order lines, payments and parcels are told says nothing.
    """
    lines = [_line(line) for line in new.lines]
    said = {
        "goods": _goods(new, sorted(lines)),
        "term": new.payment_term,
        "paying": [_payments(new), new.payment_token],
        "buyer": new.buyer,
        "ship_to": new.ship_to,
        "bill_to": new.bill_to,
        "shipping_method": new.shipping_method,
        "note": new.note,
        "tags": new.tags,
        "named": [new.number, new.placed_at],
        "happened": _happened(happened, lines),
    }
    if new.insured_minor:  # what most say nothing of is no part of what they said
        said["insured"] = new.insured_minor
    if new.risk:
        said["risk"] = new.risk
    if new.ship_by:
        said["ship_by"] = _moment(new.ship_by)
    return {name: _hashed(_encode(value)) for name, value in said.items()}


@lru_cache(maxsize=4096)  # most parts of most orders say nothing, or what others say
def _hashed(said: bytes) -> str:
    return blake2b(said, digest_size=6).hexdigest()


def hash_of_parts(parts: dict[str, str]) -> bytes:
    return blake2b(msgspec.json.encode(sorted(parts.items())), digest_size=16).digest()


def _line(line: NewLine) -> tuple[Any, ...]:
    """12.5 and 12.50 are one price."""
    price = _plain(str(line.unit_price))
    return (line.sku, line.title, line.quantity, price, line.discount_minor, line.tax_minor, line.ships)


@lru_cache(maxsize=16384)
def _plain(price: str) -> str:
    return f"{Decimal(price).normalize():f}"


def _goods(new: NewOrder, lines: list[tuple[Any, ...]]) -> list[Any]:
    beside = (new.discount_minor, new.shipping_minor, new.tax_minor, new.tax_included, new.fees, new.total_minor)
    return [new.currency, lines, *beside]


def _payments(new: NewOrder) -> list[tuple[Any, ...]]:
    return sorted(
        (tender.kind, tender.amount_minor, tender.method, tender.reference, _moment(tender.paid_at))
        for tender in new.tenders
    )


def _happened(there: Happened, lines: list[tuple[Any, ...]]) -> Any:
    """What is told by line stands beside the line that it is about."""
    if not (there.fulfilled or there.stages or there.parcels):
        return there
    boxes = {number: parcel.reference for parcel in reversed(there.parcels) for number in parcel.lines}
    by_line = sorted(
        (line, _at(there.fulfilled, at, 0), _at(there.stages, at, ""), boxes.get(at + 1, ""))
        for at, line in enumerate(lines)
    )
    parcels = sorted(
        (p.reference, p.site, p.carrier, p.tracking_number, p.state, _moment(p.handed_over_at), _moment(p.delivered_at))
        for p in there.parcels
    )
    told_by_line = (len(there.fulfilled), len(there.stages))
    whole = msgspec.structs.replace(there, fulfilled=[], stages=[], parcels=[])
    return [whole, told_by_line, by_line, parcels]


def _at(told: list[Any], at: int, otherwise: Any) -> Any:
    return told[at] if at < len(told) else otherwise


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at else ""
