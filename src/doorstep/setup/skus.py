"""skus: what a merchant sells, and what customs, scales and scanners must know of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from doorstep.spine.tenant import Tx

BY_CODE = "select merchant_id, code, sku_id from sku where merchant_id = any($1) and code = any($2)"
BY_ID = """
select merchant_id, sku_id, code, barcode, name, weight_g from sku where merchant_id = any($1) and sku_id = any($2)
"""
# Of all that is allocated to these orders.
OF_ORDERS = """
select s.sku_id, s.code, s.barcode, s.name, s.weight_g from allocation a
  join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where a.merchant_id = any($1) and a.order_id = any($2)
"""
BY_SCAN = """
select merchant_id, sku_id, code, barcode, name, weight_g from sku
  where merchant_id = any($1) and (code = any($2) or barcode <> '' and barcode = any($2))
"""


class Sku(NamedTuple):
    """What the floor sees of it. Fields stand in the order of the columns above."""

    sku_id: int
    code: str
    barcode: str
    name: str
    weight_g: int

    def is_scanned(self, word: str) -> bool:
        """A scanner reads the barcode (a UPC with or without the EAN's leading zero) or the code."""
        scanned = word.strip()
        return scanned == self.code or (self.barcode != "" and _bare(scanned) == _bare(self.barcode))


def _bare(barcode: str) -> str:
    return barcode.lstrip("0") if barcode.isdigit() else barcode


async def skus_by_code(tx: Tx, codes: Iterable[str]) -> dict[tuple[int, str], int]:
    rows = await tx.rows(BY_CODE, list(tx.merchants), list(set(codes)))
    return {(row["merchant_id"], row["code"]): row["sku_id"] for row in rows}


async def skus_by_id(tx: Tx, ids: Iterable[int]) -> dict[int, Sku]:
    rows = await tx.rows(BY_ID, list(tx.merchants), list(set(ids)))
    return {row["sku_id"]: _sku(row) for row in rows}


async def skus_by_scan(tx: Tx, words: Iterable[str]) -> dict[tuple[int, str], Sku]:
    """What a scanned word is of a merchant's: looked up by barcode and by code."""
    scanned = {word.strip() for word in words}
    rows = await tx.rows(BY_SCAN, list(tx.merchants), list(scanned)) if scanned else []
    return {
        (row["merchant_id"], word): _sku(row)
        for row in rows
        for word in (row["barcode"], row["code"])
        if word in scanned
    }


def _sku(row: Any) -> Sku:
    return Sku(row["sku_id"], row["code"], row["barcode"], row["name"], row["weight_g"])
