"""paper_data: reads what the papers of the floor say."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from doorstep.journey.fulfillment.papers import PackingSlip, PickLine, PickList, SlipLine
from doorstep.journey.fulfillment.pick_list import Stop, pick_list, walk
from doorstep.kit.ids import number, public
from doorstep.kit.paper import Address, PageSize
from doorstep.kit.refusals import NotFound
from doorstep.setup.sites import Site, site_of, sites_by_code
from doorstep.spine.tenant import Tx

SLIP = """
select p.parcel_id, p.fulfillment_order_id, p.order_id, m.name as merchant, m.email as contact, m.brand, o.number,
    o.placed_at, o.ship_to, o.shipping_method, t.country as site_country, t.address as site_address,
    t.timezone, n.wanted + n.promised + n.picked as unpacked,
    (select array_agg(q.parcel_id order by q.parcel_id) from parcel q where q.merchant_id = p.merchant_id
      and q.order_id = p.order_id and exists (select from parcel_line l where l.merchant_id = q.merchant_id
        and l.parcel_id = q.parcel_id and l.quantity > 0)) as parcels
  from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  join order_now n on n.merchant_id = p.merchant_id and n.order_id = p.order_id
  join merchant m on m.merchant_id = p.merchant_id
  join site t on t.site_id = p.site_id
  where p.merchant_id = any($1) and p.parcel_id = $2
"""
SLIP_LINES = """
select coalesce(s.code, l.code) as code, coalesce(nullif(l.title, ''), s.name, '') as title,
  i.lot, i.quantity, l.ordered - l.canceled as ordered
  from parcel_line i
  join parcel p on p.merchant_id = i.merchant_id and p.parcel_id = i.parcel_id
  join order_line l on l.merchant_id = p.merchant_id and l.order_id = p.order_id and l.line_no = i.line_no
  left join sku s on s.merchant_id = i.merchant_id and s.sku_id = i.sku_id
  where i.merchant_id = any($1) and i.parcel_id = $2 and i.quantity > 0 order by i.line_no, i.lot
"""
# Where paper is cut in inches.
LETTER = ("US", "CA", "MX")


async def packing_slip_data(tx: Tx, parcel: str) -> PackingSlip:
    """The slip that goes into the parcel; refuses NotFound."""
    at = (list(tx.merchants), number("par", parcel))
    row = await tx.row(SLIP, *at)
    if row is None:
        raise NotFound(parcel=parcel)
    lines = [
        SlipLine(sku=r["code"], title=r["title"], quantity=r["quantity"], ordered=r["ordered"], lot=r["lot"])
        for r in await tx.rows(SLIP_LINES, *at)
    ]
    brand = msgspec.json.decode(row["brand"])
    parcels = list(row["parcels"] or [row["parcel_id"]])
    return PackingSlip(
        merchant=row["merchant"],
        order_number=row["number"],
        fulfillment_order=public("ful", row["fulfillment_order_id"]),
        ship_from=_ship_from(row),
        ship_to=msgspec.convert(msgspec.json.decode(row["ship_to"] or "{}"), Address, strict=False),
        lines=tuple(lines),
        ordered_on=row["placed_at"].astimezone(ZoneInfo(row["timezone"])).date(),
        shipping_method=row["shipping_method"],
        parcel=public("par", row["parcel_id"]),
        parcel_index=parcels.index(row["parcel_id"]) + 1 if row["parcel_id"] in parcels else 1,
        # While something is still to be packed nobody knows how many there will be.
        parcel_count=0 if row["unpacked"] else len(parcels),
        returns=str(brand.get("returns", "")),
        contact=row["contact"],
        page_size=_page_size(row["site_country"]),
    )


def _ship_from(row: Any) -> Address:
    """The merchant's name at the site's address: the buyer knows the shop, not the shelves."""
    address = {**msgspec.json.decode(row["site_address"]), "country": row["site_country"]}
    return msgspec.structs.replace(msgspec.convert(address, Address, strict=False), name=row["merchant"])


async def pick_list_data(
    tx: Tx, site: str, at: datetime, *, limit: int = 50, picker: str = "", merchant: str = ""
) -> PickList:
    """The walk through the site (by its code) for the most urgent fulfillment orders; refuses NotFound."""
    found = site_of(await sites_by_code(tx), site)
    orders = await pick_list(tx, site, limit)
    local = at.astimezone(ZoneInfo(found.timezone))
    due = min((order.ship_by for order in orders if order.ship_by), default=None)
    # A list of one order is scanned as that order.
    one = orders[0].fulfillment_order if len(orders) == 1 else f"{site}-{local:%y%m%d-%H%M}"
    return PickList(
        number=one,
        site=f"{found.name} ({found.code})",
        lines=tuple(_pick_line(stop) for stop in walk(orders)),
        merchant=merchant,
        picker=picker,
        due=_told(due, found) if due else "",
        orders=len(orders),
        page_size=_page_size(found.country),
    )


def _pick_line(stop: Stop) -> PickLine:
    return PickLine(
        bin=stop.bin or "–",
        sku=stop.line.sku,
        title=stop.line.name,
        quantity=stop.quantity,
        barcode=stop.line.barcode,
        order_number=stop.order.number,
        tote=stop.order.fulfillment_order,
        note="" if stop.bin else "no bin holds it: look for it, or say that it is short",
    )


def _told(instant: datetime, site: Site) -> str:
    return f"{instant.astimezone(ZoneInfo(site.timezone)):%a %d %b %H:%M}"


def _page_size(country: str) -> PageSize:
    return "us-letter" if country in LETTER else "a4"
