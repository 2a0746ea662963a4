"""desk: a merchant whose orders are placed and delivered by the verbs, a batch at a time, beside whatever is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.orders import picks
from bench.scene import Merchant, Scene, accepted, ask, bin_of, receive, sku_code, work
from doorstep.kit import clock
from doorstep.setup.merchants import NewMerchant, NewSku, add_skus, create_merchant
from doorstep.spine import jobs
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import VERBS

BATCH, UNITS, TOTAL_MINOR, SITE = 50, 900_000, 3750, "NJ"
HOME = {"name": "Ada Byrne", "line1": "12 Grafton Street", "city": "Dublin", "postcode": "D02 XY45", "country": "IE"}
ON_THE_FLOOR = """
select 'ful_' || a.fulfillment_order_id as ful, a.line_no, s.code, a.promised from allocation a
  join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where a.merchant_id = $1 and a.order_id = any($2) order by a.order_id, a.line_no
"""


@dataclass
class Desk:
    """A merchant with shelves full of goods, and its orders, a batch at a time."""

    db: Db
    merchant: Merchant
    skus: int

    @classmethod
    async def open(cls, on: Scene, key: str) -> Desk:
        """At a site that is there."""
        new = NewMerchant(key=key, name="Bench", currency="USD", country="US", hold_duplicates=False)
        merchant = Merchant(await create_merchant(on.db, new), key, "")
        goods = [
            NewSku(sku_code(n), name=f"Item {n}", weight_g=350, hs_code="691200", origin="US", customs_text="mug")
            for n in range(on.skus)
        ]
        await add_skus(on.db, merchant.id, goods)
        await receive(on.db, merchant, SITE, range(on.skus), UNITS)
        return cls(on.db, merchant, on.skus)

    async def place(self, first: int, count: int = BATCH) -> list[str]:
        """So many orders of two lines, each with a request key and an external id."""
        numbers, now, kind = range(first, first + count), clock.now(), VERBS["place"].body
        asks = [
            Ask(self.merchant.id, msgspec.convert({"order": self._order(n)}, kind), now, key=b"key-%d" % n, digest=b"")
            for n in numbers
        ]
        return [answer["order"] for answer in accepted("place", await run(self.db, "place", asks))]

    def _order(self, number: int) -> dict[str, Any]:
        skus = [sku_code((number * 2 + n) % self.skus) for n in (1, 2)]
        lines = [{"sku": sku, "quantity": n, "unit_price": "12.50"} for n, sku in enumerate(skus, 1)]
        buyer = {"name": "Ada Byrne", "email": f"ada{number}@example.com"}
        return {"currency": "USD", "external_id": f"x-{number}", "lines": lines, "buyer": buyer, "ship_to": HOME}

    async def deliver(self, orders: Sequence[str]) -> None:
        """Paid, picked, packed, handed over, delivered and invoiced."""
        at = (self.db, self.merchant.id)
        await ask(*at, "record_payment", [{"order": order, "amount_minor": TOTAL_MINOR} for order in orders])
        await self.work()
        async with tenant_tx(self.db, [self.merchant.id]) as tx:
            floor = await tx.rows(ON_THE_FLOOR, self.merchant.id, [int(order[4:]) for order in orders])
        await ask(*at, "pick", picks(
            (row["ful"], row["line_no"], row["promised"], bin_of(int(row["code"].split("-")[1])), row["code"])
            for row in floor
        ))  # fmt: skip
        packing = [{"fulfillment_order": ful} for ful in dict.fromkeys(row["ful"] for row in floor)]
        boxes = [{"parcel": packed["parcel"]} for packed in await ask(*at, "pack", packing)]
        await ask(*at, "keep_label", [
            box | {"carrier": "post", "tracking_number": f"T{box['parcel']}"} for box in boxes
        ])  # fmt: skip
        for verb in ("hand_over", "deliver"):
            await ask(*at, verb, boxes)
            await self.work()

    async def work(self) -> None:
        """What is due of verbs, and what that queues; errands stay."""
        while True:
            async with tenant_tx(self.db, [self.merchant.id]) as tx:
                due = [verb for _, verb in await jobs.waiting(tx, clock.now()) if verb in VERBS]
            if not due:
                return
            for verb in due:
                await work(self.db, self.merchant.id, verb, BATCH)
