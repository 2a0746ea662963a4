"""tries: how often somebody may try to get in, counted before it is known whether they are right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from math import ceil

from doorstep.kit.refusals import Refusal
from doorstep.spine.tenant import Db

# In the order of the keys, so that two who try at once never wait for each other in a circle.
COUNT = """
insert into attempt as a (subject, tries, ends_at)
  select subject, 1, ends_at from unnest($1::bytea[], $2::timestamptz[]) as s (subject, ends_at) order by subject
  on conflict (subject) do update set
    tries = case when a.ends_at <= $3 then 1 else least(a.tries + 1, 1000000) end,
    ends_at = case when a.ends_at <= $3 then excluded.ends_at else a.ends_at end
  returning subject, tries, ends_at
"""
FORGIVE = "delete from attempt where subject = $1"
FORGET_OLD = """
delete from attempt where subject in
  (select subject from attempt where ends_at <= $1 limit 100 for update skip locked)
"""


class TooManyTries(Refusal):
    """Too many tries; wait a little, then try again."""

    status = 429


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tries of one subject in so long a time."""

    name: str
    tries: int
    lasts: timedelta

    def subject(self, word: str) -> bytes:
        return sha256(f"{self.name}\0{word}".encode()).digest()


QUARTER_HOUR = timedelta(minutes=15)
OF_ACCOUNT = Limit("account", 10, QUARTER_HOUR)
OF_ADDRESS = Limit("address", 60, QUARTER_HOUR)
OF_CODE = Limit("code", 10, QUARTER_HOUR)
OF_LETTERS = Limit("letters", 3, timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Stopped:
    """A subject that has no tries left; `first` when this was the one too many."""

    limit: Limit
    until: datetime
    first: bool


async def count(db: Db, tries: dict[Limit, str], at: datetime) -> Stopped | None:
    """One try more of each of these; whichever has none left for longest."""
    subjects = {limit.subject(word): limit for limit, word in tries.items()}
    ends = [at + limit.lasts for limit in subjects.values()]
    await db.pool.execute(FORGET_OLD, at)
    rows = await db.pool.fetch(COUNT, list(subjects), ends, at)
    stopped = [
        Stopped(limit, row["ends_at"], row["tries"] == limit.tries + 1)
        for row in rows
        if row["tries"] > (limit := subjects[row["subject"]]).tries
    ]
    return max(stopped, key=lambda one: one.until, default=None)


async def let_try(db: Db, tries: dict[Limit, str], at: datetime) -> None:
    """One try more; refuses TooManyTries, with the seconds until they count anew."""
    if stopped := await count(db, tries, at):
        raise refusal(stopped, at)


async def forgive(db: Db, limit: Limit, word: str) -> None:
    """It was them after all: their count begins anew."""
    await db.pool.execute(FORGIVE, limit.subject(word))


def refusal(stopped: Stopped, at: datetime) -> TooManyTries:
    return TooManyTries(retry_after_s=max(1, ceil((stopped.until - at).total_seconds())))


def network_of(address: str) -> str:
    """What counts as one address: of IPv6 everybody has a whole network."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(found) >> 64 << 64)) if isinstance(found, IPv6Address) else str(found)
