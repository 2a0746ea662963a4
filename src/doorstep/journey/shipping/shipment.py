"""shipment: a parcel as a carrier and customs must be told of it, read in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from doorstep.kit.ids import number, public
from doorstep.plug.carrier import Address, CustomsItem, Parcel, Shipment, TaxNumber
from doorstep.plug.states import FINAL_STATES
from doorstep.setup.customs import EU, no_border_between
from doorstep.setup.customs.ioss import is_under_ioss
from doorstep.setup.customs.profile import profile_of
from doorstep.setup.customs.rules import Rules, rules_of
from doorstep.setup.shipping_rules import MUST_BE_TAKEN
from doorstep.spine.amounts import parcel_share, to_collect, untaxed, worth_of_units
from doorstep.spine.parcels import NTH_OF_ORDER
from doorstep.spine.tenant import Tx
from doorstep.spine.worth import worths_of_parcels

PARCEL = f"""
select p.merchant_id, p.parcel_id, p.order_id, p.site_id, p.weight_g, p.length_mm, p.width_mm, p.height_mm,
    p.label_state, p.label_key, p.label_choice, p.label_ref, p.carrier, p.service, p.tracking_number, p.label_pdf,
    p.label_error, p.handed_over_at, o.number, o.currency, o.buyer, o.ship_to, o.bill_to, o.payment_term,
    o.shipping_method, o.service_level, o.insured_minor as order_insured_minor, o.discount_minor, o.shipping_minor,
    o.tax_minor, o.tax_included,
    n.owed - n.earned - n.collected as due_minor,
    s.name as site_name, s.country as site_country, s.address as site_address,
    m.name as merchant_name, m.email as merchant_email, m.tax_numbers, m.customs, m.shipping,
    (select f.itn from export_filing f where f.merchant_id = p.merchant_id and f.order_id = p.order_id
      order by f.filing_id desc limit 1) as itn,
    coalesce(t.days_max, 7) as days_max, coalesce(t.carrier, '') as method_carrier,
    (select d.deliver_by from promise d where d.merchant_id = p.merchant_id and d.order_id = p.order_id
      and d.fulfillment_order_id = p.fulfillment_order_id order by d.promise_id desc limit 1) as promised,
    {NTH_OF_ORDER}
  from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  join order_now n on n.merchant_id = p.merchant_id and n.order_id = p.order_id
  join merchant m on m.merchant_id = p.merchant_id
  join site s on s.site_id = p.site_id
  left join shipping_method t on t.merchant_id = o.merchant_id and t.name = o.shipping_method
  where p.merchant_id = any($1) and p.parcel_id = $2
"""
GOODS = """
select l.line_no, l.code, l.title, l.ordered, l.unit_price, pl.quantity, k.code as sku, k.name,
    k.weight_g, k.hs_code, k.origin, k.customs_text, k.value_minor, k.eccn, k.export_license, k.responsible_person,
    k.flags
  from parcel_line pl
  join parcel p on p.merchant_id = pl.merchant_id and p.parcel_id = pl.parcel_id
  join order_line l on l.merchant_id = p.merchant_id and l.order_id = p.order_id and l.line_no = pl.line_no
  join sku k on k.merchant_id = pl.merchant_id and k.sku_id = pl.sku_id
  where pl.merchant_id = any($1) and pl.parcel_id = $2 and pl.quantity > 0 order by l.line_no
"""
# All lines of its order: what is shared among them is known by all of them.
LINES = """
select l.line_no, l.total_minor, l.tax_minor from order_line l
  where l.merchant_id = any($1) and l.order_id = $2 order by l.line_no
"""
# Of an order that is paid on delivery: the parcels that may yet collect something, and what is in none yet.
ON_THEIR_WAY = """
select p.parcel_id from parcel p
  where p.merchant_id = any($1) and p.order_id = $2 and p.state <> all($3) and exists (
    select from parcel_line pl
      where pl.merchant_id = p.merchant_id and pl.parcel_id = p.parcel_id and pl.quantity > 0)
  order by p.parcel_id
"""
NOT_PACKED = """
select l.worth_minor, l.ordered, l.wanted + l.promised + l.picked as units,
    (select coalesce(sum(pl.quantity), 0)::bigint from parcel p
      join parcel_line pl on pl.merchant_id = p.merchant_id and pl.parcel_id = p.parcel_id
      where p.merchant_id = l.merchant_id and p.order_id = l.order_id and pl.line_no = l.line_no) as parceled
  from order_line l
  where l.merchant_id = any($1) and l.order_id = $2 and l.ships and l.wanted + l.promised + l.picked > 0
