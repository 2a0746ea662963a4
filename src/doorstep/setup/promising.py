"""promising: what it means for the books when sites give stock to lines: moves, fulfillment orders, dates.

Used by `place` (reserve: now) and by `promise`; both decide with the same rule and write the same facts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from doorstep.setup.sites import Site
from doorstep.setup.sourcing import Take
from doorstep.spine.outcome import Demand, Fact, Insert, Move, Stock


@dataclass(frozen=True, slots=True)
class Dates:
    """Until when it must leave the site, and on which local days it arrives."""

    ship_by: datetime
    deliver_from: date
    deliver_by: date


def promised_dates(site: Site, at: datetime, days_min: int, days_max: int) -> Dates:
    """Leaves at the next cut-off on a working day; transit is counted in working days from there."""
    zone = ZoneInfo(site.timezone)
    local = at.astimezone(zone)
    day = local.date() if local.time() < site.cut_off else local.date() + timedelta(days=1)
    return _dates(site.timezone, site.cut_off, site.weekdays, day, days_min, days_max)


@lru_cache(maxsize=4096)
def _dates(timezone: str, cut_off: time, weekdays: tuple[int, ...], day: date, days_min: int, days_max: int) -> Dates:
    """For all that could leave on this day, local to the site."""
    while day.isoweekday() not in weekdays:
        day += timedelta(days=1)
    ship_by = datetime.combine(day, cut_off, ZoneInfo(timezone))
    return Dates(ship_by, _working_days_after(day, days_min), _working_days_after(day, days_max))


def _working_days_after(day: date, days: int) -> date:
    while days > 0:
        day += timedelta(days=1)
        days -= day.isoweekday() < 6
    return day


def promise_moves(
    takes: tuple[Take, ...],
    fulfillment_orders: Mapping[int, int],
    ids: Iterator[int],
    *,
    order: int,
    sites: Mapping[int, Site],
    at: datetime,
    days: tuple[int, int],
    source: str = "wanted",
    expires_at: datetime | None = None,
) -> tuple[list[Move], list[Fact], dict[int, int]]:
    """Moves and facts for these takes. `fulfillment_orders` maps a site to the order's one there; new ones are added.

    Answers the moves, the new rows, and site -> fulfillment order for every site taken from.
    """
    moves: list[Move] = []
    facts: list[Fact] = []
    at_site = dict(fulfillment_orders)
    for take in takes:
        if take.site_id not in at_site:
            at_site[take.site_id] = next(ids)
            dates = promised_dates(sites[take.site_id], at, *days)
            values = {
                "fulfillment_order_id": at_site[take.site_id], "order_id": order, "site_id": take.site_id,
                "ship_by": dates.ship_by, "deliver_from": dates.deliver_from, "deliver_by": dates.deliver_by,
                "created_at": at, "expires_at": expires_at,
            }  # fmt: skip
            facts.append(Insert("fulfillment_order", values))
        # The stock move follows its demand move: `record` reads site and SKU of a new allocation from it.
        moves.append(Demand(take.line_no, take.quantity, source, "promised", at_site[take.site_id]))
        moves.append(Stock(take.sku_id, take.site_id, take.quantity, "free", "", "reserved", ""))
    return moves, facts, {take.site_id: at_site[take.site_id] for take in takes}
