"""after: the order as it will be once an outcome is written; what a rule needs to say what follows from it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from doorstep.spine import journey
from doorstep.spine.facts import Allocation, Hold, Line, OrderFacts
from doorstep.spine.outcome import Cash, Demand, Insert, Outcome, Stock, Update
from doorstep.spine.status import AXES, COUNTERS, status

ALLOCATED = ("promised", "picked", "packed", "shipped")


def after(order: OrderFacts, outcome: Outcome) -> OrderFacts:
    """Moves, counts and holds of the outcome applied; the statuses follow, those that were read."""
    counters = {name: order.row[name] for name in COUNTERS}
    moved = any(event.moves for event in outcome.events)
    goods = _move(order, outcome, counters) if moved else {}
    for name, by in outcome.counts.items():
        counters[name] += by
    statuses = {name: status(axis, counters) for name, axis in AXES.items() if name in order.row}
    return replace(order, row={**order.row, **counters, **statuses}, holds=_holds_after(order, outcome), **goods)


def _move(order: OrderFacts, outcome: Outcome, counters: dict[str, Any]) -> dict[str, Any]:
    """Lines and allocations as they will be; what moves is counted."""
    lines = {line.line_no: line._asdict() for line in order.lines}
    allocations = {(a.line_no, a.fulfillment_order_id): a._asdict() for a in order.allocations}
    for event in outcome.events:
        for move, following in pairwise([*event.moves, None]):
            if isinstance(move, Demand):
                for kept in (counters, lines[move.line_no]):
                    _shift(kept, move.source, move.target, move.quantity, journey.LINE)
                    kept["ordered"] += move.quantity * ((move.source == journey.WORLD) - (move.target == journey.WORLD))
                if move.fulfillment_order:
                    key = (move.line_no, move.fulfillment_order)
                    allocation = allocations.setdefault(key, _opened(key, following))
                    _shift(allocation, move.source, move.target, move.quantity, ALLOCATED)
            elif isinstance(move, Cash):
                _shift(counters, move.source, move.target, move.amount_minor, journey.CASH)
    return {
        "lines": tuple(Line(**line) for line in lines.values()),
        "allocations": tuple(Allocation(**allocation) for allocation in allocations.values()),
    }


def _shift(counters: dict[str, Any], source: str, target: str, by: int, kept: tuple[str, ...]) -> None:
    if source in kept:
        counters[source] -= by
    if target in kept:
        counters[target] += by


def _opened(key: tuple[int, int], following: object) -> dict[str, Any]:
    line_no, fulfillment_order = key
    site, sku = (following.site, following.sku) if isinstance(following, Stock) else (0, 0)
    return {
        "line_no": line_no, "fulfillment_order_id": fulfillment_order, "site_id": site, "sku_id": sku, "lot": "",
        "promised": 0, "picked": 0, "packed": 0, "shipped": 0,
    }  # fmt: skip


def _holds_after(order: OrderFacts, outcome: Outcome) -> tuple[Hold, ...]:
    lifted = {
        fact.where["hold_id"]
        for fact in outcome.facts
        if isinstance(fact, Update) and fact.table == "hold" and fact.values.get("lifted_at")
    }
    placed = [
        Hold(**{name: fact.values[name] for name in Hold._fields})
        for fact in outcome.facts
        if isinstance(fact, Insert) and fact.table == "hold"
    ]
    return (*(hold for hold in order.holds if hold.hold_id not in lifted), *placed)
