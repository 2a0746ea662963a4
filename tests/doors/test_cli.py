"""The command line: quick to ask, one plain sentence when it refuses, JSON for programs."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from doorstep.doors.cli.main import COMMANDS
from tests.doors.command_line import Cli, doorstep


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
        assert httpx.get(f"{address}/health").status_code == 200
        before = json.loads(doorstep(a_home, "status", "--json").stdout)
        assert all(before[name]["running"] for name in ("database", "web", "worker", "simulator"))
        os.kill(before["worker"]["pid"], signal.SIGKILL)
        again = json.loads(doorstep(a_home, "up", "--json").stdout)
        assert again["address"] == address and again["link"].startswith(f"{address}/in/")
        after = json.loads(doorstep(a_home, "status", "--json").stdout)
        assert after["web"]["pid"] == before["web"]["pid"]
        assert after["worker"]["running"] and after["worker"]["pid"] != before["worker"]["pid"]
        refused = doorstep(a_home, "restore", str(a_home / "any"))
        assert refused.stderr.startswith("Web and worker use the database that is to be replaced")
    finally:
        stopped = json.loads(doorstep(a_home, "down", "--json").stdout)["stopped"]
    assert stopped == ["web", "worker", "simulator", "database"]
