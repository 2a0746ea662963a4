"""reading: what the rules of customs need to know of goods and merchants, read for many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from doorstep.setup.customs import EU
from doorstep.setup.customs.profile import Profile, profile_of
from doorstep.setup.customs.readiness import COLUMNS, Goods, goods_of
from doorstep.spine.tenant import Tx

GOODS = f"select {', '.join(COLUMNS)} from sku where merchant_id = any($1) and sku_id = any($2)"
_TRADER = ("merchant_id", "name", "currency", "country", "tax_numbers", "customs")
TRADERS = f"select {', '.join(_TRADER)} from merchant where merchant_id = any($1)"


@dataclass(frozen=True, slots=True)
class Trader:
    """A merchant at the border."""

    profile: Profile = field(default_factory=Profile)
    numbers: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    country: str = ""

    def takes_tax_in(self, country: str) -> bool:
        """With its number of the country's own scheme: IOSS in the Union, elsewhere one named as the country (gb)."""
        return bool(self.numbers.get("ioss" if country in EU else country.lower()))


async def goods_by_id(tx: Tx, skus: Iterable[int]) -> dict[int, Goods]:
    rows = await tx.rows(GOODS, list(tx.merchants), list(set(skus)))
    return {row["sku_id"]: goods_of(row) for row in rows}


async def traders(tx: Tx) -> dict[int, Trader]:
    return traders_of(await tx.rows(TRADERS, list(tx.merchants)))


def traders_of(rows: Iterable[Sequence[Any]]) -> dict[int, Trader]:
    """Of the rows that TRADERS answers."""
    return {row[0]: trader_of(dict(zip(_TRADER, row, strict=True))) for row in rows}


def trader_of(row: Any) -> Trader:
    """Of a merchant's row with these columns."""
    numbers = {name: str(number) for name, number in msgspec.json.decode(row["tax_numbers"]).items() if number}
    return Trader(profile_of(row["customs"]), numbers, row["currency"], row["country"])
