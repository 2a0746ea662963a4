"""polling: when a carrier is asked about a parcel again: where news is likely, and never at night for nothing.

A parcel in the courier's car is asked about at the shortest pace, one on the ocean a few times a day; rounds that
brought nothing make the next wait longer, and who sends webhooks is asked now and then only, to miss none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.core import get_global

# How many of the shortest paces until the next round, by state.
PACES: dict[str, float] = {
    "pre_transit": 6, "accepted": 6, "in_transit": 8, "export_customs": 12, "departed": 16, "arrived": 6,
    "in_customs": 8, "customs_hold": 12, "customs_released": 6, "delayed": 12, "out_for_delivery": 1, "attempted": 4,
    "available_for_pickup": 8, "exception": 8, "redirected": 8, "damaged": 24, "refused": 16, "returning": 24,
    "lost": 48, "canceled": 48,
}  # fmt: skip
BACKOFF, LONGEST_BACKOFF = 1.3, 4.0
LONGEST_AFTER = 6  # quiet rounds; a power of very many is no number any more
BY_WEBHOOK = 8.0
OLD, OLD_TIMES = timedelta(days=30), 4.0
LONGEST = timedelta(days=2)
# Shorter waits were chosen by somebody who does not mind the night.
NIGHT_MATTERS = timedelta(minutes=10)
MORNING, EVENING = time(7), time(22)
# In these nothing moves before somebody at the destination begins to work.
BY_DAY = frozenset(
    {"arrived", "customs_released", "out_for_delivery", "attempted", "available_for_pickup", "exception"}
)
# Of countries with several zones, the one that most people live in or near to.
WIDE = {
    "US": "America/Chicago", "CA": "America/Toronto", "RU": "Europe/Moscow", "BR": "America/Sao_Paulo",
    "AU": "Australia/Sydney", "MX": "America/Mexico_City", "ID": "Asia/Jakarta", "KZ": "Asia/Almaty",
    "CN": "Asia/Shanghai", "UA": "Europe/Kyiv", "DE": "Europe/Berlin", "ES": "Europe/Madrid", "PT": "Europe/Lisbon",
    "CL": "America/Santiago", "NZ": "Pacific/Auckland", "AR": "America/Argentina/Buenos_Aires",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watched:
    """`age` since the hand-over, `quiet` rounds without news, `alarm_at` when its silence would be too long."""

    parcel: int
    state: str
    to_country: str
    age: timedelta
    quiet: int
    pace: timedelta
    asks: bool = True
    by_webhook: bool = False
    alarm_at: datetime | None = None


def next_ask(watched: Watched, now: datetime) -> datetime:
    """When the next round is due; the end of a parcel's patience is looked at when it comes."""
    due = now + _wait(watched)
    if watched.asks and watched.state in BY_DAY and due - now > NIGHT_MATTERS:
        due = by_day(due, zone_of(watched.to_country))
    if watched.alarm_at and now <= watched.alarm_at < due:
        due = watched.alarm_at + timedelta(seconds=1)
    return due


def _wait(watched: Watched) -> timedelta:
    if not watched.asks:
        return LONGEST / 2 if watched.pace > NIGHT_MATTERS else watched.pace
    times = PACES.get(watched.state, PACES["in_transit"])
    times *= min(BACKOFF ** min(watched.quiet, LONGEST_AFTER), LONGEST_BACKOFF)
    if watched.by_webhook:
        times *= BY_WEBHOOK
    if watched.age > OLD:
        times *= OLD_TIMES
    # Each parcel keeps a little apart from the others, so that not all of a truck are asked about at once.
    return min(watched.pace * times, LONGEST) * (1 + watched.parcel % 97 / 970)


def by_day(at: datetime, zone: ZoneInfo) -> datetime:
    """The same moment, or the next morning there."""
    local = at.astimezone(zone)
    if MORNING <= local.time() < EVENING:
        return at
    day = local.date() + timedelta(days=1 if local.time() >= EVENING else 0)
    # The spread of the night's parcels is kept in the morning.
    spread = timedelta(minutes=local.minute)
    return datetime.combine(day, MORNING, zone).astimezone(at.tzinfo) + spread


@lru_cache(maxsize=300)
def zone_of(country: str) -> ZoneInfo:
    zones = get_global("territory_zones").get(country) or ["UTC"]
    return ZoneInfo(WIDE.get(country, zones[0]))


def priority(state: str) -> float:
    """Who is asked about first when not all can be: the lower, the sooner."""
    return PACES.get(state, PACES["in_transit"])
