"""Rules for lanes are changed one by one: none is lost, none says something else than was asked."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from doorstep.setup.lane_rules import (
    RuleChanged,
    TooManyRules,
    added,
    changed,
    mark,
    moved,
    removed,
    switched,
)
from doorstep.setup.shipping_rules import MOST_LANES, LaneRule, ShippingRules

lane = st.builds(
    LaneRule, say=st.sampled_from(["allow", "prefer", "forbid"]),
    which=st.lists(st.sampled_from(["post", "courier", "courier/express"]), min_size=1, max_size=2),
    to=st.lists(st.sampled_from(["EU", "US 07"]), max_size=1), off=st.booleans(),
)  # fmt: skip
lanes = st.lists(lane, min_size=1, max_size=5)


def said(rules: ShippingRules) -> Counter[object]:
    return Counter(map(hashable, rules.lanes))


def hashable(one: LaneRule) -> object:
    return (one.say, tuple(one.which), tuple(one.origin), tuple(one.to), one.off)


@given(lanes, st.data())
def test_a_rule_that_is_moved_stands_elsewhere_and_the_others_as_before(
    kept: list[LaneRule], data: st.DataObject
) -> None:
    rules = ShippingRules(lanes=kept, sure=0.5)
    nth, by = data.draw(st.integers(0, len(kept) - 1)), data.draw(st.integers(-6, 6))
    after = moved(rules, mark(nth, kept[nth]), by)
    assert said(after) == said(rules) and after.sure == 0.5
    place = min(max(nth + by, 0), len(kept) - 1)
    assert after.lanes[place] == kept[nth]
    rest = [one for there, one in enumerate(after.lanes) if there != place]
    assert rest == [one for there, one in enumerate(kept) if there != nth]


@given(lanes, lane, st.data())
def test_one_rule_is_changed_switched_or_removed_and_no_other(
    kept: list[LaneRule], to: LaneRule, data: st.DataObject
) -> None:
    rules = ShippingRules(lanes=kept)
    nth = data.draw(st.integers(0, len(kept) - 1))
    seen, others = mark(nth, kept[nth]), [*kept[:nth], *kept[nth + 1 :]]
    assert removed(rules, seen).lanes == others
    for after in (changed(rules, seen, to), switched(rules, seen)):
        assert [*after.lanes[:nth], *after.lanes[nth + 1 :]] == others
    assert switched(rules, seen).lanes[nth] == structs.replace(kept[nth], off=not kept[nth].off)
    assert changed(rules, seen, to).lanes[nth] == structs.replace(to, off=kept[nth].off)
    assert added(rules, to).lanes == [*kept, to]


def test_what_was_seen_and_is_not_there_any_more_is_not_changed() -> None:
    one, two = LaneRule(say="forbid", which=["post"]), LaneRule(say="prefer", which=["post"])
    rules = ShippingRules(lanes=[two, one])
    for seen in (mark(0, one), mark(2, one), "", "0-"):
        with pytest.raises(RuleChanged):
            removed(rules, seen)
    with pytest.raises(TooManyRules):
        added(ShippingRules(lanes=[one] * MOST_LANES), two)
