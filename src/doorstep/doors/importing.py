"""importing: files are taken in: for a command, or, in a process of its own, for somebody who handed them over in the
console: `python -m doorstep.doors.importing` reads what is asked, and writes how far it is, a line of JSON each.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import msgspec
from msgspec import Struct

from doorstep.doors.opening import open_db
from doorstep.journey.intake.files.mapping import parse_mapping
from doorstep.journey.intake.files.report import Report, ReportRow
from doorstep.journey.intake.files.stock import read_stock
from doorstep.journey.intake.import_orders import import_orders
from doorstep.journey.intake.import_products import import_products
from doorstep.journey.inventory.import_stock import import_stock
from doorstep.kit import clock
from doorstep.kit.garbage import OF_A_FILE, collect_seldom
from doorstep.kit.home import home
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.spine.outcome import Actor
from doorstep.spine.tenant import Db

FOLDER = "imports"
TOLD_EVERY_S = 0.3

# Told how many rows or orders are done, of how many when that is known, and of what.
Tell = Callable[[int, int | None, str], None]


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be taken in, and how it is read; `mapping` is a text in TOML. `rehearsal`: nothing is written."""

    kind: Literal["orders", "products", "stock"]
    merchant: int
    files: list[str]
    mapping: str = ""
    columns: dict[str, str] = {}
    channel: str = "file"
    currency: str = "USD"
    timezone: str = "UTC"
    site: str = ""
    create: bool = False
    history: bool = False
    rehearsal: bool = False
    actor: str = "import"
    roles: frozenset[str] = frozenset()


async def take(db: Db, asked: Asked, *, folder: Path, at: datetime, tell: Tell) -> dict[str, Any]:
    """What became of the rows, as `Imported` says it; refuses what the readers refuse. `folder` is the home."""
    gather = {"orders": _orders, "products": _products, "stock": _stock}[asked.kind]
    return await gather(db, asked, folder, at, tell)


async def _orders(db: Db, asked: Asked, folder: Path, at: datetime, tell: Tell) -> dict[str, Any]:
    came = await import_orders(
        db, asked.merchant, asked.files, home=folder, at=at, currency=asked.currency, timezone=asked.timezone,
        mapping=parse_mapping(asked.mapping.encode(), "mapping") if asked.mapping else None, channel=asked.channel,
        create=asked.create, history=asked.history, dry_run=asked.rehearsal, progress=tell,
    )  # fmt: skip
    return came.as_json()


async def _products(db: Db, asked: Asked, folder: Path, at: datetime, tell: Tell) -> dict[str, Any]:
    came = await import_products(
        db, asked.merchant, asked.files, home=folder, columns=asked.columns or None, dry_run=asked.rehearsal,
        progress=lambda rows: tell(rows, None, "rows taken"),
    )  # fmt: skip
    return came.as_json()


async def _stock(db: Db, asked: Asked, folder: Path, at: datetime, tell: Tell) -> dict[str, Any]:
    rows = read_stock(asked.files, asked.columns or None)
    told = await import_stock(
        db, asked.merchant, rows, at=at, site=asked.site, actor=Actor(asked.actor, asked.roles),
        progress=lambda done: tell(done, None, "rows taken"),
    )  # fmt: skip
    with Report(Path(asked.files[0]), folder) as report:
        for row in told["report"]:
            report.add(ReportRow(**row))
    return {**told, "report": str(report.path) if report.path else None}


# A process of its own


def folder_of(import_id: int) -> Path:
    """Where files stand that were handed over."""
    return home() / FOLDER / public("imp", import_id)


def as_handed_over(told: str) -> str:
    """Where a file stands here is nobody's business: it is called as it was when it was handed over."""
    return re.sub(rf"{re.escape(str(home() / FOLDER))}/imp_\d+/", "", told)


def refusal_as_json(refusal: Refusal) -> dict[str, Any]:
    return {
        "error": refusal.code,
        "sentence": refusal.sentence,
        "why": {name: as_handed_over(str(value)) for name, value in refusal.why.items()},
    }


class _Teller:
    """Says how far it is, not more often than anybody looks."""

    def __init__(self) -> None:
        self._said_at = 0.0

    def __call__(self, done: int, of: int | None, what: str) -> None:
        if monotonic() - self._said_at >= TOLD_EVERY_S:
            self._said_at = monotonic()
            _say({"done": done, "of": of, "what": what})


def _say(told: dict[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


async def main() -> None:
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    collect_seldom(OF_A_FILE)
    async with open_db(size=4) as db:
        try:
            _say({"came": await take(db, asked, folder=home(), at=clock.now(), tell=_Teller())})
        except Refusal as refusal:
            _say({"refusal": refusal_as_json(refusal)})


if __name__ == "__main__":
    import doorstep.doors.stages  # noqa: F401  (binds the verbs)

    asyncio.run(main())
