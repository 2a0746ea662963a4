"""The contract of a payment provider: every payments plugin runs this suite.

Subclass `PaymentsContract`, give it a `payments` fixture and the provider's test tokens.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from doorstep.plug.payments import Authorization, Charge, Declined, Payments

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def a_key() -> str:
    return f"test-{uuid4()}"


async def hold(payments: Payments, amount_minor: int = 5000, token: str = "tok_visa") -> Authorization:
    return await payments.authorize(amount_minor, "USD", token, f"ord_{uuid4().hex[:8]}", a_key())


async def charge_of(payments: Payments, ref: str, since: datetime = LONG_AGO) -> Charge:
    return next(charge for charge in await payments.list(since) if charge.ref == ref)


async def refused(reason: str, act: object) -> None:
    with pytest.raises(Declined) as no:
        await act  # type: ignore[misc]
    assert no.value.why["reason"] == reason


class PaymentsContract:
    good_token = "tok_visa"
    declined_token = "tok_declined"

    async def test_an_authorization_holds_the_whole_amount_for_a_while(self, payments: Payments) -> None:
        held = await hold(payments, 4999)
        assert (held.amount_minor, held.currency) == (4999, "USD")
        charge = await charge_of(payments, held.ref)
        assert charge.expires_at == held.expires_at
        assert held.expires_at is None or held.expires_at - charge.created_at > timedelta(minutes=30)
        assert (charge.status, charge.authorized_minor, charge.captured_minor) == ("authorized", 4999, 0)

    async def test_a_declined_card_says_why_and_holds_nothing(self, payments: Payments) -> None:
        reference = f"ord_{uuid4().hex[:8]}"
        act = payments.authorize(100, "USD", self.declined_token, reference, a_key())
        await refused("declined", act)
        assert not [charge for charge in await payments.list(LONG_AGO) if charge.reference == reference]

    async def test_the_same_key_is_the_same_authorization(self, payments: Payments) -> None:
        key = a_key()
        acts = (payments.authorize(100, "USD", self.good_token, "ord_1", key) for _ in range(8))
        held = await asyncio.gather(*acts)
        assert {one.ref for one in held} == {held[0].ref}

    async def test_a_decline_is_remembered_under_its_key(self, payments: Payments) -> None:
        key = a_key()
        for _ in range(2):
            await refused("declined", payments.authorize(100, "USD", self.declined_token, "ord_1", key))

    async def test_a_key_used_for_another_amount_is_refused(self, payments: Payments) -> None:
        key = a_key()
        await payments.authorize(100, "USD", self.good_token, "ord_1", key)
        await refused("key_reused", payments.authorize(101, "USD", self.good_token, "ord_1", key))

    async def test_parts_are_captured_until_nothing_is_held(self, payments: Payments) -> None:
        held = await hold(payments)
        first = await payments.capture(held.ref, 2000, a_key())
        second = await payments.capture(held.ref, 3000, a_key())
        assert (first.captured_minor, second.captured_minor) == (2000, 5000)
        await refused("exceeds_authorization", payments.capture(held.ref, 1, a_key()))
        assert (await charge_of(payments, held.ref)).status == "captured"

    async def test_the_same_capture_twice_takes_the_money_once(self, payments: Payments) -> None:
        held, key = await hold(payments), a_key()
        once, again = [await payments.capture(held.ref, 2000, key) for _ in range(2)]
        assert once == again
        assert (await charge_of(payments, held.ref)).captured_minor == 2000

    async def test_more_than_is_held_is_never_captured(self, payments: Payments) -> None:
        held = await hold(payments)
        await refused("exceeds_authorization", payments.capture(held.ref, 5001, a_key()))
        assert (await charge_of(payments, held.ref)).captured_minor == 0

    async def test_captures_racing_for_the_last_cent_never_take_more_than_is_held(self, payments: Payments) -> None:
        held = await hold(payments)
        acts = (payments.capture(held.ref, 2000, a_key()) for _ in range(5))
        answers = await asyncio.gather(*acts, return_exceptions=True)
        assert sum(not isinstance(answer, Declined) for answer in answers) == 2
        assert (await charge_of(payments, held.ref)).captured_minor == 4000

    async def test_what_was_let_go_cannot_be_captured(self, payments: Payments) -> None:
        held = await hold(payments)
        await payments.void(held.ref, a_key())
        await payments.void(held.ref, a_key())
        await refused("voided", payments.capture(held.ref, 1, a_key()))
        assert (await charge_of(payments, held.ref)).status == "voided"

    async def test_the_rest_of_a_part_captured_hold_can_be_let_go(self, payments: Payments) -> None:
        held = await hold(payments)
        await payments.capture(held.ref, 2000, a_key())
        await payments.void(held.ref, a_key())
        charge = await charge_of(payments, held.ref)
        assert (charge.status, charge.captured_minor) == ("partially_captured", 2000)
        await refused("voided", payments.capture(held.ref, 1, a_key()))

    async def test_refunds_never_exceed_what_was_captured(self, payments: Payments) -> None:
        held, key = await hold(payments), a_key()
        await payments.capture(held.ref, 3000, a_key())
        once, again = [await payments.refund(held.ref, 1000, key) for _ in range(2)]
        assert once == again
        assert (await payments.refund(held.ref, 2000, a_key())).refunded_minor == 3000
        await refused("exceeds_captured", payments.refund(held.ref, 1, a_key()))
        assert (await charge_of(payments, held.ref)).refunded_minor == 3000

    async def test_nothing_captured_is_nothing_to_refund(self, payments: Payments) -> None:
        held = await hold(payments)
        await refused("exceeds_captured", payments.refund(held.ref, 1, a_key()))

    async def test_an_authorization_that_is_not_theirs_is_unknown(self, payments: Payments) -> None:
        await refused("unknown_authorization", payments.capture("auth_none", 1, a_key()))

    async def test_the_list_tells_every_act_by_its_key(self, payments: Payments) -> None:
        held, keys = await hold(payments), (a_key(), a_key())
        await payments.capture(held.ref, 2000, keys[0])
        await payments.refund(held.ref, 500, keys[1])
        charge = await charge_of(payments, held.ref)
        told = [(entry.kind, entry.key, entry.amount_minor) for entry in charge.entries[1:]]
        assert told == [("capture", keys[0], 2000), ("refund", keys[1], 500)]
        assert charge.updated_at == charge.entries[-1].at

    async def test_the_list_begins_where_it_is_asked_to(self, payments: Payments) -> None:
        held = await hold(payments)
        changed_at = (await charge_of(payments, held.ref)).updated_at
        assert held.ref in {charge.ref for charge in await payments.list(changed_at)}
        later = await payments.list(changed_at + timedelta(days=30))
        assert held.ref not in {charge.ref for charge in later}
