"""merchants: who sells; each with its own orders, stock and cash behind the wall."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from typing import Any

import asyncpg
import msgspec

from doorstep.kit.refusals import Refusal
from doorstep.spine.tenant import ADD_ROUTES, Db, routed, tenant_tx

ADD_MERCHANT = """
insert into merchant (merchant_id, key, name, is_operator, currency, country, address, email, tax_numbers, when_short,
    ship, reserve_minutes, hold_duplicates, brand)
  select merchant_id, key, name, is_operator, currency, country, address, email, tax_numbers, when_short, ship,
    reserve_minutes, hold_duplicates, brand from jsonb_populate_record(null::merchant, $1::jsonb)
"""
ADD_CHANNELS = """
insert into channel (merchant_id, channel_id, key, kind) select $1, i, k, k from unnest($2::bigint[], $3::text[]) u(i, k)
"""
ADD_SITE = """
insert into site (site_id, code, name, country, address, latitude, longitude, timezone, cut_off, weekdays)
  values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10) on conflict (code) do nothing returning site_id
"""
ADD_SKUS = """
insert into sku (merchant_id, sku_id, code, barcode, name, weight_g, length_mm, width_mm, height_mm, hs_code, origin,
    customs_text, value_minor, flags, stocked)
  select merchant_id, sku_id, code, barcode, name, weight_g, length_mm, width_mm, height_mm, hs_code, origin,
    customs_text, value_minor, flags, stocked from jsonb_populate_recordset(null::sku, $1::jsonb)
  on conflict (merchant_id, code) do nothing returning sku_id
"""
# Every merchant has these from the first day.
FIRST_CHANNELS = ("api", "file", "console")


class MerchantExists(Refusal):
    """There is a merchant of this key already."""


class SiteExists(Refusal):
    """There is a site of this code already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMerchant:
    key: str
    name: str
    currency: str
    country: str
    is_operator: bool = False
    address: dict[str, Any] = field(default_factory=dict)
    email: str = ""
    tax_numbers: dict[str, str] = field(default_factory=dict)
    when_short: str = "backorder"
    ship: str = "split"
    reserve_minutes: int = 60
    hold_duplicates: bool = True
    brand: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewSite:
    code: str
    name: str
    country: str
    address: dict[str, Any]
    latitude: float | None = None
    longitude: float | None = None
    timezone: str = "UTC"
    cut_off: time = time(14)
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class NewSku:
    code: str
    name: str = ""
    barcode: str = ""
    weight_g: int = 0
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    hs_code: str = ""
    origin: str = ""
    customs_text: str = ""
    value_minor: int = 0
    flags: tuple[str, ...] = ()
    stocked: bool = True


async def create_merchant(db: Db, new: NewMerchant) -> int:
    """A merchant with its first channels; refuses MerchantExists."""
    merchant, *channels = await db.ids.draw(db.pool, 1 + len(FIRST_CHANNELS))
    row = {"merchant_id": merchant} | msgspec.to_builtins(new)
    try:
        async with tenant_tx(db, [merchant]) as tx:
            await tx.run(ADD_ROUTES, ["merchant"], [routed(new.key)], [merchant])
            await tx.run(ADD_MERCHANT, msgspec.json.encode(row).decode())
            await tx.run(ADD_CHANNELS, merchant, channels, list(FIRST_CHANNELS))
    except asyncpg.UniqueViolationError:
        raise MerchantExists(key=new.key) from None
    return merchant


async def add_site(db: Db, merchant: int, new: NewSite) -> int:
    """One of the operator's sites; refuses SiteExists."""
    (site,) = await db.ids.draw(db.pool, 1)
    async with tenant_tx(db, [merchant]) as tx:
        address = msgspec.json.encode(new.address).decode()
        place = (new.latitude, new.longitude, new.timezone, new.cut_off, list(new.weekdays))
        added = await tx.value(ADD_SITE, site, new.code, new.name, new.country, address, *place)
    if added is None:
        raise SiteExists(code=new.code)
    return int(added)


async def add_skus(db: Db, merchant: int, new: list[NewSku]) -> int:
    """Add SKUs; what is there stays as it is. Answers how many are new."""
    ids = await db.ids.draw(db.pool, len(new))
    rows = [{"merchant_id": merchant, "sku_id": next(ids)} | msgspec.to_builtins(sku) for sku in new]
    async with tenant_tx(db, [merchant]) as tx:
        return len(await tx.rows(ADD_SKUS, msgspec.json.encode(rows).decode()))
