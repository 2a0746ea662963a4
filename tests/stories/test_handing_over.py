"""Leave: what waits goes on a list, a driver is asked to come and takes all of it; and what comes back gets a label."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from doorstep.doors.reads import papers
from doorstep.journey.shipping import manifest
from doorstep.journey.shipping.paper_data import NoSuchPaper
from doorstep.kit.refusals import NotFound
from doorstep.plug.carrier import CarrierDown
from doorstep.plug.simulator.process import Outside
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.world import World
from tests.rules.test_papers import scanned_pages, text_of
from tests.shop import BUYER, HOME, Shop
from tests.stories.test_shipping import CARD, code, world_of

NUMBERS = count()


@pytest.fixture(scope="module")
def outside() -> Any:
    with Outside("--speed", "0") as world:
        yield world


@pytest.fixture
async def dock(shop: Shop, outside: Outside) -> Shop:
    """A shop with stock and an account with the simulated carrier."""
    await shop.stock("MUG", 50)
    await shop.stock("CUP", 50)
    await shop.connect("carrier", "simcarrier", "sim", base_url=outside.url)
    return shop


@pytest.fixture
def world(dock: Shop, outside: Outside) -> World:
    return world_of(dock, sim=("simcarrier", {"base_url": outside.url, "tries": 1}))


async def labeled(dock: Shop, world: World, many: int = 1) -> list[str]:
    """Parcels with a label of the simulated carrier."""
    parcels = []
    for _ in range(many):
        # No two orders are taken for one.
        buyer, to = {**BUYER, "email": f"buyer{next(NUMBERS)}@example.com"}, {**HOME, "line1": f"{next(NUMBERS)} Hill"}
        order = await dock.place(("MUG", 1), payment_term="on_account", buyer=buyer, ship_to=to)
        parcels.append(await dock.to_packed(order))
    await dock.work("buy_label", world=world)
    return parcels


async def one(dock: Shop, table: str, name: str) -> dict[str, Any]:
    (row,) = await dock.rows(
        f"select * from {table} where merchant_id = $1 and {table}_id = $2", dock.merchant, int(name[4:])
    )
    return row


async def listed(dock: Shop, world: World) -> str:
    manifest = await dock.do("want_manifest", site=dock.site("NJ"), carrier="sim")
    await dock.work("ask_manifest", world=world)
    return str(manifest["manifest"])


def tomorrow(dock: Shop, **more: Any) -> dict[str, Any]:
    ready = dock.at + timedelta(days=1)
    window = {"ready_at": ready.isoformat(), "until": (ready + timedelta(hours=3)).isoformat()}
    return {"site": dock.site("NJ"), "carrier": "sim"} | window | more


# The manifest


async def test_the_day_is_closed_and_the_driver_takes_all_of_it_at_once(dock: Shop, world: World) -> None:
    parcels = await labeled(dock, world, 3)
    answer = await dock.do("want_manifest", site=dock.site("NJ"), carrier="sim")
    assert (answer["state"], answer["parcels"]) == ("wanted", 3)
    await dock.work("ask_manifest", world=world)
    row = await one(dock, "manifest", answer["manifest"])
    assert (row["state"], row["parcels"]) == ("made", 3) and row["manifest_ref"].startswith("mnf_")
    assert (await dock.do("collect", manifest=answer["manifest"]))["parcels"] == 3
    await dock.work(world=world)
    gone = await dock.rows(
        "select parcel_id from parcel where merchant_id = $1 and handed_over_at is not null", dock.merchant
    )
    assert {f"par_{row['parcel_id']}" for row in gone} == set(parcels)
    assert code(await dock.ask("collect", manifest=answer["manifest"])) == "Collected"
    await dock.audit()


async def test_a_parcel_is_on_one_list_and_the_next_list_begins_where_it_ended(dock: Shop, world: World) -> None:
    await labeled(dock, world, 2)
    answers = await dock.ask_all("want_manifest", [{"site": dock.site("NJ"), "carrier": "sim"}] * 2)
    assert [code(one) if isinstance(one, Exception) else one["parcels"] for one in answers] == [2, "NothingToManifest"]
    await dock.work("ask_manifest", world=world)
    await labeled(dock, world, 1)
    assert (await dock.do("want_manifest", site=dock.site("NJ"), carrier="sim"))["parcels"] == 1


async def test_a_long_list_of_one_carrier_leaves_the_others_theirs(
    dock: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "WAITING", manifest.WAITING.replace(f"limit {manifest.MOST}", "limit 2"))
    await labeled(dock, world, 3)
    order = await dock.place(("CUP", 1), payment_term="on_account")
    parcel = await dock.to_packed(order)
    await dock.do("keep_label", parcel=parcel, carrier="other", tracking_number="T1")
    bodies = [{"site": dock.site("NJ"), "carrier": carrier} for carrier in ("sim", "other")]
    answers = await dock.ask_all("want_manifest", bodies)
    assert [one["parcels"] for one in answers] == [2, 1]


async def test_a_manifest_whose_answer_was_lost_is_asked_for_again_with_its_key(
    dock: Shop, world: World, outside: Outside
) -> None:
    await labeled(dock, world)
    manifest = (await dock.do("want_manifest", site=dock.site("NJ"), carrier="sim"))["manifest"]
    before = outside.state()["carrier"]["manifests"]
    outside.control("faults", rules=[{"kind": "drop_after", "path": "/carrier/manifests", "times": 1}])
    with pytest.raises(CarrierDown):
        await dock.work("ask_manifest", world=world)
    assert (await one(dock, "manifest", manifest))["state"] == "wanted"
    dock.at += timedelta(hours=1)
    await dock.work("ask_manifest", world=world)
    assert (await one(dock, "manifest", manifest))["state"] == "made"
    assert outside.state()["carrier"]["manifests"] == before + 1


async def test_what_the_carrier_refuses_to_list_waits_for_the_next_list_and_for_somebody(
    dock: Shop, world: World
) -> None:
    (parcel,) = await labeled(dock, world)
    await dock.do("want_void", parcel=parcel)
    await dock.work("void_label", world=world)
    await dock.do("keep_label", parcel=parcel, carrier="sim", tracking_number="X1", label_ref="lbl_nobody_knows")
    manifest = await listed(dock, world)
    row = await one(dock, "manifest", manifest)
    assert row["state"] == "refused" and "unknown_label" in row["error"]
    (raised,) = await dock.rows("select kind, why from attention where merchant_id = $1", dock.merchant)
    assert raised["kind"] == "carrier_refused" and manifest in raised["why"]
    assert code(await dock.ask("collect", manifest=manifest)) == "NotMade"
    assert (await dock.do("want_manifest", site=dock.site("NJ"), carrier="sim"))["parcels"] == 1


async def test_a_carrier_that_wants_no_list_leaves_it_to_us_and_it_can_be_scanned(shop: Shop) -> None:
    await shop.stock("MUG", 10)
    await shop.connect("carrier", "ratecard", "card", **CARD)
    world = world_of(shop, card=("ratecard", CARD))
    (parcel,) = await labeled(shop, world)
    answer = await shop.do("want_manifest", site=shop.site("NJ"), carrier="card")
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        with pytest.raises(Exception, match="no such paper"):
            await papers.manifest_pdf(tx, answer["manifest"])
    await shop.work("ask_manifest", world=world)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        from doorstep.journey.shipping.paper_data import manifest_paper

        paper = await manifest_paper(tx, answer["manifest"])
        assert (await papers.manifest_pdf(tx, answer["manifest"]))().startswith(b"%PDF-")
    (row,) = await shop.rows("select tracking_number from parcel where merchant_id = $1", shop.merchant)
    assert row["tracking_number"] in text_of(paper).replace(" ", "")
    assert answer["manifest"] in scanned_pages(paper)
    assert parcel


async def test_a_list_of_nowhere_or_of_another_merchant_is_not_there(
    dock: Shop, world: World, other_shop: Shop
) -> None:
    assert code(await dock.ask("want_manifest", site="MOON", carrier="sim")) == "NotFound"
    await labeled(dock, world)
    manifest = await listed(dock, world)
    for verb in ("collect", "keep_manifest"):
        assert isinstance(await other_shop.ask(verb, manifest=manifest), NotFound)
    assert code(await dock.ask("keep_manifest", manifest=manifest)) == "ManifestAnswered"
    assert code(await dock.ask("refuse_manifest", manifest=manifest, reason="no")) == "ManifestAnswered"


# The driver


async def test_a_driver_is_asked_for_comes_and_can_be_called_off(dock: Shop, world: World, outside: Outside) -> None:
    await labeled(dock, world, 2)
    before = outside.state()["carrier"]["pickups"]
    answer = await dock.do("want_pickup", **tomorrow(dock, note="Ring twice"))
    assert (answer["state"], answer["parcels"]) == ("wanted", 2)
    await dock.work("ask_pickup", world=world)
    row = await one(dock, "pickup", answer["pickup"])
    assert (row["state"], row["cost_minor"], row["currency"]) == ("booked", 0, "USD")
    assert row["pickup_ref"].startswith("pck_") and outside.state()["carrier"]["pickups"] == before + 1
    await dock.do("call_off", pickup=answer["pickup"])
    await dock.work("ask_call_off", world=world)
    assert (await one(dock, "pickup", answer["pickup"]))["state"] == "called_off"
    assert outside.state()["carrier"]["pickups"] == before
    assert code(await dock.ask("call_off", pickup=answer["pickup"])) == "NotBooked"


async def test_a_pickup_whose_answer_was_lost_is_booked_once(dock: Shop, world: World, outside: Outside) -> None:
    await labeled(dock, world)
    pickup = (await dock.do("want_pickup", **tomorrow(dock)))["pickup"]
    before = outside.state()["carrier"]["pickups"]
    outside.control("faults", rules=[{"kind": "error_after", "path": "/carrier/pickups", "times": 1}])
    with pytest.raises(CarrierDown):
        await dock.work("ask_pickup", world=world)
    assert (await one(dock, "pickup", pickup))["state"] == "wanted"
    dock.at += timedelta(hours=1)
    await dock.work("ask_pickup", world=world)
    assert (await one(dock, "pickup", pickup))["state"] == "booked"
    assert outside.state()["carrier"]["pickups"] == before + 1


async def test_what_makes_no_pickup_is_refused_before_anybody_is_asked(dock: Shop, world: World) -> None:
    assert code(await dock.ask("want_pickup", **tomorrow(dock))) == "NothingToFetch"
    assert code(await dock.ask("want_pickup", **tomorrow(dock, parcels=3, site="MOON"))) == "NotFound"
    assert code(await dock.ask("want_pickup", **tomorrow(dock, parcels=3, carrier="nobody"))) == "NotOurCarrier"
    backwards = tomorrow(dock)
    backwards |= {"ready_at": backwards["until"], "until": backwards["ready_at"]}
    past = {"ready_at": (dock.at - timedelta(hours=5)).isoformat(), "until": (dock.at - timedelta(hours=1)).isoformat()}
    zoneless = {"ready_at": "2031-05-05T10:00:00", "until": "2031-05-05T12:00:00"}
    endless = {"ready_at": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    for window in (backwards, past, zoneless, endless):
        assert code(await dock.ask("want_pickup", **tomorrow(dock, parcels=3) | window)) == "NotAWindow"
    assert (await dock.do("want_pickup", **tomorrow(dock, parcels=3)))["parcels"] == 3


async def test_a_carrier_that_fetches_nothing_is_not_asked_and_somebody_is_told(shop: Shop) -> None:
    await shop.connect("carrier", "ratecard", "card", **CARD)
    world = world_of(shop, card=("ratecard", CARD))
    pickup = (await shop.do("want_pickup", **tomorrow(shop, carrier="card", parcels=1)))["pickup"]
    await shop.work("ask_pickup", world=world)
    row = await one(shop, "pickup", pickup)
    assert (row["state"], row["error"]) == ("refused", "unsupported: pickup")
    assert code(await shop.ask("keep_pickup", pickup=pickup, pickup_ref="P1")) == "PickupAnswered"
    assert code(await shop.ask("refuse_pickup", pickup=pickup, reason="not today")) == "PickupAnswered"
    assert code(await shop.ask("call_off", pickup=pickup)) == "NotBooked"
    assert code(await shop.ask("keep_call_off", pickup=pickup)) == "PickupAnswered"


async def test_a_pickup_that_cannot_be_called_off_stays_booked_and_somebody_is_told(
    dock: Shop, world: World, outside: Outside
) -> None:
    pickup = (await dock.do("want_pickup", **tomorrow(dock, parcels=1)))["pickup"]
    await dock.do("keep_pickup", pickup=pickup, pickup_ref="pck_nobody_knows")
    await dock.do("call_off", pickup=pickup)
    await dock.work("ask_call_off", world=world)
    row = await one(dock, "pickup", pickup)
    assert row["state"] == "booked" and "unknown_pickup" in row["error"]


# The way back


async def gone(dock: Shop, world: World) -> str:
    (parcel,) = await labeled(dock, world)
    await dock.do("hand_over", parcel=parcel)
    return parcel


async def test_a_label_for_the_way_back_is_bought_once_and_kept_for_the_buyer(
    dock: Shop, world: World, outside: Outside
) -> None:
    parcel = await gone(dock, world)
    before = outside.state()["carrier"]["in_force"]
    answer = await dock.do("want_return_label", parcel=parcel)
    outside.control("faults", rules=[{"kind": "drop_after", "path": "/carrier/labels", "times": 1}])
    with pytest.raises(CarrierDown):
        await dock.work("buy_return_label", world=world)
    assert (await one(dock, "return_label", answer["return_label"]))["state"] == "wanted"
    dock.at += timedelta(hours=1)
    await dock.work("buy_return_label", world=world)
    row = await one(dock, "return_label", answer["return_label"])
    assert (row["state"], row["carrier"]) == ("bought", "sim") and row["cost_minor"] > 0
    assert outside.state()["carrier"]["in_force"] == before + 1
    there = await one(dock, "parcel", parcel)
    assert row["tracking_number"] != there["tracking_number"]
    assert bytes(row["pdf"]).startswith(b"%PDF-")
    assert code(await dock.ask("want_return_label", parcel=parcel)) == "ReturnLabelThere"
    again = {"return_label": answer["return_label"], "carrier": "sim", "tracking_number": "X"}
    assert code(await dock.ask("keep_return_label", **again)) == "ReturnLabelAnswered"
    no = await dock.ask("refuse_return_label", return_label=answer["return_label"], reason="too late")
    assert code(no) == "ReturnLabelAnswered"
    assert "keep_return_label" in await dock.timeline(answer["order"])


async def back_of(dock: Shop, world: World, parcel: str) -> str:
    """A label for its way back, bought."""
    name = str((await dock.do("want_return_label", parcel=parcel))["return_label"])
    await dock.work("buy_return_label", world=world)
    return name


async def printed(dock: Shop, name: str) -> bytes:
    async with tenant_tx(dock.db, [dock.merchant]) as tx:
        return (await papers.return_label_pdf(tx, name))()


async def test_a_label_for_the_way_back_is_given_back_its_money_too_and_another_can_be_asked_for(
    dock: Shop, world: World, outside: Outside
) -> None:
    parcel = await gone(dock, world)
    name = await back_of(dock, world, parcel)
    assert (await printed(dock, name)).startswith(b"%PDF-")
    before, bought = outside.state()["carrier"]["in_force"], await one(dock, "return_label", name)
    assert (await dock.do("want_return_void", return_label=name))["state"] == "void_wanted"
    with pytest.raises(NoSuchPaper):
        await printed(dock, name)
    assert code(await dock.ask("want_return_label", parcel=parcel)) == "ReturnLabelThere"
    outside.control("faults", rules=[{"kind": "drop_after", "path": "/carrier/labels", "times": 1}])
    with pytest.raises(CarrierDown):
        await dock.work("void_return_label", world=world)
    assert (await one(dock, "return_label", name))["state"] == "void_wanted"
    dock.at += timedelta(minutes=10)
    await dock.work("void_return_label", world=world)
    row = await one(dock, "return_label", name)
    assert (row["state"], row["pdf"], row["tracking_number"]) == ("void", None, bought["tracking_number"])
    assert outside.state()["carrier"]["in_force"] == before - 1
    (sold,) = [one for one in outside.labels() if one["number"] == bought["tracking_number"]]
    assert sold["back_minor"] == sold["cost_minor"] == bought["cost_minor"] > 0
    for verb in ("want_return_void", "keep_return_void"):
        refused = await dock.ask(verb, return_label=name)
        assert code(refused) == ("NoReturnLabel" if verb == "want_return_void" else "ReturnLabelAnswered")
    with pytest.raises(NoSuchPaper):
        await printed(dock, name)
    assert await back_of(dock, world, parcel) != name
    timeline = await dock.timeline(f"ord_{row['order_id']}")
    assert {"want_return_void", "keep_return_void"} <= set(timeline)


async def test_a_label_for_the_way_back_that_is_used_already_stays_and_somebody_is_told(
    dock: Shop, world: World, outside: Outside, other_shop: Shop
) -> None:
    name = await back_of(dock, world, await gone(dock, world))
    assert isinstance(await other_shop.ask("want_return_void", return_label=name), NotFound)
    outside.control("advance", days=3)
    await dock.do("want_return_void", return_label=name)
    await dock.work("void_return_label", world=world)
    row = await one(dock, "return_label", name)
    assert row["state"] == "bought" and "already_moving" in row["error"]
    assert (await printed(dock, name)).startswith(b"%PDF-")
    (raised,) = await dock.rows("select kind, next_action from attention where merchant_id = $1", dock.merchant)
    assert (raised["kind"], raised["next_action"]) == ("carrier_refused", "ask the carrier")
    # Somebody asked the carrier: it is void all the same.
    await dock.do("want_return_void", return_label=name)
    assert (await dock.do("keep_return_void", return_label=name))["state"] == "void"


async def test_nothing_comes_back_that_has_not_left(dock: Shop, world: World, other_shop: Shop) -> None:
    (parcel,) = await labeled(dock, world)
    assert code(await dock.ask("want_return_label", parcel=parcel)) == "NotGone"
    await dock.do("hand_over", parcel=parcel)
    assert isinstance(await other_shop.ask("want_return_label", parcel=parcel), NotFound)


async def test_where_the_carrier_leaves_it_to_us_the_label_leads_back_to_the_site(shop: Shop) -> None:
    await shop.stock("MUG", 10)
    await shop.connect("carrier", "ratecard", "card", **CARD)
    world = world_of(shop, card=("ratecard", CARD))
    parcel = await gone(shop, world)
    name = (await shop.do("want_return_label", parcel=parcel))["return_label"]
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        with pytest.raises(Exception, match="no such paper"):
            await papers.return_label_pdf(tx, name)
    await shop.work("buy_return_label", world=world)
    row = await one(shop, "return_label", name)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        from doorstep.journey.shipping.paper_data import return_label_paper

        paper = await return_label_paper(tx, name)
        assert (await papers.return_label_pdf(tx, name))().startswith(b"%PDF-")
    assert row["tracking_number"] in scanned_pages(paper)
    assert "UNITED STATES" in text_of(paper)


async def test_where_no_carrier_sells_one_somebody_is_told_and_it_can_be_asked_for_again(
    dock: Shop, world: World
) -> None:
    parcel = await gone(dock, world)
    name = (await dock.do("want_return_label", parcel=parcel, service="teleport"))["return_label"]
    await dock.work("buy_return_label", world=world)
    assert (await one(dock, "return_label", name))["state"] == "refused"
    (raised,) = await dock.rows("select kind, order_id from attention where merchant_id = $1", dock.merchant)
    assert raised["kind"] == "carrier_refused" and raised["order_id"]
    again = await dock.do("want_return_label", parcel=parcel)
    await dock.work("buy_return_label", world=world)
    assert (await one(dock, "return_label", again["return_label"]))["state"] == "bought"


async def test_a_price_that_the_carrier_does_not_tell_is_not_nothing(
    dock: Shop, world: World, outside: Outside
) -> None:
    outside.control("leave_out", parts=["price", "pdf"])
    (parcel,) = await labeled(dock, world)
    outside.control("leave_out", parts=[])
    row = await one(dock, "parcel", parcel)
    assert row["label_state"] == "bought" and row["label_cost_minor"] is None
    async with tenant_tx(dock.db, [dock.merchant]) as tx:
        assert (await papers.parcel_pdf(tx, parcel, "label", dock.at))().startswith(b"%PDF-")
