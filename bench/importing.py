"""importing: a wholesaler's year of recorded orders through the command that people call, end to end into the books.

DOORSTEP_DATA=/the/recorded/data python -m bench import --json
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.disk import Disk
from bench.meter import Spent, database_cpu_s
from bench.place3 import SECONDS, Reference
from bench.scene import Scene, audited, scene

ROOT = Path(__file__).resolve().parents[1]
DATA, MAPPING = "orders_uci_online_retail", ROOT / "examples" / "mappings" / "uci_online_retail.toml"
LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Imported:
    """One import: what the command told, what it took, the most memory of its processes."""

    told: dict[str, Any]
    spent: Spent
    peak_mb: float


def import_once(home: Path, files: Path, merchant: str) -> Imported:
    """The command in a process of its own, the database not counted as its memory."""
    command = [
        sys.executable, "-m", "doorstep.doors.cli.main", "import", "orders", str(files), "--merchant", merchant,
        "--mapping", str(MAPPING), "--create", "--history", "--json",
    ]  # fmt: skip
    database, began, peak = database_cpu_s(home), time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        ended, status = 0, 0
        while not ended:
            peak = max(peak, _memory(process.pid))
            time.sleep(LOOK_S)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.stdout is not None
        out = process.stdout.read()
    if process.returncode:
        raise AssertionError(f"the import ended with {process.returncode}: {out[-1000:]}")
    spent = Spent(wall, usage.ru_utime + usage.ru_stime, database_cpu_s(home) - database)
    return Imported(json.loads(out.splitlines()[-1]), spent, peak / 1e6)


def _memory(pid: int) -> int:
    """Bytes: the most that each living process of the command ever had, added up."""
    with contextlib.suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        return sum(map(_most, [first, *first.children(recursive=True)]))
    return 0


def _most(process: psutil.Process) -> int:
    try:
        status = Path(f"/proc/{process.pid}/status").read_text("ascii", "replace")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        try:
            return int(process.memory_info().rss)
        except psutil.NoSuchProcess:
            return 0


def copied(data: str, home: Path) -> Path:
    """The files in a folder of their own: an import writes its report beside them."""
    return Path(shutil.copytree(Path(data) / DATA, home / DATA, copy_function=shutil.copyfile))


async def measure(asked: argparse.Namespace, data: str) -> dict[str, Any]:
    async with scene(merchants=0) as on:
        disk = await Disk.open(on.urls.owner)
        try:
            return await _rounds(on, disk, asked, data)
        finally:
            await disk.close()


async def _rounds(on: Scene, disk: Disk, asked: argparse.Namespace, data: str) -> dict[str, Any]:
    files = copied(data, on.home)
    reference = await asyncio.to_thread(Reference, on.home, on.urls.owner, asked.place3_seconds)
    rounds: list[Imported] = []
    wal = 0
    for number in range(asked.rounds):
        before = await disk.wal()
        rounds.append(await asyncio.to_thread(import_once, on.home, files, f"wholesaler-{number}"))
        wal += await disk.wal() - before
        tell(f"{rounds[-1].told['read']:,} lines in {rounds[-1].spent.wall_s:.1f} s, {rounds[-1].peak_mb:.0f} MB")
        await asyncio.to_thread(reference.again)
    books = await audited(on)
    return {**_figures(rounds), "wal_bytes_per_line": round(wal / _lines(rounds)), **reference.told(), "audit": books}


def _figures(rounds: list[Imported]) -> dict[str, Any]:
    rates = [one.told["read"] / one.spent.wall_s for one in rounds]
    spent = sum((one.spent for one in rounds), Spent())
    return {
        "lines_per_s": round(median(rates)), "peak_mb": round(max(one.peak_mb for one in rounds)),
        "lines_per_cpu_s": round(_lines(rounds) / spent.cpu_s), **spent.us_each(_lines(rounds)),
        "rounds_lines_per_s": [round(rate) for rate in rates],
        "imported": {name: value for name, value in rounds[-1].told.items() if isinstance(value, int)},
    }  # fmt: skip


def _lines(rounds: list[Imported]) -> int:
    return sum(one.told["read"] for one in rounds)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench import", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--rounds", type=int, default=1, help="each into a merchant of its own")
    parser.add_argument("--place3-seconds", type=float, default=SECONDS)
    asked = parser.parse_args(arguments)
    data = os.environ.get("DOORSTEP_DATA", "")
    if data and (Path(data) / DATA).is_dir():
        figures = asyncio.run(measure(asked, data))
    else:
        tell("set DOORSTEP_DATA to the folder of recorded data to run this")
        figures = {"lines_per_s": None, "peak_mb": None, "skipped": "DOORSTEP_DATA is not set"}
    print(json.dumps(figures, indent=None if asked.json else 2))
