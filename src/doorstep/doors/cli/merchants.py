"""merchants: `merchant add`, `merchant set`, `merchant list`, `merchant channel`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import table, with_db

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db

app = typer.Typer()

COLUMNS = {"key": "key", "name": "name", "currency": "currency", "country": "country", "ship": "ship",
           "when_short": "when short", "timezone": "time zone", "is_operator": "operator"}  # fmt: skip
Key = Annotated[str, typer.Argument(metavar="KEY", help="Small letters, digits and hyphens: harbor-mugs.")]
Currency = Annotated[str, typer.Option("--currency", metavar="USD", help="ISO 4217, of its reports.")]
Country = Annotated[str, typer.Option("--country", metavar="US", help="ISO 3166-1, where it sits.")]
Ship = Annotated[Literal["split", "complete"], typer.Option("--ship", help="In parts as stock allows, or at once.")]
WhenShort = Annotated[
    Literal["backorder", "refuse"], typer.Option("--when-short", help="What is missing waits, or is refused.")
]

Timezone = Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Whose days its reports count.")]


@app.callback()
def merchants() -> None:
    """Who sells. Each has its own orders, stock and cash."""


@app.command("add")
def add(
    key: Key,
    currency: Currency,
    country: Country,
    name: Annotated[str, typer.Option("--name", help="As buyers know it; else its key.")] = "",
    email: Annotated[str, typer.Option("--email", help="Where its buyers' answers go.")] = "",
    ship: Ship = "split",
    when_short: WhenShort = "backorder",
    reserve_minutes: Annotated[
        int, typer.Option("--reserve-minutes", min=1, help="So long an unpaid order lasts.")
    ] = 60,
    timezone: Timezone = "UTC",
    operator: Annotated[bool, typer.Option("--operator", help="It runs the sites.")] = False,
    json: Json = False,
) -> None:
    """Add a merchant with its first channels."""
    from doorstep.setup.merchants import NewMerchant, create_merchant

    new = NewMerchant(
        key=key, name=name or key, currency=currency, country=country, email=email, ship=ship, when_short=when_short,
        reserve_minutes=reserve_minutes, is_operator=operator, timezone=timezone,
    )  # fmt: skip
    with_db(lambda db: create_merchant(db, new))
    answer({"key": key}, f"Merchant {key} is there.", json)


@app.command("set")
def set_merchant(
    key: Key,
    name: Annotated[str | None, typer.Option("--name")] = None,
    currency: Annotated[str | None, typer.Option("--currency", metavar="USD")] = None,
    country: Annotated[str | None, typer.Option("--country", metavar="US")] = None,
    email: Annotated[str | None, typer.Option("--email")] = None,
    ship: Annotated[Literal["split", "complete"] | None, typer.Option("--ship")] = None,
    when_short: Annotated[Literal["backorder", "refuse"] | None, typer.Option("--when-short")] = None,
    reserve_minutes: Annotated[int | None, typer.Option("--reserve-minutes", min=1)] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", metavar="ZONE")] = None,
    reliability: Annotated[
        float | None, typer.Option("--reliability", metavar="0.9", help="So many of its promises are to be kept.")
    ] = None,
    hold_duplicates: Annotated[bool | None, typer.Option("--hold-duplicates/--no-hold-duplicates")] = None,
    address: Annotated[
        str | None, typer.Option("--address", metavar="JSON", help='{"line1": …, "city": …} or @FILE.')
    ] = None,
    tax_numbers: Annotated[
        str | None, typer.Option("--tax-numbers", metavar="JSON", help='{"vat": …, "eori": …, "ioss": …} or @FILE.')
    ] = None,
    customs: Annotated[
        str | None,
        typer.Option("--customs", metavar="JSON", help='{"ddp_to": ["EU"], "responsible_person": …} or @FILE.'),
    ] = None,
    shipping: Annotated[
        str | None,
        typer.Option("--shipping", metavar="JSON", help='How labels are chosen: {"lanes": …, "levels": …} or @FILE.'),
    ] = None,
    json: Json = False,
) -> None:
    """Change what is given, leave the rest."""
    given = {
        "name": name, "currency": currency, "country": country, "email": email, "ship": ship,
        "when_short": when_short, "reserve_minutes": reserve_minutes, "reliability": reliability,
        "hold_duplicates": hold_duplicates, "timezone": timezone,
        "address": read_json(address) if address is not None else None,
        "tax_numbers": read_json(tax_numbers) if tax_numbers is not None else None,
        "customs": read_json(customs) if customs is not None else None,
        "shipping": read_json(shipping) if shipping is not None else None,
    }  # fmt: skip
    to: dict[str, Any] = {field: value for field, value in given.items() if value is not None}

    async def work(db: Db) -> None:
        from doorstep.setup.merchants import change_merchant, merchant_of
        from doorstep.spine.tenant import tenant_tx

        merchant = await merchant_of(db, key)
        async with tenant_tx(db, [merchant]) as tx:
            await change_merchant(tx, merchant, **to)

    if to:
        with_db(work)
    answer({"key": key, "changed": list(to)}, f"Changed: {', '.join(to) or 'nothing'}.", json)


@app.command("list")
def list_merchants(json: Json = False) -> None:
    """All merchants."""

    async def work(db: Db) -> list[dict[str, Any]]:
        import msgspec

        from doorstep.doors.reads.setup import merchant
        from doorstep.spine.tenant import tenant_tx

        everyone = await db.everyone()
        async with tenant_tx(db, everyone, readonly=True) as tx:
            return [msgspec.to_builtins(await merchant(tx, each)) for each in everyone]

    found = sorted(with_db(work), key=lambda row: str(row["key"]))
    answer({"merchants": found}, table(found, COLUMNS) if found else "No merchants yet: doorstep merchant add", json)


@app.command("channel")
def channel(
    key: Key,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Its key: a store's name.")],
    kind: Annotated[str, typer.Option("--kind", help="api, file, shopify …")] = "file",
    json: Json = False,
) -> None:
    """Open a channel: a store that orders come from. One that is there stays as it is."""

    async def work(db: Db) -> list[str]:
        from doorstep.setup.channels import open_channels
        from doorstep.setup.merchants import merchant_of

        return await open_channels(db, await merchant_of(db, key), [channel], kind)

    opened = with_db(work)
    answer({"opened": opened}, f"Channel {channel} {'is open' if opened else 'was there'}.", json)


def read_json(text: str) -> Any:
    """JSON as it is given, or of a file after an @."""
    from json import loads

    try:
        return loads(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise typer.BadParameter(f"{text[:60]}: {error.strerror or error}") from None
    except ValueError as error:
        raise typer.BadParameter(f"{text[:60]} is no JSON: {error}") from None
