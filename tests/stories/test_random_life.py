"""A random life: any verb, with sense or without, in any order and at once: a named no at worst, and the books hold.

DOORSTEP_LONG=1 lives longer. A life that fails tells its seed and its last verbs; the same seed lives it again, as
far as what runs at once runs in the same order.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from doorstep.doors.http.reading import Reader
from doorstep.journey.processing.expire import due_expiries
from doorstep.kit.refusals import Refusal
from doorstep.setup.catalog import change_sku
from doorstep.setup.merchants import NewSku
from doorstep.spine.outcome import Ask
from doorstep.spine.preview import preview
from doorstep.spine.runner import Answer, run
from doorstep.spine.status import AXES
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import VERBS
from tests.rolling import kept, past_stock_is_what_moved_by_then, roll, roll_anew
from tests.shop import BUYER, HOME, STATUSES, Shop, a_pick, open_shop
from tests.wild import Pools, Wild

LONG = bool(os.environ.get("DOORSTEP_LONG"))
SEEDS, STEPS = (range(40), 400) if LONG else (range(3), 110)

READERS = {verb: Reader(VERBS[verb].body) for verb in VERBS}

STANDING = f"""
select
  (select jsonb_agg(to_jsonb(n) || jsonb_build_object('order', 'ord_' || o.order_id, 'term', o.payment_term,
      'history', o.history, {", ".join(f"'{axis}', n.{axis}" for axis in AXES)})) from orders o
    join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id where o.merchant_id = $1) as orders,
  (select jsonb_agg(jsonb_build_object('order', 'ord_' || l.order_id, 'line', l.line_no, 'sku', s.code,
      'wanted', l.wanted, 'out', l.shipped + l.delivered, 'price', l.unit_price::text, 'customer', o.customer))
    from order_line l join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
    join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id where l.merchant_id = $1) as lines,
  (select jsonb_agg(jsonb_build_object('ful', 'ful_' || a.fulfillment_order_id, 'order', 'ord_' || a.order_id,
      'line', a.line_no, 'sku', s.code, 'site', t.code, 'promised', a.promised, 'picked', a.picked,
      'packed', a.packed, 'released', f.released_at is not null)) from allocation a
    join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id join site t on t.site_id = a.site_id
    join fulfillment_order f on f.merchant_id = a.merchant_id and f.fulfillment_order_id = a.fulfillment_order_id
    where a.merchant_id = $1) as allocations,
  (select jsonb_agg(jsonb_build_object('parcel', 'par_' || p.parcel_id, 'order', 'ord_' || p.order_id,
      'label', p.label_state, 'label_key', p.label_key, 'gone', p.handed_over_at is not null,
      'delivered', p.delivered_at is not null, 'state', p.state, 'units', (select sum(l.quantity) from parcel_line l
        where l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id))) from parcel p
    where p.merchant_id = $1) as parcels,
  (select jsonb_agg(jsonb_build_object('payment', 'pay_' || payment_id, 'order', 'ord_' || order_id, 'kind', kind,
      'state', state)) from payment where merchant_id = $1) as payments,
  (select jsonb_agg(jsonb_build_object('hold', 'hld_' || hold_id, 'order', 'ord_' || order_id, 'type', type,
      'line', line_no, 'open', lifted_at is null, 'unknown', exists (select from order_line l
        where l.merchant_id = h.merchant_id and l.order_id = h.order_id and l.line_no = h.line_no
          and l.sku_id is null))) from hold h where merchant_id = $1) as holds,
  (select jsonb_agg('asn_' || asn_id) from asn where merchant_id = $1) as asns,
  (select jsonb_agg(jsonb_build_object('sku', s.code, 'site', t.code, 'place', b.place, 'units', b.quantity))
    from place_stock b join sku s on s.merchant_id = b.merchant_id and s.sku_id = b.sku_id
    join site t on t.site_id = b.site_id where b.merchant_id = $1 and b.quantity > 0) as places,
  (select jsonb_agg('sku_' || sku_id) from sku where merchant_id = $1) as skus
