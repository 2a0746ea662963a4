"""home: the folder one doorstep lives in; two homes are two systems side by side."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from doorstep.kit.refusals import Refusal

# root has no everyday home: what root starts is a service, and lives where services keep their data.
ROOT_HOME = Path("/var/lib/doorstep")
FIRST_PORT = 8400
PORTS = 1000


class HomeUnusable(Refusal):
    """The folder that DOORSTEP_HOME names cannot be used."""

    status = 503


def home() -> Path:
    """The home of this process: DOORSTEP_HOME, else root's system folder, else ~/.doorstep."""
    named = os.environ.get("DOORSTEP_HOME", "")
    if named:
        return Path(named).expanduser().absolute()
    return ROOT_HOME if os.geteuid() == 0 else Path.home() / ".doorstep"


def prepare(folder: Path) -> Path:
    """Make the home where it is missing, closed to everybody else."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(folder=str(folder), reason=error.strerror) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise HomeUnusable(folder=str(folder), reason="it may not be written")
    return folder


def logs(folder: Path) -> Path:
    """The folder of the log files, made where missing."""
    made = prepare(folder) / "logs"
    made.mkdir(mode=0o700, exist_ok=True)
    return made


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """One process at a time; the lock ends with the process, however it ends."""
    with (prepare(folder) / f"{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remembered(folder: Path) -> dict[str, Any]:
    """What this home keeps in mind between commands: ports, the socket's folder."""
    try:
        found = json.loads((folder / "home.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return dict(found)


def remember(folder: Path, **facts: Any) -> None:
    with locked(folder, "home"):
        write_whole(folder / "home.json", json.dumps({**remembered(folder), **facts}, indent=1) + "\n")


def write_whole(file: Path, text: str) -> None:
    """Write so that a reader, or a crash, sees the old content or the new one, readable by the owner alone."""
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, file)


def port_of(folder: Path, name: str) -> int | None:
    """The remembered port of a part (`web`, `simulator`), if it ever had one."""
    known = remembered(folder).get("ports", {}).get(name)
    return int(known) if known is not None else None


def choose_port(folder: Path, name: str) -> int:
    """The port to start a part on: the remembered one while it is free, else a new one, which is remembered."""
    known = port_of(folder, name)
    if known is not None and _becomes_free(known):
        return known
    ports = dict(remembered(folder).get("ports", {}))
    taken = {port for part, port in ports.items() if part != name}
    ports[name] = next(port for port in _candidates(folder, name) if port not in taken and is_free(port))
    remember(folder, ports=ports)
    return int(ports[name])


def _becomes_free(port: int) -> bool:
    """A process that was killed may hold its port for a moment longer; whoever asks there should find the next one."""
    for _ in range(30):
        if is_free(port):
            return True
        time.sleep(0.1)
    return False


def _candidates(folder: Path, name: str) -> Iterator[int]:
    """Each home begins elsewhere in the range, so that two homes started at once rarely meet."""
    begin = zlib.crc32(f"{folder}/{name}".encode()) % PORTS
    yield from (FIRST_PORT + (begin + step) % PORTS for step in range(PORTS))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
