"""Fulfillment: the right product off the shelf, into the parcel, and back again when it must."""

from __future__ import annotations

from tests.shop import Shop


async def test_an_order_goes_from_the_shelf_into_a_parcel(shop: Shop) -> None:
    await shop.stock("MUG", 5)
    order = await shop.place(("MUG", 2), payment_term="on_account")
    parcel = await shop.to_packed(order)
    assert parcel.startswith("par_")
    assert await shop.places("MUG") == {"A-1": 3, f"parcel:{parcel[4:]}": 2}
    assert await shop.timeline(order) == ["place", "check", "promise", "release", "pick", "pack"]
