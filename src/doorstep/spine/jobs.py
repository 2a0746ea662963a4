"""jobs: what comes next, as rows; taken in batches per merchant and verb, fenced, retried, never lost.

At least once: a verb's job ends in the transaction of its outcome, so its effect is there exactly once; an errand may
be called again with the same key, and the outside answers with the first result. A verb's jobs are taken in that same
transaction. Leased, in one of its own, is what has no transaction open while it is done (an errand), and what was not
as simple as that: then the tries are counted, whatever becomes of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from doorstep.spine.tenant import Tx

LEASE = timedelta(seconds=60)
TRIES = 12
LONGEST_WAIT = timedelta(hours=1)

# What may be worked on now; each read below begins at the first of them and looks at no more than it answers, however
# many wait: a verb after the other, an account after the other.
DUE = "j.state = 'due' and j.due_at <= {now} and (j.leased_until is null or j.leased_until < {now})"
WAITING = f"""
with recursive queued (merchant_id, verb) as (
  select m.id, next.verb from unnest($1::bigint[]) m(id) cross join lateral (
    select j.verb from job j where j.merchant_id = m.id and j.state = 'due' order by j.verb limit 1) next
  union all
  select q.merchant_id, next.verb from queued q cross join lateral (
    select j.verb from job j where j.merchant_id = q.merchant_id and j.verb > q.verb and j.state = 'due'
      order by j.verb limit 1) next)
select q.merchant_id, q.verb from queued q cross join lateral (
  select j.due_at from job j where j.merchant_id = q.merchant_id and j.verb = q.verb and {DUE.format(now="$2")}
    order by j.due_at limit 1) first
  order by first.due_at
"""
# Of one errand: whom its jobs are to call.
ACCOUNTS = f"""
with recursive named (account) as (
  (select j.account from job j where j.merchant_id = $1 and j.verb = $2 and j.state = 'due' and j.account is not null
    order by j.account limit 1)
  union all
  select next.account from named n cross join lateral (
    select j.account from job j where j.merchant_id = $1 and j.verb = $2 and j.account > n.account and j.state = 'due'
      order by j.account limit 1) next)
select n.account from named n cross join lateral (
  select j.due_at from job j where j.merchant_id = $1 and j.verb = $2 and j.account = n.account
    and {DUE.format(now="$3")} order by j.due_at limit 1) first
  order by first.due_at
"""
_TAKE = f"""
  select {{what}} from job j where j.merchant_id = $1 and j.verb = $2 and {DUE.format(now="$3")}{{of}}
  order by j.due_at limit $4 for update skip locked"""
TAKE = _TAKE.format(what="j.merchant_id, j.job_id, j.verb, j.body, j.attempts, j.fence", of="")
_CLAIM = f"""
with due as ({_TAKE.format(what="j.job_id", of="{of}")})
update job j set leased_until = $5, fence = j.fence + 1, attempts = j.attempts + 1
  from due where j.merchant_id = $1 and j.job_id = due.job_id
  returning j.merchant_id, j.job_id, j.verb, j.body, j.attempts, j.fence
"""
CLAIM, CLAIM_OF = _CLAIM.format(of=""), _CLAIM.format(of=" and j.account = $6")
DONE = """
delete from job j using unnest($1::bigint[], $2::bigint[], $3::bigint[]) u(m, id, f)
  where j.merchant_id = u.m and j.job_id = u.id and j.fence = u.f
"""
AGAIN = """
update job j set state = case when j.attempts >= $6 then 'dead' else 'due' end, leased_until = null, error = u.e,
    due_at = u.due
  from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[]) u(m, id, f, e, due)
  where j.merchant_id = u.m and j.job_id = u.id and j.fence = u.f
"""
REFUSED = """
insert into job (merchant_id, job_id, verb, body, account, due_at, state, error)
  select m, id, v, b::jsonb, account_of(v, b::jsonb), at, 'refused', e
  from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::text[]) u(m, id, v, b, at, e)
  on conflict do nothing
"""
QUEUE = """
insert into job (merchant_id, job_id, verb, body, account, due_at)
  select m, id, $1::text, b::jsonb, account_of($1::text, b::jsonb), $5
  from unnest($2::bigint[], $3::bigint[], $4::text[]) u(m, id, b)
"""
REPLAY = """
update job set state = 'due', attempts = 0, leased_until = null, due_at = $3
  where merchant_id = $1 and job_id = any($2) and state in ('dead', 'refused') returning job_id
"""
# What is not to be done after all stays as an attention item that somebody resolved; ids are from one sequence.
DROP = """
with gone as (
  delete from job j where j.merchant_id = $1 and j.job_id = any($2) and j.state in ('dead', 'refused')
    returning j.merchant_id, j.job_id, j.verb, j.body, j.error, j.created_at)
