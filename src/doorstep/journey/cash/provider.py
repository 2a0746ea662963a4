"""provider: one call to the payment provider for each payment that was asked for, and its answer kept by a verb.

The key is the payment's id: asked again, the provider answers with the first result.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from doorstep.journey.cash.decline import Decline
from doorstep.kit.ids import number
from doorstep.plug.payments import Declined, Payments
from doorstep.spine.outcome import Ask
from doorstep.spine.world import World

FOR_THE_CALL = """
select p.merchant_id, p.payment_id, p.state, p.amount_minor, p.currency, p.provider, o.number, o.payment_token,
    a.provider_ref as parent_ref, coalesce(g.provider_ref, a.provider_ref) as authorization_ref
  from payment p join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  left join payment a on a.merchant_id = p.merchant_id and a.payment_id = p.parent_id
  left join payment g on g.merchant_id = a.merchant_id and g.payment_id = a.parent_id
  where p.merchant_id = any($1) and p.payment_id = $2
"""

# Makes the call for a payment's row under that key; answers the body of the verb that keeps the answer.
Call = Callable[[Payments, Mapping[str, Any], str], Awaitable[msgspec.Struct]]


class AskProvider(msgspec.Struct, frozen=True, kw_only=True):
    payment: str


async def ask_provider(world: World, asks: list[Ask[AskProvider]], verb: str, call: Call) -> None:
    """Call for each payment that still wants its answer; a clear no is kept with `decline`."""
    for ask in asks:
        async with world.reading([ask.merchant]) as tx:
            row = await tx.row(FOR_THE_CALL, [ask.merchant], number("pay", ask.body.payment))
        if row is None or row["state"] != "wanted":
            continue  # answered meanwhile
        provider = await world.payments(ask.merchant, row["provider"])
        try:
            keep, answer = verb, await call(provider, row, ask.body.payment)
        except Declined as no:
            keep, answer = "decline", Decline(payment=ask.body.payment, reason=_reason(no))
        await world.keep(ask.merchant, keep, answer)


def _reason(no: Declined) -> str:
    return str(no.why.get("reason") or no.why.get("detail") or "declined")
