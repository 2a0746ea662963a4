"""keep_filing: an export was filed elsewhere; its number is kept, stands on the papers and ends the wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.setup.customs.numbers import itn_is_well_formed
from doorstep.spine.facts import OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class KeepFiling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`itn`: X, the day, six digits, as AES answered it. A later one replaces it."""

    order: str
    itn: Annotated[str, Meta(min_length=1, max_length=40)]


class FilingKept(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    itn: str


class NotAnItn(Refusal):
    """An internal transaction number of AES is X, the day and six digits: X20260701123456."""

    status = 422


@verb(KeepFiling, FilingKept)
async def keep_filing(tx: Tx, asks: list[Ask[KeepFiling]]) -> list[Result]:
    """Keep the number under which the export was filed; the order is checked again."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=("drafts", "history"))
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(of_merchant(orders, ask.merchant, number("ord", ask.body.order)), ids, ask))


def decide(order: OrderFacts, ids: Iterator[int], ask: Ask[KeepFiling]) -> Outcome:
    itn = ask.body.itn.strip().upper().removeprefix("AES ").strip()
    if not itn_is_well_formed(itn):
        raise NotAnItn(itn=ask.body.itn)
    filing = {
        "filing_id": next(ids), "order_id": order.order_id, "itn": itn, "filed_by": ask.actor.name, "filed_at": ask.at,
    }  # fmt: skip
    outcome = Outcome(order.merchant, ("order", order.order_id), [Event("keep_filing", [], {"itn": itn})])
    outcome.facts = [Insert("export_filing", filing)]
    outcome.answer = answer_of_order(order.order_id, itn=itn)
    if not order.row["drafts"] and not order.row["history"]:
        outcome.then = [Job("check", {"order": public("ord", order.order_id)})]
    return outcome
