"""floor: `/floor?site=`: what is to be picked at a site, the most urgent first, for a phone and a scanner's hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode

from litestar import Response

from doorstep.doors.console import words
from doorstep.doors.console.allowing import may, must
from doorstep.doors.console.asking import asked, body_of
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.http.problems import NoSuchPage
from doorstep.kit import clock
from doorstep.kit.ids import NotAnId, number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup.places import ON_SHELVES, QUARANTINE
from doorstep.setup.sites import Site, sites_by_code
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run_one
from doorstep.spine.tenant import Tx

SHOWN = 30
VERBS_HERE = ("pick", "short", "pack")

# Each merchant's most urgent ones come off the index of what is on the floor, in its order; then those of all of them.
TO_DO = """
select f.merchant_id, f.fulfillment_order_id, f.order_id, f.ship_by, o.number, o.country, m.name as merchant,
    s.promised, s.picked
  from (
    select w.* from unnest($1::bigint[]) u(merchant_id)
      cross join lateral (
        select f.merchant_id, f.fulfillment_order_id, f.order_id, f.ship_by from fulfillment_order f
          where f.merchant_id = u.merchant_id and f.site_id = $2 and f.released_at is not null and f.to_pack > 0
          order by f.ship_by, f.fulfillment_order_id limit $3) w
      order by w.ship_by, w.fulfillment_order_id limit $3) f
    join orders o on o.merchant_id = f.merchant_id and o.order_id = f.order_id
    join merchant m on m.merchant_id = f.merchant_id
    cross join lateral (
      select sum(a.promised)::bigint as promised, sum(a.picked)::bigint as picked from allocation a
        where a.merchant_id = f.merchant_id and a.order_id = f.order_id
          and a.fulfillment_order_id = f.fulfillment_order_id) s
  order by f.ship_by, f.fulfillment_order_id
"""
LINES = f"""
select a.fulfillment_order_id, a.line_no, a.promised, a.picked, s.code, s.barcode, coalesce(nullif(l.title, ''), s.name)
    as title, b.place, b.quantity
  from fulfillment_order f
    join allocation a on a.merchant_id = f.merchant_id and a.order_id = f.order_id
      and a.fulfillment_order_id = f.fulfillment_order_id
    join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
    join order_line l on l.merchant_id = a.merchant_id and l.order_id = a.order_id and l.line_no = a.line_no
    left join lateral (
      select place, sum(quantity)::bigint as quantity from bin_stock
        where merchant_id = a.merchant_id and sku_id = a.sku_id and site_id = a.site_id and {ON_SHELVES}
          and place not like '{QUARANTINE}%' and quantity > 0
        group by place order by sum(quantity) >= a.promised desc, place limit 3) b on true
  where f.merchant_id = any($1) and f.fulfillment_order_id = any($2) and a.promised + a.picked > 0
  order by a.fulfillment_order_id, a.line_no
"""
OPEN_HOLDS = """
select h.order_id, h.line_no, h.type, h.reason from hold h
  where h.merchant_id = any($1) and h.order_id = any($2) and h.lifted_at is null order by h.hold_id
