"""problems: every no as RFC 9457 problem details; a bug tells its number and nothing of its insides."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import msgspec
import structlog

from doorstep.doors.logs import told
from doorstep.kit.away import is_away
from doorstep.kit.refusals import Refusal

log = structlog.get_logger("doorstep.http")

MEDIA_TYPE = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """One field that is not as it must be."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why it was refused: `code` for programs, `title` for people, `why` with the particulars."""

    type: str
    title: str
    status: int
    code: str
    why: dict[str, Any]
    errors: list[FieldError]


class WhoAreYou(Refusal):
    """There is no valid API key in the Authorization header."""

    status = 401


class NoSuchPage(Refusal):
    """There is nothing at this address."""

    status = 404


class WrongMethod(Refusal):
    """This address does not take that method."""

    status = 405


class BadRequest(Refusal):
    """The request is not one that HTTP allows."""

    status = 400


class DatabaseAway(Refusal):
    """The database does not answer just now; ask again with the same key."""

    status = 503


class Bug(Refusal):
    """Something is wrong on our side; it is written down under this id."""

    status = 500


def type_of(code: str) -> str:
    return f"/v1/problems/{code}"


def as_problem(refusal: Refusal) -> Problem:
    why = {name: value for name, value in refusal.why.items() if name != "fields"}
    errors = [FieldError(**field) for field in refusal.why.get("fields", ())]
    if not errors and isinstance(why.get("pointer"), str):
        errors = [FieldError(pointer=why["pointer"], detail=refusal.sentence)]
    return Problem(
        type=type_of(refusal.code), title=refusal.sentence, status=refusal.status, code=refusal.code, why=why,
        errors=errors,
    )  # fmt: skip


def encoded(problem: Problem) -> bytes:
    return msgspec.json.encode(problem, enc_hook=str)


def headers_of(refusal: Refusal) -> dict[str, str]:
    if refusal.status == 401:
        return {"www-authenticate": 'Bearer realm="doorstep"'}
    if refusal.status in (429, 503):
        return {"retry-after": str(refusal.why.get("retry_after_s", 1))}
    return {}


def refusal_of(error: BaseException, **where: Any) -> Refusal:
    """The refusal to answer with, whatever was raised; a bug is written down, without what it was fed."""
    if isinstance(error, Refusal):
        return error
    if is_away(error):
        log.warning("database away", error=type(error).__name__, **where)
        return DatabaseAway()
    number = token_hex(8)
    log.error("bug", id=number, **told(error), **where)
    return Bug(id=number)
