"""currencies: a report by currency: the merchant's own, the others beside it, nothing converted; and its rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from doorstep.spine.tenant import Tx

CURRENCY = "select m.currency from merchant m where m.merchant_id = $1"


@dataclass(slots=True)
class Tally:
    """Numbers by key and currency, added up from several sources: sums of money are larger than a bigint may be."""

    names: tuple[str, ...]
    found: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            numbers = self.found.setdefault((row["key"] or "", row["currency"]), dict.fromkeys(self.names, 0))
            for name in self.names:
                numbers[name] += int(row.get(name) or 0)

    def of_currency(self, currency: str) -> dict[str, int]:
        return self.found.get(("", currency)) or dict.fromkeys(self.names, 0)


@dataclass(frozen=True, slots=True)
class InCurrencies:
    """`rows`: key, currency, numbers; none unless a `by` was asked for."""

    own: str
    numbers: dict[str, int]
    others: dict[str, dict[str, int]]
    rows: list[tuple[str, str, dict[str, int]]]


async def in_currencies(
    tx: Tx, merchant: int, by: str | None, tally: Callable[[str | None], Awaitable[Tally]]
) -> InCurrencies:
    own = str(await tx.value(CURRENCY, merchant))
    whole = await tally(None)
    others = {other: whole.of_currency(other) for _, other in sorted(whole.found) if other != own}
    split = sorted((await tally(by)).found.items()) if by else []
    rows = [(key, currency, numbers) for (key, currency), numbers in split]
    return InCurrencies(own, whole.of_currency(own), others, rows)
