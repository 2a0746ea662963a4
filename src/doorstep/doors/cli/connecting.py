"""connecting: `connect carrier`, `connect payments`, `connect sms`, `connect list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.merchants import read_json
from doorstep.doors.cli.session import Merchant, home, merchant_meant, reading, table, with_db

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db, Tx

app = typer.Typer()

COLUMNS = {"kind": "kind", "code": "code", "plugin": "plugin", "secret": "secret"}
Code = Annotated[str, typer.Argument(metavar="CODE", help="What you call this account.")]
Plugin = Annotated[str, typer.Option("--plugin", help="Which plugin talks to it: ratecard, simcarrier, simpay …")]
Settings = Annotated[
    str, typer.Option("--settings", metavar="JSON", help="The plugin's settings, its secrets too: JSON or @FILE.")
]
UNHEARD = (
    "DOORSTEP_URL is not set here. Unless it is where web and worker run, the gateway cannot tell whether a text came: "
    "each counts as sent."
)


@app.callback()
def connect() -> None:
    """Accounts with carriers, payment providers and gateways. What is secret in the settings is kept sealed."""


@app.command("carrier")
def carrier(code: Code, plugin: Plugin, settings: Settings = "{}", merchant: Merchant = "", json: Json = False) -> None:
    """Add an account with a carrier, or set it anew. Nobody outside is asked."""
    _connect("carrier", code, plugin, settings, merchant, json)


@app.command("payments")
def payments(
    code: Code, plugin: Plugin, settings: Settings = "{}", merchant: Merchant = "", json: Json = False
) -> None:
    """Add an account with a payment provider, or set it anew. Nobody outside is asked."""
    _connect("payments", code, plugin, settings, merchant, json)


@app.command("sms")
def sms(
    code: Code,
    plugin: Annotated[str, typer.Option("--plugin", help="Which plugin talks to it: twilio …")] = "twilio",
    settings: Settings = "{}",
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Add an account with a gateway for text messages, or set it anew. Nobody outside is asked.

    That a text came, or did not, the gateway tells to DOORSTEP_URL.
    """
    _connect("sms", code, plugin, settings, merchant, json)


def _connect(kind: str, code: str, plugin: str, settings: str, merchant: str, json: bool) -> None:
    config = read_json(settings)
    if not isinstance(config, dict):
        raise typer.BadParameter("--settings must be a JSON object")

    async def work(db: Db) -> bool:
        from doorstep.kit.secrets import keyring
        from doorstep.setup.connections import connect

        meant = await merchant_meant(db, merchant)
        return await connect(db, keyring(home()), meant, kind, plugin=plugin, code=code, config=config)

    is_new = with_db(work)
    told = f"The account {code} with {plugin} {'is there' if is_new else 'is set anew'}."
    came = {"kind": kind, "code": code, "plugin": plugin, "new": is_new}
    if kind == "sms":
        from doorstep.setup.receipts import are_unheard

        came["receipts"] = not are_unheard(plugin)
        told += "" if came["receipts"] else f"\n{UNHEARD}"
    answer(came, told, json)


@app.command("list")
def list_connections(merchant: Merchant = "", json: Json = False) -> None:
    """The merchant's accounts; secrets are not shown."""

    async def work(tx: Tx, meant: int) -> list[dict[str, Any]]:
        from dataclasses import asdict

        from doorstep.setup.connections import connections

        return [asdict(one) for one in await connections(tx, meant)]

    found = reading(merchant, work)
    rows = [{**one, "secret": "sealed" if one["has_secret"] else ""} for one in found]
    answer({"connections": found}, table(rows, COLUMNS) if rows else "No accounts yet: doorstep connect carrier", json)
