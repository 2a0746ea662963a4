"""The demo, as somebody runs it who has just cloned: fewer orders, everything else as it is."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from doorstep.doors import supervisor
from doorstep.doors.demo.days import LONG, Days, first_day
from doorstep.doors.demo.exports import STAMP, write_exports
from doorstep.kit import clock
from doorstep.sample import FOLDER
from doorstep.spine.journey import ROWS

ORDERS = 45
# Verbs that need bad luck, a person's second thought, or nothing but the API; all others are part of every demo.
NOT_IN_EVERY_DEMO = {
    "import_history", "import_correction", "import_opening",  # it has no past
    "ask_label", "choose_label", "choose_return_label",  # told only of what the first carrier refused
    "refuse_label", "refuse_return_label", "refuse_manifest",
    "expire", "expire_authorization",  # of what waits longer than money is held
    "unpromise", "fill", "lose", "fix_address", "name_item", "receive", "announce", "remit", "release_funds",
    "want_release_of_funds", "lift", "insure", "want_return_void", "keep_return_void",
    "keep_receipt",  # the gateway's word of a text message comes to an address that others reach
    "scrap",  # of what comes back in a small demo nothing need be broken
}  # fmt: skip


def doorstep(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "DOORSTEP_"))}
    return subprocess.run(
        [sys.executable, "-m", "doorstep.doors.cli.main", *arguments],
        env={**clean, "DOORSTEP_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def ended(a_home: Path) -> Iterator[Path]:
    """A home whose parts are ended with the test, whatever becomes of it."""
    yield a_home
    for name in supervisor.PARTS:
        supervisor.stop(a_home, name)


def test_three_shops_are_played_through_every_stage_and_the_books_hold(ended: Path) -> None:
    done = doorstep(ended, "demo", "--exit", "--json", "--orders", str(ORDERS))
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["audit"]["ok"] and not told["dead_jobs"]
    assert set(ROWS) - set(told["verbs"]) <= NOT_IN_EVERY_DEMO
    orders = told["orders"]
    assert told["imported"]["taken"] == ORDERS and orders["total"] > ORDERS
    for stage in ("processing", "fulfilled", "completed", "canceled"):
        assert orders["by_stage"][stage] > 0
    for odd in ("held", "short", "split", "backordered", "returned", "on_the_way"):
        assert orders[odd] > 0, odd
    assert told["parcels"]["delivered"] > 0 and told["emails"] > 100
    assert told["cash_minor"]["USD"]["earned"] > 0 and told["cash_minor"]["EUR"]["earned"] > 0
    assert {"UnknownSku", "TotalDoesNotAddUp"} <= set(told["refusals"])
    assert "Error" not in done.stderr and "Warning" not in done.stderr and "Traceback" not in done.stderr
    _is_ended_with_its_data(ended)
    _is_told_again(ended, told)


def _is_ended_with_its_data(home: Path) -> None:
    facts = json.loads(doorstep(home, "status", "--json").stdout)
    assert not any(facts[name]["running"] for name in ("database", "web", "worker", "simulator"))
    audit = doorstep(home, "audit", "--json")
    assert audit.returncode == 0 and json.loads(audit.stdout)["ok"]
    logs = "".join((home / "logs" / f"{name}.log").read_text() for name in ("web", "worker"))
    assert '"level": "error"' not in logs and "Traceback" not in logs


def _is_told_again(home: Path, before: dict[str, Any]) -> None:
    again = doorstep(home, "demo", "--exit", "--json")
    assert again.returncode == 0, again.stderr[-3000:]
    told = json.loads(again.stdout)
    assert {name: told[name] for name in ("refusals", "imported", "took_s")} == {
        name: before[name] for name in ("refusals", "imported", "took_s")
    }
    assert told["orders"]["total"] == before["orders"]["total"]


def test_a_home_with_a_shop_of_its_own_is_left_alone(a_home: Path) -> None:
    made = doorstep(a_home, "merchant", "add", "mugs", "--name", "Mugs", "--currency", "USD", "--country", "US")
    assert made.returncode == 0, made.stderr
    done = doorstep(a_home, "demo", "--exit", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "NotADemoHome"


def test_the_samples_orders_come_day_by_day_and_none_is_left_out(tmp_path: Path) -> None:
    first = first_day(datetime(2026, 11, 23, 18, 5, tzinfo=UTC))
    exports = write_exports(FOLDER / "orders" / "harbor-mugs.csv", tmp_path, first)
    assert [export.day for export in exports] == sorted({export.day for export in exports})
    assert exports[-1].day < LONG
    with (FOLDER / "orders" / "harbor-mugs.csv").open(encoding="utf-8", newline="") as file:
        before = list(csv.DictReader(file))
    after = [row for export in exports for row in csv.DictReader(export.file.open(encoding="utf-8", newline=""))]
    assert sum(export.orders for export in exports) == len({row["Name"] for row in before})
    assert len(after) == len(before)
    assert all(row["Created at"] for row in after)
    for export in exports:
        for row in csv.DictReader(export.file.open(encoding="utf-8", newline="")):
            placed = datetime.strptime(row["Created at"], STAMP)
            assert placed < first + timedelta(days=export.day, hours=8)


def test_of_fewer_orders_the_odd_ones_come_first(tmp_path: Path) -> None:
    exports = write_exports(FOLDER / "orders" / "gizmo-lane.csv", tmp_path, first_day(datetime.now(UTC)), wanted=15)
    rows = [row for export in exports for row in csv.DictReader(export.file.open(encoding="utf-8", newline=""))]
    assert sum(export.orders for export in exports) == 15
    assert any(int(row["Lineitem quantity"]) >= 100 for row in rows)


def test_a_demos_time_goes_forward_and_never_past_the_real_one(tmp_path: Path) -> None:
    days = Days(tmp_path / "clock", first_day(datetime.now(UTC)))
    began = datetime.now(UTC)
    days.go_to(days.at(3, 9))
    shift, ended = clock.shift_of(days.file), datetime.now(UTC)
    rounded = timedelta(milliseconds=1)
    assert began + shift - rounded <= days.at(3, 9) <= ended + shift + rounded
    days.go_to(days.at(2, 9))
    assert clock.shift_of(days.file) == shift
    days.go_to(datetime.now(UTC) + timedelta(days=9))
    assert clock.shift_of(days.file) == timedelta(0)
    days.end()
    assert clock.shift_of(days.file) == timedelta(0)
