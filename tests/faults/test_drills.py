"""The drills in small, on every run; `make races`, `make drill` and `make pour` are the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def drill(name: str, *sizes: str) -> str:
    """Run it as its make target does, apart from this run's database."""
    environment = {word: value for word, value in os.environ.items() if not word.startswith(("DOORSTEP_", "DATABASE_"))}
    ended = subprocess.run(
        [sys.executable, "-m", f"tests.drills.{name}", *sizes],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1500,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return ended.stdout


def test_a_crowd_gets_exactly_what_there_is() -> None:
    told = drill("race", "--tries", "300", "--units", "30", "--clients", "32")
    assert told.rstrip().endswith("1 passed, 0 failed")


def test_what_was_acknowledged_survives_kills_of_everything() -> None:
    told = drill("kill", "--orders", "10", "--kills", "3", "--over", "8")
    assert told.rstrip().endswith("1 passed, 0 failed")


def test_orders_that_were_acknowledged_mid_batch_survive_kills_of_web_and_database() -> None:
    told = drill("intake", "--seconds", "6", "--kills", "2")
    assert told.rstrip().endswith("1 passed, 0 failed")


def test_a_carrier_that_loses_answers_is_paid_once_a_label() -> None:
    # Of so few labels the longest is one moment in which the machine did something else; what half of them took is no
    # such moment as long as it may fall on one round of several.
    told = drill("labels", "--labels", "60", "--rounds", "4", "--pace", "40", "--share", "0.5", "--ratio", "20")
    assert told.rstrip().endswith("1 passed, 0 failed")
