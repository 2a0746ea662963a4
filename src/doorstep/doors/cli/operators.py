"""operators: `setup FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import home, with_db

if TYPE_CHECKING:
    from doorstep.setup.operator import Loaded
    from doorstep.spine.tenant import Db

app = typer.Typer()


@app.command("setup")
def setup(
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
