"""The simulated world as a process: prints one JSON line when it listens, then serves until it is ended."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from doorstep.kit import clock
from doorstep.kit import home as homes
from doorstep.plug.simulator.carrier import Accepting
from doorstep.plug.simulator.server import App, serve
from doorstep.plug.simulator.world import World
from doorstep.plug.simulator.worldclock import WorldClock


def main() -> None:
    given = _arguments()
    world_clock = WorldClock(given.start, given.speed, wall=lambda: clock.now().timestamp())
    world = World(given.seed, world_clock, given.state, Accepting(given.accept), given.disorder)
    listening = socket.create_server((given.host, given.port))
    host, port = listening.getsockname()[:2]
    if given.until_stdin_ends:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    print(json.dumps({"url": f"http://{host}:{port}", "now": world.clock.now().isoformat()}), flush=True)
    serve(App(world, given.api_key, given.late_s), listening)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m doorstep.plug.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=_told_port(), help="0 takes a free one and prints it")
    parser.add_argument("--state", type=Path, default=_own_file(), help="file that makes the world survive a kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=_instant, help="the world's first instant, RFC 3339 (default: now)")
    parser.add_argument("--speed", type=float, default=1.0, help="seconds of the world per second; 0 stands still")
    parser.add_argument("--accept", choices=["auto", "manifest"], default="auto", help="when parcels start to move")
    parser.add_argument("--disorder", type=float, default=0.25, help="how often events are repeated or shuffled")
    parser.add_argument("--late-s", type=float, default=30.0, help="how long tok_timeout takes to answer")
    parser.add_argument("--api-key", default="", help="ask for this bearer token")
    parser.add_argument("--until-stdin-ends", action="store_true", help="end when whoever started this is gone")
    return parser.parse_args()


def _told_port() -> int:
    """As a part of a doorstep it is told its port."""
    return int(os.environ.get("DOORSTEP_PORT", "0"))


def _own_file() -> Path | None:
    """As a part of a doorstep it keeps its world in the home, beside the database that remembers it."""
    return homes.home() / "simulator.journal" if _told_port() else None


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


if __name__ == "__main__":
    main()
