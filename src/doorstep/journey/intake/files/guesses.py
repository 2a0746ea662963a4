"""guesses: what files nobody described seem to be: which table is which, and which column which field."""

from __future__ import annotations

from dataclasses import dataclass, field
from keyword import iskeyword

import msgspec

from doorstep.journey.intake.files import column_words
from doorstep.journey.intake.files.columns_seen import Column, Seen


class Found(msgspec.Struct, frozen=True):
    """A field of the mapping, and the column or expression that fits it best."""

    field: str
    column: str
    confidence: float
    samples: list[str]


@dataclass(frozen=True, slots=True)
class Pick:
    column: Column
    ref: str  # how an expression of its section names it
    confidence: float


@dataclass(slots=True)
class LookedUp:
    table: Seen
    id: str
    by: str  # orders.customer_id


@dataclass(slots=True)
class Guess:
    """What the files seem to be. Fields are named by section and key: `order.placed_at`."""

    tables: list[Seen]
    orders: Seen
    lines: Seen
    key: str
    line_key: str
    payments: Seen | None = None
    payment_key: str = ""
    looked_up: list[LookedUp] = field(default_factory=list)
    picks: dict[str, Pick] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    services: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)  # a remark on a field
    tax_included: bool = False

    @property
    def is_one_table(self) -> bool:
        return self.orders is self.lines and not self.looked_up and self.payments is None

    def used_tables(self) -> list[Seen]:
        picked = {pick.column.table for pick in self.picks.values()}
        return [
            table
            for table in self.tables
            if table is self.orders or table is self.lines or table is self.payments or table.name in picked
        ]

    def found(self) -> list[Found]:
        """For people and programs: the fields in the order of the mapping."""
        return [
            Found(name, pick.ref, round(pick.confidence, 2), pick.column.samples)
            for name, pick in sorted(self.picks.items(), key=lambda both: ORDER_OF_FIELDS.index(both[0]))
        ]

    def unused(self) -> list[str]:
        """Columns that no field needs."""
        used = {(pick.column.table, pick.column.name) for pick in self.picks.values()}
        used |= {(self.lines.name, self.line_key)}
        if self.payments is not None:
            used |= {(self.payments.name, self.payment_key)}
        for one in self.looked_up:
            table, _, column = one.by.partition(".")
            used |= {(one.table.name, one.id), (table, column)} if one.table in self.used_tables() else set()
        alone = len(self.tables) == 1
        return [
            name if alone else f"{table.name}.{name}"
            for table in self.tables
            for name in table.header
            if (table.name, name) not in used
        ]


PLACE_FIELDS = ("postcode", "city", "region", "country")
ORDER_OF_FIELDS = [*column_words.WORDS, *(f"site.{name}" for name in PLACE_FIELDS)]


def in_words(ref: str) -> str:
    """A column as an expression says it."""
    parts = ref.split(".")
    is_plain = len(parts) <= 2 and all(part.isascii() and part.isidentifier() and not iskeyword(part) for part in parts)
    return ref if is_plain else f"col({quoted(ref)})"


def quoted(text: str) -> str:
    return repr(text)
