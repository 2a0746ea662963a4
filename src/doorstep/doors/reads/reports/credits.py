"""credits: what was credited, by reason, SKU or period: how much of it is linked to the sales that it is about.

A line is linked when some of its units are; at another price when one of its sales was sold at another. Units are
counted as they came back, amounts below zero as they were given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from doorstep.doors.reads.reports.asking import ByReason, ReportQuery, asked, whole
from doorstep.doors.reads.reports.credit_lines import COLUMNS, CREDIT_LINES
from doorstep.doors.reads.reports.currencies import Tally, in_currencies
from doorstep.spine.tenant import Tx

CREDITED = f"""
select {{key}} as key, k.currency, sum(k.lines)::bigint as lines, sum(k.linked)::bigint as linked,
    sum(k.at_another_price)::bigint as at_another_price, sum(k.units)::bigint as units,
    sum(k.units_linked)::bigint as units_linked, sum(k.amount_minor) as amount_minor,
    sum(k.amount_minor) filter (where k.linked > 0) as linked_minor
  from ({CREDIT_LINES}) k join channel c on c.merchant_id = $1 and c.channel_id = k.channel_id
  where k.kind = 'credit'{{where}} group by 1, 2
"""
NAMES = ("lines", "linked", "at_another_price", "units", "units_linked", "amount_minor", "linked_minor")


class CreditsQuery(ReportQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    by: ByReason | None = None


class Credits(Struct, frozen=True, kw_only=True):
    """Of one currency; `linked_minor` is the amount of the lines that are linked."""

    lines: int
    linked: int
    not_linked: int
    at_another_price: int
    units: int
    units_linked: int
    amount_minor: int
    linked_minor: int


class CreditsRow(Credits, frozen=True, kw_only=True):
    key: str
    currency: str


class CreditsReport(Credits, frozen=True, kw_only=True, omit_defaults=True):
    """In the merchant's currency, the others beside it; `rows` are there when a `by` was asked for."""

    currency: str
    by_currency: dict[str, Credits] | None = None
    rows: list[CreditsRow] | None = None


async def report_credits(tx: Tx, merchant: int, query: CreditsQuery) -> CreditsReport:
    told = await in_currencies(tx, merchant, query.by, lambda by: _tally(tx, merchant, query, by))
    others = {other: Credits(**_with_rest(numbers)) for other, numbers in told.others.items()}
    rows = [CreditsRow(key=key, currency=currency, **_with_rest(numbers)) for key, currency, numbers in told.rows]
    return CreditsReport(
        currency=told.own, **_with_rest(told.numbers), by_currency=others or None, rows=rows if query.by else None
    )


async def _tally(tx: Tx, merchant: int, query: CreditsQuery, by: str | None) -> Tally:
    tally = Tally(NAMES)
    lines = asked(COLUMNS, merchant, query, by)
    tally.add(map(dict, await whole(tx, CREDITED.format(key=lines.key, where=lines.where), *lines.args)))
    return tally


def _with_rest(numbers: Mapping[str, int]) -> dict[str, Any]:
    return {**numbers, "not_linked": numbers["lines"] - numbers["linked"]}
