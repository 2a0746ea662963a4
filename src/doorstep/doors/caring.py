"""caring: who looks after an exception, until when it is put aside, and what people say about it.

None of it changes an order: the exception stays open until it is resolved (doors/resolving.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from doorstep.doors.resolving import PREFIXES
from doorstep.kit.ids import NotAnId, number
from doorstep.kit.refusals import NotFound
from doorstep.spine.outcome import Actor
from doorstep.spine.tenant import Tx

LONGEST_COMMENT = 2_000

# Whose they are; all three have their ids from one sequence.
WHOSE = """
select a.merchant_id, 'att' as prefix, a.attention_id as id from attention a
  where a.merchant_id = any($1) and a.attention_id = any($2)
union all
select h.merchant_id, 'hld', h.hold_id from hold h where h.merchant_id = any($1) and h.hold_id = any($2)
union all
select j.merchant_id, 'job', j.job_id from job j where j.merchant_id = any($1) and j.job_id = any($2)
"""
_KEEP = """
insert into exception_care as c (merchant_id, exception_id, {column}, changed_by, changed_at)
  select u.merchant_id, u.id, $3, $4, $5 from unnest($1::bigint[], $2::bigint[]) u(merchant_id, id)
  on conflict (merchant_id, exception_id) do update
    set {column} = excluded.{column}, changed_by = excluded.changed_by, changed_at = excluded.changed_at
"""
ASSIGN = _KEEP.replace("{column}", "assigned_to")
SNOOZE = _KEEP.replace("{column}", "snoozed_until")
COMMENT = """
insert into exception_comment (merchant_id, exception_id, comment_id, said_by, said_at, text)
  select u.merchant_id, u.id, u.comment_id, $4, $5, $6
    from unnest($1::bigint[], $2::bigint[], $3::bigint[]) u(merchant_id, id, comment_id)
"""
COMMENTS = """
select c.exception_id, c.said_by, c.said_at, c.text from exception_comment c
  where c.merchant_id = any($1) and c.exception_id = any($2) order by c.comment_id
"""


async def whose(tx: Tx, ids: Sequence[str]) -> dict[int, list[str]]:
    """The exceptions by merchant; refuses NotFound, for those of a merchant that is not seen too."""
    numbers = {_number(word): word for word in ids}
    found: dict[int, list[str]] = defaultdict(list)
    for row in await tx.rows(WHOSE, list(tx.merchants), list(numbers)):
        if numbers[row["id"]].startswith(row["prefix"]):
            found[row["merchant_id"]].append(numbers[row["id"]])
    missing = set(ids) - {word for words in found.values() for word in words}
    if missing:
        raise NotFound(exceptions=", ".join(sorted(missing)))
    return found


async def assign(tx: Tx, ids: Sequence[str], to: str, by: Actor, at: datetime) -> None:
    """Somebody looks after them; '' is nobody."""
    await tx.run(ASSIGN, *await _keys(tx, ids), to, by.name, at)


async def snooze(tx: Tx, ids: Sequence[str], until: datetime | None, by: Actor, at: datetime) -> None:
    """They are out of the way until then; None brings them back."""
    await tx.run(SNOOZE, *await _keys(tx, ids), until, by.name, at)


async def comment(tx: Tx, ids: Sequence[str], text: str, by: Actor, at: datetime) -> None:
    merchants, numbers = await _keys(tx, ids)
    drawn = await tx.fresh_ids(len(numbers))
    await tx.run(COMMENT, merchants, numbers, [next(drawn) for _ in numbers], by.name, at, text)


async def comments(tx: Tx, numbers: Sequence[int]) -> dict[int, list[Any]]:
    """What was said of each, oldest first."""
    found: dict[int, list[Any]] = defaultdict(list)
    for row in await tx.rows(COMMENTS, list(tx.merchants), list(numbers)):
        found[row["exception_id"]].append(row)
    return found


async def _keys(tx: Tx, ids: Sequence[str]) -> tuple[list[int], list[int]]:
    pairs = [(merchant, _number(word)) for merchant, words in (await whose(tx, ids)).items() for word in words]
    return [merchant for merchant, _ in pairs], [number_ for _, number_ in pairs]


def _number(word: str) -> int:
    prefix = word.partition("_")[0]
    if prefix not in PREFIXES:
        raise NotAnId(id=word[:60], expected="att_…, hld_… or job_…")
    return number(prefix, word)