"""
# Of an amount of the whole order: all its parcels with something in them, and what all its goods are worth.
PARCELED = """
select p.parcel_id from parcel p
  where p.merchant_id = any($1) and p.order_id = $2 and exists (select from parcel_line pl
    where pl.merchant_id = p.merchant_id and pl.parcel_id = p.parcel_id and pl.quantity > 0)
  order by p.parcel_id
"""
ALL_GOODS = """
select coalesce(sum(l.worth_minor), 0)::bigint from order_line l
  where l.merchant_id = any($1) and l.order_id = $2 and l.ships
"""
ENDED = sorted(FINAL_STATES | {"lost"})
CARRIERS = "select code from connection where merchant_id = $1 and kind = 'carrier' order by code"


@dataclass(frozen=True, slots=True)
class Packed:
    """A parcel's row (order, site and merchant joined in) and the goods in it."""

    row: Mapping[str, Any]
    goods: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        return public("par", self.row["parcel_id"])


async def packed(tx: Tx, parcel: str, on: date | None = None) -> Packed | None:
    """Everything about the parcel, or None when it is not there; by the rules of that day whether it goes under the
    merchant's IOSS number, which its carrier has to be told."""
    at = (list(tx.merchants), number("par", parcel))
    row = await tx.row(PARCEL, *at)
    if row is None:
        return None
    plain = dict(row)
    for name in ("buyer", "ship_to", "bill_to", "site_address", "tax_numbers", "label_choice"):
        plain[name] = msgspec.json.decode(plain[name]) if plain[name] else {}
    plain["cod_minor"] = await _to_collect(tx, plain)
    plain["insured_minor"] = await _share(tx, plain, plain["order_insured_minor"])
    costs, plain["order_freight_minor"] = await _untaxed(tx, plain) if _is_declared(plain) else ({}, 0)
    goods = [dict(line) for line in await tx.rows(GOODS, *at)]
    found = Packed(plain, tuple(line | {"untaxed_minor": costs.get(line["line_no"], 0)} for line in goods))
    to = str(plain["ship_to"].get("country") or "")
    if on and to in EU and plain["tax_numbers"].get("ioss"):
        plain["ioss"] = ioss_number(found, await rules_of(tx, [to], on))
    return found


def _is_declared(row: Mapping[str, Any]) -> bool:
    """It goes to another country, or behind a customs border of the same one, as to the Canary Islands."""
    start, to = str(row["site_country"]), str(row["ship_to"].get("country") or "")
    postcodes = str(row["site_address"].get("postcode") or ""), str(row["ship_to"].get("postcode") or "")
    return start != to or not no_border_between(start, postcodes[0], to, postcodes[1])


async def freight_minor(tx: Tx, parcel: Packed) -> int:
    """The parcel's share of what the buyer pays for the way."""
    return await _share(tx, parcel.row, parcel.row["order_freight_minor"])


async def _untaxed(tx: Tx, row: Mapping[str, Any]) -> tuple[Mapping[int, int], int]:
    """What each line of its order costs without tax, by its number; and the way."""
    lines = await tx.rows(LINES, list(tx.merchants), row["order_id"])
    *costs, freight = untaxed(row, [one["total_minor"] for one in lines], [one["tax_minor"] for one in lines])
    return {one["line_no"]: cost for one, cost in zip(lines, costs, strict=True)}, freight


async def _to_collect(tx: Tx, row: Mapping[str, Any]) -> int:
    if row["payment_term"] != "cod" or row["due_minor"] <= 0:
        return 0
    order = (list(tx.merchants), row["order_id"])
    parcels = [found["parcel_id"] for found in await tx.rows(ON_THEIR_WAY, *order, ENDED)]
    if row["parcel_id"] not in parcels:
        return 0
    goods = await worths_of_parcels(tx, [public("par", parcel) for parcel in parcels])
    worths = [goods.get((row["order_id"], parcel), 0) for parcel in parcels]
    not_packed = sum(
        worth_of_units(line["worth_minor"], line["ordered"], line["parceled"], line["units"])
        for line in await tx.rows(NOT_PACKED, *order)
    )
    return to_collect(row["due_minor"], worths, parcels.index(row["parcel_id"]), not_packed)


async def _share(tx: Tx, row: Mapping[str, Any], amount_minor: int) -> int:
    """The parcel's share of an amount of the whole order."""
    if not amount_minor:
        return 0
    order = (list(tx.merchants), row["order_id"])
    parcels = [found["parcel_id"] for found in await tx.rows(PARCELED, *order)]
    if row["parcel_id"] not in parcels:
        return 0
    goods = await worths_of_parcels(tx, [public("par", parcel) for parcel in parcels])
    worths = [goods.get((row["order_id"], parcel), 0) for parcel in parcels]
    whole_minor: int = await tx.value(ALL_GOODS, *order)
    return parcel_share(amount_minor, worths, parcels.index(row["parcel_id"]), whole_minor)


