"""command_line: doorstep as the shell calls it, in a process of its own, or in this one, so that Python starts once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from doorstep.kit.embedded import Urls


def doorstep(home: Path | None, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "DOORSTEP_HOME"))}
    return subprocess.run(
        [sys.executable, "-m", "doorstep.doors.cli.main", *arguments],
        env={**clean, **({"DOORSTEP_HOME": str(home)} if home else {}), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


class Cli:
    """doorstep in a home of its own, with the database that these addresses lead to."""

    def __init__(self, home: Path, urls: Urls | None = None) -> None:
        self.home, self.urls = home, urls

    @property
    def surroundings(self) -> dict[str, str]:
        if self.urls is None:
            return {"DATABASE_URL": ""}
        named = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_ROUTER_URL")
        return dict(zip(named, (self.urls.app, self.urls.owner, self.urls.router), strict=True))

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """As the shell would, but in this process."""
        from doorstep.doors.cli import main

        out, err, code = StringIO(), StringIO(), 0
        surroundings = {"DOORSTEP_HOME": str(self.home), "COLUMNS": "200", **self.surroundings, **environment}
        with (
            patch.dict(os.environ, surroundings),
            patch.object(sys, "argv", ["doorstep", *words]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            sys.modules.pop("doorstep.doors.cli.doing", None)  # it is built for the verb that is asked
            try:
                main.main()
            except SystemExit as end:
                code = int(end.code or 0)
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    def json(self, *words: str) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr or done.stdout
        return json.loads(done.stdout)

    def says(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *words: str, code: int = 1) -> str:
        """What it says when it refuses: one plain sentence, never a traceback."""
        done = self.run(*words)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr
