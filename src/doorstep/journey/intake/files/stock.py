"""stock: read a file that says how many of a SKU stand at a site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike

import msgspec

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.tables import BadRow, Row, expand, open_table
from doorstep.kit.refusals import Refusal

LARGEST_QUANTITY = 10**9
NAMES = {
    "sku": ("sku", "variant sku", "item", "code"),
    "site": ("site", "location", "warehouse"),
    "quantity": ("quantity", "qty", "on hand", "on hand (current)", "counted"),
    "available": ("available",),
    "bin": ("bin", "bin name", "shelf"),
    "lot": ("lot", "batch"),
}


class NotAStockFile(Refusal):
    """This file does not have the columns SKU and quantity."""

    status = 422


class StockRow(msgspec.Struct, frozen=True, kw_only=True):
    """So many of a SKU at a site; site, bin and lot are "" when the file has no such column.

    `available`: the file tells only what is free, without what orders were promised.
    """

    sku: str
    quantity: int
    available: bool = False
    site: str = ""
    bin: str = ""
    lot: str = ""
    file: str
    line: int


def read_stock(
    paths: Sequence[str | PathLike[str]], columns: Mapping[str, str] | None = None
) -> Iterator[StockRow | BadRow]:
    """Every row of these files and folders. Refuses NotReadable and NotAStockFile before the first.

    `columns`: what each of ours is called, where its name does not tell it.
    """
    files, strangers = expand(paths)
    for file in files:
        header = open_table(file).header
        at = _columns(header, columns).keys()
        if "sku" not in at or not at & {"quantity", "available"}:
            raise NotAStockFile(file=str(file), columns=", ".join(header[:10]))
    return _rows([str(file) for file in files], strangers, columns)


def stock_columns(header: Sequence[str]) -> dict[str, str]:
    """Which of these columns is which of ours, by their names."""
    return _columns(header)


def _rows(
    files: Sequence[str], strangers: list[BadRow], columns: Mapping[str, str] | None
) -> Iterator[StockRow | BadRow]:
    yield from strangers
    for file in files:
        table = open_table(file)
        at = _columns(table.header, columns)
        for row in table:
            yield row if isinstance(row, BadRow) else _stock_row(row, at)


def _columns(header: Sequence[str], said: Mapping[str, str] | None = None) -> dict[str, str]:
    if said:
        return {key: name for key, name in said.items() if name in header}
    folded = {name.strip().casefold(): name for name in reversed(header)}
    return {
        key: next(folded[name] for name in names if name in folded)
        for key, names in NAMES.items()
        if any(name in folded for name in names)
    }


def _stock_row(row: Row, at: dict[str, str]) -> StockRow | BadRow:
    def bad(key: str, reason: str) -> BadRow:
        column = at.get(key, key)
        return BadRow(file=row.file, line=row.line, column=column, reason=reason, value=row.cells.get(column, ""))

    text = {key: cells.code(row.cells[name]) for key, name in at.items()}
    counted = "quantity" if "quantity" in at else "available"
    quantity = cells.amount(text[counted])
    if any(extra.strip() for extra in row.extra):
        return bad("sku", "too_many_cells")
    if not text["sku"]:
        return bad("sku", "sku_missing")
    if "site" in at and not text["site"]:
        return bad("site", "site_missing")
    if quantity is None or quantity != int(quantity) or not 0 <= quantity <= LARGEST_QUANTITY:
        return bad(counted, "quantity_unreadable")
    return StockRow(
        sku=text["sku"],
        quantity=int(quantity),
        available=counted == "available",
        site=text.get("site", ""),
        bin=text.get("bin", ""),
        lot=text.get("lot", ""),
        file=row.file,
        line=row.line,
    )
