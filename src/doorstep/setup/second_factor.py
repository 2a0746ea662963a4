"""second_factor: a code from a phone beside the password; and codes on paper for when the phone is gone.

The phone and we share a secret that is sealed here; each code works once, within the half minute it is for and the
ones beside it, as clocks differ.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import b32encode
from datetime import datetime
from typing import Literal

import pyotp

from doorstep.kit.refusals import Refusal
from doorstep.kit.secrets import Keyring
from doorstep.setup import log
from doorstep.setup.log import By
from doorstep.setup.people import Person
from doorstep.spine.tenant import Connection, Db, routed

ISSUER = "doorstep"
STEP_S = 30
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10

Shown = Literal["code", "recovery_code"]

SECRET = "select totp_secret, totp_on_at is not null as is_on from person where person_id = $1 and ended_at is null"
PROPOSE = "update person set totp_secret = $2 where person_id = $1 and totp_on_at is null returning person_id"
TURN_ON = "update person set totp_on_at = $2 where person_id = $1 and totp_on_at is null returning person_id"
TURN_OFF = "update person set totp_secret = '', totp_on_at = null where person_id = $1 returning person_id"
USE_STEP = "update person set totp_step = $2 where person_id = $1 and totp_step < $2 returning person_id"
FORGET_CODES = "delete from recovery_code where person_id = $1"
ADD_CODES = "insert into recovery_code (person_id, hash) select $1, unnest($2::bytea[])"
USE_CODE = "delete from recovery_code where person_id = $1 and hash = $2 returning person_id"
COUNT_CODES = "select count(*) from recovery_code where person_id = $1"


class SecondFactorIsOn(Refusal):
    """Two-factor sign-in is on already; turn it off first to set it up anew."""


class NotProposed(Refusal):
    """There is no secret to prove yet: begin anew."""


class CodeDoesNotFit(Refusal):
    """This code does not fit: take the one that the app shows now, and look whether the phone's clock is right."""

    status = 422


async def propose(db: Db, keys: Keyring, person: Person) -> None:
    """A fresh secret, which counts from when a code proves that the phone has it; refuses SecondFactorIsOn."""
    sealed = keys.seal(pyotp.random_base32(), context_of(person.person_id))
    if await db.pool.fetchval(PROPOSE, person.person_id, sealed) is None:
        raise SecondFactorIsOn


async def proposed(db: Db, keys: Keyring, person: Person) -> str | None:
    """The secret to show, as long as it is not proven."""
    row = await db.pool.fetchrow(SECRET, person.person_id)
    if row is None or row["is_on"] or not row["totp_secret"]:
        return None
    return keys.open(row["totp_secret"], context_of(person.person_id))


def uri(secret: str, email: str) -> str:
    """What phones read as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


async def turn_on(db: Db, keys: Keyring, person: Person, code: str, at: datetime, by: By) -> list[str]:
    """Recovery codes, readable this one time; refuses NotProposed, CodeDoesNotFit."""
    secret = await proposed(db, keys, person)
    if secret is None:
        raise NotProposed
    step = _step_of(secret, code, at)
    if step is None:
        raise CodeDoesNotFit
    async with db.pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(TURN_ON, person.person_id, at) is None:
            raise SecondFactorIsOn
        await connection.fetchval(USE_STEP, person.person_id, step)
        await log.write(db, by, "second_factor_on", at, person.email, on=connection)
        return await _fresh_codes(connection, person.person_id)


async def turn_off(db: Db, person: Person, at: datetime, by: By) -> None:
    async with db.pool.acquire() as connection, connection.transaction():
        await connection.execute(TURN_OFF, person.person_id)
        await connection.execute(FORGET_CODES, person.person_id)
        await log.write(db, by, "second_factor_off", at, person.email, on=connection)


async def new_codes(db: Db, person: Person, at: datetime, by: By) -> list[str]:
    """Recovery codes instead of those there were."""
    async with db.pool.acquire() as connection, connection.transaction():
        await log.write(db, by, "recovery_codes_made", at, person.email, on=connection)
        return await _fresh_codes(connection, person.person_id)


async def codes_left(db: Db, person: int) -> int:
    left: int = await db.pool.fetchval(COUNT_CODES, person)
    return left


async def check(db: Db, keys: Keyring, person: int, code: str, at: datetime) -> Shown | None:
    """Which code of theirs it is, if it was not used before; it is used by that."""
    word = re.sub(r"[\s-]", "", code).lower()
    if not word.isdigit():
        return "recovery_code" if await db.pool.fetchval(USE_CODE, person, routed(word)) else None
    row = await db.pool.fetchrow(SECRET, person)
    if row is None or not row["is_on"]:
        return None
    step = _step_of(keys.open(row["totp_secret"], context_of(person)), word, at)
    return "code" if step is not None and await db.pool.fetchval(USE_STEP, person, step) else None


def _step_of(secret: str, code: str, at: datetime) -> int | None:
    """Which half minute the code is for, of this one and the ones beside it."""
    word, now, totp = re.sub(r"\s", "", code).encode(), int(at.timestamp()) // STEP_S, pyotp.TOTP(secret)
    fitting = [step for step in (now - 1, now, now + 1) if hmac.compare_digest(totp.generate_otp(step).encode(), word)]
    return fitting[-1] if fitting else None


async def _fresh_codes(connection: Connection, person: int) -> list[str]:
    words = [b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    await connection.execute(FORGET_CODES, person)
    await connection.execute(ADD_CODES, person, [routed(word) for word in words])
    return ["-".join(word[at : at + 4] for at in range(0, len(word), 4)) for word in words]


def context_of(person: int) -> str:
    return f"person/{person}/totp"
