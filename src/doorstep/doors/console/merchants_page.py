"""merchants_page: `/settings/merchants`: who sells here, and how each wants to be treated."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import Response
from msgspec import Meta, Struct

from doorstep.doors.console.allowing import merchant_named, must_run_the_operation, must_set_up, runs_the_operation
from doorstep.doors.console.filling import filled
from doorstep.doors.console.forms import Field, Form, Part, countries, zones
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.reads import setup
from doorstep.setup.customs.profile import Profile, profile_of
from doorstep.setup.merchants import NewMerchant, change_merchant, create_merchant
from doorstep.spine.tenant import tenant_tx

DONE = Told({"merchant": "The merchant is there", "merchant-changed": "The settings are kept"})
WHEN_SHORT = Told({"backorder": "The order waits for what is missing", "refuse": "The order is refused"})
FILING = Told({"own": "We file, and keep its number here", "carrier": "The carrier files for us"})
SHIP = Told({"split": "In parts, as stock allows", "complete": "All at once, or not at all"})


class MerchantBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a merchant may say of itself; the key is given once, for ever."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    country: Annotated[str, Meta(pattern="^([A-Z]{2})?$")] = ""
    email: Annotated[str, Meta(max_length=254)] = ""
    address: dict[str, Annotated[str, Meta(max_length=200)]] = {}
    tax_numbers: dict[str, Annotated[str, Meta(max_length=60)]] = {}
    customs: Profile = Profile()
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


async def show(visit: Visit) -> Response[str]:
    """A merchant's people have one: their own settings."""
    must_set_up(visit)
    async with visit.reading() as tx:
        rows = await setup.merchants(tx)
    if not runs_the_operation(visit.visitor) and len(rows) == 1:
        return see_other(f"/settings/merchants/{rows[0]['key']}")
    return visit.show("merchants.html", rows=rows, when_short=WHEN_SHORT, ship=SHIP, did=visit.did(DONE))


async def ask_new(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    return visit.show("form.html", form=_form(), at="settings")


async def create(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)

    async def keep(body: NewMerchantBody) -> str:
        await create_merchant(visit.db, NewMerchant(**_as_kept(body)), visit.by)
        return "/settings/merchants?did=merchant"

    return await filled(visit, _form(), NewMerchantBody, keep)


async def ask_change(visit: Visit) -> Response[str]:
    must_set_up(visit)
    _merchant, form, _row = await _known(visit)
    return visit.show("form.html", form=form, at="settings", did=visit.did(DONE))


async def change(visit: Visit) -> Response[str]:
    must_set_up(visit)
    merchant, form, row = await _known(visit)
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
    said["customs"] = msgspec.to_builtins(body.customs)
    return {"reliability": said.pop("kept_in_100") / 100, **said}


def _blank(form: Form, outer: str) -> dict[str, str]:
    """Fields that were emptied."""
    names = (field.name for field in form.fields if field.name.startswith(f"{outer}.") and not field.value.strip())
    return {name.partition(".")[2]: "" for name in names}


async def _known(visit: Visit) -> tuple[int, Form, dict[str, Any]]:
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
    trades = profile_of(row["customs"])
    inside |= {
        "customs.ddp_to": ", ".join(trades.ddp_to), "customs.responsible_person": trades.responsible_person,
        "customs.filing": trades.filing,
    }  # fmt: skip
    held = "yes" if row["hold_duplicates"] else ""
    form = _form(row["key"], row["name"], mine=not runs_the_operation(visit.visitor))
    return merchant, form.filled({**inside, **plain, "hold_duplicates": held}), row


def _form(key: str = "", name: str = "", *, mine: bool = False) -> Form:
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
            Field("address.postcode", _("Postcode"), longest=20, half=True),
            Field("address.city", _("City"), half=True),
            Field("address.region", _("Region")),
        ), _("The seller’s, on invoices and customs papers.")),
        Part(_("Orders"), (
            Field("when_short", _("When stock is short"), "choice", "backorder", choices=tuple(WHEN_SHORT.items())),
            Field("ship", _("How orders are sent"), "choice", "split", choices=tuple(SHIP.items())),
            Field("reserve_minutes", _("An unpaid order is kept for"), "count", "60", unit=_("minutes"), required=True,
                  hint=_("One that came with reserve: now. Then it ends, and its goods are free again.")),
            Field("kept_in_100", _("Of a hundred promised dates, are to be kept"), "decimal", "90", required=True,
                  wrong=_("from 50 to 98"), hint=_("More means later dates that hold more often.")),
            Field("hold_duplicates", _("Hold orders that look like one that came before"), "yes", "yes"),
        ), _("What happens without anybody asking.")),
        Part(_("Tax numbers"), (
            Field("tax_numbers.vat", _("VAT"), longest=60), Field("tax_numbers.ioss", "IOSS", longest=60),
                  Field("tax_numbers.eori", "EORI", longest=60),
        )),
        Part(_("Across borders"), (
            Field("customs.responsible_person", _("Responsible person in the EU"), longest=500,
                  hint=_("Name, address and e-mail, for all SKUs that name none of their own.")),
            Field("customs.ddp_to", _("You pay duty and tax to"), "list", wrong=_("two letters each, as EU, GB"),
                  hint=_("Countries with commas between, EU for all of the Union. Elsewhere the buyer pays.")),
            Field("customs.filing", _("Exports that must be filed"), "choice", "own", choices=tuple(FILING.items())),
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
