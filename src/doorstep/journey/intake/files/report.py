"""report: what an import could not take or wants looked at, as a CSV beside the file it came from.

A person opens it in a spreadsheet, so no cell may be run there as a formula.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import msgspec

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.problems import REASONS, Problem
from doorstep.journey.intake.files.tables import REPORT_ENDING, BadRow

HEADER = ("file", "line", "column", "reason", "value", "meaning")


class ReportRow(msgspec.Struct, frozen=True):
    """`reason` is a code; its words come from `problems.REASONS`, or from `meaning` for other reasons."""

    file: str
    line: int
    column: str
    reason: str
    value: str
    meaning: str = ""


def of_bad_row(row: BadRow) -> ReportRow:
    return ReportRow(row.file, row.line, row.column, row.reason, row.value)


def of_problems(file: str, problems: Iterable[Problem]) -> Iterator[ReportRow]:
    for problem in problems:
        yield ReportRow(file, problem.line, problem.column, problem.reason, problem.value)


class Report:
    """Written as the rows come; stands under its name once the import has ended, and only if there was a row.

    with Report(Path("orders.csv"), home) as report: report.add(row) … then report.path
    """

    def __init__(self, source: Path, home: Path) -> None:
        """`source` is the file or folder that was read, `home` is DOORSTEP_HOME."""
        self._places = (beside(source), home / "reports" / beside(source).name)
        self._file: TextIO | None = None
        self.path: Path | None = None
        self.rows = 0

    def __enter__(self) -> Report:
        return self

    def add(self, row: ReportRow) -> None:
        if self._file is None:
            self._file, self.path = _opened(self._places)
            csv.writer(self._file).writerow(HEADER)
        meaning = row.meaning or REASONS.get(row.reason, "")
        line = str(row.line or "")
        texts = (row.file, line, row.column, row.reason, row.value, meaning)
        csv.writer(self._file).writerow([harmless(text) for text in texts])
        self.rows += 1

    def __exit__(self, *_: object) -> None:
        if self._file is None or self.path is None:
            _remove_outdated(self._places)
            return
        self._file.close()
        os.replace(_part(self.path), self.path)


def beside(source: Path) -> Path:
    """orders.csv.gz has orders.doorstep-report.csv; a folder has doorstep-report.csv inside."""
    if source.is_dir():
        return source / REPORT_ENDING
    stem = source.name.removesuffix(".gz").rsplit(".", 1)[0]
    return source.with_name(f"{stem}.{REPORT_ENDING}")


def harmless(text: str) -> str:
    """A cell that a spreadsheet would run as a formula gets an apostrophe before it; `cells.unguarded` undoes that."""
    clean = text.replace("\x00", "\ufffd").encode(errors="replace").decode()
    return f"'{clean}" if cells.FORMULA.match(clean) else clean


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _opened(places: Iterable[Path]) -> tuple[TextIO, Path]:
    """The first place that can be written to. The byte order mark tells a spreadsheet that it is UTF-8."""
    first, other = places
    try:
        return _part(first).open("w", encoding="utf-8-sig", newline=""), first
    except OSError:
        other.parent.mkdir(parents=True, exist_ok=True)
        return _part(other).open("w", encoding="utf-8-sig", newline=""), other


def _remove_outdated(places: Iterable[Path]) -> None:
    """An earlier import's report says what is no longer so."""
    for path in places:
        with suppress(OSError):
            path.unlink()
