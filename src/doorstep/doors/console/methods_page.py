"""methods_page: `/settings/methods`: what channels call their ways to ship, and what each means here."""

from __future__ import annotations

from litestar import Response
from msgspec import structs

from doorstep.doors.console.allowing import merchant_named, must_set_up, sets_up, whose
from doorstep.doors.console.filling import filled
from doorstep.doors.console.forms import Field, Form, Part
from doorstep.doors.console.narrowing import merchants_of
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit
from doorstep.doors.http.setting_up import MethodBody
from doorstep.doors.reads import setup
from doorstep.kit.refusals import Invalid
from doorstep.setup.catalog import put_method
from doorstep.setup.connections import connections
from doorstep.spine.tenant import tenant_tx

DONE = Told({"method": "The shipping method is kept"})
LEVELS = Told({"economy": "Economy", "standard": "Standard", "express": "Express", "same_day": "Same day"})


async def show(visit: Visit) -> Response[str]:
    must_set_up(visit)
    async with visit.reading() as tx:
        merchants = await merchants_of(tx)
        found = [(key, name, (await setup.methods(tx, merchant)).shipping_methods) for merchant, key, name in merchants]
    return visit.show(
        "methods.html", merchants=found, levels=LEVELS, may_write=sets_up(visit.visitor),
        did=visit.did(DONE),
    )  # fmt: skip


async def ask_whose(visit: Visit) -> Response[str]:
    must_set_up(visit)
    return await whose(visit, _("New shipping method"), "/settings/methods", "settings")


async def ask(visit: Visit) -> Response[str]:
    must_set_up(visit)
    _merchant, form = await _method(visit, visit.query.get("name", ""))
    return visit.show("form.html", form=form, at="settings")


async def keep(visit: Visit) -> Response[str]:
    """One of that name is set anew."""
    must_set_up(visit)
    merchant, form = await _method(visit, "")

    async def keep_method(body: MethodBody) -> str:
        if body.days_max < body.days_min:
            raise Invalid(fields=[{"pointer": "/days_max", "detail": _("must be at least the days before it")}])
        async with tenant_tx(visit.db, [merchant]) as tx:
            await put_method(
                tx, merchant, body.name, level=body.level, carrier=body.carrier, days_min=body.days_min,
                days_max=body.days_max, by=visit.by,
            )  # fmt: skip
        return "/settings/methods?did=method"

    return await filled(visit, form, MethodBody, keep_method)


async def _method(visit: Visit, name: str) -> tuple[int, Form]:
    merchant = await merchant_named(visit, visit.path["merchant"])
    async with visit.reading() as tx:
        known = next((one for one in (await setup.methods(tx, merchant)).shipping_methods if one.name == name), None)
        carriers = tuple((one.code, one.code) for one in await connections(tx, merchant) if one.kind == "carrier")
    levels = dict(LEVELS.items()) | ({known.level: LEVELS.get(known.level, known.level)} if known else {})
    fields = (
        Field("name", _("As the channel writes it"), required=True, longest=120,
              hint=_("To the letter: Express. One of that name is set anew.")),
        Field("level", _("What it means"), "choice", "standard", choices=tuple(levels.items())),
        Field("carrier", _("Carrier"), "choice", choices=(("", _("The cheapest that is in time")), *carriers)),
        Field("days_min", _("Working days in transit, at least"), "count", "2", most=120, unit=_("days"), half=True),
        Field("days_max", _("Working days in transit, at most"), "count", "7", most=120, unit=_("days"), half=True),
    )  # fmt: skip
    address = f"/settings/methods/{visit.path['merchant']}"
    form = Form(
        name or _("New shipping method"),
        address,
        ("/settings/methods", _("Shipping methods")),
        (Part("", fields),),
        _("Keep it"),
    )
    return merchant, form.filled({name: str(value) for name, value in structs.asdict(known).items()}) if known else form
