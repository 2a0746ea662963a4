"""loads: `loads list`, `show`, `open`, `put`, `take`, `close`, `reopen`, `tell`, `numbers`: what parcels travel in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Limit, Merchant, builtins_of, commander, merchant_meant, table, with_db
from doorstep.kit.refusals import Refusal

if TYPE_CHECKING:
    from doorstep.doors.reads.loads import LoadPage, LoadWhole
    from doorstep.spine.tenant import Db

app = typer.Typer(no_args_is_help=True)

Kind = Literal["bag", "pallet", "flight", "entry"]
LoadWord = Annotated[str, typer.Argument(metavar="LOAD", help="Its number, as printed on it, or its id.")]
ItemWords = Annotated[list[str], typer.Argument(metavar="ITEM", help="Tracking numbers, numbers of loads, ids.")]
When = Annotated[str, typer.Option("--at", metavar="TIME", help="When it happened, if not now: 2026-11-29T12:00Z.")]

COLUMNS = {"number": "number", "kind": "kind", "open": "", "parcels": "parcels", "loads": "loads", "kg": "kg",
           "way": "way", "state": "last", "id": "id"}  # fmt: skip
OPERATORS = "select m.merchant_id from merchant m where m.merchant_id = any($1) and m.is_operator order by 1 limit 1"


class NotNumbers(Refusal):
    """This file does not tell numbers: its first line names the columns item and number, perhaps carrier and leg."""

    status = 422


@app.callback()
def loads() -> None:
    """What parcels travel in: bags, pallets, flights, customs entries."""


async def _whose(db: Db, key: str) -> int:
    """Loads are the operator's, where there is one."""
    from doorstep.spine.tenant import tenant_tx

    if not key:
        everyone = await db.everyone()
        async with tenant_tx(db, everyone, readonly=True) as tx:
            if rows := await tx.rows(OPERATORS, everyone):
                return int(rows[0]["merchant_id"])
    return await merchant_meant(db, key)


def _ask(verb: str, merchant: str, json: bool, load: str = "", **body: Any) -> None:
    """Ask the verb of a load, named however, and tell its answer."""

    async def work(db: Db) -> dict[str, Any]:
        import msgspec

        import doorstep.doors.stages  # noqa: F401  (binds the verbs)
        from doorstep.doors.reads.loads import load_called
        from doorstep.kit import clock
        from doorstep.kit.ids import public
        from doorstep.spine.outcome import Ask
        from doorstep.spine.runner import run_one
        from doorstep.spine.tenant import tenant_tx
        from doorstep.spine.verbs import VERBS

        whose = await _whose(db, merchant)
        given = {name: value for name, value in body.items() if value not in ("", None)}
        if load:
            async with tenant_tx(db, [whose], readonly=True) as tx:
                given["load"] = public("lod", (await load_called(tx, [whose], load))["load_id"])
        try:
            asked = msgspec.convert(given, VERBS[verb].body, strict=False)
        except msgspec.ValidationError as error:
            raise typer.BadParameter(str(error)) from None
        return await run_one(db, verb, Ask(whose, asked, clock.now(), commander()))

    told = with_db(work)
    answer(told, ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items()), json)


