"""following: an order as its buyer follows it: how it stands, five steps, its parcels with their news, what was said.

Of what the house knows only this leaves it: no name, no street, no money.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import takewhile
from typing import Literal
from zoneinfo import ZoneInfo

from doorstep.doors.buyer import saying
from doorstep.doors.console import words
from doorstep.doors.console.beside import ParcelNews
from doorstep.doors.console.route import Stop, stops
from doorstep.doors.console.whole import Parcel, Part, Whole
from doorstep.doors.reads.cases import Case, Notice
from doorstep.doors.reads.order import FulfillmentOrder
from doorstep.doors.reads.way import CustodyGap
from doorstep.journey.tracking.deliver import BY_HAND
from doorstep.plug.states import NEWS
from doorstep.setup.clocks import clock_of

NEARBY = ("out_for_delivery", "attempted", "available_for_pickup")
# How a parcel stands that wants to be told before anything else, the most urgent first.
TROUBLES = (
    "customs_hold", "attempted", "available_for_pickup", "damaged", "lost", "seized", "destroyed", "returned_to_sender",
    "returning", "refused", "exception", "delayed",
)  # fmt: skip
# Nothing is to be expected of these.
COMES_NOT = (
    "damaged", "lost", "returned_to_sender", "returning", "refused", "customs_refused", "customs_returned",
)  # fmt: skip
AT_CUSTOMS = ("in_customs", "customs_hold")
# What does not say that it has left customs.
STANDS_STILL = ("delayed", "exception", NEWS, "")
# How it is told of those that customs turned back.
TURNED_BACK = {"refused": "customs_refused", "returning": "customs_refused", "returned_to_sender": "customs_returned"}
# Units that are still with us.
NOT_GONE = ("wanted", "promised", "picked", "packed")
# An order of which nobody has picked anything.
UNTOUCHED = ("received", "processing", "awaiting_fulfillment")
# Told with the same words.
ALIKE = {"seized": "lost", "destroyed": "lost"}


StepState = Literal["done", "now", "ahead"]


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    state: StepState
    when: datetime | None = None


@dataclass(frozen=True, slots=True)
class News:
    """`zone` is that of the place it happened at."""

    says: str
    tone: str
    place: str
    message: str
    when: datetime
    zone: str


@dataclass(frozen=True, slots=True)
class Back:
    """A label to send its goods back with."""

    id: str
    carrier: str
    number: str


@dataclass(frozen=True, slots=True)
class Box:
    """A parcel."""

    carrier: str
    number: str
    says: str
    tone: str
    inside: Sequence[tuple[int, str]]
    stops: Sequence[Stop]
    part: FulfillmentOrder | None  # has the days it is to arrive on
    news: Sequence[News]
    legs: Sequence[tuple[str, str]] = ()  # carriers of other legs, with their numbers
    gaps: Sequence[CustodyGap] = ()
    back: Back | None = None


@dataclass(frozen=True, slots=True)
class Following:
    number: str
    city: str
    country: str
    zone: ZoneInfo
    tone: str
    title: str
    now: str
    you: str
    you_canceling: str  # the same, where the shop lets buyers cancel
    steps: Sequence[Step]
    promised: tuple[date | None, date | None]
    is_late: bool
    boxes: Sequence[Box]
    not_sent: Sequence[tuple[int, str]]
    cases: Sequence[Case]
    notices: Sequence[Notice]
    last_at: datetime
    is_over: bool
    is_untouched: bool  # nobody has begun to get it ready


def follow(of: Whole, now: datetime) -> Following:
    zone = zone_of(of.order.ship_to)
    name = _standing(of)
    tone, title, says, you = saying.standing(name)
    steps = _steps(of, name)
    given = of.order.ship_to or {}
    arrived = steps[-1].state == "done" if steps else True
    promised = _promised(of, name, zone)
    due = promised[1]
    return Following(
        number=of.order.number,
        city=str(given.get("city", "")),
        country=str(given.get("country", "")),
        zone=zone,
        tone=tone,
        title=title,
        now=says,
        you=you,
        you_canceling=saying.CANCELING.get(name, you),
        steps=steps,
        promised=promised,
        is_late=bool(due and not arrived and due < now.astimezone(zone).date()),
        boxes=[_box(of, part, parcel, zone) for part, parcel in _on_their_way(of)],
        not_sent=_not_sent(of),
        cases=of.cases,
        notices=[notice for notice in of.notices if notice.has_reached],
        last_at=max([event.happened_at for event in of.timeline], default=of.order.placed_at),
        is_over=arrived,
        is_untouched=of.order.statuses.stage in UNTOUCHED and not of.order.history,
    )


def zone_of(ship_to: Mapping[str, object] | None) -> ZoneInfo:
    """The clock where it goes."""
    given = ship_to or {}
    return clock_of(str(given.get("country", "")), str(given.get("region", "")))


def _promised(of: Whole, standing: str, zone: ZoneInfo) -> tuple[date | None, date | None]:
    """The days it is to come on; none while it comes to nobody, and its day when it is in the van."""
    if standing in COMES_NOT:
        return None, None
    if standing == "nearby":
        vans = [each.happened_at for parcel in of.parcels for each in parcel.events if each.state == "out_for_delivery"]
        today = max(vans).astimezone(zone).date()
        return today, today
    return of.promised


# How it stands


def _standing(of: Whole) -> str:
    """The one thing to say first."""
    stage, payment = of.order.statuses.stage, of.order.statuses.payment
    if stage in ("canceled", "expired"):
        return _closed(of)
    out = [parcel for _part, parcel in _on_their_way(of) if parcel.has_left]
    states = {parcel.row.state for parcel in out if parcel.row.delivered_at is None}
    trouble = next((state for state in TROUBLES if state in states), "")
    if trouble:
        by_customs = all(_turned_back(parcel) for parcel in out if parcel.row.state == trouble)
        return TURNED_BACK.get(trouble, trouble) if by_customs else ALIKE.get(trouble, trouble)
    if payment == "refunded":
        return "refunded"
    if "out_for_delivery" in states:
        return "nearby"
    if out and not states:
        return "partially_delivered" if any(of.units[stage] for stage in NOT_GONE) else "delivered"
    if out:
        return _on_the_road(out, states)
    return _here(of)


def _turned_back(parcel: Parcel) -> bool:
    """Customs had it last, before it was refused or began to come back."""
    told = [news.state for news in sorted(parcel.events, key=lambda news: news.happened_at)]
    before = [state for state in takewhile(lambda state: state not in TURNED_BACK, told) if state not in STANDS_STILL]
    return bool(before) and before[-1] in AT_CUSTOMS


def _closed(of: Whole) -> str:
    if of.order.statuses.payment == "refunded":
        return "refunded"
    cash = of.order.cash
    has_paid = cash.held + cash.collected + cash.earned + cash.refunded > 0
    return "canceled_unpaid" if of.order.statuses.stage == "canceled" and not has_paid else of.order.statuses.stage


def _on_the_road(out: Sequence[Parcel], states: set[str]) -> str:
    if any(parcel.row.delivered_at for parcel in out):
        return "partially_delivered"
    return "in_customs" if states & {"in_customs", "export_customs"} else "on_its_way"


def _here(of: Whole) -> str:
    """Nothing has left yet."""
    units = of.units
    if units["delivered"] and not any(units[stage] for stage in NOT_GONE):
        return "delivered"  # nothing of it is sent in a parcel
    held = {hold.type for hold in of.open_holds}
    if held:
        return next((kind for kind in ("address", "payment") if kind in held), "held")
    if of.order.statuses.stage in ("draft", "received"):
        return "placed"
    if units["wanted"] and of.order.statuses.stage != "in_fulfillment":
        return "waiting"
    left = units["promised"] + units["picked"]
    return "packed" if units["packed"] and not left else "getting_ready"


# Five steps


def _steps(of: Whole, standing: str) -> list[Step]:
    """None for an order that comes to nobody any more."""
    if standing in ("canceled", "canceled_unpaid", "expired", "refunded"):
        return []
    out = [parcel for _part, parcel in _on_their_way(of) if parcel.has_left]
    near = [news.happened_at for parcel in out for news in parcel.events if news.state in NEARBY]
    arrivals = [parcel.row.delivered_at for parcel in out if parcel.row.delivered_at]
    has_arrived = standing == "delivered"
    reached = {
        "placed": (True, of.order.placed_at),
        "getting_ready": (bool(of.parts), _begun(of)),
        "on_its_way": (bool(out), min((when for each in out if (when := _left(each))), default=None)),
        "nearby": (has_arrived or bool(near), min(near, default=None)),
        "delivered": (has_arrived, max(arrivals, default=None) if has_arrived else None),
    }
    last = max(at for at, (is_reached, _when) in enumerate(reached.values()) if is_reached)
    return [
        Step(saying.STEPS[name], *_state(at, last, has_arrived, when))
        for at, (name, (_is_reached, when)) in enumerate(reached.items())
    ]


def _state(at: int, last: int, has_arrived: bool, when: datetime | None) -> tuple[StepState, datetime | None]:
    """`last` is the one it has come to; of what is ahead no time is told."""
    if at > last:
        return "ahead", None
    return "done" if at < last or has_arrived else "now", when


def _begun(of: Whole) -> datetime | None:
    """When its items were set aside."""
    promised = [each.decided_at for each in of.decisions if each.verb in ("promise", "fill")]
    released = [part.row.released_at for part in of.parts if part.row.released_at]
    return min([*promised, *released], default=None)


def _left(parcel: Parcel) -> datetime | None:
    return parcel.row.handed_over_at or min((news.happened_at for news in parcel.events), default=None)


# Parcels


def _on_their_way(of: Whole) -> Iterator[tuple[Part | None, Parcel]]:
    """Those that are packed or have left; emptied ones are nothing to a buyer."""
    for part in of.parts:
        yield from ((part, parcel) for parcel in part.parcels if parcel.lines or parcel.has_left)
    yield from ((None, parcel) for parcel in of.stray_parcels if parcel.has_left)


def _box(of: Whole, part: Part | None, parcel: Parcel, zone: ZoneInfo) -> Box:
    row = parcel.row
    state = "delivered" if row.delivered_at else row.state if parcel.has_left else "planned"
    says = saying.news(_news_word(parcel, state))
    way = [replace(stop, says=says) if stop.says else stop for stop in stops(of, part, parcel)] if part else []
    travels = of.way(row.id)
    return Box(
        carrier=row.carrier,
        number=row.tracking_number,
        says=says,
        tone=words.tone(state),
        inside=parcel.lines,
        stops=way,
        part=part.row if part and state not in COMES_NOT else None,
        news=[_news(each, zone, _news_word(parcel, each.state)) for each in parcel.events],
        legs=[(one.carrier, one.number) for one in travels.numbers if one.leg and not one.until] if travels else [],
        gaps=travels.gaps if travels else [],
        back=_back(parcel),
    )


def _news_word(parcel: Parcel, state: str) -> str:
    """A parcel that customs did not let in was at nobody's door."""
    return "customs_refused" if state == "refused" and _turned_back(parcel) else state


def _back(parcel: Parcel) -> Back | None:
    """Until somebody wants it void."""
    label = parcel.back
    return Back(label.id, label.carrier, label.tracking_number) if label and label.state == "bought" else None


def _news(of: ParcelNews, home: ZoneInfo, word: str) -> News:
    _city, _comma, country = of.place.rpartition(", ")
    zone = clock_of(country) if len(country) == 2 and country.isupper() else home
    # What the dock writes of a load is for those who run it: its number is that of many parcels. Nor is it a buyer's
    # how the office came to know.
    message = "" if of.leg == "line_haul" or of.message == BY_HAND else words.adds(of.message, of.state)
    return News(saying.news(word), words.tone(of.state), of.place, message, of.happened_at, zone.key)


def _not_sent(of: Whole) -> list[tuple[int, str]]:
    """Units that are in no parcel yet."""
    waiting = ("wanted", "promised", "picked")
    found = [(sum(line.units[stage] for stage in waiting), of.title(line.line)) for line in of.order.lines]
    return [(units, title) for units, title in found if units]
