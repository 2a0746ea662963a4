"""settings_page: `/settings`: what can be set up, and what a new doorstep needs first; sites and merchants."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from babel.dates import get_day_names
from litestar import Response
from msgspec import Meta, Struct

from doorstep.doors.console.allowing import merchant_named, must_run_the_operation, must_set_up, runs_the_operation
from doorstep.doors.console.filling import filled
from doorstep.doors.console.forms import Field, Form, Part, countries, zones
from doorstep.doors.console.navigation import settings
from doorstep.doors.console.speaking import Told, _, reader
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.http.setting_up import SiteBody, new_site
from doorstep.doors.reads import setup
from doorstep.setup.merchants import NewMerchant, add_site, change_merchant, change_site, create_merchant
from doorstep.spine.tenant import tenant_tx

DONE = Told({
    "site": "The site is there", "site-changed": "The site is changed", "merchant": "The merchant is there",
    "merchant-changed": "The settings are kept",
})  # fmt: skip
WHEN_SHORT = Told({"backorder": "The order waits for what is missing", "refuse": "The order is refused"})
SHIP = Told({"split": "In parts, as stock allows", "complete": "All at once, or not at all"})
COUNTS = """
select exists (select from sku s where s.merchant_id = any($1)) as skus,
  exists (select from availability a where a.merchant_id = any($1)) as stock,
  exists (select from orders o where o.merchant_id = any($1)) as orders,
  exists (select from connection c where c.merchant_id = any($1) and c.kind = 'carrier') as carriers
