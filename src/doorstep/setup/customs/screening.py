"""screening: is a buyer whom a list of denied parties names? Likely ones are told, with how alike they are.

A list is never sure: a person says whether it is the same, once for a name and a party; until then the order waits,
where everybody can see it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from doorstep.setup.customs.names import ALIKE_FROM, compared, likeness, searches_for
from doorstep.spine.tenant import Tx

# Reference tables.
NEWEST = """
select l.list_id, l.as_of from rule_list l
  where l.kind = 'denied-parties' and l.as_of <= $1 order by l.as_of desc limit 1
"""
CANDIDATES = """
select distinct q.name, r.key, r.data from unnest($2::text[], $3::text[], $4::text[]) q(name, one, other)
  join rule_row r on r.list_id = $1 and r.words <> '{}'
    and r.words && string_to_array(q.one, ' ') and r.words && string_to_array(q.other, ' ')
"""
REVIEWS = """
select distinct on (r.merchant_id, r.name, r.party) r.merchant_id, r.name, r.party, r.verdict, r.reviewed_by,
    r.reviewed_at
  from party_review r where r.merchant_id = any($1) and r.name = any($2)
  order by r.merchant_id, r.name, r.party, r.review_id desc
"""


@dataclass(frozen=True, slots=True)
class Match:
    """`name` as the order has it, `listed` as the list has it; `said`: what a person said of the two."""

    name: str
    party: str
    listed: str
    score: float
    list: str
    program: str
    country: str
    said: str = ""
    said_by: str = ""

    def told(self) -> dict[str, Any]:
        plain = {"name": self.name, "party": self.party, "listed": self.listed, "score": self.score}
        more = {"list": self.list, "program": self.program, "country": self.country, "said": self.said,
                "said_by": self.said_by}  # fmt: skip
        return plain | {key: value for key, value in more.items() if value}


@dataclass(frozen=True, slots=True)
class Screened:
    """What a merchant's names are like; nothing where no list is loaded."""

    as_of: date | None = None
    found: Mapping[tuple[int, str], tuple[Match, ...]] = field(default_factory=dict)

    def of(self, merchant: int, names: Iterable[str]) -> list[Match]:
        """Those that nobody said are others."""
        if not self.found:
            return []
        given = dict.fromkeys(compared(name) for name in names if name)
        return [match for name in given for match in self.found.get((merchant, name), ()) if match.said != "no_match"]


async def screened(tx: Tx, names: Iterable[str], on: date) -> Screened:
    """Compare all these names at once with the list in force."""
    newest = await tx.row(NEWEST, on)
    if newest is None:
        return Screened()
    written = {compared(name): name for name in names if compared(name)}
    asked = [(name, " ".join(one), " ".join(other)) for name in written for one, other in searches_for(name)]
    matches: dict[str, list[Match]] = defaultdict(list)
    for row in await tx.rows(CANDIDATES, newest["list_id"], *map(list, zip(*asked, strict=True))) if asked else ():
        data = msgspec.json.decode(row["data"])
        score, listed = likeness(row["name"], data["names"])
        if score >= ALIKE_FROM:
            matches[row["name"]].append(
                Match(written[row["name"]], row["key"], listed, score, data["list"], data["program"], data["country"])
            )
    return Screened(newest["as_of"], await _reviewed(tx, matches) if matches else {})


async def _reviewed(tx: Tx, matches: Mapping[str, list[Match]]) -> dict[tuple[int, str], tuple[Match, ...]]:
    rows = await tx.rows(REVIEWS, list(tx.merchants), list(matches))
    said = {(row["merchant_id"], row["name"], row["party"]): row for row in rows}
    return {
        (merchant, name): tuple(
            _with(match, said.get((merchant, name, match.party)))
            for match in sorted(found, key=lambda one: (-one.score, one.party))
        )
        for merchant in tx.merchants
        for name, found in matches.items()
    }


def _with(match: Match, review: Any) -> Match:
    if review is None:
        return match
    by = f"{review['reviewed_by']}, {review['reviewed_at']:%Y-%m-%d}"
    return Match(match.name, match.party, match.listed, match.score, match.list, match.program, match.country,
                 review["verdict"], by)  # fmt: skip
