"""numbering: papers have numbers without a gap, per merchant and series."""

from __future__ import annotations

from dataclasses import dataclass

from doorstep.spine.outcome import Fact, Outcome, Result, Update
from doorstep.spine.tenant import Tx

# The counter is the last thing locked: it serializes a merchant's invoices, which is what "without a gap" means.
OPEN_SERIES = """
insert into series (merchant_id, series) select m, s from unnest($1::bigint[]) m, unnest($2::text[]) s
  order by m, s on conflict do nothing
"""
NEXT_NUMBERS = """
select merchant_id, series, next from series where merchant_id = any($1) and series = any($2)
  order by merchant_id, series for update
"""


@dataclass(slots=True)
class Numbers:
    """The next number per merchant and series; moved as the batch goes."""

    next: dict[tuple[int, str], int]

    def take(self, merchant: int, series: str) -> tuple[int, Fact]:
        taken = self.next[merchant, series]
        self.next[merchant, series] = taken + 1
        return taken, Update("series", {"series": series}, {"next": taken + 1})


async def numbers_of(tx: Tx, *series: str) -> Numbers:
    at = (list(tx.merchants), list(series))
    rows = await tx.rows(NEXT_NUMBERS, *at)
    if len(rows) < len(tx.merchants) * len(series):
        await tx.run(OPEN_SERIES, *at)
        rows = await tx.rows(NEXT_NUMBERS, *at)
    return Numbers({(row["merchant_id"], row["series"]): row["next"] for row in rows})


def only_last_counts(results: list[Result]) -> list[Result]:
    """A batch takes several numbers of one series: only the last taken is written back, a row changes once."""
    last: dict[tuple[int, str], Update] = {}
    for result in results:
        if isinstance(result, Outcome):
            for fact in result.facts:
                if isinstance(fact, Update) and fact.table == "series":
                    last[result.merchant, fact.where["series"]] = fact
    if not last:
        return results
    kept = {id(fact) for fact in last.values()}
    for result in results:
        if isinstance(result, Outcome):
            result.facts = [fact for fact in result.facts if fact.table != "series" or id(fact) in kept]
    return results


def spelled(series: str, taken: int) -> str:
    """As it stands on the paper: INV-000042."""
    return f"{series}-{taken:06d}"
