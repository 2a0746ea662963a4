"""first_rows: the first rows of files as they would be read, with what is wrong beside each: a look before anything is
taken. Only the beginning of each file is read, so that it takes no longer for a large one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from doorstep.journey.intake.costs import order_amounts
from doorstep.journey.intake.files.asked_columns import Said, mapping_of
from doorstep.journey.intake.files.entries import Entry, Seen
from doorstep.journey.intake.files.opening import open_source
from doorstep.journey.intake.files.problems import REASONS, Problem
from doorstep.journey.intake.files.products import FileProduct, read_products
from doorstep.journey.intake.files.stock import read_stock
from doorstep.journey.intake.files.tables import BadRow, Row, expand, name_within, open_table
from doorstep.journey.intake.import_products import sku_of_variant
from doorstep.journey.intake.place import Place
from doorstep.journey.intake.told import ImportCorrection
from doorstep.kit.money import LARGEST_MINOR, spell
from doorstep.kit.refusals import Refusal
from doorstep.setup.merchants import check_sku

HEAD = 200  # rows of each file
SHOWN = 25
# About the file that was made of the first rows, not about the one that was given.
NOT_OF_THE_FILE = ("name_differs",)


class Wrong(Struct, frozen=True):
    """What is wrong: in which column, in words, and what stands there."""

    column: str
    reason: str
    meaning: str
    value: str


class FirstRow(Struct, frozen=True):
    """A thing as it would be read, by what the screen calls its particulars; nothing where it cannot be read at all."""

    line: int
    told: dict[str, str]
    wrong: list[Wrong]


def first_rows(
    paths: Sequence[str | PathLike[str]], said: Said, *, currency: str, timezone: str, channel: str, history: bool
) -> list[FirstRow]:
    """The first of what they say, as they say it with these columns. Refuses what the readers refuse."""
    with _heads(paths) as heads:
        if said.kind == "products":
            rows = _products(heads, said, currency)
        elif said.kind == "stock":
            rows = _stock(heads, said)
        else:
            rows = _orders(heads, said, currency=currency, timezone=timezone, channel=channel, history=history)
        return list(islice(rows, SHOWN))


@contextmanager
def _heads(paths: Sequence[str | PathLike[str]]) -> Iterator[list[Path]]:
    """The beginning of each file, in a file of the same name."""
    files, _strangers = expand(paths)
    with TemporaryDirectory(prefix="doorstep-head-") as folder:
        heads = []
        for nth, file in enumerate(files):
            place = Path(folder) / str(nth)
            place.mkdir()
            head = place / name_within(file)
            _copy_head(file, head)
            heads.append(head)
        yield heads


def _copy_head(file: Path, head: Path) -> None:
    """A row stands at the line that it has in the file, as near as a copy can."""
    table = open_table(file)
    with head.open("w", encoding="utf-8", newline="") as written:
        write = csv.writer(written).writerow
        write(table.header)
        for row in islice(table, HEAD):
            if isinstance(row, Row):
                write([*row.texts, *row.extra])


# Orders


def _orders(
    paths: Sequence[Path], said: Said, *, currency: str, timezone: str, channel: str, history: bool
) -> Iterator[FirstRow]:
    options = {"currency": currency, "timezone": timezone, "channel": channel}
    with open_source(paths, mapping=mapping_of(said), **options, history=history) as source:
        yield from _bad(source.load(Seen()))
        for entry in source.entries():
            if isinstance(entry, BadRow):
                yield from _bad([entry])
            else:
                yield FirstRow(entry.first_line, _told(entry), [*_wrong(entry.problems), *_refused(entry)])


def _told(entry: Entry) -> dict[str, str]:
    body = entry.body
    if isinstance(body, ImportCorrection):
        goods = ", ".join(f"{line.quantity} × {line.sku or line.title}" for line in body.lines[:3])
        return {"order": entry.name, "placed": _day(body.happened_at), "buyer": body.buyer.name, "goods": goods,
                "total": "", "becomes": body.kind}  # fmt: skip
    order = body.order
    goods = ", ".join(f"{line.quantity} × {line.sku or line.title}" for line in order.lines[:3])
    more = f" … {len(order.lines) - 3}" if len(order.lines) > 3 else ""
    return {
        "order": order.number or order.external_id, "placed": _day(order.placed_at),
        "buyer": order.buyer.name or order.buyer.email, "goods": goods + more, "total": _total(entry),
        "becomes": "work" if isinstance(body, Place) else "history",
    }  # fmt: skip


def _day(when: object) -> str:
    return f"{when:%Y-%m-%d %H:%M}" if when is not None else ""


def _total(entry: Entry) -> str:
    if isinstance(entry.body, ImportCorrection):
        return ""
    try:
        return spell(order_amounts(entry.body.order).total_minor, entry.body.order.currency)
    except Refusal:
        return ""


def _refused(entry: Entry) -> Iterator[Wrong]:
    if isinstance(entry.body, ImportCorrection):
        return
    try:
        order_amounts(entry.body.order)
    except Refusal as refusal:
        yield Wrong("", refusal.code, refusal.sentence, "")


# Products and stock


def _products(paths: Sequence[Path], said: Said, currency: str) -> Iterator[FirstRow]:
    for product in read_products(paths, None if said.format else said.columns):
        if isinstance(product, BadRow):
            yield from _bad([product])
        else:
            yield from _variants(product, currency)


def _variants(product: FileProduct, currency: str) -> Iterator[FirstRow]:
    for variant in product.variants:
        sku = sku_of_variant(variant, currency)
        wrong = list(_wrong(problem for problem in product.problems if problem.line == variant.line))
        try:
            check_sku(sku)
        except Refusal as refusal:
            wrong.append(Wrong("", refusal.code, refusal.sentence, sku.code))
        price = spell(sku.value_minor, currency) if 0 < sku.value_minor <= LARGEST_MINOR else ""
        yield FirstRow(variant.line, {
            "sku": sku.code, "name": sku.name, "barcode": sku.barcode, "weight": str(sku.weight_g or ""),
            "hs_code": sku.hs_code, "origin": sku.origin, "price": price,
        }, wrong)  # fmt: skip


def _stock(paths: Sequence[Path], said: Said) -> Iterator[FirstRow]:
    for row in read_stock(paths, said.columns or None):
        if isinstance(row, BadRow):
            yield from _bad([row])
        else:
            told = {"sku": row.sku, "site": row.site, "bin": row.bin, "lot": row.lot, "quantity": str(row.quantity)}
            yield FirstRow(row.line, told, [])


def _wrong(problems: Iterable[Problem]) -> Iterator[Wrong]:
    for problem in problems:
        yield Wrong(problem.column, problem.reason, REASONS.get(problem.reason, problem.reason), problem.value)


def _bad(rows: Iterable[BadRow]) -> Iterator[FirstRow]:
    for row in rows:
        if row.reason not in NOT_OF_THE_FILE:
            meaning = REASONS.get(row.reason, row.reason)
            yield FirstRow(row.line, {}, [Wrong(row.column, row.reason, meaning, row.value[:200])])
