"""leaving_page: `/floor/leaving?site=`: what stands labeled at a site, by carrier: listed, fetched, handed over."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response

from doorstep.doors.console import words
from doorstep.doors.console.allowing import merchant_named
from doorstep.doors.console.asking import once_of
from doorstep.doors.console.floor import chosen_site
from doorstep.doors.console.moves import may
from doorstep.doors.console.narrowing import merchants_of
from doorstep.doors.console.speaking import Told
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.reads.leaving import LeavingQuery, leaving
from doorstep.kit import clock
from doorstep.kit.refusals import Invalid, NotAllowed, Refusal
from doorstep.setup.sites import Site, every_site
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run_one
from doorstep.spine.verbs import VERBS

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
    if not may(verb, visit.visitor.actor.roles):
        raise NotAllowed(verb=verb, role=visit.visitor.person.role)
    merchant = await merchant_named(visit, visit.form.get("merchant", ""))
    try:
        body = await _body(visit, verb, code)
        ask = Ask(merchant, body, clock.now(), visit.visitor.actor, *once_of(visit, verb, body))
        await run_one(visit.db, verb, ask)
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
    try:
        if verb == "want_pickup":
            async with visit.reading() as tx:
                site = chosen_site(list((await every_site(tx)).values()), code)
            assert site is not None or not code
            given |= _window(given, site)
        return msgspec.convert(given, VERBS[verb].body, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(fields=[{"pointer": "", "detail": str(error)[:200]}]) from None


def _window(given: dict[str, Any], site: Site | None) -> dict[str, datetime]:
    """The day and the two times as the site's clock has them. Raises ValueError."""
    zone = ZoneInfo(site.timezone if site else "UTC")
    day = date.fromisoformat(given.pop("day", ""))
    begins, ends = (time.fromisoformat(given.pop(name, "")) for name in ("from", "to"))
    return {name: datetime.combine(day, at, zone) for name, at in (("ready_at", begins), ("until", ends))}


async def _page(
    visit: Visit, code: str, status: int, *, refusal: Refusal | None = None, did: str = ""
) -> Response[str]:
    async with visit.reading() as tx:
        sites = sorted((await every_site(tx)).values(), key=lambda site: site.code)
        site = chosen_site(sites, code)
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
        reasons=words.reasons(refusal) if refusal else [],
        did=words.HAPPENED.get(did, ""),
        may_do=may("want_manifest", visit.visitor.actor.roles),
        tomorrow=today + timedelta(days=1) if today else None,
        once=token_hex(16),
    )
