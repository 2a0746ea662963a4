"""cases: what the buyers of an order say is wrong with it, what was answered, and what they were written to."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from doorstep.doors.reads.order import EXISTS, rows_as_json
from doorstep.kit.ids import number
from doorstep.kit.refusals import NotFound
from doorstep.setup.notices.kinds import TO_BUYER
from doorstep.spine.tenant import Tx


class CaseMessage(Struct, frozen=True, kw_only=True):
    by_buyer: bool
    written_by: str
    text: str
    written_at: datetime


class Case(Struct, frozen=True, kw_only=True):
    """Open while `closed_at` is null. `email` is where answers go, '' for the order's own address."""

    id: str
    kind: str
    email: str
    opened_by: str
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    messages: list[CaseMessage]


class Notice(Struct, frozen=True, kw_only=True):
    """What somebody was told of the order, or is not told, and why. `medium`: email and sms to the buyer, office to
    the merchant, webhook to its program. `state`: waiting (until `due_at`), sending, unknown, sent, dropped, failed;
    `sent_at` is since when it is so; `came_at` when a text message was on the phone, as its gateway told."""

    kind: str
    subject: str
    sent_at: datetime
    medium: str
    state: str
    address: str
    why: str
    due_at: datetime | None
    came_at: datetime | None

    @property
    def has_reached(self) -> bool:
        """Whether its buyer has it."""
        return self.state == "sent" and self.medium in TO_BUYER


class Cases(Struct, frozen=True, kw_only=True):
    cases: list[Case]
    notices: list[Notice]


_MESSAGES = """
(select m.by_buyer, m.written_by, m.text, m.written_at from case_message m
  where m.merchant_id = c.merchant_id and m.case_id = c.case_id order by m.written_at, m.message_id)"""
# Parts of a query in which `o` is the order.
CASES = f"""
(select 'cas_' || c.case_id as id, c.kind, c.email, c.opened_by, c.opened_at, a.resolved_at as closed_at,
    a.resolved_by as closed_by, {rows_as_json(_MESSAGES)} as messages
  from contact_case c join attention a on a.merchant_id = c.merchant_id and a.attention_id = c.case_id
  where c.merchant_id = o.merchant_id and c.order_id = o.order_id order by c.case_id)"""
NOTICES = """
(select n.kind, n.subject, n.sent_at, n.medium, n.state, n.address, n.why, n.due_at, n.came_at from notice n
  where n.merchant_id = o.merchant_id and n.order_id = o.order_id order by n.sent_at, n.key)"""
OF_ORDER = f"""
select row_to_json(w) from (select {rows_as_json(CASES)} as cases, {rows_as_json(NOTICES)} as notices
  from orders o where o.merchant_id = $1 and o.order_id = $2) w
"""


async def cases(tx: Tx, merchant: int, order: str) -> Cases:
    """Refuses NotFound, for another merchant's order too."""
    found = number("ord", order)
    if await tx.value(EXISTS, merchant, found) is None:
        raise NotFound(order=order)
    return msgspec.json.decode(await tx.value(OF_ORDER, merchant, found), type=Cases)
