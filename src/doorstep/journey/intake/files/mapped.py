"""mapped: files of any shape read by a mapping: rows become orders, credits, write-offs and changes of stock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from os import PathLike
from pathlib import Path
from types import TracebackType
from zoneinfo import ZoneInfo

from doorstep.journey.intake.files.entries import Entry, Seen
from doorstep.journey.intake.files.fields import Settled
from doorstep.journey.intake.files.mapping import Mapping
from doorstep.journey.intake.files.moments import Moment, moments
from doorstep.journey.intake.files.orders_mapped import OrderBuilder
from doorstep.journey.intake.files.scope import ROWS, Opened, Scope, open_tables
from doorstep.journey.intake.files.staging import Part, Staging
from doorstep.journey.intake.files.tables import BadRow
from doorstep.kit.refusals import Refusal

LAST = 1 << 62  # where an order stands whose time cannot be read
REMEMBERED = 4096  # texts of times


class NoCurrency(Refusal):
    """Neither the file nor the mapping says in which currency its amounts are: say --currency."""

    status = 422


class MappedFiles:
    """with MappedFiles(mapping, paths, …) as files: files.load(seen) …; files.entries() … as often as needed."""

    read_twice = True

    def __init__(
        self, mapping: Mapping, paths: Sequence[str | PathLike[str]], *, currency: str, timezone: str, channel: str,
        history: bool,
    ) -> None:  # fmt: skip
        """`currency`, `timezone`, `channel` are for what neither rows nor mapping say.

        Refuses NotAMapping, NotAnExpression, NotReadable, NoCurrency.
        """
        self.mapping = mapping
        self.currency = mapping.currency or currency
        if not self.currency and not mapping.order.currency:
            raise NoCurrency()
        self._tables, self._strangers = open_tables(mapping, paths)
        self._files = [str(file) for table in self._tables.values() for file in table.files]
        settled = Settled(
            currency=self.currency,
            decimal=mapping.decimal,
            channel=mapping.channel or channel,
            zone=ZoneInfo(mapping.timezone or timezone),
            timezone=mapping.timezone or timezone,
            history=history,
            moment=moments(mapping, mapping.timezone or timezone),
        )
        self._staging = Staging()
        self._builder = OrderBuilder(mapping, self._tables, settled, self._staging, self._files)
        self._sorted_by = _sorting(settled.moment)

    def __enter__(self) -> MappedFiles:
        self._staging.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._staging.close()

    def load(self, seen: Seen) -> Iterator[BadRow]:
        """Set every row down; whatever cannot be read, or belongs to no order, comes out."""
        yield from self._strangers
        for table in self._tables.values():
            for file in table.files:
                yield from self._looked_up(table, file, seen) if table.said.id else self._set_down(table, file, seen)
        seen.of = self._staging.seal()
        for part in self._staging.without_order():
            yield BadRow(
                file=self._files[part.file], line=part.line, reason="order_unknown", value=part.texts[0][:200],
                column=self._owned(part).said.key,
            )  # fmt: skip

    def entries(self) -> Iterator[Entry | BadRow]:
        """Orders and corrections, the oldest first."""
        self._builder.begin()
        for key, _, parts in self._staging.in_time():
            yield from self._builder.entries(key, parts)

    def _owned(self, part: Part) -> Opened:
        return next(table for table in self._tables.values() if table.owner == part.owner)

    def _set_down(self, table: Opened, file: Path, seen: Seen) -> Iterator[BadRow]:
        is_order = table.name == (self.mapping.order.table or ROWS)
        placed = Scope(self._tables, table.name).getter(self.mapping.order.placed_at) if is_order else None
        key_at, owner = table.header.index(table.said.key), table.owner
        number, add, sorted_by = self._files.index(str(file)), self._staging.add, self._sorted_by
        for row in table.rows(file):
            if isinstance(row, BadRow):
                seen.add(row.rows)
                yield row
                continue
            seen.add()
            line, texts = row
            key = texts[key_at].strip()
            if not key:
                yield BadRow(file=str(file), line=line, column=table.said.key, reason="no_name")
                continue
            add(owner, key, number, line, texts, None if placed is None else sorted_by(placed(texts)))

    def _looked_up(self, table: Opened, file: Path, seen: Seen) -> Iterator[BadRow]:
        id_at = table.header.index(table.said.id)
        for row in table.rows(file):
            if isinstance(row, BadRow):
                seen.add(row.rows)
                yield row
                continue
            seen.add()
            self._staging.add_looked_up(table.owner, row[1][id_at].strip(), row[1])


def _sorting(moment: Moment) -> Callable[[str], int]:
    @lru_cache(maxsize=REMEMBERED)
    def sorted_by(text: str) -> int:
        """Microseconds since 1970; what has no time that can be read comes last."""
        at = moment(text)
        return LAST if at is None else int(at.timestamp() * 1_000_000)

    return sorted_by
