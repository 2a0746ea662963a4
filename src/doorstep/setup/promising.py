"""promising: what it means for the books when sites give stock to lines: moves, fulfillment orders, dates.

Used by `place` (reserve: now) and by `promise`; both decide with the same rule and write the same facts. A date comes
from the site's cut-off, its working days and holidays, the queue before its capacity, and how long the way takes: by
what the merchant's own past says, by the shipping method where it says too little. Each date has its basis written
beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from doorstep.setup.addresses import Address
from doorstep.setup.calendars import ONE_DAY, Calendar
from doorstep.setup.experience import FARTHEST, MODEL, Experience, Way
from doorstep.setup.postcodes import NOWHERE, Places, area_of
from doorstep.setup.sites import Site
from doorstep.setup.sourcing import Take
from doorstep.spine.outcome import Demand, Fact, Insert, Move, Stock

# The same for all who know nothing yet: what a shipping method says is taken as kept so often.
FIRST_RELIABILITY = 0.9
# More working days than these to leave the site are all alike: what is so far ahead is not counted out.
MOST_ALLOWED, FAR_AHEAD = 12, timedelta(days=90)
# Of days by the second so many are remembered.
MOST_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Dates:
    """Until when it must leave the site, on which local days it arrives, and why."""

    ship_by: datetime
    deliver_from: date
    deliver_by: date
    basis: Mapping[str, Any] = field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        return {"ship_by": self.ship_by, "deliver_from": self.deliver_from, "deliver_by": self.deliver_by}

    def leaving_by(self, ship_by: datetime | None) -> Dates:
        """The same for what the channel wants to have left by then: the earlier of its day and the site's counts."""
        before = self.basis.get("ship_by")
        own = datetime.fromisoformat(before["site"]) if before else self.ship_by
        basis = {name: said for name, said in self.basis.items() if name != "ship_by"}
        if ship_by is None:
            return replace(self, ship_by=own, basis=basis)
        said = {"site": own.astimezone(UTC).isoformat(), "channel": ship_by.isoformat()}
        return replace(self, ship_by=min(own, ship_by), basis={**basis, "ship_by": said})


class To(NamedTuple):
    """Where it goes, and how, as far as that tells how long it takes."""

    country: str = ""
    region: str = ""
    area: str = ""
    level: str = "standard"
    paying: str = ""
    ship_by: datetime | None = None  # until when the channel wants it to have left


def to_of(ship_to: Mapping[str, Any] | None, level: str, paying: str, ship_by: datetime | None = None) -> To:
    """Of an address as an order keeps it."""
    address = ship_to or {}
    country, region, postcode = (str(address.get(name) or "") for name in ("country", "region", "postcode"))
    return To(country, region, area_of(postcode), level, paying, ship_by)


def to_address(ship_to: Address | None, level: str, paying: str, ship_by: datetime | None) -> To:
    """Of an address as it was handed in."""
    if ship_to is None:
        return To(level=level, paying=paying, ship_by=ship_by)
    return To(ship_to.country, ship_to.region, area_of(ship_to.postcode), level, paying, ship_by)


def allowed_until(site: Site, start: date, end: date) -> str:
    """As the site's working days are told apart that a channel gives an order, from the one day to the other."""
    return _days_between(calendar_of(site), start, min(end, start + FAR_AHEAD))


@lru_cache(maxsize=4096)
def _days_between(calendar: Calendar, start: date, end: date) -> str:
    return allowed_days(calendar.between(start, end))


def allowed_days(days: int) -> str:
    """What is learned of so many working days."""
    return f"{min(days, MOST_ALLOWED)} days"


def _allowed(site: Site, at: datetime, ship_by: datetime) -> str:
    return allowed_until(site, local_day(site, at), local_day(site, min(ship_by, at + FAR_AHEAD)))


def local_day(site: Site, at: datetime) -> date:
    return at.astimezone(ZoneInfo(site.timezone)).date()


def way_of(site: Site, to: To, allowed: str = "", places: Places = NOWHERE) -> Way:
    """What is learned and asked under the same keys."""
    origin = f"{site.country}-{site.region}" if site.region else site.country
    end = f"{to.country}-{to.region}" if to.region else to.country
    far = places.far(site, to.country, to.area) if places.of else ""
    return Way(to.paying, site.code, origin, end, to.area, to.level, allowed, far)


