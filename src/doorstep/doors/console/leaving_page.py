"""leaving_page: `/floor/leaving?site=`: what stands labeled at a site, by carrier: listed, fetched, handed over."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from litestar import Response

from doorstep.doors.console import words
from doorstep.doors.console.allowing import may, merchant_named, must
from doorstep.doors.console.asking import asked, body_of
from doorstep.doors.console.floor import site_chosen
from doorstep.doors.console.narrowing import merchants_of
from doorstep.doors.console.speaking import Told
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.reads.leaving import LeavingQuery, leaving
from doorstep.kit import clock
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.setup.sites import Site
from doorstep.spine.runner import run_one

VERBS_HERE = ("want_manifest", "collect", "want_pickup", "call_off")
MANIFEST_STATES = Told({"wanted": "The carrier is asked", "made": "Made", "refused": "Refused"})
PICKUP_STATES = Told({
    "wanted": "The carrier is asked", "booked": "Booked", "refused": "Refused",
    "call_off_wanted": "Being called off", "called_off": "Called off",
})  # fmt: skip
STATE_TONES = {"wanted": "amber", "made": "green", "booked": "green", "refused": "red", "call_off_wanted": "amber"}


async def show(visit: Visit) -> Response[str]:
    return await _page(visit, visit.query.get("site", ""), 200, did=visit.query.get("did", ""))


async def do(visit: Visit) -> Response[str]:
    """One of the verbs of this page, then the page again; a no is shown above it."""
    verb, code = visit.path["verb"].replace("-", "_"), visit.form.get("at", "")
    if verb not in VERBS_HERE:
        raise NoSuchPage
    must(visit, verb)
    merchant = await merchant_named(visit, visit.form.get("merchant", ""))
    try:
        await run_one(visit.db, verb, asked(visit, verb, merchant, await _body(visit, verb, code)))
    except Refusal as refusal:
        return await _page(visit, code, refusal.status, refusal=refusal)
    return see_other(f"/floor/leaving?{urlencode({'site': code, 'did': verb})}")


async def _body(visit: Visit, verb: str, code: str) -> Any:
    given: dict[str, Any] = {
        name: value.strip() for name, value in visit.form.items()
        if name not in ("at", "once", "proof", "merchant") and value.strip()
    }  # fmt: skip
    if verb in ("want_manifest", "want_pickup"):
        given["site"] = code
    if verb == "want_pickup":
        async with visit.reading() as tx:
            _sites, site = await site_chosen(tx, code)
        given |= _window(given, site)
    return body_of(verb, given)


def _window(given: dict[str, Any], site: Site | None) -> dict[str, datetime]:
    """The day and the two times as the site's clock has them; refuses Invalid."""
    zone = ZoneInfo(site.timezone if site else "UTC")
    try:
        day = date.fromisoformat(given.pop("day", ""))
        begins, ends = (time.fromisoformat(given.pop(name, "")) for name in ("from", "to"))
    except ValueError as error:
        raise Invalid(fields=[{"pointer": "", "detail": str(error)[:200]}]) from None
    return {name: datetime.combine(day, at, zone) for name, at in (("ready_at", begins), ("until", ends))}


async def _page(
    visit: Visit, code: str, status: int, *, refusal: Refusal | None = None, did: str = ""
) -> Response[str]:
    async with visit.reading() as tx:
        sites, site = await site_chosen(tx, code)
        found = await leaving(tx, list(tx.merchants), LeavingQuery(site=site.code)) if site else None
        names = dict((await merchants_of(tx)).choices)
    today = clock.now().astimezone(ZoneInfo(site.timezone)).date() if site else None
    return visit.show(
        "leaving.html",
        status,
        sites=sites,
        site=site,
        of=found,
        names=names,
        manifest_states=MANIFEST_STATES,
        pickup_states=PICKUP_STATES,
        tones=STATE_TONES,
        refusal=refusal,
        did=words.HAPPENED.get(did, ""),
        may_do=may("want_manifest", visit.visitor.actor.roles),
        tomorrow=today + timedelta(days=1) if today else None,
        once=token_hex(16),
    )
