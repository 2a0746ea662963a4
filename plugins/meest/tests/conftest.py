"""What Meest's tests share: a Meest that runs, an account with it, and a shop that connects it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from doorstep.plug import Policy, Wire
from doorstep_meest.carrier import Meest
from doorstep_meest.client import Client
from doorstep_meest.settings import Settings
from plugins.meest.tests.fake_meest import CONTRACT, LOGIN, PASSWORD, FakeMeest
from tests.conftest import db, shop
from tests.doors.web import web
from tests.plug.carrier_contract import SLOW_S

__all__ = ["db", "shop", "web"]

PATIENT = Policy(tries=2, backoff_s=0.01, deadline_s=30.0, breaker_after=99)
HASTY = replace(PATIENT, deadline_s=SLOW_S / 2)


def settings(fake: FakeMeest, **more: Any) -> Settings:
    told = {"username": LOGIN, "password": PASSWORD, "contract_id": CONTRACT, "base_url": fake.url, "currency": "USD",
            "sender_phone": "+19735550100"}  # fmt: skip
    return Settings(**(told | more))


def a_meest(fake: FakeMeest, settles_s: float = 0.0, policy: Policy = PATIENT, **more: Any) -> Meest:
    """It tries twice, and makes no pause after a purchase that was not answered."""
    told = settings(fake, **more)
    return Meest("meest", told, Client("meest", told, Wire(fake.url, policy=policy)), settles_s)


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Secrets are sealed with the keys of a home: not with those of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOORSTEP_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def running() -> Iterator[FakeMeest]:
    with FakeMeest() as begun:
        yield begun


@pytest.fixture
def fake(running: FakeMeest) -> FakeMeest:
    """One that has sold nothing yet."""
    running.begin_anew()
    return running


@pytest.fixture
async def carrier(fake: FakeMeest) -> AsyncIterator[Meest]:
    made = a_meest(fake)
    yield made
    await made.close()


@pytest.fixture
async def hasty(fake: FakeMeest) -> AsyncIterator[Meest]:
    made = a_meest(fake, policy=HASTY)
    yield made
    await made.close()


@pytest.fixture
async def anew(fake: FakeMeest) -> AsyncIterator[Meest]:
    made = a_meest(fake)
    yield made
    await made.close()
