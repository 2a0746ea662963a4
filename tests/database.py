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
from concurrent.futures import ThreadPoolExecutor
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
from doorstep.spine.tenant import FROZEN_SECONDS, Db

HOME = "DOORSTEP_TEST_HOME"
PREFIX = "doorstep-tests-"
# The tests that need durable writes have a server of their own.
HASTE = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
# All tests share the server. One that never commits would hold up the others for ever: who waits for it fails, and
# says what for. Far above what anything takes on the slowest machine; migrations and pg_dump set limits of their own.
LONGEST_WAIT_FOR_A_LOCK_S, LONGEST_STATEMENT_S = 120, 240
PATIENCE = f"lock_timeout = {LONGEST_WAIT_FOR_A_LOCK_S}s\nstatement_timeout = {LONGEST_STATEMENT_S}s\n"
# Who holds a lock is to be there still when those who wait for it fail: it is told with them.
FROZEN_AFTER_S = 180


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker(config):
        _end_what_died_before()
        # Not pytest's own temporary folder: that one shuts out the system user the server runs as under root.
        os.environ[HOME] = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=_short_temp())
        os.environ.setdefault(FROZEN_SECONDS, str(FROZEN_AFTER_S))


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A test that waited too long for the database names the statement, and who stood in its way."""
    report = yield
    waited = waited_in_vain(call.excinfo.value) if call.excinfo else None
    if waited is not None:
        report.sections.append(("waited too long for the database", told_of(waited)))
    return report


def waited_in_vain(error: BaseException | None) -> asyncpg.PostgresError | None:
    while error is not None:
        if isinstance(error, asyncpg.QueryCanceledError | asyncpg.LockNotAvailableError):
            return error
        if isinstance(error, BaseExceptionGroup):
            return next((found for one in error.exceptions if (found := waited_in_vain(one))), None)
        error = error.__cause__ or error.__context__
    return None


def told_of(error: asyncpg.PostgresError) -> str:
    """The statement that waited, and every transaction that is open now."""
    try:
        with ThreadPoolExecutor(1) as apart:  # a loop may run here
            standing = apart.submit(asyncio.run, _open()).result()
    except (OSError, asyncpg.PostgresError) as failed:
        standing = [repr(failed)]
    return "\n".join(
        [f"{error}; {error.context}", (error.query or "").strip(), "", "Transactions that are open:", *standing]
    )


OPEN_TRANSACTIONS = """
select a.datname, a.pid, a.state, round(extract(epoch from clock_timestamp() - a.xact_start)) as for_s, a.query
  from pg_stat_activity a where a.xact_start is not null and a.usename = current_user and a.pid <> pg_backend_pid()
  order by a.xact_start
"""


async def _open() -> list[str]:
    """Of the application: who asks as another role is not told what it asks."""
    connection = await asyncpg.connect(embedded.urls(Path(os.environ[HOME])).app)
    try:
        rows = await connection.fetch(OPEN_TRANSACTIONS)
        return [
            f"{row['datname']} {row['pid']}, {row['state']}, for {row['for_s']} s: {row['query'].strip()}"
            for row in rows
        ]
    finally:
        await connection.close()


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
        haste.write_text(HASTE + PATIENCE)
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
        async with asyncio.timeout(LONGEST_WAIT_FOR_A_LOCK_S):
            while await connection.fetchval(CONNECTED, DATABASE):
                await asyncio.sleep(0.02)
        await _alone(connection, f'create database "{name}" template {DATABASE}')
        for statement in grants(f'"{name}"'):
            await connection.execute(statement)


async def _drop(name: str) -> None:
    async with _postgres() as connection:
        await _alone(connection, f'drop database if exists "{name}" with (force)')


async def _alone(connection: asyncpg.Connection[asyncpg.Record], statement: str) -> None:
    """Until nobody is at that database: the server itself waits five seconds only for those that it has told to go."""
    async with asyncio.timeout(LONGEST_WAIT_FOR_A_LOCK_S):
        while True:
            try:
                await connection.execute(statement)
                return
            except asyncpg.ObjectInUseError:
                continue


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
