"""The embedded database: comes up anywhere, comes back from anything, and says what is in its way."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import pytest

from doorstep.kit import embedded
from doorstep.kit import home as homes
from doorstep.kit.embedded import binaries, server, system_user
from doorstep.kit.migrate import DatabaseIsNewer, migrate

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")

START = "import sys, pathlib; from doorstep.kit import embedded; embedded.start(pathlib.Path(sys.argv[1]))"
# It comes as far as its initdb, and no farther.
START_THAT_STANDS_STILL = f"""
import subprocess, time
from doorstep.kit.embedded import server
def begin(at, program, *words, **_):
    command = [at.programs / program, *words]
    out = subprocess.DEVNULL
    subprocess.Popen(command, stdout=out, cwd="/", env=server.clean_environment(), **server.run_as(at.user))
    print("begun", flush=True)
    time.sleep(600)
server._run = begin
{START}
"""


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def tell(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def kill_server(home: Path) -> None:
    """Kill it and see it dead: the signal only asks, and until it is heard the server still answers."""
    pid = embedded.server_pid(home)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while embedded.server_pid(home) == pid:
        time.sleep(0.005)


async def test_each_role_reaches_the_database_and_none_is_a_superuser(a_home: Path) -> None:
    urls = embedded.start(a_home)
    for url, role in (
        (urls.owner, "doorstep_owner"),
        (urls.app, "doorstep_app"),
        (urls.router, "doorstep_router"),
    ):
        assert await ask(url, "select current_user") == role
        assert await ask(url, "select rolsuper or rolbypassrls from pg_roles where rolname = current_user") is False


async def test_the_server_listens_on_its_socket_alone_and_trusts_nobody(a_home: Path) -> None:
    urls = embedded.start(a_home)
    assert await ask(urls.app, "show listen_addresses") == ""
    assert "trust" not in (a_home / "postgres" / "pg_hba.conf").read_text()
    password = embedded.urls(a_home).app.split(":")[2].split("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(urls.app.replace(password, "guess"), "select 1")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(urls.owner.replace("doorstep_owner", "postgres"), "select 1")


async def test_passwords_are_for_the_owner_of_the_home_alone(a_home: Path) -> None:
    embedded.start(a_home)
    assert stat.S_IMODE((a_home / "passwords.json").stat().st_mode) == 0o600


async def test_lost_passwords_are_made_anew_and_the_data_stays(a_home: Path) -> None:
    before = embedded.start(a_home)
    await tell(before.owner, "create table kept (n int)", "insert into kept values (7)")
    (a_home / "passwords.json").unlink()
    after = embedded.start(a_home)
    assert after.owner != before.owner
    assert await ask(after.owner, "select n from kept") == 7


async def test_what_was_committed_survives_kill_9_of_the_server(a_home: Path) -> None:
    urls = embedded.start(a_home)
    await tell(urls.owner, "create table kept (n int)", "insert into kept select generate_series(1, 1000)")
    for _ in range(3):
        kill_server(a_home)
        urls = await asyncio.to_thread(embedded.start, a_home)
        await tell(urls.owner, "insert into kept values (0)")
    assert await ask(urls.owner, "select count(*) from kept") == 1003


async def test_it_starts_over_the_leftovers_of_a_crash_whose_number_another_process_has_now(
    a_home: Path,
) -> None:
    embedded.start(a_home)
    note = a_home / "postgres" / "postmaster.pid"
    lines = note.read_text().splitlines()
    embedded.stop(a_home)
    note.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    socket_lock = a_home / "run" / ".s.PGSQL.5432.lock"
    socket_lock.write_text(f"{os.getpid()}\n")
    (a_home / "run" / ".s.PGSQL.5432").touch()
    assert not embedded.running(a_home)
    urls = embedded.start(a_home)
    assert await ask(urls.app, "select 1") == 1


async def test_a_slow_recovery_is_waited_for(a_home: Path) -> None:
    """On its way up the server asks for its log by a command, which keeps it waiting as a slow disk would."""
    urls = embedded.start(a_home)
    await tell(urls.owner, "create table kept as select generate_series(1, 200000) as n")
    kill_server(a_home)
    data = a_home / "postgres"
    (data / "recovery.signal").touch()
    (data / "local.conf").write_text("restore_command = 'touch asked; until [ -e told ]; do sleep 0.1; done; false'\n")
    (data / "local.conf").chmod(0o644)
    starting = asyncio.create_task(asyncio.to_thread(embedded.start, a_home))
    while not (data / "asked").exists():
        await asyncio.sleep(0.05)
    await asyncio.sleep(3)
    assert not starting.done()
    (data / "told").touch()
    assert await ask((await starting).owner, "select count(*) from kept") == 200_000


async def test_a_server_still_held_by_the_old_ones_backends_starts_when_they_are_gone(a_home: Path) -> None:
    urls = embedded.start(a_home)
    connection = await asyncpg.connect(urls.owner)
    backend = await connection.fetchval("select pg_backend_pid()")
    os.kill(backend, signal.SIGSTOP)
    kill_server(a_home)
    starting = asyncio.create_task(asyncio.to_thread(embedded.start, a_home))
    await asyncio.sleep(1)
    assert not starting.done()
    os.kill(backend, signal.SIGCONT)
    assert await ask((await starting).app, "select 1") == 1
    connection.terminate()


async def test_two_homes_are_two_systems_side_by_side(a_home: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="doorstep-other-", dir="/tmp") as folder:
        other = Path(folder)
        try:
            here, there = embedded.start(a_home), embedded.start(other)
            await tell(here.owner, "create table only_here (n int)")
            assert await ask(there.owner, "select to_regclass('only_here') is null")
            assert homes.choose_port(a_home, "web") != homes.choose_port(other, "web")
            embedded.stop(a_home)
            assert embedded.running(other)
            assert not embedded.running(a_home)
        finally:
            embedded.stop(other)


async def test_several_starts_at_once_make_one_server(a_home: Path) -> None:
    starts = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", START, str(a_home), stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for start in starts:
        _, complaint = await start.communicate()
        assert start.returncode == 0, complaint.decode()
    assert await ask(embedded.urls(a_home).app, "select 1") == 1


async def test_a_start_killed_while_it_makes_the_database_leaves_nothing_in_the_way(a_home: Path) -> None:
    start = await asyncio.create_subprocess_exec(
        sys.executable, "-c", START_THAT_STANDS_STILL, str(a_home), stdout=subprocess.PIPE
    )
    assert start.stdout is not None and await start.stdout.readline() == b"begun\n"
    assert list(a_home.glob("postgres.draft-*")) and not (a_home / "postgres").exists()
    start.kill()
    await start.wait()
    urls = await asyncio.to_thread(embedded.start, a_home)
    assert await ask(urls.app, "select 1") == 1


def test_a_data_folder_of_another_major_version_is_refused(a_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded.start(a_home)
    embedded.stop(a_home)
    other = next(major for major in binaries.FOLDERS if major != embedded.wanted_major())
    monkeypatch.setenv("DOORSTEP_PG", str(other))
    with pytest.raises(embedded.OtherDatabaseVersion) as refused:
        embedded.start(a_home)
    assert refused.value.why["wanted"] == other
    assert (a_home / "postgres" / "PG_VERSION").exists()


@pytest.mark.parametrize("major", sorted(binaries.FOLDERS))
async def test_both_servers_of_the_wheel_run(a_home: Path, monkeypatch: pytest.MonkeyPatch, major: int) -> None:
    monkeypatch.setenv("DOORSTEP_PG", str(major))
    urls = embedded.start(a_home)
    assert str(await ask(urls.owner, "show server_version")).startswith(f"{major}.")
    assert await ask(urls.owner, "select lower('ÄÖÜ') || (select 'b' < 'Ä')::text") == "äöütrue"
    assert await migrate(urls.owner)


def test_a_version_the_wheel_does_not_carry_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORSTEP_PG", "9")
    with pytest.raises(embedded.NoPostgres):
        embedded.wanted_major()


async def test_a_home_too_deep_for_a_socket_gets_a_short_folder_and_remembers_it(a_home: Path) -> None:
    deep = a_home / ("a" * 60) / ("b" * 60)
    deep.parent.mkdir(mode=0o711)
    a_home.chmod(0o711)
    try:
        urls = embedded.start(deep)
        assert await ask(urls.app, "select 1") == 1
        folder = Path(homes.remembered(deep)["socket"]["folder"])
        assert len(str(folder / ".s.PGSQL.5432")) <= 103
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        embedded.stop(deep)
        folder.rmdir()  # as after a restart of the machine
        assert await ask(embedded.start(deep).app, "select 1") == 1
        assert homes.remembered(deep)["socket"]["folder"] == str(folder)
    finally:
        embedded.stop(deep)
        shutil.rmtree(homes.remembered(deep)["socket"]["folder"], ignore_errors=True)


@pytest.mark.parametrize("name", ["it's two words", "a,b", "дім 50%41 #1?x=y&z"])
async def test_a_home_may_be_called_anything(a_home: Path, name: str) -> None:
    a_home.chmod(0o711)
    home = a_home / name
    try:
        urls = embedded.start(home)
        await migrate(urls.owner)
        assert await ask(urls.app, "select 1") == 1
        embedded.backup(home, a_home / "a.backup")
        embedded.restore(home, a_home / "a.backup")
    finally:
        embedded.stop(home)
        shutil.rmtree(homes.remembered(home).get("socket", {}).get("folder", "/nonexistent"), ignore_errors=True)


@as_root
def test_a_closed_folder_above_the_home_is_named_and_left_as_it_is(a_home: Path) -> None:
    shut = a_home / "shut"
    shut.mkdir(mode=0o700)
    a_home.chmod(0o755)
    with pytest.raises(embedded.FolderShut) as refused:
        embedded.start(shut / "home")
    assert refused.value.why["folder"] == str(shut)
    assert str(shut) in str(refused.value)
    assert stat.S_IMODE(shut.stat().st_mode) == 0o700


@as_root
async def test_a_fresh_closed_home_is_opened_for_the_server_alone(a_home: Path) -> None:
    assert stat.S_IMODE(a_home.stat().st_mode) == 0o700
    urls = embedded.start(a_home)
    assert await ask(urls.app, "select 1") == 1
    assert stat.S_IMODE(a_home.stat().st_mode) == 0o710
    assert (a_home / "postgres").stat().st_uid != 0


@as_root
async def test_data_that_was_copied_by_root_is_given_back_to_the_server(a_home: Path) -> None:
    embedded.start(a_home)
    embedded.stop(a_home)
    for path in [a_home / "postgres", *(a_home / "postgres").rglob("*")]:
        os.chown(path, 0, 0, follow_symlinks=False)
    assert await ask(embedded.start(a_home).app, "select 1") == 1


@as_root
async def test_programs_below_a_closed_folder_are_copied_to_where_the_server_can_reach_them(
    a_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = binaries.programs().parents[2]
    shut = a_home / "shut"
    shut.mkdir(mode=0o700)
    for name in (binaries.WHEEL, f"{binaries.WHEEL}.libs"):
        if (packages / name).exists():
            shutil.copytree(packages / name, shut / name, symlinks=True)
    bin_folder = shut / binaries.programs().relative_to(packages)
    monkeypatch.setattr(binaries, "programs", lambda: bin_folder)
    monkeypatch.setattr(binaries, "COPIES", a_home / "system")
    a_home.chmod(0o755)
    urls = embedded.start(a_home / "home")
    try:
        assert await ask(urls.app, "select 1") == 1
        assert str(a_home / "system") in Path(f"/proc/{embedded.server_pid(a_home / 'home')}/cmdline").read_text()
    finally:
        embedded.stop(a_home / "home")


@as_root
def test_where_no_user_can_be_made_the_server_runs_as_one_every_system_has(
    a_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_user, "NAME", "doorstep-cannot-be-made")
    monkeypatch.setattr(system_user, "MAKE_USER", {})
    embedded.start(a_home)
    assert embedded.running(a_home)
    monkeypatch.setattr(system_user, "STANDBY", "nor-is-this-one-there")
    with (
        tempfile.TemporaryDirectory(prefix="doorstep-other-", dir="/tmp") as other,
        pytest.raises(embedded.NoSystemUser),
    ):
        embedded.start(Path(other))


async def test_a_backup_brings_back_what_it_holds_and_nothing_else(a_home: Path) -> None:
    urls = embedded.start(a_home)
    await migrate(urls.owner)
    await tell(
        urls.owner,
        "create table kept (merchant_id bigint, n int)",
        "alter table kept enable row level security",
        "alter table kept force row level security",
        "create policy tenant on kept using (merchant_id = 1)",
        "insert into kept values (1, 7)",
    )
    file = a_home / "a.backup"
    assert embedded.backup(a_home, file) == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await tell(urls.owner, "update kept set n = 8", "create table made_later (n int)")
    connected = await asyncpg.connect(urls.app)
    await asyncio.to_thread(embedded.restore, a_home, file)
    assert connected.is_closed() or not await _answers(connected)
    assert await ask(urls.app, "select n from kept") == 7
    assert await ask(urls.owner, "select to_regclass('made_later') is null")
    assert await ask(
        urls.owner, "select array_agg(datname order by 1) from pg_database where datname like 'doorstep%'"
    ) == ["doorstep"]


async def _answers(connection: asyncpg.Connection) -> bool:
    try:
        return await connection.fetchval("select 1") == 1
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError):
        return False


@pytest.mark.parametrize("harm", ["cut", "other", "missing", "empty"])
async def test_a_file_that_is_no_whole_backup_is_refused_and_the_data_stays(a_home: Path, harm: str) -> None:
    urls = embedded.start(a_home)
    await migrate(urls.owner)
    await tell(urls.owner, "create table kept as select n, md5(n::text) from generate_series(1, 20000) as n")
    file = a_home / "a.backup"
    embedded.backup(a_home, file)
    whole = file.read_bytes()
    {
        "cut": lambda: file.write_bytes(whole[: len(whole) // 2]),
        "other": lambda: file.write_bytes(b"order_number,total\n1,2\n"),
        "missing": file.unlink,
        "empty": lambda: file.write_bytes(b""),
    }[harm]()
    with pytest.raises(embedded.NotABackup):
        await asyncio.to_thread(embedded.restore, a_home, file)
    assert await ask(urls.app, "select count(*) from kept") == 20_000


async def test_a_backup_of_a_newer_doorstep_is_refused_and_the_data_stays(a_home: Path) -> None:
    urls = embedded.start(a_home)
    await migrate(urls.owner)
    await tell(urls.owner, "insert into migration values ('9999_pre_drones.sql', 'x')", "create table kept (n int)")
    embedded.backup(a_home, a_home / "a.backup")
    await tell(urls.owner, "delete from migration where name = '9999_pre_drones.sql'", "insert into kept values (7)")
    with pytest.raises(DatabaseIsNewer):
        await asyncio.to_thread(
            embedded.restore, a_home, a_home / "a.backup", lambda draft: asyncio.run(migrate(draft.owner))
        )
    assert await ask(urls.owner, "select n from kept") == 7


def test_stopping_twice_is_no_harm(a_home: Path) -> None:
    embedded.start(a_home)
    assert embedded.stop(a_home)
    assert not embedded.stop(a_home)
    assert not embedded.running(a_home)


def test_a_server_that_cannot_start_says_why(a_home: Path) -> None:
    embedded.start(a_home)
    embedded.stop(a_home)
    (a_home / "postgres" / "local.conf").write_text("shared_buffers = 'much'\n")
    (a_home / "postgres" / "local.conf").chmod(0o644)
    with pytest.raises(embedded.DatabaseWouldNotStart) as refused:
        server.start(a_home)
    assert "local.conf" in str(refused.value)


def test_a_database_of_your_own_needs_an_address_for_each_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://doorstep_app@db/doorstep")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://doorstep_owner@db/doorstep")
    monkeypatch.delenv("DATABASE_ROUTER_URL", raising=False)
    with pytest.raises(embedded.DatabaseUrlMissing) as refused:
        embedded.resolve_urls()
    assert refused.value.why == {"variable": "DATABASE_ROUTER_URL"}
    monkeypatch.setenv("DATABASE_ROUTER_URL", "postgresql://doorstep_router@db/doorstep")
    assert embedded.resolve_urls().router == "postgresql://doorstep_router@db/doorstep"
