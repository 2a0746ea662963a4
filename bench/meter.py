"""meter: how much CPU a set of processes took, those that ended meanwhile included."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from doorstep.kit import embedded

US = 1e6


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a living process, to the nanosecond where the kernel tells it, else to its clock's tick."""
    try:
        threads = list(Path(f"/proc/{process.pid}/task").iterdir())
        return sum(int((thread / "schedstat").read_text("ascii").split()[0]) for thread in threads) / 1e9
    except (OSError, ValueError, IndexError):
        times = process.cpu_times()
        return float(times.user + times.system)


def family_cpu_s(pid: int) -> float:
    """CPU seconds of a process, of those it started, and of those of them that have ended and were waited for."""
    try:
        first = psutil.Process(pid)
        family = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    total = 0.0
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += cpu_s(process) + times.children_user + times.children_system
    return total


def database_cpu_s(home: Path) -> float:
    """All processes of the embedded server: backends, writers, autovacuum, and those that have ended."""
    return family_cpu_s(embedded.server_pid(home) or 0)


@dataclass(slots=True)
class Spent:
    """What a stretch of work took."""

    wall_s: float = 0.0
    app_s: float = 0.0
    pg_s: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall_s + other.wall_s, self.app_s + other.app_s, self.pg_s + other.pg_s)

    @property
    def cpu_s(self) -> float:
        return self.app_s + self.pg_s

    def us_each(self, count: int) -> dict[str, float]:
        return {"app_us": round(self.app_s / count * US, 1), "pg_us": round(self.pg_s / count * US, 1)}


@contextmanager
def metered(home: Path, app_cpu_s: Callable[[], float] = time.process_time) -> Iterator[Spent]:
    """Measure what happens inside: the wall's clock, the application's CPU, the database's CPU."""
    spent = Spent()
    # The reading of the database is done before the application is read: it takes time of its own.
    database = database_cpu_s(home)
    wall, app = time.perf_counter(), app_cpu_s()
    yield spent
    spent.wall_s = time.perf_counter() - wall
    spent.app_s = app_cpu_s() - app
    spent.pg_s = database_cpu_s(home) - database
