"""entries: what a reader of files hands on, whatever the format: an ask for a verb, and what it takes to answer it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from doorstep.journey.intake.arrival import Arrival
from doorstep.journey.intake.files.problems import Problem
from doorstep.journey.intake.files.tables import BadRow
from doorstep.journey.intake.told import ImportCorrection
from doorstep.setup.merchants import NewSite, NewSku

Body = Arrival | ImportCorrection
TOLD_EVERY = 5000  # rows


@dataclass(frozen=True, slots=True)
class Entry:
    """One order, or one correction, of a file, and the verb that takes it.

    `rows` of the file made it. `skus` and `sites` are those that it is the first to name. `counts`: whether it is an
    order of the file; False for a second part of one (a sale and a write-off under one number).
    """

    verb: str
    body: Body
    file: str
    first_line: int
    rows: int
    name: str
    problems: tuple[Problem, ...] = ()
    skus: tuple[NewSku, ...] = ()
    sites: tuple[NewSite, ...] = ()
    counts: bool = True

    @property
    def at(self) -> datetime | None:
        """When it happened there."""
        return self.body.happened_at if isinstance(self.body, ImportCorrection) else self.body.order.placed_at

    @property
    def lines(self) -> int:
        return len(self.body.lines if isinstance(self.body, ImportCorrection) else self.body.order.lines)

    @property
    def channel(self) -> str:
        return self.body.channel if isinstance(self.body, ImportCorrection) else self.body.order.channel

    @property
    def external_id(self) -> str:
        return self.body.external_id if isinstance(self.body, ImportCorrection) else self.body.order.external_id


@dataclass(slots=True)
class Seen:
    """How far the reading of files is: rows read; and of how many rows the orders are made, once that is known."""

    tell: Callable[[int], None] = lambda rows: None
    rows: int = 0
    of: int | None = None

    def add(self, rows: int = 1) -> None:
        self.rows += rows
        if rows and self.rows % TOLD_EVERY < rows:
            self.tell(self.rows)


class Source(Protocol):
    """Files of one format, opened."""

    read_twice: bool  # are its entries looked at once ahead, to learn what only the whole tells?

    @property
    def currency(self) -> str:
        """What a merchant that is made for these files is counted in."""
        ...

    def load(self, seen: Seen) -> Iterator[BadRow]:
        """Read all of it once; whatever could not be read comes out."""
        ...

    def entries(self) -> Iterable[Entry | BadRow]:
        """Orders and corrections, oldest first where the format allows; may be asked for again."""
        ...


@dataclass(slots=True)
class FirstSeen:
    """Tells what is named for the first time."""

    words: set[str] = field(default_factory=set)

    def __call__(self, word: str) -> bool:
        if word in self.words:
            return False
        self.words.add(word)
        return True
