"""Processing: an order is sorted before fulfillment."""

from __future__ import annotations

from tests.shop import Shop


async def paid(shop: Shop, *lines: tuple[str, int], **more: object) -> str:
    """An order with its money."""
    total = sum(quantity * 1250 for _, quantity in lines)
    return await shop.place(*lines, tenders=[{"kind": "paid", "amount_minor": total}], **more)


async def test_a_paid_order_with_a_good_address_goes_on_to_be_promised(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await paid(shop, ("MUG", 2))
    assert await shop.stage(order) == "received"
    assert (await shop.do("check", order=order))["next"] == ["promise"]
    assert await shop.stage(order) == "processing"
    await shop.do("promise", order=order)
    assert await shop.stage(order) == "awaiting_fulfillment"


async def test_a_prepaid_order_waits_for_its_money(shop: Shop) -> None:
    await shop.stock("MUG", 3)
    order = await shop.place(("MUG", 2))
    answer = await shop.do("check", order=order)
    assert answer["held"] == [{"type": "payment", "line": None, "reason": "the money is not here yet"}]
    assert answer["next"] == []
