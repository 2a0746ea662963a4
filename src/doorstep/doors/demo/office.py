"""office: the people who mend what stopped, record what was paid, order goods, and talk with buyers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from doorstep.doors.demo.desk import Desk, Wish
from doorstep.doors.demo.eyes import Eyes
from doorstep.kit.ids import public
from doorstep.setup.customs.numbers import RECIPIENTS

HOLDS = """
select h.merchant_id, h.hold_id, h.order_id, h.line_no, h.type, h.why, h.placed_at, o.number, o.bill_to, o.ship_to,
    o.country, o.payment_token, l.code, l.title, l.sku_id
  from hold h join orders o on o.merchant_id = h.merchant_id and o.order_id = h.order_id
  left join order_line l on l.merchant_id = h.merchant_id and l.order_id = h.order_id and l.line_no = h.line_no
  where h.merchant_id = any($1) and h.lifted_at is null order by h.merchant_id, h.hold_id
"""
SKUS = """
select merchant_id, sku_id, code, name, barcode, weight_g, length_mm, width_mm, height_mm, hs_code, origin,
    customs_text, value_minor, flags, stocked, eccn, export_license, responsible_person
  from sku where merchant_id = any($1) order by merchant_id, code
"""
DRAFTS = """
select n.merchant_id, n.order_id, o.placed_at from order_now n
  join orders o on o.merchant_id = n.merchant_id and o.order_id = n.order_id
  where n.merchant_id = any($1) and n.stage = 'draft' order by n.merchant_id, n.order_id
"""
NOT_BEGUN = """
select n.merchant_id, n.order_id, o.number, o.placed_at, l.line_no, l.wanted + l.promised as units
  from order_now n
  join orders o on o.merchant_id = n.merchant_id and o.order_id = n.order_id
  join order_line l on l.merchant_id = n.merchant_id and l.order_id = n.order_id and l.line_no = 1
  where n.merchant_id = any($1) and n.stage in ('processing', 'awaiting_fulfillment') and n.holds_open = 0
    and n.picked + n.packed + n.shipped + n.delivered = 0 order by n.merchant_id, n.order_id
"""
PICKED = """
select n.merchant_id, n.order_id, o.number from order_now n
  join orders o on o.merchant_id = n.merchant_id and o.order_id = n.order_id
  where n.merchant_id = any($1) and n.picked > 0 and n.holds_open = 0 order by n.merchant_id, n.order_id
"""
HELD_BY_CHANNEL = """
select n.merchant_id, n.order_id from order_now n
  where n.merchant_id = any($1) and n.held > 0 and n.owed > n.earned and n.stage = 'fulfilled'
    and exists (select from payment p where p.merchant_id = n.merchant_id and p.order_id = n.order_id
      and p.kind = 'authorization' and p.provider = 'channel' and p.state = 'done')
"""
COLLECTED = """
select n.merchant_id, n.order_id from order_now n where n.merchant_id = any($1) and n.collected > 0
"""
ON_ACCOUNT = """
select n.merchant_id, n.order_id, o.number, n.owed - n.earned as due_minor from order_now n
  join orders o on o.merchant_id = n.merchant_id and o.order_id = n.order_id
  where n.merchant_id = any($1) and o.payment_term = 'on_account' and n.invoiced > 0 and n.owed > n.earned
"""
BY_HAND = """
select p.merchant_id, p.payment_id from payment p
  where p.merchant_id = any($1) and p.kind = 'refund' and p.state = 'wanted' and p.provider in ('', 'channel')
"""
OVERPAID = """
select n.merchant_id, n.order_id from order_now n where n.merchant_id = any($1) and n.payment = 'overpaid'
  and not exists (select from payment p where p.merchant_id = n.merchant_id and p.order_id = n.order_id
    and p.kind = 'refund' and p.state = 'wanted')
"""
BACKORDERED = """
select l.merchant_id, s.code, sum(l.wanted)::int as units from order_line l
  join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  join order_now n on n.merchant_id = l.merchant_id and n.order_id = l.order_id and n.checks > 0 and n.holds_open = 0
  where l.merchant_id = any($1) and l.wanted > 0 group by l.merchant_id, s.code order by l.merchant_id, s.code
"""
OPEN_ASNS = """
select a.merchant_id, a.asn_id, t.code as site, s.code, l.expected, a.announced_at from asn a
  join site t on t.site_id = a.site_id
  join asn_line l on l.merchant_id = a.merchant_id and l.asn_id = a.asn_id
  join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where a.merchant_id = any($1) and a.closed_at is null order by a.merchant_id, a.asn_id, s.code
"""
REFUSED_LABELS = """
select p.merchant_id, p.parcel_id, p.label_tries, o.number from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  where p.merchant_id = any($1) and p.label_state = 'refused' and p.handed_over_at is null
    and exists (select from parcel_line l where l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
      and l.quantity > 0)
