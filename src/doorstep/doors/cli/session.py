"""session: what most commands need: the database, opened and up to date, and the merchant that is meant."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer

from doorstep.doors.cli.answer import wait_for
from doorstep.kit.refusals import NotFound, Refusal

if TYPE_CHECKING:
    from doorstep.spine.outcome import Actor
    from doorstep.spine.tenant import Db, Tx

T = TypeVar("T")

Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="So many on a page.")]
Cursor = Annotated[str, typer.Option("--cursor", help="Where the page before ended: its `next`.")]
Merchant = Annotated[
    str,
    typer.Option(
        "--merchant",
        metavar="KEY",
        envvar="DOORSTEP_MERCHANT",
        help="Whose it is; may be left out while there is one merchant only.",
        show_envvar=False,
    ),
]
_ORDER_ID = re.compile(r"ord_[1-9][0-9]{0,17}", re.ASCII)

MERCHANTS = """
select m.merchant_id, m.key, m.is_operator from merchant m where m.merchant_id = any($1)
  order by m.is_operator, m.key limit 11
"""


class NoMerchantYet(Refusal):
    """There is no merchant yet, and everything is some merchant's: add the first one."""

    status = 422


class WhichMerchant(Refusal):
    """Say which merchant is meant: --merchant KEY."""

    status = 422


class NotWritten(Refusal):
    """This file cannot be written."""

    status = 422


class SeveralOrders(Refusal):
    """Several orders are called so; say its id."""

    status = 422


def with_db(work: Callable[[Db], Awaitable[T]], size: int = 4) -> T:
    """Run this with the database open; the embedded server is started if need be."""

    async def opened() -> T:
        from doorstep.doors.opening import open_db

        async with open_db(size=size) as db:
            return await work(db)

    return wait_for(opened())


def reading(merchant: str, work: Callable[[Tx, int], Awaitable[T]]) -> T:
    """What is read of the merchant that is meant."""
    return _with_tx(merchant, work, readonly=True)


def writing(merchant: str, work: Callable[[Tx, int], Awaitable[T]]) -> T:
    """One change of the merchant that is meant."""
    return _with_tx(merchant, work, readonly=False)


def _with_tx(merchant: str, work: Callable[[Tx, int], Awaitable[T]], *, readonly: bool) -> T:
    async def in_tx(db: Db) -> T:
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_meant(db, merchant)
        async with tenant_tx(db, [meant], readonly=readonly) as tx:
            return await work(tx, meant)

    return with_db(in_tx)


async def merchant_meant(db: Db, key: str) -> int:
    """The merchant of the key; without one the only merchant there is, beside an operator or both in one.

    Refuses UnknownMerchant, NoMerchantYet, WhichMerchant.
    """
    from doorstep.setup.merchants import merchant_of
    from doorstep.spine.tenant import tenant_tx

    if key:
        return await merchant_of(db, key)
    everyone = await db.everyone()
    async with tenant_tx(db, everyone, readonly=True) as tx:
        found = await tx.rows(MERCHANTS, everyone)
    meant = [row for row in found if not row["is_operator"]] or found
    if not meant:
        raise NoMerchantYet
    if len(meant) > 1:
        raise WhichMerchant(merchants=[row["key"] for row in meant[:10]] + ["…"] * (len(meant) > 10))
    return int(meant[0]["merchant_id"])


async def merchant_searched(db: Db, key: str) -> int:
    """As `merchant_meant`, for who looks for orders: where no worker feeds what finds them, that is done first."""
    from doorstep.doors import supervisor
    from doorstep.doors.worker import finding
    from doorstep.kit.home import home

    meant = await merchant_meant(db, key)
    if not supervisor.state(home(), "worker").running:
        await finding.FOLLOWER.once(db, [meant])
    return meant


async def order_meant(tx: Tx, merchant: int, word: str) -> str:
    """The id of the order that is called so: by its id, its number, or what the channel calls it."""
    from doorstep.doors.reads.orders import orders_called

    if _ORDER_ID.fullmatch(word):
        return word
    found = await orders_called(tx, merchant, word)
    if not found:
        raise NotFound(order=word)
    if len(found) > 1:
        raise SeveralOrders(number=word, orders=", ".join(found))
    return found[0]


def commander() -> Actor:
    """Whoever may run commands on this machine is its owner."""
    from doorstep.spine.outcome import SYSTEM, Actor

    return Actor("cli", SYSTEM.roles - {"system"})


@contextmanager
def progress(title: str, as_json: bool) -> Iterator[Callable[..., None]]:
    """Shows how many are done, how fast, and of a known whole the time left, for a person who looks on."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    shown = not as_json and console.is_terminal
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24),
        TextColumn("{task.fields[told]}"), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task(title, total=None, told="")

        def tell(done: int, of: int | None = None, what: str = "") -> None:
            whole = f"{done:,} of {of:,}" if of else f"{done:,}"
            speed = bar.tasks[0].speed
            told = f"{whole}  {speed:,.0f}/s" if speed else whole
            bar.update(task, completed=done, total=of, description=what or title, told=told)

        yield tell


def page_told(page: dict[str, Any], rows: list[dict[str, Any]], columns: dict[str, str], none: str) -> str:
    """A page as a table, and how to get the next; `none` is said where nothing is on it."""
    told = table(rows, columns) if rows else none
    return f"{told}\nMore: add --cursor {page['next']}" if page["next"] else told


def table(rows: list[dict[str, Any]], columns: dict[str, str]) -> str:
    """The rows as a table, as wide as the terminal; `columns` are their names and headings."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for heading in columns.values():
        drawn.add_column(heading, overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(row.get(name)) for name in columns))
    console = Console(width=None if sys.stdout.isatty() else 200)
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())


def _cell(value: Any) -> Any:
    from datetime import datetime

    from rich.text import Text

    if isinstance(value, datetime):
        return Text(f"{value:%Y-%m-%d %H:%M}")
    return Text("" if value is None else str(value))


def query_of(asked: dict[str, Any], kind: Any) -> Any:
    """The filters as the reader takes them; a value that is none of its list was asked wrongly."""
    import msgspec

    try:
        return msgspec.convert(asked, kind)
    except msgspec.ValidationError as error:
        told, _, name = str(error).partition(" - at `$.")
        name = name.rstrip("`")
        raise typer.BadParameter(_as_asked(told, asked.get(name), kind, name), param_hint=_option(name)) from None


def _as_asked(told: str, value: Any, kind: Any, name: str) -> str:
    """What would do instead."""
    if "RFC3339" in told:
        return f"{value} is no day; write 2026-03-01"
    if "enum" in told:
        words = {str(word) for word in _words_of(get_type_hints(kind)[name])}
        return f"{value!r} is none of {', '.join(sorted(words))}"
    return told


def _words_of(annotation: Any) -> Iterator[Any]:
    """Those of every literal in it."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for part in get_args(annotation):
            yield from _words_of(part)


def _option(name: str) -> str | None:
    return f"--{name.replace('_', '-')}" if name else None


def builtins_of(value: Any) -> Any:
    """Plain dictionaries and lists of what a read answers."""
    import msgspec

    return msgspec.to_builtins(value)


def write_file(file: Path, content: bytes) -> None:
    """Refuses NotWritten, with the reason: no such folder, a disk that is full or may only be read."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise NotWritten(file=str(file), reason=error.strerror or str(error)) from None


def home() -> Path:
    from doorstep.kit import home as homes

    return homes.prepare(homes.home())
