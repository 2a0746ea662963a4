"""promise: dates named for a marketplace's last orders by what was known then, against the dates it named itself.

`python -m bench promise [--reliability 0.916] [--curve FILE.svg] [--json]` reads the orders of Olist (DOORSTEP_DATA).
The engine is doorstep's own (setup/experience.py). It goes through the orders a day at a time: what is placed on a day
gets its date from what had happened before that day, and the number of orders placed earlier on it; then the day is
learned. The last 30 % of the orders by the time they were placed are compared, those that arrived.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.curve import drawn, points
from doorstep.setup.calendars import Calendar
from doorstep.setup.experience import FARTHEST, Experience, Way
from doorstep.setup.geography import great_circle_km, how_far
from doorstep.setup.postcodes import area_of
from doorstep.setup.promising import allowed_days
from doorstep.setup.waiting import Open

TRAINED = 0.7
# So long nothing is promised at all: there is nothing to go by yet.
FIRST_PROMISE = timedelta(days=150)
# What waits longer than so many working days is given up (to be paid, handled, carried): an exception.
GIVEN_UP = (10, 30, 60)
COUNTRY = "BR"

Row = dict[str, str]
Places = Mapping[str, tuple[float, float]]


@dataclass(slots=True)
class Order:
    """`stages`: the days on which it was paid, handed over and delivered; None where it was not."""

    order_id: str
    placed_at: str
    placed: date
    stages: tuple[date | None, date | None, date | None]
    own: date
    ways: list[Way]
    promised: date | None = None
    sure: float = 0.0

    @property
    def delivered(self) -> date | None:
        return self.stages[2]


class Days:
    """The calendar with every working day numbered, so that none is counted twice."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first
        calendar = Calendar(country=COUNTRY)
        self.number: list[int] = []
        self.works: list[date] = []
        for nth in range((last - first).days + 200):
            day = first + timedelta(days=nth)
            self.number.append(len(self.works))
            if calendar.works(day):
                self.works.append(day)

    def of(self, day: date) -> int:
        """The number of this day, or of the working day that follows it."""
        return self.number[(day - self.first).days]

    def is_worked(self, day: date) -> bool:
        return self.works[self.of(day)] == day

    def leads(self, day: date) -> list[int]:
        at = self.of(day)
        return [(worked - day).days for worked in self.works[at : at + FARTHEST + 1]]


@dataclass(slots=True)
class Waiting:
    """What is open in one stage: since which numbered day."""

    nth: int
    open: dict[str, tuple[Order, int]] = field(default_factory=dict)


class World:
    """Goes through the days; nothing of a later day is looked at."""

    def __init__(self, orders: Sequence[Order], reliability: float) -> None:
        self.orders = orders
        first, last = orders[0].placed, orders[-1].placed
        self.days = Days(first, last)
        self.experience = Experience()
        self.experience.keeping.asked = reliability
        self.waiting = [Waiting(nth) for nth in range(3)]
        self.due: dict[date, list[Order]] = defaultdict(list)
        self.placed: dict[date, list[Order]] = defaultdict(list)
        for order in orders:
            self.placed[order.placed].append(order)
        self.first, self.last = first, last

    def run(self) -> None:
        day = self.first
        while day <= self.last:
            if day - self.first >= FIRST_PROMISE:
                self.promise(day)
            self.happen(day)
            day += timedelta(days=1)

    def promise(self, day: date) -> None:
        leads, open_now = self.days.leads(day), self.open_now()
        for order in (order for order in self.placed[day] if order.ways):
            open_now += 1
            chosen = self.experience.choose(order.ways, leads, open_now, day.isoweekday())
            order.promised = day + timedelta(days=leads[chosen.last])
            order.sure = chosen.sure
            self.experience.keeping.named(chosen.sure)
            self.due[order.promised].append(order)

    def open_now(self) -> int:
        return sum(len(stage.open) for stage in self.waiting)

    def happen(self, day: date) -> None:
        """The day itself: what was placed waits to be paid; on a working day stages end, and it is learned."""
        number = self.days.of(day)
        for order in (order for order in self.placed[day] if order.ways):
            self.waiting[0].open[order.order_id] = (order, number)
        if self.days.is_worked(day):
            paying, handling, transit = (list(self._a_day_of(stage, day, number)) for stage in self.waiting)
            self.experience.learn(paying, handling, transit, self.open_now(), day.isoweekday())
        for order in self.due.pop(day, ()):
            self.experience.keeping.fell_due(order.delivered is not None and order.delivered <= day)

    def _a_day_of(self, stage: Waiting, day: date, number: int) -> Iterator[Open]:
        for order, since in list(stage.open.values()):
            end = order.stages[stage.nth]
            ended, age = end is not None and end <= day, number - since
            yield from self._seen(stage.nth, order, age, ended)
            if ended or age > GIVEN_UP[stage.nth]:
                del stage.open[order.order_id]
            if ended and stage.nth < 2:
                self.waiting[stage.nth + 1].open[order.order_id] = (order, number)

    def _seen(self, nth: int, order: Order, age: int, ended: bool) -> Iterator[Open]:
        first = order.ways[0]
        if nth == 0:
            yield Open(first.of_paying, (), age, ended)
        elif nth == 1:
            yield from (Open(way.of_handling, way.paces_of_handling, age, ended) for way in order.ways)
        else:
            yield Open(first.of_transit, first.paces_of_transit, age, ended)


