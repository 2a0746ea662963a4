"""Rates are asked of all carriers at once; who does not answer is left out; what cannot be bought is chosen again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from doorstep.journey.shipping.imagined import Imagined, foresee
from doorstep.journey.shipping.shopping import offers
from doorstep.kit.refusals import NotFound
from doorstep.plug.carrier import Ability, CarrierDown, CarrierRefused, Label, Rate, Shipment
from doorstep.setup import lanes
from doorstep.setup.catalog import put_method
from doorstep.setup.lane_rules import (
    Change,
    RuleChanged,
    added,
    change_rules,
    mark,
    moved,
    removed,
    shipping_rules,
    switched,
)
from doorstep.setup.merchants import NewSku, add_skus, change_merchant
from doorstep.setup.shipping_rules import LaneRule, ShippingRules
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.world import TryLater, World
from tests.shop import HOME, Shop
from tests.stories.test_shipping import CARD


class Seller:
    """A carrier of these tests: it sells what it is told, and keeps what it was asked."""

    def __init__(self, code: str, **prices: int) -> None:
        self.code = code
        self.prices = prices
        self.days = 3
        self.takes: tuple[str, ...] = ()
        self.asked: list[tuple[str, str]] = []  # service and key of each purchase
        self.sold: dict[str, Label] = {}
        self.given_back: list[tuple[str, str]] = []  # label and key of each
        self.gives_back = True
        self.can: frozenset[Ability] = frozenset({"rates", "buy", "void", "return_label"})
        self.answer: Callable[[Shipment], None] = lambda shipment: None
        self.wait_s = 0.0

    async def rates(self, shipment: Shipment) -> list[Rate]:
        await asyncio.sleep(self.wait_s)
        return [
            Rate(carrier=self.code, service=service, amount_minor=price, currency="USD", days=self.days,
                 takes=self.takes)
            for service, price in self.prices.items()
        ]  # fmt: skip

    async def buy(self, shipment: Shipment, key: str) -> Label:
        self.asked.append((shipment.service, key))
        self.answer(shipment)
        number = f"{self.code}-{key}"
        self.sold[key] = Label(
            carrier=self.code, service=shipment.service, tracking_number=number, label_ref=number,
            cost_minor=self.prices[shipment.service], currency="USD",
        )  # fmt: skip
        return self.sold[key]

    async def void(self, label_ref: str, key: str) -> None:
        self.given_back.append((label_ref, key))
        if not self.gives_back:
            raise CarrierRefused(carrier=self.code, reason="already_moving")


@pytest.fixture
async def dock(shop: Shop) -> Shop:
    await shop.stock("MUG", 50)
    for code in ("alpha", "beta"):
        await shop.connect("carrier", "ratecard", code, **CARD)
    return shop


def world_of(dock: Shop, *sellers: Seller) -> World:
    by_code = {seller.code: seller for seller in sellers}

    async def open_carrier(merchant: int, code: str) -> Any:
        if code not in by_code:
            raise CarrierDown(carrier=code, detail="not connected in this test")
        return by_code[code]

    return World(dock.db, open_carrier, open_carrier, None)


async def packed(dock: Shop, **more: Any) -> tuple[str, str]:
    order = await dock.place(("MUG", 1), payment_term="on_account", **more)
    return order, await dock.to_packed(order)


async def row_of(dock: Shop, parcel: str) -> dict[str, Any]:
    (row,) = await dock.rows(
        "select * from parcel where merchant_id = $1 and parcel_id = $2", dock.merchant, int(parcel[4:])
    )
    return row


async def whys(dock: Shop, order: str) -> list[dict[str, Any]]:
    rows = await dock.rows(
        "select chosen, why from decision where merchant_id = $1 and order_id = $2 and verb = 'buy_label'"
        " order by decision_id", dock.merchant, int(order[4:]),
    )  # fmt: skip
    return [{"name": row["chosen"], **msgspec.json.decode(row["why"])} for row in rows]


async def rules(dock: Shop, **told: Any) -> None:
    async with tenant_tx(dock.db, [dock.merchant]) as tx:
        await change_merchant(tx, dock.merchant, shipping=told)


async def test_the_cheapest_of_all_carriers_is_bought_and_every_other_is_told_why_not(dock: Shop) -> None:
    order, parcel = await packed(dock)
    await dock.work("buy_label", world=world_of(dock, Seller("alpha", ground=900, air=2000), Seller("beta", post=700)))
    assert (await row_of(dock, parcel))["carrier"] == "beta"
    (why,) = await whys(dock, order)
    assert why["name"] == "beta post"
    assert why["refused"] == {"alpha ground": "not the cheapest", "alpha air": "not the cheapest"}
    assert await dock.timeline(order) == [*(await dock.timeline(order))[:-1], "keep_label"]


async def test_what_is_foreseen_for_a_parcel_is_what_is_bought_for_it(dock: Shop) -> None:
    lanes = [{"say": "prefer", "which": ["beta"], "to": ["EU"]}, {"say": "forbid", "which": ["alpha/air"]},
             {"say": "prefer", "which": ["alpha"], "to": ["GB"]}]  # fmt: skip
    await rules(dock, lanes=lanes)
    world = world_of(dock, Seller("alpha", ground=600, air=100), Seller("beta", post=700))
    there, chosen = await foresee(world, dock.merchant, Imagined(country="IE", weight_g=350))
    assert chosen.rate is not None and (chosen.rate.carrier, chosen.rate.service) == ("beta", "post")
    assert chosen.why["refused"] == {"alpha ground": "another is preferred on this lane",
                                     "alpha air": "forbidden on this lane"}  # fmt: skip
    assert there.facts.wanted.to == "IE" and there.shipment.weight_g == 350
    _, parcel = await packed(dock)
    await dock.work("buy_label", world=world)
    assert (await row_of(dock, parcel))["carrier"] == "beta"


async def test_what_is_foreseen_knows_the_shipping_method_and_the_goods(dock: Shop) -> None:
    glow = NewSku("GLOW", flags=("battery",), hs_code="940521", origin="CN", value_minor=2500)
    await add_skus(dock.db, dock.merchant, [glow])
    async with tenant_tx(dock.db, [dock.merchant]) as tx:
        await put_method(tx, dock.merchant, "Fast", level="express", carrier="beta", days_min=1, days_max=2)
    await rules(dock, levels={"express": {"max_days": 4}})
    alpha, beta = Seller("alpha", ground=600), Seller("beta", post=700)
    world = world_of(dock, alpha, beta)
    there, chosen = await foresee(world, dock.merchant, Imagined(country="IE", weight_g=350, shipping_method="Fast"))
    assert there.carriers == ("beta",) and there.facts.wanted.level == "express"
    assert chosen.why["rule"] == "fastest: none is within the promised days"
    there, chosen = await foresee(world, dock.merchant, Imagined(country="IE", weight_g=350, sku="GLOW"))
    assert chosen.rate is None and set(chosen.why["refused"].values()) == {"does not say that it takes battery"}
    (declared,) = there.shipment.customs
    assert (declared.hs_code, declared.value_minor, declared.weight_g) == ("940521", 2500, 350)
    for wrong in ({"sku": "NONE"}, {"shipping_method": "Slow"}, {"site": "MOON"}):
        with pytest.raises(NotFound):
            await foresee(world, dock.merchant, Imagined(country="IE", weight_g=350, **wrong))


async def test_rules_for_lanes_are_changed_one_by_one(dock: Shop) -> None:
    async def change(to: Change) -> ShippingRules:
        async with tenant_tx(dock.db, [dock.merchant]) as tx:
            return await change_rules(tx, dock.merchant, to)

    post, courier = LaneRule(say="forbid", which=["post"], to=["EU"]), LaneRule(say="prefer", which=["courier"])
    await rules(dock, sure=0.9)
    await change(lambda kept: added(kept, post))
    kept = await change(lambda kept: added(kept, courier))
    assert (kept.lanes, kept.sure) == ([post, courier], 0.9)
    await change(lambda kept: moved(kept, mark(1, courier), -1))
    with pytest.raises(RuleChanged):  # somebody who still sees it where it stood
        await change(lambda kept: removed(kept, mark(1, courier)))
    await change(lambda kept: switched(kept, mark(1, post)))
    async with tenant_tx(dock.db, [dock.merchant], readonly=True) as tx:
        kept = await shipping_rules(tx, dock.merchant)
    assert [(lane.which, lane.off) for lane in kept.lanes] == [(["courier"], False), (["post"], True)]


async def test_who_is_late_down_or_talks_nonsense_is_left_out_and_it_is_said(dock: Shop) -> None:
    await rules(dock, answer_within_s=0.5)
    for code in ("gamma", "delta"):
        await dock.connect("carrier", "ratecard", code, **CARD)
    late, nonsense = Seller("beta", post=1), Seller("gamma", odd=1)
    late.wait_s = 30
    nonsense.prices = {"odd": -5}
    order, parcel = await packed(dock)
    await dock.work("buy_label", world=world_of(dock, Seller("alpha", ground=900), late, nonsense))
    assert (await row_of(dock, parcel))["carrier"] == "alpha"
    (why,) = await whys(dock, order)
    assert why["left_out"] == {
        "beta": "no answer within 0.5 s", "delta": "not connected in this test",
        "gamma": "its answer makes no sense: TypeError",
    }  # fmt: skip


async def test_only_when_nobody_answers_is_it_tried_again_later(dock: Shop) -> None:
    _, parcel = await packed(dock)
    with pytest.raises(TryLater) as later:
        await dock.work("buy_label", world=world_of(dock))
    assert "alpha: not connected in this test, beta: not connected" in str(later.value)
    assert (await row_of(dock, parcel))["label_state"] == "wanted"


async def test_a_label_that_is_refused_is_bought_of_the_next_with_a_key_of_its_own(dock: Shop) -> None:
    def refuse(shipment: Shipment) -> None:
        raise CarrierRefused(reason="no_such_street", detail=shipment.ship_to.line1)

    cheap, other = Seller("alpha", ground=500, air=900), Seller("beta", post=700)
    cheap.answer = refuse
    order, parcel = await packed(dock)
    await dock.work("buy_label", world=world_of(dock, cheap, other))
    row = await row_of(dock, parcel)
    assert (row["label_state"], row["carrier"], row["label_cost_minor"]) == ("bought", "beta", 700)
    assert cheap.asked == [("ground", f"{parcel}.1")] and other.asked == [("post", f"{parcel}.1.2")]
    first, second = await whys(dock, order)
    assert (first["name"], second["name"]) == ("alpha ground", "beta post")
    assert second["refused"]["alpha ground"] == "refused it: no_such_street: 12 Grafton Street"
    assert "choose_label" in await dock.timeline(order)


async def test_a_no_to_the_address_is_a_no_of_all_the_carriers_services_and_then_a_persons_work(dock: Shop) -> None:
    def refuse(shipment: Shipment) -> None:
        raise CarrierRefused(reason="address_incomplete", detail="ship_to: city")

    cheap, other = Seller("alpha", ground=500, air=900), Seller("beta", post=700)
    cheap.answer = other.answer = refuse
    order, parcel = await packed(dock)
    await dock.work("buy_label", world=world_of(dock, cheap, other))
    assert (len(cheap.asked), len(other.asked)) == (1, 1)
    assert (await row_of(dock, parcel))["label_state"] == "refused"
    (raised,) = await dock.rows("select kind, reason from attention where merchant_id = $1", dock.merchant)
    assert raised["kind"] == "label_refused"
    assert raised["reason"] == "alpha: address_incomplete: ship_to: city; beta: address_incomplete: ship_to: city"
    assert (await whys(dock, order))[-1]["name"] == "none"


async def test_while_nobody_knows_what_became_of_the_first_nobody_else_is_asked(dock: Shop) -> None:
    answers = iter([True, True, False])

    def lose(shipment: Shipment) -> None:
        if next(answers):
            raise CarrierDown(carrier="alpha", detail="connection cut")

    first, other = Seller("alpha", ground=500), Seller("beta", post=700)
    first.answer = lose
    _, parcel = await packed(dock)
    world = world_of(dock, first, other)
    for _ in range(2):
        with pytest.raises(CarrierDown):
            await dock.work("buy_label", world=world)
        first.prices["ground"] = 5000  # whatever it costs by now
        dock.at += timedelta(minutes=5)
    await dock.work("buy_label", world=world)
    assert {key for _, key in first.asked} == {f"{parcel}.1"} and len(first.asked) == 3
    assert not other.asked
    assert (await row_of(dock, parcel))["carrier"] == "alpha"


async def raised(dock: Shop) -> list[tuple[str, str, str]]:
    rows = await dock.rows(
        "select kind, reason, next_action from attention where merchant_id = $1 order by attention_id", dock.merchant
    )
    return [(row["kind"], row["reason"], row["next_action"]) for row in rows]


def telling(*comes: Exception) -> Callable[[Shipment], None]:
    """What a carrier says to one purchase after the other; then it sells."""
    left = list(comes)

    def answer(shipment: Shipment) -> None:
        if left:
            raise left.pop(0)

    return answer


@pytest.mark.parametrize(
    "comes",
    [
        [CarrierRefused(carrier="alpha", reason="key_reused")],
        [CarrierDown(carrier="alpha", detail="cut"), CarrierRefused(carrier="alpha", reason="unauthorized")],
    ],
)
async def test_what_may_be_sold_stops_until_somebody_asked_the_carrier(dock: Shop, comes: list[Exception]) -> None:
    first, other = Seller("alpha", ground=500), Seller("beta", post=700)
    first.answer = telling(*comes)
    _, parcel = await packed(dock)
    world = world_of(dock, first, other)
    if len(comes) > 1:
        with pytest.raises(CarrierDown):
            await dock.work("buy_label", world=world)
        dock.at += timedelta(minutes=5)
    await dock.work("buy_label", world=world)
    assert (await row_of(dock, parcel))["label_state"] == "refused" and not other.asked
    [(kind, reason, action)] = await raised(dock)
    assert (kind, action) == ("label_refused", "ask the carrier") and reason.startswith("outcome_unknown")


async def test_a_login_that_fails_at_once_sold_nothing_and_the_next_is_asked(dock: Shop) -> None:
    first, other = Seller("alpha", ground=500), Seller("beta", post=700)
    first.answer = telling(CarrierRefused(carrier="alpha", reason="unauthorized"))
    _, parcel = await packed(dock)
    await dock.work("buy_label", world=world_of(dock, first, other))
    assert (await row_of(dock, parcel))["carrier"] == "beta"


@pytest.mark.parametrize("gives_back", [True, False])
async def test_a_label_that_nobody_needs_any_more_goes_back(dock: Shop, gives_back: bool) -> None:
    """Somebody kept one bought elsewhere while the carrier was asked."""
    seller = Seller("alpha", ground=500)
    seller.gives_back = gives_back
    _, parcel = await packed(dock)
    buy = seller.buy

    async def slowly(shipment: Shipment, key: str) -> Label:
        await dock.do("keep_label", parcel=parcel, carrier="ups", tracking_number="1Z999AA10123456784")
        return await buy(shipment, key)

    seller.buy = slowly  # type: ignore[method-assign]
    await dock.work("buy_label", world=world_of(dock, seller))
    row = await row_of(dock, parcel)
    assert (row["label_state"], row["tracking_number"]) == ("bought", "1Z999AA10123456784")
    assert seller.given_back == [(f"alpha-{parcel}.1", f"{parcel}.1.void")]
    told = await raised(dock)
    assert len(told) == (0 if gives_back else 1)
    for kind, reason, action in told:
        assert (kind, action) == ("label_refused", "ask the carrier")
        assert f"alpha alpha-{parcel}.1 was bought in vain" in reason and "already_moving" in reason


# The way back


async def gone(dock: Shop, world: World) -> str:
    _, parcel = await packed(dock)
    await dock.work("buy_label", world=world)
    await dock.do("hand_over", parcel=parcel)
    return parcel


async def back_of(dock: Shop, name: str) -> dict[str, Any]:
    (row,) = await dock.rows(
        "select * from return_label where merchant_id = $1 and return_label_id = $2", dock.merchant, int(name[4:])
    )
    return row


async def test_on_the_way_back_too_who_was_chosen_is_asked_again_and_nobody_else(dock: Shop) -> None:
    first, other = Seller("alpha", ground=500), Seller("beta", post=700)
    world = world_of(dock, first, other)
    parcel = await gone(dock, world)
    name = (await dock.do("want_return_label", parcel=parcel))["return_label"]
    first.answer = telling(*[CarrierDown(carrier="alpha", detail="cut")] * 2)
    for _ in range(2):
        with pytest.raises(CarrierDown):
            await dock.work("buy_return_label", world=world)
        first.prices = {"ground": 5000, "air": 1}  # whatever is cheapest by now
        dock.at += timedelta(minutes=5)
    await dock.work("buy_return_label", world=world)
    assert first.asked[1:] == [("ground", name)] * 3 and not other.asked
    row = await back_of(dock, name)
    assert (row["state"], row["carrier"], row["service"]) == ("bought", "alpha", "ground")
    again = {"return_label": name, "nth": 2, "carrier": "beta", "service": "post"}
    assert getattr(await dock.ask("choose_return_label", **again), "code", "") == "ReturnLabelAnswered"


async def test_on_the_way_back_a_clear_no_leads_to_the_next_with_a_key_of_its_own(dock: Shop) -> None:
    first, other = Seller("alpha", ground=500), Seller("beta", post=700)
    world = world_of(dock, first, other)
    parcel = await gone(dock, world)
    name = (await dock.do("want_return_label", parcel=parcel))["return_label"]
    first.answer = telling(CarrierRefused(carrier="alpha", reason="no_such_street"))
    await dock.work("buy_return_label", world=world)
    assert other.asked == [("post", f"{name}.2")]
    assert (await back_of(dock, name))["carrier"] == "beta"


@pytest.mark.parametrize("reason", ["outcome_unknown", "key_reused"])
async def test_on_the_way_back_too_what_may_be_sold_is_somebodys_to_ask(dock: Shop, reason: str) -> None:
    first, other = Seller("alpha", ground=500), Seller("beta", post=700)
    world = world_of(dock, first, other)
    parcel = await gone(dock, world)
    name = (await dock.do("want_return_label", parcel=parcel))["return_label"]
    first.answer = telling(CarrierRefused(carrier="alpha", reason=reason))
    await dock.work("buy_return_label", world=world)
    assert (await back_of(dock, name))["state"] == "refused" and not other.asked
    [(kind, told, action)] = await raised(dock)
    assert (kind, action) == ("carrier_refused", "ask the carrier") and told.startswith("outcome_unknown")


async def test_who_sells_no_labels_for_the_way_back_is_not_asked_for_one(dock: Shop) -> None:
    first, other = Seller("alpha", ground=500), Seller("beta", post=700)
    first.can -= {"return_label"}
    world = world_of(dock, first, other)
    parcel = await gone(dock, world)
    name = (await dock.do("want_return_label", parcel=parcel))["return_label"]
    await dock.work("buy_return_label", world=world)
    assert len(first.asked) == 1 and (await back_of(dock, name))["carrier"] == "beta"


@pytest.mark.parametrize("gives_back", [True, False])
async def test_a_label_for_the_way_back_that_nobody_needs_any_more_goes_back(dock: Shop, gives_back: bool) -> None:
    seller = Seller("alpha", ground=500)
    world = world_of(dock, seller)
    parcel = await gone(dock, world)
    name = (await dock.do("want_return_label", parcel=parcel))["return_label"]
    seller.gives_back = gives_back
    buy = seller.buy

    async def slowly(shipment: Shipment, key: str) -> Label:
        await dock.do("refuse_return_label", return_label=name, reason="given up")
        return await buy(shipment, key)

    seller.buy = slowly  # type: ignore[method-assign]
    await dock.work("buy_return_label", world=world)
    assert seller.given_back == [(f"alpha-{name}", f"{name}.void")]
    told = [reason for _, reason, action in await raised(dock) if action == "ask the carrier"]
    assert len(told) == (0 if gives_back else 1) and all(f"alpha alpha-{name}" in reason for reason in told)
    assert (await back_of(dock, name))["error"] == "given up"


async def test_a_repeated_job_neither_chooses_nor_buys_a_second_time(dock: Shop) -> None:
    seller = Seller("alpha", ground=500)
    order, parcel = await packed(dock)
    await dock.work("buy_label", world=world_of(dock, seller))
    body = {"parcel": parcel, "label_key": f"{parcel}.1", "nth": 1, "carrier": "alpha", "service": "ground"}
    refused = await dock.ask("choose_label", **body)
    assert getattr(refused, "code", "") == "LabelAnswered"
    assert len(await whys(dock, order)) == 1


async def test_above_the_highest_price_somebody_is_asked_and_may_buy_it(dock: Shop) -> None:
    await rules(dock, most={"amount_minor": 400, "currency": "USD"})
    world = world_of(dock, Seller("alpha", ground=500), Seller("beta", post=700))
    _, parcel = await packed(dock)
    await dock.work("buy_label", world=world)
    assert (await row_of(dock, parcel))["label_state"] == "refused"
    (raised,) = await dock.rows("select reason from attention where merchant_id = $1", dock.merchant)
    assert "alpha ground: dearer than a label may be" in raised["reason"]
    await dock.do("want_label", parcel=parcel, carrier="beta", service="post")
    await dock.work("buy_label", world=world)
    assert (await row_of(dock, parcel))["carrier"] == "beta"


async def test_goods_that_not_everybody_takes_go_with_who_says_so(dock: Shop) -> None:
    await dock.rows("update sku set flags = '{battery}' where merchant_id = $1 and code = 'MUG' returning 1",
                    dock.merchant)  # fmt: skip
    careful = Seller("beta", post=700)
    careful.takes = ("battery",)
    order, parcel = await packed(dock)
    await dock.work("buy_label", world=world_of(dock, Seller("alpha", ground=100), careful))
    assert (await row_of(dock, parcel))["carrier"] == "beta"
    (why,) = await whys(dock, order)
    assert why["refused"] == {"alpha ground": "does not say that it takes battery"} and why["contains"] == ["battery"]


async def test_how_often_a_service_came_in_time_is_learned_and_counts(dock: Shop) -> None:
    world = world_of(dock, Seller("alpha", ground=500), Seller("beta", post=700))
    for nth in range(8):
        home = {**HOME, "line1": f"{nth} Grafton Street"}
        _, parcel = await packed(dock, buyer={"email": f"b{nth}@example.com"}, ship_to=home)
        await dock.do("keep_label", parcel=parcel, carrier="alpha", service="ground", tracking_number=f"T{parcel}")
        await dock.do("hand_over", parcel=parcel)
        await dock.do("deliver", parcel=parcel)
    await dock.rows(
        "update parcel set handed_over_at = now() - interval '60 days' where merchant_id = $1 returning 1",
        dock.merchant,
    )
    async with tenant_tx(dock.db, [dock.merchant]) as tx:
        await lanes.learn(tx, dock.merchant, dock.at)
    _, parcel = await packed(dock)
    chosen = await offers(world, dock.merchant, parcel)
    assert chosen.rate and chosen.rate.carrier == "beta"
    assert chosen.why["refused"]["alpha ground"] == "came in time 0 times of 8"


async def test_a_person_sees_all_offers_of_a_parcel_that_is_here(dock: Shop, other_shop: Shop) -> None:
    world = world_of(dock, Seller("alpha", ground=900, air=2000), Seller("beta", post=700))
    _, parcel = await packed(dock)
    chosen = await offers(world, dock.merchant, parcel)
    assert [one.name for one in chosen.offers] == ["beta post", "alpha ground", "alpha air"]
    assert not await whys(dock, f"ord_{(await row_of(dock, parcel))['order_id']}")
    with pytest.raises(NotFound):
        await offers(world_of(other_shop), other_shop.merchant, parcel)
    nobody = await offers(world_of(dock), dock.merchant, parcel)
    assert nobody.rate is None and nobody.why["left_out"]["alpha"] == "not connected in this test"
