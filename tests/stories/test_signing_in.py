"""People come in: by a link, with a password, with a code from the phone; and whoever only guesses stays outside."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import pyotp
import pytest

from doorstep.kit import clock
from doorstep.kit.refusals import NotAllowed
from doorstep.kit.secrets import Keyring, keyring
from doorstep.setup import log, passwords, second_factor, sessions, subscribers, tries
from doorstep.setup.connections import connect, disconnect
from doorstep.setup.log import By
from doorstep.setup.merchants import NewSite, add_site, change_merchant
from doorstep.setup.passwords import WeakPassword
from doorstep.setup.people import (
    LastOwner,
    NoSuchPerson,
    NotAnEmail,
    NotATimeZone,
    Person,
    PersonExists,
    UnknownRole,
    add_person,
    change_email,
    change_looks,
    change_role,
    clean_email,
    end_person,
    everybody,
    set_password,
)
from doorstep.setup.second_factor import CodeDoesNotFit, NotProposed, SecondFactorIsOn
from doorstep.setup.sessions import NotInvited, WrongCode, WrongPassword
from doorstep.setup.tries import TooManyTries
from doorstep.spine.tenant import Db, tenant_tx
from tests.shop import Shop

GOOD = "mugs walk on shelves"
HERE = By("", None, "198.51.100.7", "Firefox/140")


@pytest.fixture
def keys(tmp_path: Path) -> Keyring:
    return keyring(tmp_path)


async def somebody(shop: Shop, name: str = "ada", role: str = "operator", password: str = GOOD) -> Person:
    email = f"{name}@{shop.key}.example"
    person = Person(await add_person(shop.db, email, role), email, "", role, None)
    if password:
        await set_password(shop.db, person, password, clock.now(), HERE)
    return person


async def told(shop: Shop, email: str) -> list[str]:
    """What the log says about somebody, the oldest first."""
    rows = await shop.db.pool.fetch(
        "select what from log_entry where about = $1 or who = $1 order by at, entry_id", email
    )
    return [row["what"] for row in rows]


# passwords


@pytest.mark.parametrize(
    "weak",
    ["", "short77", "password1", "P@ssw0rd2024!", "12345678", "qwertyuiop", "1qaz2wsx", "aaaaaaaaaa", "abcabcabcabc",
     "Sunshine99", "iloveyou!!", "doorstep2026", "ytrewqytrewq", "x" * 257, "ada@mugs.example", "Ada Byrne"],
)  # fmt: skip
def test_what_is_tried_first_is_no_password(weak: str) -> None:
    with pytest.raises(WeakPassword):
        passwords.check(weak, "ada@mugs.example", "Ada Byrne")


@pytest.mark.parametrize(
    "good", [GOOD, "7392618475", "gr8gatsby-k", "щедрик-у-вікні", "x7" * 60 + "correct-horse", "🍵🫖🧉🍶🥛🧃🥤🧋"]
)
def test_everything_else_of_eight_characters_is_one(good: str) -> None:
    passwords.check(good, "ada@mugs.example", "Ada Byrne")


async def test_a_password_is_kept_as_argon2id_and_known_however_it_is_typed(shop: Shop) -> None:
    composed, decomposed = "caf\u00e9 au lait 9", "cafe\u0301 au lait 9"
    person = await somebody(shop, password=composed)
    kept = await shop.db.pool.fetchval("select password from person where person_id = $1", person.person_id)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert await passwords.matches(kept, decomposed)
    assert not await passwords.matches(kept, "cafe au lait 9")
    assert not passwords.is_outdated(kept) and not passwords.is_outdated(passwords.NOBODYS)


async def test_one_kept_the_old_way_is_kept_anew_when_it_is_used(shop: Shop) -> None:
    from argon2 import PasswordHasher

    person = await somebody(shop)
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(GOOD)
    await shop.db.pool.execute("update person set password = $2 where person_id = $1", person.person_id, old)
    assert not (await sessions.sign_in(shop.db, person.email, GOOD, HERE, clock.now())).is_half
    kept = await shop.db.pool.fetchval("select password from person where person_id = $1", person.person_id)
    assert kept != old and not passwords.is_outdated(kept)


async def test_who_is_unknown_gets_the_same_no_after_the_same_time(shop: Shop) -> None:
    person = await somebody(shop)
    by_link = await somebody(shop, "bo", password="")
    took: dict[str, list[float]] = {}
    for email in (person.email, by_link.email, f"nobody@{shop.key}.example") * 4:
        began = time.process_time()
        with pytest.raises(WrongPassword):
            await sessions.sign_in(shop.db, email, "not this one", HERE, clock.now())
        took.setdefault(email, []).append(time.process_time() - began)
    slowest, quickest = max(map(median, took.values())), min(map(median, took.values()))
    assert quickest > slowest / 3, took


# tries


async def test_after_ten_wrong_passwords_the_right_one_has_to_wait_too(shop: Shop) -> None:
    person, at = await somebody(shop), clock.now()
    for _ in range(10):
        with pytest.raises(WrongPassword):
            await sessions.sign_in(shop.db, person.email, "not this one", HERE, at)
    for _ in range(3):
        with pytest.raises(TooManyTries) as stopped:
            await sessions.sign_in(shop.db, person.email, GOOD, HERE, at + timedelta(minutes=1))
        assert stopped.value.why["retry_after_s"] == 14 * 60
    assert (await told(shop, person.email)).count("tries_stopped") == 1
    assert await sessions.sign_in(shop.db, person.email, GOOD, HERE, at + timedelta(minutes=16))


async def test_tries_made_at_once_are_counted_one_by_one(shop: Shop) -> None:
    person, at = await somebody(shop), clock.now()
    guesses = [sessions.sign_in(shop.db, person.email, f"guess number {n}", HERE, at) for n in range(14)]
    came = await asyncio.gather(*guesses, return_exceptions=True)
    assert sorted(type(one).__name__ for one in came) == ["TooManyTries"] * 4 + ["WrongPassword"] * 10


async def test_whoever_comes_in_has_all_tries_again(shop: Shop) -> None:
    person, at = await somebody(shop), clock.now()
    for _ in range(3):
        for _ in range(6):
            with pytest.raises(WrongPassword):
                await sessions.sign_in(shop.db, person.email, "not this one", HERE, at)
        assert await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)


async def test_one_address_that_tries_everybody_is_stopped(shop: Shop) -> None:
    at, there = clock.now(), By("", None, f"2001:db8:{shop.merchant % 65536:x}::1", "")
    beside = By("", None, f"2001:db8:{shop.merchant % 65536:x}::ffff:2", "")
    limit = tries.OF_ADDRESS
    for n in range(limit.tries):
        assert await tries.count(shop.db, {limit: tries.network_of(there.address)}, at) is None, n
    with pytest.raises(TooManyTries):  # its neighbor in the same network is the same one
        await sessions.sign_in(shop.db, f"x@{shop.key}.example", GOOD, beside, at)
    elsewhere = By("", None, "198.51.100.77", "")
    with pytest.raises(WrongPassword):
        await sessions.sign_in(shop.db, f"x@{shop.key}.example", GOOD, elsewhere, at)


# sessions


async def test_a_session_ends_when_it_is_idle_and_when_it_is_old(shop: Shop) -> None:
    person, at = await somebody(shop), clock.now()
    opened = await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)
    for days in (6, 12, 18, 24, 29):
        assert await sessions.person_of(shop.db, opened.word, at + timedelta(days=days)), days
    assert await sessions.person_of(shop.db, opened.word, at + timedelta(days=30, minutes=1)) is None
    idle = await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)
    assert await sessions.person_of(shop.db, idle.word, at + timedelta(days=7, minutes=1)) is None


async def test_a_new_password_ends_every_session_and_every_link(shop: Shop) -> None:
    person, at = await somebody(shop), clock.now()
    opened = [await sessions.sign_in(shop.db, person.email, GOOD, HERE, at) for _ in range(2)]
    link = await sessions.issue_link(shop.db, person.email)
    await set_password(shop.db, person, "another of that kind", at, HERE)
    for each in opened:
        assert await sessions.person_of(shop.db, each.word, at) is None
    with pytest.raises(sessions.LinkSpent):
        await sessions.consume(shop.db, link)
    with pytest.raises(WrongPassword):
        await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)
    fresh = await sessions.renew(shop.db, person, "password", HERE, at)
    assert await sessions.person_of(shop.db, fresh.word, at)


async def test_somebody_sees_where_they_are_signed_in_and_signs_out_there(shop: Shop) -> None:
    person, other, at = await somebody(shop), await somebody(shop, "bo"), clock.now()
    here = await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)
    there = await sessions.sign_in(shop.db, person.email, GOOD, By("", None, "203.0.113.9", "Chrome/150 Windows"), at)
    found = await sessions.sessions_of(shop.db, person.person_id, here.word, at)
    assert {(one.address, one.is_this) for one in found} == {("198.51.100.7", True), ("203.0.113.9", False)}
    (lost,) = [one for one in found if not one.is_this]
    await sessions.end_one(shop.db, other, lost.id, HERE, at)  # is not theirs to end
    await sessions.end_one(shop.db, person, "not hex", HERE, at)
    assert await sessions.person_of(shop.db, there.word, at)
    await sessions.end_one(shop.db, person, lost.id, HERE, at)
    assert await sessions.person_of(shop.db, there.word, at) is None
    assert await sessions.person_of(shop.db, here.word, at)


# the second factor


async def with_phone(shop: Shop, keys: Keyring) -> tuple[Person, pyotp.TOTP, list[str]]:
    person, at = await somebody(shop), clock.now()
    await second_factor.propose(shop.db, keys, person)
    secret = await second_factor.proposed(shop.db, keys, person)
    assert secret
    phone = pyotp.TOTP(secret)
    codes = await second_factor.turn_on(shop.db, keys, person, phone.at(at), at, HERE)
    return person, phone, codes


async def test_the_password_alone_is_half_the_way_then(shop: Shop, keys: Keyring) -> None:
    person, phone, _ = await with_phone(shop, keys)
    at = clock.now() + timedelta(minutes=2)
    half = await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)
    assert half.is_half
    assert await sessions.person_of(shop.db, half.word, at) is None
    with pytest.raises(WrongCode):
        await sessions.complete(shop.db, keys, half.word, "000000", HERE, at)
    whole = await sessions.complete(shop.db, keys, half.word, phone.at(at), HERE, at)
    assert await sessions.person_of(shop.db, whole.word, at)
    with pytest.raises(sessions.LinkSpent):
        await sessions.complete(shop.db, keys, half.word, phone.at(at), HERE, at)
    with pytest.raises(sessions.LinkSpent):  # a whole session is no half one either
        await sessions.complete(shop.db, keys, whole.word, phone.at(at), HERE, at)


async def test_a_code_works_once_and_a_moment_before_and_after(shop: Shop, keys: Keyring) -> None:
    person, phone, _ = await with_phone(shop, keys)
    at = clock.now() + timedelta(minutes=2)

    async def shown(code: str) -> Any:
        return await second_factor.check(shop.db, keys, person.person_id, code, at)

    assert await shown(phone.at(at - timedelta(seconds=90))) is None
    assert await shown(phone.at(at + timedelta(seconds=90))) is None
    before, now, after = (phone.at(at + timedelta(seconds=by)) for by in (-30, 0, 30))
    assert await shown(f" {before[:3]} {before[3:]} ") == "code"
    assert await shown(before) is None
    assert await shown(after) == "code"
    assert await shown(now) is None  # one that is older than the last used one
    came = await asyncio.gather(*(
        second_factor.check(shop.db, keys, person.person_id, phone.at(at + timedelta(minutes=3)),
                            at + timedelta(minutes=3)) for _ in range(6)
    ))  # fmt: skip
    assert sorted(map(str, came)) == ["None"] * 5 + ["code"]


async def test_a_recovery_code_lets_in_once_and_new_ones_replace_the_old(shop: Shop, keys: Keyring) -> None:
    person, _, codes = await with_phone(shop, keys)
    at = clock.now() + timedelta(minutes=2)
    assert len(set(codes)) == 10
    for shown in (codes[0], codes[1].upper().replace("-", " ")):
        half = await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)
        assert await sessions.complete(shop.db, keys, half.word, shown, HERE, at)
        half = await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)
        with pytest.raises(WrongCode):
            await sessions.complete(shop.db, keys, half.word, shown, HERE, at)
    assert await second_factor.codes_left(shop.db, person.person_id) == 8
    assert (await told(shop, person.email)).count("recovery_code_used") == 2
    fresh = await second_factor.new_codes(shop.db, person, at, HERE)
    assert await second_factor.check(shop.db, keys, person.person_id, codes[5], at) is None
    assert await second_factor.check(shop.db, keys, person.person_id, fresh[5], at) == "recovery_code"


async def test_guessing_codes_is_stopped(shop: Shop, keys: Keyring) -> None:
    person, phone, _ = await with_phone(shop, keys)
    at = clock.now() + timedelta(minutes=2)
    half = await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)
    for _ in range(10):
        with pytest.raises(WrongCode):
            await sessions.complete(shop.db, keys, half.word, "123456x", HERE, at)
    with pytest.raises(TooManyTries):
        await sessions.complete(shop.db, keys, half.word, phone.at(at), HERE, at)


async def test_it_counts_from_when_the_phone_has_proven_it(shop: Shop, keys: Keyring) -> None:
    person, at = await somebody(shop), clock.now()
    with pytest.raises(NotProposed):
        await second_factor.turn_on(shop.db, keys, person, "123456", at, HERE)
    await second_factor.propose(shop.db, keys, person)
    with pytest.raises(CodeDoesNotFit):
        await second_factor.turn_on(shop.db, keys, person, "12345é", at, HERE)
    assert not (await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)).is_half
    secret = await second_factor.proposed(shop.db, keys, person)
    assert secret
    kept = await shop.db.pool.fetchval("select totp_secret from person where person_id = $1", person.person_id)
    assert secret not in kept and kept.startswith("v1.")
    await second_factor.turn_on(shop.db, keys, person, pyotp.TOTP(secret).at(at), at, HERE)
    with pytest.raises(SecondFactorIsOn):
        await second_factor.propose(shop.db, keys, person)
    assert await second_factor.proposed(shop.db, keys, person) is None
    await second_factor.turn_off(shop.db, person, at, HERE)
    assert not (await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)).is_half
    assert await second_factor.codes_left(shop.db, person.person_id) == 0


async def test_a_link_from_the_machine_is_the_way_in_without_the_phone_and_a_letter_is_not(
    shop: Shop, keys: Keyring
) -> None:
    person, _, _ = await with_phone(shop, keys)
    assert not (await sessions.consume(shop.db, await sessions.issue_link(shop.db, person.email))).is_half
    assert (await sessions.consume(shop.db, await sessions.issue_link(shop.db, person.email, kind="letter"))).is_half
    assert (await sessions.sign_in_as_told(shop.db, person.email, HERE, clock.now())).is_half
    with pytest.raises(NotInvited):
        await sessions.sign_in_as_told(shop.db, f"stranger@{shop.key}.example", HERE, clock.now())


# people


async def test_the_last_owner_stays(own_urls: Any) -> None:
    db = await Db.open(own_urls.app, own_urls.router, size=4)
    try:
        await add_person(db, "a@example.com", "owner")
        for refused in (end_person(db, "a@example.com"), change_role(db, "a@example.com", "operator")):
            with pytest.raises(LastOwner):
                await refused
        await add_person(db, "b@example.com", "owner")
        both = await asyncio.gather(
            end_person(db, "a@example.com"), change_role(db, "b@example.com", "floor"), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in both) == ["LastOwner", "NoneType"]
        assert sum(person["role"] == "owner" for person in await everybody(db)) == 1
    finally:
        await db.close()


async def test_an_operator_manages_those_who_reach_less(shop: Shop) -> None:
    kim = await somebody(shop, "kim", "operator", password="")
    lea = await somebody(shop, "lea", "floor", password="")
    owner = await somebody(shop, "dana", "owner", password="")
    await change_role(shop.db, lea.email, "read_only", manager=kim)
    for refused in (
        change_role(shop.db, lea.email, "operator", manager=kim),
        change_role(shop.db, owner.email, "floor", manager=kim),
        end_person(shop.db, owner.email, manager=kim),
        end_person(shop.db, kim.email, manager=lea),
    ):
        with pytest.raises(NotAllowed):
            await refused
    roles = {person["email"]: person["role"] for person in await everybody(shop.db)}
    assert (roles[kim.email], roles[lea.email], roles[owner.email]) == ("operator", "read_only", "owner")


async def test_somebody_who_left_comes_back_with_nothing_of_what_they_had(shop: Shop) -> None:
    person = await somebody(shop)
    opened = await sessions.sign_in(shop.db, person.email, GOOD, HERE, clock.now())
    await end_person(shop.db, person.email)
    with pytest.raises(WrongPassword):
        await sessions.sign_in(shop.db, person.email, GOOD, HERE, clock.now())
    await add_person(shop.db, person.email, "floor")
    assert await sessions.person_of(shop.db, opened.word) is None
    with pytest.raises(WrongPassword):
        await sessions.sign_in(shop.db, person.email, GOOD, HERE, clock.now())
    assert (await told(shop, person.email))[-4:] == [
        "person_ended",
        "sign_in_failed",
        "person_invited",
        "sign_in_failed",
    ]


async def test_what_is_no_address_role_or_zone_is_refused(shop: Shop) -> None:
    person, other = await somebody(shop, password=""), await somebody(shop, "bo", password="")
    for email in ("", "ada", "a b@example.com", "a@b@c", f"{'x' * 250}@example.com"):
        with pytest.raises(NotAnEmail):
            clean_email(email)
    assert clean_email("  Ada@Example.COM ") == "ada@example.com"
    for role, merchant in (("merchant", None), ("emperor", None), ("operator", shop.merchant)):
        with pytest.raises(UnknownRole):
            await change_role(shop.db, person.email, role, merchant)
    with pytest.raises(NoSuchPerson):
        await change_role(shop.db, f"nobody@{shop.key}.example", "floor")
    with pytest.raises(PersonExists):
        await change_email(shop.db, person, other.email)
    with pytest.raises(NotATimeZone):
        await change_looks(shop.db, person.person_id, name="Ada", timezone="Europe/Atlantis")


# the log


async def test_what_is_logged_stays_as_it_was_written(shop: Shop) -> None:
    person, at = await somebody(shop), clock.now()
    with pytest.raises(WrongPassword):
        await sessions.sign_in(shop.db, person.email, "not this one", HERE, at)
    await sessions.sign_in(shop.db, person.email, GOOD, HERE, at)
    with pytest.raises(WrongPassword):
        await sessions.sign_in(shop.db, GOOD, "typed into the wrong field", HERE, at)
    assert await told(shop, person.email) == ["person_invited", "password_set", "sign_in_failed", "signed_in"]
    (row,) = await shop.db.pool.fetch(
        "select address, browser from log_entry where what = 'signed_in' and who = $1", person.email
    )
    assert tuple(row) == (HERE.address, HERE.browser)
    whole = await shop.db.pool.fetchval("select string_agg(t::text, ' ') from log_entry t")
    assert GOOD not in whole
    for forbidden in ("update log_entry set who = 'x'", "delete from log_entry", "truncate log_entry"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await shop.db.pool.execute(forbidden)


async def test_the_log_is_read_page_by_page_without_gap_or_repeat(shop: Shop) -> None:
    at, by = clock.now() + timedelta(days=400), By(f"x@{shop.key}.example")
    for n in range(25):  # many in the same instant
        await log.write(shop.db, by, "key_made", at + timedelta(seconds=n // 10), f"{n}")
    seen: list[str] = []
    before = (at + timedelta(days=1), 0)
    while page := await log.latest(shop.db, before, 7, "keys"):
        ours = [entry for entry in page if entry.who == by.who]
        seen += [entry.about for entry in ours]
        if len(ours) < len(page):
            break
        before = (page[-1].at, page[-1].entry_id)
    assert len(seen) == 25 and set(seen) == {str(n) for n in range(25)}
    assert await log.latest(shop.db, (at + timedelta(days=1), 0), 1, "people") != page


async def test_changed_settings_are_logged_with_whose_they_are(shop: Shop, tmp_path: Path) -> None:
    by, keys, at = By(f"kim@{shop.key}.example", None, "198.51.100.7"), keyring(tmp_path), clock.now()
    site = NewSite(code=f"L{shop.merchant}", name="Loft", country="US", address={})
    await add_site(shop.db, shop.merchant, site, by)
    config = {"base_url": "http://127.0.0.1:9", "api_key": "hush-hush"}
    await connect(shop.db, keys, shop.merchant, "payments", plugin="simpay", code="till", config=config, by=by)
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await change_merchant(tx, shop.merchant, by, ship="complete", hold_duplicates=False)
        assert await disconnect(tx, shop.merchant, "payments", "till", by)
        made, _ = await subscribers.create(tx, shop.merchant, "https://example.com/x", [], at, by)
        await subscribers.remove(tx, shop.merchant, made.id, at, by)
    rows = await shop.db.pool.fetch(
        "select about, details->>'setting' as setting, (details->>'merchant')::bigint as merchant, details::text"
        " from log_entry where who = $1", by.who,
    )  # fmt: skip
    assert {(row["about"], row["setting"]) for row in rows} == {
        (site.code, "new site"), ("till", "payments"), ("ship, hold duplicates", "merchant"), ("till", "no payments"),
        ("https://example.com/x", "new webhook"), ("https://example.com/x", "no webhook"),
    }  # fmt: skip
    assert {row["merchant"] for row in rows} == {shop.merchant, None}
    assert not any("hush" in row["details"] for row in rows)
    with pytest.raises(ZeroDivisionError):
        async with tenant_tx(shop.db, [shop.merchant]) as tx:
            await change_merchant(tx, shop.merchant, by, ship="split")
            raise ZeroDivisionError
    assert len(rows) == await shop.db.pool.fetchval("select count(*) from log_entry where who = $1", by.who)
