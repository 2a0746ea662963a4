"""backup: one file that holds the whole database, and the way back, both with the server's own tools."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from doorstep.kit.embedded.binaries import programs
from doorstep.kit.embedded.server import clean_environment, grants, start
from doorstep.kit.embedded.urls import BACKUP, DATABASE, OWNER, Urls, url_of, urls
from doorstep.kit.refusals import Refusal

# What is restored is built beside the living database and takes its name when it is whole.
DRAFT, REPLACED = f"{DATABASE}_draft", f"{DATABASE}_replaced"
SWAP_TRIES = 10


class NotABackup(Refusal):
    """This file is not a backup that `doorstep backup` made, or it is damaged; nothing was changed."""

    status = 422


class BackupFailed(Refusal):
    """The database's own tool could not do it; nothing was changed."""

    status = 503


def backup(home: Path, file: Path) -> int:
    """Write the whole database into one file, readable by its owner alone; answers its size in bytes."""
    home = home.resolve()
    start(home)
    file = file.expanduser().absolute()
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    except OSError as error:
        raise BackupFailed(file=str(file), reason=error.strerror) from error
    os.close(handle)
    draft = Path(name)
    try:
        _tool("pg_dump", "--format=custom", f"--file={draft}", url=url_of(home, BACKUP))
        os.replace(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    return file.stat().st_size


def restore(home: Path, file: Path, prepare: Callable[[Urls], object] = lambda draft: None) -> None:
    """Replace the database by what the file holds; until it is whole, and when it is not, the old one stays.

    `prepare` gets the addresses of the new one before it takes the old one's place; when it refuses, so does this.
    """
    home = home.resolve()
    file = file.expanduser().absolute()
    _refuse_what_is_no_backup(file)
    start(home)
    _drop(home, DRAFT, REPLACED)
    _sql(home, f"create database {DRAFT} owner {OWNER} template template0;", *grants(DRAFT))
    try:
        _fill(home, file)
        prepare(urls(home).of(DRAFT))
        _swap(home)
    finally:
        _drop(home, DRAFT, REPLACED)


def _refuse_what_is_no_backup(file: Path) -> None:
    if not file.is_file():
        raise NotABackup(file=str(file), reason="there is no such file")
    done = _call("pg_restore", "--list", str(file))
    if done.returncode != 0 or " TABLE public migration " not in done.stdout:
        raise NotABackup(file=str(file), reason=_first_error(done.stderr))


def _fill(home: Path, file: Path) -> None:
    url = url_of(home, OWNER, DRAFT)
    done = _call("pg_restore", "--exit-on-error", "--single-transaction", str(file), url=url)
    if done.returncode != 0:
        raise NotABackup(file=str(file), reason=_first_error(done.stderr))
    _sql(home, "analyze;", database=DRAFT)


def _swap(home: Path) -> None:
    """Both names change in one transaction; who reconnects in between is cut once more."""
    cut = f"select pg_terminate_backend(pid) from pg_stat_activity where datname in ('{DATABASE}', '{DRAFT}');"
    for attempt in range(1, SWAP_TRIES + 1):
        _sql(home, cut)
        try:
            _sql(
                home,
                "begin;",
                f"alter database {DATABASE} rename to {REPLACED};",
                f"alter database {DRAFT} rename to {DATABASE};",
                "commit;",
            )
        except BackupFailed:
            if attempt == SWAP_TRIES:
                raise
            time.sleep(0.1)
        else:
            return


def _drop(home: Path, *databases: str) -> None:
    for database in databases:
        _sql(home, f"drop database if exists {database} with (force);")


def _sql(home: Path, *statements: str, database: str = "postgres") -> None:
    options = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
    _tool("psql", *options, url=url_of(home, OWNER, database), stdin="\n".join(statements))


def _tool(program: str, *arguments: str, url: str, stdin: str = "") -> None:
    done = _call(program, *arguments, url=url, stdin=stdin)
    if done.returncode != 0:
        raise BackupFailed(tool=program, reason=_first_error(done.stderr))


def _call(program: str, *arguments: str, url: str = "", stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The password goes by the environment: everybody on the machine can read a command line."""
    parts = urlsplit(url)
    bare = parts._replace(netloc=f"{parts.username}@").geturl()
    return subprocess.run(
        [str(programs() / program), *([f"--dbname={bare}"] if url else []), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**clean_environment(), "PGPASSWORD": parts.password or ""},
    )


def _first_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "")
