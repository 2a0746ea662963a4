"""floor: the people of both sites: put away, walk and pick with a scanner, pack, hand over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from doorstep.doors.demo.desk import Desk, Wish
from doorstep.doors.demo.eyes import Eyes
from doorstep.journey.fulfillment.pick_list import Stop, pick_list, walk
from doorstep.kit.ids import public
from doorstep.setup.places import RECEIVING
from doorstep.spine.tenant import tenant_tx

# A hold on the whole order; one on a line stops that line alone.
HELD = """exists (select from hold h where h.merchant_id = n.merchant_id and h.order_id = n.order_id
    and h.line_no is null and h.lifted_at is null)"""
IN_RECEIVING = """
select b.merchant_id, s.code as sku, t.code as site, sum(b.quantity)::int as units
  from bin_stock b join sku s on s.merchant_id = b.merchant_id and s.sku_id = b.sku_id
  join site t on t.site_id = b.site_id
  where b.merchant_id = any($1) and b.place = $2 and b.quantity > 0
  group by b.merchant_id, s.code, t.code order by b.merchant_id, s.code, t.code
"""
TO_PACK = f"""
select f.merchant_id, f.fulfillment_order_id, o.number, t.code as site,
    array_agg(a.line_no order by a.line_no) as lines, array_agg(a.picked order by a.line_no) as picked,
    array_agg(s.weight_g order by a.line_no) as weights_g
  from order_now n
  join orders o on o.merchant_id = n.merchant_id and o.order_id = n.order_id
  join fulfillment_order f on f.merchant_id = n.merchant_id and f.order_id = n.order_id
  join site t on t.site_id = f.site_id
  join allocation a on a.merchant_id = f.merchant_id and a.order_id = f.order_id
    and a.fulfillment_order_id = f.fulfillment_order_id
  join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where n.merchant_id = any($1) and n.picked > 0 and not {HELD}
  group by f.merchant_id, f.fulfillment_order_id, o.number, t.code
  having sum(a.promised) = 0 and sum(a.picked) > 0 order by f.merchant_id, f.fulfillment_order_id
"""
# Neither in a bag nor on a driver's list.
LABELED = f"""
select p.merchant_id, p.parcel_id, p.label_state, p.label_tries, o.number, t.code as site from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  join order_now n on n.merchant_id = p.merchant_id and n.order_id = p.order_id
  join site t on t.site_id = p.site_id
  where p.merchant_id = any($1) and p.handed_over_at is null and p.manifest_id is null and p.label_state = any($2)
    and not {HELD} and not exists (select from parcel_stay s where s.merchant_id = p.merchant_id
      and s.parcel_id = p.parcel_id and s.left_at is null)
    and exists (select from parcel_line l where l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
      and l.quantity > 0)
  order by p.merchant_id, p.parcel_id
