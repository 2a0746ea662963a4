"""expire: an order that nobody paid in time ends, and gives its goods back; and which deadlines have passed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from doorstep.journey.processing.payment import payment_problem
from doorstep.kit.ids import number, public
from doorstep.setup.canceling import (
    Touched,
    cancel_units,
    cancelable,
    canceled_notice,
    follows,
)
from doorstep.spine.after import after
from doorstep.spine.facts import OrderFacts, of_merchant, order_facts
from doorstep.spine.holds import lift_hold
from doorstep.spine.outcome import Ask, Event, Outcome, Result, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

RUN_OUT = """
select o.merchant_id, o.order_id from orders o
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
  where o.merchant_id = any($1) and o.expires_at <= $2 and n.auths_pending = 0 and n.picked + n.packed = 0
  order by o.merchant_id, o.expires_at, o.order_id limit $3
"""
TIMED_HOLDS = """
select h.merchant_id, h.hold_id from hold h
  where h.merchant_id = any($1) and h.lifted_at is null and h.until <= $2
  order by h.merchant_id, h.until, h.hold_id limit $3
"""
# Not while the provider was asked for some of it and has not answered.
AUTHORIZATIONS_RUN_OUT = """
select distinct p.merchant_id, p.order_id from payment p
  join order_now n on n.merchant_id = p.merchant_id and n.order_id = p.order_id
  where p.merchant_id = any($1) and p.kind = 'authorization' and p.state = 'done' and p.expires_at <= $2
    and n.wanted + n.promised + n.picked + n.packed > 0
    and not exists (select from payment w where w.merchant_id = p.merchant_id and w.order_id = p.order_id
      and w.parent_id = p.payment_id and w.state = 'wanted')
  order by p.merchant_id, p.order_id limit $3
"""
# So many of each in one go; the next minute brings the rest.
AT_ONCE = 1000


class Expire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order: str


class Expired(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    expired: bool


class Due(NamedTuple):
    """A deadline that passed: whose, and the verb to ask with this body."""

    merchant: int
    verb: str
    body: dict[str, Any]


async def due_expiries(tx: Tx, now: datetime) -> list[Due]:
    """Unpaid orders and authorizations that ran out, and holds whose time has come; to be asked each minute."""
    at = (list(tx.merchants), now, AT_ONCE)
    run_out = await tx.rows(RUN_OUT, *at)
    unheld = await tx.rows(AUTHORIZATIONS_RUN_OUT, *at)
    holds = await tx.rows(TIMED_HOLDS, *at)
    return [
        *(Due(row["merchant_id"], "expire", {"order": public("ord", row["order_id"])}) for row in run_out),
        *(Due(row["merchant_id"], "expire_authorization", {"order": public("ord", row["order_id"])}) for row in unheld),
        *(Due(row["merchant_id"], "lift", {"hold": public("hld", row["hold_id"])}) for row in holds),
    ]


@verb(Expire, Expired)
async def expire(tx: Tx, asks: list[Ask[Expire]]) -> list[Result]:
    """Let an unpaid order run out: its units are canceled, the stock is free. One paid meanwhile stays."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks])
    return each(asks, lambda ask: decide(of_merchant(orders, ask.merchant, number("ord", ask.body.order)), ask))


def decide(order: OrderFacts, ask: Ask[Any]) -> Outcome:
    outcome = Outcome(order.merchant, ("order", order.order_id), [], answer_of_order(order.order_id, expired=False))
    units = cancelable(order)
    if not units or not _has_run_out(order, ask.at):
        return outcome
    outcome.events = [Event("expire", [], {"units": sum(units.values())})]
    cancel_units(outcome, order, units, Touched())
    outcome.count("expiries")
    for hold in order.holds:
        lift_hold(outcome, hold, by="expire", at=ask.at)
    now = after(order, outcome)
    freed = follows(order, now, outcome.events[0].moves, "expired", refund=True)
    outcome.then = [*freed, canceled_notice(now)]
    outcome.answer["expired"] = True
    return outcome


def _has_run_out(order: OrderFacts, at: datetime) -> bool:
    """Nobody paid, no answer of a provider is waited for, nobody began to pick."""
    row = order.row
    is_late = row["expires_at"] is not None and row["expires_at"] <= at
    is_unpaid = payment_problem(row["payment_term"], row["owed"], row["held"], row["earned"]) is not None
    return is_late and is_unpaid and not row["auths_pending"] and not row["picked"] and not row["packed"]
