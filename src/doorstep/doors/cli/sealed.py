"""sealed: `secrets list`, `secrets rotate`, `secrets forget`, `secrets new-key`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import builtins_of, home, progress, table, with_db

if TYPE_CHECKING:
    from doorstep.setup.rotating import Kept, Rotated
    from doorstep.spine.tenant import Db

app = typer.Typer()

COLUMNS = {"key": "key", "secrets": "secrets", "told": ""}


@app.callback()
def sealed() -> None:
    """What carriers, providers and gateways gave you, webhooks' secrets and people's second factors lie sealed in the
    database; the key lies in the home or in DOORSTEP_SECRET_KEY."""


@app.command("list")
def list_keys(json: Json = False) -> None:
    """The keys by name, the current one first, and how many secrets each seals. The keys themselves are not shown."""

    async def work(db: Db) -> Kept:
        from doorstep.kit.secrets import keyring
        from doorstep.setup.rotating import kept

        return await kept(db, keyring(home()))

    found = with_db(work)
    told = {found.current: "current", **dict.fromkeys(found.gone, "not here any more")}
    rows = [
        {"key": key, "secrets": count, "told": told.get(key, "")} for key, count in {**found.keys, **found.gone}.items()
    ]
    answer(builtins_of(found), table(rows, COLUMNS), json)


@app.command("rotate")
def rotate(json: Json = False) -> None:
    """Make a new key and seal everything anew with it. May be stopped at any time: run again, it goes on."""

    async def work(db: Db) -> Rotated:
        from doorstep.kit import clock
        from doorstep.setup.rotating import rotate

        with progress("secrets", json) as tell:
            return await rotate(db, home(), clock.now(), tell)

    done = with_db(work)
    made = f"The key is {done.key} now" if done.is_new else f"What was left behind the key {done.key} has caught up"
    answer(builtins_of(done), f"{made}; {done.moved:,} secrets were sealed anew. Older keys still open.", json)


@app.command("forget")
def forget(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its name, as secrets list tells it.")], json: Json = False
) -> None:
    """End an old key that seals nothing any more. Links to tracking pages that it signed open nothing after that."""

    async def work(db: Db) -> None:
        from doorstep.kit import clock
        from doorstep.setup.rotating import forget

        await forget(db, home(), key, clock.now())

    with_db(work)
    answer({"key": key, "forgotten": True}, f"{key} opens nothing any more. Start web and worker anew.", json)


@app.command("new-key")
def new_key(json: Json = False) -> None:
    """Print a key to put first into DOORSTEP_SECRET_KEY, before the one that is there. Nothing is changed by it."""
    from doorstep.kit import secrets

    fresh = secrets.new_key()
    answer({"key": fresh}, fresh, json)
