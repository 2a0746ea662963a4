"""The command line: quick to ask, one plain sentence when it refuses, JSON for programs."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import doorstep as doorstep_package
from doorstep.doors.cli import saying_no
from doorstep.doors.cli.main import COMMANDS
from doorstep.kit import home as homes
from doorstep.kit.refusals import Invalid, NotFound, OnHold, every_refusal
from doorstep.setup.customs.lists import NotARuleList
from tests.doors.command_line import Cli, doorstep
from tests.faults.test_twins import is_gone, until


def test_help_lists_every_command_and_loads_none_of_them() -> None:
    before_s = _of_children_s()
    done = doorstep(None, "--help")
    took_s = _of_children_s() - before_s
    assert done.returncode == 0
    for name, (_, line) in COMMANDS.items():
        assert name in done.stdout
        assert line.split(".")[0][:20] in done.stdout
    heavy = (
        "import sys, doorstep.doors.cli.main; print([m for m in ('litestar', 'asyncpg', 'httpx') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert took_s < 5


def _of_children_s() -> float:
    """What the processes that were started have computed, however busy the machine is."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_of_the_list_is_there_and_explains_itself(tmp_path: Path, name: str) -> None:
    done = Cli(tmp_path).run(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"doorstep {name}" in done.stdout


def test_status_tells_what_runs_and_starts_nothing(a_home: Path) -> None:
    done = doorstep(a_home / "new", "status", "--json")
    facts = json.loads(done.stdout)
    assert facts["home"] == str(a_home / "new")
    assert [facts[name]["running"] for name in ("database", "web", "worker", "simulator")] == [False] * 4
    assert not (a_home / "new").exists()
    assert doorstep(a_home / "new", "status").stdout.splitlines()[-1] == "Start it: doorstep up"


def test_the_first_command_starts_the_database_and_down_ends_it(a_home: Path) -> None:
    assert json.loads(doorstep(a_home, "migrate", "--json").stdout)["applied"]
    assert json.loads(doorstep(a_home, "migrate", "--json").stdout) == {"applied": []}
    assert json.loads(doorstep(a_home, "status", "--json").stdout)["database"]["running"]
    assert json.loads(doorstep(a_home, "down", "--json").stdout)["stopped"] == ["database"]
    assert not json.loads(doorstep(a_home, "status", "--json").stdout)["database"]["running"]


def test_a_refusal_is_one_plain_sentence_and_never_a_traceback(a_home: Path) -> None:
    (a_home / "orders.csv").write_text("Name,Total\n#1001,12.00\n")
    done = doorstep(a_home, "restore", str(a_home / "orders.csv"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("This file is not a backup that `doorstep backup` made")
    assert len(done.stderr.splitlines()) == 1


def test_a_refusal_asked_for_in_json_carries_its_code_and_reason(a_home: Path) -> None:
    done = doorstep(a_home, "restore", str(a_home / "missing"), "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "NotABackup"
    assert error["file"] == str(a_home / "missing")


def test_what_is_not_a_command_is_a_wrong_question(a_home: Path) -> None:
    assert doorstep(a_home, "deliver-everything").returncode == 2


def test_a_backup_is_restored_and_audited(a_home: Path) -> None:
    doorstep(a_home, "migrate")
    file = a_home / "shop.backup"
    assert json.loads(doorstep(a_home, "backup", str(file), "--json").stdout)["size_bytes"] == file.stat().st_size
    done = doorstep(a_home, "restore", str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["audit"]["ok"] is True


def test_your_own_database_is_not_backed_up_by_us(a_home: Path) -> None:
    urls = dict.fromkeys(("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_ROUTER_URL"), "postgresql://db/doorstep")
    done = doorstep(a_home, "backup", str(a_home / "x"), **urls)
    assert done.returncode == 1
    assert done.stderr.startswith("doorstep keeps copies of its embedded database only")


def test_up_brings_everything_up_once_and_down_ends_it(a_home: Path) -> None:
    try:
        done = doorstep(a_home, "up", "--simulator", "--json")
        assert done.returncode == 0, done.stderr
        address = json.loads(done.stdout)["address"]
        assert httpx.get(f"{address}/health", timeout=120, trust_env=False).status_code == 200
        before = json.loads(doorstep(a_home, "status", "--json").stdout)
        assert all(before[name]["running"] for name in ("database", "web", "worker", "simulator"))
        os.kill(before["worker"]["pid"], signal.SIGKILL)
        until(lambda: is_gone(before["worker"]["pid"]))
        again = json.loads(doorstep(a_home, "up", "--json").stdout)
        assert again["address"] == address and again["link"].startswith(f"{address}/in/")
        after = json.loads(doorstep(a_home, "status", "--json").stdout)
        assert after["web"]["pid"] == before["web"]["pid"]
        assert after["worker"]["running"] and after["worker"]["pid"] != before["worker"]["pid"]
        with httpx.Client(base_url=address, timeout=120, follow_redirects=True, trust_env=False) as browser:
            assert browser.get(again["link"]).status_code == 200
            today = browser.get("/today").text
        assert "First steps" in today and "0 of 6 done" in today and "/settings/merchants/new" in today
        refused = doorstep(a_home, "restore", str(a_home / "any"))
        assert refused.stderr.startswith("Web and worker use the database that is to be replaced")
    finally:
        stopped = json.loads(doorstep(a_home, "down", "--json").stdout)["stopped"]
    assert stopped == ["web", "worker", "simulator", "database"]


def test_who_finds_the_port_taken_is_told_that_the_web_has_moved(a_home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        homes.remember(homes.prepare(a_home), ports={"web": taken})
        try:
            done = doorstep(a_home, "up")
        finally:
            doorstep(a_home, "down")
    assert f"Something else listens on port {taken}: the web has another address from now on." in done.stderr
    assert "doorstep is up: http" in done.stdout and f":{taken}" not in done.stdout
    assert "What comes first stands there" in done.stdout


def test_what_a_refusal_says_to_try_is_a_command_that_there_is() -> None:
    for module in pkgutil.walk_packages(doorstep_package.__path__, "doorstep."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    known = {kind.__name__ for kind in every_refusal()}
    assert not saying_no.NEXT.keys() - known
    for said in (*saying_no.NEXT.values(), *saying_no.LISTS.values()):
        for command in re.findall(r"doorstep ([a-z-]+) ?([a-z-]*)", said):
            name, below = command
            assert name in COMMANDS, said
            group = importlib.import_module(f"doorstep.doors.cli.{COMMANDS[name][0]}").app
            names = {one.name for one in group.registered_commands}
            assert name in names or below in names, said


def test_a_refusal_tells_every_fault_on_a_line_of_its_own_and_what_to_try() -> None:
    fields = [{"pointer": "/lines/0/quantity", "detail": "must be at least 1"}]
    assert list(saying_no.lines(Invalid(fields=fields, order="ord_7"))) == [
        "Some fields are not as they must be; each is listed. (order ord_7)", "  lines/0/quantity: must be at least 1",
    ]  # fmt: skip
    problems = [{"row": 3, "field": "percent", "detail": "'x' is no number from 0 to 1000"}]
    assert list(saying_no.lines(NotARuleList(kind="duty-rates", problems=problems, more=0)))[1:] == [
        "  row 3, percent: 'x' is no number from 0 to 1000"
    ]
    assert list(saying_no.lines(NotFound(order="#9")))[-1] == "Try: doorstep orders list"
    assert list(saying_no.lines(OnHold(order="ord_9", reasons=["no address"])))[-1] == "Try: doorstep orders why ord_9"
