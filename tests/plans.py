"""plans: what a query reads, by its own account: rows, not time."""

from __future__ import annotations

from typing import Any

import msgspec

from doorstep.spine.tenant import Tx


async def rows_read(tx: Tx, query: str, *args: Any) -> int:
    """How many rows its scans of tables and indexes touched, all of them together."""
    told = await tx.value(f"explain (analyze, format json) {query}", *args)
    return _read(msgspec.json.decode(told)[0]["Plan"])


def _read(plan: dict[str, Any]) -> int:
    below = sum(_read(one) for one in plan.get("Plans", ()))
    if "Relation Name" not in plan and plan["Node Type"] != "Bitmap Index Scan":
        return below
    removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return below + round((plan["Actual Rows"] + removed) * plan["Actual Loops"])
