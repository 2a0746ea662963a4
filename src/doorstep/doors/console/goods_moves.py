"""goods_moves: what may be done with the units of a SKU: counted, received, moved to another bin, sold again from
quarantine or thrown away. Each is a form for one verb of the journey; its effect is shown before it happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response
from msgspec import Meta, Struct

from doorstep.doors.console import words
from doorstep.doors.console.allowing import may, must
from doorstep.doors.console.asking import asked
from doorstep.doors.console.forms import Field, Form, Part, read
from doorstep.doors.console.goods_words import STAGES
from doorstep.doors.console.speaking import Told, _, gettext, ngettext
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.reads import setup
from doorstep.doors.reads.catalog import WholeSku, whole_sku
from doorstep.journey.inventory.adjust import Adjust, Reason
from doorstep.journey.inventory.put_away import PutAway
from doorstep.journey.inventory.receive import Receive, ReceivedLine
from doorstep.journey.inventory.restock import Restock
from doorstep.journey.inventory.scrap import Scrap
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import QUARANTINE, RECEIVING, Bin, Lot, Units, is_bin, is_quarantine
from doorstep.spine.preview import preview
from doorstep.spine.runner import run_one

REASONS = Told({
    "count": "Counted", "found": "Found", "missing": "Missing", "damaged": "Damaged: set apart in quarantine",
    "other": "Other",
})  # fmt: skip
HOW = Told({"counted": "So many stand there", "quantity": "So many more or fewer", "available": "So many are free"})
Sites = tuple[tuple[str, str], ...]


class Counted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody found, before it is said as the verb wants it."""

    sku: str
    site: str
    how: Literal["counted", "quantity", "available"]
    number: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
    reason: Reason
    bin: Bin = ""
    lot: Lot = ""
    note: Annotated[str, Meta(max_length=2000)] = ""

    def said(self) -> Adjust:
        told = {"sku": self.sku, "site": self.site, "reason": self.reason, "bin": self.bin, "lot": self.lot}
        return msgspec.convert({**told, "note": self.note, self.how: self.number}, Adjust)


