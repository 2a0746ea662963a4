"""The web process and its twins answer on one port; a twin that dies is replaced, none outlives the first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException

import psutil
import pytest

from doorstep.doors.http.twins import how_many, listening
from doorstep.kit import embedded
from doorstep.kit.home import is_free
from tests.database import environment
from tests.ports import a_free_port

HOST = "127.0.0.1"


def until(told: Callable[[], object], within_s: float = 60.0) -> None:
    end = time.monotonic() + within_s
    while not told():
        assert time.monotonic() < end, "it did not come so far"
        time.sleep(0.05)


def is_answered(port: int) -> bool:
    """On a connection of its own: another one may reach another process."""
    connection = HTTPConnection(HOST, port, timeout=120)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def web(urls: embedded.Urls, processes: int) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = a_free_port()
    first = subprocess.Popen(
        [sys.executable, "-m", "doorstep.doors.http", "--port", str(port)], start_new_session=True,
        env={**environment(urls), "DOORSTEP_WEB_PROCESSES": str(processes)},
    )  # fmt: skip
    try:
        until(lambda: is_answered(port))
        yield first, port
    finally:
        for left in [*twins_of(first), first.pid]:
            with suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        first.wait()


def twins_of(first: subprocess.Popen[bytes]) -> list[int]:
    with suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(first.pid).children() if not is_gone(child.pid)]
    return []


def the_twin_of(first: subprocess.Popen[bytes]) -> int:
    until(lambda: len(twins_of(first)) == 1)
    return twins_of(first)[0]


def is_gone(pid: int) -> bool:
    """It may go while it is looked at."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_twin_that_dies_is_replaced_and_what_waits_at_it_is_answered(urls: embedded.Urls) -> None:
    with web(urls, processes=2) as (first, port):
        twin = the_twin_of(first)
        os.kill(twin, signal.SIGKILL)
        assert all(is_answered(port) for _ in range(20)), "half of them came while there was no twin"
        until(lambda: twins_of(first) not in ([], [twin]))


def test_none_outlives_the_first_however_it_ends(urls: embedded.Urls) -> None:
    with web(urls, processes=2) as (first, port):
        twin = the_twin_of(first)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        until(lambda: is_gone(twin) and is_free(port))
    with web(urls, processes=2) as (first, port):
        twin = the_twin_of(first)
        first.terminate()
        first.wait(60)
        until(lambda: is_gone(twin) and is_free(port))


def test_a_process_alone_has_no_twin(urls: embedded.Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORSTEP_WEB_PROCESSES", "1")
    assert how_many() == 1
    with web(urls, processes=1) as (first, _):
        assert twins_of(first) == []


def test_a_port_that_somebody_has_is_not_shared_with_him() -> None:
    port = a_free_port()
    here = listening(HOST, port, 2)
    try:
        with pytest.raises(OSError, match="in use"):
            listening(HOST, port, 2)
    finally:
        for one in here:
            one.close()
