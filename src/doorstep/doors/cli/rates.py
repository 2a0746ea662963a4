"""rates: `doorstep rates par_12`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Merchant, builtins_of, merchant_meant, table, with_db

if TYPE_CHECKING:
    from doorstep.doors.reads.rates import Rates
    from doorstep.spine.tenant import Db

app = typer.Typer()

COLUMNS = {"name": "offer", "price": "price", "days": "days", "sure": "in time", "reason": "why not"}


@app.command("rates")
def rates(
    parcel: Annotated[str, typer.Argument(metavar="PARCEL", help="A packed parcel: par_12.")],
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Ask all carriers what the parcel would cost; nothing is bought. To buy another one than the first:
    doorstep do want-label par_12 --carrier CODE --service SERVICE."""

    async def work(db: Db) -> Rates:
        from doorstep.doors.reads.rates import rates as read

        return await read(db, await merchant_meant(db, merchant), parcel)

    found = builtins_of(with_db(work))
    answer(found, "\n".join(told(found)), json)


def told(found: dict[str, Any]) -> Iterator[str]:
    """Offers as a table, and who is left out."""
    from doorstep.kit.money import spell

    rows = [
        {"name": f"{one['carrier']} {one['service']}", "price": spell(one["cost_minor"], one["currency"]),
         "days": "?" if one["days"] is None else one["days"], "sure": f"{one['sure']:.0%}",
         "reason": one["reason"] or "it would be chosen"}
        for one in found["offers"]
    ]  # fmt: skip
    if found["promised"]:
        yield f"Promised for {found['promised']}, {found['days_left']} working days are left. Rule: {found['rule']}."
    else:
        yield f"Rule: {found['rule']}."
    yield table(rows, COLUMNS) if rows else "No offers."
    yield from (f"{one['carrier']} is left out: {one['reason']}" for one in found["left_out"])
