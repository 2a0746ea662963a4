"""server: the embedded PostgreSQL, made once, started by whoever needs it first, stopped on request.

Several commands may start it at once: a file lock lets one do it and the others find it running. It comes back
after a kill -9 of anything, however long its crash recovery takes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from doorstep.kit import home as homes
from doorstep.kit.embedded.binaries import programs_for, wanted_major
from doorstep.kit.embedded.settings import HBA, PORT, make_socket_folder, settings, socket_folder
from doorstep.kit.embedded.system_user import SystemUser, admit, give, run_as, user_of
from doorstep.kit.embedded.urls import (
    APP,
    BACKUP,
    DATABASE,
    OWNER,
    ROLES,
    ROUTER,
    DatabaseNotStarted,
    Urls,
    new_passwords,
    passwords,
    urls,
)
from doorstep.kit.refusals import Refusal

__all__ = ["DatabaseNotStarted", "running", "server_pid", "start", "stop"]

# A crash recovery replays at most max_wal_size; the slowest disks take minutes for it.
START_TIMEOUT_S = 900.0
# At the very moment of its exec a process has no words in its command line, and is nobody's; a busy machine may stop it
# just there, or whoever looks.
NAMELESS_S = 10.0
STOP_TIMEOUT_S = 60.0
# After a kill -9 of the server its old backends hold its memory until they notice; then the next try succeeds.
STILL_HELD = "pre-existing shared memory block"
GRAVE = ("FATAL", "PANIC", "ERROR", "error:")
# Of a name of its own each time: the initdb of a start that was killed may still be writing into its own.
DRAFT = "postgres.draft-"
DETACHED = '"$1" -D "$2" </dev/null >>"$3" 2>&1 & echo $!'


class OtherDatabaseVersion(Refusal):
    """The data was made by another major version of PostgreSQL; set DOORSTEP_PG to that, or move by a backup."""

    status = 503


class DatabaseWouldNotStart(Refusal):
    """The embedded database did not start; its log says why."""

    status = 503


@dataclass(frozen=True, slots=True)
class Server:
    """One home's server, with all it takes to run it."""

    home: Path
    user: SystemUser | None
    programs: Path

    @property
    def data(self) -> Path:
        return data_folder(self.home)

    @property
    def log(self) -> Path:
        return self.data / "start.log"


def data_folder(home: Path) -> Path:
    return home / "postgres"


def start(home: Path, timeout_s: float = START_TIMEOUT_S) -> Urls:
    """Make the database where there is none, start it where it does not run; answers its addresses."""
    home = homes.prepare(home).resolve()
    _refuse_other_major(home)
    if not (running(home) and passwords(home)):
        with homes.locked(home, "postgres"):
            _bring_up(home, time.monotonic() + timeout_s)
    return urls(home)


def _bring_up(home: Path, deadline: float) -> None:
    if _settles_ready(home, deadline):
        if passwords(home):
            return
        _end(home)
    user = user_of(data_folder(home))
    admit(home, user)
    server = Server(home, user, programs_for(user))
    for left in home.glob(f"{DRAFT}*"):
        shutil.rmtree(left, ignore_errors=True)
    make_socket_folder(home, *_ids(user))
    if not server.data.exists():
        _create(server)
    give(server.data, user)
    if passwords(home) is None:
        _write_roles(server, server.data)
    _write(server, server.data / "doorstep.conf", settings(home))
    _launch(server, deadline)


def _settles_ready(home: Path, deadline: float) -> bool:
    """Whether a server is there, after one that is starting or stopping has come to its end."""
    while server_pid(home) is not None and time.monotonic() < deadline:
        if running(home):
            return True
        time.sleep(0.05)
    return False


def _ids(user: SystemUser | None) -> tuple[int, int]:
    return (os.geteuid(), os.getegid()) if user is None else (user.uid, user.gid)


def _refuse_other_major(home: Path) -> None:
    try:
        found = (data_folder(home) / "PG_VERSION").read_text("ascii").strip()
    except FileNotFoundError:
        return
    if found != str(wanted_major()):
        raise OtherDatabaseVersion(found=found, wanted=wanted_major(), folder=str(data_folder(home)))


