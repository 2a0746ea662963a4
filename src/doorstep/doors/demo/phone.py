"""phone: orders that come in over the API: buyers who order again, some who cannot pay, a hotel, a café, some whom a
letter of the shop's brought from across the ocean, two whose names are like names on a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

import msgspec

from doorstep.doors.demo.days import LONG
from doorstep.doors.demo.desk import Desk, Wish
from doorstep.doors.demo.eyes import Eyes
from doorstep.setup.customs import EU

# An earlier order that went well, and something of its merchant's that is there.
EARLIER = """
select o.merchant_id, o.number, o.buyer, o.ship_to, o.currency, o.shipping_method, l.code, l.title, l.unit_price
  from orders o
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id and n.holds_open = 0
    and n.promised + n.shipped + n.delivered > 0
  join order_line l on l.merchant_id = o.merchant_id and l.order_id = o.order_id and l.line_no = 1
  where o.merchant_id = any($1) and o.payment_token = '' and o.ship_to is not null and not o.history
  order by o.merchant_id, o.number
"""
OF_A_DAY, ON_THE_LAST_DAY = 1, 9
# Cards by the luck of a hundred; every other one is good.
CARDS = (("tok_declined", 8), ("tok_insufficient_funds", 6), ("tok_capture_declined", 4))
NO_MONEY = "A031"  # however few orders there are
# What a merchant's own program gets wrong now and then, and is told.
MISTAKES: dict[int, dict[str, Any]] = {
    2: {"lines": [{"sku": "TEAPOT", "title": "A teapot", "quantity": 1, "unit_price": "30.00"}]},
    4: {"total_minor": 1},
    6: {"tenders": [{"kind": "paid", "amount_minor": 10**9}]},
}
# A café wants many of what there is least of.
SCARCE = """
select a.merchant_id, s.code, s.name, sum(a.free)::int as free from availability a
  join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where a.merchant_id = any($1) group by a.merchant_id, s.code, s.name
  order by a.merchant_id, sum(a.free), s.code
"""
CAFE_ON = 9
CAFE_WANTS = 12
# A hotel far away wants so many that their export has to be filed.
HOTEL_FROM = 1
HOTEL: dict[str, Any] = {
    "external_id": "HOTEL", "number": "HOTEL", "payment_term": "on_account", "payment_token": "",
    "shipping_method": "International Tracked", "buyer": {"name": "Lakeside Hotel", "email": "stay@lakeside.example"},
    "ship_to": {"name": "Lakeside Hotel", "line1": "12 Lakeside Road", "city": "Hamilton", "postcode": "3204",
                "country": "NZ"},
    "lines": [{"sku": "HM-LIGHT-WHT", "title": "Lighthouse Mug 350 ml", "quantity": 190, "unit_price": "16.00"}],
}  # fmt: skip
# Names that are like those of the sample of denied parties; somebody has to say whether they are the same.
ALIKE = {"LIKE1": (2, "Victor Kholodenko Zarubin"), "LIKE2": (LONG, "Gray Heron Shipping Co.")}
# From these days on an order is taken down as a draft first; on those the buyer writes again after the order.
DRAFTED, WRITES_AGAIN = {"DRAFT1": 3, "DRAFT2": LONG}, (1, 5, 9)
BY_PHONE = """
select o.number from orders o
  join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id and c.key = 'api'
  where o.merchant_id = any($1)
"""
# A letter to buyers in Europe tells of a mug that stands in America alone.
LETTER_FROM, LETTER_TO, LETTER_BRINGS = 4, LONG, 3
ONLY_THERE = {"sku": "HM-GLASS", "title": "Galley Glass Mug", "quantity": 2, "unit_price": "12.25"}
READERS = """
select o.merchant_id, o.number, o.buyer, o.ship_to from orders o
  where o.merchant_id = any($1) and o.ship_to ->> 'country' = any($2) and o.payment_token = '' and not o.history
    and not exists (select from hold h where h.merchant_id = o.merchant_id and h.order_id = o.order_id)
    and not exists (select from orders n where n.merchant_id = any($1) and n.number like 'LETTER-%'
      and n.ship_to ->> 'name' = o.ship_to ->> 'name')
  order by o.merchant_id, o.number
