"""verdicts: was the date kept that the buyer was told, and if not, whose time it was. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from doorstep.spine.outcome import Insert

# Beside the facts of orders ($2) and parcels ($3): the last date of the parcels' fulfillment orders, and what happened
# to them since.
TOLD = """
select r.parcel_id, d.order_id, d.promise_id, d.made_at, d.ship_by, d.deliver_by, t.timezone, f.released_at
  from parcel r
  join fulfillment_order f on f.merchant_id = r.merchant_id and f.fulfillment_order_id = r.fulfillment_order_id
  join site t on t.site_id = r.site_id
  cross join lateral (
    select p.* from promise p
      where p.merchant_id = r.merchant_id and p.order_id = r.order_id
        and p.fulfillment_order_id = r.fulfillment_order_id
      order by p.promise_id desc limit 1) d
  where r.merchant_id = any($1) and r.order_id = any($2) and r.parcel_id = any($3)
"""
EVENTS = """
select e.parcel_id, e.happened_at, e.state from parcel r
  join parcel_event e on e.merchant_id = r.merchant_id and e.parcel_id = r.parcel_id
  where r.merchant_id = any($1) and r.order_id = any($2) and r.parcel_id = any($3) order by e.parcel_id, e.happened_at
"""
# Who has a parcel in his hands that stands so; all else is the carrier's time.
HOLDS_IT = {
    "export_customs": "customs", "in_customs": "customs", "customs_hold": "customs", "attempted": "buyer",
    "available_for_pickup": "buyer", "refused": "buyer",
}  # fmt: skip


class Told(NamedTuple):
    """A date as it was told, and when things happened. `handed_over` is None for what left unseen."""

    made_at: datetime
    ship_by: datetime
    deliver_by: date
    timezone: str
    released: datetime | None
    handed_over: datetime | None
    delivered: datetime
    events: tuple[tuple[datetime, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`spent`: seconds by party. `party` is nobody's where the date was kept."""

    days_late: int
    party: str
    spent: Mapping[str, float]

    @property
    def kept(self) -> bool:
        return self.days_late <= 0


def verdict(told: Told) -> Verdict:
    """Kept when it came on the day that was told or before, local to the site.

    Late, it is the time of whoever took most beyond what the date allowed: who had it until it should have left (the
    merchant until it was released, then the site), customs and the buyer all that they kept it, the carrier the rest.
    """
    zone = ZoneInfo(told.timezone)
    late = (told.delivered.astimezone(zone).date() - told.deliver_by).days
    left = min(told.handed_over or told.ship_by, told.delivered)
    released = min(told.released or left, left)
    held = _held(told.events, left, told.delivered)
    spent = {
        "merchant": _seconds(told.made_at, released), "site": _seconds(released, left), **held,
        "carrier": _seconds(left, told.delivered) - sum(held.values()),
    }  # fmt: skip
    if late <= 0:
        return Verdict(late, "", spent)
    before = _seconds(told.ship_by, left)
    by_merchant = _seconds(told.ship_by, released)
    over = {"merchant": by_merchant, "site": before - by_merchant, **held}
    over["carrier"] = max(0.0, timedelta(days=late).total_seconds() - sum(over.values()))
    return Verdict(late, max(over, key=lambda party: over[party]), spent)


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


def _held(events: Iterable[tuple[datetime, str]], left: datetime, delivered: datetime) -> dict[str, float]:
    """How long customs and the buyer kept it: from such an event to the next one."""
    held = {"customs": 0.0, "buyer": 0.0}
    known = sorted((max(at, left), state) for at, state in events if at < delivered)
    for (at, state), (until, _) in pairwise([*known, (delivered, "")]):
        if state in HOLDS_IT:
            held[HOLDS_IT[state]] += _seconds(at, min(until, delivered))
    return held


@dataclass(frozen=True, slots=True)
class ToldParcel:
    """What happened to it, then fields in the order of the columns above."""

    events: tuple[tuple[datetime, str], ...]
    order_id: int
    promise_id: int
    made_at: datetime
    ship_by: datetime
    deliver_by: date
    timezone: str
    released_at: datetime | None

    def ended(self, parcel: int, handed_over: datetime | None, delivered: datetime, at: datetime) -> Insert:
        found = verdict(Told(
            self.made_at, self.ship_by, self.deliver_by, self.timezone, self.released_at, handed_over, delivered,
            self.events,
        ))  # fmt: skip
        values = {
            "order_id": self.order_id, "promise_id": self.promise_id, "parcel_id": parcel, "kept": found.kept,
            "days_late": found.days_late, "party": found.party, "decided_at": at,
            "spent": {party: round(seconds / 3600, 1) for party, seconds in found.spent.items()},
        }  # fmt: skip
        return Insert("promise_end", values)


def told_of(told: Iterable[Sequence[Any]], happened: Iterable[Sequence[Any]]) -> dict[int, ToldParcel]:
    """By parcel, of those that a date was told of; of the rows that TOLD and EVENTS answer."""
    events: dict[int, list[tuple[datetime, str]]] = {}
    for parcel, at, state in happened:
        events.setdefault(parcel, []).append((at, state))
    return {parcel: ToldParcel(tuple(events.get(parcel, ())), *rest) for parcel, *rest in told}
