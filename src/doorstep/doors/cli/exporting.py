"""exporting: `export orders FILE` and its like: the books of a merchant as CSV or parquet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from doorstep.doors.cli.answer import Json, answer, note
from doorstep.doors.cli.session import Merchant, merchant_meant, progress, with_db

if TYPE_CHECKING:
    from doorstep.doors.exports.files import Format
    from doorstep.doors.exports.running import Narrowed, Target
    from doorstep.spine.tenant import Db

app = typer.Typer()

ALL, OUTPUT = "all", "-"
What = Literal["orders", "lines", "moves", "parcels", "cash", "invoices", "corrections", "stock", "all"]


@app.command("export")
def export(
    what: Annotated[What, typer.Argument(metavar="WHAT", show_default=False,
        help="orders, lines, moves, parcels, cash, invoices, corrections, stock; or all, a file of each.")],
    to: Annotated[Path, typer.Argument(metavar="FILE-OR-FOLDER", show_default=False,
        help="Ends in .csv, .csv.gz, .xlsx or .parquet; in a folder it is called as what it holds; - is the output.")],
    merchant: Merchant = "",
    format: Annotated[str, typer.Option("--format", metavar="csv|csv.gz|xlsx|parquet",
        help="For folders, and names that do not tell it: csv, csv.gz, xlsx or parquet.")] = "",
    from_: Annotated[str, typer.Option("--from", metavar="DAY", help="From this day on: 2010-03-01.")] = "",
    to_day: Annotated[str, typer.Option("--to", metavar="DAY", help="Before this day: the day after the last.")] = "",
    timezone: Annotated[str, typer.Option("--timezone", metavar="UTC", help="Where these days begin.")] = "UTC",
    channel: Annotated[str, typer.Option("--channel", metavar="KEY", help="Of this channel alone.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Write the books as files: whole, exact, all of one instant. docs/exporting.md tells the columns."""
    if str(to) == OUTPUT and json:
        raise typer.BadParameter("the rows go to the output, so that --json has no place there")
    targets = _targets(what, to, format)
    narrowed = _narrowed(what, from_, to_day, timezone, channel)

    async def work(db: Db) -> list[int]:
        from doorstep.doors.exports.running import export_books

        meant = await merchant_meant(db, merchant)
        with progress("rows", json) as tell:
            return await export_books(db, meant, targets, narrowed, force=force, tell=tell)

    told = _told(what, to, targets, with_db(work))
    if str(to) == OUTPUT:
        note(f"{told['rows']:,} rows.", json)
    else:
        answer(told, _lines(told), json)


# Where it goes


def _targets(what: str, to: Path, format: str) -> list[Target]:
    from doorstep.doors.exports.every import EXPORTS
    from doorstep.doors.exports.files import FORMATS
    from doorstep.doors.exports.running import Target

    if format and format not in FORMATS:
        raise typer.BadParameter(f"{format} is not csv, csv.gz, xlsx or parquet", param_hint="--format")
    if what == ALL:
        return _in_folder(to, list(EXPORTS.values()), format)
    if str(to) == OUTPUT:
        if format not in ("", "csv"):
            raise typer.BadParameter(f"{format} needs a file; the output is CSV", param_hint="--format")
        return [Target(EXPORTS[what], "csv", None)]
    if to.is_dir():
        return _in_folder(to, [EXPORTS[what]], format)
    return [Target(EXPORTS[what], _format(to, format), to.absolute())]


def _in_folder(folder: Path, exports: list[Any], format: str) -> list[Target]:
    """A file for each, called as what it holds; the folder is made if it is not there."""
    from doorstep.doors.exports.files import writing
    from doorstep.doors.exports.running import Target

    if str(folder) == OUTPUT or (folder.exists() and not folder.is_dir()):
        raise typer.BadParameter("all goes to a folder, a file for each", param_hint="FILE-OR-FOLDER")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    chosen: Any = format or "csv"
    return [Target(export, chosen, folder.absolute() / f"{export.name}.{chosen}") for export in exports]


def _format(to: Path, format: str) -> Format:
    from doorstep.doors.exports.files import format_of

    by_name = format_of(to)
    if format and by_name and format != by_name:
        raise typer.BadParameter(f"{to.name} is no name of a {format} file", param_hint="--format")
    chosen: Any = format or by_name
    if not chosen:
        hint = f"{to.name} ends in none of .csv, .csv.gz, .xlsx, .parquet: say --format"
        raise typer.BadParameter(hint, param_hint="FILE-OR-FOLDER")
    return chosen  # type: ignore[no-any-return]


# What of it


def _narrowed(what: str, from_: str, to_day: str, timezone: str, channel: str) -> Narrowed:
    from doorstep.doors.exports.every import EXPORTS
    from doorstep.doors.exports.running import Narrowed
    from doorstep.doors.reads.reports.asking import ReportQuery, period

    if what != ALL and not EXPORTS[what].is_narrowed and (from_ or to_day or channel):
        raise typer.BadParameter(f"{what} is what there is now: it knows no period and no channel")
    query = ReportQuery(from_=_day(from_, "--from"), to=_day(to_day, "--to"), timezone=timezone)
    begins, ends = period(query)
    return Narrowed(begins, ends, channel or None)


def _day(text: str, option: str) -> Any:
    from datetime import date

    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text} is no day; write 2026-03-02", param_hint=option) from None


# What came of it


def _told(what: str, to: Path, targets: list[Target], rows: list[int]) -> dict[str, Any]:
    files = [
        {"export": target.export.name, "rows": count, "file": str(target.path or OUTPUT), "format": target.format}
        for target, count in zip(targets, rows, strict=True)
    ]
    return {"rows": sum(rows), "folder": os.path.abspath(to), "files": files} if what == ALL else files[0]


def _lines(told: dict[str, Any]) -> str:
    return "\n".join(f"{file['file']}: {file['rows']:,} rows" for file in told.get("files", [told]))
