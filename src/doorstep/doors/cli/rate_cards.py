"""rate_cards: `rate-cards import`, `rate-cards list`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Merchant, home, merchant_meant, table, with_db

if TYPE_CHECKING:
    from doorstep.doors.rate_tables import Read
    from doorstep.plug.ratecard import RateCard
    from doorstep.spine.tenant import Db

app = typer.Typer()

PLUGIN = "ratecard"
SHOWN = 30
COLUMNS = {"code": "card", "currency": "currency", "zones": "zones", "services": "services", "begins": "next prices"}


@app.callback()
def rate_cards() -> None:
    """Price lists of carriers that have no program to ask: priced here, labels printed here."""


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="CSV or Excel; zones before prices.")],
    card: Annotated[str, typer.Option("--card", help="The account's code; one that is not there is made.")],
    merchant: Merchant = "",
    service: Annotated[str, typer.Option("--service", help="Where the table does not name it.")] = "",
    unit: Annotated[
        Literal["g", "kg", "lb", "oz"] | None,
        typer.Option("--unit", help="Of weights; else as the column says, or kg."),
    ] = None,
    begins: Annotated[
        str, typer.Option("--begins", metavar="2027-01-01", help="From then on; what holds until then stays.")
    ] = "",
    currency: Annotated[str, typer.Option("--currency", help="Of a new card; else the merchant's.")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only tell what would be kept.")] = False,
    json: Json = False,
) -> None:
    """Read a carrier's price list into a card; with anything wrong in it nothing is kept."""
    from doorstep.doors.rate_tables import Asked, merged, read_file, told
    from doorstep.plug.ratecard import RateCard, problems

    asked = Asked(service, unit or "", _day(begins))

    async def work(db: Db) -> tuple[RateCard, list[Read], list[str]]:
        import msgspec

        from doorstep.doors.reads.setup import merchant as merchant_read
        from doorstep.kit.secrets import keyring
        from doorstep.setup.connections import connect, connections
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_meant(db, merchant)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            there = {one.code: one.settings for one in await connections(tx, meant) if one.plugin == PLUGIN}
            spoken = currency or (await merchant_read(tx, meant)).currency
        now = RateCard(currency=spoken, zones=(), services=())
        if card in there:
            now = msgspec.convert(there[card], RateCard)
        reads, wrong = [], []
        for file in files:
            reads.append(read_file(file, now, asked))
            wrong += [f"{file.name}: {line}" for line in told(reads[-1].problems)]
            now = merged(now, reads[-1])
        wrong += [] if wrong else problems(now)
        if not wrong and not preview:
            config = msgspec.to_builtins(now)
            await connect(db, keyring(home()), meant, "carrier", plugin=PLUGIN, code=card, config=config)
        return now, reads, wrong

    became, reads, wrong = with_db(work)
    kept = not wrong and not preview
    figures = {
        "card": card, "kept": kept, "prices": sum(read.prices for read in reads),
        "zones": len(became.zones), "services": [one.code for one in became.services], "problems": wrong,
    }  # fmt: skip
    answer(figures, "\n".join(_told(figures)), json)
    if wrong:
        raise typer.Exit(1)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text} is no day; write 2027-01-01") from None


def _told(figures: dict[str, Any]) -> Iterator[str]:
    yield f"{figures['prices']} prices, {figures['zones']} zones; services: {', '.join(figures['services']) or 'none'}."
    wrong = figures["problems"]
    yield from wrong[:SHOWN]
    if len(wrong) > SHOWN:
        yield f"… and {len(wrong) - SHOWN} more"
    if wrong:
        yield "Nothing is kept."
    else:
        yield f"{figures['card']} is kept." if figures["kept"] else "It was a preview: nothing is kept."


@app.command("list")
def list_rate_cards(merchant: Merchant = "", json: Json = False) -> None:
    """The merchant's rate cards, and from when the next prices hold."""

    async def work(db: Db) -> list[dict[str, Any]]:
        import msgspec

        from doorstep.kit import clock
        from doorstep.plug.ratecard import RateCard
        from doorstep.setup.connections import connections
        from doorstep.spine.tenant import tenant_tx

        meant, today = await merchant_meant(db, merchant), clock.now().date()
        async with tenant_tx(db, [meant], readonly=True) as tx:
            found = [one for one in await connections(tx, meant) if one.plugin == PLUGIN]
        return [_row(one.code, msgspec.convert(one.settings, RateCard), today) for one in found]

    rows = with_db(work)
    answer(
        {"rate_cards": rows}, table(rows, COLUMNS) if rows else "No rate cards yet: doorstep rate-cards import", json
    )


def _row(code: str, card: RateCard, today: date) -> dict[str, Any]:
    begins = [tariff.begins for one in card.services for tariff in one.tariffs if tariff.begins]
    coming = min((day for day in begins if day > today), default=None)
    return {
        "code": code, "currency": card.currency, "zones": len(card.zones),
        "services": ", ".join(one.code for one in card.services), "begins": coming.isoformat() if coming else "",
    }  # fmt: skip
