"""sites: `site add`, `site list`."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.merchants import read_json
from doorstep.doors.cli.session import table, with_db
from doorstep.kit.refusals import Refusal

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db

app = typer.Typer()

COLUMNS = {"code": "code", "name": "name", "country": "country", "timezone": "timezone", "cut_off": "cut-off",
           "weekdays": "weekdays", "capacity": "capacity"}  # fmt: skip


class NoMerchantYet(Refusal):
    """A site is somebody's: add the first merchant (the operator) before."""


@app.callback()
def sites() -> None:
    """Where goods stand and leave from: the operator's, for every merchant."""


@app.command("add")
def add(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Capital letters, digits and hyphens: EWR.")],
    country: Annotated[str, typer.Option("--country", metavar="US")],
    name: Annotated[str, typer.Option("--name")] = "",
    timezone: Annotated[str, typer.Option("--timezone", metavar="America/New_York")] = "UTC",
    cut_off: Annotated[str, typer.Option("--cut-off", metavar="15:00", help="Ready then leaves today.")] = "14:00",
    weekdays: Annotated[str, typer.Option("--weekdays", help="Days it ships on, 1 = Monday.")] = "1,2,3,4,5",
    capacity: Annotated[
        int | None, typer.Option("--capacity", min=1, help="Orders it sends a day; else as many as come.")
    ] = None,
    address: Annotated[
        str, typer.Option("--address", metavar="JSON", help='{"line1": …, "city": …, "postcode": …} or @FILE.')
    ] = "{}",
    latitude: Annotated[float | None, typer.Option("--latitude", min=-90, max=90)] = None,
    longitude: Annotated[float | None, typer.Option("--longitude", min=-180, max=180)] = None,
    json: Json = False,
) -> None:
    """Add a site."""
    from doorstep.setup.merchants import NewSite

    new = NewSite(
        code,
        name or code,
        country,
        read_json(address),
        latitude,
        longitude,
        timezone,
        _time(cut_off),
        _days(weekdays),
        capacity,
    )

    async def work(db: Db) -> int:
        from doorstep.setup.merchants import add_site

        everyone = await db.everyone()
        if not everyone:
            raise NoMerchantYet
        return await add_site(db, everyone[0], new)

    with_db(work)
    answer({"code": code}, f"Site {code} is there.", json)


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no time of day; write 15:00") from None


def _days(text: str) -> tuple[int, ...]:
    days = [part.strip() for part in text.split(",")]
    if not days or any(day not in "1234567" or len(day) != 1 for day in days):
        raise typer.BadParameter(f"{text} are no weekdays; write 1,2,3,4,5")
    return tuple(sorted({int(day) for day in days}))


@app.command("capacity")
def capacity(
    code: Annotated[str, typer.Argument(metavar="CODE")],
    orders: Annotated[int, typer.Argument(metavar="ORDERS", min=0, help="A day; 0: as many as come.")],
    json: Json = False,
) -> None:
    """How many orders a site sends a day: dates that are named from now on stand behind its queue."""

    async def work(db: Db) -> None:
        from doorstep.setup.sites import set_capacity
        from doorstep.spine.tenant import tenant_tx

        async with tenant_tx(db, []) as tx:
            await set_capacity(tx, code, orders or None)

    with_db(work)
    answer({"code": code, "capacity": orders or None}, f"Site {code} sends {orders or 'as many as come'} a day.", json)


@app.command("list")
def list_sites(json: Json = False) -> None:
    """All sites."""

    async def work(db: Db) -> list[dict[str, Any]]:
        import msgspec

        from doorstep.doors.reads.setup import sites as read
        from doorstep.spine.tenant import tenant_tx

        async with tenant_tx(db, [], readonly=True) as tx:
            found: list[dict[str, Any]] = msgspec.to_builtins(await read(tx))["sites"]
            return found

    found = with_db(work)
    rows = [{**site, "weekdays": ",".join(str(day) for day in site["weekdays"])} for site in found]
    answer({"sites": found}, table(rows, COLUMNS) if rows else "No sites yet: doorstep site add", json)
