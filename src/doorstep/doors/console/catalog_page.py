"""catalog_page: `/catalog`: what is sold, and what is to be done about it; a SKU's page; SKUs made and changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response
from msgspec import structs

from doorstep.doors.console import words
from doorstep.doors.console.allowing import merchant_named, must_set_up, sets_up, whose
from doorstep.doors.console.filling import filled
from doorstep.doors.console.forms import Field, Form, Part, countries, read
from doorstep.doors.console.goods_moves import offered
from doorstep.doors.console.narrowing import merchants_of, narrowing
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.http.goods import AliasBody, SkuBody, new_sku
from doorstep.doors.reads import setup
from doorstep.doors.reads.catalog import SkuFilters, WholeSku, lacking, movements, sku_of, skus, whole_sku
from doorstep.doors.reads.customs import CellQuery, SkuCustoms, sku_customs
from doorstep.kit import clock
from doorstep.kit.ids import public
from doorstep.kit.money import to_decimal
from doorstep.setup import catalog
from doorstep.setup.customs.lists import MODES
from doorstep.setup.geography import CENTERS
from doorstep.spine.tenant import Tx, tenant_tx

LACKS = Told({"customs": "Customs data missing"})
STOCKS = Told({"none": "None free", "waiting": "Orders wait for it"})
DONE = Told({
    "created": "The SKU is there", "changed": "The SKU is changed", "alias": "From now on this name means this SKU",
    "forgotten": "The name is forgotten", "adjust": "The count is booked", "receive": "The goods are in",
    "put_away": "The goods are in their bin", "restock": "The goods are sold again", "scrap": "The goods are gone",
})  # fmt: skip
LAST_MOVES = 8


async def show(visit: Visit) -> Response[str]:
    filters = narrowing(visit, "/catalog", ("q", "merchant"), lacks=tuple(LACKS), stock=tuple(STOCKS))
    async with visit.reading() as tx:
        merchants = await merchants_of(tx, filters["merchant"])
        asked = SkuFilters(merchants.wanted, filters["q"], filters["lacks"], filters["stock"], filters.after)  # type: ignore[arg-type]
        rows, further = await skus(tx, asked, clock.now().date())
    context: dict[str, Any] = {"rows": rows, "further": further, "filters": filters, "merchants": merchants}
    context |= {"customs_fields": words.CUSTOMS_FIELDS}
    if visit.is_part:
        return visit.show("catalog_rows.html", **context)
    return visit.show(
        "catalog.html", **context, lacks=LACKS, stocks=STOCKS, may_write=sets_up(visit.visitor),
        did=visit.did(DONE),
    )  # fmt: skip


async def show_one(visit: Visit) -> Response[str]:
    return await _page(visit, did=visit.query.get("did", ""))


async def show_moves(visit: Visit) -> Response[str]:
    async with visit.reading() as tx:
        sku = await sku_of(tx, visit.path["sku"])
        rows, further = await movements(tx, sku, at=visit.query.get("after", ""))
    context = {"sku": sku, "rows": rows, "further": further, "id": public("sku", sku["sku_id"])}
    return visit.show("moves_rows.html" if visit.is_part else "moves.html", **context)


async def _page(visit: Visit, *, did: str = "", alias: Form | None = None, status: int = 200) -> Response[str]:
    async with visit.reading() as tx:
        of = await whole_sku(tx, visit.path["sku"])
        (lacks,) = await lacking(tx, [of.sku], clock.now().date())
        moved, more_moves = await movements(tx, of.sku, limit=LAST_MOVES)
        stores = [one.key for one in (await setup.channels(tx, of.sku["merchant_id"])).channels]
        abroad = await _abroad(tx, of.sku, visit.query.get("to", ""))
    return visit.show(
        "sku.html", status, of=of, id=public("sku", of.sku["sku_id"]), moved=moved, more_moves=bool(more_moves),
        may_write=sets_up(visit.visitor), offered=offered(visit.visitor.actor.roles, of), uses=_uses(of, lacks),
        alias=alias or _alias_form(of, stores), customs_fields=words.CUSTOMS_FIELDS, did=DONE.get(did, ""),
        abroad=abroad, countries=countries(_("Choose a country")),
    )  # fmt: skip


async def _abroad(tx: Tx, sku: Mapping[str, Any], to: str) -> list[SkuCustoms]:
    """Whether it may go there by each mode, once somebody has chosen a country."""
    if to not in CENTERS or not sku["stocked"]:
        return []
    at, today = (tx, sku["merchant_id"], public("sku", sku["sku_id"])), clock.now().date()
    return [await sku_customs(*at, CellQuery(to=to, mode=mode), today) for mode in MODES]


def _uses(of: WholeSku, for_customs: list[str]) -> list[tuple[str, list[str]]]:
    """What it is good for, and what it lacks for that."""
    sku = of.sku
    sizes = {"weight_g": _("weight"), "length_mm": _("length"), "width_mm": _("width"), "height_mm": _("height")}
    unmeasured = [name for field, name in sizes.items() if not sku[field]]
    found = [
        (_("Cross a border"), [words.CUSTOMS_FIELDS[name] for name in for_customs]),
        (_("Get a price from carriers"), unmeasured),
        (_("Be scanned"), [] if sku["barcode"] else [_("barcode")]),
    ]
    return found if sku["stocked"] else []


# Made and changed


async def ask_whose(visit: Visit) -> Response[str]:
    must_set_up(visit)
    return await whose(visit, _("New SKU"), "/catalog/new", "catalog")


async def ask_new(visit: Visit) -> Response[str]:
    must_set_up(visit)
    merchant = await merchant_named(visit, visit.path["merchant"])
    return visit.show("form.html", form=await _new_form(visit, merchant), at="catalog")


async def create(visit: Visit) -> Response[str]:
    must_set_up(visit)
    merchant = await merchant_named(visit, visit.path["merchant"])

    async def keep(body: SkuBody) -> str:
        sku = await catalog.create_sku(visit.db, merchant, new_sku(body), visit.by)
        return f"/catalog/{sku}?did=created"

    return await filled(visit, await _new_form(visit, merchant), SkuBody, keep, "catalog")


async def ask_change(visit: Visit) -> Response[str]:
    must_set_up(visit)
    async with visit.reading() as tx:
        sku = await sku_of(tx, visit.path["sku"])
    return visit.show("form.html", form=_form_of(sku), at="catalog")


async def change(visit: Visit) -> Response[str]:
    must_set_up(visit)
    async with visit.reading() as tx:
        sku = await sku_of(tx, visit.path["sku"])

    async def keep(body: SkuBody) -> str:
        await catalog.change_sku(visit.db, sku["merchant_id"], visit.path["sku"], new_sku(body), visit.by)
        return f"/catalog/{visit.path['sku']}?did=changed"

    return await filled(visit, _form_of(sku), SkuBody, keep, "catalog")


async def _new_form(visit: Visit, merchant: int) -> Form:
    async with visit.reading() as tx:
        said = await setup.merchant(tx, merchant)
    says = _("Of %(merchant)s.", merchant=said.name)
    back = ("/catalog", _("Catalog"))
    return Form(_("New SKU"), f"/catalog/new/{said.key}", back, _parts(said.currency), _("Add it"), says)


def _form_of(sku: Any) -> Form:
    """With what is known of it."""
    address = f"/catalog/{public('sku', sku['sku_id'])}"
    says = " · ".join(filter(None, [sku["code"], sku["name"]]))
    form = Form(_("Edit the SKU"), f"{address}/edit", (address, sku["code"]), _parts(sku["currency"]), _("Save"), says)
    values = {name: str(sku[name] or "") for name in structs.asdict(SkuBody(code="-"))}
    value = to_decimal(sku["value_minor"], sku["currency"]) if sku["value_minor"] else ""
    flags, stocked = ", ".join(sku["flags"]), "yes" if sku["stocked"] else ""
    return form.filled({**values, "flags": flags, "stocked": stocked, "value_minor": str(value)})


def _parts(currency: str) -> tuple[Part, ...]:
    digits = _("6 to 12 digits, without points.")
    return (
        Part(_("What it is"), (
            Field("code", _("Code"), required=True, longest=120,
                  hint=_("Your own: it is how you and your channels call it.")),
            Field("name", _("Name"), longest=200),
            Field("barcode", _("Barcode"), longest=60, hint=_("EAN or UPC, as the scanner on the floor reads it.")),
            Field("stocked", _("It is kept in stock"), "yes", "yes",
                  hint=_("A service, a fee or a warranty is not, and never ships.")),
            Field("flags", _("How it must be handled"), "list",
                  hint=_("Words with commas between: battery, liquid, fragile.")),
        )),
        Part(_("Weight and size"), (
            Field("weight_g", _("Weight"), "count", unit=_("g"), half=True),
            Field("length_mm", _("Length"), "count", unit=_("mm"), half=True),
            Field("width_mm", _("Width"), "count", unit=_("mm"), half=True),
            Field("height_mm", _("Height"), "count", unit=_("mm"), half=True),
        ), _("Packed for the shelf. Carriers price by them.")),
        Part(_("For customs"), (
            Field("hs_code", _("HS code"), longest=12, wrong=digits, hint=digits),
            Field("origin", _("Country of origin"), "country", choices=countries(_("Not known"))),
            Field("customs_text", _("Description for customs"), longest=200,
                  hint=_("Plain words: ceramic mug, not gift.")),
            Field("value_minor", _("Value"), "money", unit=currency, hint=_("For parcels whose line has no price.")),
            Field("eccn", _("Export control number"), longest=20, hint=_("As 5A992.c or EAR99; most goods need none.")),
            Field("export_license", _("Export license"), longest=40, hint=_("Where leaving the country needs one.")),
            Field("responsible_person", _("Responsible person in the EU"), longest=300,
                  hint=_("Name, address and e-mail: the EU wants them with goods from outside.")),
        ), _("Asked of every parcel that crosses a border.")),
    )  # fmt: skip


# What channels call it


def _alias_form(of: WholeSku, stores: list[str]) -> Form:
    address = f"/catalog/{public('sku', of.sku['sku_id'])}"
    fields = (
        Field("channel", _("Channel"), "choice", choices=tuple((key, key) for key in stores)),
        Field("alias", _("Its word for it"), required=True, longest=120),
    )
    return Form(_("Another name"), f"{address}/aliases", (address, of.sku["code"]), (Part("", fields),), _("Keep it"))


async def put_alias(visit: Visit) -> Response[str]:
    must_set_up(visit)
    async with visit.reading() as tx:
        of = await whole_sku(tx, visit.path["sku"])
        stores = [one.key for one in (await setup.channels(tx, of.sku["merchant_id"])).channels]
    merchant, code = of.sku["merchant_id"], of.sku["code"]
    body, form = read(_alias_form(of, stores), AliasBody, visit.form, sku=code)
    if body is None:
        return await _page(visit, alias=form, status=422)
    async with tenant_tx(visit.db, [merchant]) as tx:
        await catalog.put_alias(tx, merchant, body.channel, body.alias, body.sku, visit.by)
    return see_other(f"/catalog/{visit.path['sku']}?did=alias")


async def drop_alias(visit: Visit) -> Response[str]:
    must_set_up(visit)
    async with visit.reading() as tx:
        merchant = (await sku_of(tx, visit.path["sku"]))["merchant_id"]
    async with tenant_tx(visit.db, [merchant]) as tx:
        await catalog.remove_alias(tx, merchant, visit.form.get("channel", ""), visit.form.get("alias", ""), visit.by)
    return see_other(f"/catalog/{visit.path['sku']}?did=forgotten")
