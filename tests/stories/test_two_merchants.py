"""Asks of several merchants go to the database in one batch: each gets its own, and sees nothing of the others'."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

import tests.shop
from doorstep.kit.refusals import KeyReused, Refusal, Short
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import Answer, run
from doorstep.spine.tenant import Db
from doorstep.spine.verbs import VERBS
from tests.shop import NOON, Shop, open_shop


def ask_of(shop: Shop, verb: str, key: bytes | None = None, digest: bytes = b"", **body: Any) -> Ask[Any]:
    return Ask(shop.merchant, msgspec.convert(body, VERBS[verb].body, strict=False), shop.at, key=key, digest=digest)


async def test_each_shop_gets_its_own_order_from_one_batch_and_one_is_refused(db: Db) -> None:
    """They use the same words for everything: SKU, external id, order number, request key."""
    one, other = await open_shop(db, when_short="refuse"), await open_shop(db, when_short="refuse")
    await one.stock("MUG", 3)
    await other.stock("MUG", 1)
    body = one.order(("MUG", 2), reserve="now", external_id="1042", number="#1042")
    less = body | {"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "12.50"}]}
    first, short = await run(db, "place", [ask_of(shop, "place", b"k" * 16, order=body) for shop in (one, other)])
    assert isinstance(first, dict) and isinstance(short, Short)
    again, second, reused = await run(
        db,
        "place",
        [
            ask_of(one, "place", b"k" * 16, order=body),
            ask_of(other, "place", b"k" * 16, order=less),
            ask_of(one, "place", b"k" * 16, b"another", order=less),
        ],
    )
    assert again == first
    assert isinstance(second, dict) and second["order"] != first["order"] and not second["existing"]
    assert isinstance(reused, KeyReused)
    assert (await one.availability("MUG"))["reserved"] == 2
    assert await other.availability("MUG") == {"free": 0, "reserved": 1, "picked": 0, "packed": 0, "quarantine": 0}
    for shop in (one, other):
        assert len(await shop.rows("select 1 from orders where merchant_id = $1", shop.merchant)) == 1
        await shop.audit()


async def test_a_batch_sees_its_merchants_and_nobody_else(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    shops = [await open_shop(db) for _ in range(3)]
    for shop in shops:
        await shop.place(("MUG", 1))
    place, seen = VERBS["place"], []

    async def looking(tx: Any, asks: list[Any]) -> Any:
        rows = await tx.rows("select distinct merchant_id as id from orders order by 1")
        seen.append([row["id"] for row in rows])
        return await place.run(tx, asks)

    monkeypatch.setitem(VERBS, "place", replace(place, run=looking))
    await run(db, "place", [ask_of(shop, "place", order=shop.order(("MUG", 1))) for shop in shops[:2]])
    assert seen == [sorted(shop.merchant for shop in shops[:2])]


# What somebody who knows the words may do with things of their own: it is nobody else's.
FOR_EVERYBODY = {"place", "receive", "put_away"}


async def test_who_asks_for_somebody_elses_things_in_the_same_batch_gets_nothing(
    db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole life of an order; in every batch a stranger asks for exactly the same."""
    shop, stranger = await open_shop(db), await open_shop(db)
    refused: dict[str, set[str]] = {}

    async def with_a_stranger(db: Db, verb: str, asks: list[Ask[Any]], jobs: Any = None) -> list[Answer]:
        theirs = [replace(ask, merchant=stranger.merchant, key=None) for ask in asks]
        answers = await run(db, verb, [*asks, *theirs], jobs)
        for answer in answers[len(asks) :]:
            nothing = isinstance(answer, Refusal) or answer.get("promised") == 0
            assert nothing or verb in FOR_EVERYBODY, (verb, answer)
            if isinstance(answer, Refusal):
                refused.setdefault(verb, set()).add(answer.code)
        return answers[: len(asks)]

    async def all_are_leased(*_: Any) -> None:
        """Jobs are taken of one merchant alone: so that the stranger comes into their batches too, they are leased."""

    monkeypatch.setattr(tests.shop, "run", with_a_stranger)
    monkeypatch.setattr(tests.shop, "run_due", all_are_leased)
    shop.at = NOON
    await shop.receive("MUG", 20)
    await shop.do("put_away", sku="MUG", site=shop.site("NJ"), quantity=20, to_bin="A-1")
    sent = await shop.place(("MUG", 3), payment_term="on_account")
    await shop.do("lift", hold=(await shop.do("hold", order=sent, type="merchant", reason="wait"))["hold"])
    await shop.do("note", order=sent, text="in blue")
    await shop.to_picked(sent)
    parcel = (await shop.pack_all(sent, label="none"))[0]
    await shop.do("keep_label", parcel=parcel, carrier="Courier", tracking_number="T-1")
    await shop.do("hand_over", parcel=parcel)
    await shop.do("deliver", parcel=parcel)
    lines = [{"line": 1, "quantity": 1}]
    await shop.do("take_back", order=sent, site=shop.site("NJ"), lines=lines)
    await shop.do("record_payment", order=sent, amount_minor=3750, method="transfer")
    await shop.work()
    canceled = await shop.place(("MUG", 1))
    await shop.do("cancel", order=canceled, reason="changed their mind")
    await shop.work()
    assert len(refused) >= 15, sorted(refused)
    for verb, codes in refused.items():
        assert codes <= {"NotFound", "UnknownSku", "WrongStage", "Short"}, (verb, codes)
    done = await stranger.rows("select distinct verb from event where merchant_id = $1", stranger.merchant)
    assert {row["verb"] for row in done} <= FOR_EVERYBODY
    for one in (shop, stranger):
        await one.audit()
