"""ways: how far a channel says that each line of an order came, and when: by its parcel, else by the order's times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from doorstep.journey.intake.content import Happened, LineStage, ToldParcel
from doorstep.journey.intake.new_order import NewOrder
from doorstep.spine.status import PARCEL_COUNTER

# Where the units of a line have left the site, whatever became of them.
OUT: frozenset[LineStage] = frozenset({"shipped", "delivered", "taken_back", "lost"})
NOT_ON_ITS_WAY = "parcels_pre_transit"


@dataclass(frozen=True, slots=True)
class Way:
    """Of all lines that went together. The times are the best that are known, also where it did not go that far."""

    site: str  # where the goods left from; "" = nobody says
    is_out: bool
    sent_at: datetime
    has_arrived: bool
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of an order; lines by their place in what is told, from 0."""

    new: NewOrder
    there: Happened
    placed_at: datetime
    ways: Sequence[Way]
    in_parcels: frozenset[int]

    def stage(self, at: int) -> LineStage:
        """Where all units of the line are said to be; "" = as far as its way tells."""
        return self.there.stages[at] if at < len(self.there.stages) else ""

    def sent(self, at: int) -> int:
        """Units that left, by the line's way."""
        line, way = self.new.lines[at], self.ways[at]
        if self.there.fulfilled and at not in self.in_parcels:
            return self.there.units(at + 1, line)
        return line.quantity if way.is_out else 0

    @property
    def is_canceled(self) -> bool:
        """As a whole, with a time or without."""
        return self.there.canceled or self.there.canceled_at is not None

    @property
    def ended_at(self) -> datetime:
        """When it was canceled or came back, as well as is known."""
        there = self.there
        return there.canceled_at or there.refunded_at or there.fulfilled_at or self.placed_at


def told_of(new: NewOrder, there: Happened, *, site: str, placed_at: datetime) -> Told:
    by_itself = _of_order(there, site, placed_at)
    ways = [by_itself] * len(new.lines)
    in_parcels = set[int]()
    # A line that stands in two parcels is in the first.
    for parcel in reversed(there.parcels):
        way = _of_parcel(parcel, there, placed_at)
        for number in parcel.lines:
            if number <= len(ways):
                ways[number - 1] = way
                in_parcels.add(number - 1)
    return Told(new, there, placed_at, ways, frozenset(in_parcels))


def is_out(parcel: ToldParcel) -> bool:
    """It left, by its times or by its state."""
    if parcel.handed_over_at is not None or parcel.delivered_at is not None:
        return True
    return PARCEL_COUNTER.get(parcel.state, NOT_ON_ITS_WAY) != NOT_ON_ITS_WAY


def is_said_to_be_delivered(there: Happened) -> bool:
    """Without a time, by a channel that names none."""
    return there.delivered and not there.times_told


def _of_parcel(parcel: ToldParcel, there: Happened, placed_at: datetime) -> Way:
    left = is_out(parcel)
    arrived = parcel.delivered_at is not None or parcel.state == "delivered" or (
        left and is_said_to_be_delivered(there)
    )  # fmt: skip
    known = [at for at in (there.fulfilled_at, parcel.delivered_at) if at is not None]
    sent_at = parcel.handed_over_at or min(known, default=placed_at)
    return Way(parcel.site, left, sent_at, arrived, parcel.delivered_at or there.delivered_at or sent_at)


def _of_order(there: Happened, site: str, placed_at: datetime) -> Way:
    arrived = there.delivered_at is not None or is_said_to_be_delivered(there)
    sent_at = there.fulfilled_at or there.delivered_at or placed_at
    return Way(site, arrived or there.fulfilled_at is not None, sent_at, arrived, there.delivered_at or sent_at)
