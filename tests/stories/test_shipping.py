"""Ship: a label is bought once, whoever asks how often; nothing leaves without one; nothing leaves twice."""

from __future__ import annotations

from typing import Any

import pytest

from doorstep.journey.cash.paper_data import invoice_data
from doorstep.journey.cash.papers import invoice
from doorstep.journey.shipping.label import WhichCarrier
from doorstep.journey.shipping.paper_data import NoSuchPaper, paper_of
from doorstep.journey.shipping.shipment import packed as read_packed
from doorstep.journey.shipping.shipment import shipment_of
from doorstep.kit.refusals import Refusal
from doorstep.plug.registry import carrier
from doorstep.plug.simulator.process import Outside
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.world import World
from tests.rules.test_papers import scanned_pages, text_of
from tests.shop import HOME, Shop

CARD = {
    "currency": "USD",
    "zones": [{"name": "us", "countries": ["home"]}, {"name": "world", "countries": ["*"]}],
    "services": [
        {
            "code": "economy",
            "tariffs": [
                {"zone": "us", "breaks": [{"up_to_g": 30000, "amount_minor": 500}], "days": 3},
                {"zone": "world", "breaks": [{"up_to_g": 30000, "amount_minor": 1500}], "days": 9},
            ],
        },
        {
            "code": "express",
            "tariffs": [{"zone": "world", "breaks": [{"up_to_g": 30000, "amount_minor": 4500}], "days": 3}],
        },
    ],
}


def code(answer: Any) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.code


class Post:
    """The notifier of these tests: it keeps what it is given."""

    def __init__(self) -> None:
        self.letters: list[Any] = []

    async def send(self, letters: list[Any]) -> list[Any]:
        self.letters += letters
        return [None] * len(letters)


def world_of(shop: Shop, **plugins: tuple[str, dict[str, Any]]) -> World:
    """A world with these carriers: code = (plugin, settings)."""
    built = {name: carrier(plugin, name, settings) for name, (plugin, settings) in plugins.items()}

    async def open_carrier(merchant: int, name: str) -> Any:
        return built[name]

    return World(shop.db, open_carrier, open_carrier, Post())


@pytest.fixture
async def dock(shop: Shop) -> Shop:
    """A shop with stock and a rate-card carrier."""
    await shop.stock("MUG", 50)
    await shop.stock("CUP", 50)
    await shop.connect("carrier", "ratecard", "card", **CARD)
    return shop


async def packed(dock: Shop, *lines: tuple[str, int], **more: Any) -> tuple[str, str]:
    """A paid order that is packed: order, parcel."""
    order = await dock.place(*(lines or (("MUG", 2),)), payment_term="on_account", **more)
    return order, await dock.to_packed(order)


async def parcel_row(dock: Shop, parcel: str) -> dict[str, Any]:
    (row,) = await dock.rows(
        "select * from parcel where merchant_id = $1 and parcel_id = $2", dock.merchant, int(parcel[4:])
    )
    return row


async def test_the_cheapest_service_that_keeps_the_promise_is_bought_and_says_why(dock: Shop) -> None:
    order, parcel = await packed(dock)
    await dock.work("buy_label", world=world_of(dock, card=("ratecard", CARD)))
    row = await parcel_row(dock, parcel)
    assert (row["label_state"], row["carrier"], row["service"]) == ("bought", "card", "express")
    assert (row["label_cost_minor"], row["label_currency"]) == (4500, "USD")
    (decision,) = await dock.rows(
        "select chosen, why from decision where merchant_id = $1 and order_id = $2 and verb = 'buy_label'",
        dock.merchant, int(order[4:]),
    )  # fmt: skip
    assert decision["chosen"] == "card express" and "too slow for the promise" in decision["why"]


async def test_a_label_that_is_asked_for_again_is_refused_while_there_is_one(dock: Shop) -> None:
    _, parcel = await packed(dock)
    await dock.work()
    assert code(await dock.ask("want_label", parcel=parcel)) == "LabelThere"
    await dock.work("buy_label", world=world_of(dock, card=("ratecard", CARD)))
    assert code(await dock.ask("want_label", parcel=parcel)) == "LabelThere"