"""
WHOSE = """
select f.merchant_id, f.order_id from fulfillment_order f where f.merchant_id = any($1) and f.fulfillment_order_id = $2
"""


class NoSuchSite(Refusal):
    """There is no site of that code."""

    status = 404


@dataclass(frozen=True, slots=True)
class ToPick:
    line_no: int
    title: str
    code: str
    promised: int
    picked: int
    bins: list[tuple[str, int]]
    held: str  # why it must not be picked; '' when it may

    @property
    def bin(self) -> str:
        """Where to go: the first bin that holds all of it, else the first at all."""
        return self.bins[0][0] if self.bins else ""

    @property
    def scans(self) -> list[dict[str, Any]]:
        """All that is to be picked of it, bin after bin; what no bin holds is asked of the first."""
        taken: dict[str, int] = {}
        left = self.promised
        for place, units in self.bins:
            taken[place] = min(left, units)
            left -= taken[place]
        if taken:
            taken[self.bin] += left
        return [
            {"line": self.line_no, "quantity": units, "bin": place, "barcode": self.code}
            for place, units in taken.items()
            if units
        ]

    @property
    def here(self) -> int:
        """Units to take from that bin."""
        return min(self.promised, self.bins[0][1]) if self.bins else self.promised


@dataclass(frozen=True, slots=True)
class ToDo:
    """One fulfillment order on the floor."""

    id: str
    order: str
    row: Mapping[str, Any]
    lines: list[ToPick]
    held: str

    @property
    def is_late(self) -> bool:
        ship_by: datetime | None = self.row["ship_by"]
        return ship_by is not None and ship_by < clock.now()

    @property
    def is_all_there(self) -> bool:
        """Nothing is held, and the bins hold all that is to be picked."""
        to_pick = [line for line in self.lines if line.promised]
        held = self.held or any(line.held for line in to_pick)
        return not held and bool(to_pick) and all(sum(n for _, n in line.bins) >= line.promised for line in to_pick)

    @property
    def is_ready_to_pack(self) -> bool:
        return not any(line.promised for line in self.lines)


async def show(visit: Visit) -> Response[str]:
    return await _page(visit, visit.query.get("site", ""), 200, did=visit.query.get("did", ""), label=_label(visit))


async def do(visit: Visit) -> Response[str]:
    """Pick, short or pack, then the list again; a no is shown above it."""
    verb, code = visit.path["verb"], visit.form.get("at", "")
    if verb not in VERBS_HERE:
        raise NoSuchPage
    must(visit, verb)
    try:
        ask, order = await _ask(visit, verb)
        came = await run_one(visit.db, verb, ask)
    except Refusal as refusal:
        return await _page(visit, code, refusal.status, refusal=refusal)
    parcel = {"order": order, "parcel": came["parcel"]} if verb == "pack" else {}
    return see_other(f"/floor?{urlencode({'site': code, 'did': verb, **parcel})}")


def _label(visit: Visit) -> str:
    """Where the label is of the parcel that was just packed; "" where none was."""
    order, parcel = visit.query.get("order", ""), visit.query.get("parcel", "")
    try:
        number("ord", order), number("par", parcel)
    except NotAnId:
        return ""
    return f"/orders/{order}/parcels/{parcel}/label"


async def _ask(visit: Visit, verb: str) -> tuple[Ask[Any], str]:
    """And the order that it is about."""
    given = {name: value.strip() for name, value in visit.form.items() if name not in ("at", "once")}
    word = given.get("fulfillment_order", "")
    async with visit.reading() as tx:
        found = await tx.row(WHOSE, list(tx.merchants), number("ful", word))
        if found is None:
            raise NotFound(fulfillment_order=word)
        body = await _body(tx, verb, given)
    return asked(visit, verb, found["merchant_id"], body_of(verb, body)), public("ord", found["order_id"])


async def _body(tx: Tx, verb: str, given: dict[str, str]) -> dict[str, Any]:
    """As the verb takes it: a form is one scan, or says that all of the fulfillment order is picked."""
    if verb != "pick":
        return given
    of = given.pop("fulfillment_order")
    scans = await _everything(tx, number("ful", of)) if given.pop("all", "") else [given]
    return {"fulfillment_order": of, "scans": scans}


async def _everything(tx: Tx, fulfillment_order: int) -> list[dict[str, Any]]:
    """What is still to be picked of it, from the bins that hold it."""
    lines: dict[int, list[Any]] = defaultdict(list)
    for row in await tx.rows(LINES, list(tx.merchants), [fulfillment_order]):
        lines[row["line_no"]].append(row)
    return [scan for at in lines.values() for scan in _to_pick(at, "").scans]


async def _page(
    visit: Visit, code: str, status: int, *, refusal: Refusal | None = None, did: str = "", label: str = ""
) -> Response[str]:
    async with visit.reading() as tx:
        sites, site = await site_chosen(tx, code)
        found = await to_do(tx, site) if site else []
    return visit.show(
        "floor.html",
        status,
        sites=sites,
        site=site,
        to_do=found,
        shown=SHOWN,
        refusal=refusal,
        did=words.HAPPENED.get(did, ""),
        label=label,
        may_pick=may("pick", visit.visitor.actor.roles),
        once=token_hex(16),
    )


async def site_chosen(tx: Tx, code: str) -> tuple[list[Site], Site | None]:
    """All sites, and the one of that code; without a code the only one there is. Refuses NoSuchSite."""
    known = await sites_by_code(tx)
    sites = [known[one] for one in sorted(known)]
    if not code:
        return sites, sites[0] if len(sites) == 1 else None
    if code not in known:
        raise NoSuchSite(site=code[:40])
    return sites, known[code]


async def to_do(tx: Tx, site: Site) -> list[ToDo]:
    """What is on the floor there and not packed yet; of the merchants that this transaction sees."""
    rows = await tx.rows(TO_DO, list(tx.merchants), site.site_id, SHOWN)
    holds: dict[tuple[int, int | None], str] = {}
    for row in await tx.rows(OPEN_HOLDS, list(tx.merchants), [row["order_id"] for row in rows]):
        told = f"{words.HOLDS.get(row['type'], '')}: {words.reason(row['reason'])}"
        holds.setdefault((row["order_id"], row["line_no"]), told)
    lines: dict[int, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in await tx.rows(LINES, list(tx.merchants), [row["fulfillment_order_id"] for row in rows]):
        lines[row["fulfillment_order_id"]][row["line_no"]].append(row)
    found = [_to_do(row, lines[row["fulfillment_order_id"]], holds) for row in rows]
    return sorted(found, key=lambda each: each.held != "")


def _to_do(row: Any, lines: Mapping[int, list[Any]], holds: Mapping[tuple[int, int | None], str]) -> ToDo:
    picks = [_to_pick(at, holds.get((row["order_id"], line_no), "")) for line_no, at in lines.items()]
    # A walk through the shelves: bin after bin.
    picks.sort(key=lambda line: (line.promised == 0, line.bin))
    ids = public("ful", row["fulfillment_order_id"]), public("ord", row["order_id"])
    return ToDo(*ids, dict(row), picks, holds.get((row["order_id"], None), ""))


def _to_pick(at: list[Any], held: str) -> ToPick:
    line = at[0]
    bins = [(row["place"], row["quantity"]) for row in at if row["place"]]
    return ToPick(line["line_no"], line["title"], line["code"], line["promised"], line["picked"], bins, held)
