"""loads_page: `/loads`: bags, pallets, flights, customs entries; one with what lies in it; a page to scan into it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from secrets import token_hex
from typing import Any, get_args
from urllib.parse import urlencode

from litestar import Response

from doorstep.doors.console import words
from doorstep.doors.console.allowing import may, must
from doorstep.doors.console.asking import asked, body_of
from doorstep.doors.console.filling import filled
from doorstep.doors.console.forms import Field, Form, Part, countries
from doorstep.doors.console.narrowing import narrowing
from doorstep.doors.console.papers import shown
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.reads import loads as reads
from doorstep.doors.reads.papers import LoadPaper, load_pdf
from doorstep.journey.shipping.open_load import OpenLoad
from doorstep.kit import clock
from doorstep.kit.ids import public
from doorstep.kit.refusals import Invalid, NotFound, Refusal
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run_one
from doorstep.spine.tenant import Tx

STATES = Told({"open": "Open", "closed": "Closed"})
VERBS_HERE = ("put_in", "take_out", "close_load", "reopen_load", "track_load")
PAPERS: Mapping[str, LoadPaper] = {f"{kind}.pdf": kind for kind in get_args(LoadPaper)}
# What somebody at a desk or a dock tells; airlines' own codes come over the API.
TOLD_HERE = ("handed_over", "departed", "arrived", "in_customs", "held_by_customs", "cleared", "handed_to_last_mile",
             "delayed", "damaged", "lost")  # fmt: skip
# Loads are those of who runs the sites; where nobody is said to, of the first shop.
WHOSE = """
select m.merchant_id from merchant m where m.merchant_id = any($1) order by m.is_operator desc, m.merchant_id limit 1
"""


async def show(visit: Visit) -> Response[str]:
    filters = narrowing(visit, "/loads", ("q",), kind=tuple(words.LOADS), state=tuple(STATES))
    is_open = {"open": True, "closed": False}.get(filters["state"])
    query = reads.LoadQuery(
        kind=filters["kind"] or None,  # type: ignore[arg-type]  # one of those
        open=is_open, number=filters["q"] or None, cursor=filters.after or None,
    )  # fmt: skip
    async with visit.reading() as tx:
        page = await reads.loads(tx, tx.merchants, query)
    context: dict[str, Any] = {"rows": page.loads, "further": page.next, "filters": filters}
    if visit.is_part:
        return visit.show("loads_rows.html", **context)
    return visit.show("loads.html", **context, states=STATES, may_open=may("open_load", visit.visitor.actor.roles))


async def show_one(visit: Visit) -> Response[str]:
    return await _page(visit, 200, did=visit.query.get("did", ""))


async def scan(visit: Visit) -> Response[str]:
    return await _page(visit, 200, did=visit.query.get("did", ""), at_scan=True, last=visit.query.get("last", ""))


async def scan_which(visit: Visit) -> Response[str]:
    """Scan the bag first: then its own page takes the parcels."""
    code = visit.query.get("load", "").strip()
    shown: dict[str, Any] = {"code": code, "may_open": may("open_load", visit.visitor.actor.roles)}
    if not code:
        return visit.show("loads_scan_which.html", missing=False, **shown)
    async with visit.reading() as tx:
        try:
            row = await reads.load_called(tx, tx.merchants, code)
        except Refusal:
            return visit.show("loads_scan_which.html", 404, missing=True, **shown)
    return see_other(f"/loads/{public('lod', row['load_id'])}/scan")


async def do(visit: Visit) -> Response[str]:
    """A scan, a closing, a word of where it is; a no is shown above."""
    verb, at_scan = visit.path["verb"], visit.form.get("at", "") == "scan"
    if verb not in VERBS_HERE:
        raise NoSuchPage
    must(visit, verb)
    try:
        answer = await run_one(visit.db, verb, await _ask(visit, verb))
    except Refusal as refusal:
        return await _page(visit, refusal.status, refusal=refusal, at_scan=at_scan)
    said = {"did": verb if answer.get("moved", 1) else "already"}
    if at_scan:
        said |= {"last": visit.form.get("items", "").strip()[:80]}
    return see_other(f"/loads/{visit.path['load']}{'/scan' if at_scan else ''}?{urlencode(said)}")


async def _ask(visit: Visit, verb: str) -> Ask[Any]:
    given = visit.form
    async with visit.reading() as tx:
        row = await reads.load_called(tx, tx.merchants, visit.path["load"])
    said: dict[str, Any] = {"load": visit.path["load"]}
    if verb in ("put_in", "take_out"):
        # A number may be printed in groups: only what stands between commas is another.
        said["items"] = [item for part in re.split(r"[,;\n]", given.get("items", "")) if (item := part.strip())]
    elif verb == "close_load":
        kilograms = given.get("gross_kg", "").strip().replace(",", ".")
        gross = round(float(kilograms) * 1000) if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", kilograms) else 0
        said |= {"seal": given.get("seal", "").strip(), "gross_g": gross}
    elif verb == "reopen_load":
        said["reason"] = given.get("reason", "").strip()
    else:
        event = {"what": given.get("what", ""), "place": given.get("place", "").strip()}
        when = given.get("happened_at.utc") or given.get("happened_at", "")
        said["events"] = [event | ({"happened_at": _moment(when)} if when else {})]
    return asked(visit, verb, row["merchant_id"], body_of(verb, said))


def _moment(word: str) -> datetime:
    try:
        found = datetime.fromisoformat(word)
    except ValueError:
        raise Invalid(fields=[{"pointer": "/happened_at", "detail": "must be a time"}]) from None
    return found if found.tzinfo else found.replace(tzinfo=clock.now().tzinfo)


async def _page(
    visit: Visit, status: int, *, refusal: Refusal | None = None, did: str = "", at_scan: bool = False, last: str = ""
) -> Response[str]:
    of = await _whole(visit)
    roles = visit.visitor.actor.roles
    return visit.show(
        "loads_scan.html" if at_scan else "load.html",
        status,
        of=of,
        names={share.merchant: share.name for share in of.merchants},
        refusal=refusal,
        did=_("It was in there already") if did == "already" else words.HAPPENED.get(did, ""),
        last=last,
        news=[(word, words.LOAD_NEWS[word]) for word in TOLD_HERE],
        may={verb: may(verb, roles) for verb in VERBS_HERE},
        once=token_hex(16),
    )


async def _whole(visit: Visit) -> reads.LoadWhole:
    return await reads.load(visit.db, visit.visitor.merchants, visit.path["load"])


async def printed(visit: Visit) -> Response[bytes]:
    kind = PAPERS.get(visit.path["paper"])
    if kind is None:
        raise NoSuchPage
    of = await _whole(visit)
    return await shown(load_pdf(of, kind), f"{kind}-{of.load.id}.pdf")


# Opening one


async def ask_new(visit: Visit) -> Response[str]:
    must(visit, "open_load")
    return visit.show("form.html", form=_opening(visit.query.get("kind", "")), at="loads")


async def create(visit: Visit) -> Response[str]:
    must(visit, "open_load")
    async with visit.reading() as tx:
        whose = await _operator(tx)

    async def keep(said: OpenLoad) -> str:
        answer = await run_one(visit.db, "open_load", asked(visit, "open_load", whose, said))
        return f"/loads/{answer['load']}?did=open_load"

    return await filled(visit, _opening(visit.form.get("kind", "")), OpenLoad, keep, "loads")


async def _operator(tx: Tx) -> int:
    found = await tx.value(WHOSE, list(tx.merchants))
    if found is None:
        raise NotFound(merchant="")
    return int(found)


def _opening(kind: str) -> Form:
    fields = (
        Field("kind", _("What it is"), "choice", kind if kind in words.LOADS else "bag",
              choices=tuple(words.LOADS.items())),
        Field("number", _("Its number"), longest=60,
              hint=_("As printed on it; of a flight its air waybill, 020-12345675. A bag or pallet without one gets "
                     "one.")),
        Field("country", _("Goes to"), "choice", choices=countries(_("Anywhere")),
              hint=_("Then only what goes there may be put in.")),
        Field("carrier", _("Who moves it"), longest=60, hint=_("The airline or line haul; of an entry its broker.")),
        Field("flight", _("Flight"), longest=60),
        Field("from_airport", _("From airport"), "code", longest=3, hint=_("Three letters, as EWR."),
              wrong=_("three letters"), half=True),
        Field("to_airport", _("To airport"), "code", longest=3, hint=_("Three letters, as RZE."),
              wrong=_("three letters"), half=True),
    )  # fmt: skip
    says = _("What parcels travel in. What happens to it is told to every parcel that is inside.")
    return Form(_("Open a load"), "/loads/new", ("/loads", _("Loads")), (Part("", fields),), _("Open it"), says)
