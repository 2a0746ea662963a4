"""duplicate: the same goods for the same buyer or doorstep within a day are probably one order, sent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from doorstep.journey.processing.problems import Problem
from doorstep.kit.ids import public

WITHIN = timedelta(hours=24)

# What and how many of it; an item without a SKU goes by the channel's word for it.
Goods = Counter[tuple[int | None, str]]


@dataclass(frozen=True, slots=True)
class Likely:
    """An earlier order of the same buyer, or to the same doorstep."""

    order_id: int
    number: str
    placed_at: datetime
    goods: Goods


def goods_of(lines: Iterable[tuple[int | None, str, int]]) -> Goods:
    """SKU, the channel's word, units: two lines of one SKU are the same as one line of both."""
    goods: Goods = Counter()
    for sku, code, units in lines:
        if units:
            goods[sku, "" if sku else code] += units
    return goods


def duplicate_problem(order_id: int, placed_at: datetime, goods: Goods, likely: Iterable[Likely]) -> Problem | None:
    """The earliest order this one repeats; the later of two is the one that is held."""
    for other in sorted(likely, key=lambda other: (other.placed_at, other.order_id)):
        is_earlier = (other.placed_at, other.order_id) < (placed_at, order_id)
        if is_earlier and placed_at - other.placed_at <= WITHIN and goods and other.goods == goods:
            why = {
                "order": public("ord", other.order_id),
                "number": other.number,
                "lifts": "cancel one of the two, or lift the hold",
            }
            return Problem("duplicate", f"the same goods were ordered as {other.number} within a day", why)
    return None
