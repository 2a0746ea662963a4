"""Every law of the audit, broken on purpose past the books: it names the law, the thing and the event, and the mending.

An order is played through its whole journey with `record` alone, so that these tests need no stage but the spine.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from doorstep.kit.embedded import Urls
from doorstep.spine.audit import SHOWN, audit
from doorstep.spine.holds import place_hold
from doorstep.spine.journey import ROWS
from doorstep.spine.laws import LAWS
from doorstep.spine.laws.law import narrowed
from doorstep.spine.outcome import Ask, Cash, Demand, Event, Insert, Outcome, Stock, Update
from doorstep.spine.record import record
from doorstep.spine.sealing import audit_since
from doorstep.spine.status import ORDER, as_sql
from doorstep.spine.tenant import Db, tenant_tx
from tests.doors.web import settled
from tests.shop import Shop, open_shop

TOTAL = 3 * 1250


@dataclass
class Books:
    """A shop with an order on the road, a delivered one, a packed one, one on hold, and a way past the books."""

    db: Db
    shop: Shop
    owner: asyncpg.Connection[asyncpg.Record]
    ids: dict[str, int] = field(default_factory=dict)

    async def damage(self, sql: str) -> None:
        await self.owner.execute(sql.format(**self.ids, m=self.shop.merchant))

    async def record(self, order: int, *events: Event, facts: tuple[Insert, ...] = (), **counts: int) -> None:
        outcome = Outcome(self.shop.merchant, ("order", order), list(events), facts=list(facts), counts=counts)
        await self.write(outcome)

    async def write(self, outcome: Outcome) -> None:
        async with tenant_tx(self.db, [self.shop.merchant]) as tx:
            await record(tx, [(Ask(self.shop.merchant, None, self.shop.at), outcome)])

    async def fresh(self, name: str) -> int:
        self.ids[name] = next(await self.db.ids.draw(self.db.pool, 1))
        return self.ids[name]

    async def promised(self, name: str) -> None:
        """An order of three mugs, paid and promised at one site: events place, authorize, promise."""
        order = self.ids[name] = int((await self.shop.place(("MUG", 3), external_id=f"shop-{name}"))[4:])
        payment = await self.fresh(f"{name}_authorization")
        await self.record(
            order,
            Event("authorize", [Cash(TOTAL, "world", "held")]),
            facts=(self.payment(order, payment, "authorization"),),
        )
        await self.shop.do("promise", order=f"ord_{order}")
        (found,) = await self.shop.rows(
            "select fulfillment_order_id, sku_id, site_id from allocation where merchant_id = $1 and order_id = $2",
            self.shop.merchant, order,
        )  # fmt: skip
        self.ids |= {f"{name}_ful": found["fulfillment_order_id"], "sku": found["sku_id"], "site": found["site_id"]}

    async def packed(self, name: str) -> None:
        """Events 4 pick and 5 pack."""
        await self.promised(name)
        order, ful = self.ids[name], self.ids[f"{name}_ful"]
        parcel = await self.fresh(f"{name}_parcel")
        at = (self.ids["sku"], self.ids["site"], 3)
        await self.record(
            order,
            Event(
                "pick", [Demand(1, 3, "promised", "picked", ful), Stock(*at, "reserved", "A-1", "picked", "tote:T1")]
            ),
        )
        packing = [Demand(1, 3, "picked", "packed", ful), Stock(*at, "picked", "tote:T1", "packed", f"parcel:{parcel}")]
        box = {"parcel_id": parcel, "order_id": order, "fulfillment_order_id": ful, "site_id": self.ids["site"]}
        facts = (
            Insert(
                "parcel", box | {"packed_at": self.shop.at, "label_state": "none", "state": "pre_transit", **PLAIN_BOX}
            ),
            Insert(
                "parcel_line", {"parcel_id": parcel, "line_no": 1, "sku_id": self.ids["sku"], "lot": "", "quantity": 3}
            ),
        )
        await self.record(order, Event("pack", packing), facts=facts, parcels_pre_transit=1)

    async def sent(self, name: str) -> None:
        """Event 6 hand_over."""
        await self.packed(name)
        order, ful, parcel = (self.ids[key] for key in (name, f"{name}_ful", f"{name}_parcel"))
        leaving = Stock(self.ids["sku"], self.ids["site"], 3, "packed", f"parcel:{parcel}", "world", "")
        await self.record(order, Event("hand_over", [Demand(1, 3, "packed", "shipped", ful), leaving]))
        await self.damage(f"update parcel set handed_over_at = now() where parcel_id = {parcel}")

    async def delivered(self, name: str) -> None:
        """Events 7 capture, 8 issue_invoice, 9 deliver, 10 issue_credit, 11 refund."""
        await self.sent(name)
        order, parcel = self.ids[name], self.ids[f"{name}_parcel"]
        await self.damage(f"update parcel set delivered_at = now(), state = 'delivered' where parcel_id = {parcel}")
        captured = self.payment(order, await self.fresh("capture"), "capture")
        await self.record(order, Event("capture", [Cash(TOTAL, "held", "earned")]), facts=(captured,))
        await self.paper(order, "invoice", 1, TOTAL)
        await self.record(
            order, Event("deliver", [Demand(1, 3, "shipped", "delivered")]), parcels_pre_transit=-1, parcels_delivered=1
        )
        await self.paper(order, "credit_note", 2, 1000)
        refunded = self.payment(order, await self.fresh("refund"), "refund", 1000)
        await self.record(order, Event("refund", [Cash(1000, "earned", "refunded")]), facts=(refunded,))

    async def paper(self, order: int, kind: str, number: int, amount: int) -> None:
        values = {
            "invoice_id": await self.fresh(kind), "series": "2026", "number": number, "order_id": order, "kind": kind,
            "currency": "USD", "total_minor": amount, "tax_minor": 0, "content": {}, "issued_at": self.shop.at,
        }  # fmt: skip
        invoice = kind == "invoice"
        event = Event("issue_invoice") if invoice else Event("issue_credit", [Cash(amount, "owed", "world")])
        await self.record(
            order, event, facts=(Insert("invoice", values),), **{"invoiced" if invoice else "credited": amount}
        )

    def payment(self, order: int, payment: int, kind: str, amount: int = TOTAL) -> Insert:
        values = {
            "payment_id": payment, "order_id": order, "kind": kind, "state": "done", "amount_minor": amount,
            "currency": "USD", "provider": "", "provider_ref": "", "method": "", "reason": "",
            "asked_at": self.shop.at, "done_at": self.shop.at,
        }  # fmt: skip
        return Insert("payment", values)

    async def held(self, name: str) -> None:
        """Events place and hold."""
        order = self.ids[name] = int((await self.shop.place(("CUP", 1)))[4:])
        outcome = Outcome(self.shop.merchant, ("order", order), [Event("hold")])
        ids = await self.db.ids.draw(self.db.pool, 1)
        self.ids["hold"] = place_hold(outcome, ids, type="operator", reason="look at it", by="Bo", at=self.shop.at)
        await self.write(outcome)

    async def credited(self, name: str) -> None:
        """A sale of elsewhere: events placed, fulfilled, and a credit of two of its units, which stand at PL again."""
        buyer = {"customer": "13085"}
        told = self.shop.order(("CUP", 5), channel="file", external_id=f"shop-{name}", buyer=buyer)
        placed = self.shop.at - timedelta(days=9)
        sale = {"order": told | {"placed_at": placed}, "happened": {"fulfilled_at": placed}}
        self.ids[name] = int((await self.shop.do("import_history", **sale))["order"][4:])
        line = {"sku": "CUP", "quantity": -2, "unit_price": "12.50"}
        credit = {"kind": "credit", "external_id": f"C-{name}", "currency": "USD", "buyer": buyer, "lines": [line]}
        at = {"happened_at": placed + timedelta(days=1), "site": self.shop.site("PL")}
        self.ids["correction"] = int((await self.shop.do("import_correction", **credit, **at))["correction"][4:])

    async def loaded(self, name: str) -> None:
        """A packed parcel of an order in a bag, the bag on a pallet; the pallet departed, and the parcel was told."""
        parcel = self.ids[f"{name}_parcel"]
        for kind in ("bag", "pallet"):
            self.ids[kind] = int((await self.shop.do("open_load", kind=kind))["load"][4:])
        await self.fresh("stay")
        await self.fresh("load_stay")
        at, left = self.shop.at - timedelta(hours=3), self.shop.at - timedelta(hours=2)
        event = {"happened_at": left, "recorded_at": left, "code": "EMC", "raw_code": "DEP", "state": "departed"}
        event |= {"digest": b"departed", "place": "", "message": ""}
        stay = {"stay_id": self.ids["stay"], "load_id": self.ids["bag"], "of_operator": self.shop.merchant}
        load_stay = {"load_id": self.ids["bag"], "stay_id": self.ids["load_stay"], "parent_id": self.ids["pallet"]}
        share = {"load_id": self.ids["bag"], "of_merchant": self.shop.merchant, "parcels": 1, "weight_g": 350}
        told = {"parcel_id": parcel, **event, "leg": "line_haul"}
        number = {"parcel_id": parcel, "number": "LM-1", "carrier": "", "leg": "last_mile", "since": at}
        facts = [
            Insert("parcel_stay", {"parcel_id": parcel, "weight_g": 350, "joined_at": at} | stay),
            Insert("load_stay", load_stay | {"joined_at": at}), Insert("load_share", share),
            Insert("load_event", {"load_id": self.ids["pallet"], **event}), Insert("parcel_event", told),
            Insert("parcel_number", number),
            Update("load", {"load_id": self.ids["bag"]}, {
                "parcels": 1, "weight_g": 350, "parent_id": self.ids["pallet"],
            }),
            Update("load", {"load_id": self.ids["pallet"]}, {"loads": 1}),
        ]  # fmt: skip
        await self.write(Outcome(self.shop.merchant, ("load", self.ids["pallet"]), [Event("track_load")], facts=facts))


PLAIN_BOX = {
    "carton": "", "weight_g": 0, "length_mm": 0, "width_mm": 0, "height_mm": 0, "label_key": "", "label_tries": 0,
    "carrier": "", "service": "", "label_ref": "", "tracking_number": "", "label_cost_minor": 0, "label_currency": "",
    "label_error": "", "packed_by": "",
}  # fmt: skip


@pytest.fixture(scope="module")
async def books(urls_of_this_file: Urls) -> AsyncIterator[Books]:
    """Each test mends what it broke."""
    urls = urls_of_this_file
    db = await Db.open(urls.app, urls.router, size=2)
    shop, other = await open_shop(db), await open_shop(db)
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(f"set app.merchants = '{shop.merchant},{other.merchant}'")
    opened = Books(db, shop, owner)
    opened.ids["their_order"] = int((await other.place(("MUG", 1)))[4:])
    await shop.stock("MUG", 20)
    await shop.ask("place", key=b"first", order=shop.order(("CUP", 1)))
    await opened.damage("insert into series (merchant_id, series, next) values ({m}, '2026', 3)")
    await opened.sent("sent")
    await opened.delivered("done")
    await opened.packed("packed")
    opened.ids["decision"] = (await shop.rows(
        "select decision_id from decision where merchant_id = $1 and order_id = $2 limit 1",
        shop.merchant, opened.ids["packed"],
    ))[0]["decision_id"]  # fmt: skip
    await opened.held("held")
    await opened.credited("sale")
    await opened.loaded("packed")
    await settled(shop)
    await settled(other)
    yield opened
    await owner.close()
    await db.close()


@dataclass(frozen=True)
class Break:
    """What is done to the books, how it is undone, and how the audit must name it."""

    law: str
    what: str
    event: str
    broken: str
    mended: str
    also: tuple[str, ...] = ()  # other laws that this breaks too
    whole: bool = False  # only the whole audit names it so

    def __str__(self) -> str:
        return f"{self.law}: {self.what}"


def changed(table: str, set_to: str, back: str, which: str = "true") -> tuple[str, str]:
    """How rows are written past the books, and how back."""
    of_them = f"where merchant_id = {{m}} and {which};"
    return f"update {table} set {set_to} {of_them}", f"update {table} set {back} {of_them}"


def of_order(
    set_to: str, back: str, table: str = "order_now", order: str = "packed", where: str = ""
) -> tuple[str, str]:
    return changed(table, set_to, back, f"order_id = {{{order}}} {where}")


def of_load(set_to: str, back: str = "", table: str = "load") -> tuple[str, str]:
    """Of the bag."""
    return changed(table, set_to, back, "load_id = {bag}")


def of_ful(set_to: str, back: str) -> tuple[str, str]:
    """Of the packed order's fulfillment order."""
    return changed("fulfillment_order", set_to, back, "fulfillment_order_id = {packed_ful}")


