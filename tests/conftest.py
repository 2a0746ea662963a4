"""What every test can ask for: a database behind the wall, and a shop of its own in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from doorstep.spine.tenant import Db
from tests.shop import BooksOfAFile, Shop, open_shop

pytest_plugins = ["tests.database"]

# The same examples on every run and every machine, however slow; `--hypothesis-profile=search` looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("steady")


@pytest.fixture
def db(opened: Db) -> Db:
    """The way to the database, as a process has it that was just started: nothing is kept yet."""
    return Db(opened.pool, opened.router, columns=opened.columns)


@pytest.fixture(scope="module")
async def books_of_this_file(opened: Db) -> AsyncIterator[BooksOfAFile]:
    """Of the shops that a file's tests ask for; audited all at once when the last of those tests is over."""
    kept = BooksOfAFile(opened)
    yield kept
    await kept.audit()


@pytest.fixture
async def shop(db: Db, books_of_this_file: BooksOfAFile, request: pytest.FixtureRequest) -> Shop:
    """A merchant with two sites and a mug; its books are audited with those of the file."""
    return books_of_this_file.of(await open_shop(db), request.node.nodeid)


@pytest.fixture
async def other_shop(db: Db, books_of_this_file: BooksOfAFile, request: pytest.FixtureRequest) -> Shop:
    """Another merchant on the other side of the wall."""
    return books_of_this_file.of(await open_shop(db), request.node.nodeid)
