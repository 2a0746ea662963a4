"""The driver of PLACE-3: `python -m bench.place3 OWNER-URL POSTMASTER-PID SECONDS`; answers one line of JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import asyncpg

from bench.meter import US, family_cpu_s
from bench.place3 import CALL, FUNCTION, LANES, SCHEMA

WARM_UP_S = 0.5


async def drive(url: str, postmaster: int, seconds: float) -> dict[str, float]:
    lanes = [await asyncpg.connect(url) for _ in range(LANES)]
    try:
        await lanes[0].execute(SCHEMA.read_text("utf-8"))
        await lanes[0].execute(FUNCTION.read_text("utf-8"))
        calls = [await connection.prepare(CALL.read_text("utf-8")) for connection in lanes]

        async def lane(number: int, until: float) -> int:
            placed = 0
            while time.perf_counter() < until:
                placed += await calls[number].fetchval(number)
            return placed

        async def all_lanes(for_s: float) -> int:
            until = time.perf_counter() + for_s
            return sum(await asyncio.gather(*(lane(number, until) for number in range(LANES))))

        await all_lanes(WARM_UP_S)
        began, cpu = time.perf_counter(), family_cpu_s(postmaster)
        placed = await all_lanes(seconds)
        took, cpu = time.perf_counter() - began, family_cpu_s(postmaster) - cpu
    finally:
        # Nothing of it is left for autovacuum to do while something else is measured.
        await lanes[0].execute("drop schema if exists place3 cascade")
        for connection in lanes:
            await connection.close()
    return {"per_s": placed / took, "pg_us": cpu / placed * US}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(drive(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