def of_event(order: str, seq: int, find: str, put: str) -> tuple[str, str]:
    """The moves of an event, rewritten."""
    sql = (
        "update event set moves = replace(moves::text, '{a}', '{b}')::json"
        f" where merchant_id = {{{{m}}}} and kind = 'order' and id = {{{{{order}}}}} and seq = {seq}"
    )
    return sql.format(a=find, b=put), sql.format(a=put, b=find)


def of_correction(set_to: str, back: str, table: str = "correction") -> tuple[str, str]:
    return changed(table, set_to, back, "correction_id = {correction}")


# As if nothing had been checked yet, and nobody knew of anything.
UNSEALED = "delete from seal; delete from sealed_stock; delete from attention where kind = 'books_broken';"


def stage_as(expression: str) -> str:
    return (
        "create or replace function stage(o order_now) returns text language sql immutable parallel safe "
        f"return {expression};"
    )


BREAKS = (
    # a line's units
    Break(
        "lines", "ord_{packed} line 1 packed", "ord_{packed}#5 pack",
        *of_order("packed = 2, picked = 1", "packed = 3, picked = 0", "order_line"), ("summaries", "promises"),
    ),
    Break(
        "lines", "ord_{packed} line 1 promised", "ord_{packed}#4 pick",
        *of_event("packed", 3, "10102,1,3", "10102,1,2"), ("promises",),
    ),
    Break(
        "lines", "ord_{packed} line 1 sum of its stages", "ord_{packed}#5 pack",
        "alter table order_line drop constraint line_sum; " + of_order("canceled = 1", "", "order_line")[0],
        of_order("canceled = 0", "", "order_line")[0]
        + " alter table order_line add constraint line_sum check (ordered ="
        " wanted + promised + picked + packed + shipped + delivered + taken_back + lost + canceled)", ("summaries",),
    ),
    # an order's summary
    Break("summaries", "ord_{packed} wanted", "ord_{packed}#5 pack", *of_order("wanted = 1", "wanted = 0")),
    Break(
        "summaries", "ord_{packed} stage", "ord_{packed}#5 pack", stage_as("'fulfilled'"),
        stage_as(as_sql(ORDER, "o.{}".format)), ("stage_counts",),
    ),
    Break(
        "summaries", "ord_{held} holds_open", "ord_{held}#2 hold",
        *of_order("holds_open = 0", "holds_open = 1", order="held"),
    ),
    Break(
        "summaries", "ord_{held} auths_pending", "ord_{held}#2 hold",
        *of_order("auths_pending = 1", "auths_pending = 0", order="held"),
    ),
    Break(
        "summaries", "ord_{packed} services", "ord_{packed}#5 pack", *of_order("services = 1", "services = 0"),
    ),
    Break(
        "summaries", "ord_{done} parcels_delivered", "ord_{done}#11 refund",
        *of_order("state = 'lost'", "state = 'delivered'", "parcel", "done"),
    ),
    Break(
        "summaries", "par_{packed_parcel} state", "ord_{packed}#5 pack",
        *of_order("state = 'teleported'", "state = 'pre_transit'", "parcel"),
    ),
    # stock, and where it stands
    Break(
        "stock", "sku_{sku} at site {site} free", "ord_{packed}#3 promise",
        *changed("availability", "free = free + 1", "free = free - 1", "sku_id = {sku}"), ("places",), whole=True,
    ),
    Break(
        "stock", "sku_{sku} at site {site} reserved", "ord_{packed}#4 pick",
        *of_event("packed", 4, ',3,"', ',30,"'), ("places", "promises"),
    ),
    Break(
        "places", "sku_{sku} at site {site} in A-1", "ord_{packed}#4 pick",
        *changed("bin_stock", "quantity = quantity - 1", "quantity = quantity + 1", "place = 'A-1'"),
    ),
    Break(
        "places", "sku_{sku} at site {site} in B-2", "ord_{packed}#5 pack",
        "update bin_stock set place = 'B-2' where merchant_id = {m} and place = 'A-1'",
        "update bin_stock set place = 'A-1' where merchant_id = {m} and place = 'B-2'", whole=True,
    ),
    Break(
        "places", "sku_{sku} at site {site} in all places", "ord_{done}#6 hand_over",
        *changed("bin_stock", "quantity = quantity + 5", "quantity = quantity - 5", "place = 'A-1'"), whole=True,
    ),
    Break(
        "places", "par_{packed_parcel} units of sku_{sku}", "ord_{packed}#5 pack",
        *changed("parcel_line", "quantity = 2", "quantity = 3", "parcel_id = {packed_parcel}"),
    ),
    Break(
        "places", "par_{packed_parcel} units of sku_{sku}", "ord_{packed}#5 pack",
        *changed("parcel_line", "lot = 'L1'", "lot = ''", "parcel_id = {packed_parcel}"),
    ),
    Break(
        "places", "par_{packed_parcel} units of sku_{sku}", "ord_{packed}#5 pack",
        *of_order("handed_over_at = now()", "handed_over_at = null", "parcel"), ("road",),
    ),
    Break(
        "places", "par_{done_parcel} units of sku_{sku}", "ord_{done}#6 hand_over",
        *of_order("handed_over_at = null", "handed_over_at = now()", "parcel", "done"),
    ),
    Break(
        "places", "par_7 units of sku_{sku}", "ord_{packed}#5 pack",
        *of_event("packed", 5, "parcel:{packed_parcel}", "parcel:7"),
    ),
    Break(
        "places", "sku_{sku} at site {site} in parcel:{packed_parcel}", "ord_{packed}#5 pack",
        "insert into bin_stock values ({m}, {sku}, {site}, 'parcel:{packed_parcel}', '', 3)",
        "delete from bin_stock where merchant_id = {m} and place like 'parcel:%'",
    ),
    # what is on the road
    Break(
        "road", "ord_{sent} line 1 on the road", "ord_{sent}#6 hand_over",
        *of_order("delivered_at = now()", "delivered_at = null", "parcel", "sent"),
    ),
    Break(
        "road", "ord_{sent} line 1 on the road", "ord_{sent}#6 hand_over",
        *changed("parcel_line", "quantity = 2", "quantity = 3", "parcel_id = {sent_parcel}"),
    ),
    Break(
        "road", "ord_{done} line 1 on the road", "ord_{done}#9 deliver",
        *of_order("delivered_at = null", "delivered_at = now()", "parcel", "done"),
    ),
    # promises
    Break(
        "promises", "ord_{packed} line 1 of ful_{packed_ful} packed", "ord_{packed}#5 pack",
        *of_order("packed = 4", "packed = 3", "allocation"),
    ),
    Break(
        "promises", "ord_{packed} line 1 packed at sites", "ord_{packed}#5 pack",
        *of_order("packed = 0, promised = 3", "packed = 3, promised = 0", "allocation"),
    ),
    Break(
        "promises", "ful_{packed_ful} to pack", "ord_{packed}#5 pack",
        *of_ful("to_pack = 3", "to_pack = 0"),
    ),
    Break(
        "promises", "sku_{sku} at site {site} reserved for orders", "ord_{packed}#4 pick",
        *changed("availability", "reserved = 2, free = free - 2", "reserved = 0, free = free + 2", "sku_id = {sku}"),
        ("stock",),
        whole=True,
    ),
    # cash
    Break(
        "cash", "ord_{done} earned", "ord_{done}#11 refund",
        *of_order("earned = 3750", "earned = 2750", order="done"), ("stage_counts",),
    ),
    Break(
        "cash", "ord_{done} held", "ord_{done}#7 capture", *of_event("done", 2, "3750", "375"),
    ),
    Break("cash", "ord_{done} captured", "ord_{done}#11 refund", *of_event("done", 2, "3750", "3749")),
    Break(
        "cash", "ord_{done} refunded", "ord_{done}#11 refund",
        *of_event("done", 7, "31416", "31413"), ("legal_moves",),
    ),
    Break(
        "cash", "ord_{done} payments of kind refund", "ord_{done}#11 refund",
        *of_order("amount_minor = 999", "amount_minor = 1000", "payment", "done", "and kind = 'refund'"),
    ),
    # invoices
    Break(
        "invoices", "ord_{done} invoiced", "ord_{done}#11 refund",
        *of_order("invoiced = 3751", "invoiced = 3750", order="done"),
    ),
    Break(
        "invoices", "series 2026 number 3", "ord_{done}#11 refund",
        "update invoice set number = 3 where merchant_id = {m} and number = 2",
        "update invoice set number = 2 where merchant_id = {m} and number = 3",
    ),
    Break(
        "invoices", "series 2026 next", "no event: it was written past the books",
        *changed("series", "next = 7", "next = 3"),
    ),
    # corrections
    Break(
        "corrections", "cor_{correction} total_minor", "cor_{correction}#1 import_correction",
        *of_correction("total_minor = -2499", "total_minor = -2500"),
    ),
    Break(
        "corrections", "cor_{correction} total_minor", "cor_{correction}#1 import_correction",
        *of_correction("total_minor = -1250", "total_minor = -2500", "correction_line"),
    ),
    Break(
        "corrections", "cor_{correction} line 1 linked", "cor_{correction}#1 import_correction",
        *of_correction("linked = 1", "linked = 2", "correction_line"),
    ),
    Break(
        "corrections", "cor_{correction} line 1 linked units", "cor_{correction}#1 import_correction",
        *of_correction("quantity = -1", "quantity = -2", "correction_line"),
    ),
    Break(
        "corrections", "ord_{sale} line 1 credited units", "ord_{sale}#3 import_correction",
        *of_correction("quantity = 3", "quantity = 2", "credit_link"),
    ),
    Break(
        "corrections", "ord_{sale} credited_units", "ord_{sale}#3 import_correction",
        *(
            " ".join(of_correction(value, "", table)[0] for value, table in of)
            for of in (
                (("quantity = 1", "credit_link"), ("linked = 1", "correction_line")),
                (("quantity = 2", "credit_link"), ("linked = 2", "correction_line")),
            )
        ),
    ),
    Break(
        "corrections", "ord_{sale} credited_minor", "ord_{sale}#3 import_correction",
        *of_correction("less_minor = 2499", "less_minor = 2500", "credit_link"),
    ),
    Break(
        "corrections", "ord_{sale} credited_minor", "ord_{sale}#3 import_correction",
        *of_event("sale", 3, "2500", "2000"), ("cash",),
    ),
    # streams
    Break(
        "streams", "ord_{packed} last_event", "ord_{packed}#9 pack",
        "update event set seq = 9 where merchant_id = {m} and kind = 'order' and id = {packed} and seq = 5",
        "update event set seq = 5 where merchant_id = {m} and kind = 'order' and id = {packed} and seq = 9",
    ),
    Break("streams", "ord_{packed} events", "ord_{packed}#5 pack", *of_order("seq = 6", "seq = 5")),
    Break(
        "streams", "sku_{sku} events", "sku_{sku}#1 adjust",
        *changed("stream", "seq = 2", "seq = 1", "id = {sku}"),
    ),
    # requests
    Break(
        "requests", "request 6669727374", "no event: it was written past the books",
        *changed(
            "request", "digest = answer::text::bytea, answer = null",
            "answer = convert_from(digest, 'utf8')::jsonb, digest = ''",
        ),
    ),
    Break(
        "requests", "request 6669727374", "no event: it was written past the books",
        *changed(
            "request", "answer = answer || jsonb_build_object('order', 'ord_999999999', 'was', answer -> 'order')",
            "answer = (answer - 'was') || jsonb_build_object('order', answer -> 'was')",
        ),
    ),
    Break(
        "requests", "external id shop-done of channel", "ord_{packed}#5 pack",
        "drop index orders_external; " + of_order("external_id = 'shop-done'", "", "orders")[0],
        of_order("external_id = 'shop-packed'", "", "orders")[0]
        + " create unique index orders_external on orders (merchant_id, channel_id, external_id)",
    ),
    # references
    Break(
        "references", "hld_{hold} -> orders", "no event: it was written past the books",
        *changed("hold", "order_id = {their_order}", "order_id = {held}"), ("summaries",), whole=True,
    ),
    Break(
        "references", "allocation of line 1 -> fulfillment_order", "ord_{packed}#5 pack",
        *of_order("site_id = site_id + 1", "site_id = site_id - 1", "allocation"), ("promises",),
    ),
    Break(
        "references", "pay_{refund} -> payment", "ord_{done}#11 refund",
        *of_order("parent_id = {packed_authorization}", "parent_id = null", "payment", "done", "and kind = 'refund'"),
    ),
    Break(
        "references", "ful_{packed_ful} -> site", "no event: it was written past the books",
        *of_ful("site_id = 0", "site_id = {site}"),
    ),
    Break(
        "references", "par_{packed_parcel} line 1 -> parcel", "no event: it was written past the books",
        "update parcel set parcel_id = -parcel_id where merchant_id = {m} and parcel_id = {packed_parcel}",
        "update parcel set parcel_id = -parcel_id where merchant_id = {m} and parcel_id = -{packed_parcel}",
        ("places", "summaries"), whole=True,
    ),
    Break(
        "references", "cor_{correction} -> channel", "no event: it was written past the books",
        *of_correction("channel_id = -channel_id", "channel_id = -channel_id"),
    ),
    Break(
        "references", "cor_{correction} line 1 -> site", "no event: it was written past the books",
        *of_correction("site_id = -site_id", "site_id = -site_id", "correction_line"),
    ),
    Break(
        "references", "cor_-{correction} line 1 -> correction", "no event: it was written past the books",
        of_correction("correction_id = -correction_id", "", "correction_line")[0],
        "update correction_line set correction_id = {correction} where merchant_id = {m}", ("corrections",), whole=True,
    ),
    Break(
        "references", "link of cor_{correction} line 7 -> correction_line", "ord_{sale}#3 import_correction",
        *of_correction("line_no = 7", "line_no = 1", "credit_link"), ("corrections",),
    ),
    Break(
        "references", "link of cor_{correction} line 1 -> order_line", "ord_{sale}#3 import_correction",
        *of_correction("order_line_no = 7", "order_line_no = 1", "credit_link"),
    ),
    Break(
        "references", "ord_{packed} line 1 -> sku", "ord_{packed}#5 pack",
        of_order("sku_id = -1", "", "order_line")[0], of_order("sku_id = {sku}", "", "order_line")[0],
    ),
    Break(
        "references", "pay_{packed_authorization} -> orders", "no event: it was written past the books",
        *changed("payment", "order_id = {their_order}", "order_id = {packed}", "payment_id = {packed_authorization}"),
        ("cash",), whole=True,
    ),
    Break(
        "references", "par_{packed_parcel} -> orders", "no event: it was written past the books",
        *changed("parcel", "order_id = {their_order}", "order_id = {packed}", "parcel_id = {packed_parcel}"),
        ("summaries",), whole=True,
    ),
    Break(
        "references", "ful_{packed_ful} -> orders", "no event: it was written past the books",
        *of_ful("order_id = {their_order}", "order_id = {packed}"), whole=True,
    ),
    Break(
        "references", "allocation of line 1 -> order_line", "no event: it was written past the books",
        "update allocation set order_id = {their_order} where merchant_id = {m} and order_id = {packed}",
        "update allocation set order_id = {packed} where merchant_id = {m} and order_id = {their_order}",
        ("promises",), whole=True,
    ),
    Break(
        "references", "decision {decision} -> orders", "no event: it was written past the books",
        *changed("decision", "order_id = {their_order}", "order_id = {packed}", "decision_id = {decision}"), whole=True,
    ),
    Break(
        "references", "ord_{packed} summary -> orders", "ord_{packed}#5 pack",
        "update orders set order_id = -order_id where merchant_id = {m} and order_id = {packed}",
        "update orders set order_id = -order_id where merchant_id = {m} and order_id = -{packed}",
    ),
    # dates
    Break(
        "dates", "ful_{packed_ful} dates", "ord_{packed}#5 pack",
        *of_ful("deliver_by = deliver_by + 1", "deliver_by = deliver_by - 1"),
    ),
    Break(
        "dates", "promise ", "ord_{packed}#5 pack", *of_order("reason = 'because'", "reason = ''", "promise"),
    ),
    Break(
        "dates", "end of promise ", "ord_{packed}#5 pack",
        "insert into promise_end select merchant_id, order_id, promise_id, {packed_parcel}, false, 0, 'site', '{{}}',"
        " now() from promise where merchant_id = {m} and order_id = {packed}",
        "delete from promise_end where merchant_id = {m} and order_id = {packed}",
    ),
    # loads
    Break(
        "loads", "lod_{bag} parcels", "lod_{bag}#1 open_load",
        *of_load("parcels = 2", "parcels = 1"), whole=True,
    ),
    Break(
        "loads", "lod_{bag} weight_g of merchant", "lod_{bag}#1 open_load",
        of_load("weight_g = 7")[0] + of_load("weight_g = 7", table="load_share")[0],
        of_load("weight_g = 350")[0] + of_load("weight_g = 350", table="load_share")[0], whole=True,
    ),
    Break(
        "loads", "par_{packed_parcel} in lod_{bag}", "ord_{packed}#5 pack",
        "delete from load_share where merchant_id = {m}; " + of_load("parcels = 0, weight_g = 0")[0],
        "insert into load_share values ({m}, {bag}, {m}, 1, 350); " + of_load("parcels = 1, weight_g = 350")[0],
        whole=True,
    ),
    Break(
        "loads", "lod_{bag} lies in", "lod_{bag}#1 open_load",
        *of_load("parent_id = null", "parent_id = {pallet}"), whole=True,
    ),
    Break(
        "loads", "par_{packed_parcel}", "ord_{packed}#5 pack",
        "insert into parcel_stay values ({m}, {packed_parcel}, -1, {bag}, {m}, 0, now() - interval '3 hours', now())",
        "delete from parcel_stay where merchant_id = {m} and stay_id = -1", whole=True,
    ),
    Break(
        "loads", "lod_{bag}", "lod_{bag}#1 open_load",
        "insert into load_stay values ({m}, {bag}, -1, {pallet}, now() - interval '3 hours', now())",
        "delete from load_stay where merchant_id = {m} and stay_id = -1", whole=True,
    ),
    Break(
        "loads", "lod_{bag}", "lod_{bag}#1 open_load",
        *of_load("kind = 'entry'", "kind = 'bag'"), whole=True,
    ),
    Break(
        "loads", "par_{packed_parcel} DEP of lod_{pallet}", "ord_{packed}#5 pack",
        "update parcel_event set digest = 'x' where merchant_id = {m} and digest = 'departed'",
        "update parcel_event set digest = 'departed' where merchant_id = {m} and digest = 'x'", whole=True,
    ),
    Break(
        "loads", "par_{packed_parcel} DEP of lod_{pallet}", "ord_{packed}#5 pack",
        *changed(
            "parcel_stay", "joined_at = joined_at + interval '2 hours'", "joined_at = joined_at - interval '2 hours'",
        ),
        whole=True,
    ),
    Break(
        "references", "number of par_-1 -> parcel", "no event: it was written past the books",
        *changed("parcel_number", "parcel_id = -1", "parcel_id = {packed_parcel}"), whole=True,
    ),
    # counters
    Break(
        "stage_counts", "orders at stage draft", "no event: it was written past the books",
        "insert into stage_count values ({m}, 99, 'draft', 1)",
        "delete from stage_count where merchant_id = {m} and slot = 99", whole=True,
    ),
    # the journey
    Break(
        "legal_moves", "ord_{packed} pack", "ord_{packed}#4 pack",
        *changed("event", "verb = 'pack'", "verb = 'pick'", "kind = 'order' and id = {packed} and seq = 4"),
    ),
    Break(
        "legal_moves", "ord_{packed} pick", "ord_{packed}#4 pick",
        *of_event("packed", 4, "10203,1,3", "10203,1,-3"), ("lines", "promises"),
    ),
)  # fmt: skip


