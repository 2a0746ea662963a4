"""people: who may look at doorstep in a browser, as what; how they come in is told in sessions.py."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from doorstep.kit import clock
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotAllowed, NotFound, Refusal
from doorstep.kit.text import normalized
from doorstep.kit.timezones import timezones
from doorstep.setup import log, passwords
from doorstep.setup.log import MACHINE, By
from doorstep.spine.tenant import Connection, Db, Tx, tenant_tx

# Which roles of the journey table a person has.
ROLES: dict[str, frozenset[str]] = {
    "owner": frozenset({"operator", "merchant", "floor"}),
    "operator": frozenset({"operator", "floor"}),
    "floor": frozenset({"floor"}),
    "merchant": frozenset({"merchant"}),
    "read_only": frozenset(),
}
# Who takes in, changes and ends whom: an owner everybody, an operator those who reach less than operators do.
MANAGES: dict[str, frozenset[str]] = {
    "owner": frozenset(ROLES),
    "operator": frozenset({"floor", "merchant", "read_only"}),
}
# These see one merchant only, or may.
OF_A_MERCHANT = ("merchant", "read_only")
FIRST_OWNER = "owner@localhost"

# Whoever was ended may be taken in anew; nothing of how they came in is left by then.
ADD_PERSON = """
insert into person as p (person_id, email, name, role, merchant_id, created_at) values ($1, $2, $3, $4, $5, $6)
  on conflict (email) do update set name = excluded.name, role = excluded.role, merchant_id = excluded.merchant_id,
    created_at = excluded.created_at, ended_at = null where p.ended_at is not null
  returning person_id
"""
BY_EMAIL = "select person_id from person where email = $1 and ended_at is null"
FIRST_OF_OWNERS = "select person_id from person where role = 'owner' and ended_at is null order by person_id limit 1"
ANYBODY_WITH_A_WAY_IN = "select 1 from person where ended_at is null and (password <> '' or email <> $1) limit 1"
EVERYBODY = """
select p.person_id, p.email, p.name, p.role, coalesce(m.key, '') as merchant, p.password <> '' as has_password,
    p.totp_on_at is not null as has_second_factor,
    (select max(s.used_at) from session s where s.person_id = p.person_id and s.kind = 'session') as seen_at
  from person p left join merchant m on m.merchant_id = p.merchant_id and m.merchant_id = any($1)
  where p.ended_at is null order by p.email
"""
WHOLE_PERSON = """
select person_id, email, name, role, merchant_id as merchant, timezone, password <> '' as has_password,
    totp_on_at is not null as has_second_factor
  from person where email = $1 and ended_at is null
"""
EMAIL_OF = "select email from person where person_id = $1 and ended_at is null"
LOCK_OWNERS = "select person_id from person where role = 'owner' and ended_at is null order by person_id for update"
LOCK_PERSON = "select email, role, merchant_id from person where person_id = $1 and ended_at is null for update"
MERCHANTS = """
select m.merchant_id, m.key, m.name, m.is_operator from merchant m where m.merchant_id = any($1) order by m.name
"""
END_PERSON = """
update person set ended_at = $2, password = '', totp_secret = '', totp_on_at = null where person_id = $1
"""
END_SESSIONS = "delete from session where person_id = $1"
END_CODES = "delete from recovery_code where person_id = $1"
CHANGE_ROLE = "update person set role = $2, merchant_id = $3 where person_id = $1"
CHANGE_LOOKS = "update person set name = $2, timezone = $3 where person_id = $1"
CHANGE_EMAIL = """
update person set email = $2 where person_id = $1 and not exists (select from person where email = $2) returning email
"""
KEPT_PASSWORD = "select password from person where person_id = $1 and ended_at is null"
SET_PASSWORD = "update person set password = $2 where person_id = $1"

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class NoSuchPerson(Refusal):
    """Nobody signs in with that e-mail address."""

    status = 404


class PersonExists(Refusal):
    """Somebody signs in with that e-mail address already."""


class UnknownRole(Refusal):
    """A person is an owner, an operator, on the floor, of a merchant, or only reads."""

    status = 422


class NotAnEmail(Refusal):
    """This is not an e-mail address."""

    status = 422


class NotATimeZone(Refusal):
    """There is no such time zone; they are called as Europe/Kyiv."""

    status = 422


class LastOwner(Refusal):
    """This is the only owner: make somebody else one first."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in."""

    person_id: int
    email: str
    name: str
    role: str
    merchant: int | None  # the only one it sees; None: all of them, unless the role is merchant
    timezone: str = ""
    has_password: bool = False
    has_second_factor: bool = False

    @property
    def id(self) -> str:
        return public("per", self.person_id)

    @property
    def roles(self) -> frozenset[str]:
        return ROLES[self.role]

    @property
    def called(self) -> str:
        return self.name or self.email

    @property
    def manages(self) -> frozenset[str]:
        """The roles of the people that this one takes in, changes and ends."""
        return MANAGES.get(self.role, frozenset()) if self.merchant is None else frozenset()


