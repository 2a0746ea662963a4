"""sites_page: `/settings/sites`: where goods stand and leave from."""

from __future__ import annotations

from typing import Literal

from babel.dates import get_day_names
from litestar import Response

from doorstep.doors.console.allowing import must_run_the_operation, runs_the_operation
from doorstep.doors.console.filling import filled
from doorstep.doors.console.forms import Field, Form, Part, countries, zones
from doorstep.doors.console.speaking import Told, _, reader
from doorstep.doors.console.visit import Visit
from doorstep.doors.http.setting_up import SiteBody, new_site
from doorstep.doors.reads import setup
from doorstep.setup.merchants import add_site, change_site

DONE = Told({"site": "The site is there", "site-changed": "The site is changed"})


async def show(visit: Visit) -> Response[str]:
    async with visit.reading() as tx:
        sites = (await setup.sites(tx)).sites
    return visit.show(
        "sites.html", sites=sites, weekdays=_weekdays("abbreviated"), may_write=runs_the_operation(visit.visitor),
        did=visit.did(DONE),
    )  # fmt: skip


async def ask_new(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    return visit.show("form.html", form=_form(), at="settings")


async def create(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)

    async def keep(body: SiteBody) -> str:
        await add_site(visit.db, _anybody(visit), new_site(body), visit.by)
        return "/settings/sites?did=site"

    return await filled(visit, _form(), SiteBody, keep)


async def ask_change(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    return visit.show("form.html", form=await _known(visit), at="settings")


async def change(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)

    async def keep(body: SiteBody) -> str:
        await change_site(visit.db, _anybody(visit), new_site(body), visit.by)
        return "/settings/sites?did=site-changed"

    return await filled(visit, await _known(visit), SiteBody, keep, code=visit.path["site"])


def _anybody(visit: Visit) -> int:
    """Sites are nobody's in particular: whoever's wall, the transaction needs one. Before the first merchant there is
    none to need it for."""
    return visit.visitor.merchants[0] if visit.visitor.merchants else 0


async def _known(visit: Visit) -> Form:
    async with visit.reading() as tx:
        row = await setup.whole_site(tx, visit.path["site"])
    form = _form(row["code"])
    address = {f"address.{name}": str(value) for name, value in row["address"].items()}
    values = {
        name: "" if row[name] is None else str(row[name])
        for name in ("name", "country", "latitude", "longitude", "timezone", "capacity")
    }
    days = ",".join(map(str, row["weekdays"]))
    return form.filled({**address, **values, "cut_off": f"{row['cut_off']:%H:%M}", "weekdays": days})


def _form(code: str = "") -> Form:
    """Of one that is there everything but its code may be changed."""
    own = (Field("code", _("Code"), "code", required=True, longest=40,
          wrong=_("2 or more capital letters, digits and hyphens"),
                 hint=_("Short, on every pick list: EWR. It is for ever.")),)  # fmt: skip
    day_names = tuple((str(number), name[:1].upper() + name[1:]) for number, name in _weekdays("wide").items())
    parts = (
        Part(_("Where it is"), (
            *(() if code else own),
            Field("name", _("Name"), required=True),
            Field("country", _("Country"), "country", reader().locale.territory or "US", choices=countries()),
            Field("address.line1", _("Street"), code="address-line1"),
            Field("address.line2", _("Street, second line"), code="address-line2"),
            Field("address.postcode", _("Postcode"), longest=20, code="postal-code", half=True),
            Field("address.city", _("City"), code="address-level2", half=True),
            Field("address.region", _("Region"), code="address-level1", half=True),
            Field("address.phone", _("Phone"), longest=40, code="tel", half=True),
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
            Field("latitude", _("Latitude"), "decimal", half=True),
            Field("longitude", _("Longitude"), "decimal", half=True),
        ), _("Whose buyers are nearer is asked by it; without, the middle of its country counts.")),
    )  # fmt: skip
    address = f"/settings/sites/{code}" if code else "/settings/sites/new"
    return Form(
        code or _("New site"), address, ("/settings/sites", _("Sites")), parts, _("Save") if code else _("Add it")
    )


def _weekdays(width: Literal["abbreviated", "wide"]) -> dict[int, str]:
    names = get_day_names(width, locale=reader().language)
    return {number + 1: str(names[number]) for number in range(7)}
