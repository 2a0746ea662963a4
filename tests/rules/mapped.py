"""mapped: what a mapping makes of rows that a test writes, without a database."""

from __future__ import annotations

from collections.abc import Mapping as Rows
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from doorstep.journey.intake.files.entries import Entry, Seen
from doorstep.journey.intake.files.mapped import MappedFiles
from doorstep.journey.intake.files.mapping import Mapping, parse_mapping
from doorstep.journey.intake.files.opening import ready_mappings
from doorstep.journey.intake.files.tables import BadRow
from doorstep.journey.intake.import_history import ImportHistory
from doorstep.journey.intake.new_order import NewOrder
from doorstep.journey.intake.told import ImportCorrection


@dataclass(frozen=True)
class Came:
    """Everything that came out of the files."""

    entries: list[Entry]
    bad: list[BadRow]
    seen: Seen

    @property
    def orders(self) -> list[NewOrder]:
        return [one.body.order for one in self.entries if not isinstance(one.body, ImportCorrection)]

    @property
    def order(self) -> NewOrder:
        (only,) = self.orders
        return only

    @property
    def corrections(self) -> list[ImportCorrection]:
        return [one.body for one in self.entries if isinstance(one.body, ImportCorrection)]

    @property
    def histories(self) -> dict[str, ImportHistory]:
        return {one.name: one.body for one in self.entries if isinstance(one.body, ImportHistory)}

    @property
    def problems(self) -> list[tuple[int, str, str, str]]:
        return [(p.line, p.column, p.reason, p.value) for one in self.entries for p in one.problems]


def read(folder: Path, mapping: str | Mapping, files: Rows[str, str], **more: object) -> Came:
    """The files are written into the folder, in this order, and read."""
    paths = []
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
        paths.append(folder / name)
    return came(mapping, paths, **more)


def came(
    mapping: str | Mapping, paths: list[Path], *, history: bool = True, currency: str = "EUR", timezone: str = "UTC"
) -> Came:
    known = parse_mapping(mapping.encode(), "mapping.toml") if isinstance(mapping, str) else mapping
    seen = Seen()
    with MappedFiles(known, paths, currency=currency, timezone=timezone, channel="file", history=history) as source:
        bad = list(source.load(seen))
        out = list(source.entries())
    entries = [one for one in out if isinstance(one, Entry)]
    return Came(entries, [*bad, *(one for one in out if isinstance(one, BadRow))], seen)


def ready(name: str) -> Mapping:
    return cast(Mapping, next(one for one in ready_mappings() if one.name == name))