"""

# More was billed than the order, or one of its lines, ever was. History that is told again with fewer goods, or for
# less, is credited: a paper that is out stays.
BILLED_TWICE = """
select o.order_id, n.invoiced, n.credited, o.total_minor from orders o
  join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
  where o.merchant_id = $1 and (
    n.invoiced - case when o.history then n.credited else 0 end > o.total_minor or exists (
    select from order_line l where l.merchant_id = o.merchant_id and l.order_id = o.order_id and l.ordered + (
      select coalesce(sum(m.quantity), 0) from move m
        where m.merchant_id = l.merchant_id and m.kind = 'order' and m.id = l.order_id and m.line_no = l.line_no
          and m.target = 'world' and m.what = 'demand') < (
      select coalesce(sum((billed ->> 'quantity')::bigint), 0)
        from invoice i cross join jsonb_array_elements(i.content -> 'lines') billed
        where i.merchant_id = o.merchant_id and i.order_id = o.order_id and i.kind = 'invoice'
          and i.content ->> 'history' is null and (billed ->> 'line')::int = l.line_no)))
"""


def _is_over(order: dict[str, Any]) -> bool:
    return order["history"] or order["stage"] in ("completed", "canceled", "expired")


class Life:
    """Two merchants side by side, and whatever comes into somebody's head."""

    def __init__(self, shop: Shop, other: Shop, seed: int) -> None:
        self.shop, self.other, self.seed = shop, other, seed
        self.chance = random.Random(seed)
        self.wild = Wild(self.chance, lambda: self.pools)
        self.pools: Pools = {}
        self.standing: dict[str, list[Any]] = {}
        self.past: deque[str] = deque(maxlen=25)
        self.came: Counter[str] = Counter()

    async def look(self) -> None:
        (row,) = await self.shop.rows(STANDING, self.shop.merchant)
        self.standing = {name: json.loads(found) if found else [] for name, found in row.items()}
        self.pools = self._pools()

    def _pools(self) -> Pools:
        at = self.standing
        sites = [self.shop.site("NJ"), self.shop.site("PL"), "MOON"]
        orders = [one["order"] for one in at["orders"]][-8:]
        parcels = [one["parcel"] for one in at["parcels"]][-8:]
        bins = ["A-1", "B-2", "RECEIVING", "QUARANTINE", "tote:1", ""]
        return {
            "order": [*orders, *orders, "ord_1"],
            "fulfillment_order": [*(one["ful"] for one in at["allocations"][-8:]), "ful_1"],
            "parcel": [*parcels, *parcels, "par_1", ""],
            "payment": [*(one["payment"] for one in at["payments"][-8:]), "pay_1", ""],
            "hold": [*(one["hold"] for one in at["holds"][-8:]), "hld_1"],
            "asn": [*at["asns"][-4:], "asn_1", ""],
            "sku": ["MUG", "MUG", "CUP", "LAMP", "VASE", *at["skus"]],
            "site": sites, "bin": bins, "to_bin": bins, "from_bin": bins, "from_place": bins,
            "line": [1, 1, 1, 2, 3], "quantity": [1, 1, 2, 3, 5, 40], "barcode": ["MUG", "CUP", "5901234123457", "no"],
            "amount_minor": [1, 700, 1250, 2500, 10**9], "counted": [0, 3, 10], "available": [0, 3, 10],
            "label_key": [*(one["label_key"] for one in at["parcels"][-8:]), "no"], "tote": ["", "", "T1"],
            "currency": ["USD", "USD", "EUR"], "channel": ["api", "api", "bazaar"], "unit_price": ["12.50", "0.333333"],
            "code": ["EMA", "EMC", "EMH", "EMI", "EMB", "Z9"], "state": ["", "", "lost", "returning", "nowhere"],
            "external_id": ["", "#1", "#2"], "after": ["", *orders], "placed_at": [self.shop.at.isoformat()],
            "country": ["IE", "US", "PL", "ZZ"], "discount_minor": [0, 0, 100], "tax_minor": [0, 0, 50],
            "hold_type": [], "shipping_minor": [0, 700], "total_minor": [1250, 2500], "draft": [False, False, True],
        }  # fmt: skip

    # what somebody in their right mind would do

    def sensible(self, verb: str) -> dict[str, Any] | None:
        made = getattr(self, f"_{verb}", None)
        body: dict[str, Any] | None = made() if made else None
        return body

    def _one_of(self, name: str, fits: Callable[[Any], Any] = lambda one: True) -> Any:
        fitting = [one for one in self.standing[name] if fits(one)]
        return self.chance.choice(fitting) if fitting else None

    def _place(self) -> dict[str, Any]:
        lines = [(self.chance.choice(("MUG", "CUP", "LAMP")), self.chance.randint(1, 4)) for _ in range(2)]
        n = self.chance.randint(1, 60)
        more = {
            "payment_term": self.chance.choice(("prepaid", "on_shipment", "cod", "on_account")),
            "reserve": self.chance.choice(("now", "after_checks")), "shipping_minor": self.chance.choice((0, 501)),
            "discount_minor": self.chance.choice((0, 99)),
            "buyer": BUYER | {"email": f"b{n}@example.com", "customer": self.chance.choice(("", "13085", "17850"))},
            "ship_to": HOME | {"line1": f"{n} Grafton Street", "country": self.chance.choice(("IE", "IE", "XX"))},
            "draft": self.chance.random() < 0.1, "payment_token": self.chance.choice(("", "tok_ok")),
            "external_id": self.chance.choice(("", f"#{n}")), "tax_minor": self.chance.choice((0, 77)),
        }  # fmt: skip
        if self.chance.random() < 0.4:
            kind = self.chance.choice(("paid", "authorized"))
            more["tenders"] = [{"kind": kind, "amount_minor": self.chance.choice((1250, 2500, 5000))}]
        order = self.shop.order(*lines[: self.chance.randint(1, 2)], **more)
        return {"order": order, "generous": self.chance.random() < 0.5}

    def _import_history(self) -> dict[str, Any]:
        placed = self.shop.at - timedelta(days=9)
        happened = {
            name: (placed + timedelta(days=days)).isoformat()
            for name, days in (("fulfilled_at", 1), ("delivered_at", 3), ("canceled_at", 2), ("refunded_at", 4))
            if self.chance.random() < 0.5
        }
        told: dict[str, Any] = happened | {"refunded_minor": self.chance.choice((0, 500, 1250, 9999))}
        told["came_back"] = self.chance.random() < 0.2
        order = self._place()["order"] | {"placed_at": placed.isoformat(), "draft": False, "reserve": "after_checks"}
        return {"order": order, "happened": told, "site": self.chance.choice(("", self.shop.site("NJ")))}

    def _import_correction(self) -> dict[str, Any]:
        """Most are credits of what somebody bought; numbers are few, so that many a one is corrected."""
        sale = self._one_of("lines", lambda one: one["out"] and one["customer"]) or {}
        line = {
            "sku": sale.get("sku", "MUG"), "quantity": -self.chance.randint(1, 3),
            "unit_price": self.chance.choice((sale.get("price", "12.50"), "0.335")),
        }  # fmt: skip
        other = {"sku": "CUP", "quantity": self.chance.choice((-2, 1)), "unit_price": "12.50"}
        when = self.shop.at - timedelta(days=self.chance.choice((0, 0, 0, 5)))
        return {
            "kind": self.chance.choice(("credit", "credit", "credit", "stock", "adjustment")), "currency": "USD",
            "external_id": f"C{self.chance.randint(1, 9)}", "channel": "api", "happened_at": when.isoformat(),
            "buyer": {"customer": sale.get("customer", "")}, "lines": self.chance.choice(([line], [line, other])),
            "site": self.chance.choice(("", self.shop.site("NJ"))), "link": self.chance.random() < 0.8,
        }  # fmt: skip

    def _import_opening(self) -> dict[str, Any]:
        goods = {"sku": "MUG", "site": self.shop.site("NJ"), "quantity": self.chance.randint(1, 9)}
        return {"goods": goods, "at": (self.shop.at - timedelta(days=99)).isoformat()}

    def _amend(self) -> dict[str, Any] | None:
        found = self._one_of("orders")
        return {"order": found["order"], "content": self._place()["order"]} if found else None

    def _pick(self) -> dict[str, Any] | None:
        found = self._one_of("allocations", lambda one: one["promised"] and one["released"])
        if not found:
            return None
        place = self._one_of("places", lambda one: (one["sku"], one["site"]) == (found["sku"], found["site"]))
        return {
            "fulfillment_order": found["ful"], "line": found["line"], "barcode": found["sku"],
            "quantity": self.chance.randint(1, found["promised"]), "bin": place["place"] if place else "A-1",
        }  # fmt: skip

    def _short(self) -> dict[str, Any] | None:
        body = self._pick()
        return {name: value for name, value in body.items() if name != "barcode"} if body else None

    def _unpick(self) -> dict[str, Any] | None:
        found = self._one_of("allocations", lambda one: one["picked"])
        return found and {
            "fulfillment_order": found["ful"], "line": found["line"], "bin": self.chance.choice(("A-1", "B-2")),
            "quantity": self.chance.randint(1, found["picked"]),
        }  # fmt: skip

    def _pack(self) -> dict[str, Any] | None:
        found = self._one_of("allocations", lambda one: one["picked"])
        if not found:
            return None
        lines = [{"line": found["line"], "quantity": self.chance.randint(1, found["picked"])}]
        return {"fulfillment_order": found["ful"], "lines": self.chance.choice((lines, []))}

    def _of_parcel(self, fits: Callable[[Any], Any], **more: Any) -> dict[str, Any] | None:
        found = self._one_of("parcels", fits)
        return {"parcel": found["parcel"], **more} if found else None

    def _unpack(self) -> dict[str, Any] | None:
        return self._of_parcel(lambda one: one["units"] and not one["gone"])

    def _keep_label(self) -> dict[str, Any] | None:
        found = self._one_of("parcels", lambda one: one["units"] and not one["gone"])
        if not found:
            return None
        key = found["label_key"] if found["label"] == "wanted" else ""
        ref = self.chance.choice(("", "L1"))
        return {"parcel": found["parcel"], "carrier": "c", "tracking_number": "T1", "label_key": key, "label_ref": ref}

    def _keep_void(self) -> dict[str, Any] | None:
        return self._of_parcel(lambda one: one["label"] == "void_wanted")

    def _hand_over(self) -> dict[str, Any] | None:
        return self._of_parcel(lambda one: one["units"] and one["label"] == "bought" and not one["gone"])

    def _deliver(self) -> dict[str, Any] | None:
        return self._of_parcel(lambda one: one["gone"] and not one["delivered"])

    def _lose(self) -> dict[str, Any] | None:
        return self._deliver() if self.chance.random() < 0.2 else None

    def _track(self) -> dict[str, Any] | None:
        code = self.chance.choice(("EMA", "EMC", "EDB", "EMH", "EMI", "EMK"))
        when = self.shop.at + timedelta(hours=self.chance.randint(-5, 50))
        return self._of_parcel(lambda one: one["gone"], events=[{"happened_at": when.isoformat(), "code": code}])

    def _take_back(self) -> dict[str, Any] | None:
        found = self._one_of("parcels", lambda one: one["gone"])
        more = {"lines": [{"line": self.chance.randint(1, 2), "quantity": 1}]} if self.chance.random() < 0.5 else {}
        site = self.shop.site(self.chance.choice(("NJ", "PL")))
        return found and {"order": found["order"], "parcel": found["parcel"], "site": site, **more}

    def _answer(self, kind: str, **more: Any) -> dict[str, Any] | None:
        found = self._one_of("payments", lambda one: (one["kind"], one["state"]) == (kind, "wanted"))
        return {"payment": found["payment"], **more} if found else None

    def _authorize(self) -> dict[str, Any] | None:
        until = self.chance.choice((None, (self.shop.at + timedelta(hours=self.chance.choice((1, 60)))).isoformat()))
        return self._answer("authorization", provider_ref="a", expires_at=until)

    def _expire_authorization(self) -> dict[str, Any] | None:
        found = self._one_of("orders", lambda one: one["held"])
        return found and {"order": found["order"]}

    def _capture(self) -> dict[str, Any] | None:
        return self._answer("capture", provider_ref="c")

    def _release_funds(self) -> dict[str, Any] | None:
        return self._answer("release")

    def _refund(self) -> dict[str, Any] | None:
        return self._answer("refund", provider_ref="r")

    def _record_payment(self) -> dict[str, Any] | None:
        found = self._one_of("orders", lambda one: one["owed"] > one["earned"])
        return found and {"order": found["order"], "amount_minor": found["owed"] - found["earned"]}

    def _adjust(self) -> dict[str, Any]:
        sku, site = self.chance.choice(("MUG", "CUP", "LAMP")), self.shop.site(self.chance.choice(("NJ", "PL")))
        return {"sku": sku, "site": site, "quantity": self.chance.randint(1, 9), "reason": "found", "bin": "A-1"}

    def _receive(self) -> dict[str, Any]:
        line = {"sku": self.chance.choice(("MUG", "CUP", "LAMP")), "quantity": self.chance.randint(1, 9)}
        return {"site": self.shop.site(self.chance.choice(("NJ", "PL"))), "lines": [line]}

    def _lift(self) -> dict[str, Any] | None:
        found = self._one_of("holds", lambda one: one["open"])
        return found and {"hold": found["hold"]}

    def _issue_credit(self) -> dict[str, Any] | None:
        found = self._one_of("orders", lambda one: one["invoiced"] > one["credited"])
        what = ({"amount_minor": 100}, {"lines": [{"line": 1, "quantity": 1}]})
        return found and {"order": found["order"], **self.chance.choice(what)}

    def _want_refund(self) -> dict[str, Any] | None:
        found = self._one_of("orders", lambda one: one["earned"] > one["owed"])
        return found and {"order": found["order"]}

    def _remit(self) -> dict[str, Any] | None:
        found = self._one_of("orders", lambda one: one["collected"])
        return found and {"order": found["order"]}

    def _quarantined(self, **more: Any) -> dict[str, Any] | None:
        found = self._one_of("places", lambda one: one["place"] == "QUARANTINE")
        return found and {"sku": found["sku"], "site": found["site"], "quantity": 1, **more}

    def _restock(self) -> dict[str, Any] | None:
        return self._quarantined(bin="A-1")

    def _scrap(self) -> dict[str, Any] | None:
        return self._quarantined(reason="broken")

    def _put_away(self) -> dict[str, Any] | None:
        found = self._one_of("places", lambda one: ":" not in one["place"])
        return found and {
            "sku": found["sku"], "site": found["site"], "quantity": self.chance.randint(1, found["units"]),
            "from_bin": found["place"], "to_bin": self.chance.choice(("A-1", "B-2", "C-3")),
        }  # fmt: skip

    # what a clerk does who knows the next step of an order

    def _next(self, order: str) -> tuple[str, dict[str, Any]] | None:
        """The verb that brings this order on, or None when only the work that is due can."""
        at = {name: [one for one in found if isinstance(one, dict) and one.get("order") == order]
              for name, found in self.standing.items()}  # fmt: skip
        (now,) = at["orders"]
        if now["drafts"]:
            return "confirm", {"order": order}
        for hold in at["holds"]:
            if hold["open"] and hold["type"] == "unknown_item" and hold["unknown"]:
                return "name_item", {"order": order, "line": hold["line"], "sku": "MUG", "remember": False}
            if hold["open"]:
                return "lift", {"hold": hold["hold"]}
        for payment in at["payments"]:
            if payment["state"] == "wanted":
                verb = {"authorization": "authorize", "release": "release_funds"}.get(payment["kind"], payment["kind"])
                return verb, {"payment": payment["payment"]} | (
                    {} if verb == "release_funds" else {"provider_ref": "y"}
                )
        return self._next_of_goods(at, order) or self._next_of_money(now, order)

    def _next_of_goods(self, at: dict[str, list[Any]], order: str) -> tuple[str, dict[str, Any]] | None:
        for here in at["allocations"]:
            if here["promised"] and here["released"]:
                return "pick", self._from_its_bin(here)
            if here["picked"]:
                return "pack", {"fulfillment_order": here["ful"]}
        for parcel in at["parcels"]:
            name = {"parcel": parcel["parcel"]}
            if parcel["units"] and not parcel["gone"]:
                key = parcel["label_key"] if parcel["label"] == "wanted" else ""
                label = {"carrier": "c", "tracking_number": "T1", "label_key": key}
                known = {"bought": ("hand_over", name), "void_wanted": ("keep_void", name)}
                return known.get(parcel["label"], ("keep_label", name | label))
        on_the_road = [one for one in at["parcels"] if one["gone"] and not one["delivered"]]
        if at["orders"][0]["shipped"] and on_the_road:
            parcel = self.chance.choice(on_the_road)
            if parcel["state"] == "returned_to_sender":
                return "take_back", {"order": order, "site": self.shop.site("NJ"), "parcel": parcel["parcel"]}
            return "deliver", {"parcel": parcel["parcel"]}
        waiting = [line for line in at["lines"] if line["wanted"]]
        if waiting:
            came = [{"sku": line["sku"], "quantity": line["wanted"], "bin": "A-1"} for line in waiting]
            return "receive", {"site": self.shop.site("NJ"), "lines": came}
        return None

    def _from_its_bin(self, here: dict[str, Any]) -> dict[str, Any]:
        place = next(
            one for one in self.standing["places"]
            if (one["sku"], one["site"]) == (here["sku"], here["site"]) and ":" not in one["place"]
            and not one["place"].startswith("QUARANTINE")
        )  # fmt: skip
        units = min(here["promised"], place["units"])
        return a_pick(here["ful"], here["line"], units, place["place"], here["sku"])

    def _next_of_money(self, now: dict[str, Any], order: str) -> tuple[str, dict[str, Any]] | None:
        if now["collected"]:
            return "remit", {"order": order}
        if now["earned"] > now["owed"]:
            return "want_refund", {"order": order}
        if now["owed"] > now["earned"] + now["collected"] and now["checks"]:
            return "record_payment", {"order": order, "amount_minor": now["owed"] - now["earned"] - now["collected"]}
        return None

    async def _clerk(self, order: str) -> None:
        found = self._next(order)
        if found is None:
            await self._work()
            return
        verb, body = found
        self.past.append(f"clerk: {verb} {body}")
        self._told([await self.shop.ask(verb, **body)])

    async def bring_to_an_end(self) -> None:
        """Whatever happened before: every order can still be brought to its end."""
        (lamp,) = await self.shop.rows(
            "select sku_id from sku where merchant_id = $1 and code = 'LAMP'", self.shop.merchant
        )
        known = NewSku("LAMP", weight_g=900, hs_code="940520", origin="PL", customs_text="table lamp")
        await change_sku(self.shop.db, self.shop.merchant, f"sku_{lamp['sku_id']}", known)
        for found in self.standing["orders"]:
            order = found["order"]
            for _ in range(60):
                await self._work()
                await self.look()
                (now,) = [one for one in self.standing["orders"] if one["order"] == order]
                if _is_over(now):
                    break
                await self._clerk(order)
            else:
                raise AssertionError(f"{order} comes to no end: {self._next(order)}\n{now}\n{await self._story(order)}")

    async def _story(self, order: str) -> str:
        at = (self.shop.merchant, int(order[4:]))
        told = [await self.shop.rows(query, *at) for query in (
            "select seq, verb, data, moves from event where merchant_id = $1 and kind = 'order' and id = $2"
            " order by seq",
            "select line_no, ordered, wanted, promised, picked, packed, shipped, delivered, taken_back, lost, canceled"
            " from order_line where merchant_id = $1 and order_id = $2",
            "select type, line_no, placed_by, lifted_by from hold where merchant_id = $1 and order_id = $2",
            "select verb, chosen, why from decision where merchant_id = $1 and order_id = $2 order by decision_id",
            "select verb, state, error from job where merchant_id = $1 and body ->> 'order' = 'ord_' || $2::bigint",
        )]  # fmt: skip
        return "\n".join(str(row) for rows in told for row in rows)

    # a life

    async def live(self, steps: int) -> None:
        for sku in ("MUG", "CUP", "LAMP"):
            await self.shop.receive(sku, self.chance.randint(2, 9), bin="A-1")
        for _ in range(6):
            await self.shop.ask("place", **self._place())
        for step in range(steps):
            await self.look()
            await self._step()
            if step % 50 == 49:
                await self.audited()
        await self.audited()
        await self.look()
        await self.bring_to_an_end()
        await self.audited()

    async def _step(self) -> None:
        lot = self.chance.random()
        if lot < 0.15:
            await self._work()
        elif lot < 0.2:
            self.shop.at += timedelta(minutes=self.chance.choice((1, 45, 3000)))
            await self._deadlines()
        elif lot < 0.26:
            await self._preview()
        elif lot < 0.45:
            found = self._one_of("orders", lambda one: not _is_over(one))
            if found:
                await self._clerk(found["order"])
        elif lot < 0.53:
            await asyncio.gather(*(self._together() for _ in range(3)))
        else:
            await self._batch()

    def _asks(self) -> tuple[str, list[Ask[Any]]]:
        """One verb, some bodies; now and then one of another merchant, who knows all our ids."""
        verb = self.chance.choice((*VERBS, "place", "pick", "pack", "hand_over", "receive"))
        asks = []
        for _ in range(self.chance.choice((1, 1, 1, 2, 5))):
            body = self.sensible(verb) if self.chance.random() < 0.75 else None
            body = self.wild.body(VERBS[verb].body) if body is None else body
            whose = self.other if self.chance.random() < 0.05 else self.shop
            self.past.append(f"{verb} {body}" + (" as the other merchant" if whose is self.other else ""))
            try:
                read = READERS[verb].read(json.dumps(body, default=str).encode())
            except Refusal as refusal:
                self.came[refusal.code] += 1
                continue
            key = b"key-%d" % self.chance.randint(1, 50) if self.chance.random() < 0.15 else None
            asks.append(Ask(whose.merchant, read, self.shop.at, key=key, digest=verb.encode()))
        return verb, asks

    async def _batch(self) -> None:
        verb, asks = self._asks()
        if len(asks) == 1 and self.chance.random() < 0.2:
            await self._alone(verb, asks[0])
        elif asks:
            self._told(await run(self.shop.db, verb, asks))

    async def _together(self) -> None:
        verb, asks = self._asks()
        self._told(await run(self.shop.db, verb, asks))

    async def _alone(self, verb: str, ask: Ask[Any]) -> None:
        """What is refused changes nothing; what another merchant asks changes nothing of ours."""
        before = await self.shop.books()
        (answer,) = await run(self.shop.db, verb, [ask])
        self._told([answer])
        if isinstance(answer, Refusal) or ask.merchant != self.shop.merchant:
            assert await self.shop.books() == before, f"{verb} {ask.body} changed something: {answer!r}"

    async def _preview(self) -> None:
        verb, asks = self._asks()
        for ask in asks[:1]:
            before = await self.shop.books()
            try:
                await preview(self.shop.db, verb, replace(ask, key=None))
            except Refusal as refusal:
                self.came[refusal.code] += 1
            assert await self.shop.books() == before, f"the preview of {verb} {ask.body} left a trace"

    async def _work(self) -> None:
        self.past.append("work")
        async with asyncio.timeout(60):  # verbs that queue each other for ever would never be done
            came = await self.shop.work()
        for verb, answer in came:
            self._told([answer])
            self.came[f"then {verb}"] += 1

    async def _deadlines(self) -> None:
        async with tenant_tx(self.shop.db, [self.shop.merchant]) as tx:
            due = await due_expiries(tx, self.shop.at)
        for one in due:
            self.past.append(f"deadline {one.verb} {one.body}")
            self._told([await self.shop.ask(one.verb, **one.body)])

    def _told(self, answers: list[Answer]) -> None:
        for answer in answers:
            assert isinstance(answer, dict | Refusal), answer
            self.came[answer.code if isinstance(answer, Refusal) else "yes"] += 1

    async def audited(self) -> None:
        await self.shop.audit()
        await roll(self.shop)
        for order in await self.shop.rows(
            f"select {STATUSES} from order_now n where n.merchant_id = $1", self.shop.merchant
        ):
            for axis, values in AXES.items():
                assert order[axis] in dict(values), f"{order[axis]} is no {axis}"
        for billed in await self.shop.rows(BILLED_TWICE, self.shop.merchant):
            raise AssertionError(f"billed more than ordered: {billed}")
        ours = await self.other.rows("select order_id from orders where merchant_id = $1", self.shop.merchant)
        assert ours == [], "another merchant sees our orders"


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_is_asked_in_whatever_order_the_books_hold(db: Db, seed: int) -> None:
    policies = random.Random(seed)
    shop = await open_shop(
        db, when_short=policies.choice(("refuse", "backorder")), ship=policies.choice(("split", "complete"))
    )
    other = await open_shop(db)
    await shop.connect("payments", "simpay", "sim")
    life = Life(shop, other, seed)
    try:
        await life.live(STEPS)
    except BaseException as error:
        error.add_note(f"seed {seed}, at last:\n" + "\n".join(life.past))
        raise
    assert life.came["yes"] > STEPS / 4, life.came
    await past_stock_is_what_moved_by_then(shop)
    await roll(shop)
    one_by_one = await kept(shop)
    await past_stock_is_what_moved_by_then(shop)
    await roll_anew(shop)
    assert await kept(shop) == one_by_one, f"seed {seed}: days rolled up one by one are not what they are at once"