"""


@dataclass(slots=True)
class Phone:
    desk: Desk
    eyes: Eyes

    async def ring(self, day: int) -> None:
        wishes, taken = [], dict.fromkeys(self.eyes.merchants, 0)
        earlier = await self.eyes.rows(EARLIER)
        earlier.sort(key=lambda row: self.eyes.lot(row["merchant_id"], row["number"], f"rings on day {day}"))
        for row in earlier:
            if taken[row["merchant_id"]] < (ON_THE_LAST_DAY if day == LONG else OF_A_DAY):
                taken[row["merchant_id"]] += 1
                wishes.append(self._wish(row, f"A{day + 1:02}{taken[row['merchant_id']]}"))
        if wishes and day in MISTAKES:
            first = wishes[0]
            wrong = first.body["order"] | {"external_id": f"{first.body['order']['external_id']}-x"} | MISTAKES[day]
            wishes.append(Wish(first.merchant, "place", {"order": wrong}))
        if day == CAFE_ON and wishes:
            wishes += await self._cafe({wish.merchant: wish for wish in wishes})
        if LETTER_FROM <= day <= LETTER_TO:
            wishes += await self._letter(day)
        placed = {row["number"] for row in await self.eyes.rows(BY_PHONE)}
        wishes += self._odd(day, wishes[:1], placed)
        answers = await self.desk.ask_all(wishes)
        if wishes and answers[0] and day in WRITES_AGAIN:
            content = wishes[0].body["order"] | {"note": "Please ring the side door."}
            await self.desk.ask(wishes[0].merchant, "amend", order=answers[0]["order"], content=content)

    def _odd(self, day: int, firsts: list[Wish], placed: Set[str]) -> Iterator[Wish]:
        """Like somebody's first order of the day, and not like it; each once, as soon as there is one to be like."""
        for first in firsts:
            order = first.body["order"]
            if day >= HOTEL_FROM and HOTEL["number"] not in placed:
                yield Wish(self.eyes.merchants[0], "place", {"order": order | HOTEL | {"currency": "USD"}})
            for word, (from_day, name) in ALIKE.items():
                if day >= from_day and word not in placed:
                    buyer = {"name": name, "email": f"{word.lower()}@example.com"}
                    to = order["ship_to"] | {"name": name, "company": "", "line1": f"{from_day} Other Street"}
                    named = {"external_id": word, "number": word, "buyer": buyer, "ship_to": to}
                    yield Wish(first.merchant, "place", {"order": order | named})
            for word, from_day in DRAFTED.items():
                if day >= from_day and word not in placed:
                    drafted = {"external_id": word, "number": word, "draft": True}
                    two = [order["lines"][0] | {"quantity": 2}]
                    yield Wish(first.merchant, "place", {"order": order | drafted | {"lines": two}})

    async def _letter(self, day: int) -> list[Wish]:
        merchant = self.eyes.merchants[0]
        rows = await self.eyes.rows(READERS, sorted(EU - {"PL"}))
        rows.sort(key=lambda row: self.eyes.lot(row["merchant_id"], row["number"], "reads the letter"))
        brings = LETTER_BRINGS * 2 if day == LONG else LETTER_BRINGS
        return [
            Wish(merchant, "place", {"order": {
                "external_id": f"LETTER-{day}{nth}", "number": f"LETTER-{day}{nth}", "currency": "USD",
                "buyer": msgspec.json.decode(row["buyer"]), "ship_to": msgspec.json.decode(row["ship_to"]),
                "lines": [ONLY_THERE], "shipping_minor": 1690, "shipping_method": "International Tracked",
                "payment_token": "tok_visa",
            }})
            for nth, row in enumerate(rows[:brings], 1)
        ]  # fmt: skip

    async def _cafe(self, wishes: Mapping[int, Wish]) -> list[Wish]:
        scarce = {row["merchant_id"]: row for row in reversed(await self.eyes.rows(SCARCE))}
        return [
            Wish(merchant, "place", {"order": wish.body["order"] | {
                "external_id": "CAFE", "number": "CAFE", "payment_term": "on_account", "payment_token": "",
                "lines": [{
                    "sku": scarce[merchant]["code"], "title": scarce[merchant]["name"],
                    "quantity": scarce[merchant]["free"] + CAFE_WANTS, "unit_price": "11.50",
                }],
            }})
            for merchant, wish in wishes.items()
        ]  # fmt: skip

    def _wish(self, row: dict[str, Any], number: str) -> Wish:
        order = {
            "external_id": number, "number": number, "currency": row["currency"],
            "buyer": msgspec.json.decode(row["buyer"]), "ship_to": msgspec.json.decode(row["ship_to"]),
            "lines": [{"sku": row["code"], "title": row["title"], "quantity": 1, "unit_price": str(row["unit_price"])}],
            "shipping_minor": 890, "shipping_method": row["shipping_method"],
            "payment_token": self._card(row["merchant_id"], number),
        }  # fmt: skip
        return Wish(row["merchant_id"], "place", {"order": order})

    def _card(self, merchant: int, number: str) -> str:
        if number == NO_MONEY and merchant == self.eyes.merchants[0]:
            return CARDS[0][0]
        luck = self.eyes.lot(merchant, number, "card")
        for card, share in CARDS:
            if (luck := luck - share) < 0:
                return card
        return "tok_visa"
