"""What every test can ask for: a database behind the wall, and a shop of its own in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from doorstep.spine.tenant import Db
from tests.shop import Shop, open_shop

pytest_plugins = ["tests.database"]

# The same examples on every run and every machine, however slow; `--hypothesis-profile=search` looks for new ones.
# Nor is a machine that is slow at drawing them a fault of theirs.
STEADY = [HealthCheck.too_slow]
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=STEADY)
settings.register_profile("search", deadline=None, suppress_health_check=STEADY, max_examples=1000, print_blob=True)
settings.load_profile("steady")


@pytest.fixture
def db(opened: Db) -> Db:
    """The way to the database, as a process has it that was just started: nothing is kept yet."""
    return Db(opened.pool, opened.router, columns=opened.columns)


@pytest.fixture
async def shop(db: Db) -> AsyncIterator[Shop]:
    """A merchant with two sites and a mug; its books are audited when the test is over."""
    # All tests come from one address: what the others tried there is none of this one's.
    await db.pool.execute("delete from attempt")
    opened = await open_shop(db)
    yield opened
    await opened.audit()


@pytest.fixture
async def other_shop(db: Db) -> AsyncIterator[Shop]:
    """Another merchant on the other side of the wall."""
    opened = await open_shop(db)
    yield opened
    await opened.audit()
