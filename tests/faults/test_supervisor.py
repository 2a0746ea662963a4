"""The parts as processes: they outlive who started them, come back when they die, and are never mistaken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from doorstep.doors import supervisor
from doorstep.doors.supervisor import Part
from doorstep.kit import home as homes

WEB = """
from http.server import HTTPServer, SimpleHTTPRequestHandler
import os
HTTPServer(("127.0.0.1", int(os.environ["DOORSTEP_PORT"])), SimpleHTTPRequestHandler).serve_forever()
"""
WORKER = "import time\nwhile True: time.sleep(1)\n"
BROKEN = "raise SystemExit('no such table: orders')\n"
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)\n"
)
PARTS = {
    "web": Part("web", "part_web", listens=True),
    "worker": Part("worker", "part_worker", listens=False),
    "broken": Part("broken", "part_broken", listens=False),
    "stubborn": Part("stubborn", "part_stubborn", listens=False),
}


@pytest.fixture
def home(a_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    code = a_home / "code"
    code.mkdir()
    for name, text in (("web", WEB), ("worker", WORKER), ("broken", BROKEN), ("stubborn", STUBBORN)):
        (code / f"part_{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(code))
    monkeypatch.setattr(supervisor, "PARTS", PARTS)
    yield a_home
    for name in PARTS:
        supervisor.stop(a_home, name, patience_s=0.5)


def until(held: Callable[[], object], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not held():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def test_a_part_is_started_once_and_tells_its_address(home: Path) -> None:
    [web, worker] = supervisor.start(home, "web", "worker")
    assert web.healthy and web.address == f"http://127.0.0.1:{homes.port_of(home, 'web')}"
    assert worker.healthy and worker.port is None
    assert [state.pid for state in supervisor.start(home, "web", "worker")] == [web.pid, worker.pid]


def test_a_part_outlives_the_command_that_started_it(home: Path) -> None:
    command = (
        "import pathlib, sys; from doorstep.doors import supervisor as s\n"
        "s.PARTS['worker'] = s.Part('worker', 'part_worker', listens=False)\n"
        "s.start(pathlib.Path(sys.argv[1]), 'worker')"
    )
    subprocess.run([sys.executable, "-c", command, str(home)], check=True)
    assert supervisor.state(home, "worker").running
    assert supervisor.stop(home, "worker")
    assert not supervisor.state(home, "worker").running
    assert not supervisor.stop(home, "worker")


def test_the_port_is_kept_and_given_up_only_when_another_program_has_it(home: Path) -> None:
    [before] = supervisor.start(home, "web")
    supervisor.stop(home, "web")
    [again] = supervisor.start(home, "web")
    assert again.port == before.port
    supervisor.stop(home, "web")
    intruder = subprocess.Popen(
        [sys.executable, str(home / "code" / "part_web.py")], env={**os.environ, "DOORSTEP_PORT": str(before.port)}
    )
    try:
        until(lambda: not homes.is_free(before.port or 0))
        [moved] = supervisor.start(home, "web")
        assert moved.port != before.port
        assert moved.healthy
    finally:
        intruder.kill()
        intruder.wait()


def test_who_loses_its_port_on_the_way_there_gets_another(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was free when it was chosen; then another program came, which answers there."""
    [before] = supervisor.start(home, "web")
    supervisor.stop(home, "web")
    chosen = iter([before.port])
    choose = homes.choose_port
    monkeypatch.setattr(homes, "choose_port", lambda *asked: next(chosen, None) or choose(*asked))
    intruder = subprocess.Popen(
        [sys.executable, str(home / "code" / "part_web.py")], env={**os.environ, "DOORSTEP_PORT": str(before.port)}
    )
    try:
        until(lambda: supervisor.answers(before.port or 0))
        [moved] = supervisor.start(home, "web")
        assert moved.port != before.port
        assert moved.healthy and moved.running
    finally:
        intruder.kill()
        intruder.wait()


def test_a_part_that_cannot_start_says_its_last_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_MOMENTS_S", 60.0)  # it ends as soon as the machine has come so far
    with pytest.raises(supervisor.PartWouldNotStart) as refused:
        supervisor.start(home, "broken")
    assert refused.value.why["reason"] == "no such table: orders"


def test_a_dead_parts_number_given_to_another_process_fools_nobody(home: Path) -> None:
    [worker] = supervisor.start(home, "worker")
    note = home / "worker.pid"
    facts = json.loads(note.read_text())
    note.write_text(json.dumps({**facts, "pid": os.getpid()}))
    assert not supervisor.state(home, "worker").running
    assert not supervisor.stop(home, "worker")
    psutil.Process(worker.pid).kill()


def test_a_part_that_will_not_end_is_ended(home: Path) -> None:
    [stubborn] = supervisor.start(home, "stubborn")
    until(lambda: "up" in Path(stubborn.log).read_text())
    assert supervisor.stop(home, "stubborn", patience_s=0.5)
    assert not supervisor.state(home, "stubborn").running


def test_in_the_foreground_what_dies_is_started_again_and_everything_ends_on_request(home: Path) -> None:
    command = (
        "import pathlib, sys; from doorstep.doors import supervisor as s\n"
        "s.PARTS['web'] = s.Part('web', 'part_web', listens=True)\n"
        "s.PARTS['worker'] = s.Part('worker', 'part_worker', listens=False)\n"
        "s.watch(pathlib.Path(sys.argv[1]), ('web', 'worker'))"
    )
    watcher = subprocess.Popen([sys.executable, "-c", command, str(home)])
    try:
        until(lambda: all(supervisor.state(home, name).healthy for name in ("web", "worker")))
        for name in ("web", "worker"):
            first = supervisor.state(home, name).pid
            os.kill(first or 0, signal.SIGKILL)
            until(lambda name=name, first=first: supervisor.state(home, name).pid not in (None, first))
        watcher.terminate()
        assert watcher.wait(60) == 0
        assert not any(supervisor.state(home, name).running for name in ("web", "worker"))
    finally:
        watcher.kill()
        watcher.wait()


def test_two_homes_have_two_webs(home: Path) -> None:
    other = home / "other"
    other.mkdir(mode=0o700)
    try:
        [here], [there] = supervisor.start(home, "web"), supervisor.start(other, "web")
        assert here.port != there.port
        supervisor.stop(home, "web")
        until(lambda: supervisor.state(other, "web").healthy)
    finally:
        supervisor.stop(other, "web")
