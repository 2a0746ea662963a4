"""skus: `sku list`, `sku set`, `sku alias`, `sku customs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import (
    Cursor,
    Limit,
    Merchant,
    builtins_of,
    merchant_meant,
    page_told,
    reading,
    with_db,
    writing,
)

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db, Tx

app = typer.Typer()

COLUMNS = {
    "code": "code", "name": "name", "barcode": "barcode", "weight_g": "g", "hs_code": "HS code", "origin": "origin",
    "customs_text": "customs text", "flags": "flags",
}  # fmt: skip
Code = Annotated[str, typer.Argument(metavar="CODE", help="The merchant's own code for it.")]


@app.callback()
def skus() -> None:
    """What a merchant sells, and what customs, scales and scanners must know of it."""


@app.command("list")
def list_skus(
    merchant: Merchant = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    json: Json = False,
) -> None:
    """A page of SKUs by code."""

    async def work(tx: Tx, meant: int) -> Any:
        from doorstep.doors.reads.goods import SkuQuery
        from doorstep.doors.reads.goods import skus as read

        return await read(tx, meant, SkuQuery(limit=limit, cursor=cursor or None))

    page = builtins_of(reading(merchant, work))
    rows = [{**sku, "flags": ", ".join(sku["flags"])} for sku in page["skus"]]
    none = "No SKUs yet: doorstep import products, or doorstep sku set"
    answer(page, page_told(page, rows, COLUMNS, none), json)


@app.command("set")
def set_sku(
    code: Code,
    merchant: Merchant = "",
    name: Annotated[str | None, typer.Option("--name")] = None,
    barcode: Annotated[str | None, typer.Option("--barcode")] = None,
    weight_g: Annotated[int | None, typer.Option("--weight-g", help="Grams.")] = None,
    length_mm: Annotated[int | None, typer.Option("--length-mm")] = None,
    width_mm: Annotated[int | None, typer.Option("--width-mm")] = None,
    height_mm: Annotated[int | None, typer.Option("--height-mm")] = None,
    hs_code: Annotated[str | None, typer.Option("--hs-code", help="Customs tariff number, 6 to 12 digits.")] = None,
    origin: Annotated[str | None, typer.Option("--origin", metavar="US", help="Where it was made.")] = None,
    customs_text: Annotated[str | None, typer.Option("--customs-text", help="What it is, for customs.")] = None,
    value_minor: Annotated[int | None, typer.Option("--value-minor", help="For customs, without a price.")] = None,
    flag: Annotated[list[str] | None, typer.Option("--flag", help="battery, liquid …; may be repeated.")] = None,
    eccn: Annotated[str | None, typer.Option("--eccn", help="Export control classification: EAR99, 5A992.c.")] = None,
    export_license: Annotated[
        str | None, typer.Option("--export-license", help="Its number, the exception used, or NLR.")
    ] = None,
    responsible_person: Annotated[
        str | None, typer.Option("--responsible-person", help="Who answers for it in the Union.")
    ] = None,
    json: Json = False,
) -> None:
    """Add a SKU, or change what is given of it and leave the rest."""
    given = {
        "name": name, "barcode": barcode, "weight_g": weight_g, "length_mm": length_mm, "width_mm": width_mm,
        "height_mm": height_mm, "hs_code": hs_code, "origin": origin, "customs_text": customs_text,
        "value_minor": value_minor, "flags": tuple(flag) if flag else None, "eccn": eccn,
        "export_license": export_license, "responsible_person": responsible_person,
    }  # fmt: skip
    to: dict[str, Any] = {field: value for field, value in given.items() if value is not None}

    async def work(db: Db) -> tuple[bool, list[str]]:
        from doorstep.doors.reads.goods import SkuQuery
        from doorstep.doors.reads.goods import skus as read
        from doorstep.setup.catalog import change_sku, codes_alike, create_sku
        from doorstep.setup.merchants import NewSku
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_meant(db, merchant)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            found = (await read(tx, meant, SkuQuery(code=code, limit=1))).skus
            alike = [] if found else await codes_alike(tx, meant, code)
        if not found:
            await create_sku(db, meant, NewSku(code, **to))
            return True, alike
        known: dict[str, Any] = {field: getattr(found[0], field) for field in NewSku.__dataclass_fields__}
        await change_sku(db, meant, found[0].id, NewSku(**{**known, "flags": tuple(known["flags"]), **to}))
        return False, alike

    is_new, alike = with_db(work)
    other = f" {', '.join(alike)} is another SKU: capital letters count." if alike else ""
    answer({"code": code, "new": is_new}, f"SKU {code} {'is there' if is_new else 'is changed'}.{other}", json)


@app.command("alias")
def alias(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel that calls it so.")],
    alias: Annotated[str, typer.Argument(metavar="WORD", help="What the channel calls it: a code or a title.")],
    code: Code,
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Say which SKU a channel's word means, from now on."""

    async def work(tx: Tx, meant: int) -> None:
        from doorstep.setup.catalog import put_alias

        await put_alias(tx, meant, channel, alias, code)

    writing(merchant, work)
    answer({"channel": channel, "alias": alias, "sku": code}, f"{alias!r} of {channel} is {code}.", json)


@app.command("customs")
def customs(
    code: Code,
    to: Annotated[str, typer.Option("--to", metavar="UA", help="Where it goes.")],
    mode: Annotated[Literal["post", "courier", "freight"], typer.Option("--mode")] = "post",
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """May it go there, what is missing, what does one cost at the door."""

    async def work(tx: Tx, meant: int) -> Any:
        from doorstep.doors.reads.customs import CellQuery, sku_customs
        from doorstep.kit import clock

        return await sku_customs(tx, meant, code, CellQuery(to=to.upper(), mode=mode), clock.now().date())

    found = reading(merchant, work)
    from doorstep.doors.cli.customs_told import sku_told

    answer(builtins_of(found), sku_told(found), json)