@dataclass(slots=True)
class Outlook:
    """What is known when a date is named: as of a minute ago at most. `queues`: orders that wait, by site."""

    reliability: float = FIRST_RELIABILITY
    experience: Experience | None = None
    open_now: int = 0
    queues: Mapping[int, int] = field(default_factory=dict)
    learned_until: date | None = None
    places: Places = NOWHERE
    _named: dict[tuple[Any, ...], Dates] = field(default_factory=dict)
    _days: dict[tuple[Any, ...], date] = field(default_factory=dict)

    def dates(self, site: Site, at: datetime, to: To, days: tuple[int, int]) -> Dates:
        """The same for all that could leave on the same day and go the same way."""
        ship_by, to = to.ship_by, to._replace(ship_by=None) if to.ship_by else to
        learned = self.experience if self.experience and self.experience.knows(way_of(site, to)) else None
        day = self._leaves(site, at)
        allowed = _allowed(site, at, ship_by) if learned and ship_by else ""
        key = (site.site_id, site.cut_off, site.capacity, day, to if learned else to.country, days, allowed)
        if key not in self._named:
            self._named[key] = (
                self._by_experience(learned, site, day, to, allowed)
                if learned
                else self._by_card(site, day, to.country, days)
            )
        return self._named[key].leaving_by(ship_by) if ship_by else self._named[key]

    def _leaves(self, site: Site, at: datetime) -> date:
        """The day of its cut-off, behind the queue that the site works off at so many a day: one for each second."""
        key = (site.site_id, site.timezone, site.cut_off, site.weekdays, site.capacity, int(at.timestamp()))
        day = self._days.get(key)
        if day is None:
            if len(self._days) >= MOST_KEPT:
                self._days.clear()
            behind = self.queues.get(site.site_id, 0) // site.capacity if site.capacity else 0
            day = self._days[key] = leaves_on(site, at, behind)
        return day

    def _by_card(self, site: Site, day: date, country: str, days: tuple[int, int]) -> Dates:
        arrives = Calendar(country=country)
        first, last = arrives.after(day, days[0]), arrives.after(day, days[1])
        transit = {"days": days[1], "from": "the shipping method", "observed": 0}
        return self._told(site, day, arrives, first, last, {"transit": transit})

    def _by_experience(self, learned: Experience, site: Site, day: date, to: To, allowed: str) -> Dates:
        """So many days on the site's calendar, the rest on that of the country it goes to."""
        arrives, way = Calendar(country=to.country), way_of(site, to, allowed, self.places)
        chosen = learned.choose([way], _leads(arrives, day), self.open_now, day.isoweekday())
        handling = min(learned.days_of_handling(way, chosen.sure), chosen.last)
        ready = arrives.first_from(calendar_of(site).after(day, handling))
        last = arrives.after(ready, chosen.last - handling)
        first = min(last, arrives.after(arrives.first_from(day), chosen.first))
        handled, carried = learned.handling.observed(way.of_handling), learned.transit.observed(way.of_transit)
        spent = {"handling": handling, "transit": chosen.last - handling}
        told: dict[str, Any] = {
            stage: {"days": spent[stage], "from": f"own history: {of or 'none'}", "observed": seen}
            for stage, (of, seen) in {"handling": handled, "transit": carried}.items()
        }
        told |= {"sure": round(chosen.sure, 3), "stretch": learned.crowd.stretch(self.open_now)}
        return self._told(site, day, arrives, first, last, told)

    def _told(self, site: Site, day: date, arrives: Calendar, first: date, last: date, more: dict[str, Any]) -> Dates:
        own = calendar_of(site)
        basis: dict[str, Any] = {
            "model": MODEL, "reliability": self.reliability,
            "cut_off": {"site": site.code, "at": f"{site.cut_off:%H:%M}", "timezone": site.timezone, "leaves": day},
            "calendars": {"site": own.source, "to": arrives.source},
            "holidays": own.holidays_in(day, day) | arrives.holidays_in(day, last), **more,
        }  # fmt: skip
        if site.capacity:
            basis["queue"] = {"waiting": self.queues.get(site.site_id, 0), "capacity": site.capacity}
        return Dates(_cut_off(site, day), first, last, basis)


NO_OUTLOOK = Outlook()


def leaves_on(site: Site, at: datetime, days_behind: int = 0) -> date:
    """The local day of the next cut-off, or so many of the site's working days later."""
    local = at.astimezone(ZoneInfo(site.timezone))
    day = local.date() if local.time() < site.cut_off else local.date() + ONE_DAY
    return _worked(site.weekdays, site.country, day, days_behind)


@lru_cache(maxsize=4096)
def _worked(weekdays: tuple[int, ...], country: str, day: date, days_behind: int) -> date:
    own = Calendar(weekdays, country)
    return own.after(own.first_from(day), days_behind)


def calendar_of(site: Site) -> Calendar:
    return Calendar(site.weekdays, site.country)


def _cut_off(site: Site, day: date) -> datetime:
    return datetime.combine(day, site.cut_off, ZoneInfo(site.timezone))


@lru_cache(maxsize=4096)
def _leads(arrives: Calendar, day: date) -> list[int]:
    """How many days away each working day is."""
    found, worked = [], arrives.first_from(day)
    for _ in range(FARTHEST + 1):
        found.append((worked - day).days)
        worked = arrives.first_from(worked + timedelta(days=1))
    return found


def promise_moves(
    takes: tuple[Take, ...],
    fulfillment_orders: Mapping[int, int],
    ids: Iterator[int],
    *,
    order: int,
    sites: Mapping[int, Site],
    at: datetime,
    dates: Callable[[Site], Dates],
    source: str = "wanted",
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
            named = dates(sites[take.site_id])
            values = {
                "fulfillment_order_id": at_site[take.site_id], "order_id": order, "site_id": take.site_id,
                **named.columns(), "created_at": at,
            }  # fmt: skip
            facts.append(Insert("fulfillment_order", values))
            facts.append(promise_row(named, at_site[take.site_id], order, at_site[take.site_id], at))
        # The stock move follows its demand move: `record` reads site and SKU of a new allocation from it.
        moves.append(Demand(take.line_no, take.quantity, source, "promised", at_site[take.site_id]))
        moves.append(Stock(take.sku_id, take.site_id, take.quantity, "free", "", "reserved", ""))
    return moves, facts, {take.site_id: at_site[take.site_id] for take in takes}


def promise_row(
    dates: Dates, promise: int, order: int, fulfillment_order: int, at: datetime, reason: str = ""
) -> Insert:
    """What the buyer is told from now on; the first one has the number of its fulfillment order."""
    values = {
        "order_id": order, "promise_id": promise, "fulfillment_order_id": fulfillment_order, **dates.columns(),
        "reason": reason, "basis": dates.basis, "made_at": at,
    }  # fmt: skip
    return Insert("promise", values)