insert into attention (merchant_id, attention_id, kind, reason, why, raised_at, resolved_at, resolved_by, resolution)
  select g.merchant_id, g.job_id, 'job:' || g.verb, g.error, g.body, g.created_at, $3, $4, $5 from gone g
  returning attention_id
"""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    merchant: int
    job_id: int
    verb: str
    body: dict[str, Any]
    attempts: int
    fence: int


async def waiting(tx: Tx, now: datetime) -> list[tuple[int, str]]:
    """Merchants and verbs with work due, the longest waiting first."""
    return [(row[0], row[1]) for row in await tx.rows(WAITING, list(tx.merchants), now)]


async def accounts(tx: Tx, merchant: int, verb: str, now: datetime) -> list[str]:
    """Whom the errand's due jobs are to call, the longest waiting first; of one that is called account by account."""
    return [row["account"] for row in await tx.rows(ACCOUNTS, merchant, verb, now)]


async def take(tx: Tx, merchant: int, verb: str, now: datetime, limit: int) -> list[ClaimedJob]:
    """Up to so many jobs, this transaction's until it ends; nobody waits for those of another."""
    return _claimed(await tx.rows(TAKE, merchant, verb, now, limit))


async def claim(
    tx: Tx, merchant: int, verb: str, now: datetime, limit: int, account: str | None = None
) -> list[ClaimedJob]:
    """Lease up to so many jobs, of all accounts or of one; who takes longer than the lease loses them to another."""
    asked = (merchant, verb, now, limit, now + LEASE)
    return _claimed(await (tx.rows(CLAIM, *asked) if account is None else tx.rows(CLAIM_OF, *asked, account)))


def _claimed(rows: Sequence[Any]) -> list[ClaimedJob]:
    return [
        ClaimedJob(
            row["merchant_id"],
            row["job_id"],
            row["verb"],
            msgspec.json.decode(row["body"]),
            row["attempts"],
            row["fence"],
        )
        for row in sorted(rows, key=lambda row: row["job_id"])
    ]


async def done(tx: Tx, jobs: Iterable[ClaimedJob]) -> None:
    given = list(jobs)
    await tx.run(DONE, [j.merchant for j in given], [j.job_id for j in given], [j.fence for j in given])


async def again(tx: Tx, failed: Iterable[tuple[ClaimedJob, str]], now: datetime, tries: int = TRIES) -> None:
    """Try later, backing off; after too many tries the job is dead: seen, and replayed by hand."""
    given = list(failed)
    await tx.run(
        AGAIN,
        [j.merchant for j, _ in given],
        [j.job_id for j, _ in given],
        [j.fence for j, _ in given],
        [error[:2000] for _, error in given],
        [now + backoff(j.attempts) for j, _ in given],
        tries,
    )


async def refused(tx: Tx, jobs: Iterable[tuple[ClaimedJob, str]], now: datetime) -> None:
    """Keep what a verb refused, so that it can be seen and replayed; a refusal is not retried by itself."""
    given = list(jobs)
    await tx.run(
        REFUSED,
        [j.merchant for j, _ in given],
        [j.job_id for j, _ in given],
        [j.verb for j, _ in given],
        [msgspec.json.encode(j.body).decode() for j, _ in given],
        [now for _ in given],
        [reason[:2000] for _, reason in given],
    )


async def queue(tx: Tx, verb: str, bodies: Sequence[tuple[int, dict[str, Any]]], at: datetime) -> None:
    """Ask a verb of many merchants' things without an event that it follows from: what was set up changed."""
    if bodies:
        ids = await tx.fresh_ids(len(bodies))
        merchants, plain = zip(*bodies, strict=True)
        encoded = [msgspec.json.encode(body).decode() for body in plain]
        await tx.run(QUEUE, verb, list(merchants), [next(ids) for _ in merchants], encoded, at)


async def replay(tx: Tx, merchant: int, job_ids: list[int], now: datetime) -> list[int]:
    return [row[0] for row in await tx.rows(REPLAY, merchant, job_ids, now)]


async def drop(tx: Tx, merchant: int, job_ids: list[int], now: datetime, *, by: str, note: str = "") -> list[int]:
    """Give up on refused and dead jobs: they will not be done."""
    return [row[0] for row in await tx.rows(DROP, merchant, job_ids, now, by, note)]


def backoff(attempts: int) -> timedelta:
    """1 s, 2 s, 4 s … an hour at most."""
    return min(timedelta(seconds=2 ** max(0, attempts - 1)), LONGEST_WAIT)