"""
# What carriers have trouble with, and nobody has told them yet what to do about.
STUCK = """
select a.merchant_id, a.parcel_id, a.kind from attention a
  where a.merchant_id = any($1) and a.resolved_at is null and a.parcel_id is not null
    and a.kind in ('delivery_attempted', 'delivery_customs_hold')
    and not exists (select from attention b where b.merchant_id = a.merchant_id and b.order_id = a.order_id
      and b.parcel_id = a.parcel_id and b.kind = 'carrier_to_tell')
  order by a.attention_id
"""
TOLD = {"delivery_attempted": ("reattempt", "the buyer is at home in the evening"),
        "delivery_customs_hold": ("send_papers", "the commercial invoice is attached")}  # fmt: skip
DAY = timedelta(days=1)
SPOKEN = (("out_for_delivery", "sms"), ("available_for_pickup", "sms"), ("returned_to_sender", "office"))
IN_OWN_WORDS = {
    "en": "Your mugs have left the harbor: {order_number}",
    "uk": "Ваші кухлі вийшли з гавані: {order_number}",
}
AT_NIGHT = {"begins": "22:00", "ends": "07:00"}
# Customs data that the product files lack; the office looks it up for these, and not yet for the others.
LOOKED_UP = {
    "HM-GLASS": {"origin": "CZ"},
    "GZ-WARM": {"hs_code": "851679", "origin": "CN", "customs_text": "Mug warmer, electric"},
}
# Of a hundred orders: who asks for what.
CHANGE_THEIR_MIND, TAKE_ONE_LESS, TOO_LATE, ASK_TO_WAIT, WRITE_IN = 3, 3, 2, 2, 4
# However few orders there are: the luck of the first ones: to change their mind, to wait three days, to write in.
FIRST_WISHES = (0, 10, 11)
SUPPLIED = 45  # of a hundred backordered SKUs the supplier has these


@dataclass(slots=True)
class Office:
    desk: Desk
    eyes: Eyes
    seen: set[tuple[str, int]] = field(default_factory=set)

    # What stopped

    async def mend(self, at: datetime) -> None:
        """Look at every open hold: some are mended, some wait for an answer, some stay. Carriers are told too."""
        for row in await self.eyes.rows(STUCK):
            what, note = TOLD[row["kind"]]
            parcel = public("par", row["parcel_id"])
            await self.desk.ask(row["merchant_id"], "instruct", parcel=parcel, what=what, note=note)
        skus = await self._skus()
        mending: dict[str, Callable[[dict[str, Any], int, datetime], Awaitable[object]]] = {
            "address": self._address, "payment": self._payment, "duplicate": self._duplicate, "amounts": self._look,
            "fraud": self._call, "changed": self._look, "customs_data": self._customs, "denied_party": self._review,
        }  # fmt: skip
        for hold in await self.eyes.rows(HOLDS):
            luck = self.eyes.lot(hold["merchant_id"], hold["number"], hold["type"])
            if hold["type"] == "unknown_item":
                await self._name(hold, luck, skus[hold["merchant_id"]])
            elif act := mending.get(hold["type"]):
                await act(hold, luck, at)

    async def _address(self, hold: dict[str, Any], luck: int, at: datetime) -> None:
        """The buyer is asked; mostly the goods go where the bill goes."""
        right = msgspec.json.decode(hold["bill_to"]) if hold["bill_to"] else None
        if right and luck < 65 and at - hold["placed_at"] > DAY / 2:
            await self._ask(hold, "fix_address", ship_to=right)

    async def _payment(self, hold: dict[str, Any], luck: int, at: datetime) -> None:
        """A transfer takes its days; some never come."""
        waited = at - hold["placed_at"]
        if hold["payment_token"]:
            return
        if luck < 70 and waited > (1 + luck % 4) * DAY:
            missing = msgspec.json.decode(hold["why"])["missing_minor"]
            reference = f"transfer {hold['number']}"
            await self._ask(hold, "record_payment", amount_minor=missing, reference=reference)
        elif luck >= 88 and waited > 7 * DAY:
            await self._ask(hold, "cancel", reason="not paid within a week")

    async def _duplicate(self, hold: dict[str, Any], luck: int, at: datetime) -> None:
        which = self.eyes.merchants.index(hold["merchant_id"])
        if which == 0:
            await self._lift(hold)
        elif which == 1:
            await self._ask(hold, "cancel", reason="ordered twice by mistake")

    async def _look(self, hold: dict[str, Any], luck: int, at: datetime) -> None:
        if luck < 60 and at - hold["placed_at"] > DAY / 2:
            await self._lift(hold)

    async def _call(self, hold: dict[str, Any], luck: int, at: datetime) -> None:
        """The buyer answers the phone, and nearly always it is them."""
        if luck < 90 and at - hold["placed_at"] > DAY / 8:
            await self._lift(hold)

    async def _customs(self, hold: dict[str, Any], luck: int, at: datetime) -> None:
        """Of a whole order: its export is filed, or the buyer is asked for their number. Goods are looked up by SKU."""
        if hold["line_no"] or at - hold["placed_at"] < DAY / 2:
            return
        wanted = {field["field"] for field in msgspec.json.decode(hold["why"])["fields"]}
        if "itn" in wanted:
            await self._ask(hold, "keep_filing", itn=f"X{at:%Y%m%d}{hold['order_id'] % 10**6:06}")
        elif hold["country"] in RECIPIENTS and luck < 75:
            ship_to = msgspec.json.decode(hold["ship_to"]) | {"tax_id": RECIPIENTS[hold["country"]].like}
            await self._ask(hold, "fix_address", ship_to=ship_to)

    async def _review(self, hold: dict[str, Any], luck: int, at: datetime) -> None:
        if at - hold["placed_at"] > DAY / 2:
            await self._ask(hold, "review_party", verdict="no_match", note="born in another year")

    async def confirm_drafts(self, at: datetime) -> None:
        for row in await self.eyes.rows(DRAFTS):
            if at - row["placed_at"] > DAY / 2:
                await self._ask(row, "confirm")

    async def _name(self, hold: dict[str, Any], luck: int, skus: list[dict[str, Any]]) -> None:
        """By the old code's beginning, else by what the buyer saw."""
        known = [
            sku
            for sku in skus
            if (hold["code"] or "").removesuffix("-OLD") == sku["code"] or hold["title"] == sku["name"]
        ]
        if known and luck < 60 and hold["line_no"]:
            await self._ask(hold, "name_item", line=hold["line_no"], sku=known[0]["code"])

    async def complete_customs_data(self) -> None:
        """What is looked up once lets every order go that waited for it."""
        for merchant, skus in (await self._skus()).items():
            for sku in skus:
                if sku["code"] in LOOKED_UP:
                    body = {name: value for name, value in sku.items() if name not in ("merchant_id", "sku_id")}
                    path = f"/v1/skus/{public('sku', sku['sku_id'])}"
                    await self.desk.send(merchant, "PUT", path, body | LOOKED_UP[sku["code"]], "put_sku")
        stopped = {
            (h["merchant_id"], h["order_id"]) for h in await self.eyes.rows(HOLDS) if h["type"] == "customs_data"
        }
        await self.desk.ask_all(Wish(m, "check", {"order": public("ord", order)}) for m, order in sorted(stopped))

    async def _skus(self) -> dict[int, list[dict[str, Any]]]:
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in await self.eyes.rows(SKUS):
            found[row["merchant_id"]].append(row)
        return found

    async def _lift(self, hold: dict[str, Any]) -> None:
        await self.desk.ask(hold["merchant_id"], "lift", hold=public("hld", hold["hold_id"]))

    async def _ask(self, row: dict[str, Any], verb: str, **body: Any) -> None:
        await self.desk.ask(row["merchant_id"], verb, order=public("ord", row["order_id"]), **body)

    # What buyers want

    async def answer_buyers(self, at: datetime) -> None:
        """Each order's buyer has one wish at most, and it is heard once."""
        wishes = []
        for row in await self.eyes.rows(NOT_BEGUN):
            luck = self.eyes.lot(row["merchant_id"], row["number"], "buyer")
            if len(self.seen) < len(FIRST_WISHES):
                luck = FIRST_WISHES[len(self.seen)]
            about = (str(row["number"]), row["merchant_id"])
            if about not in self.seen and (wish := self._wish(row, luck, at)):
                self.seen.add(about)
                wishes.append(wish)
        await self.desk.ask_all(wishes)

    def _wish(self, row: dict[str, Any], luck: int, at: datetime) -> Wish | None:
        order = {"order": public("ord", row["order_id"])}
        if (luck := luck - CHANGE_THEIR_MIND) < 0:
            return Wish(row["merchant_id"], "cancel", order | {"reason": "the buyer changed their mind"})
        if (luck := luck - TAKE_ONE_LESS * 2) < 0:
            less = order | {"lines": [{"line": 1, "quantity": 1}], "reason": "one less, please"}
            return Wish(row["merchant_id"], "cancel", less) if row["units"] > 1 else None
        if (luck := luck - ASK_TO_WAIT) < 0:
            wait = {"type": "scheduled", "reason": "the buyer is away", "until": at + (3 if luck % 2 else 30) * DAY}
            return Wish(row["merchant_id"], "hold", order | wait)
        if luck - WRITE_IN < 0:
            return Wish(row["merchant_id"], "note", order | {"text": "The buyer called: please ring the side door."})
        return None

    async def cancel_too_late(self) -> None:
        """Some change their mind while the goods are in the tote."""
        for row in await self.eyes.rows(PICKED):
            if self.eyes.lot(row["merchant_id"], row["number"], "too late") < TOO_LATE:
                await self._ask(row, "cancel", reason="the buyer changed their mind")

    # Money

    async def settle_money(self, day: int) -> None:
        await self.desk.ask_all(
            Wish(row["merchant_id"], "capture", {"order": public("ord", row["order_id"])})
            for row in await self.eyes.rows(HELD_BY_CHANNEL)
        )
        await self.desk.ask_all(
            Wish(row["merchant_id"], "want_refund", {"order": public("ord", row["order_id"])})
            for row in await self.eyes.rows(OVERPAID)
        )
        await self.desk.ask_all(
            Wish(row["merchant_id"], "refund", {
                "payment": public("pay", row["payment_id"]), "provider_ref": f"back-{row['payment_id']}",
            })
            for row in await self.eyes.rows(BY_HAND)
        )  # fmt: skip
        if day % 4 == 0:
            await self.desk.ask_all(
                Wish(row["merchant_id"], "remit", {
                    "order": public("ord", row["order_id"]), "reference": f"remittance of day {day}",
                })
                for row in await self.eyes.rows(COLLECTED)
            )  # fmt: skip
        for row in await self.eyes.rows(ON_ACCOUNT):
            if self.eyes.lot(row["merchant_id"], row["number"], "pays early") < 50:
                await self._ask(row, "record_payment", amount_minor=row["due_minor"], reference=f"{row['number']} paid")

    # Goods

    async def order_goods(self, at: datetime) -> None:
        """The supplier announces what is backordered, as far as they have it: half to each site."""
        missing: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in await self.eyes.rows(BACKORDERED):
            if self.eyes.lot(row["merchant_id"], row["code"], "supplied") < SUPPLIED:
                missing[row["merchant_id"]].append(row)
        await self.desk.ask_all(
            Wish(merchant, "announce", {
                "site": site, "reference": f"PO-{at:%m%d}-{site}", "expected_on": (at + 4 * DAY).date(),
                "lines": [{"sku": row["code"], "quantity": row["units"] + 8} for row in rows],
            })
            for merchant, rows in missing.items()
            for site in self.eyes.sites
        )  # fmt: skip

    async def receive_goods(self, floor: Desk, at: datetime) -> None:
        """What was announced days ago arrives: some of it short, some over, some broken."""
        by_asn: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
        for row in await self.eyes.rows(OPEN_ASNS):
            if at - row["announced_at"] > 3 * DAY:
                by_asn[row["merchant_id"], row["asn_id"]].append(row)
        await floor.ask_all(
            Wish(merchant, "receive", {
                "site": rows[0]["site"], "asn": public("asn", asn), "close": True,
                "lines": [_arrived(number, row) for number, row in enumerate(rows)],
            })
            for (merchant, asn), rows in by_asn.items()
        )  # fmt: skip

    # Notices

    async def say_what_is_told(self) -> None:
        """The first shop sends text messages too, and has letters in its own words; the second is quiet at night."""
        first, second, *_ = self.eyes.merchants
        for kind, medium in SPOKEN:
            await self.desk.send(
                first, "PUT", "/v1/notices/rules", {"kind": kind, "medium": medium, "on": True}, "rule"
            )
        await self.desk.send(first, "PUT", "/v1/notices/addresses", {"office": "returns@harbor-mugs.example"}, "office")
        for language, subject in IN_OWN_WORDS.items():
            said = {"kind": "shipped", "language": language, "subject": subject}
            await self.desk.send(first, "PUT", "/v1/notices/words", said, "words")
        await self.desk.send(second, "PUT", "/v1/notices/quiet", {"medium": "email", **AT_NIGHT}, "quiet")

    # Labels

    async def buy_labels_elsewhere(self, at: datetime) -> None:
        """Where the carrier said no twice, a label of another one is written down."""
        for row in await self.eyes.rows(REFUSED_LABELS):
            parcel, merchant = public("par", row["parcel_id"]), row["merchant_id"]
            if row["label_tries"] < 2:
                await self.desk.ask(merchant, "want_label", parcel=parcel)
            else:
                number = f"HC{row['parcel_id']:09}"
                await self.desk.ask(
                    merchant, "keep_label", parcel=parcel, carrier="hill-courier", tracking_number=number
                )


def _arrived(number: int, row: dict[str, Any]) -> dict[str, Any]:
    line = {"sku": row["code"], "quantity": row["expected"]}
    match number % 4:
        case 0:
            return line | {"quantity": row["expected"] - 1}
        case 1:
            return line | {"quantity": row["expected"] + 1}
        case 2:
            return line | {"damaged": 1}
    return line
