"""stock_page: `/stock`: what stands where, and what is coming in; what was announced is received line by line."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from litestar import Response
from msgspec import Meta, Struct

from doorstep.doors.console.allowing import may, merchant_named, must, whose
from doorstep.doors.console.asking import asked
from doorstep.doors.console.forms import Field, Form, Part, read
from doorstep.doors.console.goods_moves import foretold
from doorstep.doors.console.narrowing import merchants_of, narrowing
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.reads import days, setup
from doorstep.doors.reads.arrivals import StockFilters, WholeAsn, asns, stock, whole_asn
from doorstep.doors.reads.reports.stock import stock_at_the_end_of, stock_now
from doorstep.journey.inventory.announce import Announce, ExpectedLine
from doorstep.journey.inventory.receive import Receive, ReceivedLine
from doorstep.kit import clock
from doorstep.kit.ids import public
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.setup.places import RECEIVING, Bin
from doorstep.spine.preview import preview
from doorstep.spine.runner import run_one

STATES = Told({"none": "None free", "promised": "Promised", "apart": "In quarantine", "coming": "Announced"})
ASN_STATES = Told({"open": "Still to come", "closed": "Closed"})
DONE = Told({"announce": "The arrival is announced", "receive": "The goods are in", "close": "The arrival is closed"})

PAST_SHOWN = 500


async def show(visit: Visit) -> Response[str]:
    filters = narrowing(visit, "/stock", ("q", "merchant", "site"), state=tuple(STATES))
    async with visit.reading() as tx:
        merchants = await merchants_of(tx, filters["merchant"])
        sites = (await setup.sites(tx)).sites
        asked = StockFilters(merchants.wanted, filters["q"], filters["site"], filters["state"], filters.after)  # type: ignore[arg-type]
        rows, further = await stock(tx, asked)
    context: dict[str, Any] = {"rows": rows, "further": further, "filters": filters, "merchants": merchants}
    if visit.is_part:
        return visit.show("stock_rows.html", **context)
    return visit.show(
        "stock.html", **context, sites=sites, states=STATES, may_count=may("adjust", visit.visitor.actor.roles)
    )


async def show_past(visit: Visit) -> Response[str]:
    """What stood where when a day was over on the merchant's clock; of today, what stands there now."""
    sku = visit.query.get("sku", "").strip()[:120]
    async with visit.reading() as tx:
        merchants = await merchants_of(tx, visit.query.get("merchant", ""))
        keys = {merchant: key for merchant, key, _name in merchants}
        merchant = next(iter(merchants.wanted or merchants.names), 0)
        today = await days.today(tx, [merchant], clock.now())
        day = min(_day(visit.query.get("day", "")) or today, today)
        if day < today:
            rows = await stock_at_the_end_of(tx, merchant, day, sku or None)
        else:
            rows = await stock_now(tx, merchant, sku or None)
    return visit.show(
        "stock_past.html", merchants=merchants, merchant=keys.get(merchant, ""), day=day, today=today, sku=sku,
        rows=rows[:PAST_SHOWN], more=len(rows) > PAST_SHOWN,
    )  # fmt: skip


def _day(word: str) -> date | None:
    try:
        return date.fromisoformat(word) if len(word) == 10 and word[:4] > "1970" else None
    except ValueError:
        return None


# What is announced


async def show_arrivals(visit: Visit) -> Response[str]:
    filters = narrowing(visit, "/stock/arrivals", ("merchant",), state=tuple(ASN_STATES))
    async with visit.reading() as tx:
        merchants = await merchants_of(tx, filters["merchant"])
        rows, further = await asns(tx, merchants.wanted, state=filters["state"], before=filters.after)
    context: dict[str, Any] = {"rows": rows, "further": further, "filters": filters, "merchants": merchants}
    if visit.is_part:
        return visit.show("arrivals_rows.html", **context)
    return visit.show(
        "arrivals.html", **context, states=ASN_STATES, may_announce=may("announce", visit.visitor.actor.roles)
    )


class Announcing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As it is typed: in `goods`, on each line a SKU's code and how many."""

    site: str
    goods: Annotated[str, Meta(min_length=1, max_length=20_000)]
    reference: Annotated[str, Meta(max_length=120)] = ""
    expected_on: date | None = None


async def ask_whose_arrival(visit: Visit) -> Response[str]:
    must(visit, "announce")
    return await whose(visit, _("Announce an arrival"), "/stock/arrivals/new", "stock")


async def ask_announcement(visit: Visit) -> Response[str]:
    must(visit, "announce")
    await merchant_named(visit, visit.path["merchant"])
    return visit.show("form.html", form=await _announcement(visit), at="stock")


async def announce(visit: Visit) -> Response[str]:
    must(visit, "announce")
    merchant = await merchant_named(visit, visit.path["merchant"])
    said, form = read(await _announcement(visit), Announcing, visit.form)
    if said is None:
        return visit.show("form.html", 422, form=form, at="stock")
    try:
        lines = _lines(said.goods)
        body = Announce(site=said.site, lines=lines, reference=said.reference, expected_on=said.expected_on)
        answer = await run_one(visit.db, "announce", asked(visit, "announce", merchant, body))
    except Refusal as refusal:
        return visit.show("form.html", refusal.status, form=_about_goods(form, refusal), at="stock")
    return see_other(f"/stock/arrivals/{answer['asn']}?did=announce")


