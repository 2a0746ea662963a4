"""report_files: a report's table as a file for spreadsheets, written as exports are: numbers as numbers, and money in
units of its currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any

from doorstep.doors.console.reporting import Column, Report, Row
from doorstep.doors.exports import columns
from doorstep.doors.exports.columns import Export
from doorstep.doors.exports.files import Format, sink_of
from doorstep.kit.money import digits

MEDIA_TYPES: dict[str, tuple[Format, str]] = {
    "csv": ("csv", "text/csv; charset=utf-8"),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


def written(format: Format, report: Report, split: str, shown: Sequence[Column], rows: Sequence[Row]) -> bytes:
    """The file; `split` is what the first column is called."""
    named = [columns.text(split, "", ""), *(columns.number(column.label, "", "", "") for column in shown)]
    stream = BytesIO()
    sink = sink_of(format, Export(report.key, report.question, tuple(named), "", ""), stream, marked=True)
    sink.write([(str(row["key"]), *(_value(column, row) for column in shown)) for row in rows])
    sink.close()
    return stream.getvalue()


def _value(column: Column, row: Row) -> Any:
    value = row.get(column.name)
    if column.kind == "money" and value is not None:
        return Decimal(value).scaleb(-digits(row["currency"]))
    return value
