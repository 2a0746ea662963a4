"""Views of the order list: kept under a name, shared with those who see the same, dropped by whom they belong to."""

from __future__ import annotations

import pytest

from doorstep.setup.people import Person, add_person
from doorstep.setup.views import LONGEST_NAME, MOST, NamelessView, NoSuchView, TooManyViews, drop_view, keep_view
from doorstep.setup.views import views_seen_by as seen_by
from doorstep.spine.tenant import Db
from tests.shop import Shop


async def person(shop: Shop, name: str, merchant: int | None = None) -> Person:
    role = "merchant" if merchant else "operator"
    email = f"{name}@{shop.key}.example"
    return Person(await add_person(shop.db, email, role, merchant=merchant), email, name, role, merchant)


async def names(db: Db, who: Person, shop: Shop) -> list[str]:
    """Of this test's views: the operator's people of other tests share theirs too."""
    return [view.name for view in await seen_by(db, who) if view.name.endswith(shop.key)]


async def test_a_view_is_changed_under_its_name_and_dropped(shop: Shop) -> None:
    ada = await person(shop, "ada")
    await keep_view(shop.db, ada, "  Unpaid \n ones ", "payment=unpaid")
    await keep_view(shop.db, ada, "Unpaid ones", "payment=failed")
    (view,) = [view for view in await seen_by(shop.db, ada) if view.own]
    assert (view.name, view.query, view.shared) == ("Unpaid ones", "payment=failed", False)
    bo = await person(shop, "bo")
    with pytest.raises(NoSuchView):
        await drop_view(shop.db, bo, view.view_id)
    await drop_view(shop.db, ada, view.view_id)
    assert not [view for view in await seen_by(shop.db, ada) if view.own]
    with pytest.raises(NoSuchView):
        await drop_view(shop.db, ada, view.view_id)


async def test_a_shared_view_stays_on_its_side_of_the_wall(shop: Shop, other_shop: Shop) -> None:
    ours, mine, theirs = (
        await person(shop, "ours"), await person(shop, "mine", shop.merchant),
        await person(other_shop, "theirs", other_shop.merchant),
    )  # fmt: skip
    colleague = await person(shop, "colleague", shop.merchant)
    await keep_view(shop.db, ours, f"operator {shop.key}", "", shared=True)
    await keep_view(shop.db, mine, f"merchant {shop.key}", "", shared=True)
    await keep_view(shop.db, mine, f"own {shop.key}", "")
    assert await names(shop.db, colleague, shop) == [f"merchant {shop.key}"]
    assert await names(shop.db, theirs, shop) == []
    assert await names(shop.db, ours, shop) == [f"operator {shop.key}"]


async def test_a_view_has_a_name_and_there_are_not_too_many(shop: Shop) -> None:
    ada = await person(shop, "ada")
    for name in ("", "   ", "x" * (LONGEST_NAME + 1)):
        with pytest.raises(NamelessView):
            await keep_view(shop.db, ada, name, "")
    for nth in range(MOST):
        await keep_view(shop.db, ada, f"view {nth}", "")
    with pytest.raises(TooManyViews):
        await keep_view(shop.db, ada, "one more", "")
    await keep_view(shop.db, ada, "view 0", "stage=draft")
