"""setup: who this merchant is, its channels and ways to ship, and the operator's sites."""

from __future__ import annotations

from datetime import time
from typing import Any

import msgspec
from msgspec import Struct

from doorstep.kit.refusals import NotFound
from doorstep.spine.tenant import Tx

MERCHANT = """
select m.key, m.name, m.is_operator, m.currency, m.country, m.email, m.when_short, m.ship, m.reserve_minutes,
    m.timezone, m.reliability::float8 as reliability
  from merchant m where m.merchant_id = $1
"""
CHANNELS = "select c.key, c.kind, c.name from channel c where c.merchant_id = $1 order by c.key"
METHODS = """
select s.name, s.level, s.carrier, s.days_min, s.days_max
  from shipping_method s where s.merchant_id = $1 order by s.name
"""
# Reference table: the operator's sites are every merchant's to ship from.
SITES = """
select t.code, t.name, t.country, t.address, t.timezone, t.cut_off, t.weekdays, t.capacity from site t order by t.code
"""


class Merchant(Struct, frozen=True, kw_only=True):
    key: str
    name: str
    is_operator: bool
    currency: str
    country: str
    email: str
    when_short: str
    ship: str
    reserve_minutes: int
    timezone: str
    reliability: float


class Channel(Struct, frozen=True, kw_only=True):
    """`name` is what people call it; without one, they read its key."""

    key: str
    kind: str
    name: str


class Channels(Struct, frozen=True, kw_only=True):
    channels: list[Channel]


class Method(Struct, frozen=True, kw_only=True):
    """`carrier` '' = the cheapest that serves the level; days are working days in transit."""

    name: str
    level: str
    carrier: str
    days_min: int
    days_max: int


class Methods(Struct, frozen=True, kw_only=True):
    shipping_methods: list[Method]


class Site(Struct, frozen=True, kw_only=True):
    """`cut_off` and `weekdays` (1 = Monday) are local to `timezone`."""

    code: str
    name: str
    country: str
    address: dict[str, Any]
    timezone: str
    cut_off: time
    weekdays: list[int]
    capacity: int | None


class Sites(Struct, frozen=True, kw_only=True):
    sites: list[Site]


async def merchant(tx: Tx, merchant_id: int) -> Merchant:
    return Merchant(**dict(await tx.row(MERCHANT, merchant_id)))


async def channels(tx: Tx, merchant_id: int) -> Channels:
    return Channels(channels=[Channel(**dict(row)) for row in await tx.rows(CHANNELS, merchant_id)])


async def methods(tx: Tx, merchant_id: int) -> Methods:
    return Methods(shipping_methods=[Method(**dict(row)) for row in await tx.rows(METHODS, merchant_id)])


async def sites(tx: Tx) -> Sites:
    rows = [dict(row) for row in await tx.rows(SITES)]
    return Sites(
        sites=[
            Site(**{**row, "address": msgspec.json.decode(row["address"]), "weekdays": list(row["weekdays"])})
            for row in rows
        ]
    )


WHOLE_MERCHANT = """
select m.key, m.name, m.is_operator, m.currency, m.country, m.address, m.email, m.tax_numbers, m.when_short, m.ship,
    m.reserve_minutes, m.hold_duplicates, m.brand, m.created_at, m.timezone, m.reliability::float8 as reliability,
    m.customs
  from merchant m where m.merchant_id = $1
"""
WHOLE_SITE = """
select t.code, t.name, t.country, t.address, t.latitude, t.longitude, t.timezone, t.cut_off, t.weekdays, t.capacity
  from site t where t.code = $1
"""
MERCHANTS = """
select m.merchant_id, m.key, m.name, m.is_operator, m.currency, m.country, m.when_short, m.ship from merchant m
  where m.merchant_id = any($1) order by m.is_operator desc, m.name, m.merchant_id
"""


async def merchants(tx: Tx) -> list[Any]:
    """All that are seen, the operator first."""
    return await tx.rows(MERCHANTS, list(tx.merchants))


async def whole_merchant(tx: Tx, merchant_id: int) -> dict[str, Any]:
    """All that is kept of it."""
    row = dict(await tx.row(WHOLE_MERCHANT, merchant_id))
    return row | {name: msgspec.json.decode(row[name]) for name in ("address", "tax_numbers", "brand")}


async def whole_site(tx: Tx, code: str) -> dict[str, Any]:
    """Refuses NotFound."""
    row = await tx.row(WHOLE_SITE, code)
    if row is None:
        raise NotFound(site=code)
    return dict(row) | {"address": msgspec.json.decode(row["address"])}
