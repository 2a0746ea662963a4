"""strangers: how often somebody who is not signed in may try something: counted in the database, by hash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network

from doorstep.kit.refusals import Refusal
from doorstep.spine.tenant import Db

COUNT = """
insert into stranger_try as t (what, who, began_at, tries) values ($1, $2, $3, 1)
  on conflict (what, who) do update
    set tries = case when t.began_at <= $4 then 1 else t.tries + 1 end,
      began_at = case when t.began_at <= $4 then excluded.began_at else t.began_at end
  returning tries, began_at
"""
FORGET = "delete from stranger_try where began_at < $1"
KEPT = timedelta(days=1)


class TooManyTries(Refusal):
    """Too many tries from here; wait a little, then try again."""

    status = 429


@dataclass(frozen=True, slots=True)
class Limit:
    what: str
    tries: int
    within: timedelta


async def count_try(db: Db, limit: Limit, who: str, at: datetime) -> None:
    """Refuses TooManyTries, with the seconds until the next one counts anew."""
    row = await db.pool.fetchrow(COUNT, limit.what, sha256(who.encode()).digest(), at, at - limit.within)
    if row["tries"] > limit.tries:
        wait = row["began_at"] + limit.within - at
        raise TooManyTries(retry_after_s=max(1, int(wait.total_seconds()) + 1))


async def forget_tries(db: Db, at: datetime) -> None:
    await db.pool.execute(FORGET, at - KEPT)


def whereabouts(address: str) -> str:
    """An address as one household: of IPv6 the network, in which one has as many as one likes."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
