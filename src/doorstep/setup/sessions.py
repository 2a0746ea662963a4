"""sessions: how people come in: by a link that works once, by their password, by somebody else's word.

Links and sessions are random words of 256 bits; what is kept of them is their hash. Whoever can ask for a link on the
machine itself (`doorstep link`) is trusted with it. Every other way asks for the second factor of those who have one:
until it is given there is half a session, which shows nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.kit.secrets import Keyring
from doorstep.kit.text import normalized
from doorstep.setup import log, passwords, second_factor, tries
from doorstep.setup.log import MACHINE, By
from doorstep.setup.people import BY_EMAIL, FIRST_OWNER, NoSuchPerson, Person, first_owner
from doorstep.spine.tenant import Connection, Db, routed

_SECRET_BYTES = 32
LINK_LASTS = timedelta(hours=1)
INVITATION_LASTS = timedelta(days=7)
HALF_LASTS = timedelta(minutes=10)
SESSION_LASTS = timedelta(days=30)
IDLE_AT_MOST = timedelta(days=7)
# A session's last use is written down this often, not with every page.
NOTED_EVERY = timedelta(minutes=5)

CameBy = Literal["link", "letter", "password", "oidc"]
LinkKind = Literal["link", "letter"]

ADD_SESSION = """
insert into session (hash, person_id, kind, expires_at, used_at, created_at, came_by, address, browser)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
LINK = """
select s.kind from session s join person p on p.person_id = s.person_id
  where s.hash = $1 and s.kind in ('link', 'letter') and s.used_at is null and s.expires_at > $2 and p.ended_at is null
"""
SPEND_LINK = """
update session s set used_at = $2 from person p
  where s.hash = $1 and s.kind in ('link', 'letter') and s.used_at is null and s.expires_at > $2
    and p.person_id = s.person_id and p.ended_at is null
  returning s.person_id, s.kind, p.email, p.password <> '' as has_password,
    p.totp_on_at is not null as has_second_factor
"""
WAY_IN = """
select person_id, email, password, password <> '' as has_password, totp_on_at is not null as has_second_factor
  from person where email = $1 and ended_at is null
"""
BY_SESSION = """
select p.person_id, p.email, p.name, p.role, p.merchant_id, p.timezone, p.password <> '' as has_password,
    p.totp_on_at is not null as has_second_factor, s.used_at, s.created_at, s.came_by
  from session s join person p on p.person_id = s.person_id
  where s.hash = $1 and s.kind = $2 and s.expires_at > $3 and s.used_at > $4 and p.ended_at is null
"""
NOTE_USE = "update session set used_at = $2 where hash = $1 and kind = 'session' and used_at < $2"
END_SESSION = "delete from session where hash = $1 and kind in ('session', 'half') returning person_id"
END_HALF = "delete from session where hash = $1 and kind = 'half' returning person_id, came_by"
OPEN_SESSIONS = """
select hash, created_at, used_at, came_by, address, browser from session
  where person_id = $1 and kind = 'session' and expires_at > $2 and used_at > $3 order by used_at desc limit 100
"""
END_ONE = "delete from session where person_id = $1 and hash = $2 and kind = 'session' returning address"
FORGET_EXPIRED = "delete from session where expires_at < $1"
KEEP_PASSWORD = "update person set password = $2 where person_id = $1 and password = $3"


class LinkSpent(Refusal):
    """This link was used before, or its time is over; ask for a new one."""

    status = 410


class WrongPassword(Refusal):
    """E-mail address and password do not belong together."""

    status = 403


class WrongCode(Refusal):
    """This code is wrong, over, or was used before."""

    status = 403


class NotInvited(Refusal):
    """Nobody was invited here with that e-mail address; ask an owner."""

    status = 403