@app.command("list")
def list_loads(
    kind: Annotated[Kind | None, typer.Option("--kind")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    limit: Limit = 50,
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """The newest first."""

    async def work(db: Db) -> LoadPage:
        import msgspec

        from doorstep.doors.reads.loads import LoadQuery
        from doorstep.doors.reads.loads import loads as read
        from doorstep.spine.tenant import tenant_tx

        whose = await _whose(db, merchant)
        given = {"kind": kind, "open": True if open_only else None, "limit": limit}
        try:
            query = msgspec.convert(given, LoadQuery)
        except msgspec.ValidationError as error:
            raise typer.BadParameter(str(error)) from None
        async with tenant_tx(db, [whose], readonly=True) as tx:
            return await read(tx, [whose], query)

    found = builtins_of(with_db(work))
    rows = [_row(row) for row in found["loads"]]
    answer(found, table(rows, COLUMNS) if rows else "No loads: doorstep loads open bag", json)


def _row(row: dict[str, Any], indent: str = "") -> dict[str, Any]:
    way = " ".join(filter(None, (row["flight"], "-".join(filter(None, (row["from_airport"], row["to_airport"]))))))
    return {
        **row, "number": indent + row["number"], "open": "" if row["closed_at"] else "open",
        "kg": f"{row['weight_g'] / 1000:.1f}", "way": way or row["country"], "state": row["state"].replace("_", " "),
    }  # fmt: skip


@app.command("show")
def show(load: LoadWord, merchant: Merchant = "", json: Json = False) -> None:
    """One load: what lies in it, whose parcels, what happened to it."""

    async def work(db: Db) -> LoadWhole:
        from doorstep.doors.reads.loads import load as read

        return await read(db, [await _whose(db, merchant)], load)

    whole = builtins_of(with_db(work))
    answer(whole, "\n".join(_shown(whole)), json)


def _shown(whole: dict[str, Any]) -> Iterator[str]:
    row = whole["load"]
    state = f"closed, seal {row['seal']}" if row["seal"] else "closed" if row["closed_at"] else "open"
    yield f"{row['kind']} {row['number']} ({row['id']}): {state}"
    yield f"{whole['all_parcels']} parcels, {whole['all_weight_g'] / 1000:.1f} kg in all"
    yield from (f"inside {above['kind']} {above['number']}" for above in whole["above"])
    if whole["below"]:
        yield table([_row(each["load"], "  " * (each["depth"] - 1)) for each in whole["below"]], COLUMNS)
    for share in whole["merchants"]:
        yield f"{share['name']}: {share['parcels']} parcels, {share['weight_g'] / 1000:.1f} kg"
    for event in whole["events"]:
        where = f" at {event['place']}" if event["place"] else ""
        yield f"{event['happened_at'][:16].replace('T', ' ')} {event['raw_code']}{where}: {event['message']}"
    for parcel in whole["parcels"]:
        whose = f"{parcel['merchant']} {parcel['number']}"
        yield f"{parcel['tracking_number']}  {parcel['parcel']}  {whose}  {parcel['state']}"
    if whole["more_parcels"]:
        yield "… and more"


@app.command("open")
def open_(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="bag, pallet, flight or entry.")],
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Of a flight its air waybill's.")] = "",
    carrier: Annotated[str, typer.Option("--carrier")] = "",
    flight: Annotated[str, typer.Option("--flight", metavar="LH401")] = "",
    origin: Annotated[str, typer.Option("--from", metavar="EWR")] = "",
    destination: Annotated[str, typer.Option("--to", metavar="RZE")] = "",
    country: Annotated[str, typer.Option("--country", metavar="UA", help="Only what goes there may be put in.")] = "",
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Open a bag, a pallet, a flight or a customs entry."""
    way = {"from_airport": origin, "to_airport": destination}
    _ask("open_load", merchant, json, kind=kind, number=number, carrier=carrier, flight=flight, country=country, **way)


@app.command("put")
def put(load: LoadWord, items: ItemWords, at: When = "", merchant: Merchant = "", json: Json = False) -> None:
    """Put parcels, or closed loads, into an open load."""
    _ask("put_in", merchant, json, load, items=items, happened_at=at)


@app.command("take")
def take(load: LoadWord, items: ItemWords, at: When = "", merchant: Merchant = "", json: Json = False) -> None:
    """Take parcels or loads out again."""
    _ask("take_out", merchant, json, load, items=items, happened_at=at)


@app.command("close")
def close(
    load: LoadWord,
    seal: Annotated[str, typer.Option("--seal")] = "",
    gross: Annotated[int, typer.Option("--gross-g", min=0, help="What the scale says.")] = 0,
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Close a load and seal it."""
    _ask("close_load", merchant, json, load, seal=seal, gross_g=gross)


@app.command("reopen")
def reopen(
    load: LoadWord, reason: Annotated[str, typer.Option("--reason")] = "", merchant: Merchant = "", json: Json = False
) -> None:
    """Open a closed load again."""
    _ask("reopen_load", merchant, json, load, reason=reason)


@app.command("tell")
def tell(
    load: LoadWord,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="departed, arrived, in_customs, cleared … or DEP, RCF …")],
    place: Annotated[str, typer.Option("--place", metavar="EWR")] = "",
    at: When = "",
    message: Annotated[str, typer.Option("--message")] = "",
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Tell what happened to a load: every parcel that was inside then is told of it."""
    event = {"what": what, "happened_at": at, "place": place, "message": message}
    _ask("track_load", merchant, json, load, events=[{name: value for name, value in event.items() if value}])


@app.command("numbers")
def numbers(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="item,number,carrier,leg: a parcel a line.")],
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Take in further numbers of parcels, such as the last mile's of a whole flight."""
    rows = _read(file)

    async def work(db: Db) -> tuple[int, list[dict[str, Any]]]:
        import doorstep.doors.stages  # noqa: F401  (binds the verbs)
        from doorstep.doors.numbering import number_them, told_by
        from doorstep.kit import clock

        whose = await _whose(db, merchant)
        kept, refused = await number_them(db, whose, told_by(rows), clock.now(), commander())
        return kept, [{"item": item, "error": no.code, "sentence": str(no)} for item, no in refused]

    kept, refused = with_db(work)
    lines = [f"{kept} numbers kept.", *(f"Not {one['item']}: {one['sentence']}" for one in refused)]
    answer({"kept": kept, "refused": refused}, "\n".join(lines), json)
    if refused:
        raise typer.Exit(1)


def _read(file: Path) -> list[dict[str, str]]:
    """Refuses NotNumbers."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NotNumbers(file=str(file), problem=str(error)) from None
    if not rows or not {"item", "number"} <= rows[0].keys():
        raise NotNumbers(file=str(file))
    return rows
