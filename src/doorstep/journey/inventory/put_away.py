"""put_away: goods go from one bin to another; what is promised of them stays promised."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.journey.inventory.goods import Catalog, catalog_of
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import RECEIVING, Bin, Goods, Lot, Places, Units, must_be_bin, places_holding
from doorstep.spine.outcome import Ask, Event, Move, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class PutAway(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `lot` whichever lots the bin holds."""

    sku: Annotated[str, Meta(min_length=1, max_length=120)]
    site: str
    quantity: Units
    to_bin: Bin
    from_bin: Bin = RECEIVING
    lot: Lot = ""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    sku: str
    site: str
    quantity: int
    from_bin: str
    to_bin: str


class SameBin(Refusal):
    """From a bin into the same bin is no move."""

    status = 422


@verb(PutAway, Moved)
async def put_away(tx: Tx, asks: list[Ask[PutAway]]) -> list[Result]:
    """Move goods to another bin of the site."""
    catalog = await catalog_of(tx, [ask.body.sku for ask in asks])
    places = await places_holding(tx, [found for ask in asks if (found := _asked_for(catalog, ask))])
    return each(asks, lambda ask: decide(catalog, places, ask))


def _asked_for(catalog: Catalog, ask: Ask[PutAway]) -> tuple[Goods, str, int] | None:
    goods = catalog.known(ask.merchant, ask.body.sku, ask.body.site)
    return (goods, ask.body.from_bin, ask.body.quantity) if goods else None


def decide(catalog: Catalog, places: Places, ask: Ask[PutAway]) -> Outcome:
    """Free or reserved is a matter of the SKU at the site, not of the bin: all of it may be moved."""
    wanted = ask.body
    goods = catalog.goods(ask.merchant, wanted.sku, wanted.site)
    must_be_bin(wanted.from_bin)
    must_be_bin(wanted.to_bin)
    if wanted.from_bin == wanted.to_bin:
        raise SameBin(bin=wanted.to_bin)
    taken = places.take(goods, wanted.from_bin, wanted.quantity, wanted.lot, sku=wanted.sku, site=wanted.site)
    moves: list[Move] = []
    for lot, units in taken:
        moves.append(Stock(goods.sku, goods.site, units, "free", wanted.from_bin, "free", wanted.to_bin, lot))
        places.add(goods, wanted.to_bin, lot, units)
    told = {
        "sku": wanted.sku, "site": wanted.site, "quantity": wanted.quantity, "from_bin": wanted.from_bin,
        "to_bin": wanted.to_bin,
    }  # fmt: skip
    return Outcome(ask.merchant, ("sku", goods.sku), [Event("put_away", moves, told)], answer=told)