@dataclass(frozen=True, slots=True)
class Opened:
    """What the browser keeps; of half a session the second factor is still wanted."""

    word: str
    came_by: CameBy
    is_half: bool
    has_password: bool


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, since when, and how they came in."""

    person: Person
    since: datetime
    came_by: CameBy


@dataclass(frozen=True, slots=True)
class Session:
    """One browser somebody is signed in with; `id` is no secret."""

    id: str
    since: datetime
    used_at: datetime
    came_by: CameBy
    address: str
    browser: str
    is_this: bool


# Links


async def issue_link(
    db: Db, email: str = "", at: datetime | None = None, lasts: timedelta = LINK_LASTS, *, kind: LinkKind = "link",
    by: By = MACHINE,
) -> str:  # fmt: skip
    """The secret word of a link that lets this person in once; without an e-mail address the owner, made if need be.

    Refuses NoSuchPerson.
    """
    at = at or clock.now()
    person = await db.pool.fetchval(BY_EMAIL, normalized(email)) if email else await first_owner(db, at)
    if person is None:
        raise NoSuchPerson(email=email[:254])
    await db.pool.execute(FORGET_EXPIRED, at)
    token = secrets.token_urlsafe(_SECRET_BYTES)
    await db.pool.execute(ADD_SESSION, routed(token), person, kind, at + lasts, None, at, kind, by.address, "")
    await log.write(db, by, "link_made", at, email or FIRST_OWNER, kind=kind)
    return token


async def link_kind(db: Db, token: str, at: datetime | None = None) -> LinkKind:
    """What would come of spending it; refuses LinkSpent, as for a link that never was."""
    kind: LinkKind | None = await db.pool.fetchval(LINK, routed(token), at or clock.now())
    if kind is None:
        raise LinkSpent
    return kind


async def consume(db: Db, token: str, by: By = MACHINE, at: datetime | None = None) -> Opened:
    """Spend the link for a session; refuses LinkSpent."""
    at = at or clock.now()
    async with db.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(SPEND_LINK, routed(token), at)
        if row is None:
            raise LinkSpent
        who = _Who(row["person_id"], row["email"], row["has_password"])
        is_half = row["has_second_factor"] and row["kind"] != "link"
        return await _open(db, connection, who, row["kind"], by, at, is_half=is_half)


# Passwords, and somebody else's word


async def sign_in(db: Db, email: str, password: str, by: By, at: datetime) -> Opened:
    """Refuses WrongPassword, TooManyTries: after the same time, whether or not there is somebody of that address."""
    account = normalized(email)[:254]
    await count_tries(db, {tries.OF_ACCOUNT: account, tries.OF_ADDRESS: tries.network_of(by.address)}, by, account, at)
    await db.pool.execute(FORGET_EXPIRED, at)
    row = await db.pool.fetchrow(WAY_IN, account)
    kept = row["password"] if row else ""
    right = await passwords.matches(kept, password)
    if row is None or not right:
        # Who types a password where the address goes must not find it in the log.
        await log.write(db, by, "sign_in_failed", at, account if "@" in account else "")
        raise WrongPassword
    await tries.forgive(db, tries.OF_ACCOUNT, account)
    if passwords.is_outdated(kept):
        await db.pool.execute(KEEP_PASSWORD, row["person_id"], await passwords.hashed(password), kept)
    who = _Who(row["person_id"], row["email"], has_password=True)
    async with db.pool.acquire() as connection, connection.transaction():
        return await _open(db, connection, who, "password", by, at, is_half=row["has_second_factor"])


async def sign_in_as_told(db: Db, email: str, by: By, at: datetime) -> Opened:
    """Somebody else, whom we trust, says that it is them; refuses NotInvited."""
    row = await db.pool.fetchrow(WAY_IN, normalized(email))
    if row is None:
        await log.write(db, by, "sign_in_failed", at, email, way="oidc")
        raise NotInvited(email=email[:254])
    who = _Who(row["person_id"], row["email"], row["has_password"])
    async with db.pool.acquire() as connection, connection.transaction():
        return await _open(db, connection, who, "oidc", by, at, is_half=row["has_second_factor"])


async def complete(db: Db, keys: Keyring, half: str, code: str, by: By, at: datetime) -> Opened:
    """Half a session and the code make a whole one; refuses LinkSpent, WrongCode, TooManyTries."""
    found = await person_of(db, half, at, kind="half")
    if found is None:
        raise LinkSpent
    person = found.person
    await count_tries(db, {tries.OF_CODE: person.email}, by, person.email, at)
    shown = await second_factor.check(db, keys, person.person_id, code, at)
    if shown is None:
        await log.write(db, by, "code_failed", at, person.email)
        raise WrongCode
    if shown == "recovery_code":
        await log.write(db, by, "recovery_code_used", at, person.email)
    await tries.forgive(db, tries.OF_CODE, person.email)
    async with db.pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(END_HALF, routed(half)) is None:
            raise LinkSpent
        return await _open(db, connection, _who(person), found.came_by, by, at)


async def count_tries(db: Db, limits: dict[tries.Limit, str], by: By, account: str, at: datetime) -> None:
    """Refuses TooManyTries; the first time it does is logged, not every one."""
    stopped = await tries.count(db, limits, at)
    if stopped is not None:
        if stopped.first:
            about = account if "@" in account else ""
            await log.write(db, by, "tries_stopped", at, about, limit=stopped.limit.name)
        raise tries.refusal(stopped, at)


@dataclass(frozen=True, slots=True)
class _Who:
    person_id: int
    email: str
    has_password: bool


def _who(person: Person) -> _Who:
    return _Who(person.person_id, person.email, person.has_password)


async def _open(
    db: Db, connection: Connection, who: _Who, came_by: CameBy, by: By, at: datetime, *, is_half: bool = False
) -> Opened:
    """A fresh word, whatever the browser had before."""
    word = secrets.token_urlsafe(_SECRET_BYTES)
    kind, lasts = ("half", HALF_LASTS) if is_half else ("session", SESSION_LASTS)
    kept = (at + lasts, at, at, came_by, by.address[:60], by.browser[:300])
    await connection.execute(ADD_SESSION, routed(word), who.person_id, kind, *kept)
    if not is_half:
        them = By(who.email, who.person_id, by.address, by.browser)
        await log.write(db, them, "signed_in", at, on=connection, way=came_by)
    return Opened(word, came_by, is_half, who.has_password)


# Sessions


async def person_of(
    db: Db, session: str, at: datetime | None = None, *, kind: Literal["session", "half"] = "session"
) -> SignedIn | None:
    """Who is signed in with this session; None when nobody is, or not any more."""
    at, hashed = at or clock.now(), routed(session)
    row = await db.pool.fetchrow(BY_SESSION, hashed, kind, at, at - IDLE_AT_MOST)
    if row is None:
        return None
    if row["used_at"] < at - NOTED_EVERY:
        await db.pool.execute(NOTE_USE, hashed, at)
    person = Person(
        row["person_id"], row["email"], row["name"], row["role"], row["merchant_id"], row["timezone"],
        row["has_password"], row["has_second_factor"],
    )  # fmt: skip
    return SignedIn(person, row["created_at"], row["came_by"])


async def renew(db: Db, person: Person, came_by: CameBy, by: By, at: datetime) -> Opened:
    """Another session for who had one: after a new password, which ended them all."""
    async with db.pool.acquire() as connection, connection.transaction():
        return await _open(db, connection, _who(person), came_by, by, at)


async def end_session(db: Db, session: str, by: By | None = None, at: datetime | None = None) -> None:
    """Sign out; `by` is who does, when it is a person."""
    if await db.pool.fetchval(END_SESSION, routed(session)) is not None and by is not None:
        await log.write(db, by, "signed_out", at or clock.now())


async def sessions_of(db: Db, person: int, session: str, at: datetime) -> list[Session]:
    """Where they are signed in; `session` is the one that asks."""
    here = routed(session)
    return [
        Session(row["hash"].hex(), row["created_at"], row["used_at"], row["came_by"], row["address"], row["browser"],
                row["hash"] == here)
        for row in await db.pool.fetch(OPEN_SESSIONS, person, at, at - IDLE_AT_MOST)
    ]  # fmt: skip


async def end_one(db: Db, person: Person, session: str, by: By, at: datetime) -> None:
    """Sign out there; whoever is signed out already stays so."""
    try:
        hashed = bytes.fromhex(session)
    except ValueError:
        return
    address = await db.pool.fetchval(END_ONE, person.person_id, hashed)
    if address is not None:
        await log.write(db, by, "session_ended", at, person.email, there=address)
