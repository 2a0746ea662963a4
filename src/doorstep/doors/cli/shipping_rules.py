"""shipping_rules: `shipping-rules list`, `shipping-rules try`; they are set with `merchant set --shipping`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.rates import told
from doorstep.doors.cli.session import Merchant, builtins_of, merchant_meant, table, with_db

if TYPE_CHECKING:
    from doorstep.doors.reads.rates import Foreseen
    from doorstep.setup.shipping_rules import ShippingRules
    from doorstep.spine.tenant import Db

app = typer.Typer()

COLUMNS = {"nth": "no.", "say": "says", "which": "carriers", "origin": "from", "to": "to", "off": "off"}


@app.callback()
def shipping_rules() -> None:
    """By which rules the carrier and service of a label are chosen. To set them:
    doorstep merchant set KEY --shipping @rules.json."""


@app.command("list")
def list_rules(merchant: Merchant = "", json: Json = False) -> None:
    """The rules in their order; as JSON all of them, as `merchant set --shipping` takes them."""

    async def work(db: Db) -> ShippingRules:
        from doorstep.setup.lane_rules import shipping_rules
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_meant(db, merchant)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            return await shipping_rules(tx, meant)

    found = builtins_of(with_db(work))
    rows = [_row(nth, lane) for nth, lane in enumerate(found.get("lanes", []), 1)]
    answer(found, table(rows, COLUMNS) if rows else "No rules: the cheapest carrier that keeps the promise.", json)


def _row(nth: int, lane: dict[str, Any]) -> dict[str, Any]:
    places = {end: ", ".join(lane.get(end, [])) or "everywhere" for end in ("origin", "to")}
    off = "off" if lane.get("off") else ""
    return {"nth": nth, "say": lane["say"], "which": ", ".join(lane["which"]), **places, "off": off}


@app.command("try")
def try_rules(
    country: Annotated[str, typer.Argument(metavar="COUNTRY", help="ISO 3166-1, where it goes: IE.")],
    weight_g: Annotated[int, typer.Argument(metavar="GRAMS", min=1, help="What the parcel weighs.")],
    site: Annotated[str, typer.Option("--site", help="Where it leaves from; else the first site.")] = "",
    postcode: Annotated[str, typer.Option("--postcode")] = "",
    city: Annotated[str, typer.Option("--city")] = "",
    line1: Annotated[str, typer.Option("--line1", help="Street; some carriers ask for it.")] = "",
    shipping_method: Annotated[str, typer.Option("--method", help="As the channel writes it: 'Express'.")] = "",
    sku: Annotated[str, typer.Option("--sku", help="What is in it, for customs and for what not all take.")] = "",
    pickup_point: Annotated[str, typer.Option("--pickup-point", help="A carrier's branch or locker.")] = "",
    insured_minor: Annotated[int, typer.Option("--insured-minor", min=0, help="For how much, in minor units.")] = 0,
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Which carrier and service would be chosen for such a parcel, and why. All are asked; nothing is bought."""
    body = {
        "country": country, "weight_g": weight_g, "site": site, "postcode": postcode, "city": city, "line1": line1,
        "shipping_method": shipping_method, "sku": sku, "pickup_point": pickup_point, "insured_minor": insured_minor,
    }  # fmt: skip

    async def work(db: Db) -> Foreseen:
        import msgspec

        from doorstep.doors.reads.rates import foreseen
        from doorstep.journey.shipping.imagined import Imagined

        try:
            parcel = msgspec.convert(body, Imagined)
        except msgspec.ValidationError as error:
            raise typer.BadParameter(str(error)) from None
        return await foreseen(db, await merchant_meant(db, merchant), parcel)

    found = builtins_of(with_db(work))
    answer(found, "\n".join([_lanes(found["lanes"]), *told(found)]), json)


def _lanes(lanes: list[int]) -> str:
    return f"Rules on this way: {', '.join(map(str, lanes))}." if lanes else "No rule is about this way."
