"""columns_seen: the first rows of a table, column by column: what kind of values stand there, and how they repeat."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from itertools import islice
from pathlib import Path

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.tables import BadRow, open_table

LOOKED_AT = 2000  # rows of each table
MOST_SAMPLES = 3
LONGEST_SAMPLE = 60
NEARLY_ALL = 0.95
# Forms of dates that are not read without being named. Those that differ by day and month stand side by side.
FORMS = (
    "%m-%d-%y", "%d-%m-%y", "%d-%m-%Y", "%m-%d-%Y", "%d-%m-%Y %H:%M", "%m-%d-%Y %H:%M", "%d-%m-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M:%S", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y.%m.%d", "%Y.%m.%d %H:%M:%S", "%Y%m%d",
    "%Y%m%d%H%M%S", "%Y%m%d %H:%M", "%d-%b-%y", "%d-%b-%Y", "%d-%b-%Y %H:%M", "%d %b %Y", "%d %b %Y %H:%M",
    "%d %B %Y", "%d %B %Y %H:%M", "%b %d, %Y", "%b %d %Y", "%B %d, %Y", "%B %d, %Y %H:%M", "%b %d, %Y %H:%M",
    "%b %d, %Y %I:%M %p", "%b %d, %Y, %I:%M %p", "%B %d, %Y %I:%M %p", "%a, %d %b %Y %H:%M:%S %z", "%d.%m.%Y %H.%M",
    "%d.%m.%Y, %H:%M Uhr", "%Y-%m-%d %I:%M %p", "%Y-%m-%d-%H.%M.%S",
)  # fmt: skip
_MARKED_COMMA = re.compile(r"\d,\d{1,2}(?!\d)")
_MARKED_POINT = re.compile(r"\d\.\d{1,2}(?!\d)")
_PREFIX = re.compile(r"[A-Za-z]*")
_CURRENCIES = {"€": "EUR", "£": "GBP", "zł": "PLN", "R$": "BRL", "₹": "INR", "Kč": "CZK", "₺": "TRY", "Ft": "HUF"}


@dataclass(frozen=True, slots=True)
class Dates:
    """How a column's dates are written. `form`: for strptime, "" where none need be named."""

    share: float
    form: str = ""
    day_first: bool = False
    is_open: bool = False  # day and month could be swapped; the values do not tell


@dataclass(frozen=True, eq=False)
class Column:
    """A column by its values; blank cells are in `texts` and in nothing else."""

    table: str
    name: str
    texts: Sequence[str]

    @cached_property
    def filled(self) -> list[str]:
        return [text.strip() for text in self.texts if text.strip()]

    @cached_property
    def distinct(self) -> dict[str, int]:
        counted: dict[str, int] = defaultdict(int)
        for text in self.filled:
            counted[text] += 1
        return dict(counted)

    @cached_property
    def samples(self) -> list[str]:
        return [text[:LONGEST_SAMPLE] for text in islice(self.distinct, MOST_SAMPLES)]

    @property
    def filled_share(self) -> float:
        return len(self.filled) / len(self.texts) if self.texts else 0.0

    @property
    def is_unique(self) -> bool:
        return bool(self.filled) and len(self.distinct) == len(self.texts)

    def share(self, test: Callable[[str], bool]) -> float:
        """Of the cells that say something, how many are so."""
        if not self.filled:
            return 0.0
        return sum(count for text, count in self.distinct.items() if test(text)) / len(self.filled)

    @cached_property
    def amounts(self) -> list[Decimal | None]:
        """Row by row."""
        return [cells.amount(text) for text in self.texts]

    @cached_property
    def number_share(self) -> float:
        return self.share(lambda text: cells.amount(text) is not None)

    @cached_property
    def whole_share(self) -> float:
        return self.share(lambda text: (number := cells.amount(text)) is not None and number == number.to_integral())

    @cached_property
    def negative_share(self) -> float:
        return self.share(lambda text: (number := cells.amount(text)) is not None and number < 0)

    @cached_property
    def email_share(self) -> float:
        return self.share(cells.looks_like_email)

    @cached_property
    def country_share(self) -> float:
        return self.share(lambda text: bool(cells.country(text)))

    @cached_property
    def currency_share(self) -> float:
        return self.share(lambda text: len(text) == 3 and text.isalpha() and text.isupper())

    @cached_property
    def digit_share(self) -> float:
        """How many have a digit."""
        return self.share(lambda text: any(char.isdigit() for char in text))

    @cached_property
    def dates(self) -> Dates:
        return _dates(self)

    @cached_property
    def decimal_mark(self) -> str:
        """What stands before the cents, where the values tell: the comma or the point."""
        comma = self.share(lambda text: _MARKED_COMMA.search(text) is not None)
        point = self.share(lambda text: _MARKED_POINT.search(text) is not None)
        return "," if comma > point else "." if point > comma else ""

    @cached_property
    def symbol(self) -> str:
        """The currency whose sign stands beside the amounts."""
        for sign, currency in _CURRENCIES.items():
            if sum(sign in text for text in self.filled) > 0.5 * len(self.filled):
                return currency
        return ""

    def constant_within(self, groups: Iterable[Sequence[int]]) -> float:
        """In how many groups of rows it says one thing; blank cells aside."""
        several = [rows for rows in groups if len(rows) > 1]
        if not several:
            return 1.0
        return sum(len({self.texts[row].strip() for row in rows} - {""}) <= 1 for rows in several) / len(several)


