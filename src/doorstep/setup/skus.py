"""skus: what a merchant sells, and what customs, scales and scanners must know of it."""

from __future__ import annotations

from collections.abc import Iterable

from doorstep.spine.tenant import Tx

BY_CODE = "select merchant_id, code, sku_id from sku where merchant_id = any($1) and code = any($2)"


async def skus_by_code(tx: Tx, codes: Iterable[str]) -> dict[tuple[int, str], int]:
    rows = await tx.rows(BY_CODE, list(tx.merchants), list(set(codes)))
    return {(row["merchant_id"], row["code"]): row["sku_id"] for row in rows}
