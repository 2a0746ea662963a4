"""merchants: who sells; each with its own orders, stock and cash behind the wall."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from typing import Any

import asyncpg
import msgspec

from doorstep.kit import clock
from doorstep.kit.money import LARGEST_MINOR
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup import checks, log
from doorstep.setup.customs.profile import check_profile, check_tax_numbers
from doorstep.setup.customs.rechecking import recheck
from doorstep.setup.log import MACHINE, By, some
from doorstep.setup.shipping_rules import check_rules
from doorstep.setup.sku_words import keep_words
from doorstep.spine.tenant import ADD_ROUTES, Db, Tx, routed, tenant_tx

ADD_MERCHANT = """
insert into merchant (merchant_id, key, name, is_operator, currency, country, address, email, tax_numbers, when_short,
    ship, reserve_minutes, hold_duplicates, brand, timezone, customs, reliability, shipping)
  select merchant_id, key, name, is_operator, currency, country, address, email, tax_numbers, when_short, ship,
    reserve_minutes, hold_duplicates, brand, timezone, customs, reliability, shipping
    from jsonb_populate_record(null::merchant, $1::jsonb)
"""
# What may be changed later; the key is for ever, and orders in another currency stay what they are.
CHANGEABLE = ("name", "currency", "country", "address", "email", "tax_numbers", "when_short", "ship",
              "reserve_minutes", "hold_duplicates", "brand", "timezone", "customs", "reliability",
              "shipping")  # fmt: skip
CHANGE_MERCHANT = f"""
update merchant m set {", ".join(f"{name} = d.{name}" for name in CHANGEABLE)}
  from jsonb_populate_record((select m from merchant m where m.merchant_id = $1), $2::jsonb) d
  where m.merchant_id = $1 returning m.merchant_id
"""
ADD_CHANNELS = """
insert into channel (merchant_id, channel_id, key, kind)
  select $1, i, k, k from unnest($2::bigint[], $3::text[]) u(i, k)
"""
ADD_SITE = """
insert into site (site_id, code, name, country, address, latitude, longitude, timezone, cut_off, weekdays, capacity)
  values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10, $11) on conflict (code) do nothing returning site_id
"""
CHANGE_SITE = """
update site set name = $2, country = $3, address = $4::jsonb, latitude = $5, longitude = $6, timezone = $7,
    cut_off = $8, weekdays = $9, capacity = $10 where code = $1 returning site_id
"""
OPEN_SITES = """
insert into site (site_id, code, name, country, address, latitude, longitude, timezone, cut_off, weekdays)
  select site_id, code, name, country, address, latitude, longitude, timezone, cut_off, weekdays
  from jsonb_populate_recordset(null::site, $1::jsonb) on conflict (code) do nothing returning code
"""
ADD_SKUS = """
insert into sku (merchant_id, sku_id, code, barcode, name, weight_g, length_mm, width_mm, height_mm, hs_code, origin,
    customs_text, value_minor, flags, stocked, eccn, export_license, responsible_person)
  select merchant_id, sku_id, code, barcode, name, weight_g, length_mm, width_mm, height_mm, hs_code, origin,
    customs_text, value_minor, flags, stocked, eccn, export_license, responsible_person
    from jsonb_populate_recordset(null::sku, $1::jsonb)
  on conflict (merchant_id, code) do nothing returning code