def _about_goods(form: Form, refusal: Refusal) -> Form:
    """A SKU that is not there stands in the goods."""
    if "sku" not in refusal.why:
        return form.refused(refusal)
    return form.told({"goods": _("There is no SKU %(code)s.", code=refusal.why["sku"])})


async def _announcement(visit: Visit) -> Form:
    async with visit.reading() as tx:
        sites = tuple((site.code, f"{site.code} · {site.name}") for site in (await setup.sites(tx)).sites)
    fields = (
        Field("site", _("Site"), "choice", choices=sites),
        Field("goods", _("Goods"), "long", required=True, longest=20_000,
              hint=_("On each line a SKU’s code and how many: MUG 24")),
        Field("reference", _("Number on the papers"), longest=120),
        Field("expected_on", _("Expected on"), "day"),
    )  # fmt: skip
    address = f"/stock/arrivals/new/{visit.path['merchant']}"
    says = _("What is on its way to a site, so that what comes can be compared with it.")
    return Form(
        _("Announce an arrival"),
        address,
        ("/stock/arrivals", _("Arrivals")),
        (Part("", fields),),
        _("Announce it"),
        says,
    )


def _lines(text: str) -> list[ExpectedLine]:
    """`MUG 24`, `MUG; 24`, `MUG × 24`; refuses Invalid."""
    lines = []
    for nth, line in enumerate(filter(None, map(str.strip, text.splitlines())), 1):
        found = re.fullmatch(r"(\S.{0,119}?)[\s;,×x*]+([0-9]{1,7})", line)
        if not found or not 0 < int(found[2]) <= 1_000_000:
            problem = _("line %(line)s is no code with a number behind it: %(text)s", line=nth, text=line[:40])
            raise Invalid(fields=[{"pointer": "/goods", "detail": problem}])
        lines.append(ExpectedLine(sku=found[1], quantity=int(found[2])))
    return lines


# What comes


class Receiving(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As it is typed: by SKU, what came, how many of it damaged, and where the others go."""

    came: dict[str, Annotated[int, Meta(ge=0, le=1_000_000)]] = {}
    damaged: dict[str, Annotated[int, Meta(ge=0, le=1_000_000)]] = {}
    bin: dict[str, Bin] = {}
    close: bool = False


async def show_arrival(visit: Visit) -> Response[str]:
    async with visit.reading() as tx:
        of = await whole_asn(tx, visit.path["asn"])
    return _arrival(visit, of, _receiving(of), did=visit.did(DONE))


def _arrival(visit: Visit, of: WholeAsn, form: Form, status: int = 200, did: str = "") -> Response[str]:
    may_receive = of.is_open and may("receive", visit.visitor.actor.roles)
    fields = {field.name: field for field in form.fields}
    return visit.show("arrival.html", status, of=of, form=form, fields=fields, may_receive=may_receive, did=did)


def _receiving(of: WholeAsn) -> Form:
    """A row per line: what is still to come is what most likely came."""
    fields = [Field("close", _("Nothing more comes: close it"), "yes")]
    for row in of.lines:
        to_come, sku = max(0, row["expected"] - row["received"]), row["sku_id"]
        fields += [
            Field(f"came.{sku}", _("Came of %(code)s", code=row["code"]), "count", str(to_come or "")),
            Field(f"damaged.{sku}", _("Damaged of %(code)s", code=row["code"]), "count"),
            Field(f"bin.{sku}", _("Bin for %(code)s", code=row["code"]), value=RECEIVING, longest=60),
        ]
    address = f"/stock/arrivals/{public('asn', of.asn['asn_id'])}"
    back = ("/stock/arrivals", _("Arrivals"))
    title = _("Receive %(arrival)s", arrival=of.asn["reference"] or public("asn", of.asn["asn_id"]))
    return Form(title, address, back, (Part("", tuple(fields)),), _("Show what it would do"), of.asn["site_name"])


async def receive(visit: Visit) -> Response[str]:
    """First what it would do; then, said again, it is done."""
    must(visit, "receive")
    async with visit.reading() as tx:
        of = await whole_asn(tx, visit.path["asn"])
    said, form = read(_receiving(of), Receiving, visit.form)
    if said is None:
        return _arrival(visit, of, form, 422)
    try:
        ask = asked(visit, "receive", of.asn["merchant_id"], _received(of, said))
        if visit.form.get("step") != "do":
            effect = list(foretold(await preview(visit.db, "receive", ask)))
            effect += [_("Nothing more is waited for.")] if said.close else []
            return visit.show(
                "form_preview.html",
                form=form,
                button=_("Receive"),
                tone="",
                effect=effect,
                posted=visit.form,
                at="stock",
            )
        await run_one(visit.db, "receive", ask)
    except Refusal as refusal:
        return _arrival(visit, of, form.refused(refusal), refusal.status)
    return see_other(f"/stock/arrivals/{visit.path['asn']}?did={'close' if said.close else 'receive'}")


def _received(of: WholeAsn, said: Receiving) -> Receive:
    lines = [
        ReceivedLine(
            sku=row["code"], quantity=said.came[key], damaged=said.damaged.get(key, 0), bin=said.bin.get(key, RECEIVING)
        )
        for row in of.lines
        if said.came.get(key := str(row["sku_id"]))
    ]
    return Receive(site=of.asn["site"], lines=lines, asn=public("asn", of.asn["asn_id"]), close=said.close)
