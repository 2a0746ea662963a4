"""due: the orders behind the numbers: what should have left, what leaves today, what is late, what has waited longest
at a stop, and what arrived with something wrong; each list comes off its index, the most urgent first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from doorstep.doors.reads import cursor
from doorstep.doors.reads.days import Span
from doorstep.kit.ids import public
from doorstep.spine.tenant import Tx

_SHOWN = """
select x.merchant_id, x.order_id, x.ship_by, x.deliver_by, x.stop, x.day, x.late, x.complete, x.undamaged,
    x.papered, o.number, o.country, o.total_minor,
    o.currency, o.placed_at, coalesce(o.buyer ->> 'name', '') as buyer, o.email, m.name as merchant, x.at
  from ({found}) x
  join orders o on o.merchant_id = x.merchant_id and o.order_id = x.order_id
  join merchant m on m.merchant_id = x.merchant_id
  order by x.at, x.order_id
"""
_FOUND = """
select k.* from merchant m
    cross join lateral (select ($2::timestamptz at time zone m.timezone)::date as today) t
    cross join lateral (
      select k.merchant_id, k.order_id, k.ship_by, k.deliver_by, k.stop, k.day, k.late, k.complete,
          k.undamaged, k.papered, {at} as at
        from order_measure k {placed}
        where k.merchant_id = m.merchant_id and {true} and ({since} is null or ({at}, k.order_id) > ({since}, $4))
        order by {by} k.order_id limit $5) k
    where m.merchant_id = any($1) order by k.at, k.order_id limit $5"""
PLACED = "join orders o on o.merchant_id = k.merchant_id and o.order_id = k.order_id"
# name: what it is sorted by, and what is true of its orders.
LISTS = {
    "overdue": ("k.ship_by", "k.ship_by < $2"),
    "due_today": (
        "k.ship_by", "k.ship_by >= $2 and k.ship_by < ((t.today + 1)::timestamp at time zone m.timezone)",
    ),
    "late": ("k.deliver_by", "k.deliver_by < t.today"),
    # The index knows the day alone: of each that is looked at, its orders are sorted by the minute.
    "waiting": (
        "o.placed_at", "k.stop = $6 and k.stop not in ('completed', 'canceled', 'expired')"
        " and ($3::timestamptz is null or k.day >= ($3 at time zone m.timezone)::date)",
    ),
    "imperfect": (
        "k.arrived_on", "k.arrived_on >= $6 and k.arrived_on <= $7 and k.arrived_on is not null"
        " and (k.late or not (k.complete and k.undamaged and k.papered))",
    ),
}  # fmt: skip
BY_THE_MINUTE = ("k.ship_by", "o.placed_at")


async def due(
    tx: Tx, merchants: Sequence[int], of: str, now: datetime, *, stop: str = "", span: Span | None = None,
    at: str = "", limit: int = 50,
) -> tuple[list[dict[str, Any]], str]:  # fmt: skip
    """A page of the list, and the cursor of the next; '' behind the last. What waits is asked for by its stop, what
    arrived imperfect by the days."""
    name, true = LISTS[of]
    kind, given = (datetime, "$3::timestamptz") if name in BY_THE_MINUTE else (date, "$3::date")
    since, order = cursor.read(at, tuple[kind, int]) if at else (None, 0)  # type: ignore[valid-type]
    by, placed = (f"k.day, {name},", PLACED) if of == "waiting" else (f"{name},", "")
    text = _SHOWN.format(found=_FOUND.format(at=name, true=true, since=given, by=by, placed=placed))
    args = [list(merchants), now, since, order, limit + 1, *_asked(of, stop, span)]
    rows = [dict(row) for row in await tx.rows(text, *args)]
    more = len(rows) > limit
    page = [{**row, "order": public("ord", row["order_id"])} for row in rows[:limit]]
    return page, cursor.write(page[-1]["at"], page[-1]["order_id"]) if more else ""


def _asked(of: str, stop: str, span: Span | None) -> list[Any]:
    if of == "waiting":
        return [stop]
    if of == "imperfect":
        assert span, "imperfect orders are those of some days"
        return [span.first, span.last]
    return []