async def test_a_purchase_that_is_repeated_with_its_key_is_one_label(dock: Shop) -> None:
    _, parcel = await packed(dock)
    await dock.work()
    ((_, body),) = [job for job in await dock.jobs() if job[0] == "buy_label"]
    with Outside("--speed", "0") as outside:
        settings = {"base_url": outside.url}
        first, second = world_of(dock, sim=("simcarrier", settings)), world_of(dock, sim=("simcarrier", settings))
        async with first.reading([dock.merchant]) as tx:
            read = await read_packed(tx, parcel)
        assert read
        rates = await (await first.carrier(0, "sim")).rates(shipment_of(read))
        shipment = shipment_of(read, rates[0].service)
        labels = [await (await world.carrier(0, "sim")).buy(shipment, body["label_key"]) for world in (first, second)]
    assert labels[0].tracking_number == labels[1].tracking_number


async def test_a_refused_label_waits_for_somebody_and_can_be_asked_for_again(dock: Shop) -> None:
    _, parcel = await packed(dock)
    nowhere = {**CARD, "zones": [{"name": "us", "countries": ["US"]}], "services": CARD["services"][:1]}
    nowhere["services"] = [{**CARD["services"][0], "tariffs": CARD["services"][0]["tariffs"][:1]}]  # type: ignore[index]
    await dock.work("buy_label", world=world_of(dock, card=("ratecard", nowhere)))
    assert (await parcel_row(dock, parcel))["label_state"] == "refused"
    (raised,) = await dock.rows("select kind, reason from attention where merchant_id = $1", dock.merchant)
    assert raised["kind"] == "label_refused" and "no carrier goes there" in raised["reason"]
    await dock.do("want_label", parcel=parcel)
    await dock.work("buy_label", world=world_of(dock, card=("ratecard", CARD)))
    assert (await parcel_row(dock, parcel))["label_state"] == "bought"


async def test_an_answer_to_an_older_question_is_refused(dock: Shop) -> None:
    _, parcel = await packed(dock)
    await dock.work()
    stale = {"parcel": parcel, "label_key": f"{parcel}.0", "carrier": "card", "tracking_number": "X1"}
    assert code(await dock.ask("keep_label", **stale)) == "LabelAnswered"
    assert code(await dock.ask("refuse_label", parcel=parcel, label_key=f"{parcel}.0", reason="no")) == "LabelAnswered"


async def test_a_label_bought_elsewhere_is_kept_by_hand(dock: Shop) -> None:
    _, parcel = await packed(dock, shipping_method="")
    await dock.do("keep_label", parcel=parcel, carrier="La Poste", tracking_number="RB123456785FR")
    row = await parcel_row(dock, parcel)
    assert (row["label_state"], row["tracking_number"]) == ("bought", "RB123456785FR")
    await dock.do("want_void", parcel=parcel)
    assert (await parcel_row(dock, parcel))["label_state"] == "void"


async def test_a_voided_label_makes_room_for_another(dock: Shop) -> None:
    _, parcel = await packed(dock)
    world = world_of(dock, card=("ratecard", CARD))
    await dock.work("buy_label", world=world)
    first = (await parcel_row(dock, parcel))["tracking_number"]
    await dock.do("want_void", parcel=parcel)
    assert code(await dock.ask("hand_over", parcel=parcel)) == "NoLabel"
    await dock.work("void_label", world=world)
    assert (await parcel_row(dock, parcel))["label_state"] == "void"
    assert code(await dock.ask("want_void", parcel=parcel)) == "NoLabel"
    await dock.do("want_label", parcel=parcel)
    await dock.work("buy_label", world=world)
    assert (await parcel_row(dock, parcel))["tracking_number"] not in ("", first)


async def test_nothing_leaves_without_a_label(dock: Shop) -> None:
    _, parcel = await packed(dock)
    assert code(await dock.ask("hand_over", parcel=parcel)) == "NoLabel"


async def test_a_parcel_leaves_once_and_its_units_leave_the_books_with_it(dock: Shop) -> None:
    order, parcel = await packed(dock)
    await dock.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    answers = await dock.ask_all("hand_over", [{"parcel": parcel}, {"parcel": parcel}])
    assert not isinstance(answers[0], Refusal) and code(answers[1]) == "HandedOver"
    assert (await dock.availability("MUG"))["packed"] == 0
    now = await dock.now(order)
    assert (now["stage"], now["shipped"], now["fulfillment"]) == ("fulfilled", 2, "fulfilled")
    assert code(await dock.ask("want_void", parcel=parcel)) == "HandedOver"
    assert code(await dock.ask("keep_label", parcel=parcel, carrier="x", tracking_number="y")) == "HandedOver"


async def test_a_hold_stops_the_hand_over(dock: Shop) -> None:
    order, parcel = await packed(dock)
    await dock.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    await dock.do("hold", order=order, type="fraud", reason="call the buyer first")
    assert code(await dock.ask("hand_over", parcel=parcel)) == "OnHold"


