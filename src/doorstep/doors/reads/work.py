"""work: what somebody must look at: attention, holds, and jobs that were refused or gave up."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.orders import Limit, Word
from doorstep.kit.ids import public
from doorstep.spine.tenant import Tx

ATTENTION = """
select a.attention_id, a.kind, a.order_id, a.parcel_id, a.reason, a.next_action, a.why, a.raised_at, a.resolved_at,
    a.resolved_by
  from attention a
  where a.merchant_id = $1 and ($2 or a.resolved_at is null) and ($3::text is null or a.kind = $3)
    and ($4::bigint is null or a.attention_id < $4)
  order by a.attention_id desc limit $5
"""
JOBS = """
select j.job_id, j.verb, j.body, j.state, j.attempts, j.error, j.due_at, j.created_at from job j
  where j.merchant_id = $1 and j.state = $2 and ($3::text is null or j.verb = $3)
    and ($4::bigint is null or j.job_id < $4)
  order by j.job_id desc limit $5
"""


class AttentionQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Open ones only, unless `resolved` are wanted too."""

    kind: Word | None = None
    resolved: bool = False
    limit: Limit = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class Attention(Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    order: str | None
    parcel: str | None
    reason: str
    next_action: str
    why: dict[str, Any]
    raised_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


class AttentionPage(Struct, frozen=True, kw_only=True):
    attention: list[Attention]
    next: str | None


class JobQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`refused`: a verb said no; `dead`: it failed too often; `due`: it waits for its time."""

    state: Literal["due", "refused", "dead"] = "dead"
    verb: Word | None = None
    limit: Limit = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class JobRow(Struct, frozen=True, kw_only=True):
    id: str
    verb: str
    body: dict[str, Any]
    state: str
    attempts: int
    error: str
    due_at: datetime
    created_at: datetime


class JobPage(Struct, frozen=True, kw_only=True):
    jobs: list[JobRow]
    next: str | None


async def attention(tx: Tx, merchant: int, query: AttentionQuery) -> AttentionPage:
    (before,) = cursor.read(query.cursor, tuple[int]) if query.cursor else (None,)
    rows = await tx.rows(ATTENTION, merchant, query.resolved, query.kind, before, query.limit + 1)
    page = [_attention(row) for row in rows[: query.limit]]
    more = len(rows) > query.limit
    return AttentionPage(attention=page, next=cursor.write(rows[query.limit - 1]["attention_id"]) if more else None)


def _attention(row: Any) -> Attention:
    values = dict(row)
    attention_id, order, parcel = (values.pop(name) for name in ("attention_id", "order_id", "parcel_id"))
    values["why"] = msgspec.json.decode(values["why"])
    return Attention(
        id=public("att", attention_id), order=public("ord", order) if order else None,
        parcel=public("par", parcel) if parcel else None, **values,
    )  # fmt: skip


async def jobs(tx: Tx, merchant: int, query: JobQuery) -> JobPage:
    (before,) = cursor.read(query.cursor, tuple[int]) if query.cursor else (None,)
    rows = await tx.rows(JOBS, merchant, query.state, query.verb, before, query.limit + 1)
    page = []
    for row in rows[: query.limit]:
        values = dict(row)
        values["body"] = msgspec.json.decode(values["body"])
        page.append(JobRow(id=public("job", values.pop("job_id")), **values))
    return JobPage(jobs=page, next=cursor.write(rows[query.limit - 1]["job_id"]) if len(rows) > query.limit else None)