def may_manage(manager: Person | None, *roles: str) -> None:
    """Refuses NotAllowed; without a manager it is a command on the machine, which may."""
    if manager is not None and not set(roles) <= manager.manages:
        raise NotAllowed(role=manager.role, manages=sorted(manager.manages))


def clean_email(email: str) -> str:
    """As it is kept; refuses NotAnEmail."""
    cleaned = normalized(email)
    if len(cleaned) > 254 or not _EMAIL.fullmatch(cleaned):
        raise NotAnEmail(email=email[:60])
    return cleaned


async def add_person(
    db: Db, email: str, role: str, *, name: str = "", merchant: int | None = None, at: datetime | None = None,
    by: By = MACHINE,
) -> int:  # fmt: skip
    """Somebody who may sign in; refuses NotAnEmail, UnknownRole, PersonExists."""
    _check_role(role, merchant)
    at, email = at or clock.now(), clean_email(email)
    (person,) = await db.ids.draw(db.pool, 1)
    async with _changing(db) as connection:
        added: int | None = await connection.fetchval(ADD_PERSON, person, email, name[:120], role, merchant, at)
        if added is None:
            raise PersonExists(email=email)
        await log.write(db, by, "person_invited", at, email, on=connection, role=role)
    return added


async def end_person(
    db: Db, email: str, at: datetime | None = None, *, by: By = MACHINE, manager: Person | None = None
) -> None:
    """From now on they are nobody here, wherever they are signed in; refuses NoSuchPerson, LastOwner, NotAllowed."""
    at = at or clock.now()
    async with _changing(db) as connection:
        owners = await _owners(connection)
        person, row = await _locked(connection, email)
        may_manage(manager, row["role"])
        if owners == [person]:
            raise LastOwner
        await connection.execute(END_PERSON, person, at)
        await connection.execute(END_SESSIONS, person)
        await connection.execute(END_CODES, person)
        await log.write(db, by, "person_ended", at, row["email"], on=connection, role=row["role"])


async def change_role(
    db: Db, email: str, role: str, merchant: int | None = None, at: datetime | None = None, *, by: By = MACHINE,
    manager: Person | None = None,
) -> None:  # fmt: skip
    """What they reach from their next page on; refuses NoSuchPerson, UnknownRole, LastOwner, NotAllowed."""
    _check_role(role, merchant)
    at = at or clock.now()
    async with _changing(db) as connection:
        owners = await _owners(connection)
        person, row = await _locked(connection, email)
        may_manage(manager, row["role"], role)
        if owners == [person] and role != "owner":
            raise LastOwner
        await connection.execute(CHANGE_ROLE, person, role, merchant)
        await log.write(db, by, "role_changed", at, row["email"], on=connection, was=row["role"], role=role)


async def first_owner(db: Db, at: datetime) -> int:
    """The first owner; a system that nobody has looked at yet gets one."""
    if await db.pool.fetchval(FIRST_OF_OWNERS) is None:
        (person,) = await db.ids.draw(db.pool, 1)
        await db.pool.fetchval(ADD_PERSON, person, FIRST_OWNER, "", "owner", None, at)
    found: int = await db.pool.fetchval(FIRST_OF_OWNERS)
    return found


