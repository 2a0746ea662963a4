"""state: what a home remembers of its demo: when it began, how far it came, what was refused on the way."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from doorstep.kit import home as homes


@dataclass(slots=True)
class State:
    first: datetime
    reached: datetime | None = None
    over: bool = False
    took_s: float = 0.0
    simulator: str = ""  # where the merchants' accounts think it is
    imported: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


def folder(home: Path) -> Path:
    made = homes.prepare(home) / "demo"
    made.mkdir(mode=0o700, exist_ok=True)
    return made


def read(home: Path) -> State | None:
    try:
        told: dict[str, Any] = json.loads((home / "demo" / "state.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    reached = told.pop("reached")
    return State(
        first=datetime.fromisoformat(told.pop("first")),
        reached=datetime.fromisoformat(reached) if reached else None, **told,
    )  # fmt: skip


def write(home: Path, state: State) -> None:
    text = json.dumps(asdict(state), default=datetime.isoformat, indent=1)
    homes.write_whole(folder(home) / "state.json", text + "\n")
