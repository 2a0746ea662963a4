"""imagined: what would be chosen for a parcel that nobody has packed yet, by the same rules, of the same carriers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.shipping.choose import Chosen
from doorstep.journey.shipping.shopping import DAYS_MAX, Basket, Going, ask_all, basket_of, sent
from doorstep.kit.refusals import NotFound
from doorstep.plug.carrier import Address, CustomsItem, Parcel, Shipment
from doorstep.setup.addresses import Country, Text
from doorstep.setup.shipping_rules import MUST_BE_TAKEN, rules_of
from doorstep.setup.sites import Site, site_of, sites_by_code
from doorstep.spine.tenant import Tx
from doorstep.spine.world import World

MERCHANT = "select m.name, m.currency, m.shipping from merchant m where m.merchant_id = $1"
METHOD = "select s.level, s.carrier, s.days_max from shipping_method s where s.merchant_id = $1 and s.name = $2"
ADDRESS = "select t.address from site t where t.site_id = $1"
GOODS = """
select k.code, k.name, k.customs_text, k.hs_code, k.origin, k.value_minor, k.flags
  from sku k where k.merchant_id = $1 and k.code = $2
"""
# Carriers want a name and a street of everybody, and nobody is meant yet.
NOBODY = "-"


class Imagined(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A parcel to `country`. Default: from the first site. `sku`: what is in it, for customs, and for what not every
    carrier takes; `shipping_method`: as the order's channel would call it."""

    country: Country
    weight_g: Annotated[int, Meta(ge=1, le=10_000_000)]
    site: Annotated[str, Meta(max_length=40)] = ""
    postcode: Annotated[str, Meta(max_length=20)] = ""
    city: Text = ""
    line1: Text = ""
    shipping_method: Annotated[str, Meta(max_length=120)] = ""
    sku: Annotated[str, Meta(max_length=120)] = ""
    pickup_point: Annotated[str, Meta(max_length=80)] = ""
    insured_minor: Annotated[int, Meta(ge=0, le=10**15)] = 0


async def foresee(world: World, merchant: int, parcel: Imagined) -> tuple[Basket, Chosen]:
    """Every connected carrier is asked now; nothing is bought. Refuses NotFound, of a site, SKU or shipping method."""
    async with world.reading([merchant]) as tx:
        of = await basket_of(tx, merchant, await _going(tx, merchant, parcel), world.now())
    return of, await ask_all(world, merchant, of)


async def _going(tx: Tx, merchant: int, parcel: Imagined) -> Going:
    seller = await tx.row(MERCHANT, merchant)
    site = _start(await sites_by_code(tx), parcel.site)
    start = msgspec.json.decode(await tx.value(ADDRESS, site.site_id))
    goods = await _goods(tx, merchant, parcel.sku)
    method = await _method(tx, merchant, parcel.shipping_method)
    return Going(
        shipment=_shipment(parcel, seller, site, start, goods), site=site, currency=seller["currency"],
        rules=rules_of(seller["shipping"]), level=method["level"], method_carrier=method["carrier"],
        days_max=method["days_max"], goods=(sent(goods["flags"], goods["hs_code"]),) if goods else (),
    )  # fmt: skip


def _start(sites: Mapping[str, Site], code: str) -> Site:
    """The first of them where none is named."""
    return site_of(sites, code) if code or not sites else next(iter(sites.values()))


async def _goods(tx: Tx, merchant: int, sku: str) -> Mapping[str, Any] | None:
    found = await tx.row(GOODS, merchant, sku) if sku else None
    if sku and found is None:
        raise NotFound(sku=sku)
    return dict(found) if found else None


async def _method(tx: Tx, merchant: int, name: str) -> Mapping[str, Any]:
    found = await tx.row(METHOD, merchant, name) if name else None
    if name and found is None:
        raise NotFound(shipping_method=name)
    return dict(found) if found else {"level": "standard", "carrier": "", "days_max": DAYS_MAX}


def _shipment(
    parcel: Imagined, seller: Any, site: Site, start: Mapping[str, Any], goods: Mapping[str, Any] | None
) -> Shipment:
    words = {name: str(start.get(name) or "") for name in ("line1", "line2", "city", "region", "phone")}
    ship_from = Address(
        **words, name=seller["name"], company=site.name, country=site.country, postal_code=site.postcode
    )
    ship_to = Address(
        name=NOBODY, line1=parcel.line1 or NOBODY, city=parcel.city or NOBODY, country=parcel.country,
        postal_code=parcel.postcode, pickup_point=parcel.pickup_point,
    )  # fmt: skip
    flags = goods["flags"] if goods else ()
    declared = goods is not None and site.country != parcel.country
    return Shipment(
        ship_from=ship_from, ship_to=ship_to, parcels=(Parcel(weight_g=parcel.weight_g),), currency=seller["currency"],
        customs=(_declared(goods, parcel.weight_g, seller["currency"]),) if goods and declared else (),
        contains=tuple(flag for flag in MUST_BE_TAKEN if flag in flags), insured_minor=parcel.insured_minor,
    )  # fmt: skip


def _declared(goods: Mapping[str, Any], weight_g: int, currency: str) -> CustomsItem:
    return CustomsItem(
        description=goods["customs_text"] or goods["name"], quantity=1, value_minor=goods["value_minor"],
        currency=currency, weight_g=weight_g, hs_code=goods["hs_code"], origin_country=goods["origin"],
        sku=goods["code"],
    )  # fmt: skip
