"""Choosing: never what is forbidden, never dearer than what fits as well, the same in whatever order they answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.shipping.choose import Answered, Carried, Facts, Refused, Wanted, decide
from doorstep.plug.carrier import Rate
from doorstep.setup.shipping_rules import (
    NotShippingRules,
    ShippingRules,
    check_rules,
    names,
    rules_of,
)

CARRIERS = ("alpha", "beta", "gamma")
SERVICES = ("economy", "express", "ground")
WHICH = st.sampled_from([*CARRIERS, *(f"{carrier}/{service}" for carrier in CARRIERS for service in SERVICES)])
PLACES = st.lists(st.sampled_from(["IE", "US", "EU", "IE D02", "IE D04", "US 07"]), max_size=2)

rates = st.builds(
    Rate, carrier=st.just(""), service=st.sampled_from(SERVICES), amount_minor=st.integers(0, 5000),
    currency=st.sampled_from(["USD", "EUR", "JPY", "XAF"]), days=st.none() | st.integers(0, 15),
    takes=st.lists(st.sampled_from(["battery", "liquid", "po_box"]), max_size=2).map(tuple),
)  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> list[Answered]:
    told = []
    for carrier in draw(st.lists(st.sampled_from(CARRIERS), unique=True, max_size=3)):
        named = tuple(
            Rate(**{**{f: getattr(rate, f) for f in Rate.__struct_fields__}, "carrier": carrier})
            for rate in draw(st.lists(rates, max_size=4))
        )
        told.append(Answered(carrier, named) if named else Answered(carrier, left_out="no answer within 6 s"))
    return told


rules = st.builds(
    lambda lanes, levels, contracts, takes, modes, most, sure: rules_of(
        {"lanes": lanes, "levels": levels, "contracts": contracts, "takes": takes, "modes": modes, "most": most,
         "sure": sure}
    ),
    st.lists(
        st.fixed_dictionaries({
            "say": st.sampled_from(["allow", "prefer", "forbid"]), "which": st.lists(WHICH, min_size=1, max_size=3),
            "origin": PLACES, "to": PLACES, "off": st.booleans(),
        }), max_size=3,
    ),
    st.dictionaries(st.sampled_from(["express", "standard"]), st.fixed_dictionaries({
        "services": st.lists(WHICH, max_size=3), "max_days": st.none() | st.integers(0, 10),
    }), max_size=2),
    st.dictionaries(st.sampled_from(CARRIERS), st.fixed_dictionaries({
        "of": st.sampled_from(["merchant", "operator"]), "markup_percent": st.sampled_from(["0", "7.5", "-10"]),
    })),
    st.dictionaries(WHICH, st.lists(st.sampled_from(["battery", "liquid"]), max_size=2), max_size=2),
    st.dictionaries(WHICH, st.sampled_from(["post", "courier", "freight"]), max_size=2),
    st.none() | st.just({"amount_minor": 2500, "currency": "USD"}),
    st.sampled_from([0.5, 0.8, 0.9]),
)  # fmt: skip

facts = st.builds(
    Facts,
    st.builds(
        Wanted, currency=st.sampled_from(["USD", "EUR"]), working_days=st.integers(-1, 12),
        level=st.sampled_from(["", "standard", "express"]), origin=st.just("US07064"),
        to=st.sampled_from(["IED02XY45", "US10001"]),
        contains=st.lists(st.sampled_from(["battery", "liquid"]), unique=True, max_size=2).map(tuple),
        barred=st.lists(st.sampled_from([("post", "a law"), ("courier", "another")]), unique=True).map(tuple),
        to_po_box=st.booleans(), carrier=st.sampled_from(["", "", "alpha"]),
        service=st.sampled_from(["", "", "express"]), by_hand=st.booleans(),
    ),
    answers(), rules,
    st.lists(
        st.builds(Refused, st.sampled_from(CARRIERS), st.sampled_from(["", *SERVICES]), st.just("no")), max_size=2
    ),
    st.dictionaries(
        st.tuples(st.sampled_from(CARRIERS), st.sampled_from(SERVICES)),
        st.integers(0, 40).flatmap(lambda n: st.builds(Carried, st.just(n), st.integers(0, n))), max_size=3,
    ),
    st.sampled_from([{}, {"USD": Decimal("1.1"), "JPY": Decimal(160)}]),
)  # fmt: skip


@given(facts)
def test_what_a_rule_forbids_is_never_chosen(asked: Facts) -> None:
    chosen = decide(asked)
    if chosen.rate is None:
        return
    wanted, rule, rate = asked.wanted, asked.rules, chosen.rate
    assert not names(rule.on_lane("forbid", wanted.origin, wanted.to), rate.carrier, rate.service)
    allowed = rule.on_lane("allow", wanted.origin, wanted.to)
    assert not allowed or names(allowed, rate.carrier, rate.service)
    taken = {*rate.takes, *rule.said_to_take(rate.carrier, rate.service)}
    assert set(wanted.contains) <= taken
    assert rule.mode_of(rate.carrier, rate.service) not in dict(wanted.barred)
    assert wanted.carrier in ("", rate.carrier) and wanted.service in ("", rate.service)
    assert not any(no.carrier == rate.carrier and no.service in ("", rate.service) for no in asked.refused)


@given(facts, st.randoms(use_true_random=False))
def test_the_order_of_the_answers_does_not_matter(asked: Facts, chance: Any) -> None:
    shuffled = [
        replace(answer, rates=tuple(chance.sample(answer.rates, len(answer.rates)))) for answer in asked.answered
    ]
    chance.shuffle(shuffled)
    assert decide(replace(asked, answered=shuffled)).why == decide(asked).why


@given(facts)
def test_every_option_is_named_once_with_its_reason(asked: Facts) -> None:
    chosen = decide(asked)
    options = {f"{rate.carrier} {rate.service}" for answer in asked.answered for rate in answer.rates}
    best = f"{chosen.rate.carrier} {chosen.rate.service}" if chosen.rate else None
    assert set(chosen.why["refused"]) == options - {best}
    assert all(chosen.why["refused"].values())
    assert [f"{one['carrier']} {one['service']}" for one in chosen.why["offers"]] == [one.name for one in chosen.offers]
    assert len(chosen.why["offers"]) == len(options)
    assert set(chosen.why["left_out"]) == {answer.carrier for answer in asked.answered if answer.left_out}


@given(facts)
def test_nothing_dearer_is_chosen_than_what_fits_as_well(asked: Facts) -> None:
    chosen = decide(asked)
    if chosen.rate is None:
        return
    best = chosen.offers[0]
    assert best.rate == chosen.rate
    preferred = asked.rules.on_lane("prefer", asked.wanted.origin, asked.wanted.to)
    is_preferred = names(preferred, best.rate.carrier, best.rate.service)
    for one in chosen.offers[1:]:
        if one.reason == "not the cheapest":
            assert one.cost_minor is not None and best.cost_minor is not None and one.cost_minor >= best.cost_minor
            assert one.own == best.own or one.chance < asked.rules.sure
            assert names(preferred, one.rate.carrier, one.rate.service) == is_preferred
    if best.chance < asked.rules.sure:
        assert not any(one.chance >= asked.rules.sure for one in chosen.offers if one.reason.startswith("slower"))


@given(facts)
def test_nothing_is_bought_above_the_highest_price_unless_a_person_named_it(asked: Facts) -> None:
    chosen = decide(asked)
    most = asked.rules.most
    if chosen.rate and most and not asked.wanted.by_hand and chosen.rate.currency == most.currency:
        assert chosen.offers[0].told_minor <= most.amount_minor


# By example


def offer(carrier: str, service: str, amount_minor: int, days: int | None, **more: Any) -> Rate:
    return Rate(carrier=carrier, service=service, amount_minor=amount_minor, days=days, **({"currency": "USD"} | more))


def asking(*told: Rate, rules: dict[str, Any] | None = None, **more: Any) -> Facts:
    by_carrier: dict[str, list[Rate]] = {}
    for rate in told:
        by_carrier.setdefault(rate.carrier, []).append(rate)
    beside = {name: more.pop(name) for name in ("refused", "carried", "per_euro") if name in more}
    wanted = Wanted(**({"currency": "USD", "working_days": 5, "origin": "US07064", "to": "IED02XY45"} | more))
    return Facts(wanted, [Answered(c, tuple(r)) for c, r in by_carrier.items()], rules_of(rules or {}), **beside)


def name(asked: Facts) -> str:
    rate = decide(asked).rate
    return f"{rate.carrier} {rate.service}" if rate else ""


SLOW, FAST = offer("post", "economy", 500, 9), offer("post", "express", 2000, 2)


def test_the_cheapest_that_keeps_the_promise_is_chosen() -> None:
    assert name(asking(SLOW, FAST)) == "post express"
    assert name(asking(SLOW, FAST, working_days=9)) == "post economy"
    told = decide(asking(SLOW, FAST, promised=date(2026, 3, 9), leaves=date(2026, 3, 2))).why
    assert told["refused"] == {"post economy": "too slow for the promise"}
    assert (told["promised"], told["leaves"], told["days_left"]) == ("2026-03-09", "2026-03-02", 5)


def test_where_none_keeps_it_the_fastest_is_chosen_and_it_is_said() -> None:
    told = decide(asking(SLOW, FAST, working_days=1))
    assert told.rate == FAST and told.why["rule"].startswith("fastest")


def test_own_history_counts_more_than_the_carriers_word() -> None:
    often_late = {("post", "express"): Carried(40, 20)}
    other = offer("courier", "air", 3000, 3)
    chosen = decide(asking(FAST, other, carried=often_late))
    assert chosen.rate == other
    assert chosen.why["refused"]["post express"] == "came in time 20 times of 40"
    assert name(asking(SLOW, FAST, carried={("post", "economy"): Carried(40, 39)})) == "post economy"


def test_prices_in_other_currencies_are_compared_by_the_loaded_rates() -> None:
    euros = offer("courier", "air", 1500, 3, currency="EUR")
    assert name(asking(FAST, euros, per_euro={"USD": Decimal("1.2")})) == "courier air"
    assert name(asking(FAST, euros, per_euro={"USD": Decimal("1.4")})) == "post express"
    told = decide(asking(FAST, euros))
    assert told.rate == FAST and told.why["refused"]["courier air"] == "priced in EUR, and no exchange rate is loaded"
    yen = offer("courier", "air", 1000, 3, currency="JPY")  # no minor units: some 6 euros
    assert name(asking(FAST, yen, per_euro={"USD": Decimal(1), "JPY": Decimal(160)})) == "courier air"


def test_goods_go_only_with_who_says_that_they_take_them() -> None:
    takes = offer("courier", "ground", 4000, 3, takes=("battery",))
    assert name(asking(FAST, takes, contains=("battery",))) == "courier ground"
    told = decide(asking(FAST, contains=("battery", "liquid")))
    assert told.rate is None
    assert told.why["refused"] == {"post express": "does not say that it takes battery, liquid"}
    assert name(asking(FAST, contains=("battery",), rules={"takes": {"post/express": ["battery"]}})) == "post express"


def test_what_may_not_go_by_a_mode_goes_with_nobody_who_goes_by_it() -> None:
    slow = offer("haulier", "pallet", 9000, 5)
    barred = (("post", "no perfume by air mail"), ("courier", "no perfume by air"))
    told = decide(asking(FAST, slow, barred=barred, rules={"modes": {"haulier": "freight"}}))
    assert told.rate == slow
    assert told.why["refused"]["post express"] == "may not go there by courier: no perfume by air"
    by_post = {"modes": {"haulier": "freight", "post": "courier", "post/express": "post"}}
    assert decide(asking(FAST, slow, barred=barred, rules=by_post)).why["refused"]["post express"] == (
        "may not go there by post: no perfume by air mail"
    )
    assert decide(asking(FAST, slow, barred=barred)).rate is None
    assert name(asking(FAST, slow, barred=barred[:1])) == "post express"


def test_lanes_forbid_allow_and_prefer() -> None:
    other = offer("courier", "air", 2500, 3)
    forbid = {"lanes": [{"say": "forbid", "which": ["post"], "to": ["EU"]}]}
    assert name(asking(FAST, other, rules=forbid)) == "courier air"
    assert name(asking(FAST, other, rules=forbid, to="US10001")) == "post express"
    allow = {"lanes": [{"say": "allow", "which": ["courier/air"], "origin": ["US 07"]}]}
    assert name(asking(FAST, other, rules=allow)) == "courier air"
    prefer = {"lanes": [{"say": "prefer", "which": ["courier"], "to": ["IE D02"]}]}
    told = decide(asking(FAST, other, rules=prefer))
    assert told.rate == other and told.why["refused"]["post express"] == "another is preferred on this lane"
    assert name(asking(FAST, other, rules=prefer, to="IED04AB12")) == "post express"


def test_of_those_that_prefer_the_first_rule_that_fits_decides_and_one_that_is_off_says_nothing() -> None:
    other, dear = offer("courier", "air", 2500, 3), offer("van", "door", 3000, 3)
    lanes = [{"say": "prefer", "which": ["balloon"]}, {"say": "prefer", "which": ["van"], "to": ["EU"]},
             {"say": "prefer", "which": ["courier"]}]  # fmt: skip
    told = decide(asking(FAST, other, dear, rules={"lanes": lanes}))
    assert told.rate == dear and told.why["refused"]["courier air"] == "another is preferred on this lane"
    assert name(asking(FAST, other, dear, rules={"lanes": lanes[::-1]})) == "courier air"
    lanes[1]["off"] = True
    assert name(asking(FAST, other, dear, rules={"lanes": lanes})) == "courier air"
    forbidden = {"say": "forbid", "which": ["post"], "off": True}
    assert name(asking(FAST, other, rules={"lanes": [forbidden]})) == "post express"


def test_the_merchants_own_contract_goes_first_and_the_operators_has_its_markup() -> None:
    own = offer("own", "air", 2200, 3)
    rules = {"contracts": {"post": {"of": "operator", "markup_percent": "20"}}}
    told = decide(asking(FAST, own, rules=rules))
    assert told.rate == own
    assert told.why["refused"]["post express"] == "the merchant's own contract goes first"
    (other,) = [one for one in told.why["offers"] if one["carrier"] == "post"]
    assert (other["with_markup_minor"], other["contract"]) == (2400, "operator")
    assert name(asking(FAST, offer("own", "air", 2200, 9), rules=rules)) == "post express"


def test_a_service_level_is_served_by_its_services_within_its_days() -> None:
    rules = {"levels": {"express": {"services": ["post/express"]}, "standard": {"max_days": 3}}}
    assert name(asking(SLOW, FAST, working_days=9, level="express", rules=rules)) == "post express"
    assert name(asking(SLOW, FAST, working_days=9, level="standard", rules=rules)) == "post express"
    assert name(asking(SLOW, FAST, working_days=9, level="economy", rules=rules)) == "post economy"


def test_above_the_highest_price_a_person_decides() -> None:
    rules = {"most": {"amount_minor": 1000, "currency": "USD"}}
    told = decide(asking(FAST, rules=rules))
    assert told.rate is None and told.why["refused"] == {"post express": "dearer than a label may be"}
    assert name(asking(FAST, rules=rules, carrier="post", service="express", by_hand=True)) == "post express"


def test_a_post_office_box_goes_with_who_says_that_it_goes_there() -> None:
    box = offer("mail", "ground", 2500, 4, takes=("po_box",))
    assert name(asking(FAST, box)) == "post express"
    assert name(asking(FAST, box, to_po_box=True)) == "mail ground"
    assert name(asking(FAST, to_po_box=True)) == "post express"


def test_what_refused_is_not_chosen_again() -> None:
    other = offer("courier", "air", 2500, 3)
    told = decide(asking(FAST, other, refused=[Refused("post", "express", "no such street")]))
    assert told.rate == other and told.why["refused"]["post express"] == "refused it: no such street"
    assert decide(asking(FAST, SLOW, refused=[Refused("post", "", "address_incomplete")])).rate is None


@pytest.mark.parametrize(
    "odd",
    [
        {"lanes": [{"say": "like", "which": ["post"]}]}, {"lanes": [{"say": "allow", "which": []}]},
        {"sure": 2}, {"levels": {"express": {"services": ["a/b/c"]}}}, {"most": {"amount_minor": 5}}, {"fast": True},
        {"lanes": [{"say": "allow", "which": ["post"], "to": ["Ireland"]}]},
    ],
)  # fmt: skip
def test_what_is_no_set_of_rules_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(NotShippingRules):
        check_rules(odd)
    check_rules({})
    assert rules_of("{}") == ShippingRules()


def test_of_one_service_at_one_price_the_offer_that_takes_the_goods_is_kept_whichever_came_first() -> None:
    plain = Rate(carrier="alpha", service="economy", amount_minor=1, currency="USD", days=2)
    able = Rate(carrier="alpha", service="economy", amount_minor=1, currency="USD", days=2, takes=("battery",))
    assert name(asking(plain, able, contains=("battery",))) == "alpha economy"
    assert name(asking(able, plain, contains=("battery",))) == "alpha economy"


def test_of_one_service_at_two_prices_the_dearer_is_chosen_where_the_cheaper_will_not_do() -> None:
    slow, fast = offer("post", "air", 500, 9), offer("post", "air", 900, 2)
    assert decide(asking(slow, fast)).rate == fast, "the cheaper is too slow for the promise"
    level = {"levels": {"express": {"services": [], "max_days": 3}}}
    assert decide(asking(slow, fast, rules=level, level="express", working_days=20)).rate == fast
    plain, able = offer("post", "air", 500, 2), offer("post", "air", 900, 2, takes=("battery",))
    told = decide(asking(plain, able, contains=("battery",)))
    assert told.rate == able and told.why["refused"] == {} and len(told.offers) == 1
    assert decide(asking(slow, fast, working_days=20)).rate == slow, "and where it will, it is the cheaper"


def test_of_a_service_that_is_not_chosen_the_cheapest_offer_that_would_have_done_is_told() -> None:
    slow, fast, dear = offer("post", "air", 500, 9), offer("post", "air", 2500, 3), offer("post", "air", 2600, 2)
    told = decide(asking(slow, fast, dear, offer("courier", "air", 900, 4)))
    assert told.why["refused"] == {"post air": "not the cheapest"}
    assert [one.rate.amount_minor for one in told.offers] == [900, 2500]
