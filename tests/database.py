"""database: one embedded server for a whole test run, one migrated database for each worker of it.

The first process of the run names a home and ends its server; who needs the database first starts it.
pyproject.toml loads it for every test.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest

from doorstep.kit import embedded
from doorstep.kit import home as homes
from doorstep.kit.embedded.server import grants
from doorstep.kit.embedded.urls import DATABASE
from doorstep.kit.garbage import collect_seldom
from doorstep.kit.migrate import migrate
from doorstep.spine.tenant import Db

HOME = "DOORSTEP_TEST_HOME"
PREFIX = "doorstep-tests-"
# The tests that need durable writes have a server of their own.
HASTE = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker(config):
        _end_what_died_before()
        # Not pytest's own temporary folder: that one shuts out the system user the server runs as under root.
        os.environ[HOME] = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=_short_temp())


def pytest_collection_finish() -> None:
    """What is loaded by now stays: nobody looks for garbage in it after each of thousands of tests."""
    collect_seldom()


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: one always waits for a process to start, a clock, or a disk."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config):
        _end(Path(os.environ.pop(HOME)))


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _short_temp() -> str:
    temp = tempfile.gettempdir()
    return temp if len(temp) < 40 else "/tmp"


def _end_what_died_before() -> None:
    for folder in Path(_short_temp()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdigit() and not _lives(int(pid)) and os.access(folder, os.W_OK):
            _end(folder)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(home: Path) -> None:
    embedded.stop(home)
    shutil.rmtree(home, ignore_errors=True)


def start_shared() -> embedded.Urls:
    """The run's server with its template database, migrated by whoever came first."""
    home = Path(os.environ[HOME])
    urls = embedded.start(home)
    haste = home / "postgres" / "local.conf"
    if not haste.exists():
        haste.write_text(HASTE)
        haste.chmod(0o644)
        pid = embedded.server_pid(home)
        assert pid is not None
        os.kill(pid, signal.SIGHUP)
    return urls


def make_database(name: str) -> embedded.Urls:
    """A database of its own, cloned from the template; nobody may be connected to that one meanwhile."""
    with homes.locked(Path(os.environ[HOME]), "tests"):
        urls = start_shared()
        asyncio.run(_clone(urls, name))
    return urls.of(name)


def drop_database(name: str) -> None:
    asyncio.run(_drop(name))


CONNECTED = "select count(*) from pg_stat_activity where datname = $1 and backend_type = 'client backend'"


async def _clone(urls: embedded.Urls, name: str) -> None:
    await migrate(urls.owner)
    async with _postgres() as connection:
        # The server itself waits five seconds only for those that hung up to be gone.
        async with asyncio.timeout(120):
            while await connection.fetchval(CONNECTED, DATABASE):
                await asyncio.sleep(0.02)
        for statement in (f'create database "{name}" template {DATABASE}', *grants(f'"{name}"')):
            await connection.execute(statement)


async def _drop(name: str) -> None:
    async with _postgres() as connection:
        await connection.execute(f'drop database if exists "{name}" with (force)')


@asynccontextmanager
async def _postgres() -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(embedded.urls(Path(os.environ[HOME])).of("postgres").owner)
    try:
        yield connection
    finally:
        await connection.close()


def environment(urls: embedded.Urls) -> dict[str, str]:
    """For a doorstep in a process of its own: the surroundings that lead it to this database."""
    named = {
        "DATABASE_URL": urls.app,
        "DATABASE_OWNER_URL": urls.owner,
        "DATABASE_ROUTER_URL": urls.router,
    }
    return {**os.environ, **named}


@pytest.fixture(scope="session")
def urls() -> embedded.Urls:
    """This worker's database; tests share it, each with merchants of its own."""
    return make_database(f"of_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}")


@pytest.fixture(scope="session")
async def opened(urls: embedded.Urls) -> AsyncIterator[Db]:
    """The way to it, opened once: what one test made its connections prepare is ready for the next."""
    db = await Db.open(urls.app, urls.router, size=4)
    yield db
    await db.close()


@contextmanager
def a_database() -> Iterator[embedded.Urls]:
    name = f"own_{os.urandom(6).hex()}"
    yield make_database(name)
    drop_database(name)


@pytest.fixture
def own_urls() -> Iterator[embedded.Urls]:
    """A database for one test alone."""
    with a_database() as urls:
        yield urls


@pytest.fixture(scope="module")
def urls_of_this_file() -> Iterator[embedded.Urls]:
    """A database for the tests of one file: each leaves it as the next one needs it."""
    with a_database() as urls:
        yield urls


@pytest.fixture
def a_home() -> Iterator[Path]:
    """A fresh folder for a doorstep of its own; its server is ended with the test."""
    with tempfile.TemporaryDirectory(prefix="doorstep-home-", dir=_short_temp(), ignore_cleanup_errors=True) as folder:
        home = Path(folder).resolve()
        try:
            yield home
        finally:
            embedded.stop(home)
