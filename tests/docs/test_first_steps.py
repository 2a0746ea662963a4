"""docs/first-steps.md and docs/api.md are walked: every command of them, as it stands there, in one fresh home."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from doorstep.doors import supervisor
from doorstep.kit import embedded

DOCS = Path(__file__).parents[2] / "docs"
SHIM = f"""#!/bin/sh
exec {sys.executable} -m doorstep.doors.cli.main "$@"
"""


def commands(page: str) -> str:
    """All blocks of the shell, one after the other; but the first line of all, which is about a checkout."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (DOCS / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    return "\n".join(blocks)


@pytest.fixture
def walk(a_home: Path, tmp_path: Path) -> str:
    """What the shell says when it goes through both pages, stopping at the first command that fails."""
    shims = tmp_path / "bin"
    shims.mkdir()
    (shims / "doorstep").write_text(SHIM)
    (shims / "doorstep").chmod(0o755)
    script = f"set -eux\n{commands('first-steps.md')}\n{commands('api.md')}".replace("$PWD/.venv/bin", str(shims))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "DOORSTEP_"))}
    try:
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env={**clean, "DOORSTEP_HOME": str(a_home)}, timeout=1500,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout
    finally:
        for name in supervisor.PARTS:
            supervisor.stop(a_home, name)
        embedded.stop(a_home)


def test_whoever_follows_the_first_steps_and_the_api_page_gets_there(walk: str) -> None:
    for told in (
        "doorstep is up: http", "/in/", "Merchant mugs is there.", "Site EWR is there.", "post is kept.",
        '"existing":false', "Promised", "it would be chosen", "label.pdf is there", "invoice.pdf is there",
        "delivery delivered", "stage completed", "The books hold",
    ):  # fmt: skip
        assert told in walk, told
    for told in ('"code":"Invalid"', '"/lines/0/quantity"', '"status":201', '"code":"UnknownSku"', '"secret":"whsec_'):
        assert told in walk, told
    assert "Traceback" not in walk
