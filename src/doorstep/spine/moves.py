"""moves: how moves stand inside their event: short, because there are ten of them for everything that happens.

A move is a list: a number that says what moved from where to where, then the rest. For people and subscribers it is
spelled out again. ["demand", line, quantity, from, to, fulfillment order], ["stock", sku, site, quantity, from, from
place, to, to place, lot], ["cash", amount, from, to]. The view `move` spells it out in SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import astuple

from doorstep.spine.outcome import Cash, Demand, Move, Stock

# Both lists only ever grow at their end: what was written stays readable.
WHAT = ("demand", "stock", "cash")
ACCOUNTS = (
    "world", "wanted", "promised", "picked", "packed", "shipped", "delivered", "taken_back", "lost", "canceled", "free",
    "reserved", "quarantine", "owed", "held", "collected", "earned", "refunded",
)  # fmt: skip


_ENCODE = msgspec.json.Encoder().encode


@lru_cache(maxsize=1024)
def code(what: str, source: str, target: str) -> int:
    """Two digits each: what, from, to."""
    return (WHAT.index(what) + 1) * 10_000 + ACCOUNTS.index(source) * 100 + ACCOUNTS.index(target)


def written(moves: Sequence[Move]) -> str:
    """The moves as their event keeps them; what is nothing at the end of one is left out."""
    return _ENCODE([_coded(move) for move in moves]).decode()


def _coded(move: Move) -> tuple[Any, ...]:
    if isinstance(move, Demand):
        way = code("demand", move.source, move.target)
        if move.fulfillment_order:
            return (way, move.line_no, move.quantity, move.fulfillment_order)
        return (way, move.line_no, move.quantity)
    if isinstance(move, Cash):
        return (code("cash", move.source, move.target), move.amount_minor)
    way = code("stock", move.source, move.target)
    if move.lot:
        return (way, move.sku, move.site, move.quantity, move.source_place, move.target_place, move.lot)
    if move.source_place or move.target_place:
        return (way, move.sku, move.site, move.quantity, move.source_place, move.target_place)
    return (way, move.sku, move.site, move.quantity)


def told(kept: str) -> list[list[Any]]:
    """The moves of an event spelled out."""
    return [list(_spelled(*move)) for move in msgspec.json.decode(kept)]


def brought(kept: str, account: str) -> Iterator[tuple[int, int, str, str, int]]:
    """What the stock moves of an event brought to places of the account: SKU, site, place, lot, units; less, taken."""
    number = ACCOUNTS.index(account)
    for way, *rest in msgspec.json.decode(kept):
        source, target = way // 100 % 100, way % 100
        if WHAT[way // 10_000 - 1] != "stock" or number not in (source, target):
            continue
        sku, site, quantity, source_place, target_place, lot = [*rest, "", "", ""][:6]
        if target == number:
            yield sku, site, target_place, lot, quantity
        if source == number:
            yield sku, site, source_place, lot, -quantity


def _spelled(way: int, *rest: Any) -> tuple[Any, ...]:
    what, source, target = WHAT[way // 10_000 - 1], ACCOUNTS[way // 100 % 100], ACCOUNTS[way % 100]
    if what == "demand":
        line_no, quantity, *more = rest
        return ("demand", *astuple(Demand(line_no, quantity, source, target, *more)))
    if what == "cash":
        return ("cash", *astuple(Cash(rest[0], source, target)))
    sku, site, quantity, *places = rest
    source_place, target_place, lot = [*places, "", "", ""][:3]
    return ("stock", *astuple(Stock(sku, site, quantity, source, source_place, target, target_place, lot)))
