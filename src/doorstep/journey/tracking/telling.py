"""telling: which fact speaks now, to whom, by which medium, and when. Pure: everything it needs is in its facts.

A fact speaks once by each medium, for ever. What has been overtaken by what happened since is not said any more: a
parcel that was delivered is not out for delivery, whatever order the news came in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from doorstep.plug.states import FINAL_STATES
from doorstep.setup.notices.kinds import FACTS, TO_BUYER, Kind, Medium, can_be_stopped
from doorstep.setup.notices.quiet import speaks_at
from doorstep.setup.notices.rules import Wanted

State = Literal["waiting", "sending", "unknown", "sent", "dropped", "failed"]
# Nothing follows these: it was said, or never will be.
OVER: frozenset[str] = frozenset({"sent", "dropped", "failed"})
# Whoever began to send it is given so long before another does.
HANDS_OFF = timedelta(seconds=60)
# A parcel's news that came later than this is none.
OLD = timedelta(days=14)
_CLOSED = ("canceled", "expired")
# A parcel in these does not come to its buyer by itself any more.
_ELSEWHERE = FINAL_STATES | {"returning", "refused", "lost", "canceled"}


@dataclass(frozen=True, slots=True)
class Standing:
    """How the order and the parcel that it is about stand now; `later` are days that are promised
    now, and are later than any before. `label`: how the label for the way back stands."""

    stage: str
    wanted: int = 0
    not_gone: int = 0
    not_arrived: int = 0
    has_left: bool = False
    is_held: bool = False
    later: Collection[date] = ()
    parcel_state: str = ""
    parcel_at: datetime | None = None  # of what its state rests on
    label: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a notice already."""

    state: State
    tries: int = 0
    tried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """`about` tells a fact from others of its kind: a day, a date, a payment. `addresses`: '' where there is none."""

    kind: Kind
    about: str
    standing: Standing
    wanted: Wanted
    addresses: Mapping[Medium, str]
    stopped: Collection[Medium]
    kept: Mapping[Medium, Kept]
    now: datetime
    zone: ZoneInfo  # the buyer's
    office: ZoneInfo  # the merchant's
    media: Collection[Medium] = field(default_factory=frozenset)  # for which there is something to send with


@dataclass(frozen=True, slots=True)
class Word:
    """One notice by one medium. `now`: it is sent, `later`: at `at`, `never`: because of `why`, `busy`: somebody is at
    it."""

    medium: Medium
    says: Literal["now", "later", "never", "busy"]
    at: datetime
    why: str = ""
    tries: int = 0
    tried_at: datetime | None = None


def words(facts: Facts) -> list[Word]:
    """What is to be done about this fact now; nothing where all is said."""
    chosen = facts.wanted.media(facts.kind)
    return [word for medium in chosen if (word := _word(facts, medium)) is not None]


def _word(facts: Facts, medium: Medium) -> Word | None:
    kept = facts.kept.get(medium)
    if kept is not None and kept.state in OVER:
        return None
    if medium not in facts.media:
        return None
    tries, tried_at = (kept.tries, kept.tried_at) if kept else (0, None)
    if kept and kept.state == "sending" and tried_at and facts.now - tried_at < HANDS_OFF:
        return Word(medium, "busy", tried_at + HANDS_OFF, tries=tries, tried_at=tried_at)
    why = _why_not(facts, medium)
    if why:
        return Word(medium, "never", facts.now, why, tries, tried_at)
    zone = facts.zone if medium in TO_BUYER else facts.office
    at = speaks_at(facts.now, facts.wanted.quiet_of(medium), zone)
    return Word(medium, "now" if at <= facts.now else "later", at, "", tries, tried_at)


def _why_not(facts: Facts, medium: Medium) -> str:
    if not facts.addresses.get(medium):
        return "no_address"
    if medium in facts.stopped and can_be_stopped(facts.kind, medium):
        return "stopped"
    return overtaken(facts.kind, facts.about, facts.standing, facts.now, facts.zone)


def overtaken(kind: Kind, about: str, now: Standing, at: datetime, zone: ZoneInfo) -> str:
    """Why it is not said any more; '' while it is true and news."""
    if kind in ("answer", "canceled", "refunded"):
        return ""
    if now.stage in _CLOSED and not now.has_left:
        return "order_canceled"
    if kind == "return_label":
        return "" if now.label == "bought" else "label_void"
    if FACTS[kind].of_parcel:
        return _overtaken_parcel(kind, about, now, at, zone)
    if kind == "delayed":
        return "" if now.not_arrived and date.fromisoformat(about) in now.later else "other_date"
    if kind == "backordered":
        return "" if now.wanted and not now.is_held else "not_missing"
    if kind == "split":
        return "" if now.not_gone else "already_shipped"
    return "already_shipped" if now.has_left else ""


def _overtaken_parcel(kind: Kind, about: str, now: Standing, at: datetime, zone: ZoneInfo) -> str:
    state = now.parcel_state
    if now.parcel_at and at - now.parcel_at > OLD:
        return "too_late"
    if kind == "shipped":
        return f"parcel_{state}" if state in _ELSEWHERE | {"delivered"} else ""
    if kind == "attempted":
        # Back at the depot after it is no news against it.
        return f"parcel_{state}" if state in {*_ELSEWHERE, "out_for_delivery", "available_for_pickup"} else ""
    # The day is that of the country's main clock, which a region may be behind.
    if kind == "out_for_delivery" and about and about < at.astimezone(zone).date().isoformat():
        return "another_day"
    return "" if state == kind else f"parcel_{state}"
