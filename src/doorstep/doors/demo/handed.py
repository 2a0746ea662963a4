"""handed: a file that is handed over as on the page Import: it is kept in the home, and a worker takes it in."""

from __future__ import annotations

import asyncio
import shutil
import time
from datetime import datetime
from pathlib import Path

from doorstep.doors.demo.eyes import Eyes, Shop
from doorstep.journey.intake.files.asked_columns import proposed
from doorstep.kit.ids import public
from doorstep.setup.imports import Came, Run, Settings, add_import, import_of, start_import
from doorstep.spine.tenant import tenant_tx

LOOKS_EVERY_S, LONGEST_S = 0.1, 240.0


class NotTakenIn(RuntimeError):
    """The worker did not take the file in."""


async def hand_over(eyes: Eyes, home: Path, shop: Shop, file: Path, timezone: str, at: datetime) -> Came:
    (import_id,) = await eyes.db.ids.draw(eyes.db.pool, 1)
    folder = home / "imports" / public("imp", import_id)
    folder.mkdir(mode=0o700, parents=True)
    kept = Path(shutil.copy(file, folder))
    said = await asyncio.to_thread(proposed, [kept], "orders")
    settings = Settings(
        format=said.format, mapping=said.mapping, confidence=said.confidence, channel="shopify",
        currency=shop.currency, timezone=timezone, create=False,
    )  # fmt: skip
    word = await add_import(
        eyes.db, shop.merchant, import_id, "orders", file.name, [str(kept.relative_to(home))], settings,
        asked_by="demo office", at=at,
    )  # fmt: skip
    await start_import(eyes.db, await _run(eyes, shop, word), rehearsal=False, at=at)
    deadline = time.monotonic() + LONGEST_S
    while (run := await _run(eyes, shop, word)).is_under_way:
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(LOOKS_EVERY_S)
    if run.came is None:
        raise NotTakenIn(f"{file.name}: {run.state} {run.refusal or ''}; see logs/worker.log")
    return run.came


async def _run(eyes: Eyes, shop: Shop, word: str) -> Run:
    async with tenant_tx(eyes.db, [shop.merchant], readonly=True) as tx:
        return await import_of(tx, word)
