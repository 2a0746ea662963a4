"""running: an export from the first row to the last: one look at the books for all its files, a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from doorstep.doors.exports.columns import Export
from doorstep.doors.exports.every import QUERIES
from doorstep.doors.exports.files import Format, drafts, sink_of, standard_output, writing
from doorstep.setup.channels import UnknownChannel
from doorstep.spine.audit import ONE_INSTANT
from doorstep.spine.tenant import Db, Tx, tenant_tx

CHANNEL = "select 1 from channel c where c.merchant_id = $1 and c.key = $2"

Tell = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What is asked for: from the one instant until before the other, of one channel; None: all."""

    begins: datetime | None = None
    ends: datetime | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An export and the file it goes to; without a path it goes to the standard output."""

    export: Export
    format: Format
    path: Path | None


async def export_books(
    db: Db, merchant: int, targets: Sequence[Target], narrowed: Narrowed, *, force: bool = False,
    tell: Tell = lambda *_, **__: None,
) -> list[int]:  # fmt: skip
    """Write the files, which all show the same instant; answers the rows of each.

    Refuses UnknownChannel, FileIsThere, BeingWritten, CannotWrite.
    """
    paths = [target.path for target in targets if target.path]
    with drafts(paths, force=force) if paths else nullcontext([standard_output()]) as streams:
        async with tenant_tx(db, [merchant], readonly=True) as tx:
            await tx.run(ONE_INSTANT)
            await _must_be_known(tx, merchant, narrowed.channel)
            return [
                await _written(tx, merchant, target, narrowed, stream, tell)
                for target, stream in zip(targets, streams, strict=True)
            ]


async def _must_be_known(tx: Tx, merchant: int, channel: str | None) -> None:
    """A channel that is misspelled has no orders, which nobody would notice."""
    if channel is not None and await tx.value(CHANNEL, merchant, channel) is None:
        raise UnknownChannel(channel=channel)


async def _written(tx: Tx, merchant: int, target: Target, narrowed: Narrowed, stream: IO[bytes], tell: Tell) -> int:
    export, written = target.export, 0
    where = target.path or Path("-")
    # Only a file that a spreadsheet opens by itself has the mark that tells it the encoding.
    with writing(where):
        sink = sink_of(target.format, export, stream, marked=target.path is not None and target.format == "csv")
    args = (narrowed.begins, narrowed.ends, narrowed.channel) if export.is_narrowed else ()
    tell(0, what=export.name)
    async for rows in tx.blocks(QUERIES[export.name], merchant, *args, size=export.block):
        with writing(where):
            sink.write(rows)
        written += len(rows)
        tell(written, what=export.name)
    with writing(where):
        sink.close()
        stream.flush()
    return written
