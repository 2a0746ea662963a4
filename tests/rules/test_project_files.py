"""What a fresh clone stands on: exact versions, from wherever the reader's own index is."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def plain(requirement: str) -> str:
    return re.split(r"[\s\[<>=!~;]", requirement)[0].lower().replace("_", "-")


def test_the_lock_names_no_host() -> None:
    assert not re.findall(r"://|--(?:extra-)?index-url|--find-links|--trusted-host", LOCK)


def test_every_requirement_is_locked_with_its_hashes() -> None:
    wanted = {plain(line) for line in [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]}
    entries = re.split(r"\n(?=[a-z0-9])", LOCK)
    hashed = {plain(entry) for entry in entries if "--hash=sha256:" in entry}
    assert wanted - hashed == set(), "run make lock"


def test_ci_run_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
