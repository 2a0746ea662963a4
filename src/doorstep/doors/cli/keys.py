"""keys: `key create`, `key list`, `key revoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Merchant, merchant_meant, reading, table, with_db

if TYPE_CHECKING:
    from doorstep.setup.keys import Key
    from doorstep.spine.tenant import Db, Tx

app = typer.Typer()

COLUMNS = {"id": "id", "prefix": "begins with", "name": "name", "scopes": "scopes", "created_at": "made",
           "used_at": "last used", "revoked_at": "ended"}  # fmt: skip


@app.callback()
def keys() -> None:
    """Keys by which programs use the API."""


@app.command("create")
def create(
    merchant: Merchant = "",
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "",
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="read, intake:write …; may be repeated. Else everything.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a key. It is shown this one time."""

    async def work(db: Db) -> tuple[str, Key]:
        from doorstep.kit import clock
        from doorstep.setup.keys import SCOPES, create_key

        meant = await merchant_meant(db, merchant)
        return await create_key(db, meant, clock.now(), name=name, scopes=scope or SCOPES)

    secret, key = with_db(work)
    facts = {"key": secret, **_plain(key)}
    answer(facts, f"{secret}\nKeep it: it is not shown again. It is called {key.id} here.", json)


@app.command("list")
def list_keys(merchant: Merchant = "", json: Json = False) -> None:
    """The merchant's keys; the keys themselves are not kept."""

    async def work(tx: Tx, meant: int) -> list[Key]:
        from doorstep.setup.keys import list_keys as read

        return await read(tx)

    found = [_plain(key) for key in reading(merchant, work)]
    rows = [{**row, "scopes": ", ".join(row["scopes"])} for row in found]
    answer({"keys": found}, table(rows, COLUMNS) if rows else "No keys yet: doorstep key create", json)


@app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id: key_12.")],
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """End a key: from now on it opens nothing."""

    async def work(db: Db) -> None:
        from doorstep.kit import clock
        from doorstep.setup.keys import revoke_key

        await revoke_key(db, [await merchant_meant(db, merchant)], key, clock.now())

    with_db(work)
    answer({"id": key, "revoked": True}, f"{key} opens nothing any more.", json)


def _plain(key: Key) -> dict[str, Any]:
    return {
        "id": key.id, "prefix": key.prefix, "name": key.name, "scopes": list(key.scopes),
        "created_at": key.created_at, "used_at": key.used_at, "revoked_at": key.revoked_at,
    }  # fmt: skip
