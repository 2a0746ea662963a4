"""catalog: SKUs, their aliases per channel and shipping methods, written one by one by the doors."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import asyncpg
import msgspec

from doorstep.kit import clock
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup import checks, log
from doorstep.setup.connections import must_be_our_carrier
from doorstep.setup.customs.rechecking import recheck
from doorstep.setup.log import MACHINE, By
from doorstep.setup.merchants import NewSku, check_sku
from doorstep.setup.sku_words import keep_words
from doorstep.spine.tenant import Db, Tx, tenant_tx

_SKU_COLUMNS = tuple(NewSku.__dataclass_fields__)
ADD_SKU = f"""
insert into sku (merchant_id, sku_id, {", ".join(_SKU_COLUMNS)})
  select merchant_id, sku_id, {", ".join(_SKU_COLUMNS)} from jsonb_populate_record(null::sku, $1::jsonb)
"""
CODES_ALIKE = """
select s.code from sku s where s.merchant_id = $1 and lower(s.code) = lower($2) and s.code <> $2 order by s.code limit 3
"""
CHANGE_SKU = f"""
update sku s set {", ".join(f"{name} = d.{name}" for name in _SKU_COLUMNS)}
  from jsonb_populate_record(null::sku, $3::jsonb) d where s.merchant_id = $1 and s.sku_id = $2 returning s.sku_id
"""
SKU_OF_CODE = "select sku_id from sku where merchant_id = $1 and code = $2"
CHANNEL_OF_KEY = "select channel_id from channel where merchant_id = $1 and key = $2"
PUT_ALIAS = """
insert into sku_alias (merchant_id, channel_id, alias, sku_id) values ($1, $2, $3, $4)
  on conflict (merchant_id, channel_id, alias) do update set sku_id = excluded.sku_id
"""
REMOVE_ALIAS = """
delete from sku_alias where merchant_id = $1 and channel_id = $2 and alias = $3 returning alias
"""
PUT_METHOD = """
insert into shipping_method (merchant_id, method_id, name, level, carrier, days_min, days_max)
  values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (merchant_id, name) do update set level = excluded.level, carrier = excluded.carrier,
    days_min = excluded.days_min, days_max = excluded.days_max
"""


class SkuExists(Refusal):
    """There is a SKU of this code already."""


async def create_sku(db: Db, merchant: int, new: NewSku, by: By = MACHINE) -> str:
    """Its public id; refuses SkuExists, and what no SKU can be."""
    check_sku(new)
    (sku_id,) = await db.ids.draw(db.pool, 1)
    row = {"merchant_id": merchant, "sku_id": sku_id} | asdict(new)
    try:
        async with tenant_tx(db, [merchant]) as tx:
            await tx.run(ADD_SKU, msgspec.json.encode(row).decode())
            await keep_words(tx, merchant, [new.code])
            await log.changed(tx, by, "new SKU", new.code, merchant)
    except asyncpg.UniqueViolationError:
        raise SkuExists(code=new.code) from None
    return public("sku", sku_id)


async def codes_alike(tx: Tx, merchant: int, code: str) -> list[str]:
    """SKUs that are called the same but for capital letters."""
    return [row["code"] for row in await tx.rows(CODES_ALIKE, merchant, code)]


async def change_sku(db: Db, merchant: int, sku: str, to: NewSku, by: By = MACHINE) -> None:
    """All of it is written anew, and what customs held for it is checked; refuses NotFound, SkuExists, and what no SKU
    can be."""
    check_sku(to)
    sku_id = number("sku", sku)
    try:
        async with tenant_tx(db, [merchant]) as tx:
            found = await tx.value(CHANGE_SKU, merchant, sku_id, msgspec.json.encode(asdict(to)).decode())
            await keep_words(tx, merchant, [to.code])
            await log.changed(tx, by, "SKU", to.code, merchant)
            await recheck(tx, clock.now(), codes=[to.code])
    except asyncpg.UniqueViolationError:
        raise SkuExists(code=to.code) from None
    if found is None:
        raise NotFound(sku=sku)


async def put_alias(tx: Tx, merchant: int, channel: str, alias: str, code: str, by: By = MACHINE) -> None:
    """From now on the channel's word means this SKU; refuses NotFound."""
    channel_id = await _channel(tx, merchant, channel)
    sku_id = await tx.value(SKU_OF_CODE, merchant, code)
    if sku_id is None:
        raise NotFound(sku=code)
    await tx.run(PUT_ALIAS, merchant, channel_id, alias, sku_id)
    await log.changed(tx, by, "alias", f"{channel}: {alias} = {code}", merchant)


async def remove_alias(tx: Tx, merchant: int, channel: str, alias: str, by: By = MACHINE) -> None:
    if await tx.value(REMOVE_ALIAS, merchant, await _channel(tx, merchant, channel), alias) is None:
        raise NotFound(channel=channel, alias=alias)
    await log.changed(tx, by, "no alias", f"{channel}: {alias}", merchant)


async def put_method(
    tx: Tx, merchant: int, name: str, *, level: str, carrier: str, days_min: int, days_max: int, by: By = MACHINE
) -> None:
    """What a channel calls a way to ship, and what it means here; refuses NotOurCarrier, no level, and no days."""
    checks.word("name", name)
    checks.level(level)
    checks.days(days_min, days_max)
    if carrier:
        await must_be_our_carrier(tx, merchant, carrier)
    ids = await tx.fresh_ids(1)
    await tx.run(PUT_METHOD, merchant, next(ids), name, level, carrier, days_min, days_max)
    await log.changed(tx, by, "shipping method", name, merchant)


async def _channel(tx: Tx, merchant: int, key: str) -> Any:
    channel_id = await tx.value(CHANNEL_OF_KEY, merchant, key)
    if channel_id is None:
        raise NotFound(channel=key)
    return channel_id
