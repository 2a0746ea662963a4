"""eyes: what the people of the demo see of all merchants, and the dice that make them act alike in every play."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from doorstep.spine.tenant import Db, tenant_tx

MERCHANTS = """
select merchant_id as merchant, key, name, currency from merchant
  where merchant_id = any($1) and not is_operator order by merchant_id
"""
OPERATOR = "select m.merchant_id from merchant m where m.merchant_id = any($1) and m.is_operator"
SITES = "select code, country, timezone, weekdays from site order by code"


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant of the demo."""

    merchant: int
    key: str
    name: str
    currency: str


@dataclass(frozen=True, slots=True)
class Eyes:
    """Reads only; whatever changes is asked for at a desk."""

    db: Db
    shops: dict[int, Shop]
    sites: dict[str, dict[str, Any]]
    operator: int  # whose sites and loads they are

    @property
    def merchants(self) -> list[int]:
        return list(self.shops)

    @property
    def everyone(self) -> list[int]:
        return [*self.shops, self.operator]

    async def rows(self, query: str, *args: Any) -> list[dict[str, Any]]:
        """Of all shops and of the operator, who are `$1`."""
        async with tenant_tx(self.db, self.everyone, readonly=True) as tx:
            return [dict(row) for row in await tx.rows(query, self.everyone, *args)]

    def lot(self, merchant: int, word: object, about: str) -> int:
        """0 to 99, the same in every play: which order has which luck, by its number and not by its id."""
        drawn = blake2b(f"{about}|{self.shops[merchant].key}|{word}".encode(), digest_size=8).digest()
        return int.from_bytes(drawn) % 100


async def opened(db: Db) -> Eyes:
    everyone = await db.everyone()
    async with tenant_tx(db, everyone, readonly=True) as tx:
        rows = await tx.rows(MERCHANTS, everyone)
        sites = {row["code"]: dict(row) for row in await tx.rows(SITES)}
        operator = int(await tx.value(OPERATOR, everyone))
    return Eyes(db, {row["merchant"]: Shop(**dict(row)) for row in rows}, sites, operator)
