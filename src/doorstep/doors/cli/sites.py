"""sites: `site add`, `site set`, `site list`."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.merchants import read_json
from doorstep.doors.cli.session import NoMerchantYet, table, with_db

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db

app = typer.Typer()

COLUMNS = {"code": "code", "name": "name", "country": "country", "timezone": "timezone", "cut_off": "cut-off",
           "weekdays": "weekdays", "capacity": "capacity"}  # fmt: skip


Name = Annotated[str, typer.Option("--name")]
Timezone = Annotated[str, typer.Option("--timezone", metavar="America/New_York")]
CutOff = Annotated[str, typer.Option("--cut-off", metavar="15:00", help="Ready then leaves today.")]
Weekdays = Annotated[str, typer.Option("--weekdays", help="Days it ships on, 1 = Monday.")]
Capacity = Annotated[int | None, typer.Option("--capacity", min=1, help="Orders it sends a day; else as many as come.")]
Address = Annotated[
    str, typer.Option("--address", metavar="JSON", help='{"line1": …, "city": …, "postcode": …} or @FILE.')
]
Latitude = Annotated[float | None, typer.Option("--latitude", min=-90, max=90)]
Longitude = Annotated[float | None, typer.Option("--longitude", min=-180, max=180)]


@app.callback()
def sites() -> None:
    """Where goods stand and leave from: the operator's, for every merchant."""


@app.command("add")
def add(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Capital letters, digits and hyphens: EWR.")],
    country: Annotated[str, typer.Option("--country", metavar="US")],
    name: Name = "",
    timezone: Timezone = "UTC",
    cut_off: CutOff = "14:00",
    weekdays: Weekdays = "1,2,3,4,5",
    capacity: Capacity = None,
    address: Address = "{}",
    latitude: Latitude = None,
    longitude: Longitude = None,
    json: Json = False,
) -> None:
    """Add a site."""
    from doorstep.setup.merchants import NewSite

    place = (_address(address), latitude, longitude, timezone, _time(cut_off), _days(weekdays), capacity)
    new = NewSite(code, name or code, country, *place)

    async def work(db: Db) -> int:
        from doorstep.setup.merchants import add_site

        return await add_site(db, await _anybody(db), new)

    with_db(work)
    answer({"code": code}, f"Site {code} is there.", json)


@app.command("set")
def set_site(
    code: Annotated[str, typer.Argument(metavar="CODE")],
    country: Annotated[str | None, typer.Option("--country", metavar="US")] = None,
    name: Name | None = None,
    timezone: Timezone | None = None,
    cut_off: CutOff | None = None,
    weekdays: Weekdays | None = None,
    capacity: Capacity = None,
    address: Address | None = None,
    latitude: Latitude = None,
    longitude: Longitude = None,
    json: Json = False,
) -> None:
    """Change what is given, leave the rest. What was promised before keeps its dates."""
    given = {
        "country": country, "name": name, "timezone": timezone, "capacity": capacity, "latitude": latitude,
        "longitude": longitude, "address": _address(address) if address is not None else None,
        "cut_off": _time(cut_off) if cut_off is not None else None,
        "weekdays": _days(weekdays) if weekdays is not None else None,
    }  # fmt: skip
    to = {field: value for field, value in given.items() if value is not None}

    async def work(db: Db) -> None:
        from dataclasses import fields

        from doorstep.doors.reads.setup import whole_site
        from doorstep.setup.merchants import NewSite, change_site
        from doorstep.spine.tenant import tenant_tx

        async with tenant_tx(db, [], readonly=True) as tx:
            known = await whole_site(tx, code)
        whole = {field.name: known[field.name] for field in fields(NewSite)} | to
        await change_site(db, await _anybody(db), NewSite(**whole))

    if to:
        with_db(work)
    answer({"code": code, "changed": list(to)}, f"Changed: {', '.join(to) or 'nothing'}.", json)


async def _anybody(db: Db) -> int:
    """Sites are nobody's in particular: whoever's wall, the transaction needs one."""
    everyone = await db.everyone()
    if not everyone:
        raise NoMerchantYet
    return int(everyone[0])


def _address(text: str) -> dict[str, Any]:
    """Its fields by their names: a street under another name would stand on no label."""
    from doorstep.doors.http.setting_up import SiteAddress
    from doorstep.doors.http.shapes import faults

    address: dict[str, Any] = read_json(text)
    if found := faults(SiteAddress, address):
        told = "; ".join(f"{fault.pointer.lstrip('/')} {fault.detail}".strip() for fault in found)
        raise typer.BadParameter(
            f"{told}. It may have {', '.join(SiteAddress.__struct_fields__)}", param_hint="--address"
        )
    return address


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
