"""processes: `up`, `down`, `status`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer, note, wait_for

app = typer.Typer()


@app.command("up")
def up(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, restart what dies, end everything on Ctrl-C.")
    ] = False,
    simulator: Annotated[
        bool, typer.Option("--simulator", help="Start the carrier and payment simulator too.")
    ] = False,
    json: Json = False,
) -> None:
    """Start database, web and worker, and say where the web is."""
    from doorstep.doors import supervisor
    from doorstep.kit import embedded
    from doorstep.kit import home as homes

    home = homes.home()
    names = (*(("simulator",) if simulator else ()), *supervisor.USUAL)
    applied = _database_up(json)
    before = homes.port_of(home, "web")
    states = supervisor.start(home, *names)
    web = next(state for state in states if state.name == "web")
    if before not in (None, web.port):
        note(f"Something else listens on port {before}: the web has another address from now on.", json)
    facts = {"home": str(home), "address": web.address, "migrations": applied, "running": [s.name for s in states]}
    link = wait_for(_first_link(str(web.address)))
    first = f"\nCome in, once, within the hour: {link}\nWhat comes first stands there, step by step." if link else ""
    answer(facts | ({"link": link} if link else {}), f"doorstep is up: {web.address}{first}", json)
    if foreground:
        supervisor.watch(home, names, mend_more=embedded.resolve_urls)
        _database_down(home)


async def _first_link(address: str) -> str:
    """The owner's way in, as long as nobody has another one."""
    from doorstep.doors.opening import open_db
    from doorstep.setup.people import is_untouched
    from doorstep.setup.sessions import issue_link

    async with open_db(size=1) as db:
        return f"{address.rstrip('/')}/in/{await issue_link(db)}" if await is_untouched(db) else ""


def _database_up(json: bool) -> list[str]:
    from doorstep.kit import embedded
    from doorstep.kit.migrate import migrate

    urls = embedded.resolve_urls()
    applied = wait_for(migrate(urls.owner))
    if applied:
        note(f"The database is ready ({len(applied)} migrations applied).", json)
    return applied


def _database_down(home: Path) -> bool:
    from doorstep.kit import embedded

    return embedded.external_urls() is None and embedded.stop(home)


@app.command("down")
def down(json: Json = False) -> None:
    """Stop web, worker and simulator, then the database."""
    from doorstep.doors import supervisor
    from doorstep.kit import home as homes

    home = homes.home()
    stopped = []
    if home.exists():
        stopped = [name for name in supervisor.PARTS if supervisor.stop(home, name)]
        stopped += ["database"] if _database_down(home) else []
    told = f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running."
    answer({"home": str(home), "stopped": stopped}, told, json)


@app.command("status")
def status(json: Json = False) -> None:
    """What runs, and where; starts nothing."""
    facts = look()
    if facts["database"]["running"]:
        facts["sealed"] = wait_for(_sealed())
    answer(facts, _told(facts), json)


def look() -> dict[str, Any]:
    from importlib.metadata import version

    from doorstep.doors import supervisor
    from doorstep.kit import home as homes

    home = homes.home()
    parts: dict[str, Any] = {}
    if home.exists():
        for name in supervisor.PARTS:
            found = supervisor.state(home, name)
            parts[name] = {**asdict(found), "address": found.address}
    return {
        "version": version("doorstep"),
        "home": str(home),
        "database": _database(home),
        **{name: parts.get(name, {"running": False}) for name in supervisor.PARTS},
    }


def _database(home: Path) -> dict[str, Any]:
    from doorstep.kit import embedded
    from doorstep.kit.embedded.settings import socket_folder

    if embedded.external_urls() is not None:
        return {"kind": "external", "running": wait_for(_reached())}
    is_running = embedded.running(home)
    made = (home / "postgres" / "PG_VERSION").exists()
    return {
        "kind": "embedded",
        "running": is_running,
        "pid": embedded.server_pid(home),
        "socket": str(socket_folder(home)) if made else None,
        "version": (home / "postgres" / "PG_VERSION").read_text("ascii").strip() if made else None,
    }


async def _reached() -> bool:
    """Whether the database that DATABASE_URL names answers."""
    import asyncpg

    from doorstep.kit import embedded

    try:
        connection = await asyncpg.connect(embedded.resolve_urls().app, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def _sealed() -> dict[str, Any] | None:
    """How far the audit of what comes in is behind; None where the tables are older than it."""
    import asyncpg

    from doorstep.kit import embedded
    from doorstep.spine.sealing import behind
    from doorstep.spine.tenant import Db

    urls = embedded.resolve_urls()
    try:
        db = await Db.open(urls.app, urls.router, size=1)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return None
    try:
        return (await behind(db)).as_json()
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await db.close()


def _told(facts: dict[str, Any]) -> str:
    lines = [f"doorstep {facts['version']}, home {facts['home']}"]
    for name in ("database", "web", "worker", "simulator"):
        part = facts[name]
        word = "not running" if not part["running"] else "running" if part.get("healthy", True) else "not answering"
        where = part.get("address") if part["running"] else None
        lines.append(f"  {name:<10} {word}{f', {where}' if where else ''}")
    if sealed := facts.get("sealed"):
        known = f", {sealed['known_broken']} broken things known" if sealed["known_broken"] else ""
        lines.append(f"  {'audit':<10} {sealed['seconds_behind']:g} s behind{known}")
    if not facts["web"]["running"]:
        lines.append("Start it: doorstep up")
    return "\n".join(lines)
