"""import_stock: counts from a file become the stock; the same file twice changes nothing.

A row says what stands at a site (free, promised, picked and packed together; quarantine not), or in a bin; the
difference to the books is adjusted, one `adjust` per row with a request key made of the file's content and the line.
So a file that was interrupted may be imported again, and a repeat is no new count, even after goods were sold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from doorstep.journey.inventory.adjust import Adjust
from doorstep.kit.refusals import Refusal
from doorstep.kit.text import normalized
from doorstep.setup.sites import every_site
from doorstep.spine.outcome import SYSTEM, Actor, Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import Db, tenant_tx

BATCH = 500

ASKED_BEFORE = "select key from request where merchant_id = any($1) and key = any($2)"


@runtime_checkable
class CountedRow(Protocol):
    """So many of a SKU at a site; `available`: so many of them free."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def sku(self) -> str: ...
    @property
    def site(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def available(self) -> bool: ...
    @property
    def bin(self) -> str: ...
    @property
    def lot(self) -> str: ...


class UnreadRow(Protocol):
    """A row that is no count, and why."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def rows(self) -> int: ...


Report = list[dict[str, Any]]
Counted = tuple[CountedRow, Ask[Adjust]]


async def import_stock(
    db: Db,
    merchant: int,
    rows: Iterable[CountedRow | UnreadRow],
    *,
    at: datetime,
    site: str = "",
    actor: Actor = SYSTEM,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Book the counts. `site` is for rows that name none; without it the only site there is.

    `read` rows are `taken` (nothing stood there before), `changed`, `unchanged` or `refused`; `report` tells of the
    refused ones.
    """
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        words = _Words(site, [(one.code, one.name) for one in (await every_site(tx)).values()])
    told: dict[str, Any] = {"read": 0, "taken": 0, "changed": 0, "unchanged": 0, "refused": 0, "report": []}
    asks = _asks(merchant, rows, words, at, actor, told)
    while batch := list(islice(asks, BATCH)):
        await _book(db, merchant, batch, told)
        progress(told["read"])
    return told


async def _book(db: Db, merchant: int, batch: list[Counted], told: dict[str, Any]) -> None:
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        keys = [ask.key for _, ask in batch]
        before = {row["key"] for row in await tx.rows(ASKED_BEFORE, [merchant], keys)}
    told["unchanged"] += len(before)
    new = [(row, ask) for row, ask in batch if ask.key not in before]
    for (row, _), answer in zip(new, await run(db, "adjust", [ask for _, ask in new]), strict=True):
        if isinstance(answer, Refusal):
            _refuse(told, row, answer.code, str(answer))
        else:
            told[_what_came(row, answer["quantity"])] += 1


def _what_came(row: CountedRow, difference: int) -> str:
    if not difference:
        return "unchanged"
    return "taken" if difference == row.quantity else "changed"


def _asks(
    merchant: int,
    rows: Iterable[CountedRow | UnreadRow],
    words: _Words,
    at: datetime,
    actor: Actor,
    told: dict[str, Any],
) -> Iterator[Counted]:
    seen: dict[tuple[str, str], set[tuple[str, str]]] = {}
    contents = _Contents()
    for row in rows:
        if not isinstance(row, CountedRow):
            told["read"] += row.rows
            told["refused"] += row.rows
            told["report"].append(_reported(row.file, row.line, row.column, row.reason, row.value))
            continue
        told["read"] += 1
        site = words.site(row.site)
        if site is None:
            _refuse(told, row, "site_unknown" if row.site else "site_missing", "which site is meant?", "site")
        elif not _is_new(seen.setdefault((row.sku, site), set()), (row.bin, row.lot)):
            _refuse(told, row, "counted_twice", "the file counts this SKU at this site twice; the first row counts")
        else:
            key = contents.key(merchant, row.file, row.line)
            yield row, Ask(merchant, _adjust(row, site), at, actor, key, key)


def _is_new(seen: set[tuple[str, str]], place: tuple[str, str]) -> bool:
    """A count of the whole site leaves nothing for a second row, nor does a bin for its second."""
    whole = ("", "")
    if place in seen or whole in seen or (place == whole and seen):
        return False
    seen.add(place)
    return True


def _adjust(row: CountedRow, site: str) -> Adjust:
    counted, available = (None, row.quantity) if row.available else (row.quantity, None)
    return Adjust(
        sku=row.sku, site=site, bin=row.bin, lot=row.lot, counted=counted, available=available, reason="import"
    )


def _refuse(told: dict[str, Any], row: CountedRow, reason: str, meaning: str, column: str = "sku") -> None:
    told["refused"] += 1
    value = row.site if column == "site" else row.sku
    told["report"].append(_reported(row.file, row.line, column, reason, value, meaning))


def _reported(file: str, line: int, column: str, reason: str, value: str, meaning: str = "") -> dict[str, Any]:
    return {"file": file, "line": line, "column": column, "reason": reason, "value": value, "meaning": meaning}


class _Words:
    """What a file calls a site: its code or its name."""

    def __init__(self, default: str, sites: list[tuple[str, str]]) -> None:
        self._default = default or (sites[0][0] if len(sites) == 1 else "")
        names: dict[str, list[str]] = {}
        for code, name in sites:
            names.setdefault(normalized(name), []).append(code)
        self._codes = {word: codes[0] for word, codes in names.items() if len(codes) == 1}
        self._codes |= {normalized(code): code for code, _ in sites}

    def site(self, word: str) -> str | None:
        return self._codes.get(normalized(word or self._default))


class _Contents:
    """Request keys: of what a file says and at which line, whatever the file is called."""

    def __init__(self) -> None:
        self._hashes: dict[str, bytes] = {}

    def key(self, merchant: int, file: str, line: int) -> bytes:
        if file not in self._hashes:
            self._hashes[file] = blake2b(_content(file), digest_size=16).digest()
        words = (b"stock", str(merchant).encode(), self._hashes[file], str(line).encode())
        return blake2b(b"\x00".join(words), digest_size=16).digest()


def _content(file: str) -> bytes:
    """What the file says; of `stock.xlsx#May` the workbook, and which sheet of it is meant."""
    place, within = file, ""
    while "#" in place and not Path(place).exists():
        place, _, last = place.rpartition("#")
        within = f"#{last}{within}"
    return Path(place).read_bytes() + within.encode(errors="surrogateescape")
