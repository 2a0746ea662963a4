"""operators: `setup FILE`, `setup load`, `setup lists`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import home, table, with_db

if TYPE_CHECKING:
    from doorstep.setup.customs.loading import Loaded as LoadedList
    from doorstep.setup.operator import Loaded
    from doorstep.spine.tenant import Db

OPERATION = "operation"


class FileFirst(TyperGroup):
    """`setup FILE` is `setup operation FILE`: what is no command is a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = next((word for word in args if not word.startswith("-")), "")
        return super().parse_args(ctx, [OPERATION, *args] if first and first not in self.commands else args)


app = typer.Typer(cls=FileFirst)

# As in setup/customs/lists.py, which is not loaded for the help.
ListKind = Literal[
    "hs-codes", "duty-rates", "country-rules", "restrictions", "exchange-rates", "denied-parties", "postcodes"
]  # fmt: skip
COLUMNS = {"kind": "list", "as_of": "as of", "sample": "sample", "source": "source"}


@app.callback()
def operators() -> None:
    """An operation from one file, and the lists that it works by: customs rules, and where postcodes lie."""


@app.command(OPERATION)
def operation(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON: operator, sites, carriers, merchants.")],
    json: Json = False,
) -> None:
    """Set up sites, merchants, ways to ship and carriers from one file; as often as you like."""
    from doorstep.doors import supervisor

    simulator = supervisor.state(home(), "simulator")

    async def work(db: Db) -> Loaded:
        from doorstep.kit.secrets import keyring
        from doorstep.setup.operator import load_operator

        address = simulator.address if simulator.running else ""
        return await load_operator(db, file, keyring(home()), simulator=address or "")

    loaded = with_db(work)
    merchants = sorted(loaded.merchants)
    answer({"merchants": merchants}, f"Set up for {', '.join(merchants) or 'no merchant'}.", json)


@app.command("load")
def load(
    kind: Annotated[ListKind, typer.Argument(metavar="KIND", help="hs-codes, denied-parties, postcodes …")],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="CSV in UTF-8.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="The sample that comes with doorstep.")] = False,
    as_of: Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Of which day it is.")] = None,
    source: Annotated[str, typer.Option("--source", help="Where it is from.")] = "",
    json: Json = False,
) -> None:
    """Load a list, all of it or nothing; one of the same day is replaced."""
    if (file is None) != sample:
        raise typer.BadParameter("say a FILE, or --sample")

    async def work(db: Db) -> LoadedList:
        from doorstep.kit import clock
        from doorstep.setup.customs.loading import load_list
        from doorstep.setup.customs.loading import sample as sample_of

        day: date | None = as_of.date() if as_of else None
        return await load_list(db, kind, file or sample_of(kind), at=clock.now(), by="cli", as_of=day, source=source)

    import msgspec

    loaded = with_db(work)
    answer(msgspec.to_builtins(loaded), _told(loaded), json)


@app.command("lists")
def lists(json: Json = False) -> None:
    """The lists in force, of which day and from where."""

    async def work(db: Db) -> Any:
        from doorstep.doors.reads.customs import rule_lists
        from doorstep.kit import clock
        from doorstep.spine.tenant import tenant_tx

        async with tenant_tx(db, [], readonly=True) as tx:
            return await rule_lists(tx, clock.now().date())

    import msgspec

    found = msgspec.to_builtins(with_db(work))
    rows = [{**one, "sample": "yes" if one["is_sample"] else ""} for one in found["lists"]]
    answer(found, table(rows, COLUMNS) if rows else "No lists yet: doorstep setup load hs-codes FILE", json)


def _told(loaded: LoadedList) -> str:
    sample = ", a sample that proves nothing" if loaded.is_sample else ""
    before = f" against the list of {loaded.replaces}" if loaded.replaces else ""
    counts = (
        (loaded.added, "new"),
        (loaded.changed, "changed"),
        (loaded.removed, "gone"),
        (loaded.unchanged, "the same"),
    )
    lines = [
        f"{loaded.kind} as of {loaded.as_of}{sample}: {loaded.rows:,} rows.",
        f"{', '.join(f'{count:,} {what}' for count, what in counts)}{before}.",
    ]
    if loaded.replaces and loaded.examples:
        lines.append(f"Such as: {', '.join(loaded.examples)}")
    if loaded.rechecked:
        lines.append(f"{loaded.rechecked:,} orders are checked again.")
    return "\n".join(lines)
