"""many_skus: a file's worth of SKUs set at once: new ones are added, what the file says of known ones is taken over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from doorstep.kit import clock
from doorstep.setup import log
from doorstep.setup.customs.rechecking import recheck
from doorstep.setup.log import MACHINE, By
from doorstep.setup.merchants import NewSku, check_sku
from doorstep.setup.sku_words import keep_words
from doorstep.spine.tenant import Db, tenant_tx

# What a file can leave out: then what is known stays.
_TEXTS = ("barcode", "name", "hs_code", "origin", "customs_text", "eccn", "export_license", "responsible_person")
_NUMBERS = ("weight_g", "length_mm", "width_mm", "height_mm", "value_minor")
_KEPT = [f"coalesce(nullif(excluded.{name}, ''), s.{name})" for name in _TEXTS]
_KEPT += [f"coalesce(nullif(excluded.{name}, 0), s.{name})" for name in _NUMBERS]
_KEPT += ["case when cardinality(excluded.flags) > 0 then excluded.flags else s.flags end", "excluded.stocked"]
_COLUMNS = (*_TEXTS, *_NUMBERS, "flags", "stocked")
PUT_SKUS = f"""
insert into sku as s (merchant_id, sku_id, code, {", ".join(_COLUMNS)})
  select merchant_id, sku_id, code, {", ".join(_COLUMNS)} from jsonb_populate_recordset(null::sku, $1::jsonb)
    order by code
  on conflict (merchant_id, code) do update set
    {", ".join(f"{name} = {kept}" for name, kept in zip(_COLUMNS, _KEPT, strict=True))}
  where ({", ".join(f"s.{name}" for name in _COLUMNS)}) is distinct from ({", ".join(_KEPT)})
  returning s.code, (s.xmax = 0) as is_new
"""


@dataclass(frozen=True, slots=True)
class Put:
    added: int
    changed: int
    unchanged: int


async def put_skus(db: Db, merchant: int, skus: Sequence[NewSku], by: By = MACHINE) -> Put:
    """Of a code that comes twice the later one counts. Refuses what no SKU can be."""
    by_code = {sku.code: sku for sku in skus}
    for sku in by_code.values():
        check_sku(sku)
    ids = await db.ids.draw(db.pool, len(by_code))
    rows = [{"merchant_id": merchant, "sku_id": next(ids)} | msgspec.to_builtins(sku) for sku in by_code.values()]
    async with tenant_tx(db, [merchant]) as tx:
        came = await tx.rows(PUT_SKUS, msgspec.json.encode(rows).decode())
        added = [row["code"] for row in came if row["is_new"]]
        changed = [row["code"] for row in came if not row["is_new"]]
        for setting, codes in (("new SKU", added), ("SKU", changed)):
            if codes:
                await log.changed(tx, by, setting, log.some(codes), merchant)
        await keep_words(tx, merchant, by_code)
        await recheck(tx, clock.now(), codes=list(by_code))
    return Put(len(added), len(changed), len(rows) - len(came))
