"""supervisor: the parts of one doorstep as processes of their own: started, watched, ended.

Each part outlives the command that started it; the home remembers its process and its port.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from doorstep.kit import home as homes
from doorstep.kit.refusals import Refusal

if TYPE_CHECKING:
    import psutil

HOST = "127.0.0.1"
HEALTH_PATH = "/health"
# Between writing its note and being asked, a clock may be set; a process that got a dead one's number is far younger.
SAME_START_S = 2.0
LONGEST_LOG_BYTES = 10_000_000
SLOWEST_RESTART_S = 30.0
# A part without a port is healthy when it has lived through its first moments.
FIRST_MOMENTS_S = 0.5
# Who is killed is gone as soon as the machine comes to it.
GONE_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """A process of doorstep's: `python -m module`, told its home and port by DOORSTEP_HOME and DOORSTEP_PORT."""

    name: str
    module: str
    listens: bool


PARTS = {
    part.name: part
    for part in (
        Part("web", "doorstep.doors.http", listens=True),
        Part("worker", "doorstep.doors.worker", listens=False),
        Part("simulator", "doorstep.plug.simulator", listens=True),
    )
}
# What `doorstep up` starts unless told otherwise; the simulator is for demos and tests.
USUAL = ("web", "worker")


class PartWouldNotStart(Refusal):
    """A part of doorstep did not start; its log says why."""

    status = 503


@dataclass(frozen=True, slots=True)
class State:
    """How one part is doing, as `doorstep status` tells it."""

    name: str
    running: bool
    healthy: bool
    pid: int | None
    port: int | None
    log: str

    @property
    def address(self) -> str | None:
        return f"http://{HOST}:{self.port}" if self.port is not None else None


def start(home: Path, *names: str, timeout_s: float = 60.0) -> list[State]:
    """Start the parts that do not run and wait until all are healthy; a second start changes nothing."""
    home = homes.prepare(home).resolve()
    deadline = time.monotonic() + timeout_s
    for name in names:
        _ensure(home, name)
    return [_await_healthy(home, name, deadline) for name in names]


def _ensure(home: Path, name: str) -> None:
    with homes.locked(home, name):
        if _process(home, name) is None:
            _spawn(home, PARTS[name])


def stop(home: Path, name: str, patience_s: float = 15.0) -> bool:
    """End the part, kindly first; answers whether it ran."""
    process = _process(home.resolve(), name)
    if process is None:
        return False
    _end(process, patience_s)
    _note_file(home.resolve(), name).unlink(missing_ok=True)
    return True


def state(home: Path, name: str) -> State:
    home = home.resolve()
    process = _process(home, name)
    port = homes.port_of(home, name) if PARTS[name].listens else None
    healthy = process is not None and (port is None or answers(port))
    return State(name, process is not None, healthy, process.pid if process else None, port, str(_log_file(home, name)))


def watch(home: Path, names: tuple[str, ...], mend_more: Callable[[], object] = lambda: None) -> None:
    """Keep the parts running until SIGINT or SIGTERM: what dies is started again, ever more slowly."""
    home = home.resolve()
    watched = [_Watched(name) for name in names]
    asked_to_end = _signals_as_flag()
    while not asked_to_end:
        mend_more()
        for part in watched:
            part.mend(home)
        time.sleep(0.2)
    for name in reversed(names):
        stop(home, name)


@dataclass(slots=True)
class _Watched:
    name: str
    tries: int = 0
    not_before: float = 0.0

    def mend(self, home: Path) -> None:
        if _process(home, self.name) is not None:
            if time.monotonic() > self.not_before + SLOWEST_RESTART_S:
                self.tries = 0
            return
        if time.monotonic() < self.not_before:
            return
        self.tries += 1
        self.not_before = time.monotonic() + min(0.5 * 2**self.tries, SLOWEST_RESTART_S)
        _ensure(home, self.name)


def _signals_as_flag() -> list[int]:
    raised: list[int] = []
    for word in (signal.SIGINT, signal.SIGTERM):
        signal.signal(word, lambda number, _: raised.append(number))
    return raised


def answers(port: int, timeout_s: float = 2.0) -> bool:
    """Whether an HTTP server there answers, and not with an error of its own."""
    # Not urllib: that would ask a proxy of the environment for our own machine.
    connection = HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", HEALTH_PATH)
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _spawn(home: Path, part: Part) -> None:
    """In a session of its own, so that neither Ctrl-C nor the end of the terminal reaches it."""
    environment = {**os.environ, "DOORSTEP_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    if part.listens:
        environment["DOORSTEP_PORT"] = str(homes.choose_port(home, part.name))
    log_file = _log_file(home, part.name)
    _turn_over(log_file)
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", part.module],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    _children.append(process)
    note = {"pid": process.pid, "started_at": _started_at(process.pid)}
    homes.write_whole(_note_file(home, part.name), json.dumps(note) + "\n")


# Kept so that a child that has ended is taken off the process table when it is asked after.
_children: list[subprocess.Popen[bytes]] = []


def _started_at(pid: int) -> float:
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def _turn_over(log_file: Path) -> None:
    """One old log is kept beside the running one."""
    if log_file.exists() and log_file.stat().st_size > LONGEST_LOG_BYTES:
        log_file.replace(log_file.with_suffix(".log.1"))


def _await_healthy(home: Path, name: str, deadline: float) -> State:
    settled = time.monotonic() + (0.0 if PARTS[name].listens else FIRST_MOMENTS_S)
    while time.monotonic() < deadline:
        found = state(home, name)
        if not found.running:
            if not _lost_its_port(found):
                break
            _ensure(home, name)
        elif found.healthy and _answers_itself(found) and time.monotonic() >= settled:
            return found
        time.sleep(0.05)
    reason = "it ended" if _process(home, name) is None else "it does not answer"
    raise PartWouldNotStart(part=name, reason=_last_words(home, name) or reason, log=str(_log_file(home, name)))


def _lost_its_port(ended: State) -> bool:
    """Whether somebody took it between its choice and the part's coming to it: then another one is chosen."""
    return ended.port is not None and not homes.is_free(ended.port)


def _answers_itself(found: State) -> bool:
    """And not whoever has its port, while it is still on the way there."""
    import psutil

    if found.port is None:
        return True
    try:
        listening = psutil.Process(found.pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == found.port for each in listening)


def _last_words(home: Path, name: str) -> str:
    log_file = _log_file(home, name)
    if not log_file.exists():
        return ""
    lines = log_file.read_text("utf-8", "replace")[-4000:].strip().splitlines()
    return lines[-1].strip() if lines else ""


def _process(home: Path, name: str) -> psutil.Process | None:
    """The living process of the part; a dead one's number given to another process does not fool it."""
    import psutil

    _children[:] = [child for child in _children if child.poll() is None]
    try:
        note = json.loads(_note_file(home, name).read_text("utf-8"))
        process = psutil.Process(int(note["pid"]))
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process if abs(process.create_time() - note["started_at"]) < SAME_START_S else None
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None


def _end(process: psutil.Process, patience_s: float) -> None:
    import psutil

    family = [process, *process.children(recursive=True)]
    try:
        process.terminate()
    except psutil.NoSuchProcess:
        return
    _, alive = psutil.wait_procs(family, timeout=patience_s)
    for left in alive:
        left.kill()
    psutil.wait_procs(alive, timeout=GONE_WITHIN_S)


def _note_file(home: Path, name: str) -> Path:
    return home / f"{name}.pid"


def _log_file(home: Path, name: str) -> Path:
    return homes.logs(home) / f"{name}.log"
