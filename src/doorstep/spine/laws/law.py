"""law: how a law of the books is written: SQL that finds what breaks it.

A check answers one row per broken thing: `merchant_id`, `what`, `expected`, `found`, and where its event is to be
looked for: a stream (`kind`, `id`, perhaps `line_no`, `fulfillment_order_id`, `account`, `seq`) or stock (`sku_id`,
`site_id`, perhaps `account`, or `place` and `lot`). Replays take all moves apart once and aggregate; nothing is looked
up row by row.

One text serves two audits. The whole audit reads everything of its merchants. The audit of what came in since the last
seal reads the comments too: what stands in `/*touched …*/` narrows a check to the streams, goods and places that were
touched (`narrowed`; spine/sealing.py says which). A check without one is of the whole audit alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from doorstep.spine.feed import PREFIXES
from doorstep.spine.journey import JOURNEY


@dataclass(frozen=True, slots=True)
class Law:
    """`checks` find what breaks it, `counted` says how many things were looked at."""

    name: str
    says: str
    mend: str
    counted: str
    checks: tuple[str, ...]


_NARROWING = re.compile(r"/\*touched (.*?)\*/", re.DOTALL)


def narrowed(check: str) -> str | None:
    """The check of what was touched alone; None where only the whole can be checked."""
    return _NARROWING.sub(r" \1 ", check) if _NARROWING.search(check) else None


def touched(narrowing: str) -> str:
    return f"/*touched {narrowing}*/"


def whole(check: str) -> str:
    return _NARROWING.sub("", check)


def of_orders(row: str = "", column: str = "order_id") -> str:
    return touched(f"and ({row}merchant_id, {row}{column}) in (select merchant_id, order_id from touched_order)")


OF_ORDERS = of_orders()
OF_STREAMS = touched("and (merchant_id, kind, id) in (select merchant_id, kind, id from touched_stream)")
OF_CORRECTIONS = touched(
    "and (merchant_id, correction_id) in (select merchant_id, correction_id from touched_correction)"
)
OF_GOODS = touched("and (merchant_id, sku_id, site_id) in (select merchant_id, sku_id, site_id from touched_goods)")
OF_PLACES = touched(
    "and (merchant_id, sku_id, site_id, place, lot) in"
    " (select merchant_id, sku_id, site_id, place, lot from touched_place)"
)


def differing(expected: str, found: str, keys: str, names: Sequence[str]) -> str:
    """Rows (keys, account, expected, found) where two balances of one thing differ; no row counts as zeros."""
    values = ", ".join(f"('{name}', coalesce(e.{name}, 0), coalesce(f.{name}, 0))" for name in names)
    left, right = (", ".join(f"coalesce({side}.{name}, 0)" for name in names) for side in "ef")
    return f"""
select {keys}, v.account, v.expected, v.found
  from ({expected}) e full join ({found}) f using ({keys})
  cross join lateral (values {values}) v(account, expected, found)
  where ({left}) is distinct from ({right}) and v.expected <> v.found"""


def net(accounts: Iterable[str], amount: str) -> str:
    """Per account: what came minus what went."""
    moved = "sum({amount} * ((target = '{a}')::int - (source = '{a}')::int))::bigint as {a}"
    return ", ".join(moved.format(amount=amount, a=account) for account in accounts)


def sums(names: Iterable[str]) -> str:
    return ", ".join(f"sum({name})::bigint as {name}" for name in names)


def stream_called(row: str = "") -> str:
    """What people call a stream: ord_12."""
    names = " ".join(f"when '{kind}' then '{prefix}'" for kind, prefix in PREFIXES.items())
    return f"case {row}kind {names} else {row}kind end || '_' || {row}id"


def rows_of(*tables: str) -> str:
    counts = " + ".join(f"(select count(*) from {table} where merchant_id = any($1))" for table in tables)
    return f"select {counts}"


def verbs_that_move(kind: str) -> str:
    """Those that may move it: only their events need to be taken apart. A move by another breaks `legal_moves`."""
    return ", ".join(f"'{row.verb}'" for row in JOURNEY if getattr(row, kind))


def kept_of_orders(*columns: str) -> str:
    """Columns of the orders' summaries."""
    return f"select merchant_id, order_id, {', '.join(columns)} from order_now where merchant_id = any($1) {OF_ORDERS}"
