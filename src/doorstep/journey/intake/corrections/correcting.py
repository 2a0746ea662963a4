"""correcting: from what the books say of a correction to what it says now: what moves, when, and which rows change.

A new correction comes from one that says nothing, a changed one from what it said before. So each is a difference, and
what is corrected back leaves nothing behind. Where its date changed too, what it did is undone on the old date and
done on the new one, so that every past day adds up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from doorstep.journey.intake.corrections.ended import Ended
from doorstep.journey.intake.corrections.linking import STAGES, Credited, Ends, Links, units_linked
from doorstep.journey.intake.shelf import Shelf
from doorstep.setup.places import HISTORY, Goods
from doorstep.spine.outcome import Cash, Delete, Demand, Event, Fact, Insert, Move, Stock, Update

VERB = "import_correction"
OPENING = "import_opening"
BACK = "take_back"


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was told; `stocked`: its SKU is one that can stand somewhere, `site_id`: where its units moved."""

    line_no: int
    sku_id: int | None
    stocked: bool
    site_id: int | None
    code: str
    title: str
    quantity: int
    unit_price: Decimal
    total_minor: int

    def row(self, linked: int) -> dict[str, Any]:
        return {
            "sku_id": self.sku_id, "site_id": self.site_id, "code": self.code, "title": self.title,
            "quantity": self.quantity, "unit_price": self.unit_price, "total_minor": self.total_minor,
            "linked": linked,
        }  # fmt: skip

    @property
    def is_credit_of_goods(self) -> bool:
        return self.stocked and self.sku_id is not None and self.quantity < 0


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction; one without lines says nothing."""

    kind: str
    happened_at: datetime
    lines: tuple[Line, ...] = ()
    links: Links = field(default_factory=dict)

    @property
    def total_minor(self) -> int:
        return sum(line.total_minor for line in self.lines)

    def credited(self) -> Iterator[Credited]:
        """What is to be linked: units of stocked SKUs that were credited, with what is linked of them already."""
        linked = units_linked(self.links)
        for line in self.lines if self.kind == "credit" else ():
            if line.is_credit_of_goods and line.sku_id is not None:
                yield Credited(
                    line.line_no, line.sku_id, -line.quantity, line.unit_price, max(0, -line.total_minor),
                    linked.get(line.line_no, 0),
                )  # fmt: skip

    def came_in(self) -> Iterator[tuple[tuple[int, int], int]]:
        """(SKU, site) and units that it brings there, below zero for what it takes: a credited unit comes back."""
        for line in self.lines:
            if line.sku_id is not None and line.site_id is not None:
                yield (line.sku_id, line.site_id), line.quantity if self.kind == "stock" else -line.quantity

    def took_back(self) -> Iterator[tuple[tuple[int, int, str], int]]:
        """(order, line, stage) and units that it credits."""
        for ends, tied in self.links.items():
            yield (ends.order_id, ends.order_line_no, ends.stage), tied.quantity

    def owed_less(self) -> Iterator[tuple[int, int]]:
        for ends, tied in self.links.items():
            yield ends.order_id, tied.less_minor


def stock_events(
    merchant: int, before: Correction, after: Correction, shelf: Shelf, told: dict[str, Any]
) -> Iterator[Event]:
    """The correction's own events, one per time; what must have stood there is opened before it leaves."""
    for at, moved in _by_time(before, after, Correction.came_in).items():
        opened: list[Move] = []
        moves: list[Move] = []
        for (sku, site), units in sorted(moved.items()):
            missing = shelf.move(Goods(merchant, sku, site), units)
            if missing:
                opened.append(Stock(sku, site, missing, "world", "", "free", HISTORY))
            moves.append(
                Stock(sku, site, units, "world", "", "free", HISTORY)
                if units > 0
                else Stock(sku, site, -units, "free", HISTORY, "world", "")
            )
        if opened:
            yield Event(OPENING, opened, {"what": "opened for a correction", "number": told["number"]}, at)
        if moves or at == after.happened_at:
            yield Event(VERB, moves, told, at)


