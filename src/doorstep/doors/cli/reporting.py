"""reporting: `report sales`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Merchant, merchant_meant, table, with_db

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db

app = typer.Typer()

COLUMNS = {
    "currency": "currency", "orders": "orders", "lines": "lines", "gross_minor": "gross", "credits_minor": "credits",
    "adjustments_minor": "adjustments", "net_minor": "net",
}  # fmt: skip


@app.callback()
def report() -> None:
    """What came of it."""


@app.command("sales")
def sales(merchant: Merchant = "", json: Json = False) -> None:
    """What was sold: goods after every discount, before shipping, fees and added tax; credits; the net of both."""

    async def work(db: Db) -> dict[str, Any]:
        from doorstep.journey.cash.report_sales import report_sales
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_meant(db, merchant)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            return (await report_sales(tx, meant)).as_json()

    told = with_db(work)
    rows = [told, *({"currency": currency, **row} for currency, row in told.get("by_currency", {}).items())]
    answer(told, table([_spelled(row) for row in rows], COLUMNS), json)


def _spelled(row: dict[str, Any]) -> dict[str, Any]:
    from doorstep.kit.money import spell

    spelled = {name: spell(row[name], row["currency"]) for name in COLUMNS if name.endswith("_minor")}
    return {**row, **spelled}
