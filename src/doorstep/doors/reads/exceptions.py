"""exceptions: what somebody must look at, as one list: attention, open holds, and jobs that were refused or gave up.

All three have their ids from one sequence, so that one number says where a page of them ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.cursor import Cursor
from doorstep.doors.reads.orders import Limit, Word
from doorstep.kit import clock
from doorstep.kit.ids import number, public
from doorstep.spine.exceptions import HOLD, JOB, next_action
from doorstep.spine.playbooks import playbook
from doorstep.spine.tenant import Tx

# How many are open is counted up to a bound where it is shown, whatever lies behind.
COUNTED = 1_000
# Each table, the column of its kinds, that of its ids, what is open in it; an index has these in the order of both.
_OPEN = (
    ("attention", "kind", "attention_id", "a.resolved_at is null", ""),
    ("hold", "type", "hold_id", "a.lifted_at is null", HOLD),
    ("job", "verb", "job_id", "a.state in ('refused', 'dead')", JOB),
)
# From kind to kind over the index, then of each as many as are wanted. They are asked for in its order: in none, the
# database reads a table whose rows are mostly open from its beginning, past all that lies before the first of a kind.
_OF_KINDS = """
select '{prefix}' || k.kind as kind, (select count(*) from (
    select from unnest($1::bigint[]) m(merchant_id) cross join lateral (
      select from {table} a where a.merchant_id = m.merchant_id and a.{kind} = k.kind and {is_open}
        order by a.{id} limit $2) of_one limit $2) x) as open
  from (select distinct s.kind from unnest($1::bigint[]) m(merchant_id) cross join lateral (
    with recursive stepped as (
      (select a.{kind} as kind from {table} a where a.merchant_id = m.merchant_id and {is_open}
        order by a.{kind} limit 1)
      union all
      select (select a.{kind} from {table} a where a.merchant_id = m.merchant_id and {is_open} and a.{kind} > p.kind
          order by a.{kind} limit 1)
        from stepped p where p.kind is not null)
    select p.kind from stepped p where p.kind is not null) s) k
"""
SUMMARY = " union all ".join(
    _OF_KINDS.format(table=table, kind=kind, id=id, is_open=is_open, prefix=prefix)
    for table, kind, id, is_open, prefix in _OPEN
)
HOW_MANY = "select " + " + ".join(
    f"""(select count(*) from (
    select from unnest($1::bigint[]) m(merchant_id) cross join lateral (
      select from {table} a where a.merchant_id = m.merchant_id and {is_open}
        order by a.{kind}, a.{id} limit {COUNTED + 1}) of_one limit {COUNTED + 1}) x)"""
    for table, kind, id, is_open, _prefix in _OPEN
)
# The newest of each merchant; `narrow` begins with `and`.
_OF_EACH = """(
select x.* from unnest($1::bigint[]) m(merchant_id) cross join lateral ({newest}) x order by x.id desc limit $2)"""
_ATTENTION = """
select a.merchant_id, a.attention_id as id, 'att' as prefix, a.kind, a.order_id, a.parcel_id, null::smallint as line,
    a.reason, a.next_action, a.why, a.raised_at as since, null::timestamptz as until, a.resolved_at, a.resolved_by,
    a.resolution as note
  from attention a where a.merchant_id = m.merchant_id{narrow} order by a.attention_id desc limit $2
"""
_HOLDS = """
select h.merchant_id, h.hold_id as id, 'hld' as prefix, 'hold:' || h.type as kind, h.order_id,
    null::bigint as parcel_id, h.line_no as line, h.reason, '' as next_action, h.why, h.placed_at as since, h.until,
    h.lifted_at as resolved_at, h.lifted_by as resolved_by, '' as note
  from hold h where h.merchant_id = m.merchant_id{narrow} order by h.hold_id desc limit $2
"""
# A job names its order or its parcel in its body; what it failed at is the reason.
_JOB_ORDER = "coalesce(substring(j.body ->> 'order' from '^ord_([0-9]{1,18})$')::bigint, p.order_id)"
_JOB_PARCEL = "substring(j.body ->> 'parcel' from '^par_([0-9]{1,18})$')::bigint"
_JOBS = f"""
select j.merchant_id, j.job_id as id, 'job' as prefix, 'job:' || j.verb as kind, {_JOB_ORDER} as order_id,
    p.parcel_id, null::smallint as line, j.error as reason, '' as next_action, j.body as why, j.created_at as since,
    null::timestamptz as until, null::timestamptz as resolved_at, null::text as resolved_by, '' as note
  from job j left join parcel p on p.merchant_id = j.merchant_id and p.parcel_id = {_JOB_PARCEL}
  where j.merchant_id = m.merchant_id and j.state in ('refused', 'dead'){{narrow}} order by j.job_id desc limit $2
