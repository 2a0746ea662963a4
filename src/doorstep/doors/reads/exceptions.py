"""exceptions: what somebody must look at, as one list: attention, open holds, and jobs that were refused or gave up.

All three have their ids from one sequence, so that one number says where a page of them ended.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.orders import Limit, Word
from doorstep.kit.ids import number, public
from doorstep.spine.exceptions import HOLD, JOB, next_action
from doorstep.spine.playbooks import playbook
from doorstep.spine.tenant import Tx

SUMMARY = """
select a.kind, count(*) as open from attention a where a.merchant_id = $1 and a.resolved_at is null group by a.kind
union all
select 'hold:' || h.type, count(*) from hold h where h.merchant_id = $1 and h.lifted_at is null group by h.type
union all
select 'job:' || j.verb, count(*) from job j where j.merchant_id = $1 and j.state in ('refused', 'dead') group by j.verb
"""
_ATTENTION = """
select a.attention_id as id, 'att' as prefix, a.kind, a.order_id, a.parcel_id, null::smallint as line, a.reason,
    a.next_action, a.why, a.raised_at as since, null::timestamptz as until, a.resolved_at, a.resolved_by,
    a.resolution as note
  from attention a where a.merchant_id = $1
"""
_HOLDS = """
select h.hold_id as id, 'hld' as prefix, 'hold:' || h.type as kind, h.order_id, null::bigint as parcel_id,
    h.line_no as line, h.reason, '' as next_action, h.why, h.placed_at as since, h.until, h.lifted_at as resolved_at,
    h.lifted_by as resolved_by, '' as note
  from hold h where h.merchant_id = $1
"""
# A job names its order or its parcel in its body; what it failed at is the reason.
_JOB_ORDER = "coalesce(substring(j.body ->> 'order' from '^ord_([0-9]{1,18})$')::bigint, p.order_id)"
_JOB_PARCEL = "substring(j.body ->> 'parcel' from '^par_([0-9]{1,18})$')::bigint"
_JOBS = f"""
select j.job_id as id, 'job' as prefix, 'job:' || j.verb as kind, {_JOB_ORDER} as order_id, p.parcel_id,
    null::smallint as line, j.error as reason, '' as next_action, j.body as why, j.created_at as since,
    null::timestamptz as until, null::timestamptz as resolved_at, null::text as resolved_by, '' as note
  from job j left join parcel p on p.merchant_id = j.merchant_id and p.parcel_id = {_JOB_PARCEL}
  where j.merchant_id = $1 and j.state in ('refused', 'dead')
"""
_PAGE = """
select e.id, e.prefix, e.kind, e.order_id, o.number, e.parcel_id, e.line, e.reason, e.next_action, e.why, e.since,
    e.until, e.resolved_at, e.resolved_by, e.note
  from ({parts}) e left join orders o on o.merchant_id = $1 and o.order_id = e.order_id
  order by e.id desc limit $2
"""


class ExceptionQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Open ones only, unless `resolved` are wanted too. A hold's kind is `hold:` and its type, a job's `job:` and its
    verb."""

    kind: Word | None = None
    order: Annotated[str, Meta(pattern="^ord_[1-9][0-9]{0,17}$")] | None = None
    resolved: bool = False
    limit: Limit = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class StepRow(Struct, frozen=True, kw_only=True):
    """What can be done about it; `verb` does it here, without one it is done elsewhere and then resolved."""

    name: str
    says: str
    verb: str


class ExceptionRow(Struct, frozen=True, kw_only=True):
    """`att_…` is an attention item, `hld_…` a hold, `job_…` a job."""

    id: str
    kind: str
    order: str | None
    number: str | None
    parcel: str | None
    line: int | None
    reason: str
    next_action: str
    playbook: list[StepRow]
    why: dict[str, Any]
    since: datetime
    until: datetime | None
    resolved_at: datetime | None
    resolved_by: str | None
    note: str


class ExceptionPage(Struct, frozen=True, kw_only=True):
    exceptions: list[ExceptionRow]
    next: str | None


async def summary(tx: Tx, merchant: int) -> dict[str, int]:
    """How many are open, by kind; most first."""
    rows = await tx.rows(SUMMARY, merchant)
    return {row["kind"]: row["open"] for row in sorted(rows, key=lambda row: (-row["open"], row["kind"]))}


async def exceptions(tx: Tx, merchant: int, query: ExceptionQuery) -> ExceptionPage:
    """A page, newest first."""
    (before,) = cursor.read(query.cursor, tuple[int]) if query.cursor else (None,)
    args: list[Any] = [merchant, query.limit + 1]
    parts = " union all ".join(f"({part} limit $2)" for part in _parts(query, before, args))
    found = await tx.rows(_PAGE.format(parts=parts), *args)
    page = [_row(row) for row in found[: query.limit]]
    more = len(found) > query.limit
    return ExceptionPage(exceptions=page, next=cursor.write(found[query.limit - 1]["id"]) if more else None)


def _parts(query: ExceptionQuery, before: int | None, args: list[Any]) -> list[str]:
    """The three lists, each cut where the page begins; those that the kind leaves out are left out."""

    def given(condition: str, value: Any) -> str:
        if value is None:
            return ""
        args.append(value)
        return f" and {condition.replace('?', f'${len(args)}')}"

    order = number("ord", query.order) if query.order else None
    kind = query.kind or ""
    parts = []
    # A job that was dropped is an attention item of its kind, resolved.
    if not kind.startswith(HOLD) and (query.resolved or not kind.startswith(JOB)):
        narrow = given("a.kind = ?", query.kind) + given("a.order_id = ?", order) + given("a.attention_id < ?", before)
        still_open = "" if query.resolved else " and a.resolved_at is null"
        parts.append(f"{_ATTENTION}{still_open}{narrow} order by a.attention_id desc")
    if not kind or kind.startswith(HOLD):
        narrow = given("h.type = ?", kind.removeprefix(HOLD) or None)
        narrow += given("h.order_id = ?", order) + given("h.hold_id < ?", before)
        still_open = "" if query.resolved else " and h.lifted_at is null"
        parts.append(f"{_HOLDS}{still_open}{narrow} order by h.hold_id desc")
    if not kind or kind.startswith(JOB):
        narrow = given("j.verb = ?", kind.removeprefix(JOB) or None)
        narrow += given(f"{_JOB_ORDER} = ?", order) + given("j.job_id < ?", before)
        parts.append(f"{_JOBS}{narrow} order by j.job_id desc")
    return parts


def _row(row: Any) -> ExceptionRow:
    values = dict(row)
    number_, prefix, order, parcel = (values.pop(name) for name in ("id", "prefix", "order_id", "parcel_id"))
    values["why"] = msgspec.json.decode(values["why"])
    values["next_action"] = values["next_action"] or next_action(values["kind"])
    steps = playbook(values["kind"], str(values["why"].get("reason", "")))
    values["playbook"] = [StepRow(name=step.name, says=step.says, verb=step.verb) for step in steps]
    return ExceptionRow(
        id=public(prefix, number_), order=public("ord", order) if order else None,
        parcel=public("par", parcel) if parcel else None, **values,
    )  # fmt: skip
