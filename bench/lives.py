"""lives: a few orders played through the real verbs, each to where its life ends; the seeder copies their rows.

What differs from copy to copy stands in the played orders as a mark: the copy gets something else in its place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

import doorstep.doors.stages  # noqa: F401  (binds the verbs)
from bench.orders import picks
from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.spine import jobs
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run, run_due
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import VERBS

SKU_MARKS = ("MARK-SKU-1", "MARK-SKU-2")
TITLE_MARKS = ("Mark Title 1", "Mark Title 2")
NUMBER, EXTERNAL_ID, NAME, EMAIL, CITY, STREET, TRACKING = (
    "MARK-NUMBER", "MARK-EXT", "Mark Name", "mark@example.com", "Mark City", "99 Mark Street", "MARKTRACK"
)  # fmt: skip
BIN = "A-1"
PRICE, PRICE_MINOR = "12.50", 1250

_number = iter(range(1, 10_000))


@dataclass(slots=True)
class Life:
    """One order on its way."""

    db: Db
    merchant: int
    site: str
    at: datetime
    order: str = ""

    async def do(self, verb: str, *, key: bytes | None = None, **body: Any) -> dict[str, Any]:
        ask = Ask(self.merchant, msgspec.convert(body, VERBS[verb].body, strict=False), self.at, key=key)
        (answer,) = await run(self.db, verb, [ask])
        if isinstance(answer, Refusal):
            raise AssertionError(f"{verb} was refused: {answer.code}: {answer}")
        return answer

    async def place(self, *quantities: int, paid: bool = True, **more: Any) -> Life:
        n = next(_number)
        lines = [
            {"sku": SKU_MARKS[at], "quantity": quantity, "unit_price": PRICE} for at, quantity in enumerate(quantities)
        ]
        total = PRICE_MINOR * sum(quantities)
        home = {"name": NAME, "line1": STREET, "city": CITY, "postcode": "D02 XY45", "country": "IE"}
        tenders = [{"kind": "paid", "amount_minor": total, "method": "card", "reference": "x"}] if paid else []
        order = {
            "currency": "USD", "lines": lines, "buyer": {"name": NAME, "email": f"{n}{EMAIL}"}, "ship_to": home,
            "number": f"{NUMBER}{n}", "external_id": f"{EXTERNAL_ID}{n}", "tenders": tenders, **more,
        }  # fmt: skip
        self.order = str((await self.do("place", key=b"mark%012d" % n, order=order))["order"])
        return self

    async def work(self) -> None:
        """The verbs that are due; errands stay: the outside world is no part of it."""
        while True:
            async with tenant_tx(self.db, [self.merchant]) as tx:
                due = [verb for _, verb in await jobs.waiting(tx, self.at) if verb in VERBS]
            for verb in due:
                if await run_due(self.db, verb, self.merchant, self.at, 50) is None:
                    raise AssertionError(f"jobs of {verb} were not done at once")
            if not due:
                return

    def later(self, **by: int) -> None:
        self.at += timedelta(**by)

    async def pick_and_pack(self) -> str:
        rows = await self._rows(
            "select a.fulfillment_order_id as id, a.line_no, a.promised, s.code from allocation a"
            " join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id"
            " where a.merchant_id = $1 and a.order_id = $2 order by a.line_no"
        )
        self.later(hours=2)
        scanned = ((f"ful_{row['id']}", row["line_no"], row["promised"], BIN, row["code"]) for row in rows)
        for body in picks(scanned):
            await self.do("pick", **body)
        self.later(minutes=20)
        parcel = str((await self.do("pack", fulfillment_order=f"ful_{rows[0]['id']}"))["parcel"])
        await self.work()
        await self.do("keep_label", parcel=parcel, carrier="simcarrier", service="standard",
                      tracking_number=f"{TRACKING}{parcel[4:]}")  # fmt: skip
        return parcel

    async def ship(self) -> str:
        parcel = await self.pick_and_pack()
        self.later(hours=3)
        await self.do("hand_over", parcel=parcel)
        await self.work()
        return parcel

    async def deliver(self) -> str:
        parcel = await self.ship()
        self.later(days=3)
        await self.do("deliver", parcel=parcel)
        await self.work()
        return parcel

    async def _rows(self, sql: str) -> list[Any]:
        async with tenant_tx(self.db, [self.merchant], readonly=True) as tx:
            return await tx.rows(sql, self.merchant, int(self.order[4:]))


async def received(life: Life) -> None:
    await life.place(1, 1)


async def waiting(life: Life) -> None:
    await life.place(1, 1, reserve="now")
    await life.work()


async def unpaid(life: Life) -> None:
    await life.place(1, paid=False)
    await life.work()


async def stopped(life: Life) -> None:
    await life.place(2)
    await life.do("hold", order=life.order, type="operator", reason="the buyer asked to wait")
    await life.work()


async def packed(life: Life) -> None:
    await waiting(life)
    await life.pick_and_pack()


async def shipped(life: Life) -> None:
    await waiting(life)
    await life.ship()


async def delivered(life: Life) -> None:
    await waiting(life)
    await life.deliver()


async def paid_later(life: Life) -> None:
    await life.place(2, paid=False, payment_term="on_shipment", reserve="now")
    await life.work()
    await life.deliver()
    life.later(days=1)
    await life.do("record_payment", order=life.order, amount_minor=2 * PRICE_MINOR)


async def returned(life: Life) -> None:
    await waiting(life)
    parcel = await life.deliver()
    life.later(days=5)
    await life.do("take_back", order=life.order, site=life.site, parcel=parcel)


async def canceled(life: Life) -> None:
    await life.place(1, paid=False, reserve="now")
    await life.work()
    await life.do("cancel", order=life.order, reason="changed their mind")


async def expired(life: Life) -> None:
    await life.place(1, paid=False, reserve="now")
    await life.work()
    life.later(days=30)
    await life.do("expire", order=life.order)


# How many of a thousand live so; what is rare comes so often in all, however many orders there are.
LIVES: dict[str, tuple[Callable[[Life], Awaitable[None]], int]] = {
    "delivered": (delivered, 580), "paid_later": (paid_later, 310), "canceled": (canceled, 40),
    "returned": (returned, 15), "shipped": (shipped, 20), "packed": (packed, 8), "waiting": (waiting, 12),
    "unpaid": (unpaid, 9), "stopped": (stopped, 3), "received": (received, 3), "expired": (expired, 0),
}  # fmt: skip
RARE = "expired"


async def play(db: Db, merchant: int, site: str) -> dict[str, int]:
    """Every life once: the order of each."""
    orders = {}
    for name, (live, _) in LIVES.items():
        life = Life(db, merchant, site, clock.now() - timedelta(days=60))
        await live(life)
        orders[name] = int(life.order[4:])
    return orders