@dataclass(frozen=True, slots=True)
class Compared:
    orders: int
    own_on_time: float
    on_time: float
    own_mean_days: float
    mean_days: float

    @property
    def shorter(self) -> float:
        return 1 - self.mean_days / self.own_mean_days

    def told(self) -> dict[str, float]:
        return {
            "orders": self.orders, "own_on_time": round(self.own_on_time, 4), "on_time": round(self.on_time, 4),
            "own_mean_days": round(self.own_mean_days, 2), "mean_days": round(self.mean_days, 2),
            "shorter": round(self.shorter, 4),
        }  # fmt: skip


def back_test(folder: Path, reliability: float) -> list[Order]:
    """The last orders, each with the date it was promised."""
    orders = read(folder)
    World(orders, reliability).run()
    return orders[int(len(orders) * TRAINED) :]


def compared(orders: Iterable[Order]) -> Compared:
    both = [order for order in orders if order.delivered and order.promised]
    n = len(both)

    def share(kept: Iterable[bool]) -> float:
        return sum(kept) / n

    def mean(dates: Iterable[date | None]) -> float:
        return sum((day - order.placed).days for day, order in zip(dates, both, strict=True) if day) / n

    return Compared(
        n,
        share(order.delivered <= order.own for order in both if order.delivered),
        share(order.delivered <= order.promised for order in both if order.delivered and order.promised),
        mean(order.own for order in both),
        mean(order.promised for order in both),
    )


def read(folder: Path) -> list[Order]:
    """In the order they were placed."""
    buyers = {row["customer_id"]: row for row in _rows(folder, "customers")}
    sellers = {row["seller_id"]: row for row in _rows(folder, "sellers")}
    places = _places(folder)
    ship_by: dict[str, dict[str, str]] = defaultdict(dict)
    for row in _rows(folder, "order_items"):
        of = ship_by[row["order_id"]]
        of[row["seller_id"]] = min(row["shipping_limit_date"], of.get(row["seller_id"], "9"))
    paid: dict[str, tuple[float, str]] = {}
    for row in _rows(folder, "order_payments"):
        part = (float(row["payment_value"]), row["payment_type"])
        paid[row["order_id"]] = max(part, paid.get(row["order_id"], part))
    orders = [
        _order(row, buyers[row["customer_id"]],
               [(sellers[seller], day) for seller, day in sorted(ship_by[row["order_id"]].items())],
               paid.get(row["order_id"], (0.0, ""))[1], places)
        for row in _rows(folder, "orders")
    ]  # fmt: skip
    return sorted(orders, key=lambda order: (order.placed_at, order.order_id))


def _order(row: Row, buyer: Row, sellers: list[tuple[Row, str]], paying: str, places: Places) -> Order:
    to, area = buyer["customer_state"], area_of(buyer["customer_zip_code_prefix"])
    ways = [
        Way(
            paying,
            seller["seller_id"],
            seller["seller_state"],
            to,
            area,
            allowed=_allowed(row, ship_by),
            far=_far(places, area_of(seller["seller_zip_code_prefix"]), area),
        )
        for seller, ship_by in sellers
    ]
    stages = [
        _day(row[f"order_{name}"]) for name in ("approved_at", "delivered_carrier_date", "delivered_customer_date")
    ]
    return Order(
        row["order_id"], row["order_purchase_timestamp"], date.fromisoformat(row["order_purchase_timestamp"][:10]),
        (stages[0] or stages[1], stages[1], stages[2]), date.fromisoformat(row["order_estimated_delivery_date"][:10]),
        ways,
    )  # fmt: skip


def _allowed(row: Row, ship_by: str) -> str:
    """The marketplace sets its date when the order is paid: so many working days after that day, whichever it will be.

    The day itself is not counted: else fewer days would tell that it was paid on a day off.
    """
    since = row["order_approved_at"] or row["order_purchase_timestamp"]
    start, end = date.fromisoformat(since[:10]), date.fromisoformat(ship_by[:10])
    calendar = Calendar(country=COUNTRY)
    return allowed_days(sum(calendar.works(start + timedelta(days=n)) for n in range(1, (end - start).days + 1)))


def _places(folder: Path) -> Places:
    """Of the areas: the middle of their postcodes."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in _rows(folder, "zip_centroids"):
        found[area_of(row["geolocation_zip_code_prefix"])].append((float(row["lat"]), float(row["lng"])))
    return {
        area: (sum(lat for lat, _ in of) / len(of), sum(lng for _, lng in of) / len(of)) for area, of in found.items()
    }


def _far(places: Places, start: str, end: str) -> str:
    here, there = places.get(start), places.get(end)
    return how_far(great_circle_km(here, there)) if here and there else ""


def _day(text: str) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def _rows(folder: Path, name: str) -> Iterator[Row]:
    with gzip.open(folder / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench promise", description=__doc__)
    parser.add_argument("--reliability", type=float, default=0.916)
    parser.add_argument("--curve", type=Path, help="an SVG of how sure dates were said to be, and how many were kept")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    data = os.environ.get("DOORSTEP_DATA", "")
    if not data:
        sys.exit("set DOORSTEP_DATA to the folder of recorded data to run this")
    orders = back_test(Path(data) / "orders_olist", asked.reliability)
    if asked.curve:
        said = [
            (order.sure, order.delivered <= order.promised) for order in orders if order.delivered and order.promised
        ]
        asked.curve.write_text(drawn(points(said), "Dates of a marketplace's last orders"))
    figures: dict[str, Any] = compared(orders).told()
    print(json.dumps(figures) if asked.json else figures)


if __name__ == "__main__":
    main(sys.argv[1:])
