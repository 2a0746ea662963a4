"""whole: one order with everything its page shows, read in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec

from doorstep.doors.console import words
from doorstep.doors.reads import orders as reads
from doorstep.doors.reads.why import DECISIONS, Decision
from doorstep.kit import clock
from doorstep.kit.ids import number
from doorstep.kit.money import spell
from doorstep.kit.paper import Address, address_lines
from doorstep.kit.refusals import NotFound
from doorstep.setup.sites import Site, every_site
from doorstep.spine.status import PLANNED
from doorstep.spine.tenant import Tx

EVENTS_SHOWN = 200
# Verbs that come in runs: one line of the timeline while nobody pauses for longer.
RUNS = ("pick", "unpick", "track")
LONGEST_PAUSE = timedelta(minutes=15)

MERCHANT_OF = """
select m.merchant_id, m.key, m.name from orders o join merchant m on m.merchant_id = o.merchant_id
  where o.merchant_id = any($1) and o.order_id = $2
"""
SKU_NAMES = """
select l.line_no, s.name from order_line l join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = $1 and l.order_id = $2
"""
PARCELS = """
select p.parcel_id, p.length_mm, p.width_mm, p.height_mm, p.label_cost_minor, p.label_currency, p.label_error,
    p.label_pdf is not null as has_label
  from parcel p where p.merchant_id = $1 and p.order_id = $2
"""
PARCEL_LINES = """
select l.parcel_id, l.line_no, l.lot, l.quantity from parcel p
    join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id and l.quantity > 0
  where p.merchant_id = $1 and p.order_id = $2 order by l.parcel_id, l.line_no
"""
PARCEL_EVENTS = """
select e.parcel_id, e.happened_at, e.code, e.raw_code, e.state, e.place, e.message from parcel p
    join parcel_event e on e.merchant_id = p.merchant_id and e.parcel_id = p.parcel_id
  where p.merchant_id = $1 and p.order_id = $2 order by e.parcel_id, e.happened_at desc, e.recorded_at desc
"""
# To choose from when an item is unknown.
SKUS = "select s.code, s.name from sku s where s.merchant_id = $1 order by s.code limit 500"
ATTENTION = """
select a.attention_id, a.kind, a.reason, a.next_action, a.raised_at from attention a
  where a.merchant_id = $1 and a.order_id = $2 and a.resolved_at is null order by a.attention_id
"""


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of the timeline: one event, or a run of picks that belong together."""

    seq: int
    verb: str
    title: str
    said: list[str]
    moved: list[str]
    particulars: list[str]
    who: str
    happened_at: datetime

    @property
    def tone(self) -> str:
        return words.EVENT_TONES.get(self.verb, "slate")


