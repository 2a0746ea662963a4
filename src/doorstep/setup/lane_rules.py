"""lane_rules: a merchant's rules for its lanes are added, changed, moved, switched off and removed one by one.

Which one is meant is said by its mark: where it stood and what it said when somebody looked at it.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import structs

from doorstep.kit.refusals import Refusal
from doorstep.setup.log import MACHINE, By
from doorstep.setup.merchants import change_merchant
from doorstep.setup.shipping_rules import MOST_LANES, LaneRule, ShippingRules, rules_of
from doorstep.spine.tenant import Tx

KEPT = "select m.shipping from merchant m where m.merchant_id = $1"
LOCKED = f"{KEPT} for no key update"

Change = Callable[[ShippingRules], ShippingRules]


class RuleChanged(Refusal):
    """This rule was changed or moved meanwhile; look at the rules again."""


class TooManyRules(Refusal):
    """A merchant has 200 rules for lanes at most; one rule may name several carriers and places."""

    status = 422


def mark(nth: int, lane: LaneRule) -> str:
    """Tells this rule from the others, and from itself when it said something else."""
    return f"{nth}-{blake2b(msgspec.json.encode(lane), digest_size=6).hexdigest()}"


def added(rules: ShippingRules, lane: LaneRule) -> ShippingRules:
    """Below the others."""
    if len(rules.lanes) >= MOST_LANES:
        raise TooManyRules(most=MOST_LANES)
    return structs.replace(rules, lanes=[*rules.lanes, lane])


def changed(rules: ShippingRules, seen: str, to: LaneRule) -> ShippingRules:
    """Whether it is off stays as it was."""
    nth = _place(rules, seen)
    return _with(rules, nth, [structs.replace(to, off=rules.lanes[nth].off)])


def switched(rules: ShippingRules, seen: str) -> ShippingRules:
    """On where it was off, off where it was on."""
    nth = _place(rules, seen)
    lane = rules.lanes[nth]
    return _with(rules, nth, [structs.replace(lane, off=not lane.off)])


def removed(rules: ShippingRules, seen: str) -> ShippingRules:
    return _with(rules, _place(rules, seen), [])


def moved(rules: ShippingRules, seen: str, by: int) -> ShippingRules:
    """So many places down; up where it is below 0. At an end it stays there."""
    nth = _place(rules, seen)
    others = [lane for place, lane in enumerate(rules.lanes) if place != nth]
    to = max(0, nth + by)
    return structs.replace(rules, lanes=[*others[:to], rules.lanes[nth], *others[to:]])


def _place(rules: ShippingRules, seen: str) -> int:
    """Refuses RuleChanged."""
    for nth, lane in enumerate(rules.lanes):
        if mark(nth, lane) == seen:
            return nth
    raise RuleChanged(rule=seen[:40])


def _with(rules: ShippingRules, nth: int, lanes: list[LaneRule]) -> ShippingRules:
    return structs.replace(rules, lanes=[*rules.lanes[:nth], *lanes, *rules.lanes[nth + 1 :]])


async def shipping_rules(tx: Tx, merchant: int) -> ShippingRules:
    return rules_of(await tx.value(KEPT, merchant))


async def change_rules(tx: Tx, merchant: int, change: Change, by: By = MACHINE) -> ShippingRules:
    """As `change` makes them of those that are kept; refuses RuleChanged, NotShippingRules."""
    to = change(rules_of(await tx.value(LOCKED, merchant)))
    kept: Any = msgspec.to_builtins(to)
    await change_merchant(tx, merchant, by, shipping=kept)
    return to
