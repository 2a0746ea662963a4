"""settings: how the embedded server is set, and where its socket is."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from doorstep.kit import home as homes
from doorstep.kit.refusals import Refusal

PORT = 5432
# A socket's path may have 107 bytes on Linux and 103 elsewhere.
LONGEST_SOCKET_PATH = 103
HBA = "local all all scram-sha-256\n"
SETTINGS = """\
# Written anew at each start. Your own settings go into local.conf beside this file.
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 200
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = 'pglz'
shared_buffers = '256MB'
work_mem = '16MB'
maintenance_work_mem = '128MB'
max_wal_size = '2GB'
min_wal_size = '128MB'
checkpoint_completion_target = 0.9
autovacuum = on
autovacuum_naptime = '20s'
autovacuum_vacuum_scale_factor = 0.05
autovacuum_analyze_scale_factor = 0.02
jit = off
timezone = 'UTC'
lc_messages = 'C'
# The log is kept for a week and says nothing of what is in the rows.
logging_collector = on
log_directory = 'log'
log_filename = 'postgres-%a.log'
log_truncate_on_rotation = on
log_rotation_age = '1d'
log_timezone = 'UTC'
log_error_verbosity = 'terse'
log_min_error_statement = 'panic'
log_parameter_max_length_on_error = 0
include_if_exists = 'local.conf'
"""


class SocketFolderTaken(Refusal):
    """The short folder for the database's socket belongs to somebody else."""

    status = 503


def settings(home: Path) -> str:
    quoted = str(socket_folder(home)).replace("'", "''")
    return SETTINGS.format(port=PORT, socket_folder=quoted)


def socket_folder(home: Path) -> Path:
    """Inside the home; where that path is too long for a socket, a short runtime folder, which the home remembers."""
    inside = home / "run"
    if _fits(inside):
        return inside
    known = homes.remembered(home).get("socket", {})
    if known.get("home") == str(home):
        return Path(known["folder"])
    chosen = _short_folder(home)
    homes.remember(home, socket={"home": str(home), "folder": str(chosen)})
    return chosen


def _fits(folder: Path) -> bool:
    # A comma would split the setting in two folders.
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH and "," not in str(folder)


def _short_folder(home: Path) -> Path:
    name = "doorstep-" + hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    runtime = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
    bases = [Path(base) for base in (runtime, tempfile.gettempdir(), "/tmp") if base]
    return next(base / name for base in bases if os.access(base, os.W_OK) and _fits(base / name))


def make_socket_folder(home: Path, uid: int, gid: int) -> None:
    """Ours alone: in a shared folder somebody else may have made one of that name before us."""
    folder = socket_folder(home)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), uid):
        raise SocketFolderTaken(folder=str(folder))
    if found.st_uid != uid:
        os.chown(folder, uid, gid)
    folder.chmod(0o700)
