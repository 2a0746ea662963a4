"""verdicts: was the date kept that the buyer was told, and if not, whose time it was. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from doorstep.spine.outcome import Insert
from doorstep.spine.tenant import Tx

# The last date of the parcels' fulfillment orders, and what happened to them since.
TOLD = """
select r.parcel_id, d.order_id, d.promise_id, d.ship_by, d.deliver_by, d.made_at, t.timezone, f.released_at
  from parcel r
  join fulfillment_order f on f.merchant_id = r.merchant_id and f.fulfillment_order_id = r.fulfillment_order_id
  join site t on t.site_id = r.site_id
  cross join lateral (
    select p.* from promise p
      where p.merchant_id = r.merchant_id and p.order_id = r.order_id
        and p.fulfillment_order_id = r.fulfillment_order_id
      order by p.promise_id desc limit 1) d
  where r.merchant_id = any($1) and r.parcel_id = any($2)
"""
EVENTS = """
select parcel_id, happened_at, state from parcel_event
  where merchant_id = any($1) and parcel_id = any($2) order by parcel_id, happened_at
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
    order_id: int
    promise_id: int
    told: Mapping[str, Any]
    events: tuple[tuple[datetime, str], ...]

    def ended(self, parcel: int, handed_over: datetime | None, delivered: datetime, at: datetime) -> Insert:
        names = ("made_at", "ship_by", "deliver_by", "timezone")
        said = {name: self.told[name] for name in names}
        found = verdict(
            Told(**said, released=self.told["released_at"], handed_over=handed_over, delivered=delivered,
                 events=self.events)
        )  # fmt: skip
        values = {
            "order_id": self.order_id, "promise_id": self.promise_id, "parcel_id": parcel, "kept": found.kept,
            "days_late": found.days_late, "party": found.party, "decided_at": at,
            "spent": {party: round(seconds / 3600, 1) for party, seconds in found.spent.items()},
        }  # fmt: skip
        return Insert("promise_end", values)


async def told_of(tx: Tx, parcels: list[int]) -> dict[int, ToldParcel]:
    """Of those that a date was told of."""
    merchants = list(tx.merchants)
    rows = await tx.rows(TOLD, merchants, parcels)
    events: dict[int, list[tuple[datetime, str]]] = {}
    for row in await tx.rows(EVENTS, merchants, [row["parcel_id"] for row in rows]) if rows else ():
        events.setdefault(row["parcel_id"], []).append((row["happened_at"], row["state"]))
    return {
        row["parcel_id"]: ToldParcel(row["order_id"], row["promise_id"], row, tuple(events.get(row["parcel_id"], ())))
        for row in rows
    }