"""
BINS_OF_AN_AISLE = 12
HEAVIEST_G = 15_000  # what one person lifts
# Of a hundred: who scans the neighbor's barcode first, who finds the bin short, what goes into two parcels, whose label
# is for the wrong service.
WRONG_SCAN, SHORT, TWO_PARCELS, WRONG_LABEL = 3, 3, 18, 3


@dataclass(slots=True)
class Floor:
    desk: Desk
    eyes: Eyes
    missed: set[tuple[int, str, int]] = field(default_factory=set)
    thought_again: set[str] = field(default_factory=set)

    async def put_away(self) -> None:
        """What came in goes to its shelf."""
        rows = await self.eyes.rows(IN_RECEIVING, RECEIVING)
        skus = sorted({(row["merchant_id"], row["sku"]) for row in rows})
        shelf = {sku: _bin(number) for number, sku in enumerate(skus)}
        await self.desk.ask_all(
            Wish(row["merchant_id"], "put_away", {
                "sku": row["sku"], "site": row["site"], "quantity": row["units"],
                "to_bin": shelf[row["merchant_id"], row["sku"]],
            })
            for row in rows
        )  # fmt: skip

    async def pick(self, at: datetime, share: int = 100) -> None:
        """A walk through each site that works today, past the bins of what is due; `share` of it in a hundred."""
        for site in self.working(at):
            async with tenant_tx(self.eyes.db, self.eyes.merchants, readonly=True) as tx:
                stops = walk(await pick_list(tx, site, limit=400))
            await asyncio.gather(*(self._stop(stop) for stop in stops if self._lot(stop, "picked today") < share))

    def working(self, at: datetime) -> list[str]:
        return [
            code
            for code, site in self.eyes.sites.items()
            if at.astimezone(ZoneInfo(site["timezone"])).isoweekday() in site["weekdays"]
        ]

    async def _stop(self, stop: Stop) -> None:
        if not stop.bin:
            return
        of, at = {"fulfillment_order": stop.order.fulfillment_order}, {"line": stop.line.line, "bin": stop.bin}
        left = stop.quantity
        if self._lot(stop, "scan") < WRONG_SCAN:
            wrong = "2000001000002" if stop.line.barcode != "2000001000002" else "2000001000019"
            await self.desk.ask(stop.order.merchant, "pick", **of, scans=[at | {"quantity": left, "barcode": wrong}])
        missed = (stop.order.merchant, stop.order.number, stop.line.line)
        # However few orders there are: the first one is short.
        if missed not in self.missed and (not self.missed or self._lot(stop, "short") < SHORT):
            self.missed.add(missed)
            if await self.desk.ask(stop.order.merchant, "short", **of, **at, quantity=1):
                left -= 1
        if left:
            scanned = stop.line.barcode or stop.line.sku
            await self.desk.ask(stop.order.merchant, "pick", **of, scans=[at | {"quantity": left, "barcode": scanned}])

    def _lot(self, stop: Stop, about: str) -> int:
        return self.eyes.lot(stop.order.merchant, f"{stop.order.number}/{stop.line.line}", about)

    async def pack(self, at: datetime, share: int = 100) -> None:
        """What is picked whole goes into a parcel, now and then into two."""
        working = self.working(at)
        rows = [
            row
            for row in await self.eyes.rows(TO_PACK)
            if row["site"] in working and self.eyes.lot(row["merchant_id"], row["number"], "packed today") < share
        ]
        await asyncio.gather(*(self._pack(row) for row in rows))

    async def _pack(self, row: dict[str, Any]) -> None:
        merchant, number = row["merchant_id"], row["number"]
        of = {"fulfillment_order": public("ful", row["fulfillment_order_id"])}
        units = sum(row["picked"])
        fits_g = HEAVIEST_G
        if units > 1 and self.eyes.lot(merchant, number, "two parcels") < TWO_PARCELS:
            fits_g = min(fits_g, _weight_g(row) // 2 + 1)
        for lines in _parcels(row, fits_g):
            small = sum(line["quantity"] for line in lines) < 3
            await self.desk.ask(merchant, "pack", **of, lines=lines, **(_S if small else _M))

    async def put_back(self) -> None:
        """The first thing that was ever picked was for another order: it goes back, and is picked tomorrow."""
        for row in await self.eyes.rows(TO_PACK):
            if not self._is_first("put back"):
                return
            of = {"fulfillment_order": public("ful", row["fulfillment_order_id"]), "line": row["lines"][0]}
            await self.desk.ask(row["merchant_id"], "unpick", **of, quantity=1, bin=_bin(0))

    async def change_labels(self) -> None:
        """Some labels are given back at once, and bought again in the next hour; the first for a parcel that is packed
        anew."""
        for row in await self.eyes.rows(LABELED, ["bought", "void"]):
            merchant, parcel = row["merchant_id"], public("par", row["parcel_id"])
            if row["label_state"] == "void":
                verb = "unpack" if self._is_first("unpacked") else "want_label"
                await self.desk.ask(merchant, verb, parcel=parcel)
            elif row["label_tries"] == 1 and (
                self.eyes.lot(merchant, row["number"], "label") < WRONG_LABEL or self._is_first("label")
            ):
                await self.desk.ask(merchant, "want_void", parcel=parcel)

    def _is_first(self, about: str) -> bool:
        """However few orders there are: it happens to the first one."""
        is_first = about not in self.thought_again
        self.thought_again.add(about)
        return is_first

    async def hand_over(self, at: datetime, share: int = 100) -> None:
        """What no driver signs a list for is given along one by one."""
        working = self.working(at)
        await self.desk.ask_all(
            Wish(row["merchant_id"], "hand_over", {"parcel": public("par", row["parcel_id"])})
            for row in await self.eyes.rows(LABELED, ["bought"])
            if row["site"] in working and self.eyes.lot(row["merchant_id"], row["number"], "fetched today") < share
        )


_S = {"carton": "S", "length_mm": 260, "width_mm": 200, "height_mm": 130}
_M = {"carton": "M", "length_mm": 380, "width_mm": 300, "height_mm": 220}


def _bin(number: int) -> str:
    aisle, place = divmod(number, BINS_OF_AN_AISLE)
    return f"{chr(ord('A') + aisle)}-{place + 1:02}"


def _weight_g(row: dict[str, Any]) -> int:
    return sum(picked * grams for picked, grams in zip(row["picked"], row["weights_g"], strict=True))


def _parcels(row: dict[str, Any], fits_g: int) -> Iterator[list[dict[str, int]]]:
    """Line by line into parcels that are no heavier than that, at least one unit in each."""
    lines: list[dict[str, int]] = []
    left_g = fits_g
    for line, picked, grams in zip(row["lines"], row["picked"], row["weights_g"], strict=True):
        while picked:
            units = min(picked, left_g // grams if grams else picked) or (0 if lines else 1)
            if units:
                lines.append({"line": line, "quantity": units})
            picked, left_g = picked - units, max(0, left_g - units * grams)
            if picked:
                yield lines
                lines, left_g = [], fits_g
    if lines:
        yield lines
