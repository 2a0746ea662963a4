"""cases: a contact case as the rules see it, with its order under lock.

A case is what a buyer says is wrong with an order, and what was written about it since. It is open while its attention
item is, whose id it shares: who resolves the one has closed the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Invalid, NotFound
from doorstep.spine.facts import OrderFacts, order_facts
from doorstep.spine.outcome import Ask, Insert, Outcome, Update, answer_of_order
from doorstep.spine.tenant import Tx

Kind = Literal["not_arrived", "damaged", "wrong_item", "missing_item", "change_address", "other"]
Words = Annotated[str, Meta(min_length=1, max_length=4000)]

ORDERS_OF = "select case_id, order_id from contact_case where merchant_id = any($1) and case_id = any($2)"
# `waiting`: what the buyer wrote since somebody answered.
CASES = """
select c.merchant_id, c.case_id, c.order_id, c.kind, a.resolved_at is null as is_open,
    (select count(*) from case_message m where m.merchant_id = c.merchant_id and m.case_id = c.case_id and m.by_buyer
      and m.written_at > coalesce((select max(n.written_at) from case_message n
        where n.merchant_id = c.merchant_id and n.case_id = c.case_id and not n.by_buyer), '-infinity')) as waiting
  from contact_case c join attention a on a.merchant_id = c.merchant_id and a.attention_id = c.case_id
  where c.merchant_id = any($1) and c.case_id = any($2)
"""
# The inbox shows how it begins.
REASON_LENGTH = 500


class CaseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    case: str


@dataclass(frozen=True, slots=True)
class Case:
    case_id: int
    order: OrderFacts
    kind: str
    is_open: bool
    waiting: int

    @property
    def name(self) -> str:
        return public("cas", self.case_id)


async def case_facts(tx: Tx, cases: Iterable[str]) -> dict[int, Case]:
    """The cases by id; their orders are locked in id order first."""
    wanted, merchants = sorted({number("cas", case) for case in cases}), list(tx.merchants)
    orders_of = {row["case_id"]: row["order_id"] for row in await tx.rows(ORDERS_OF, merchants, wanted)}
    orders = await order_facts(tx, orders_of.values(), reads=())
    return {
        row["case_id"]: Case(row["case_id"], orders[row["order_id"]], row["kind"], row["is_open"], row["waiting"])
        for row in await tx.rows(CASES, merchants, wanted)
    }


def of_case(cases: Mapping[int, Case], merchant: int, case: str) -> Case:
    """The case, or NotFound: another merchant's is not there either."""
    found = cases.get(number("cas", case))
    if found is None or found.order.merchant != merchant:
        raise NotFound(case=case)
    return found


def outcome_of_case(case: Case) -> Outcome:
    order = case.order
    return Outcome(
        order.merchant, ("order", order.order_id), [], answer=answer_of_order(order.order_id, case=case.name)
    )


def message(case: int, message_id: int, text: str, ask: Ask[Any], *, by_buyer: bool) -> Insert:
    """Refuses Invalid where nothing is said."""
    if not text.strip():
        raise Invalid(fields=[{"pointer": "/text", "detail": "must say something"}])
    return Insert("case_message", {
        "case_id": case, "message_id": message_id, "by_buyer": by_buyer, "written_by": ask.actor.name, "text": text,
        "written_at": ask.at,
    })  # fmt: skip


def reopened(case: int) -> Update:
    return Update("attention", {"attention_id": case}, {"resolved_at": None, "resolved_by": None, "resolution": ""})


def settled(case: int, at: datetime, by: str, note: str = "") -> Update:
    return Update("attention", {"attention_id": case}, {"resolved_at": at, "resolved_by": by, "resolution": note})
