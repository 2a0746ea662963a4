"""database: `migrate`, `backup`, `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doorstep.doors.cli.answer import Json, answer, note, wait_for
from doorstep.kit.refusals import Refusal

if TYPE_CHECKING:
    from doorstep.spine.audit import Report

app = typer.Typer()


class NotEmbedded(Refusal):
    """doorstep keeps copies of its embedded database only; for your own server use that server's tools."""


class StillRunning(Refusal):
    """Web and worker use the database that is to be replaced; end them with `doorstep down` first."""


@app.command("migrate")
def migrate(
    only_pre: Annotated[
        bool, typer.Option("--only-pre", help="Stop before the first migration that takes something away.")
    ] = False,
    json: Json = False,
) -> None:
    """Apply the migrations that the database lacks."""
    from doorstep.kit import embedded
    from doorstep.kit.migrate import migrate as apply_missing

    applied = wait_for(apply_missing(embedded.resolve_urls().owner, only_pre=only_pre))
    told = "\n".join(f"applied {name}" for name in applied) or "The database was up to date."
    answer({"applied": applied}, told, json)


@app.command("backup")
def backup(file: Path, json: Json = False) -> None:
    """Write the whole database into FILE, while everything goes on."""
    from doorstep.kit import embedded

    home = _own_database()
    size_bytes = embedded.backup(home, file)
    told = f"{file} holds the whole database ({size_bytes / 1e6:.1f} MB). Keep it well: it holds addresses of buyers."
    answer({"file": str(file.absolute()), "size_bytes": size_bytes}, told, json)


@app.command("restore")
def restore(file: Path, json: Json = False) -> None:
    """Replace the database by what FILE holds, bring it up to date and audit it."""
    from doorstep.kit import embedded
    from doorstep.kit.migrate import migrate as apply_missing

    home = _own_database()
    _refuse_while_running(home)
    applied: list[str] = []
    embedded.restore(home, file, prepare=lambda draft: applied.extend(wait_for(apply_missing(draft.owner))))
    note("The database is restored; now the audit.", json)
    report = wait_for(_audit())
    facts = {"file": str(file.absolute()), "migrations": applied, "audit": report.as_json()}
    answer(facts, report.told(), json)
    if not report.ok:
        raise typer.Exit(1)


def _own_database() -> Path:
    from doorstep.kit import embedded
    from doorstep.kit import home as homes

    if embedded.external_urls() is not None:
        raise NotEmbedded
    return homes.home()


def _refuse_while_running(home: Path) -> None:
    from doorstep.doors import supervisor

    busy = [name for name in supervisor.PARTS if supervisor.state(home, name).running] if home.exists() else []
    if busy:
        raise StillRunning(running=" and ".join(busy))


async def _audit() -> Report:
    from doorstep.doors.opening import open_db
    from doorstep.spine.audit import audit

    async with open_db(size=2) as db:
        return await audit(db)
