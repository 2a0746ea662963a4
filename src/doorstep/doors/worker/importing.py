"""importing: files that people handed over in the console are taken in, one after the other, each by a process of its
own, so that reading them holds up no order. A worker that is stopped lets go of what it has begun; one that is killed
is found out by its lease. Either way another goes on: it finds what is there, and ends with the same books.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import msgspec
import structlog

from doorstep.doors.importing import Asked, Tell, refusal_as_json
from doorstep.doors.logs import told
from doorstep.doors.reads.setup import merchant
from doorstep.kit.away import is_away
from doorstep.kit.refusals import Refusal
from doorstep.setup.imports import Came, Run, claim_import, end_import, keep_hold, let_go
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.world import World

PAUSE_S = 1.0
SAID_EVERY_S = 1.0

log = structlog.get_logger("doorstep.worker")

Take = Callable[[Asked, Tell], Awaitable[dict[str, Any]]]


class FileGone(Refusal):
    """The file is not where it was put; hand it over again."""

    # Web and worker share one home: on machines of their own, by a shared folder.

    status = 410


class BrokeOff(Refusal):
    """Taking it in broke off without a word; try again: what is in already is not taken twice."""

    status = 500


async def run(world: World, folder: Path, stopping: asyncio.Event) -> None:
    """Until told to stop. `folder` is the home."""
    while not stopping.is_set():
        worked = False
        try:
            worked = await once(world, folder, in_a_process, stopping)
        except Exception as error:
            if not is_away(error):
                log.error("an import broke off", **told(error))
        if not worked:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), PAUSE_S)


@dataclass(slots=True)
class _Progress:
    read: int = 0
    total: int | None = None
    doing: str = ""

    def __call__(self, done: int, of: int | None, what: str) -> None:
        self.read, self.total, self.doing = done, of, what


async def once(world: World, folder: Path, take: Take, stopping: asyncio.Event | None = None) -> bool:
    """Take in the oldest that waits; answers whether there was one."""
    merchants, lease = await world.db.everyone(), token_hex(8)
    run = await claim_import(world.db, merchants, lease, world.now()) if merchants else None
    if run is None:
        return False
    progress = _Progress()
    work = asyncio.ensure_future(_taken(world, folder, run, take, progress))
    try:
        while not (await asyncio.wait([work], timeout=SAID_EVERY_S))[0]:
            so_far = {"read": progress.read, "total": progress.total, "doing": progress.doing}
            held = await keep_hold(world.db, run, lease, world.now(), **so_far)  # type: ignore[arg-type]
            if not held or (stopping is not None and stopping.is_set()):
                break
        if not work.done():
            await let_go(world.db, run, lease)
            return True
        came, refusal = work.result()
        await end_import(world.db, run, lease, world.now(), came=came, refusal=refusal)
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await work
    return True


async def _taken(
    world: World, folder: Path, run: Run, take: Take, progress: _Progress
) -> tuple[Came | None, dict[str, Any] | None]:
    try:
        return msgspec.convert(await take(await _asked(world, folder, run), progress), Came), None
    except Refusal as refusal:
        return None, refusal_as_json(refusal)
    except _Refused as refused:
        return None, refused.told


async def _asked(world: World, folder: Path, run: Run) -> Asked:
    files = [folder / file for file in run.files]
    if not all(file.exists() for file in files):
        raise FileGone(file=run.name)
    said = run.settings
    async with tenant_tx(world.db, [run.merchant], readonly=True) as tx:
        currency = said.currency or (await merchant(tx, run.merchant)).currency
    return Asked(
        kind=run.kind, merchant=run.merchant, files=[str(file) for file in files], rehearsal=run.rehearsal,  # type: ignore[arg-type]
        mapping="" if said.format else said.mapping, columns={} if said.format else said.columns, channel=said.channel,
        currency=currency, timezone=said.timezone, site=said.site, create=said.create, history=said.history,
        actor=run.asked_by, roles=frozenset({"operator", "floor", "merchant", "channel"}),
    )  # fmt: skip


# A process of its own


class _Refused(Exception):
    """It said no."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told)
        self.told = told


async def in_a_process(asked: Asked, tell: Tell) -> dict[str, Any]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "doorstep.doors.importing", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdin is not None and child.stdout is not None
    try:
        child.stdin.write(msgspec.json.encode(asked))
        child.stdin.close()
        async for line in child.stdout:
            said = msgspec.json.decode(line)
            if "came" in said:
                return dict(said["came"])
            if "refusal" in said:
                raise _Refused(said["refusal"])
            tell(said["done"], said["of"], said["what"])
        raise BrokeOff(exit_code=await child.wait())
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.terminate()
            await child.wait()
