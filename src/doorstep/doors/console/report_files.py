"""report_files: a report's table as a file for spreadsheets: numbers as numbers, money in units of its currency."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from decimal import Decimal
from io import StringIO

from doorstep.doors.console.reporting import Column, Row
from doorstep.doors.exports.workbook import Cell, workbook
from doorstep.journey.intake.files.report import harmless
from doorstep.kit.money import digits


def as_csv(title: str, heading: str, columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    """UTF-8 with the mark that tells a spreadsheet so; a text that it would run is made harmless."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([heading, *(column.label for column in columns)])
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in _cells(columns, row)])
    return text.getvalue().encode("utf-8-sig")


def as_workbook(title: str, heading: str, columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    return workbook(title, [heading, *(column.label for column in columns)], (_cells(columns, row) for row in rows))


def _cells(columns: Sequence[Column], row: Row) -> list[Cell]:
    return [str(row["key"]), *(_cell(column, row) for column in columns)]


def _cell(column: Column, row: Row) -> Cell:
    value: Cell = row.get(column.name)
    if column.kind == "money" and value is not None:
        return Decimal(int(value)).scaleb(-digits(row["currency"]))
    return value
