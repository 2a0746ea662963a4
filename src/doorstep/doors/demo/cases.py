"""cases: buyers who write on their order's page that something is wrong, and the office that answers some of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from doorstep.doors.demo.desk import Desk, DeskFailed
from doorstep.doors.demo.eyes import Eyes
from doorstep.kit.ids import public
from doorstep.setup.tracking_links import tracking_links

# An order, where its newest parcel is; nobody wrote about it yet.
QUIET = """
select distinct on (p.merchant_id, p.order_id) p.merchant_id, p.order_id, o.number, p.state from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  where p.merchant_id = any($1) and p.state in ('delivered', 'attempted', 'customs_hold', 'in_transit')
    and not exists (select from contact_case c where c.merchant_id = p.merchant_id and c.order_id = p.order_id)
  order by p.merchant_id, p.order_id, p.parcel_id desc
"""
CASES = """
select c.merchant_id, c.case_id, c.kind, c.opened_at, o.number, exists (select from case_message m
    where m.merchant_id = c.merchant_id and m.case_id = c.case_id and not m.by_buyer) as answered
  from contact_case c
  join orders o on o.merchant_id = c.merchant_id and o.order_id = c.order_id
  where c.merchant_id = any($1) order by c.case_id
"""
# By where the parcel is: what is wrong, in the buyer's words.
WORDS = {
    "delivered": (
        ("damaged", "One of them arrived with its handle broken off. I have photos."),
        ("wrong_item", "There is another color in the box than I ordered."),
        ("missing_item", "One thing is missing, the slip in the box says that it is there."),
    ),
    "attempted": (("not_arrived", "I was at home all day and nobody rang."),),
    "customs_hold": (("other", "Do you need any papers of mine for customs?"),),
    "in_transit": (
        ("change_address", "We moved last week: could it go to number 12 instead, same street?"),
        ("other", "Will it be here by Friday? It is a present."),
    ),
}
ANSWERS = {
    "damaged": "We are sorry. A new one leaves tomorrow; you need not send the broken one back.",
    "not_arrived": "The carrier tries again tomorrow between 17:00 and 20:00.",
    "change_address": "The carrier knows of the new number.",
    "other": "Thank you for asking. All is well with it, and it is on its way.",
}
# Of a hundred orders: whose buyer writes. Of a hundred cases: which are answered, and which of these are settled by it.
WRITE, ANSWERED, SETTLED = 5, 70, 60
OF_AN_EVENING = 3
A_NIGHT = timedelta(hours=10)


@dataclass(slots=True)
class Cases:
    desk: Desk
    eyes: Eyes
    buyers: httpx.AsyncClient  # as a browser of anybody's has it

    async def write(self) -> None:
        """However few orders there are: the first one."""
        rows = await self.eyes.rows(QUIET)
        luck = {id(row): self.eyes.lot(row["merchant_id"], row["number"], "case") for row in rows}
        rows.sort(key=lambda row: luck[id(row)])
        likely = [row for row in rows if luck[id(row)] < WRITE][:OF_AN_EVENING]
        for row in likely if likely or await self.eyes.rows(CASES) else rows[:1]:
            await self._write(row)

    async def _write(self, row: dict[str, Any]) -> None:
        said = WORDS[row["state"]]
        kind, text = said[self.eyes.lot(row["merchant_id"], row["number"], "what is wrong") % len(said)]
        token = tracking_links().token(row["merchant_id"], row["order_id"])
        answer = await self.buyers.post(f"/t/{token}/cases", data={"kind": kind, "text": text, "once": uuid4().hex})
        if answer.status_code >= 400:
            raise DeskFailed(f"a buyer's case: {answer.status_code} {answer.text[:500]}")

    async def answer(self, at: datetime) -> None:
        """In the morning. What is not answered waits for whoever looks at the demo; the first one never does."""
        for nth, row in enumerate(await self.eyes.rows(CASES)):
            if row["answered"] or at - row["opened_at"] < A_NIGHT or (nth and not self._is(row, "answered", ANSWERED)):
                continue
            case, merchant = public("cas", row["case_id"]), row["merchant_id"]
            text = ANSWERS.get(row["kind"], "We are sorry, and send what is missing tomorrow.")
            await self.desk.ask(merchant, "answer_case", case=case, text=text)
            if not nth or self._is(row, "settled", SETTLED):
                await self.desk.ask(merchant, "close_case", case=case, note="told how it goes on")

    def _is(self, row: dict[str, Any], about: str, share: int) -> bool:
        return self.eyes.lot(row["merchant_id"], row["number"], about) < share
