"""The simulated world as a real process, started for the tests and ended after them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from doorstep.plug.simulator.process import Outside


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """Time stands still unless a test moves it."""
    with Outside("--speed", "0", "--late-s", "3", "--start", "2026-03-02T12:00:00+00:00") as world:
        yield world


@pytest.fixture
def start_outside() -> Iterator[Callable[..., Outside]]:
    """Start one of your own, as often as you like."""
    started: list[Outside] = []

    def start(*arguments: str) -> Outside:
        started.append(Outside(*arguments))
        return started[-1]

    yield start
    for world in started:
        world.end()