"""
# Every merchant has these from the first day.
FIRST_CHANNELS = ("api", "file", "console")


class MerchantExists(Refusal):
    """There is a merchant of this key already."""


class UnknownMerchant(Refusal):
    """There is no merchant of this key."""

    status = 404


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
    timezone: str = "UTC"  # whose days its reports count
    customs: dict[str, Any] = field(default_factory=dict)
    reliability: float = 0.9
    shipping: dict[str, Any] = field(default_factory=dict)


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
    capacity: int | None = None


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
    eccn: str = ""
    export_license: str = ""
    responsible_person: str = ""


async def create_merchant(db: Db, new: NewMerchant, by: By = MACHINE) -> int:
    """A merchant with its first channels; refuses MerchantExists, and what it cannot be called, paid in or be."""
    _check_merchant(new.key, new.currency, new.country)
    checks.timezone(new.timezone)
    checks.reliability(new.reliability)
    merchant, *channels = await db.ids.draw(db.pool, 1 + len(FIRST_CHANNELS))
    row = {"merchant_id": merchant} | msgspec.to_builtins(new)
    try:
        async with tenant_tx(db, [merchant]) as tx:
            await tx.run(ADD_ROUTES, ["merchant"], [routed(new.key)], [merchant])
            await tx.run(ADD_MERCHANT, msgspec.json.encode(row).decode())
            await tx.run(ADD_CHANNELS, merchant, channels, list(FIRST_CHANNELS))
            await log.changed(tx, by, "new merchant", new.key)
    except asyncpg.UniqueViolationError:
        raise MerchantExists(key=new.key) from None
    return merchant


def _check_merchant(key: str, currency: str, country: str) -> None:
    checks.merchant_key(key)
    checks.currency(currency)
    if country:  # of a merchant that a file brought nobody has told it yet
        checks.country(country)


async def merchant_of(db: Db, key: str) -> int:
    """The merchant of this key; refuses UnknownMerchant."""
    found = await db.find("merchant", key)
    if found is None:
        raise UnknownMerchant(key=key[:60])
    return found


async def change_merchant(tx: Tx, merchant: int, by: By = MACHINE, **to: Any) -> None:
    """Set what is given, leave the rest; refuses what is no currency, country, time zone, tax number or profile."""
    if "currency" in to:
        checks.currency(to["currency"])
    if "country" in to:
        checks.country(to["country"])
    if "timezone" in to:
        checks.timezone(to["timezone"])
    if "tax_numbers" in to:
        check_tax_numbers(to["tax_numbers"])
    if "customs" in to:
        check_profile(to["customs"])
    if "shipping" in to:
        check_rules(to["shipping"])
    if "reliability" in to:
        checks.reliability(to["reliability"])
    unknown = to.keys() - set(CHANGEABLE)
    if unknown:
        raise TypeError(f"{sorted(unknown)} of a merchant cannot be changed")
    await tx.run(CHANGE_MERCHANT, merchant, msgspec.json.encode(to).decode())
    about = ", ".join(name.replace("_", " ") for name in to)
    await log.changed(tx, by, "merchant", about, merchant)
    if to.keys() & {"tax_numbers", "customs"}:
        await recheck(tx, clock.now())


async def add_site(db: Db, merchant: int, new: NewSite, by: By = MACHINE) -> int:
    """One of the operator's sites; refuses SiteExists, and what is no code, country or timezone."""
    checks.site_code(new.code)
    checks.country(new.country)
    checks.timezone(new.timezone)
    (site,) = await db.ids.draw(db.pool, 1)
    async with tenant_tx(db, [merchant]) as tx:
        address = msgspec.json.encode(new.address).decode()
        place = (new.latitude, new.longitude, new.timezone, new.cut_off, list(new.weekdays), new.capacity)
        added = await tx.value(ADD_SITE, site, new.code, new.name, new.country, address, *place)
        if added is None:
            raise SiteExists(code=new.code)
        await log.changed(tx, by, "new site", new.code)
    return int(added)


async def change_site(db: Db, merchant: int, to: NewSite, by: By = MACHINE) -> None:
    """All of the site of that code is written anew but for its code; refuses NotFound, what is no country or timezone.

    What was promised before keeps its dates.
    """
    checks.country(to.country)
    checks.timezone(to.timezone)
    address = msgspec.json.encode(to.address).decode()
    place = (to.latitude, to.longitude, to.timezone, to.cut_off, list(to.weekdays), to.capacity)
    async with tenant_tx(db, [merchant]) as tx:
        if await tx.value(CHANGE_SITE, to.code, to.name, to.country, address, *place) is None:
            raise NotFound(site=to.code)
        await log.changed(tx, by, "site", to.code)


async def open_sites(db: Db, merchant: int, new: list[NewSite]) -> int:
    """Make the sites that are missing, all at once; what is there stays as it is. Answers how many are new.

    Refuses what is no code or timezone. A country may be missing: of a seller in a file nobody has told it yet.
    """
    for site in new:
        checks.site_code(site.code)
        checks.timezone(site.timezone)
        if site.country:
            checks.country(site.country)
    ids = await db.ids.draw(db.pool, len(new))
    rows = [{"site_id": next(ids), **msgspec.to_builtins(site), "cut_off": site.cut_off.isoformat()} for site in new]
    async with tenant_tx(db, [merchant]) as tx:
        opened = await tx.rows(OPEN_SITES, msgspec.json.encode(rows).decode())
        if opened:
            await log.changed(tx, MACHINE, "new site", ", ".join(row["code"] for row in opened))
    return len(opened)


async def add_skus(db: Db, merchant: int, new: list[NewSku]) -> int:
    """Add SKUs; what is there stays as it is. Answers how many are new; refuses what no SKU can be."""
    for sku in new:
        check_sku(sku)
    ids = await db.ids.draw(db.pool, len(new))
    rows = [{"merchant_id": merchant, "sku_id": next(ids)} | msgspec.to_builtins(sku) for sku in new]
    async with tenant_tx(db, [merchant]) as tx:
        added = await tx.rows(ADD_SKUS, msgspec.json.encode(rows).decode())
        await keep_words(tx, merchant, [sku.code for sku in new])
        if added:
            await log.changed(tx, MACHINE, "new SKU", some([row["code"] for row in added]), merchant)
    return len(added)


def check_sku(sku: NewSku) -> None:
    """Refuses NotACode, NotAnHsCode, NotAnEccn, UnknownCountry, NotAMeasure."""
    checks.word("code", sku.code, 120)
    checks.hs_code(sku.hs_code)
    checks.eccn(sku.eccn)
    if sku.origin:
        checks.country(sku.origin)
    for name in ("weight_g", "length_mm", "width_mm", "height_mm"):
        checks.measure(name, getattr(sku, name))
    checks.measure("value_minor", sku.value_minor, LARGEST_MINOR)
