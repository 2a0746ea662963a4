"""The key of what is sealed is changed: everything opens before, half-way and after; an old key goes when it may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from doorstep.kit import clock
from doorstep.kit.embedded import Urls
from doorstep.kit.home import home
from doorstep.kit.secrets import (
    ENV,
    FILE,
    KeyInUse,
    KeyIsGone,
    KeysFromEnvironment,
    NoSuchKey,
    drop_key,
    keyring,
    new_key,
)
from doorstep.setup import hooks, log, rotating, second_factor, subscribers
from doorstep.setup.connections import connect, connection_of
from doorstep.setup.notices.rules import endpoint_of, set_addresses, wanted
from doorstep.setup.people import Person, add_person, person_called
from doorstep.setup.rotating import PLACES, Rotated, forget, kept, rotate
from doorstep.setup.tracking_links import TrackingLinks
from doorstep.spine.tenant import Db, tenant_tx
from tests.shop import Shop, open_shop

HOOK_SECRET, TILL = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "hush-hush"
SEALED_COLUMNS = """
select table_name, column_name from information_schema.columns
  where table_schema = 'public' and column_name like '%secret%'
"""


@pytest.fixture
async def alone(own_urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """A shop in a database and a home of its own."""
    monkeypatch.setenv("DOORSTEP_HOME", str(tmp_path))
    db = await Db.open(own_urls.app, own_urls.router, size=2)
    yield await open_shop(db)
    await db.close()


class Secrets:
    """One of each kind, read as whoever needs it does."""

    def __init__(self, shop: Shop, person: Person, told: dict[str, Any]) -> None:
        self.shop, self.person, self.told = shop, person, told

    @classmethod
    async def of(cls, shop: Shop) -> Secrets:
        config = {"base_url": "http://127.0.0.1:9", "api_key": TILL}
        await connect(shop.db, keyring(home()), shop.merchant, "payments", plugin="simpay", code="till", config=config)
        await connect(shop.db, keyring(home()), shop.merchant, "carrier", plugin="simcarrier", code="sim",
                      config={"base_url": "http://127.0.0.1:9"})  # fmt: skip
        async with tenant_tx(shop.db, [shop.merchant]) as tx:
            await hooks.open_hook(tx, shop.merchant, "sim", "standard", HOOK_SECRET, shop.at)
            _, webhook = await subscribers.create(tx, shop.merchant, "https://example.com/told", (), shop.at)
            notices = await set_addresses(tx, shop.merchant, shop.at, url="https://example.com/notices")
        await add_person(shop.db, "ada@example.com", "merchant", merchant=shop.merchant)
        person = await person_called(shop.db, "ada@example.com")
        await second_factor.propose(shop.db, keyring(home()), person)
        told = {"account": TILL, "hook": HOOK_SECRET, "webhook": webhook, "notices": (notices,)}
        secrets = cls(shop, person, told)
        secrets.told["phone"] = await second_factor.proposed(shop.db, keyring(home()), person)
        return secrets

    async def read(self) -> dict[str, Any]:
        here, keys = self.shop.merchant, keyring(home())
        async with tenant_tx(self.shop.db, [here], readonly=True) as tx:
            account = await connection_of(tx, keys, here, "payments", "till")
            hook = await tx.row("select code, secret from carrier_hook where merchant_id = $1", here)
            webhook = await tx.row("select endpoint_id, secret from webhook_endpoint where merchant_id = $1", here)
            notices = endpoint_of(here, await wanted(tx, here))
        assert account and notices
        return {
            "account": account[1]["api_key"],
            "hook": keys.open(hook["secret"], hooks.context_of(here, hook["code"])),
            "webhook": keys.open(webhook["secret"].decode(), subscribers.context_of(here, webhook["endpoint_id"])),
            "notices": notices.secrets,
            "phone": await second_factor.proposed(self.shop.db, keys, self.person),
        }

    async def are_there(self) -> bool:
        return await self.read() == self.told


class Stopped(Exception):
    """Somebody pressed Control-C."""


async def test_all_that_is_sealed_opens_before_half_way_and_after(alone: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, db = await Secrets.of(alone), alone.db
    old = keyring(home()).current
    before = await kept(db, keyring(home()))
    assert (before.current, before.keys, before.gone) == (old, {old: 5}, {})
    monkeypatch.setattr(rotating, "BATCH", 1)

    def stop(moved: int) -> None:
        if moved == 2:
            raise Stopped

    with pytest.raises(Stopped):
        await rotate(db, home(), alone.at, stop)
    half = await kept(db, keyring(home()))
    fresh = half.current
    assert fresh != old and half.keys == {fresh: 2, old: 3}
    assert await secrets.are_there()

    assert await rotate(db, home(), alone.at) == Rotated(key=fresh, is_new=False, moved=3)  # no third key
    assert (await kept(db, keyring(home()))).keys == {fresh: 5, old: 0}
    assert await secrets.are_there()
    entries = await log.latest(db, (clock.now() + timedelta(days=1), 2**62), 10, "settings")
    assert [entry.about for entry in entries if entry.details["setting"] == "secret key"] == [fresh]

    again = await rotate(db, home(), alone.at)
    assert again.is_new and again.moved == 5 and again.key not in (old, fresh)
    assert await secrets.are_there()


async def test_who_holds_the_keys_already_finds_the_new_one(alone: Shop) -> None:
    """A worker that runs, and a web process that made links: neither is started anew."""
    await Secrets.of(alone)
    running = keyring(home())
    link = TrackingLinks(running).token(alone.merchant, 7)
    await rotate(alone.db, home(), alone.at)
    async with tenant_tx(alone.db, [alone.merchant], readonly=True) as tx:
        account = await connection_of(tx, running, alone.merchant, "payments", "till")
    assert account and account[1]["api_key"] == TILL
    late = TrackingLinks(keyring(home())).token(alone.merchant, 7)
    assert late != link
    for keys in (running, keyring(home())):
        assert TrackingLinks(keys).read(link) == TrackingLinks(keys).read(late) == (alone.merchant, 7)


async def test_an_old_key_goes_when_it_seals_nothing_and_its_links_with_it(alone: Shop) -> None:
    secrets, db = await Secrets.of(alone), alone.db
    old = keyring(home()).current
    link = TrackingLinks(keyring(home())).token(alone.merchant, 7)
    with pytest.raises(KeyInUse):
        await forget(db, home(), old, alone.at)
    fresh = (await rotate(db, home(), alone.at)).key
    with pytest.raises(NoSuchKey):
        await forget(db, home(), "0123456789ab", alone.at)
    with pytest.raises(KeyInUse):
        await forget(db, home(), fresh, alone.at)
    await forget(db, home(), old, alone.at)
    assert keyring(home()).older == []
    assert TrackingLinks(keyring(home())).read(link) is None
    assert await secrets.are_there()


async def test_a_key_that_is_gone_is_named(alone: Shop) -> None:
    """The file of keys was written by hand, and one is missing; what the others seal is rotated all the same."""
    secrets, db = await Secrets.of(alone), alone.db
    lost = keyring(home()).current
    file = home() / FILE
    file.write_text(new_key() + "\n")
    with pytest.raises(KeyIsGone) as no:
        await secrets.read()
    assert no.value.why["key"] == lost and lost in str(no.value)
    config = {"base_url": "http://127.0.0.1:9", "api_key": TILL}
    await connect(db, keyring(home()), alone.merchant, "payments", plugin="simpay", code="till", config=config)
    with pytest.raises(KeyIsGone) as no:
        await rotate(db, home(), alone.at)
    assert no.value.why == {"keys": lost, "secrets": 4, "moved": 1}
    assert (await kept(db, keyring(home()))).gone == {lost: 4}


async def test_what_was_damaged_is_passed_by(alone: Shop) -> None:
    await Secrets.of(alone)
    async with tenant_tx(alone.db, [alone.merchant]) as tx:
        await tx.run("update carrier_hook set code = 'another' where merchant_id = $1", alone.merchant)
    old = keyring(home()).current
    done = await rotate(alone.db, home(), alone.at)
    assert done.moved == 4
    assert (await kept(alone.db, keyring(home()))).keys == {done.key: 4, old: 1}
    assert (await rotate(alone.db, home(), alone.at)).is_new  # it does not stand in the way for ever


async def test_keys_of_the_environment_are_changed_there(alone: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    older, newer = new_key(), new_key()
    monkeypatch.setenv(ENV, older)
    secrets = await Secrets.of(alone)
    with pytest.raises(KeysFromEnvironment):
        await rotate(alone.db, home(), alone.at)
    monkeypatch.setenv(ENV, f"{newer} {older}")
    assert await secrets.are_there()
    done = await rotate(alone.db, home(), alone.at)
    assert (done.is_new, done.moved) == (False, 5)
    with pytest.raises(KeysFromEnvironment):
        drop_key(home(), keyring(home()).older[0])
    monkeypatch.setenv(ENV, newer)
    assert await secrets.are_there()
    assert not (home() / FILE).exists()


async def test_no_column_of_secrets_is_forgotten(alone: Shop) -> None:
    """Whoever adds one adds it to the places that are rotated."""
    columns = {tuple(row) for row in await alone.db.pool.fetch(SEALED_COLUMNS)}
    assert columns == {(place.table, place.column) for place in PLACES}