class Arrived(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SKU that came, before it is said as the verb wants it."""

    sku: str
    site: str
    quantity: Units
    damaged: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    bin: Bin = RECEIVING
    lot: Lot = ""
    reference: Annotated[str, Meta(max_length=120)] = ""

    def said(self) -> Receive:
        line = ReceivedLine(sku=self.sku, quantity=self.quantity, damaged=self.damaged, bin=self.bin, lot=self.lot)
        return Receive(site=self.site, lines=[line], reference=self.reference)


@dataclass(frozen=True, slots=True)
class GoodsMove:
    """A verb as a form: its fields for a SKU and the sites. `shape`: what the form is read as; the verb's own body, or
    what says it."""

    verb: str
    button: str
    icon: str
    title: str
    fields: Callable[[WholeSku, Sites], tuple[Field, ...]]
    shape: type[Struct]
    needs: tuple[str, ...] = ()  # units in one of these stages
    tone: Literal["", "danger"] = ""

    def is_possible(self, of: WholeSku) -> bool:
        return bool(of.sku["stocked"]) and (not self.needs or of.total(*self.needs) > 0)


def goods_moves() -> tuple[GoodsMove, ...]:
    return (
        GoodsMove("adjust", _("Count"), "list-checks", _("Count what stands there"), _adjust, Counted),
        GoodsMove("receive", _("Receive"), "inbox", _("Goods arrive that nobody announced"), _receive, Arrived),
        GoodsMove("put_away", _("Move to a bin"), "boxes", _("Move to another bin"), _put_away, PutAway, ("free",
            "reserved")),
        GoodsMove("restock", _("Sell again"), "rotate-ccw", _("Out of quarantine: sell again"), _restock, Restock,
            ("quarantine",)),
        GoodsMove("scrap", _("Throw away"), "x", _("Out of quarantine: throw away"), _scrap, Scrap, ("quarantine",),
            "danger"),
    )  # fmt: skip


def offered(roles: frozenset[str], of: WholeSku) -> list[GoodsMove]:
    """What may be done with it now, by somebody of these roles."""
    return [move for move in goods_moves() if may(move.verb, roles) and move.is_possible(of)]


# Fields


def _site(sites: Sites) -> Field:
    return Field("site", _("Site"), "choice", sites[0][0] if sites else "", choices=sites)


def _bins(of: WholeSku) -> tuple[tuple[str, str], ...]:
    found = dict.fromkeys(row["place"] for at in of.sites for row in at.places if is_bin(row["place"]))
    return tuple((place, "") for place in found)


def _lot() -> Field:
    return Field("lot", _("Lot"), longest=60)


def _note() -> Field:
    return Field("note", _("Note"), "long", longest=2000)


def _adjust(of: WholeSku, sites: Sites) -> tuple[Field, ...]:
    return (
        _site(sites),
        Field("bin", _("Bin"), choices=_bins(of), longest=60,
              hint=_("Without one, the whole site was counted: totes and parcels too.")),
        Field("how", _("What the number says"), "choice", "counted", choices=tuple(HOW.items())),
        Field("number", _("How many"), "count", required=True, hint=_("Fewer are told with a minus: -2.")),
        Field("reason", _("Reason"), "choice", "count", choices=tuple(REASONS.items())),
        _lot(),
        _note(),
    )  # fmt: skip


def _receive(of: WholeSku, sites: Sites) -> tuple[Field, ...]:
    return (
        _site(sites),
        Field("quantity", _("Units that arrived"), "count", required=True),
        Field("damaged", _("… of them damaged"), "count", hint=_("They go to quarantine.")),
        Field("bin", _("Bin"), value=RECEIVING, choices=_bins(of), longest=60),
        _lot(),
        Field("reference", _("Number on the papers"), longest=120),
    )


def _put_away(of: WholeSku, sites: Sites) -> tuple[Field, ...]:
    return (
        _site(sites),
        Field("quantity", _("Units"), "count", required=True),
        Field("from_bin", _("From bin"), value=RECEIVING, choices=_bins(of), required=True, longest=60),
        Field("to_bin", _("To bin"), required=True, longest=60),
        _lot(),
    )


def _apart(of: WholeSku) -> tuple[tuple[str, str], ...]:
    found = dict.fromkeys(row["place"] for at in of.sites for row in at.places if is_quarantine(row["place"]))
    return tuple((place, place) for place in found or (QUARANTINE,))


def _restock(of: WholeSku, sites: Sites) -> tuple[Field, ...]:
    places = _apart(of)
    return (
        _site(sites),
        Field("quantity", _("Units"), "count", required=True),
        Field("from_place", _("Where from"), "choice", places[0][0], choices=places),
        Field("bin", _("To bin"), value=RECEIVING, choices=_bins(of), longest=60),
        _note(),
    )


def _scrap(of: WholeSku, sites: Sites) -> tuple[Field, ...]:
    places = _apart(of)
    return (
        _site(sites),
        Field("quantity", _("Units"), "count", required=True),
        Field("from_place", _("Where from"), "choice", places[0][0], choices=places),
        Field("reason", _("Reason"), required=True),
    )


# The page


async def ask(visit: Visit) -> Response[str]:
    of, move, sites = await _meant(visit)
    return visit.show("form.html", form=_form(of, move, sites).filled(visit.query), at="catalog")


async def do(visit: Visit) -> Response[str]:
    """First what it would do; then, said again, it is done."""
    of, move, sites = await _meant(visit)
    said, form = read(_form(of, move, sites), move.shape, visit.form, sku=of.sku["code"])
    if said is None:
        return visit.show("form.html", 422, form=form, at="catalog")
    try:
        body = said.said() if isinstance(said, Counted | Arrived) else said
        ask = asked(visit, move.verb, of.sku["merchant_id"], body)
        if visit.form.get("step") != "do":
            effect = await preview(visit.db, move.verb, ask)
            return visit.show(
                "form_preview.html",
                form=form,
                button=move.button,
                tone=move.tone,
                effect=list(foretold(effect)),
                posted=visit.form,
                at="catalog",
            )
        await run_one(visit.db, move.verb, ask)
    except Refusal as refusal:
        return visit.show("form.html", refusal.status, form=form.refused(refusal), at="catalog")
    return see_other(f"/catalog/{visit.path['sku']}?did={move.verb}")


async def _meant(visit: Visit) -> tuple[WholeSku, GoodsMove, Sites]:
    """Refuses NotFound, NoSuchPage, NotAllowed."""
    async with visit.reading() as tx:
        of = await whole_sku(tx, visit.path["sku"])
        sites = tuple((site.code, f"{site.code} · {site.name}") for site in (await setup.sites(tx)).sites)
    move = next((one for one in goods_moves() if one.verb == visit.path["verb"].replace("-", "_")), None)
    if move is None:
        raise NoSuchPage
    must(visit, move.verb)
    return of, move, sites


def _form(of: WholeSku, move: GoodsMove, sites: Sites) -> Form:
    address = f"/catalog/{public('sku', of.sku['sku_id'])}"
    says = " · ".join(filter(None, (of.sku["code"], of.sku["name"])))
    parts = (Part("", move.fields(of, sites)),)
    return Form(move.title, f"{address}/{move.verb.replace('_', '-')}", (address, of.sku["code"]), parts,
                _("Show what it would do"), says)  # fmt: skip


def foretold(effect: Mapping[str, Any]) -> Iterator[str]:
    """What would happen to the units, in sentences."""
    for each in effect["stock"]:
        units, source, target = each["quantity"], each["from"], each["to"]
        if source == "world":
            yield ngettext("%(num)s unit more, %(stage)s", "%(num)s units more, %(stage)s", units, stage=STAGES[target])
        elif target == "world":
            yield ngettext(
                "%(num)s unit fewer of what is %(stage)s",
                "%(num)s units fewer of what is %(stage)s",
                units,
                stage=STAGES[source],
            )
        elif source == target:
            yield ngettext("%(num)s unit in another bin", "%(num)s units in another bin", units)
        elif target == "reserved":
            yield ngettext(
                "%(num)s unit promised to orders that wait", "%(num)s units promised to orders that wait", units
            )
        else:
            yield ngettext(
                "%(num)s unit no longer %(before)s but %(after)s",
                "%(num)s units no longer %(before)s but %(after)s",
                units,
                before=STAGES[source],
                after=STAGES[target],
            )
    if not effect["stock"]:
        yield _("Nothing: the books say the same.")
    for each in effect["refused"]:
        what = words.HAPPENED.get(each["verb"], words.titled(each["verb"])).lower()
        yield _("Refused: %(what)s. %(why)s", what=what, why=gettext(each["sentence"]))
