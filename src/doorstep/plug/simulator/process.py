"""process: start the simulated world beside this program, turn its controls, end it; it never outlives its starter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx


class Outside:
    """A running simulator. `with Outside("--speed", "0") as outside: outside.url …`"""

    def __init__(self, *arguments: str, log: Path | None = None) -> None:
        command = [sys.executable, "-m", "doorstep.plug.simulator", "--until-stdin-ends", *arguments]
        self._http = httpx.Client(timeout=60, trust_env=False, verify=False)  # it is on this machine
        errors = log.open("ab") if log else None
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
            )
        finally:
            if errors:
                errors.close()
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.end()
            raise RuntimeError(f"the simulated world did not start: exit {self._process.returncode}")
        self.url: str = json.loads(line)["url"]

    @property
    def pid(self) -> int:
        return self._process.pid

    def control(self, what: str, **body: Any) -> dict[str, Any]:
        """`advance` hours=8, `speed` speed=3600, `faults` rules=[…], `fate` number=… fate=…, `fates` smooth=1 …,
        `leave_out` parts=["price"], `hook` url=… secret=…"""
        answer = self._http.post(f"{self.url}/control/{what}", json=body)
        if answer.status_code != 200:
            raise ValueError(f"{what}: {answer.text}")
        return dict(answer.json())

    def state(self) -> dict[str, Any]:
        return dict(self._http.get(f"{self.url}/control/state").json())

    def labels(self) -> list[dict[str, Any]]:
        """What the simulated carrier has sold."""
        return list(self._http.get(f"{self.url}/control/labels").json()["labels"])

    def kill(self) -> None:
        """As a power cut would."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        self._http.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def __enter__(self) -> Outside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