async def test_a_parcel_that_leaves_is_billed_and_told(dock: Shop) -> None:
    order, parcel = await packed(dock, ("MUG", 1), ("CUP", 1), shipping_minor=700)
    await dock.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    await dock.do("hand_over", parcel=parcel)
    world = world_of(dock)
    await dock.work("notify", world=world)
    now = await dock.now(order)
    assert (now["invoiced"], now["invoicing"]) == (3200, "invoiced")


async def test_another_merchants_parcel_is_not_there(dock: Shop, other_shop: Shop) -> None:
    _, parcel = await packed(dock)
    for verb in ("want_label", "hand_over", "want_void", "keep_void", "deliver", "lose", "track"):
        assert code(await other_shop.ask(verb, parcel=parcel)) == "NotFound"


async def test_a_parcel_over_a_border_has_the_papers_that_customs_wants(dock: Shop) -> None:
    _, parcel = await packed(dock, ("MUG", 1), ("CUP", 2))
    await dock.do("keep_label", parcel=parcel, carrier="card", tracking_number="RB123456785US")
    async with world_of(dock).reading([dock.merchant]) as tx:
        label = await paper_of(tx, parcel, "label", dock.at.date())
        declared = await paper_of(tx, parcel, "cn22", dock.at.date())
        with pytest.raises(NoSuchPaper):
            await paper_of(tx, parcel, "cn23", dock.at.date())
    assert "RB123456785US" in scanned_pages(label)
    said = text_of(declared)
    assert "691200" in said and "691110" in said and "37.50" in said


async def test_the_invoice_on_paper_says_what_was_issued(dock: Shop) -> None:
    to = {**HOME, "tax_id": "1234567T"}  # customs' affair, not the invoice's
    _, parcel = await packed(dock, ("MUG", 2), ("CUP", 1), shipping_minor=700, discount_minor=250, ship_to=to)
    await dock.do("keep_label", parcel=parcel, carrier="card", tracking_number="T1")
    await dock.do("hand_over", parcel=parcel)
    await dock.work()
    (issued,) = await dock.rows("select 'inv_' || invoice_id as id from invoice where merchant_id = $1", dock.merchant)
    async with world_of(dock).reading([dock.merchant]) as tx:
        paper = invoice(await invoice_data(tx, issued["id"]))
    said = text_of(paper)
    for words in ("INV-000001", "37.50", "7.00", "2.50", "42.00", "Amount due"):
        assert words in said


async def test_a_typed_number_tells_its_carrier_or_is_asked_for_it(dock: Shop) -> None:
    _, parcel = await packed(dock)
    answer = await dock.refuses("keep_label", WhichCarrier, parcel=parcel, tracking_number="T-100")
    assert answer.code == "WhichCarrier"
    await dock.refuses("keep_label", WhichCarrier, parcel=parcel, tracking_number="1Z999AA10123456785")
    kept = await dock.do("keep_label", parcel=parcel, tracking_number=" 1Z 999 AA1 01 2345 6784")
    assert (kept["carrier"], kept["tracking_number"]) == ("ups", "1Z999AA10123456784")


async def test_what_is_due_on_delivery_is_collected_once_over_all_parcels(dock: Shop) -> None:
    order = await dock.place(("MUG", 3), payment_term="cod", shipping_minor=501)
    fulfillment_order = await dock.to_picked(order)

    async def parcel_of(units: int) -> str:
        lines = [{"line": 1, "quantity": units}]
        return str((await dock.do("pack", fulfillment_order=fulfillment_order, lines=lines))["parcel"])

    async def collects(parcel: str) -> int:
        async with tenant_tx(dock.db, [dock.merchant]) as tx:
            found = await read_packed(tx, parcel)
        assert found is not None
        return shipment_of(found).cod_minor

    first = await parcel_of(2)
    assert await collects(first) == 2 * 1250 + 501  # as if the third were packed
    second = await parcel_of(1)
    assert [await collects(first), await collects(second)] == [2 * 1250 + 501, 1250]
    for parcel in (first, second):
        await dock.do("keep_label", parcel=parcel, carrier="card", tracking_number=f"T{parcel}")
        await dock.do("hand_over", parcel=parcel)
    await dock.do("deliver", parcel=first)
    assert (await dock.now(order))["collected"] == 2 * 1250 + 501
    assert await collects(second) == 1250
    await dock.do("record_payment", order=order, amount_minor=1000)
    assert await collects(second) == 250
