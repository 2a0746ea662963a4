"""show: how a demo is told while it plays: bars on a terminal, a plain line a day elsewhere; then the tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from doorstep.kit.money import to_decimal

STAGES = ("received", "processing", "awaiting_fulfillment", "in_fulfillment", "fulfilled", "completed", "canceled")
BAR = 40
WIDE = 100
SIDE_BY_SIDE = 90


@dataclass(slots=True)
class Scene:
    """One hour of the play."""

    at: datetime
    day: int
    days: int
    doing: str
    stages: Mapping[str, int]
    held: int
    letters: int

    @property
    def orders(self) -> int:
        return sum(self.stages.values())


class Show:
    """On the standard error when a program reads the standard output."""

    def __init__(self, as_json: bool) -> None:
        self.console = Console(stderr=as_json, highlight=False, width=None if _is_terminal(as_json) else WIDE)
        self._live: Live | None = None
        self._day = -1

    def say(self, line: str) -> None:
        self.console.print(line, style="bold" if self.console.is_terminal else None)

    @contextmanager
    def playing(self) -> Iterator[None]:
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, refresh_per_second=8, transient=True) as self._live:
            yield
        self._live = None

    def scene(self, scene: Scene) -> None:
        if self._live is not None:
            self._live.update(_picture(scene))
        elif scene.day != self._day:
            self._day = scene.day
            self.console.print(_line(scene), soft_wrap=True)


def _is_terminal(as_json: bool) -> bool:
    return (sys.stderr if as_json else sys.stdout).isatty()


def _line(scene: Scene) -> str:
    stages = ", ".join(f"{scene.stages[name]} {_words(name)}" for name in STAGES if scene.stages.get(name))
    return f"{scene.at:%a %d %b}  {scene.orders:>3} orders: {stages or 'none yet'}"


def _picture(scene: Scene) -> Group:
    head = Text.assemble(
        (f"{scene.at:%A %d %B, %H:%M}", "bold"), f"  day {scene.day + 1} of {scene.days}: {scene.doing}"
    )
    grid = Table.grid(padding=(0, 1))
    most = max(scene.orders, 1)
    for name in STAGES:
        number = scene.stages.get(name, 0)
        grid.add_row(_words(name), ProgressBar(total=most, completed=number, width=BAR), str(number))
    return Group(head, grid, Text(f"{scene.held} on hold, {scene.letters} e-mails to buyers", style="dim"))


def _words(name: str) -> str:
    return name.replace("_", " ")


# The tables at the end


def tables(facts: Mapping[str, Any], console: Console) -> None:
    orders = facts["orders"]
    odd = ("held", "short", "split", "backordered", "filled_later", "returned", "lost", "canceled", "on_the_way")
    told = ", ".join(f"{orders[name]} {_words(name)}" for name in odd)
    console.print()
    console.print(_beside(_orders(orders), _cash(facts["cash_minor"]), console=console), "")
    console.print(f"Of the orders {told}.", soft_wrap=True)
    console.print(f"{facts['emails']:,} e-mails written, {facts['events']:,} events recorded.\n")
    console.print(_times(facts["hours"]), "")
    pairs = _pairs("Parcels", facts["parcels"]), _pairs("Exceptions to look at", facts["exceptions"])
    console.print(_beside(*pairs, console=console), "")
    console.print(_beside(_holds(facts["holds"]), _pairs("Refused, by name", facts["refusals"]), console=console), "")


def _beside(*tables: Table, console: Console) -> Table | Group:
    """Beside each other where the terminal is wide enough."""
    if console.width < SIDE_BY_SIDE:
        return Group(*(part for table in tables for part in (table, Text())))
    grid = Table.grid(padding=(0, 6, 0, 0))
    grid.add_row(*tables)
    return grid


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left")
    return table


def _orders(orders: Mapping[str, Any]) -> Table:
    table = _pairs("Orders by stage", orders["by_stage"])
    table.add_row("together", f"{orders['total']:,}")
    return table


def _cash(cash: Mapping[str, Mapping[str, int]]) -> Table:
    table = _table("Cash", *cash)
    for name in ("owed", "held", "collected", "earned", "refunded", "invoiced", "credited"):
        table.add_row(name, *(f"{to_decimal(cash[currency][name], currency):,}" for currency in cash))
    return table


def _times(steps: list[Mapping[str, Any]]) -> Table:
    table = _table("Time per step", "orders", "half within", "nine in ten within")
    for step in steps:
        table.add_row(step["step"], str(step["orders"]), _hours(step["median_h"]), _hours(step["nine_in_ten_h"]))
    return table


def _hours(hours: float) -> str:
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def _pairs(title: str, found: Mapping[str, int]) -> Table:
    table = _table(title, "")
    for name, number in found.items():
        table.add_row(_words(name), f"{number:,}")
    return table


def _holds(holds: Mapping[str, Mapping[str, int]]) -> Table:
    table = _table("Holds", "open", "lifted")
    for kind, row in holds.items():
        table.add_row(_words(kind), str(row["open"]), str(row["lifted"]))
    return table
