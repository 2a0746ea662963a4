"""adjust: the count was wrong; so many units more or fewer in a bin, or so many counted, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from doorstep.journey.inventory.goods import Catalog, NotThatManyFree, Stages, catalog_of, stages_of
from doorstep.kit.ids import public
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.setup.places import QUARANTINE, RECEIVING, Bin, Goods, Lot, Places, must_be_bin, shelves_holding
from doorstep.spine.outcome import Ask, Event, Job, Move, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

Reason = Literal["count", "found", "missing", "damaged", "opening", "import", "other"]

# Of what stands at the site and was not set apart.
ON_HAND = ("free", "reserved", "picked", "packed")


class Adjust(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`quantity` is the difference: +3 found, -2 missing. Or say what was counted, and the difference is computed:

    `counted` in the bin (of the lot), or without a bin at the whole site, totes and parcels included, quarantine
    not; `available` is what the site should have free. Damaged units go to quarantine.
    """

    sku: Annotated[str, Meta(min_length=1, max_length=120)]
    site: str
    reason: Reason
    quantity: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] | None = None
    counted: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    available: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    bin: Bin = ""
    lot: Lot = ""
    note: Annotated[str, Meta(max_length=2000)] = ""


class Adjusted(msgspec.Struct, frozen=True, kw_only=True):
    """`quantity` is the difference that was booked, `free` what may be promised now."""

    sku: str
    site: str
    quantity: int
    free: int


class NothingToAdjust(Refusal):
    """A difference of zero changes nothing."""

    status = 422


@dataclass(frozen=True, slots=True)
class Facts:
    """What stands where; each adjustment of a batch leaves the rest to the next."""

    catalog: Catalog
    stages: dict[Goods, Stages]
    places: Places


@verb(Adjust, Adjusted)
async def adjust(tx: Tx, asks: list[Ask[Adjust]]) -> list[Result]:
    """Correct what a bin or a site holds; units that appear are free to be promised, oldest waiting line first."""
    catalog = await catalog_of(tx, [ask.body.sku for ask in asks])
    known = [goods for ask in asks if (goods := catalog.known(ask.merchant, ask.body.sku, ask.body.site))]
    facts = Facts(catalog, await stages_of(tx, known), await shelves_holding(tx, known))
    return each(asks, lambda ask: decide(facts, ask))


def decide(facts: Facts, ask: Ask[Adjust]) -> Outcome:
    """Only what is free can go: promised units are given back (unpromise) or shorted first."""
    wanted = ask.body
    goods = facts.catalog.goods(ask.merchant, wanted.sku, wanted.site)
    if wanted.bin:
        must_be_bin(wanted.bin)
    stages = facts.stages[goods]
    difference = _difference(facts, goods, wanted)
    if difference < -stages["free"]:
        raise NotThatManyFree(
            sku=wanted.sku, site=wanted.site, wanted=-difference, free=stages["free"], promised=stages["reserved"],
            picked=stages["picked"], packed=stages["packed"],
        )  # fmt: skip
    moves = _moves(facts, goods, difference, wanted)
    freed = sum(move.quantity * ((move.target == "free") - (move.source == "free")) for move in moves)
    stages["free"] += freed
    outcome = Outcome(ask.merchant, ("sku", goods.sku), [])
    outcome.answer = {
        "sku": wanted.sku, "site": wanted.site, "quantity": difference, "free": stages["free"],
    }  # fmt: skip
    if moves:
        told = {name: getattr(wanted, name) for name in ("sku", "site", "bin", "lot", "reason", "note")}
        outcome.events = [Event("adjust", list[Move](moves), told | {"quantity": difference})]
    if freed > 0:
        outcome.then = [Job("fill", {"sku": public("sku", goods.sku)})]
    return outcome


def _difference(facts: Facts, goods: Goods, wanted: Adjust) -> int:
    given = [name for name in ("quantity", "counted", "available") if getattr(wanted, name) is not None]
    if len(given) != 1:
        detail = "give one of quantity, counted and available"
        raise Invalid(fields=[{"pointer": f"/{name}", "detail": detail} for name in given or ["quantity"]])
    stages = facts.stages[goods]
    if wanted.available is not None:
        return wanted.available - stages["free"]
    if wanted.counted is not None and (wanted.bin or wanted.lot):
        return wanted.counted - facts.places.units(goods, wanted.bin or RECEIVING, wanted.lot)
    if wanted.counted is not None:
        return wanted.counted - sum(stages[name] for name in ON_HAND)
    if not wanted.quantity:
        raise NothingToAdjust()
    return wanted.quantity


def _moves(facts: Facts, goods: Goods, difference: int, wanted: Adjust) -> list[Stock]:
    damaged = wanted.reason == "damaged"
    if difference > 0:
        place = QUARANTINE if damaged else wanted.bin or RECEIVING
        facts.places.add(goods, place, wanted.lot, difference)
        stage = "quarantine" if damaged else "free"
        return [Stock(goods.sku, goods.site, difference, "world", "", stage, place, wanted.lot)]
    target, into = ("quarantine", QUARANTINE) if damaged else ("world", "")
    return [
        Stock(goods.sku, goods.site, units, "free", place, target, into, lot)
        for place, asked in _out_of(facts, goods, -difference, wanted)
        for lot, units in facts.places.take(goods, place, asked, wanted.lot, sku=wanted.sku, site=wanted.site)
    ]


def _out_of(facts: Facts, goods: Goods, missing: int, wanted: Adjust) -> list[tuple[str, int]]:
    """The bin that was named; when the site was counted, what is in receiving first, then bin by bin."""
    whole_site = wanted.quantity is None and not wanted.bin and not wanted.lot
    if not whole_site:
        return [(wanted.bin or RECEIVING, missing)] if missing else []
    bins = sorted(facts.places.bins(goods), key=lambda held: held[0] != RECEIVING)
    out: list[tuple[str, int]] = []
    for place, units in bins:
        taken = min(units, missing)
        if taken:
            out.append((place, taken))
            missing -= taken
    return out
