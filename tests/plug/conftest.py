"""The simulated world as a real process, started for the tests and ended after them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest


class Outside:
    """A running simulator and its controls."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "doorstep.plug.simulator", *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the simulator did not start"
        self.url: str = json.loads(line)["url"]

    def control(self, what: str, **body: Any) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}/control/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def state(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/control/state").json())

    def fault(self, **rule: Any) -> None:
        self.control("faults", rules=[rule])

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        if self._process.stdout:
            self._process.stdout.close()


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """Time stands still unless a test moves it; parcels tell the truth in order unless asked otherwise."""
    world = Outside("--speed", "0", "--late-s", "3", "--start", "2026-03-02T12:00:00+00:00")
    yield world
    world.end()


@pytest.fixture
def start_outside(tmp_path: Path) -> Iterator[Callable[..., Outside]]:
    """Start one of your own, as often as you like."""
    started: list[Outside] = []

    def start(*arguments: str) -> Outside:
        started.append(Outside(*arguments))
        return started[-1]

    yield start
    for world in started:
        world.end()
