"""account: `/me`: name, clock, language, password, second factor, where one is signed in; and `/welcome` before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import zxingcpp
from litestar import Response

from doorstep.doors.console.letting_in import keys
from doorstep.doors.console.looking import MAY_BE, remember
from doorstep.doors.console.speaking import Told
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.http.problems import NoSuchPage, headers_of
from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.kit.timezones import timezones
from doorstep.setup import log, passwords, people, second_factor, sessions, tries
from doorstep.setup.people import FIRST_OWNER, Person
from doorstep.setup.second_factor import NotProposed
from doorstep.setup.sessions import WrongPassword
from doorstep.setup.tastes import keep_taste, taste_of

# So long after coming in nobody is asked once more who they are: by a link whoever forgot the password.
FRESH = timedelta(minutes=30)
DONE = Told({
    "looks": "Saved.",
    "password": "Your password is set. Wherever else you were signed in, you are not any more.",
    "session": "Signed out there.",
    "off": "Two-factor sign-in is off.",
})  # fmt: skip


class PasswordsDiffer(Refusal):
    """The new password is not the same both times."""

    status = 422


class SignInAnew(Refusal):
    """For this, sign out and in again first: then it is surely you."""

    status = 403


@dataclass(frozen=True, slots=True)
class Qr:
    """A QR code as a path in a square of so many units."""

    size: int
    path: str

    @classmethod
    def of(cls, text: str) -> Qr:
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
        pixels: Any = memoryview(code.to_image(scale=1, add_quiet_zones=False))  # type: ignore[arg-type]
        size = pixels.shape[0]
        dark = ((x, y) for y in range(size) for x in range(size) if pixels[y, x] == 0)
        return cls(size, "".join(f"M{x} {y}h1v1h-1z" for x, y in dark))


# The first time


async def welcome(visit: Visit) -> Response[str]:
    """Name and password; whoever has both and came otherwise goes on."""
    if visit.visitor.person.has_password and not _is_trusted(visit):
        return see_other("/")
    return _welcome(visit, {"name": visit.visitor.person.name})


async def settle_in(visit: Visit) -> Response[str]:
    person, form = visit.visitor.person, visit.form
    try:
        _check_it_may_be_new(visit)
        new = _new_password(form)
        passwords.check(new, form.get("email", ""), form.get("name", ""), person.email)
        if person.email == FIRST_OWNER:
            person = replace(person, email=await people.change_email(visit.db, person, form.get("email", "")))
        name = form.get("name", "") or person.name
        await people.change_looks(visit.db, person.person_id, name=name, timezone=person.timezone)
        return await _with_password(visit, person, new, "/")
    except Refusal as refusal:
        return _welcome(visit, form, refusal)


def _welcome(visit: Visit, form: Mapping[str, str], refusal: Refusal | None = None) -> Response[str]:
    is_first = visit.visitor.person.email == FIRST_OWNER
    return _page(visit, "welcome.html", refusal, form=form, is_first=is_first)


# My account


async def show(visit: Visit) -> Response[str]:
    return await _me(visit, did=visit.query.get("did", ""))


async def change_looks(visit: Visit) -> Response[str]:
    form, person = visit.form, visit.visitor.person.person_id
    language = form.get("language", "")
    try:
        await people.change_looks(visit.db, person, name=form.get("name", ""), timezone=form.get("timezone", ""))
    except Refusal as refusal:
        return await _me(visit, refusal, at="looks")
    answer = see_other("/me?did=looks")
    if language in MAY_BE["language"]:
        await keep_taste(visit.db, person, language=language)
        remember(answer, {"language": language})
    return answer


async def change_password(visit: Visit) -> Response[str]:
    try:
        await _check_it_is_them(visit)
        return await _with_password(visit, visit.visitor.person, _new_password(visit.form), "/me?did=password")
    except Refusal as refusal:
        return await _me(visit, refusal, at="password")


async def end_session(visit: Visit) -> Response[str]:
    word = visit.form.get("session", "")
    await sessions.end_one(visit.db, visit.visitor.person, word, visit.by, clock.now())
    return see_other("/me?did=session")


async def _me(visit: Visit, refusal: Refusal | None = None, *, at: str = "", did: str = "") -> Response[str]:
    person = visit.visitor.person
    return _page(
        visit, "me.html", refusal,
        at_form=at,
        did=DONE.get(did, ""),
        asks_password=person.has_password and not _is_trusted(visit),
        language=(await taste_of(visit.db, person.person_id)).get("language", ""),
        sessions=await sessions.sessions_of(visit.db, person.person_id, visit.visitor.session, clock.now()),
        codes_left=await second_factor.codes_left(visit.db, person.person_id) if person.has_second_factor else 0,
        zones=sorted(zone for zone in timezones() if "/" in zone and not zone.startswith("Etc/")),
    )  # fmt: skip


# The second factor


async def show_second_factor(visit: Visit) -> Response[str]:
    return await _second_factor(visit)


async def change_second_factor(visit: Visit) -> Response[str]:
    """Begin, prove it, make new recovery codes, turn it off."""
    steps = {"start": _start, "on": _turn_on, "codes": _new_codes, "off": _turn_off}
    if visit.path["step"] not in steps:
        raise NoSuchPage
    return await steps[visit.path["step"]](visit)


async def _start(visit: Visit) -> Response[str]:
    try:
        await _check_it_is_them(visit)
        await second_factor.propose(visit.db, keys(), visit.visitor.person)
    except Refusal as refusal:
        return await _me(visit, refusal, at="two-factor")
    return see_other("/me/two-factor")


async def _turn_on(visit: Visit) -> Response[str]:
    person, code, at = visit.visitor.person, visit.form.get("code", "")[:20], clock.now()
    try:
        await sessions.count_tries(visit.db, {tries.OF_CODE: person.email}, visit.by, person.email, at)
        codes = await second_factor.turn_on(visit.db, keys(), person, code, at, visit.by)
    except NotProposed:
        return see_other("/me")
    except Refusal as refusal:
        return await _second_factor(visit, refusal)
    return visit.show("recovery_codes.html", codes=codes)


async def _new_codes(visit: Visit) -> Response[str]:
    try:
        await _check_it_is_them(visit)
        codes = await second_factor.new_codes(visit.db, visit.visitor.person, clock.now(), visit.by)
    except Refusal as refusal:
        return await _me(visit, refusal, at="two-factor")
    return visit.show("recovery_codes.html", codes=codes)


async def _turn_off(visit: Visit) -> Response[str]:
    try:
        await _check_it_is_them(visit)
        await second_factor.turn_off(visit.db, visit.visitor.person, clock.now(), visit.by)
    except Refusal as refusal:
        return await _me(visit, refusal, at="two-factor")
    return see_other("/me?did=off")


async def _second_factor(visit: Visit, refusal: Refusal | None = None) -> Response[str]:
    person = visit.visitor.person
    secret = await second_factor.proposed(visit.db, keys(), person)
    if secret is None:
        return see_other("/me")
    spelled = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    qr = Qr.of(second_factor.uri(secret, person.email))
    return _page(visit, "two_factor.html", refusal, qr=qr, secret=spelled)


# Who it is


def _is_trusted(visit: Visit) -> bool:
    """They came by a link a moment ago: that counts as much as the password."""
    return visit.visitor.came_by in ("link", "letter") and _is_fresh(visit)


def _is_fresh(visit: Visit) -> bool:
    return clock.now() - visit.visitor.since < FRESH


def _check_it_may_be_new(visit: Visit) -> None:
    """A first password, or a new one for who forgot it; refuses SignInAnew."""
    if not (_is_trusted(visit) or (not visit.visitor.person.has_password and _is_fresh(visit))):
        raise SignInAnew


async def _check_it_is_them(visit: Visit) -> None:
    """Refuses WrongPassword, TooManyTries; SignInAnew where there is no password to ask for."""
    person, at = visit.visitor.person, clock.now()
    if _is_trusted(visit) or not person.has_password:
        return _check_it_may_be_new(visit)
    await sessions.count_tries(visit.db, {tries.OF_ACCOUNT: person.email}, visit.by, person.email, at)
    if not await people.is_password_of(visit.db, person.person_id, visit.form.get("password", "")):
        await log.write(visit.db, visit.by, "sign_in_failed", at, person.email, way="account")
        raise WrongPassword
    await tries.forgive(visit.db, tries.OF_ACCOUNT, person.email)


def _new_password(form: Mapping[str, str]) -> str:
    """Refuses PasswordsDiffer."""
    if form.get("new", "") != form.get("again", ""):
        raise PasswordsDiffer
    return form.get("new", "")


async def _with_password(visit: Visit, person: Person, new: str, to: str) -> Response[str]:
    """It is set, every session ends, and this browser gets another; refuses WeakPassword."""
    at, by = clock.now(), visit.browser.by(person)
    await people.set_password(visit.db, person, new, at, by)
    opened = await sessions.renew(visit.db, person, "password", by, at)
    answer = see_other(to)
    answer.set_cookie(visit.browser.keeps(opened.word))
    return answer


def _page(visit: Visit, template: str, refusal: Refusal | None, **context: Any) -> Response[str]:
    answer = visit.show(template, refusal.status if refusal else 200, refusal=refusal, **context)
    if refusal:
        answer.headers.update(headers_of(refusal))
    return answer
