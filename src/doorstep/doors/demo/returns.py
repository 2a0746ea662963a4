"""returns: what comes back, from the carrier or from the buyer: looked at, sold again or thrown away, credited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from doorstep.doors.demo.desk import Desk, Wish
from doorstep.doors.demo.eyes import Eyes
from doorstep.kit.ids import public

CAME_BACK = """
select p.merchant_id, p.parcel_id, p.order_id, o.number, t.code as site from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  join site t on t.site_id = p.site_id
  join order_now n on n.merchant_id = p.merchant_id and n.order_id = p.order_id and n.shipped > 0
  where p.merchant_id = any($1) and p.state = 'returned_to_sender'
    and not exists (select from event e where e.merchant_id = p.merchant_id and e.kind = 'order' and e.id = p.order_id
      and e.verb = 'take_back' and e.data ->> 'parcel' = 'par_' || p.parcel_id)
  order by p.merchant_id, p.parcel_id
"""
SENT_BACK = """
select l.merchant_id, l.order_id, l.line_no, o.number, min(t.code) as site, max(p.parcel_id) as parcel_id,
    (select max(r.asked_at) from return_label r
      where r.merchant_id = l.merchant_id and r.order_id = l.order_id) as label_asked_at
  from order_line l
  join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id
  join parcel p on p.merchant_id = l.merchant_id and p.order_id = l.order_id
  join site t on t.site_id = p.site_id
  where l.merchant_id = any($1) and l.ships and l.delivered > 0 and l.taken_back = 0 and l.line_no = 1
  group by l.merchant_id, l.order_id, l.line_no, o.number
  having max(p.delivered_at) < $2 order by l.merchant_id, l.order_id
"""
TO_CREDIT = """
select l.merchant_id, l.order_id, o.number, l.line_no, l.taken_back + l.lost as units from order_line l
  join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id
  join order_now n on n.merchant_id = l.merchant_id and n.order_id = l.order_id
  where l.merchant_id = any($1) and l.taken_back + l.lost > 0 and n.invoiced > 0 and n.credited = 0
  order by l.merchant_id, l.order_id, l.line_no
"""
SET_APART = """
select b.merchant_id, s.code as sku, t.code as site, sum(b.quantity)::int as units from bin_stock b
  join sku s on s.merchant_id = b.merchant_id and s.sku_id = b.sku_id join site t on t.site_id = b.site_id
  where b.merchant_id = any($1) and b.place = 'QUARANTINE' and b.quantity > 0
  group by b.merchant_id, s.code, t.code order by b.merchant_id, s.code, t.code
"""
# Of a hundred: who sends something back, whose money waits a little longer, what is broken.
SEND_BACK, NOT_CREDITED_YET, BROKEN = 6, 10, 25
DAY = timedelta(days=1)
ON_THE_WAY_BACK = timedelta(hours=40)


@dataclass(slots=True)
class Returns:
    floor: Desk
    office: Desk
    eyes: Eyes
    came: int = 0
    looked_at: int = 0

    async def work(self, at: datetime) -> None:
        await self._send_labels(at)
        await self._take_back(at)
        await self._credit()
        await self._decide()

    async def _send_labels(self, at: datetime) -> None:
        """Whoever wants to send something back gets a label for it first."""
        await self.floor.ask_all(
            Wish(row["merchant_id"], "want_return_label", {"parcel": public("par", row["parcel_id"])})
            for row in self._sent_back(await self.eyes.rows(SENT_BACK, at - DAY))
            if row["label_asked_at"] is None
        )

    async def _take_back(self, at: datetime) -> None:
        await self.floor.ask_all(
            Wish(row["merchant_id"], "take_back", {
                "order": public("ord", row["order_id"]), "parcel": public("par", row["parcel_id"]), "site": row["site"],
                "reason": "the carrier brought it back",
            })
            for row in await self.eyes.rows(CAME_BACK)
        )  # fmt: skip
        await self.floor.ask_all(
            Wish(row["merchant_id"], "take_back", {
                "order": public("ord", row["order_id"]), "site": row["site"], "reason": "not what the buyer hoped for",
                "lines": [{"line": row["line_no"], "quantity": 1}],
            })
            for row in await self.eyes.rows(SENT_BACK, at)
            if row["label_asked_at"] and at - row["label_asked_at"] > ON_THE_WAY_BACK
        )  # fmt: skip

    def _sent_back(self, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """However few orders there are: the first one."""
        for row in rows:
            if not self.came or self.eyes.lot(row["merchant_id"], row["number"], "sends back") < SEND_BACK:
                self.came += 1
                yield row

    async def _credit(self) -> None:
        """Whoever has not got the goods gets the money back."""
        lines: dict[tuple[int, int], list[dict[str, Any]]] = {}
        for row in await self.eyes.rows(TO_CREDIT):
            if not lines or self.eyes.lot(row["merchant_id"], row["number"], "credit") >= NOT_CREDITED_YET:
                of = lines.setdefault((row["merchant_id"], row["order_id"]), [])
                of.append({"line": row["line_no"], "quantity": row["units"]})
        await self.office.ask_all(
            Wish(merchant, "issue_credit", {"order": public("ord", order), "lines": of, "reason": "came back"})
            for (merchant, order), of in lines.items()
        )

    async def _decide(self) -> None:
        """Restock what is whole, scrap what is broken."""
        for row in await self.eyes.rows(SET_APART):
            of = {"sku": row["sku"], "site": row["site"], "quantity": row["units"]}
            if self._is_broken(row):
                await self.floor.ask(row["merchant_id"], "scrap", **of, reason="broken")
            else:
                await self.floor.ask(row["merchant_id"], "restock", **of)

    def _is_broken(self, row: dict[str, Any]) -> bool:
        """However little came back: the second is."""
        self.looked_at += 1
        luck = self.eyes.lot(row["merchant_id"], f"{row['sku']}/{row['units']}", "broken")
        return luck < BROKEN or self.looked_at == 2