def order_events(before: Correction, after: Correction, ended: Ended, told: dict[str, Any]) -> dict[int, list[Event]]:
    """What the links do to the orders they tie: units that are with the buyer no more, money that is not owed.

    `ended`: units that would be on the road again, and their parcel is there no more. What of these is here again came
    back with no move of its line: it moves now.
    """
    events: dict[int, list[Event]] = defaultdict(list)
    units, cash = _by_time(before, after, Correction.took_back), _by_time(before, after, Correction.owed_less)
    for at in units:
        moves: dict[int, list[Move]] = defaultdict(list)
        for (order, line_no, stage), some in sorted(units[at].items(), key=_walk):
            source, target = (stage, "taken_back") if some > 0 else ("taken_back", stage)
            moves[order].append(Demand(line_no, abs(some), source, target))
        back: dict[int, list[Move]] = defaultdict(list)
        for (order, line_no, stage), some in ended.items() if at == before.happened_at else ():
            (back if stage == "taken_back" else moves)[order].append(Demand(line_no, some, "shipped", stage))
        for order, less in sorted(cash[at].items()):
            source, target = ("owed", "world") if less > 0 else ("world", "owed")
            moves[order].append(Cash(abs(less), source, target))
        for order in sorted(moves):
            events[order].append(Event(VERB, moves[order], dict(told), at))
        for order in sorted(back):
            events[order].append(Event(BACK, back[order], told | {"lines": []}, at))
    return events


def _walk(moved: tuple[tuple[int, int, str], int]) -> tuple[int, int, int]:
    (order, line_no, stage), _ = moved
    return order, line_no, STAGES.index(stage)


K = TypeVar("K", bound=Hashable)
Amounts = Callable[[Correction], Iterable[tuple[K, int]]]


def _by_time(before: Correction, after: Correction, of: Amounts[K]) -> dict[datetime, dict[K, int]]:
    """What the one did and the other does, as differences; undone at its own time where that is another."""
    times: dict[datetime, dict[K, int]] = {}
    for correction, sign in ((before, -1), (after, 1)):
        here = times.setdefault(correction.happened_at, defaultdict(int))
        for key, amount in of(correction):
            here[key] += sign * amount
    return {at: {key: amount for key, amount in moved.items() if amount} for at, moved in times.items()}


# Rows


def line_facts(correction: int, before: Correction, after: Correction) -> Iterator[Fact]:
    linked_before, linked = units_linked(before.links), units_linked(after.links)
    yield from _row_facts(
        "correction_line",
        {_line_key(correction, line): line.row(linked_before.get(line.line_no, 0)) for line in before.lines},
        {_line_key(correction, line): line.row(linked.get(line.line_no, 0)) for line in after.lines},
        ("correction_id", "line_no"),
    )


def link_facts(correction: int, before: Correction, after: Correction) -> Iterator[Fact]:
    yield from _row_facts(
        "credit_link",
        {(correction, *ends): tied._asdict() for ends, tied in before.links.items()},
        {(correction, *ends): tied._asdict() for ends, tied in after.links.items()},
        ("correction_id", *Ends._fields),
    )


def _line_key(correction: int, line: Line) -> tuple[Any, ...]:
    return correction, line.line_no


Rows = Mapping[tuple[Any, ...], dict[str, Any]]


def _row_facts(table: str, before: Rows, after: Rows, names: tuple[str, ...]) -> Iterator[Fact]:
    for key, row in before.items():
        where = dict(zip(names, key, strict=True))
        if key not in after:
            yield Delete(table, where)
        elif after[key] != row:
            yield Update(table, where, after[key])
    for key, row in after.items():
        if key not in before:
            yield Insert(table, dict(zip(names, key, strict=True)) | row)
