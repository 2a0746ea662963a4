"""demo: `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from doorstep.doors.cli.answer import Json, answer, wait_for

app = typer.Typer()


@app.command("demo")
def demo(
    exit: Annotated[bool, typer.Option("--exit", help="End all processes afterwards; the data is kept.")] = False,
    orders: Annotated[int | None, typer.Option("--orders", min=9, help="Play so many of the sample's orders.")] = None,
    json: Json = False,
) -> None:
    """Play three shops through two weeks, tell what came of it, and leave the page open.

    It lives in DOORSTEP_HOME. Where a demo was interrupted it goes on; one that is over is told again.
    """
    import doorstep.doors.stages  # noqa: F401  (binds the verbs)
    from doorstep.doors.demo.running import play_demo
    from doorstep.doors.demo.show import Show, tables
    from doorstep.kit import home as homes

    home, show = homes.home(), Show(as_json=json)
    show.say("starting the database")
    try:
        played = wait_for(play_demo(home, show, orders))
    except BaseException:
        if exit:
            _end(home)
        raise
    if exit:
        _end(home)
    facts = {**played.facts, "audit": played.audit.as_json(), "link": None if exit else played.link, "home": str(home)}
    if not json:
        tables(facts, show.console)
        show.console.print(played.audit.told(), markup=False)
    answer(facts, _where(home, played.link, exit), json)
    if not played.audit.ok:
        raise typer.Exit(1)


def _where(home: Path, link: str, exit: bool) -> str:
    if exit:
        return f"Web, worker and database are ended. The data is kept in {home}: doorstep audit, doorstep up."
    return f"Look at it: {link}\n(the link works once; `doorstep down` ends everything, the data in {home} is kept)"


def _end(home: Path) -> None:
    from doorstep.doors import supervisor
    from doorstep.kit import embedded

    for name in ("web", "worker", "simulator"):
        supervisor.stop(home, name)
    if embedded.external_urls() is None:
        embedded.stop(home)
