"""Whatever can be set is in docs/settings.md, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"[\"'`]((?:DOORSTEP|DATABASE)_[A-Z_]+)[\"'`]")


def test_every_setting_is_told_and_every_one_told_is_there() -> None:
    read = {name for file in (ROOT / "src").rglob("*.py") for name in VARIABLE.findall(file.read_text("utf-8"))}
    told = set(VARIABLE.findall((ROOT / "docs" / "settings.md").read_text("utf-8")))
    assert read == told, f"only in the code: {sorted(read - told)}; only in docs/settings.md: {sorted(told - read)}"
