"""system_user: PostgreSQL refuses to run as root, so under root it runs as an operating-system user of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doorstep.kit.refusals import Refusal

NAME = "doorstep"
# Where no user can be made (no useradd, a read-only /etc), one that every system has will do.
STANDBY = "nobody"
MAKE_USER = {
    "useradd": [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/bin/false",
    ],
    "adduser": ["-S", "-D", "-H", "-s", "/bin/false"],
}


class NoSystemUser(Refusal):
    """Started by root, the database needs a system user of its own, and none can be used here."""

    status = 503


class FolderShut(Refusal):
    """A folder above DOORSTEP_HOME shuts out the system user of the database; open it (chmod o+x) or move the home."""

    status = 503


@dataclass(frozen=True, slots=True)
class SystemUser:
    name: str
    uid: int
    gid: int


def user_of(data: Path) -> SystemUser | None:
    """Whom the server of this data folder runs as; None is this process's own user."""
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    return _by_uid(owner, data.stat().st_gid) if owner else _made()


def _by_uid(uid: int, gid: int) -> SystemUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return SystemUser(str(uid), uid, gid)
    return SystemUser(entry.pw_name, uid, entry.pw_gid)


def _made() -> SystemUser:
    return _by_name(NAME) or (_make() and _by_name(NAME)) or _by_name(STANDBY) or _none()


def _by_name(name: str) -> SystemUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return SystemUser(name, entry.pw_uid, entry.pw_gid)


def _make() -> bool:
    for tool, options in MAKE_USER.items():
        if shutil.which(tool):
            # A failure is no error yet: another start may just have made the user, or the standby serves.
            subprocess.run([tool, *options, NAME], capture_output=True, check=False)
            return True
    return False


def _none() -> SystemUser:
    raise NoSystemUser(tried=f"{NAME}, {STANDBY}")


def run_as(user: SystemUser | None) -> dict[str, Any]:
    """What subprocess needs to know to run a program as this user."""
    return {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": []}


def sh_as(user: SystemUser | None, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["/bin/sh", "-c", script, "sh", *arguments],
            capture_output=True, text=True, check=False, cwd="/", **run_as(user),
        )  # fmt: skip
    except PermissionError as error:
        raise NoSystemUser(user=user.name if user else "", reason="this process may not become that user") from error


def give(folder: Path, user: SystemUser | None) -> None:
    """Make the folder, and what is in it, that user's own."""
    if user is None or (folder.stat().st_uid, folder.stat().st_gid) == (user.uid, user.gid):
        return
    for top, _, files in os.walk(folder, topdown=False):
        for file in files:
            os.chown(Path(top) / file, user.uid, user.gid, follow_symlinks=False)
        os.chown(top, user.uid, user.gid, follow_symlinks=False)


def admit(home: Path, user: SystemUser | None) -> None:
    """Let the user through the home itself; say which folder above shuts it out, and leave that one alone."""
    if user is None:
        return
    shut = _first_shut(home, user)
    if shut == home:
        os.chown(home, -1, user.gid)
        home.chmod(home.stat().st_mode & 0o777 | 0o010)
        shut = _first_shut(home, user)
    if shut is not None:
        raise FolderShut(folder=str(shut), user=user.name)


def _first_shut(folder: Path, user: SystemUser) -> Path | None:
    way = [str(part) for part in (*reversed(folder.parents), folder)]
    answer = sh_as(user, 'for part; do test -x "$part" || { printf %s "$part"; exit 1; }; done', *way)
    return Path(answer.stdout) if answer.returncode else None