"""


async def show(visit: Visit) -> Response[str]:
    async with visit.reading() as tx:
        begun = await tx.row(COUNTS, list(tx.merchants))
        sites = (await setup.sites(tx)).sites
    steps = [
        ("/settings/merchants/new", _("Add a merchant"), _("Whoever sells; with one shop, that is you."),
            bool(visit.visitor.merchants)),
        ("/settings/sites/new", _("Add a site"), _("Where the goods stand and leave from."), bool(sites)),
        ("/import", _("Import your products"), _("From a shop’s export or any table."), begun["skus"]),
        ("/import", _("Import opening stock"), _("A table of SKU, site and quantity."), begun["stock"]),
        ("/settings/accounts", _("Connect a carrier"), _("Or write down a rate card of your own."), begun["carriers"]),
        ("/import", _("Import your orders"), _("Open ones become work, what is over becomes history."),
            begun["orders"]),
    ]  # fmt: skip
    is_new = runs_the_operation(visit.visitor) and not all(done for *_step, done in steps)
    return visit.show("settings.html", pages=settings(visit.visitor.person.role), steps=steps if is_new else [])


# Sites


async def show_sites(visit: Visit) -> Response[str]:
    async with visit.reading() as tx:
        sites = (await setup.sites(tx)).sites
    return visit.show(
        "sites.html", sites=sites, weekdays=_weekdays("abbreviated"), may_write=runs_the_operation(visit.visitor),
        did=DONE.get(visit.query.get("did", ""), ""),
    )  # fmt: skip


async def ask_site(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    return visit.show("form.html", form=_site_form(), at="settings")


async def create_site(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)

    async def keep(body: SiteBody) -> str:
        await add_site(visit.db, _anybody(visit), new_site(body), visit.by)
        return "/settings/sites?did=site"

    return await filled(visit, _site_form(), SiteBody, keep)


async def ask_site_change(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    return visit.show("form.html", form=await _known_site(visit), at="settings")


async def change_one_site(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)

    async def keep(body: SiteBody) -> str:
        await change_site(visit.db, _anybody(visit), new_site(body), visit.by)
        return "/settings/sites?did=site-changed"

    return await filled(visit, await _known_site(visit), SiteBody, keep, code=visit.path["site"])


def _anybody(visit: Visit) -> int:
    """Sites are nobody's in particular: whoever's wall, the transaction needs one. Before the first merchant there is
    none to need it for."""
    return visit.visitor.merchants[0] if visit.visitor.merchants else 0


async def _known_site(visit: Visit) -> Form:
    async with visit.reading() as tx:
        row = await setup.whole_site(tx, visit.path["site"])
    form = _site_form(row["code"])
    address = {f"address.{name}": str(value) for name, value in row["address"].items()}
    values = {
        name: "" if row[name] is None else str(row[name])
        for name in ("name", "country", "latitude", "longitude", "timezone", "capacity")
    }
    days = ",".join(map(str, row["weekdays"]))
    return form.filled({**address, **values, "cut_off": f"{row['cut_off']:%H:%M}", "weekdays": days})


def _site_form(code: str = "") -> Form:
    """Of one that is there everything but its code may be changed."""
    own = (Field("code", _("Code"), "code", required=True, longest=40,
          wrong=_("2 or more capital letters, digits and hyphens"),
                 hint=_("Short, on every pick list: EWR. It is for ever.")),)  # fmt: skip
    day_names = tuple((str(number), name) for number, name in _weekdays("wide").items())
    parts = (
        Part(_("Where it is"), (
            *(() if code else own),
            Field("name", _("Name"), required=True),
            Field("country", _("Country"), "country", reader().locale.territory or "US", choices=countries()),
            Field("address.line1", _("Street"), code="address-line1"),
            Field("address.line2", _("Street, second line"), code="address-line2"),
            Field("address.postcode", _("Postcode"), longest=20, code="postal-code"),
            Field("address.city", _("City"), code="address-level2"),
            Field("address.region", _("Region"), code="address-level1"),
            Field("address.phone", _("Phone"), longest=40, code="tel"),
        ), _("Stands on labels and customs papers.")),
        Part(_("When parcels leave"), (
            Field("timezone", _("Time zone"), value=reader().zone or "UTC", choices=zones(), required=True, longest=60),
            Field("cut_off", _("Ready by"), "time", "14:00", required=True, longest=8,
                  wrong=_("a time of day, as 14:00"),
                  hint=_("What is packed until then leaves the same day.")),
            Field("weekdays", _("Days it ships on"), "ticks", "1,2,3,4,5", choices=day_names,
                  wrong=_("at least one day")),
            Field("capacity", _("Orders it sends a day"), "count", unit=_("orders"), most=10_000_000,
                  hint=_("With it, dates stand behind the queue; without, as many as come.")),
        ), _("Promised dates are worked out from these.")),
        Part(_("On the map"), (
            Field("latitude", _("Latitude"), "decimal"), Field("longitude", _("Longitude"), "decimal"),
        ), _("Whose buyers are nearer is asked by it; without, the middle of its country counts.")),
    )  # fmt: skip
    address = f"/settings/sites/{code}" if code else "/settings/sites/new"
    return Form(
        code or _("New site"), address, ("/settings/sites", _("Sites")), parts, _("Save") if code else _("Add it")
    )


def _weekdays(width: Literal["abbreviated", "wide"]) -> dict[int, str]:
    names = get_day_names(width, locale=reader().language)
    return {number + 1: str(names[number]) for number in range(7)}


# Merchants


class MerchantBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a merchant may say of itself; the key is given once, for ever."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    country: Annotated[str, Meta(pattern="^([A-Z]{2})?$")] = ""
    email: Annotated[str, Meta(max_length=254)] = ""
    address: dict[str, Annotated[str, Meta(max_length=200)]] = {}
    tax_numbers: dict[str, Annotated[str, Meta(max_length=60)]] = {}
    brand: dict[str, Annotated[str, Meta(max_length=500)]] = {}
    when_short: Literal["backorder", "refuse"] = "backorder"
    ship: Literal["complete", "split"] = "split"
    reserve_minutes: Annotated[int, Meta(ge=1, le=525_600)] = 60
    hold_duplicates: bool = False
    timezone: Annotated[str, Meta(max_length=60)] = "UTC"
    kept_in_100: Annotated[float, Meta(ge=50, le=98)] = 90


class NewMerchantBody(MerchantBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]
    is_operator: bool = False


async def show_merchants(visit: Visit) -> Response[str]:
    """A merchant's people have one: their own settings."""
    must_set_up(visit)
    async with visit.reading() as tx:
        rows = await setup.merchants(tx)
    if not runs_the_operation(visit.visitor) and len(rows) == 1:
        return see_other(f"/settings/merchants/{rows[0]['key']}")
    return visit.show(
        "merchants.html", rows=rows, when_short=WHEN_SHORT, ship=SHIP, did=DONE.get(visit.query.get("did", ""), "")
    )


