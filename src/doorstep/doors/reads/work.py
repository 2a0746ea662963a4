"""work: jobs: what waits, what was refused, what gave up."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.cursor import Cursor
from doorstep.doors.reads.orders import Limit, Word
from doorstep.kit.ids import public
from doorstep.spine.tenant import Tx

JOBS = """
select j.job_id, j.verb, j.body, j.state, j.attempts, j.error, j.due_at, j.created_at from job j
  where j.merchant_id = $1 and j.state = $2 and ($3::text is null or j.verb = $3)
    and ($4::bigint is null or j.job_id < $4)
  order by j.job_id desc limit $5
"""


class JobQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`refused`: a verb said no; `dead`: it failed too often; `due`: it waits for its time."""

    state: Literal["due", "refused", "dead"] = "dead"
    verb: Word | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


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


async def jobs(tx: Tx, merchant: int, query: JobQuery) -> JobPage:
    (before,) = cursor.read(query.cursor, tuple[int]) if query.cursor else (None,)
    rows = await tx.rows(JOBS, merchant, query.state, query.verb, before, query.limit + 1)
    page = []
    for row in rows[: query.limit]:
        values = dict(row)
        values["body"] = msgspec.json.decode(values["body"])
        page.append(JobRow(id=public("job", values.pop("job_id")), **values))
    return JobPage(jobs=page, next=cursor.write(rows[query.limit - 1]["job_id"]) if len(rows) > query.limit else None)
