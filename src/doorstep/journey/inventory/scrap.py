"""scrap: goods in quarantine are thrown away, and why."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.journey.inventory.quarantine import Apart, apart_of
from doorstep.setup.places import QUARANTINE, Bin, Units
from doorstep.spine.outcome import Ask, Event, Move, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Scrap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku: Annotated[str, Meta(min_length=1, max_length=120)]
    site: str
    quantity: Units
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    from_place: Bin = QUARANTINE


class Scrapped(msgspec.Struct, frozen=True, kw_only=True):
    """`quarantine` is what is still set apart."""

    sku: str
    site: str
    quantity: int
    quarantine: int


@verb(Scrap, Scrapped)
async def scrap(tx: Tx, asks: list[Ask[Scrap]]) -> list[Result]:
    """Throw goods from quarantine away."""
    apart = await apart_of(tx, asks)
    return each(asks, lambda ask: decide(apart, ask))


def decide(apart: Apart, ask: Ask[Scrap]) -> Outcome:
    wanted = ask.body
    goods, lots = apart.taken(ask)
    moves: list[Move] = [
        Stock(goods.sku, goods.site, units, "quarantine", wanted.from_place, "world", "", lot) for lot, units in lots
    ]
    told = {"sku": wanted.sku, "site": wanted.site, "quantity": wanted.quantity}
    return Outcome(
        ask.merchant,
        ("sku", goods.sku),
        [Event("scrap", moves, told | {"from_place": wanted.from_place, "reason": wanted.reason})],
        answer=told | {"quarantine": apart.stages[goods]["quarantine"]},
    )
