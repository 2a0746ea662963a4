"""exports: the sample's orders as a shop hands them over: a file for each day of the demo, moved to its days."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from doorstep.doors.demo.days import DAY

# The sample's first orders are of this day; it becomes the demo's first.
FIRST_OF_SAMPLE = datetime(2026, 3, 2, tzinfo=UTC)
STAMP = "%Y-%m-%d %H:%M:%S %z"
STAMPED = ("Created at", "Paid at", "Fulfilled at", "Cancelled at", "Next Payment Due At")
# What a shop exports in the morning was ordered since the morning before.
MORNING = timedelta(hours=8)
MANY = 100
STATED = ("Street", "City", "Zip", "Country", "Phone")

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Export:
    """What came in of one merchant's shop until the morning of that day."""

    day: int
    file: Path
    orders: int


def write_exports(sample: Path, folder: Path, first: datetime, wanted: int | None = None) -> list[Export]:
    """The files, in the order of their days. With `wanted` so many orders at most: the odd ones first."""
    with sample.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns, orders = list(reader.fieldnames or ()), _by_order(reader)
    by_day: dict[int, list[Row]] = defaultdict(list)
    counts: dict[int, int] = defaultdict(int)
    for rows in _chosen(orders, wanted):
        moved = [_moved(row, first - FIRST_OF_SAMPLE) for row in rows]
        day = (datetime.strptime(moved[0]["Created at"], STAMP) - first - MORNING) // DAY + 1
        by_day[day] += moved
        counts[day] += 1
    folder.mkdir(parents=True, exist_ok=True)
    return [
        Export(day, _written(folder / f"day-{day + 1:02}.csv", columns, by_day[day]), counts[day])
        for day in sorted(by_day)
    ]


def _by_order(rows: Iterable[Row]) -> list[list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["Name"]].append(row)
    return list(found.values())


def _chosen(orders: Sequence[list[Row]], wanted: int | None) -> Iterator[list[Row]]:
    if wanted is None or wanted >= len(orders):
        yield from orders
        return
    odd = [number for number, rows in enumerate(orders) if _is_odd(rows)]
    plain = [number for number in range(len(orders)) if number not in odd]
    taken = set(odd[: max(1, wanted * 2 // 3)])
    spare = max(0, wanted - len(taken))
    taken |= {plain[step * len(plain) // spare] for step in range(spare)}
    yield from (rows for number, rows in enumerate(orders) if number in taken)


def _is_odd(rows: list[Row]) -> bool:
    """Canceled, at risk, very many of one thing, an item nobody knows, or sent elsewhere than the bill."""
    first = rows[0]
    elsewhere = any(first[f"Shipping {name}"] != first[f"Billing {name}"] for name in STATED)
    strange = any(not row["Lineitem sku"] or row["Lineitem sku"].endswith("-OLD") for row in rows)
    many = any(int(row["Lineitem quantity"]) >= MANY for row in rows)
    return bool(first["Cancelled at"]) or first["Risk Level"] == "High" or elsewhere or strange or many


def _moved(row: Row, by: timedelta) -> Row:
    moved = {name: _stamp(row[name], by) for name in STAMPED if row.get(name)}
    return row | moved


def _stamp(text: str, by: timedelta) -> str:
    return (datetime.strptime(text, STAMP) + by).strftime(STAMP)


def _written(file: Path, columns: Sequence[str], rows: Sequence[Row]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file