async def test_whole_books_break_no_law(books: Books) -> None:
    report = await audit(books.db)
    assert report.ok, report.told()
    assert {law.law for law in report.laws} == {law.name for law in LAWS}
    assert all(law.checked for law in report.laws)
    assert report.as_json()["ok"] is True
    assert "nothing broken" in report.told()


async def test_several_hands_find_what_one_does(books: Books) -> None:
    await books.damage("update order_now set owed = owed + 1 where merchant_id = {m} and order_id = {packed}")
    try:
        alone, together = await audit(books.db), await audit(books.db, hands=2)
    finally:
        await books.damage("update order_now set owed = owed - 1 where merchant_id = {m} and order_id = {packed}")
    assert not alone.ok
    assert together == alone


async def test_merchants_are_audited_a_group_at_a_time(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    together = await audit(books.db)
    monkeypatch.setattr("doorstep.spine.audit.MERCHANTS_AT_ONCE", 1)
    assert (await audit(books.db)).as_json() == together.as_json()
    assert (await audit(books.db, [])).ok


@pytest.mark.parametrize("broken", BREAKS, ids=str)
async def test_what_is_broken_is_named_with_its_event_and_its_mending(books: Books, broken: Break) -> None:
    what, event = broken.what.format(**books.ids), broken.event.format(**books.ids)
    await books.damage(broken.broken)
    try:
        report = await audit(books.db, [books.shop.merchant])
    finally:
        await books.damage(broken.mended)
    law = next(law for law in report.laws if law.law == broken.law)
    found = next((b for b in law.broken if b.what.startswith(what)), None)
    assert found, f"{what} is not named by:\n{report.told()}"
    assert found.merchant == books.shop.key
    assert found.event.startswith(event)
    assert found.expected != found.found
    assert {"law": law.law, "checked": law.checked, "broken": law.broken_in_all} in report.as_json()["laws"]
    assert f"{broken.law}: {law.broken_in_all} broken of" in report.told()
    assert f"To mend: {law.mend}." in report.told()
    assert {law.law for law in report.laws if law.broken} == {broken.law, *broken.also}
    mended = await audit(books.db, [books.shop.merchant])
    assert mended.ok, mended.told()


@pytest.mark.parametrize("broken", [broken for broken in BREAKS if not broken.whole], ids=str)
async def test_the_audit_of_what_came_in_names_it_too_and_once(books: Books, broken: Break) -> None:
    what = broken.what.format(**books.ids)
    await books.damage(UNSEALED + broken.broken)
    try:
        turn = await audit_since(books.db, [books.shop.merchant])
        await books.damage("delete from seal; delete from sealed_stock")
        again = await audit_since(books.db, [books.shop.merchant])
    finally:
        await books.damage(broken.mended)
    found = [found for law, found in turn.found if law.name == broken.law and found.what.startswith(what)]
    assert found, f"{what} is not named by:\n{turn.told()}"
    narrow = {law.name for law in LAWS if any(map(narrowed, law.checks))}
    assert {law.name for law, _ in turn.found} == {broken.law, *broken.also} & narrow
    assert all(one.merchant == books.shop.key for one in found)
    assert not again.ok and not again.found and again.again == len(turn.found)
    raised = await books.shop.rows(
        "select kind, reason, why ->> 'law' as law from attention where merchant_id = $1 and resolved_at is null",
        books.shop.merchant,
    )
    assert len(raised) == len(turn.found) and {row["kind"] for row in raised} == {"books_broken"}
    await books.damage(UNSEALED)
    mended = await audit_since(books.db, [books.shop.merchant])
    assert mended.ok and mended.streams, mended.told()


def test_every_law_is_broken_once_at_least() -> None:
    assert {law.name for law in LAWS} == {broken.law for broken in BREAKS}


async def test_what_is_broken_at_one_merchant_is_not_anothers(books: Books) -> None:
    await books.damage("update order_now set wanted = 7 where merchant_id = {m} and order_id = {packed}")
    others = [merchant for merchant in await books.db.everyone() if merchant != books.shop.merchant]
    try:
        assert (await audit(books.db, others)).ok
        assert not (await audit(books.db)).ok
    finally:
        await books.damage("update order_now set wanted = 0 where merchant_id = {m} and order_id = {packed}")


async def test_a_thousand_broken_things_are_counted_and_twenty_shown(own_urls: Urls) -> None:
    db = await Db.open(own_urls.app, own_urls.router, size=2)
    owner = await asyncpg.connect(own_urls.owner)
    try:
        shop = await open_shop(db)
        await shop.ask_all("place", [{"order": shop.order(("MUG", 1))} for _ in range(60)])
        await owner.execute(f"set app.merchants = '{shop.merchant}'")
        await owner.execute("update order_now set owed = owed + 1")
        report = await audit(db)
    finally:
        await owner.close()
        await db.close()
    cash = next(law for law in report.laws if law.law == "cash")
    assert cash.broken_in_all == 60
    assert len(cash.broken) == SHOWN
    assert "… and 40 more" in report.told()


async def test_the_audit_sees_one_instant_of_a_live_system(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that comes in between two laws is in neither."""
    import doorstep.spine.audit as module

    checked = module._check

    async def with_a_guest(*args: Any) -> None:
        await checked(*args)
        await books.shop.place(("MUG", 1))

    monkeypatch.setattr(module, "_check", with_a_guest)
    report = await audit(books.db, [books.shop.merchant])
    assert report.ok, report.told()
    counted = {law.law: law.checked for law in report.laws}
    assert counted["lines"] == counted["summaries"]


def test_the_mending_names_files_that_exist() -> None:
    assert "pick" in ROWS
    for law in LAWS:
        for word in law.mend.replace(":", " ").replace(",", " ").split():
            if word.endswith(".py"):
                assert os.path.exists(os.path.join("src", "doorstep", word)), f"{law.name}: there is no {word}"