async def ask_merchant(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    return visit.show("form.html", form=_merchant_form(), at="settings")


async def add_merchant(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)

    async def keep(body: NewMerchantBody) -> str:
        await create_merchant(visit.db, NewMerchant(**_as_kept(body)), visit.by)
        return "/settings/merchants?did=merchant"

    return await filled(visit, _merchant_form(), NewMerchantBody, keep)


async def ask_merchant_change(visit: Visit) -> Response[str]:
    must_set_up(visit)
    _merchant, form, _row = await _known_merchant(visit)
    return visit.show("form.html", form=form, at="settings", did=DONE.get(visit.query.get("did", ""), ""))


async def change_one_merchant(visit: Visit) -> Response[str]:
    must_set_up(visit)
    merchant, form, row = await _known_merchant(visit)
    typed = form.typed(visit.form)

    async def keep(body: MerchantBody) -> str:
        to = _as_kept(body)
        # What no field of the page says stays as it is.
        to |= {name: {**row[name], **_blank(typed, name), **to[name]} for name in ("address", "tax_numbers", "brand")}
        async with tenant_tx(visit.db, [merchant]) as tx:
            await change_merchant(tx, merchant, visit.by, **to)
        return f"/settings/merchants/{visit.path['merchant']}?did=merchant-changed"

    return await filled(visit, form, MerchantBody, keep)


def _as_kept(body: MerchantBody) -> dict[str, Any]:
    said = msgspec.structs.asdict(body)
    return {"reliability": said.pop("kept_in_100") / 100, **said}


def _blank(form: Form, outer: str) -> dict[str, str]:
    """Fields that were emptied."""
    names = (field.name for field in form.fields if field.name.startswith(f"{outer}.") and not field.value.strip())
    return {name.partition(".")[2]: "" for name in names}


async def _known_merchant(visit: Visit) -> tuple[int, Form, dict[str, Any]]:
    merchant = await merchant_named(visit, visit.path["merchant"])
    async with visit.reading() as tx:
        row = await setup.whole_merchant(tx, merchant)
    inside = {
        f"{outer}.{name}": str(value)
        for outer in ("address", "tax_numbers", "brand")
        for name, value in row[outer].items()
    }
    plain = {
        name: str(row[name])
        for name in ("name", "currency", "country", "email", "when_short", "ship", "reserve_minutes", "timezone")
    }
    plain["kept_in_100"] = f"{row['reliability'] * 100:g}"
    held = "yes" if row["hold_duplicates"] else ""
    form = _merchant_form(row["key"], row["name"], mine=not runs_the_operation(visit.visitor))
    return merchant, form.filled({**inside, **plain, "hold_duplicates": held}), row


def _merchant_form(key: str = "", name: str = "", *, mine: bool = False) -> Form:
    new = (
        Field("key", _("Key"), required=True, longest=40, wrong=_("small letters, digits and hyphens"),
              hint=_("Short and for ever: harbor-mugs. Programs and files name the merchant by it.")),
        Field("is_operator", _("It runs the sites"), "yes", hint=_("The operator itself; with one shop, the same.")),
    )  # fmt: skip
    parts = (
        Part(_("Who it is"), (
            Field("name", _("Name"), required=True, hint=_("As buyers know it.")),
            *(() if key else new),
            Field("currency", _("Currency"), "code", required=True, longest=3, wrong=_("three letters, as USD"),
                  hint=_("Of its reports; orders may be in others.")),
            Field("timezone", _("Time zone"), value="UTC", choices=zones(), required=True, longest=60,
                  hint=_("Whose days its reports count.")),
            Field("country", _("Country"), "country", choices=countries(_("Not known"))),
            Field("email", _("E-mail"), longest=254, code="email", hint=_("Where buyers’ answers go.")),
        )),
        Part(_("Address"), (
            Field("address.line1", _("Street")), Field("address.line2", _("Street, second line")),
            Field("address.postcode", _("Postcode"), longest=20), Field("address.city", _("City")),
                  Field("address.region", _("Region")),
        ), _("The seller’s, on invoices and customs papers.")),
        Part(_("Orders"), (
            Field("when_short", _("When stock is short"), "choice", "backorder", choices=tuple(WHEN_SHORT.items())),
            Field("ship", _("How orders are sent"), "choice", "split", choices=tuple(SHIP.items())),
            Field("reserve_minutes", _("An unpaid order keeps its stock for"), "count", "60", unit=_("minutes"),
                  required=True),
            Field("kept_in_100", _("Of a hundred promised dates, are to be kept"), "decimal", "90", required=True,
                  wrong=_("from 50 to 98"), hint=_("More means later dates that hold more often.")),
            Field("hold_duplicates", _("Hold orders that look like one that came before"), "yes", "yes"),
        ), _("What happens without anybody asking.")),
        Part(_("Tax numbers"), (
            Field("tax_numbers.vat", _("VAT"), longest=60), Field("tax_numbers.ioss", "IOSS", longest=60),
                  Field("tax_numbers.eori", "EORI", longest=60),
        )),
        Part(_("Brand"), (
            Field("brand.accent", _("Color"), longest=7, hint=_("As #1f4e79, in e-mails to buyers.")),
            Field("brand.sender", _("Sender of e-mails"), longest=254),
            Field("brand.returns", _("How to return"), "long", longest=500, hint=_("On the packing slip.")),
        )),
    )  # fmt: skip
    address = f"/settings/merchants/{key}" if key else "/settings/merchants/new"
    back = ("/settings", _("Settings")) if mine else ("/settings/merchants", _("Merchants"))
    return Form(name or _("New merchant"), address, back, parts, _("Save") if key else _("Add it"))
