"""place3: PLACE-3, the reference: the bare SQL work of one order, 100 orders a call, two clients on disjoint merchants.

Nine inserted rows, three stock updates, no oversell, idempotent, durable. It runs beside what is measured, on the same
server, so that a ratio survives the machine and its neighbors.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from doorstep.kit import embedded

FOLDER = Path(__file__).parent
SCHEMA, FUNCTION, CALL = (FOLDER / f"{name}.sql" for name in ("schema", "place_batch", "lane100"))
LANES = 2
SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Place3:
    """One run of the reference."""

    per_s: float
    pg_us: float


def run(home: Path, owner_url: str, seconds: float = SECONDS) -> Place3:
    """Run the reference in a process of its own, over tables that are made anew."""
    command = [sys.executable, "-m", "bench.place3", owner_url, str(embedded.server_pid(home)), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Place3(**json.loads(done.stdout.splitlines()[-1]))


class Reference:
    """The runs of the reference around the measured rounds: one before the first, one after each."""

    def __init__(self, home: Path, owner_url: str, seconds: float = SECONDS) -> None:
        self._home, self._url, self._seconds = home, owner_url, seconds
        self.runs = [run(home, owner_url, seconds)]

    def again(self) -> Place3:
        """Run it once more; answers the mean of this run and the one before, the neighbors of what was measured."""
        self.runs.append(run(self._home, self._url, self._seconds))
        before, after = self.runs[-2:]
        return Place3(fmean((before.per_s, after.per_s)), fmean((before.pg_us, after.pg_us)))

    @property
    def pg_us(self) -> float:
        """The database's CPU per order of the reference, the median of its runs."""
        return median(one.pg_us for one in self.runs)

    def told(self) -> dict[str, object]:
        return {
            "place3_per_s": round(median(one.per_s for one in self.runs)),
            "place3_pg_us": round(self.pg_us, 1),
            "place3_runs": [[round(one.per_s), round(one.pg_us, 1)] for one in self.runs],
        }
