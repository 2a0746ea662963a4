"""today: `/today`, what a shop's day looks like now: where orders stand, what leaves and what is late, money; live.

The numbers come from counters and daily roll-ups (doors/reads/days.py); everything leads to the list behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from litestar import Response

from doorstep.doors.console.charts import Chart, Line
from doorstep.doors.console.first_steps import first_steps
from doorstep.doors.console.looks import render
from doorstep.doors.console.narrowing import MERCHANTS
from doorstep.doors.console.reporting import steps_drawn
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit
from doorstep.doors.console.words import STOPS
from doorstep.doors.reads import days, exceptions
from doorstep.doors.reads.days import PLACED_TO_DELIVERED, PLACED_TO_SENT, Span
from doorstep.doors.reads.due import LISTS, due
from doorstep.kit import clock
from doorstep.spine.counters import orders_per_stage
from doorstep.spine.tenant import Tx

SHOWN_LATE = 6
SHOWN_DAYS = 14

_ORDERS = {
    "on_its_way": "/orders?stage=fulfilled", "delivered": "/orders?stage=fulfilled&delivery=delivered",
    "completed": "/orders?stage=completed",
}  # fmt: skip
CALLED = Told({
    "overdue": "Overdue",
    "due_today": "Leaves today",
    "late": "Past the promised day",
    "waiting": "Waiting longest",
    "imperfect": "Not perfect",
})  # fmt: skip
SAID = Told({
    "overdue": "These should have left by now. The ones that should have left first stand on top.",
    "due_today": "What still has to leave today, by the time it has to be ready.",
    "late": "The day that the buyer was told is over, and the order has not arrived.",
    "waiting": "Open orders here, those placed first on top.",
    "imperfect": "They arrived in these days, and something was wrong.",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop on the strip: so many orders stand there, the oldest for so many days."""

    key: str
    orders: int
    oldest_days: int | None

    @property
    def name(self) -> str:
        return STOPS[self.key]

    @property
    def href(self) -> str:
        return _ORDERS.get(self.key, f"/today/orders?of=waiting&stop={self.key}")


@dataclass(frozen=True, slots=True)
class Money:
    currency: str
    due_minor: int
    held_minor: int
    taken_minor: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class Board:
    """All numbers of a set of merchants that change by themselves."""

    stops: tuple[Stop, ...]
    overdue: int
    due_today: int
    late: int
    exceptions: int
    money: tuple[Money, ...]
    most_urgent: tuple[Mapping[str, Any], ...]

    @property
    def is_empty(self) -> bool:
        """No order has ever come in, but for canceled ones."""
        return not any(stop.orders for stop in self.stops)


async def board(tx: Tx, merchants: Sequence[int], now: datetime) -> Board:
    today = await days.today(tx, merchants, now)
    backlog = {row["stop"]: row for row in await tx.rows(days.BACKLOG, list(merchants), now)}
    counted = await orders_per_stage(tx, merchants)
    overdue, _next = await due(tx, merchants, "overdue", now, limit=SHOWN_LATE)
    late, _next = await due(tx, merchants, "late", now, limit=SHOWN_LATE) if len(overdue) < SHOWN_LATE else ([], "")
    urgent = {row["order"]: row for row in (*overdue, *late)}
    return Board(
        stops=tuple(_stop(key, backlog.get(key), counted, today) for key in STOPS),
        **{name: sum(row[name] for row in backlog.values()) for name in ("overdue", "due_today", "late")},
        exceptions=await exceptions.how_many(tx, merchants),
        money=tuple(Money(**row) for row in await tx.rows(days.MONEY_NOW, list(merchants), now)),
        most_urgent=tuple(list(urgent.values())[:SHOWN_LATE]),
    )


def _stop(key: str, row: Any, counted: Mapping[str, int], today: date) -> Stop:
    """Stages are counted by their writers; what of the fulfilled ones has arrived, the roll-ups know."""
    orders = counted.get(key, 0) if key not in ("on_its_way", "delivered") else row["orders"] if row else 0
    oldest = (today - row["oldest"]).days if row and row["oldest"] and key != "completed" and orders else None
    return Stop(key, orders, oldest)


async def show(visit: Visit) -> Response[str]:
    now, merchant = clock.now(), visit.query.get("merchant", "")
    async with visit.reading() as tx:
        names = await tx.rows(MERCHANTS, list(tx.merchants))
        wanted = chosen(names, merchant)
        found = await board(tx, wanted, now)
        today = await days.today(tx, wanted, now)
        span = Span(today - timedelta(days=SHOWN_DAYS - 1), today)
        charts = await _charts(tx, wanted, span)
        steps = await first_steps(visit, tx) if found.is_empty else []
    return visit.show(
        "today.html", board=found, charts=charts, today=today, merchants=names, merchant=merchant, steps=steps
    )


def chosen(names: Sequence[Any], key: str) -> list[int]:
    """The merchants that are meant: one, or all that this person sees."""
    return [row["merchant_id"] for row in names if not key or row["key"] == key]


def fragment(found: Board) -> str:
    """What of the page changes by itself."""
    return render("today_board.html", board=found)


async def orders(visit: Visit) -> Response[str]:
    """`/today/orders?of=overdue`: the orders behind a number."""
    of = visit.query.get("of", "")
    of = of if of in LISTS else "overdue"
    first, last = day_of(visit.query.get("from", "")), day_of(visit.query.get("to", ""))
    stop = visit.query.get("stop", "")
    stop = stop if stop in STOPS else "received"
    async with visit.reading() as tx:
        today = await days.today(tx, tx.merchants, clock.now())
        span = Span(first or today - timedelta(days=SHOWN_DAYS), last or today)
        rows, at = await due(tx, tx.merchants, of, clock.now(), stop=stop, span=span, at=visit.query.get("at", ""))
    title = f"{STOPS[stop]}: {CALLED[of].lower()}" if of == "waiting" else CALLED[of]
    more = f"/today/orders?of={of}&stop={stop}&from={span.first}&to={span.last}&at={at}" if at else ""
    many = len(visit.visitor.merchants) > 1
    return visit.show(
        "today_orders.html", stops=STOPS, title=title, says=SAID[of], of=of, rows=rows, more=more, many=many
    )


def day_of(word: str) -> date | None:
    """A day that an address says; None where it says none."""
    try:
        found = date.fromisoformat(word)
    except ValueError:
        return None
    return found if 1990 <= found.year < 2200 else None


async def _charts(tx: Tx, merchants: Sequence[int], span: Span) -> list[Chart]:
    """Orders that came in, left and arrived, by the day; and how long that took."""
    placed: dict[str, int] = {}
    for row in await days.added_up(tx, "day_sales", merchants, span, "day"):  # of each currency
        placed[row["key"]] = placed.get(row["key"], 0) + row["orders"]
    ended = await days.added_up(tx, "day_steps", merchants, span, "day")
    of_step = {
        step: {row["key"]: row["orders"] for row in ended if row["step"] == step}
        for step in (PLACED_TO_SENT, PLACED_TO_DELIVERED)
    }
    flow = Chart.by_day(
        _("Orders a day"), span,
        Line(_("Placed"), "slate", placed), Line(_("Handed over"), "violet", of_step[PLACED_TO_SENT]),
        Line(_("Delivered"), "green", of_step[PLACED_TO_DELIVERED]), fill=0,
    )  # fmt: skip
    took = steps_drawn(ended)
    return [flow, Chart.by_day(took.title, span, *(Line(*line) for line in took.lines), unit=took.unit)]
