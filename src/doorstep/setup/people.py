"""people: who looks at doorstep in a browser: let in by a link that works once, then known by a session.

Links and sessions are random words of 256 bits; what is kept of them is their hash. Whoever can ask for a link on the
machine itself (`doorstep link`) is trusted with it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.kit.text import normalized
from doorstep.spine.tenant import Db, routed, tenant_tx

_SECRET_BYTES = 32
LINK_LASTS = timedelta(hours=1)
SESSION_LASTS = timedelta(days=30)
IDLE_AT_MOST = timedelta(days=7)
# A session's last use is written down this often, not with every page.
NOTED_EVERY = timedelta(minutes=5)

# Which roles of the journey table a person has.
ROLES: dict[str, frozenset[str]] = {
    "owner": frozenset({"operator", "merchant", "floor"}),
    "operator": frozenset({"operator", "floor"}),
    "floor": frozenset({"floor"}),
    "merchant": frozenset({"merchant"}),
    "read_only": frozenset(),
}
FIRST_OWNER = "owner@localhost"

ADD_PERSON = """
insert into person (person_id, email, name, role, merchant_id, created_at) values ($1, $2, $3, $4, $5, $6)
  on conflict (email) do nothing returning person_id
"""
BY_EMAIL = "select person_id from person where email = $1 and ended_at is null"
FIRST_OF_OWNERS = "select person_id from person where role = 'owner' and ended_at is null order by person_id limit 1"
EVERYBODY = """
select p.email, p.name, p.role, coalesce(m.key, '') as merchant
  from person p left join merchant m on m.merchant_id = p.merchant_id and m.merchant_id = any($1)
  where p.ended_at is null order by p.email
"""
END_PERSON = "update person set ended_at = $2 where email = $1 and ended_at is null returning person_id"
ADD_SESSION = "insert into session (hash, person_id, kind, expires_at, used_at) values ($1, $2, $3, $4, $5)"
SPEND_LINK = """
update session s set used_at = $2 from person p
  where s.hash = $1 and s.kind = 'link' and s.used_at is null and s.expires_at > $2
    and p.person_id = s.person_id and p.ended_at is null
  returning s.person_id
"""
BY_SESSION = """
select p.person_id, p.email, p.name, p.role, p.merchant_id, s.used_at
  from session s join person p on p.person_id = s.person_id
  where s.hash = $1 and s.kind = 'session' and s.expires_at > $2 and s.used_at > $3 and p.ended_at is null
"""
NOTE_USE = "update session set used_at = $2 where hash = $1 and kind = 'session' and used_at < $2"
END_SESSION = "delete from session where hash = $1 and kind = 'session'"
FORGET_EXPIRED = "delete from session where expires_at < $1"


class LinkSpent(Refusal):
    """This link was used before, or its time is over; ask for a new one."""

    status = 410


class NoSuchPerson(Refusal):
    """Nobody signs in with that e-mail address."""

    status = 404


class PersonExists(Refusal):
    """Somebody signs in with that e-mail address already."""


class UnknownRole(Refusal):
    """A person is an owner, an operator, on the floor, of a merchant, or only reads."""

    status = 422


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in."""

    person_id: int
    email: str
    name: str
    role: str
    merchant: int | None  # the only one it sees; None: all of them, unless the role is merchant

    @property
    def roles(self) -> frozenset[str]:
        return ROLES[self.role]

    @property
    def called(self) -> str:
        return self.name or self.email


async def add_person(
    db: Db, email: str, role: str, *, name: str = "", merchant: int | None = None, at: datetime | None = None
) -> int:
    """Somebody who may sign in; refuses UnknownRole, PersonExists."""
    if role not in ROLES or (role == "merchant" and merchant is None):
        raise UnknownRole(role=role[:40], merchant=merchant)
    (person,) = await db.ids.draw(db.pool, 1)
    added = await db.pool.fetchval(ADD_PERSON, person, normalized(email), name, role, merchant, at or clock.now())
    if added is None:
        raise PersonExists(email=email[:254])
    return person


async def end_person(db: Db, email: str, at: datetime | None = None) -> None:
    """From now on they are nobody here, wherever they are signed in; refuses NoSuchPerson."""
    if await db.pool.fetchval(END_PERSON, normalized(email), at or clock.now()) is None:
        raise NoSuchPerson(email=email[:254])


async def issue_link(db: Db, email: str = "", at: datetime | None = None, lasts: timedelta = LINK_LASTS) -> str:
    """The secret word of a link that lets this person in once; without an e-mail address the owner, made if need be.

    Refuses NoSuchPerson.
    """
    at = at or clock.now()
    person = await db.pool.fetchval(BY_EMAIL, normalized(email)) if email else await _owner(db, at)
    if person is None:
        raise NoSuchPerson(email=email[:254])
    await db.pool.execute(FORGET_EXPIRED, at)
    token = secrets.token_urlsafe(_SECRET_BYTES)
    await db.pool.execute(ADD_SESSION, routed(token), person, "link", at + lasts, None)
    return token


async def _owner(db: Db, at: datetime) -> int | None:
    """The first owner; a system that nobody has looked at yet gets one."""
    if await db.pool.fetchval(FIRST_OF_OWNERS) is None:
        (person,) = await db.ids.draw(db.pool, 1)
        await db.pool.fetchval(ADD_PERSON, person, FIRST_OWNER, "", "owner", None, at)
    found: int | None = await db.pool.fetchval(FIRST_OF_OWNERS)
    return found


async def consume(db: Db, token: str, at: datetime | None = None) -> str:
    """Spend the link for a session's secret word; refuses LinkSpent, as for a link that never was."""
    at = at or clock.now()
    session = secrets.token_urlsafe(_SECRET_BYTES)
    async with db.pool.acquire() as connection, connection.transaction():
        person = await connection.fetchval(SPEND_LINK, routed(token), at)
        if person is None:
            raise LinkSpent
        await connection.execute(ADD_SESSION, routed(session), person, "session", at + SESSION_LASTS, at)
    return session


async def person_of(db: Db, session: str, at: datetime | None = None) -> Person | None:
    """Who is signed in with this session; None when nobody is, or not any more."""
    at, hashed = at or clock.now(), routed(session)
    row = await db.pool.fetchrow(BY_SESSION, hashed, at, at - IDLE_AT_MOST)
    if row is None:
        return None
    if row["used_at"] < at - NOTED_EVERY:
        await db.pool.execute(NOTE_USE, hashed, at)
    return Person(row["person_id"], row["email"], row["name"], row["role"], row["merchant_id"])


async def end_session(db: Db, session: str) -> None:
    """Sign out."""
    await db.pool.execute(END_SESSION, routed(session))


async def merchants_seen_by(db: Db, person: Person) -> list[int]:
    """Whose orders this person sees: its own merchant's, or everybody's for those who work for the operator."""
    if person.merchant is not None:
        return [person.merchant]
    return [] if person.role == "merchant" else await db.everyone()


async def everybody(db: Db) -> list[dict[str, str]]:
    """All who may sign in, by e-mail address."""
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        return [dict(row) for row in await tx.rows(EVERYBODY, list(tx.merchants))]