@dataclass(frozen=True, slots=True)
class Parcel:
    row: reads.ParcelRow
    more: Mapping[str, Any]
    lines: list[tuple[int, str]]
    events: list[Mapping[str, Any]]

    @property
    def is_here(self) -> bool:
        """Packed at a site of ours, and not handed over."""
        return self.row.packed_at is not None and self.row.handed_over_at is None

    @property
    def has_left(self) -> bool:
        return self.row.handed_over_at is not None or (self.row.packed_at is None and self.row.state != PLANNED)

    @property
    def size(self) -> str:
        sides = [self.more[side] for side in ("length_mm", "width_mm", "height_mm")]
        return " × ".join(f"{side / 10:g}" for side in sides) + " cm" if all(sides) else ""

    @property
    def weight(self) -> str:
        grams = self.row.weight_g
        return f"{grams / 1000:g} kg" if grams >= 1000 else f"{grams} g" if grams else ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one site sends: a fulfillment order with its parcels."""

    row: reads.FulfillmentOrder
    site: Site
    parcels: list[Parcel]
    to_do: list[tuple[int, str, str]]  # units not packed yet: so many, of what, at which stage

    @property
    def state(self) -> str:
        units = {
            n: sum(getattr(a, n) for a in self.row.allocations) for n in ("promised", "picked", "packed", "shipped")
        }
        if units["picked"]:
            return "picking"
        if units["promised"]:
            return "on the floor" if self.row.released_at else "promised"
        if self.parcels and not self.row.allocations:
            return "left the site" if any(parcel.has_left for parcel in self.parcels) else "planned elsewhere"
        return "packed" if units["packed"] else "left the site" if units["shipped"] else "nothing here now"

    @property
    def is_open(self) -> bool:
        """Something of it has not left yet."""
        return any(each.promised + each.picked + each.packed for each in self.row.allocations)

    @property
    def is_late(self) -> bool:
        return bool(self.is_open and self.row.ship_by and self.row.ship_by < clock.now())


@dataclass(frozen=True, slots=True)
class Whole:
    merchant: int
    merchant_key: str
    merchant_name: str
    order: reads.Order
    titles: Mapping[int, str]
    parts: list[Part]
    stray_parcels: list[Parcel]
    decisions: list[Decision]
    attention: list[Mapping[str, Any]]
    skus: list[tuple[str, str]]
    timeline: list[Happening]
    earlier: int

    @property
    def open_holds(self) -> list[reads.Hold]:
        return [hold for hold in self.order.holds if hold.lifted_at is None]

    @property
    def is_stopped(self) -> bool:
        """The whole order is on hold, not only a line of it."""
        return any(hold.line is None for hold in self.open_holds)

    @property
    def address(self) -> list[str]:
        """Where it goes, in lines as that country writes them."""
        given = self.order.ship_to
        if not given:
            return []
        names = Address.__struct_fields__
        return address_lines(Address(**{name: given[name] for name in names if given.get(name)}))

    @property
    def units(self) -> dict[str, int]:
        """Units of all lines, by stage."""
        return {stage: sum(line.units[stage] for line in self.order.lines) for stage in words.UNITS}

    @property
    def due_minor(self) -> int:
        cash = self.order.cash
        return cash.owed - cash.earned - cash.collected

    @property
    def ship_by(self) -> Part | None:
        """The part that must leave next."""
        waiting = [part for part in self.parts if part.row.ship_by and part.is_open]
        return min(waiting, key=lambda part: part.row.ship_by or datetime.max, default=None)

    @property
    def promised(self) -> tuple[date | None, date | None]:
        return self.order.deliver_from, self.order.deliver_by

    @property
    def notes(self) -> list[Happening]:
        return [event for event in self.timeline if event.verb == "note"]

    @property
    def parcels(self) -> list[Parcel]:
        return [parcel for part in self.parts for parcel in part.parcels] + self.stray_parcels


async def whole(tx: Tx, word: str) -> Whole:
    """The order of this public id, of whichever merchant this transaction sees; refuses NotFound."""
    found = await tx.row(MERCHANT_OF, list(tx.merchants), number("ord", word))
    if found is None:
        raise NotFound(order=word)
    merchant = found["merchant_id"]
    at = (merchant, number("ord", word))
    order = await reads.order(tx, merchant, word)
    names = {row["line_no"]: row["name"] for row in await tx.rows(SKU_NAMES, *at)}
    titles = {line.line: line.title or names.get(line.line) or line.sku or line.code for line in order.lines}
    sites = await every_site(tx)
    parcels = await _parcels(tx, at, order, titles)
    parts = [_part(each, sites, parcels, titles) for each in order.fulfillment_orders]
    in_parts = {each.id for each in order.fulfillment_orders}
    earlier = max(0, order.last_event - EVENTS_SHOWN)
    happened = (await reads.timeline(tx, merchant, word, earlier, EVENTS_SHOWN)).events
    decided = await tx.rows(DECISIONS, *at)
    return Whole(
        merchant=merchant,
        merchant_key=found["key"],
        merchant_name=found["name"],
        order=order,
        titles=titles,
        parts=parts,
        stray_parcels=[parcel for parcel in parcels if parcel.row.fulfillment_order not in in_parts],
        decisions=[Decision(**{**dict(row), "why": msgspec.json.decode(row["why"])}) for row in decided],
        attention=[dict(row) for row in await tx.rows(ATTENTION, *at)],
        skus=[(row["code"], row["name"]) for row in await tx.rows(SKUS, merchant)] if _is_unknown(order) else [],
        timeline=_timeline(happened, order, titles),
        earlier=earlier,
    )


def _is_unknown(order: reads.Order) -> bool:
    return any(not line.sku for line in order.lines)


async def _parcels(tx: Tx, at: tuple[int, int], order: reads.Order, titles: Mapping[int, str]) -> list[Parcel]:
    more = {row["parcel_id"]: dict(row) for row in await tx.rows(PARCELS, *at)}
    lines: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for row in await tx.rows(PARCEL_LINES, *at):
        lines[row["parcel_id"]].append((row["quantity"], titles.get(row["line_no"], "")))
    events: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in await tx.rows(PARCEL_EVENTS, *at):
        events[row["parcel_id"]].append(dict(row))
    ids = {parcel.id: number("par", parcel.id) for parcel in order.parcels}
    return [Parcel(each, more[ids[each.id]], lines[ids[each.id]], events[ids[each.id]]) for each in order.parcels]


def _part(
    row: reads.FulfillmentOrder, sites: Mapping[int, Site], parcels: Sequence[Parcel], titles: Mapping[int, str]
) -> Part:
    site = next(site for site in sites.values() if site.code == row.site)
    to_do = [
        (units, titles.get(a.line, a.sku), stage)
        for a in row.allocations
        for stage in ("promised", "picked")
        if (units := getattr(a, stage))
    ]
    return Part(row, site, [parcel for parcel in parcels if parcel.row.fulfillment_order == row.id], to_do)


def _timeline(events: Sequence[reads.TimelineEvent], order: reads.Order, titles: Mapping[int, str]) -> list[Happening]:
    """Newest first."""
    runs: list[list[reads.TimelineEvent]] = []
    for event in events:
        if runs and _belongs(event, runs[-1][-1]):
            runs[-1].append(event)
        else:
            runs.append([event])
    return [_happening(run, order, titles) for run in reversed(runs)]


def _belongs(event: reads.TimelineEvent, before: reads.TimelineEvent) -> bool:
    """One walk through the shelves is one line; so is the news of one parcel, whose card tells it in full."""
    same = all(get(event) == get(before) for get in (_verb, _actor, _subject))
    soon = event.verb == "track" or event.happened_at - before.happened_at < LONGEST_PAUSE
    return same and soon and event.verb in RUNS


_verb, _actor = attrgetter("verb"), attrgetter("actor")


def _subject(event: reads.TimelineEvent) -> Any:
    return event.data.get("parcel"), event.data.get("site")


def _happening(run: Sequence[reads.TimelineEvent], order: reads.Order, titles: Mapping[int, str]) -> Happening:
    last = run[-1]
    moves = [move for event in run for move in event.moves]
    return Happening(
        seq=last.seq,
        verb=last.verb,
        title=words.happened(last.verb, last.data),
        said=[phrase for event in run for phrase in words.said(event.data)] + _states(run),
        moved=_in_words(last.verb, moves, order.currency, titles),
        particulars=list(dict.fromkeys(p for event in run for p in words.particulars(event.verb, event.data))),
        who=words.actor(last.actor, last.verb),
        happened_at=last.happened_at,
    )


def _states(run: Sequence[reads.TimelineEvent]) -> list[str]:
    """The way of a parcel through a run of news."""
    states = [words.scan(str(event.data["state"])).lower() for event in run if event.data.get("state")]
    ways = [state for at, state in enumerate(states) if at == 0 or states[at - 1] != state]
    return [" → ".join(ways)] if len(ways) > 1 else []


def _in_words(verb: str, moves: Sequence[Sequence[Any]], currency: str, titles: Mapping[int, str]) -> list[str]:
    """Demand and cash, equal ones added up; stock moves with demand and says the same, so it is left out."""
    units: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    cash: dict[tuple[str, str], int] = defaultdict(int)
    for what, *rest in moves:
        if what == "demand":
            line, quantity, source, target, *_ = rest
            units[source, target][line] += quantity
        elif what == "cash":
            amount, source, target = rest
            cash[source, target] += amount
    told = []
    for way, lines in units.items():
        items = [f"{count} × {titles.get(line, f'line {line}')}" for line, count in lines.items()]
        told.append(words.demand(items, verb, *way))
    return told + [words.cash(spell(amount, currency), *way) for way, amount in cash.items()]