@dataclass(slots=True)
class Seen:
    """A table: its files, its columns as far as they were looked at."""

    name: str
    files: list[Path]
    header: tuple[str, ...]
    columns: dict[str, Column] = field(default_factory=dict)
    rows: int = 0

    def groups(self, key: str) -> dict[str, list[int]]:
        """The rows of each key."""
        grouped: dict[str, list[int]] = defaultdict(list)
        for row, text in enumerate(self.columns[key].texts):
            if text.strip():
                grouped[text.strip()].append(row)
        return dict(grouped)


def prefix_of(key: str) -> str:
    """The letters that a key begins with: C of C536379."""
    match = _PREFIX.match(key)
    return match[0] if match and len(match[0]) < len(key) else ""


def look_at(files: Sequence[Path]) -> list[Seen]:
    """The tables there are: files that have the same columns are one."""
    tables: dict[frozenset[str], Seen] = {}
    for file in files:
        header = open_table(file).header
        mine = tables.get(frozenset(header))
        if mine is None:
            tables[frozenset(header)] = Seen(_table_name(file, tables.values()), [file], header)
        else:
            mine.files.append(file)
    for table in tables.values():
        _fill(table)
    return list(tables.values())


def _fill(table: Seen) -> None:
    rows = [
        row.cells
        for row in islice((row for file in table.files for row in open_table(file)), LOOKED_AT)
        if not isinstance(row, BadRow)
    ]
    table.rows = len(rows)
    table.columns = {
        name: Column(table.name, name, [row.get(name, "") for row in rows]) for name in table.header
    }  # fmt: skip


def _table_name(file: Path, taken: Iterable[Seen]) -> str:
    """What the table is called in the mapping: a word that an expression can say."""
    stem = re.sub(r"\W+", "_", file.name.partition(".")[0]).strip("_").lower() or "table"
    name = stem if not stem[0].isdigit() else f"t_{stem}"
    others = {table.name for table in taken}
    return name if name not in others else f"{name}_{len(others)}"


# Dates


def _dates(column: Column) -> Dates:
    texts = list(column.distinct)[:400]
    if not texts or not any(any(char.isdigit() for char in text) for text in texts):
        return Dates(0.0)
    known = [text for text in texts if not text.isdigit() and "," not in text[:4] and _read(text, False) is not None]
    # 45123.5 is a spreadsheet's count of days, and as well an amount: only its name can tell.
    known = [text for text in known if cells.amount(text) is None or "/" in text or text.count(".") == 2]
    if len(known) >= NEARLY_ALL * len(texts):
        return _day_or_month_first(known, len(known) / len(texts))
    return max((_by_form(form, texts) for form in FORMS), key=lambda dates: dates.share, default=Dates(0.0)) \
        if not known else Dates(len(known) / len(texts))  # fmt: skip


def _read(text: str, day_first: bool) -> datetime | None:
    return cells.when(text, UTC, day_first)


def _day_or_month_first(texts: list[str], share: float) -> Dates:
    pairs = [pair for text in texts if (pair := cells.slashed(text)) is not None]
    if not pairs or any(second > 12 for _, second in pairs):
        return Dates(share)
    if any(first > 12 for first, _ in pairs):
        return Dates(share, day_first=True)
    return Dates(share, day_first=_span(texts, True) < _span(texts, False), is_open=True)


def _span(texts: list[str], day_first: bool) -> float:
    """Days from the first to the last: read the wrong way, an export of a week is one of a year."""
    moments = [at for text in texts if (at := _read(text, day_first)) is not None]
    return (max(moments) - min(moments)).total_seconds() if moments else float("inf")


def _by_form(form: str, texts: list[str]) -> Dates:
    """As far as this form reads them; the fewer days they span, the likelier the form."""
    found = [at for text in texts if (at := _parsed(text, form)) is not None]
    if len(found) < NEARLY_ALL * len(texts):
        return Dates(0.0)
    span = (max(found) - min(found)).days
    return Dates(max(0.5, len(found) / len(texts) - span / 1e6), form)


def _parsed(text: str, form: str) -> datetime | None:
    try:
        at = datetime.strptime(text, form)
    except ValueError:
        return None
    return at.replace(tzinfo=None) if 1980 <= at.year <= 2100 else None
