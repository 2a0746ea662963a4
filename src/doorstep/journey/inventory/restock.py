"""restock: goods in quarantine were looked at, are good, and are sold again."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.journey.inventory.quarantine import Apart, apart_of
from doorstep.kit.ids import public
from doorstep.setup.places import QUARANTINE, RECEIVING, Bin, Units, must_be_bin
from doorstep.spine.outcome import Ask, Event, Job, Move, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Restock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku: Annotated[str, Meta(min_length=1, max_length=120)]
    site: str
    quantity: Units
    from_place: Bin = QUARANTINE
    bin: Bin = RECEIVING
    note: Annotated[str, Meta(max_length=2000)] = ""


class Restocked(msgspec.Struct, frozen=True, kw_only=True):
    """`quarantine` is what is still set apart."""

    sku: str
    site: str
    quantity: int
    bin: str
    quarantine: int


@verb(Restock, Restocked)
async def restock(tx: Tx, asks: list[Ask[Restock]]) -> list[Result]:
    """Sell goods from quarantine again; orders that wait for them come first."""
    apart = await apart_of(tx, asks)
    return each(asks, lambda ask: decide(apart, ask))


def decide(apart: Apart, ask: Ask[Restock]) -> Outcome:
    wanted = ask.body
    must_be_bin(wanted.bin)
    goods, lots = apart.taken(ask)
    moves: list[Move] = [
        Stock(goods.sku, goods.site, units, "quarantine", wanted.from_place, "free", wanted.bin, lot)
        for lot, units in lots
    ]
    told = {"sku": wanted.sku, "site": wanted.site, "quantity": wanted.quantity, "bin": wanted.bin}
    return Outcome(
        ask.merchant,
        ("sku", goods.sku),
        [Event("restock", moves, told | {"from_place": wanted.from_place, "note": wanted.note})],
        answer=told | {"quarantine": apart.stages[goods]["quarantine"]},
        then=[Job("fill", {"sku": public("sku", goods.sku)})],
    )
