"""settings: `/settings/brand` in the console: how a merchant's buyers see it, with a page of theirs beside the form."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response

from doorstep.doors.buyer import saying
from doorstep.doors.buyer.following import Box, Following, News, Step, StepState
from doorstep.doors.buyer.page import drawn
from doorstep.doors.console.allowing import nobody_yet
from doorstep.doors.console.narrowing import MERCHANTS, merchant_meant
from doorstep.doors.console.route import Stop
from doorstep.doors.console.routes import Method, Page
from doorstep.doors.console.speaking import _
from doorstep.doors.console.visit import SAFE, Visit, see_other
from doorstep.doors.reads.order import FulfillmentOrder
from doorstep.kit import clock
from doorstep.kit.color import fill, is_color, legible
from doorstep.kit.refusals import Refusal
from doorstep.setup.branding import PLAIN_ACCENT, Brand, brand_of, drop_logo, keep_brand, keep_logo
from doorstep.spine.tenant import tenant_tx

# Shown inside a page of ours, and of ours alone.
FRAMED = {
    **SAFE,
    "content-security-policy": SAFE["content-security-policy"].replace("ancestors 'none'", "ancestors 'self'"),
    "x-frame-options": "SAMEORIGIN",
}


async def show(visit: Visit) -> Response[str]:
    return await _page(visit) if visit.visitor.merchants else nobody_yet(visit, "brand")


async def keep(visit: Visit) -> Response[str]:
    form = {name: visit.form.get(name, "") for name in ("name", "accent", "support", "note")}
    cancels = visit.form.get("buyers_cancel") == "yes"
    merchant = await merchant_meant(visit)
    try:
        async with tenant_tx(visit.db, [merchant["merchant_id"]]) as tx:
            await keep_brand(tx, merchant["merchant_id"], **form, buyers_cancel=cancels, by=visit.by)
    except Refusal as refusal:
        return await _page(visit, refusal.status, refusal=refusal, form=form, cancels=cancels)
    return _again(merchant, "kept")


async def upload(visit: Visit) -> Response[str]:
    merchant = await merchant_meant(visit)
    try:
        async with tenant_tx(visit.db, [merchant["merchant_id"]]) as tx:
            await keep_logo(tx, merchant["merchant_id"], visit.upload, clock.now(), visit.by)
    except Refusal as refusal:
        return await _page(visit, refusal.status, refusal=refusal)
    return _again(merchant, "logo")


async def drop(visit: Visit) -> Response[str]:
    merchant = await merchant_meant(visit)
    async with tenant_tx(visit.db, [merchant["merchant_id"]]) as tx:
        await drop_logo(tx, merchant["merchant_id"], visit.by)
    return _again(merchant, "dropped")


async def sample(visit: Visit) -> Response[str]:
    """The page of an order that is nobody's, as it would look with what stands in the form."""
    merchant = await merchant_meant(visit)
    async with visit.reading() as tx:
        kept = await brand_of(tx, merchant["merchant_id"])
    said = {name: visit.query.get(name, getattr(kept, name)) for name in ("name", "accent", "support", "note")}
    accent = said["accent"] if is_color(said["accent"]) else PLAIN_ACCENT
    brand = Brand(kept.merchant, kept.key, said["name"] or kept.name, accent, said["support"], said["note"], kept.logo)
    html = drawn(_sample(clock.now()), brand, is_sample=True)
    return Response(html, media_type="text/html", headers=FRAMED)


PAGES: tuple[tuple[Method, str, Page], ...] = (
    ("GET", "/settings/brand", show),
    ("POST", "/settings/brand", keep),
    ("GET", "/settings/brand/sample", sample),
    ("POST", "/settings/brand/logo", upload),
    ("POST", "/settings/brand/logo/drop", drop),
)


async def _page(visit: Visit, status: int = 200, **more: Any) -> Response[str]:
    merchant = await merchant_meant(visit)
    async with visit.reading() as tx:
        brand = await brand_of(tx, merchant["merchant_id"])
        merchants = await tx.rows(MERCHANTS, list(visit.visitor.merchants))
    form = more.pop("form", None) or {name: getattr(brand, name) for name in ("name", "accent", "support", "note")}
    accent = form["accent"] if is_color(form["accent"]) else PLAIN_ACCENT
    return visit.show(
        "brand.html", status, brand=brand, merchants=merchants, form=form, done=visit.query.get("done", ""),
        on_white=legible(accent), filled=fill(accent), accent=accent, refusal=more.get("refusal"),
        cancels=more.get("cancels", brand.buyers_cancel),
    )  # fmt: skip


def _again(merchant: Any, done: str) -> Response[str]:
    return see_other(f"/settings/brand?merchant={merchant['key']}&done={done}")


def _sample(now: datetime) -> Following:
    """An order on its way from Poland to Kyiv."""
    ago = [now - timedelta(hours=hours) for hours in (75, 54, 30, 6)]
    names = list(saying.STEPS.values())
    states: tuple[StepState, ...] = ("done", "done", "now", "ahead", "ahead")
    times = (ago[0], ago[1], ago[2], None, None)
    tone, title, says, you = saying.standing("on_its_way")
    first, last = (now + timedelta(days=2)).date(), (now + timedelta(days=4)).date()
    way = [
        Stop("Rzeszów", "PL", "site", "done", ago[2]),
        Stop("Lviv", "UA", "place", "now", ago[3], saying.news("in_transit"), "teal", crosses=True),
        Stop("Kyiv", "UA", "door", "ahead"),
    ]
    news = [
        News(saying.news("in_transit"), "teal", "Lviv, UA", "", ago[3], "Europe/Kyiv"),
        News(saying.news("accepted"), "teal", "Rzeszów, PL", "", ago[2], "Europe/Warsaw"),
    ]
    part = FulfillmentOrder(
        id="", site="", ship_by=None, deliver_from=first, deliver_by=last, released_at=None, allocations=[]
    )
    steps = [Step(name, state, when) for name, state, when in zip(names, states, times, strict=True)]
    box = Box("Meest", "MP123456785PL", saying.news("in_transit"), "teal", [(2, _("A mug"))], way, part, news)
    return Following(
        number="#1001", city="Kyiv", country="UA", zone=ZoneInfo("Europe/Kyiv"), tone=tone, title=title, now=says,
        you=you, you_canceling=you, steps=steps, promised=(first, last), is_late=False, boxes=[box], not_sent=[],
        cases=[], notices=[], last_at=now, is_over=False, is_untouched=False,
    )  # fmt: skip