def shipment_of(parcel: Packed, service: str = "") -> Shipment:
    row = parcel.row
    sender = row["site_address"] | {
        "name": row["merchant_name"],
        "company": row["site_name"],
        "country": row["site_country"],
    }
    receiver = row["ship_to"] | {"email": row["buyer"].get("email", "")}
    crosses = _is_declared(row)
    return Shipment(
        ship_from=_address(sender | {"country": row["site_country"]}),
        ship_to=_address(receiver),
        parcels=(Parcel(weight_g=weight_g(parcel), **{name: row[name] for name in SIZES}),),
        reference=row["number"],
        service=service,
        customs=tuple(_declared(line, row["currency"]) for line in parcel.goods) if crosses else (),
        incoterm=incoterm(parcel) if crosses else "",
        filing=filing(parcel) if crosses else "",
        sender_numbers=_sender_numbers(parcel) if crosses else (),
        recipient_number=str(row["ship_to"].get("tax_id") or "") if crosses else "",
        cod_minor=row["cod_minor"],
        insured_minor=row["insured_minor"],
        currency=row["currency"],
        contains=contains(parcel),
    )


def ioss_number(parcel: Packed, rules: Rules) -> str:
    """The merchant's, where the parcel goes under it."""
    number, to = str(parcel.row["tax_numbers"].get("ioss") or ""), str(parcel.row["ship_to"].get("country") or "")
    currency = parcel.row["currency"]
    worth = sum(_declared(line, currency).value_minor for line in parcel.goods)
    return number if number and is_under_ioss(to, worth, currency, rules) else ""


def _sender_numbers(parcel: Packed) -> tuple[TaxNumber, ...]:
    """Those that every border may ask for, IOSS where the parcel goes under it, and that of where it goes."""
    numbers, to = parcel.row["tax_numbers"], str(parcel.row["ship_to"].get("country") or "")
    found = {kind: str(numbers.get(kind) or "") for kind in ("eori", "vat", "ein")}
    told = [
        TaxNumber(kind=kind, number=number, country=number[:2] if number[:2].isalpha() else "")
        for kind, number in found.items() if number
    ]  # fmt: skip
    if ioss := str(parcel.row.get("ioss") or ""):
        told.append(TaxNumber(kind="ioss", number=ioss))
    if local := str(numbers.get(to.lower()) or ""):
        told.append(TaxNumber(kind="vat", number=local, country=to))
    return tuple(told)


def contains(parcel: Packed) -> tuple[str, ...]:
    """What of its goods not every service takes, by the flags of their SKUs."""
    flags = {flag for line in parcel.goods for flag in line["flags"]}
    return tuple(flag for flag in MUST_BE_TAKEN if flag in flags)


def incoterm(parcel: Packed) -> str:
    """Of Incoterms 2020: who pays duty and tax where the parcel goes."""
    return "DDP" if profile_of(parcel.row["customs"]).pays_in(str(parcel.row["ship_to"].get("country", ""))) else "DAP"


def filing(parcel: Packed) -> str:
    return f"AES {parcel.row['itn']}" if parcel.row["itn"] else ""


SIZES = ("length_mm", "width_mm", "height_mm")
SAME_NAME = ("name", "company", "line1", "line2", "city", "region", "country", "phone", "email", "pickup_point")


def weight_g(parcel: Packed) -> int:
    """As weighed; else the sum of what is in it, and never nothing: carriers refuse a parcel of 0 g."""
    goods: int = sum(line["weight_g"] * line["quantity"] for line in parcel.goods)
    return int(parcel.row["weight_g"]) or goods or 1


def _address(plain: Mapping[str, Any]) -> Address:
    words = {name: str(plain.get(name) or "") for name in SAME_NAME}
    return Address(**words, postal_code=str(plain.get("postcode", "")))


def _declared(line: Mapping[str, Any], currency: str) -> CustomsItem:
    value = worth_of_units(line["untaxed_minor"], line["ordered"], 0, line["quantity"])
    return CustomsItem(
        description=line["customs_text"] or line["name"] or line["title"],
        quantity=line["quantity"],
        value_minor=value or line["value_minor"] * line["quantity"],
        currency=currency,
        weight_g=line["weight_g"] * line["quantity"],
        hs_code=line["hs_code"],
        origin_country=line["origin"],
        sku=line["sku"],
    )
