"""The import rule, broken on purpose: each break is named, with its mending."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_imports", ROOT / "tools" / "check_imports.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lint(folder: Path, *contracts: str) -> str:
    """import-linter over a small house of the same shape, with the contracts of the real one."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache", *chosen],
        cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    return " ".join(done.stdout.split())


@pytest.fixture
def house(tmp_path: Path) -> Path:
    rooms = ["doors", "setup", "plug", "spine", "kit", "journey"]
    stages = ["intake", "processing", "fulfillment", "shipping", "tracking", "changes", "cash", "inventory"]
    for room in ["", *rooms, *(f"journey/{stage}" for stage in stages)]:
        (tmp_path / "doorstep" / room).mkdir(parents=True, exist_ok=True)
        (tmp_path / "doorstep" / room / "__init__.py").touch()
    return tmp_path


def test_an_import_upwards_is_named_with_its_mending(house: Path) -> None:
    (house / "doorstep/kit/money.py").write_text("import doorstep.spine\n")
    told = lint(house, "layers")
    assert "doorstep.kit.money -> doorstep.spine" in told
    assert "To mend: move the shared piece down" in told


def test_a_stage_that_imports_a_stage_is_named_with_its_mending(house: Path) -> None:
    (house / "doorstep/journey/cash/invoice.py").write_text("from doorstep.journey import shipping\n")
    told = lint(house, "stages")
    assert "doorstep.journey.cash.invoice -> doorstep.journey.shipping" in told
    assert "To mend: name the next verb in the `then` column" in told


def test_a_stage_that_imports_the_clock_is_named_with_its_mending(house: Path) -> None:
    (house / "doorstep/journey/cash/invoice.py").write_text("import time\n")
    told = lint(house, "rules")
    assert "doorstep.journey.cash.invoice -> time" in told
    assert "To mend: put what the rule needs into its Facts" in told


def test_a_rule_that_asks_the_clock_is_named_with_its_mending(tmp_path: Path) -> None:
    (tmp_path / "promise.py").write_text("def decide(facts, left):\n    return clock.now(), left\n")
    (tmp_path / "place.py").write_text("async def decide(facts, left): ...\n")
    waits, asks = checker().impure_rules(tmp_path)
    assert "promise.py:2: the rule decide asks now()" in asks
    assert "place.py:1: the rule decide is async" in waits
    assert asks.endswith("To mend: read it before the rule runs and hand it in as a field of its Facts.")


@pytest.mark.parametrize(
    "line", ["import doorstep.kit.money", "from doorstep import kit", "from doorstep.spine import jobs"]
)
def test_a_plugin_that_reaches_past_its_socket_is_named_with_its_mending(tmp_path: Path, line: str) -> None:
    (tmp_path / "meest.py").write_text(f"from doorstep.plug import carrier\n{line}\n")
    [told] = checker().nosy_plugins(tmp_path)
    assert "meest.py:2: a plugin imports doorstep." in told
    assert "To mend: import it from doorstep.plug" in told
