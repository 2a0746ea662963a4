"""opening: open the files that a shop hands over: their format is named by a mapping, or known by its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files as package_files
from os import PathLike
from types import TracebackType

from doorstep.journey.intake.files.entries import Entry, Seen
from doorstep.journey.intake.files.from_file import entry_of
from doorstep.journey.intake.files.mapped import MappedFiles
from doorstep.journey.intake.files.mapping import Mapping, parse_mapping
from doorstep.journey.intake.files.shopify import ORDERS, read_orders, recognize
from doorstep.journey.intake.files.shopify_order import FileOrder
from doorstep.journey.intake.files.tables import BadRow, expand, open_table
from doorstep.kit.refusals import Refusal

FORMATS = "doorstep.journey.intake.files.formats"


class NotRecognized(Refusal):
    """The columns are of no format that is known. Say --mapping FILE; `doorstep import sniff` proposes one."""

    status = 422


@cache
def ready_mappings() -> tuple[Mapping, ...]:
    """The formats that come along, those with the most telling columns first."""
    found = [
        parse_mapping(file.read_bytes(), file.name)
        for file in sorted(package_files(FORMATS).iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    ]
    return tuple(sorted(found, key=lambda mapping: -len(mapping.recognize)))


def recognized(header: Sequence[str]) -> Mapping | None:
    """The ready mapping whose telling columns are all here."""
    names = {name.strip().casefold() for name in header}
    return next(
        (one for one in ready_mappings() if one.recognize and names >= {name.casefold() for name in one.recognize}),
        None,
    )


def open_source(
    paths: Sequence[str | PathLike[str]], *, mapping: Mapping | None, currency: str, timezone: str, channel: str,
    history: bool,
) -> ShopifyFiles | MappedFiles:  # fmt: skip
    """The files as a source of entries. Refuses NotReadable, NotRecognized, and what a mapping gets wrong."""
    if mapping is None:
        files, _ = expand(paths)
        headers = [open_table(file).header for file in files]
        if any(recognize(header) == ORDERS for header in headers):
            return ShopifyFiles(paths, currency=currency, timezone=timezone, channel=channel, history=history)
        mapping = next((found for header in headers if (found := recognized(header)) is not None), None)
        if mapping is None:
            raise NotRecognized(file=str(files[0]), columns=", ".join(headers[0][:20]))
    return MappedFiles(
        mapping, paths, currency=currency, timezone=timezone, channel=channel, history=history
    )  # fmt: skip


class ShopifyFiles:
    """Shopify order exports, which have a reader of their own."""

    read_twice = False  # its reader surveys the files by itself, and an export says nothing of where goods stood

    def __init__(
        self, paths: Sequence[str | PathLike[str]], *, currency: str, timezone: str, channel: str, history: bool
    ) -> None:
        self._options = {"currency": currency, "timezone": timezone, "channel": channel}
        self._paths, self._history = paths, history
        self._seen = Seen()

    def __enter__(self) -> ShopifyFiles:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    @property
    def currency(self) -> str:
        """What the files' first order was sold in."""
        found = (row.order.currency for row in self._orders() if isinstance(row, FileOrder))
        return next(found, self._options["currency"])

    def load(self, seen: Seen) -> Iterator[BadRow]:
        """Nothing ahead: its reader surveys the files by itself."""
        self._seen = seen
        return iter(())

    def entries(self) -> Iterator[Entry | BadRow]:
        for row in self._orders():
            self._seen.add(row.rows)
            yield row if isinstance(row, BadRow) else entry_of(row, history=self._history)

    def _orders(self) -> Iterator[FileOrder | BadRow]:
        return read_orders(self._paths, **self._options)
