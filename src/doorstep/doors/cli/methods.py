"""methods: `method add`, `method list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Merchant, builtins_of, reading, table, writing

if TYPE_CHECKING:
    from doorstep.spine.tenant import Tx

app = typer.Typer()

COLUMNS = {"name": "name", "level": "level", "carrier": "carrier", "days_min": "from days", "days_max": "to days"}


@app.callback()
def methods() -> None:
    """What channels call the ways to ship, and which service level that is."""


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the channel writes it: 'Express'.")],
    merchant: Merchant = "",
    level: Annotated[str, typer.Option("--level", help="standard, express, economy …")] = "standard",
    carrier: Annotated[str, typer.Option("--carrier", help="An account's code; else the cheapest.")] = "",
    days_min: Annotated[int, typer.Option("--days-min", help="Working days in transit, at least.")] = 2,
    days_max: Annotated[int, typer.Option("--days-max", help="Working days in transit, at most.")] = 7,
    json: Json = False,
) -> None:
    """Say what a way to ship means; one of that name is set anew."""

    async def work(tx: Tx, meant: int) -> None:
        from doorstep.setup.catalog import put_method

        await put_method(tx, meant, name, level=level, carrier=carrier, days_min=days_min, days_max=days_max)

    writing(merchant, work)
    by = f"by {carrier}" if carrier else "by the cheapest carrier"
    told = f"{name!r} is kept: {level}, {days_min} to {days_max} working days, {by}."
    answer({"name": name, "level": level}, told, json)


@app.command("list")
def list_methods(merchant: Merchant = "", json: Json = False) -> None:
    """The merchant's ways to ship."""

    async def work(tx: Tx, meant: int) -> Any:
        from doorstep.doors.reads.setup import methods as read

        return await read(tx, meant)

    found = builtins_of(reading(merchant, work))
    rows = found["shipping_methods"]
    answer(found, table(rows, COLUMNS) if rows else "No shipping methods yet: doorstep method add", json)