async def is_untouched(db: Db) -> bool:
    """Nobody has a way in yet but the first owner's link."""
    return await db.pool.fetchval(ANYBODY_WITH_A_WAY_IN, FIRST_OWNER) is None


async def change_looks(db: Db, person: int, *, name: str, timezone: str) -> None:
    """How they are called, and on which clock they read times; '' is the browser's. Refuses NotATimeZone."""
    if timezone and timezone not in timezones():
        raise NotATimeZone(timezone=timezone[:60])
    await db.pool.execute(CHANGE_LOOKS, person, name.strip()[:120], timezone)


async def change_email(db: Db, person: Person, email: str) -> str:
    """As it is kept; refuses NotAnEmail, PersonExists."""
    cleaned = clean_email(email)
    if cleaned != person.email and await db.pool.fetchval(CHANGE_EMAIL, person.person_id, cleaned) is None:
        raise PersonExists(email=cleaned)
    return cleaned


async def set_password(db: Db, person: Person, password: str, at: datetime, by: By) -> None:
    """Refuses WeakPassword. Whoever is signed in as them elsewhere, or has a link, is out: see sessions.renew."""
    passwords.check(password, person.email, person.name)
    kept = await passwords.hashed(password)
    async with _changing(db) as connection:
        await connection.execute(SET_PASSWORD, person.person_id, kept)
        await connection.execute(END_SESSIONS, person.person_id)
        await log.write(db, by, "password_set", at, person.email, on=connection)


async def is_password_of(db: Db, person: int, password: str) -> bool:
    return await passwords.matches(await db.pool.fetchval(KEPT_PASSWORD, person) or "", password)


async def merchants_seen_by(db: Db, person: Person) -> list[int]:
    """Whose orders this person sees: its own merchant's, or everybody's for those who work for the operator."""
    if person.merchant is not None:
        return [person.merchant]
    return [] if person.role == "merchant" else await db.everyone()


async def merchants_known(tx: Tx) -> list[Any]:
    """The merchants that this transaction sees, by name."""
    return await tx.rows(MERCHANTS, list(tx.merchants))


async def everybody(db: Db) -> list[dict[str, Any]]:
    """All who may sign in, by e-mail address."""
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        rows = await tx.rows(EVERYBODY, list(tx.merchants))
    return [{"id": public("per", row["person_id"]), **{name: row[name] for name in row if name != "person_id"}}
            for row in map(dict, rows)]  # fmt: skip


async def person_called(db: Db, email: str) -> Person:
    """Refuses NoSuchPerson."""
    row = await db.pool.fetchrow(WHOLE_PERSON, normalized(email))
    if row is None:
        raise NoSuchPerson(email=email[:254])
    return Person(**dict(row))


async def email_of(db: Db, person: str) -> str:
    """Refuses NotFound."""
    email = await db.pool.fetchval(EMAIL_OF, number("per", person))
    if email is None:
        raise NotFound(person=person)
    return str(email)


def _check_role(role: str, merchant: int | None) -> None:
    unfit = merchant is None if role == "merchant" else merchant is not None and role not in OF_A_MERCHANT
    if role not in ROLES or unfit:
        raise UnknownRole(role=role[:40], merchant=merchant)


@asynccontextmanager
async def _changing(db: Db) -> AsyncIterator[Connection]:
    """People are nobody's rows behind the wall: a plain transaction."""
    async with db.pool.acquire() as connection, connection.transaction():
        yield connection


async def _locked(connection: Connection, email: str) -> tuple[int, Any]:
    """Refuses NoSuchPerson."""
    person: int | None = await connection.fetchval(BY_EMAIL, normalized(email))
    row = await connection.fetchrow(LOCK_PERSON, person) if person else None
    if person is None or row is None:
        raise NoSuchPerson(email=email[:254])
    return person, row


async def _owners(connection: Connection) -> list[int]:
    """All of them, locked before anybody else: of two owners who end each other at once, one stays."""
    return [row["person_id"] for row in await connection.fetch(LOCK_OWNERS)]