"""
_PAGE = """
select e.id, e.prefix, e.kind, e.order_id, o.number, e.parcel_id, e.line, e.reason, e.next_action, e.why, e.since,
    e.until, e.resolved_at, e.resolved_by, e.note, nullif(c.assigned_to, '') as assigned_to, c.snoozed_until{more}
  from ({parts}) e left join orders o on o.merchant_id = e.merchant_id and o.order_id = e.order_id
  left join exception_care c on c.merchant_id = e.merchant_id and c.exception_id = e.id
  order by e.id desc limit $2
"""
_CARE = "exists (select from exception_care c where c.merchant_id = {row}.merchant_id and c.exception_id = {row}.{id}"


class ExceptionQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Open ones only, unless `resolved` are wanted too. A hold's kind is `hold:` and its type, a job's `job:` and its
    verb. `assigned_to` is a person's e-mail address; with `snoozed` false, what is put aside for now is left out."""

    kind: Word | None = None
    assigned_to: Word | None = None
    snoozed: bool = True
    order: Annotated[str, Meta(pattern="^ord_[1-9][0-9]{0,17}$")] | None = None
    resolved: bool = False
    limit: Limit = 50
    cursor: Cursor | None = None


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
    assigned_to: str | None
    snoozed_until: datetime | None


class ExceptionPage(Struct, frozen=True, kw_only=True):
    exceptions: list[ExceptionRow]
    next: str | None


async def summary(tx: Tx, *merchants: int, up_to: int | None = None) -> dict[str, int]:
    """How many are open, by kind; most first. With `up_to`, no kind is counted further."""
    rows = await tx.rows(SUMMARY, list(merchants), up_to)
    return {row["kind"]: row["open"] for row in sorted(rows, key=lambda row: (-row["open"], row["kind"]))}


async def how_many(tx: Tx, merchants: Sequence[int]) -> int:
    """Open ones of these merchants; more than COUNTED means at least so many."""
    return int(await tx.value(HOW_MANY, list(merchants)))


async def exceptions(tx: Tx, merchant: int, query: ExceptionQuery) -> ExceptionPage:
    """A page, newest first."""
    found, next_ = await found_of(tx, [merchant], query)
    return ExceptionPage(exceptions=[_row(row) for row in found], next=next_)


async def found_of(
    tx: Tx, merchants: Sequence[int], query: ExceptionQuery, more: str = ""
) -> tuple[list[dict[str, Any]], str | None]:
    """The rows of a page over these merchants, and the cursor of the next; `more` are columns beside."""
    (before,) = cursor.read(query.cursor, tuple[int]) if query.cursor else (None,)
    args: list[Any] = [list(merchants), query.limit + 1]
    parts = " union all ".join(_OF_EACH.replace("{newest}", part) for part in _parts(query, before, args))
    found = [dict(row) for row in await tx.rows(_PAGE.replace("{parts}", parts).replace("{more}", more), *args)]
    has_more = len(found) > query.limit
    return found[: query.limit], cursor.write(found[query.limit - 1]["id"]) if has_more else None


def _parts(query: ExceptionQuery, before: int | None, args: list[Any]) -> list[str]:
    """The three lists, each cut where the page begins; those that the kind leaves out are left out."""

    def given(condition: str, value: Any) -> str:
        if value is None:
            return ""
        args.append(value)
        return f" and {condition.replace('?', f'${len(args)}')}"

    def cared(row: str, id: str) -> str:
        care = _CARE.format(row=row, id=id)
        awake = "" if query.snoozed else given(f"not {care} and c.snoozed_until > ?)", clock.now())
        return given(f"{care} and c.assigned_to = ?)", query.assigned_to) + awake

    order = number("ord", query.order) if query.order else None
    kind = query.kind or ""
    parts = []
    # A job that was dropped is an attention item of its kind, resolved.
    if not kind.startswith(HOLD) and (query.resolved or not kind.startswith(JOB)):
        narrow = given("a.kind = ?", query.kind) + given("a.order_id = ?", order) + given("a.attention_id < ?", before)
        still_open = "" if query.resolved else " and a.resolved_at is null"
        parts.append(_ATTENTION.format(narrow=still_open + narrow + cared("a", "attention_id")))
    if not kind or kind.startswith(HOLD):
        narrow = given("h.type = ?", kind.removeprefix(HOLD) or None)
        narrow += given("h.order_id = ?", order) + given("h.hold_id < ?", before)
        still_open = "" if query.resolved else " and h.lifted_at is null"
        parts.append(_HOLDS.format(narrow=still_open + narrow + cared("h", "hold_id")))
    if not kind or kind.startswith(JOB):
        narrow = given("j.verb = ?", kind.removeprefix(JOB) or None)
        narrow += given(f"{_JOB_ORDER} = ?", order) + given("j.job_id < ?", before)
        parts.append(_JOBS.replace("{narrow}", narrow + cared("j", "job_id")))
    return parts


def _row(row: dict[str, Any]) -> ExceptionRow:
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