def _create(server: Server) -> None:
    """Built aside and moved into place when it is whole, so that a crash on the way leaves nothing behind."""
    draft = Path(tempfile.mkdtemp(dir=server.home, prefix=DRAFT))
    give(draft, server.user)
    _initdb(server, draft)
    _write(server, draft / "pg_hba.conf", HBA)
    _write(server, draft / "doorstep.conf", settings(server.home))
    with (draft / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write("include 'doorstep.conf'\n")
    _write_roles(server, draft)
    draft.rename(server.data)


def _initdb(server: Server, folder: Path) -> None:
    common = [
        "--encoding=UTF8",
        "--data-checksums",
        "--auth=reject",
        "--username=postgres",
        "--no-instructions",
    ]
    ways = [["--locale=C.UTF-8"], ["--locale=C"]]
    if wanted_major() >= 17:
        # The server's own C.UTF-8 sorts the same on every system and in every version of its libraries.
        ways = [["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]]
    for way in ways:
        done = _run(server, "initdb", "-D", str(folder), *common, *way)
        if done.returncode == 0:
            return
    raise DatabaseWouldNotStart(reason=_complaint(done.stderr), folder=str(folder))


def _write_roles(server: Server, folder: Path) -> None:
    """In single-user mode: no superuser ever needs a password, and lost passwords are made anew."""
    words = new_passwords(server.home)
    statements = [
        f"{_role_statement(role)} alter role {role} {_powers(role)} password '{words[role]}';" for role in ROLES
    ]
    statements += [
        f"grant pg_signal_backend to {OWNER};",
        f"grant pg_read_all_data to {BACKUP};",
        f"revoke all on database postgres from public; grant connect on database postgres to {OWNER};",
    ]
    if folder != server.data:
        statements += [f"create database {DATABASE} owner {OWNER} template template0;", *grants(DATABASE)]
    _single_user(server, folder, statements)


def grants(database: str) -> list[str]:
    """Who may connect; the rest is granted table by table in the migrations."""
    return [
        f"revoke all on database {database} from public;",
        f"grant connect, temporary on database {database} to {APP};",
        f"grant connect on database {database} to {ROUTER}, {BACKUP};",
    ]


def _role_statement(role: str) -> str:
    made = f"if not exists (select from pg_roles where rolname = '{role}') then create role {role}; end if;"
    return f"do $$ begin {made} end $$;"


def _powers(role: str) -> str:
    # The owner makes the database a restore goes into; the backup alone sees past the tenant wall, reading.
    more = {OWNER: "createdb nobypassrls", BACKUP: "nocreatedb bypassrls"}.get(role, "nocreatedb nobypassrls")
    return f"login nosuperuser nocreaterole noreplication {more}"


def _single_user(server: Server, folder: Path, statements: list[str]) -> None:
    # A line is a command there.
    script = "".join(f"{statement}\n" for statement in statements)
    done = _run(server, "postgres", "--single", "-D", str(folder), "-c", "exit_on_error=true",
                "-c", "logging_collector=off", "postgres", stdin=script)  # fmt: skip
    if done.returncode != 0:
        (server.home / "passwords.json").unlink(missing_ok=True)
        raise DatabaseWouldNotStart(reason=_complaint(done.stderr), folder=str(folder))


def _write(server: Server, file: Path, text: str) -> None:
    homes.write_whole(file, text)
    os.chown(file, *_ids(server.user))


def _run(server: Server, program: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(server.programs / program), *arguments],
        input=stdin, capture_output=True, text=True, check=False, cwd="/", env=clean_environment(),
        **run_as(server.user),
    )  # fmt: skip


def clean_environment() -> dict[str, str]:
    """None of the caller's PG* variables and no locale of its own: they would steer the server's tools."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/nonexistent"}


def _launch(server: Server, deadline: float) -> None:
    while True:
        _clear_what_a_crash_left(server)
        pid = _detach(server)
        if _becomes_ready(server, pid, deadline):
            return
        reason = _why_it_stopped(server)
        if STILL_HELD not in reason or time.monotonic() > deadline:
            raise DatabaseWouldNotStart(reason=reason, log=str(server.log))
        time.sleep(0.2)


def _detach(server: Server) -> int:
    """The server as nobody's child, in a session of its own: it outlives the command that started it."""
    server.log.unlink(missing_ok=True)
    done = subprocess.run(
        ["/bin/sh", "-c", DETACHED, "sh", str(server.programs / "postgres"), str(server.data), str(server.log)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True, cwd="/", env=clean_environment(),
        start_new_session=True, umask=0o077, **run_as(server.user),
    )  # fmt: skip
    return int(done.stdout)


def _becomes_ready(server: Server, pid: int, deadline: float) -> bool:
    pause_s, seen_at = 0.01, time.monotonic()
    while time.monotonic() < deadline:
        note = _note(server.home)
        if note is not None and note.pid == pid and note.ready:
            return True
        if _is_postgres(pid, server.data):
            seen_at = time.monotonic()
        elif _has_ended(pid) or time.monotonic() - seen_at > NAMELESS_S:
            return False
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.3, 0.25)
    return False


def _clear_what_a_crash_left(server: Server) -> None:
    """The numbers in these files may meanwhile be another process's, which the server would take for its rival.

    Should a rival live all the same, it still holds the shared memory, and the server refuses to start beside it.
    """
    note = _note(server.home)
    if note is not None and _is_postgres(note.pid, server.data):
        return
    folder = socket_folder(server.home)
    for left in (
        server.data / "postmaster.pid",
        folder / f".s.PGSQL.{PORT}",
        folder / f".s.PGSQL.{PORT}.lock",
    ):
        left.unlink(missing_ok=True)


def _why_it_stopped(server: Server) -> str:
    """What this start wrote itself says it best; the running log holds the words of earlier servers too."""
    newest = max((server.data / "log").glob("*.log"), key=lambda file: file.stat().st_mtime, default=None)
    texts = [file.read_text("utf-8", "replace") for file in (server.log, newest) if file and file.exists()]
    grave = next((text for text in texts if any(word in text for word in GRAVE)), "\n".join(texts))
    return _complaint(grave) or "it did not become ready in time"


def _complaint(text: str) -> str:
    """The last line that says what is wrong; without such a one, the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    grave = [line for line in lines if any(word in line for word in GRAVE)]
    return (grave or lines or [""])[-1]


@dataclass(frozen=True, slots=True)
class Note:
    """What the server writes of itself into postmaster.pid."""

    pid: int
    ready: bool


def _note(home: Path) -> Note | None:
    try:
        lines = (data_folder(home) / "postmaster.pid").read_text("utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not lines or not lines[0].strip().isdigit():
        return None
    return Note(int(lines[0]), len(lines) > 7 and lines[7].strip() == "ready")


def _is_postgres(pid: int, data: Path) -> bool:
    """Whether this process is the server of that folder, and not one that got the number of a dead one."""
    import psutil

    try:
        process = psutil.Process(pid)
        words = [] if process.status() == psutil.STATUS_ZOMBIE else process.cmdline()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    # Between its fork and its exec the server is still the shell that starts it; the folder is named there too.
    return str(data) in words


def _has_ended(pid: int) -> bool:
    import psutil

    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def server_pid(home: Path) -> int | None:
    """The process of the server, ready or not; None where there is none."""
    home = home.resolve()
    note = _note(home)
    return note.pid if note is not None and _is_postgres(note.pid, data_folder(home)) else None


def running(home: Path) -> bool:
    """Whether the server of this home takes connections."""
    home = home.resolve()
    note = _note(home)
    return note is not None and note.ready and _is_postgres(note.pid, data_folder(home))


def stop(home: Path) -> bool:
    """Stop the server, cutting what is connected; answers whether there was one."""
    if not data_folder(home).exists():
        return False
    with homes.locked(home, "postgres"):
        return _end(home)


def _end(home: Path) -> bool:
    pid = server_pid(home)
    if pid is None:
        return False
    for word, patience_s in ((signal.SIGINT, STOP_TIMEOUT_S), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        try:
            os.kill(pid, word)
        except ProcessLookupError:
            break
        if _is_gone(home, patience_s):
            break
    return True


def _is_gone(home: Path, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while server_pid(home) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
