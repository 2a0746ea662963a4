"""import_orders: the orders of a shop's files come in, once: what is there stays, what changed is told, nothing lost.

Batch by batch through the same verbs as everything else, so an import that was interrupted is simply done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

from doorstep.journey.intake.content import content_hash, hash_of_parts, parts_of
from doorstep.journey.intake.costs import order_amounts
from doorstep.journey.intake.files.from_file import arrival_of
from doorstep.journey.intake.files.report import Report, ReportRow, of_bad_row, of_problems
from doorstep.journey.intake.files.shopify import read_orders
from doorstep.journey.intake.files.shopify_order import FileOrder
from doorstep.journey.intake.files.tables import BadRow
from doorstep.journey.intake.place import Arrival, UnknownChannel
from doorstep.kit.refusals import Refusal
from doorstep.setup.channels import missing_channels, open_channels
from doorstep.setup.merchants import NewSku, add_skus
from doorstep.spine.outcome import Actor, Ask
from doorstep.spine.runner import Answer, run
from doorstep.spine.tenant import Db, tenant_tx

BATCH = 500
FILES = Actor("import", frozenset({"channel", "operator"}))
# A row that could not be taken, and with it the order that it names.
ORDERS_LOST = ("order_row_unreadable", "too_many_lines")
KNOWN_WORDS = """
select s.code as word from sku s where s.merchant_id = $1 and s.code = any($2)
union select a.alias from sku_alias a where a.merchant_id = $1 and a.alias = any($2)
"""
# What a rehearsal looks at: by the channel's key, or by its second id.
THERE = """
select c.key, o.external_id, o.also_id, o.content_hash
  from orders o join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  where o.merchant_id = $1 and o.external_id = any($2)
union all
select c.key, o.external_id, o.also_id, o.content_hash
  from orders o join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  where o.merchant_id = $1 and o.also_id = any($3)
"""

Progress = Callable[[int], None]


@dataclass(slots=True)
class Imported:
    """`read` counts data rows; the others add up to the orders in the file. `report`: where the rest is told."""

    read: int = 0
    taken: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    report: str | None = None

    def as_json(self) -> dict[str, Any]:
        names = ("read", "taken", "changed", "unchanged", "refused", "report")
        return {name: getattr(self, name) for name in names}


@dataclass(slots=True)
class _Import:
    """One import on its way."""

    db: Db
    merchant: int
    at: datetime
    create: bool
    history: bool
    report: Report
    came: Imported = field(default_factory=Imported)
    lost: set[tuple[str, str]] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    seen: dict[tuple[str, str | None], bytes] = field(default_factory=dict)  # in a rehearsal: hashes by key


async def import_orders(
    db: Db,
    merchant: int,
    paths: Sequence[str | PathLike[str]],
    *,
    home: Path,
    at: datetime,
    channel: str = "file",
    currency: str = "USD",
    timezone: str = "UTC",
    create: bool = False,
    history: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Import Shopify order exports. `currency` and `timezone` are for rows that state none, `channel` for files
    that name no store; `create` makes the channels and SKUs that are missing. Refuses what is no order export.
    """
    orders = read_orders(paths, currency=currency, timezone=timezone, channel=channel)
    with Report(Path(paths[0]), home) as report:
        work = _Import(db, merchant, at, create, history, report)
        for batch in _once_each(_batches(orders, work)):
            await (_rehearse(work, batch) if dry_run else _take(work, batch))
            if progress:
                progress(work.came.read)
    work.came.report = str(report.path) if report.path else None
    return work.came


def _batches(orders: Iterable[FileOrder | BadRow], work: _Import) -> Iterator[list[FileOrder]]:
    """Orders a batch at a time; what is no order goes to the report."""
    source = iter(orders)
    while rows := list(islice(source, BATCH)):
        batch = []
        for row in rows:
            if isinstance(row, BadRow):
                _lose(work, row)
            else:
                work.came.read += row.rows
                batch.append(row)
        yield batch


def _once_each(batches: Iterable[list[FileOrder]]) -> Iterator[list[FileOrder]]:
    """An order that stands in the file again is in a later batch: it sees what the first one did."""
    for batch in batches:
        keys: set[tuple[str, str]] = set()
        cut: list[FileOrder] = []
        for file in batch:
            key = (file.order.channel, file.order.external_id)
            if key in keys:
                yield cut
                keys, cut = set(), []
            keys.add(key)
            cut.append(file)
        yield cut


def _lose(work: _Import, row: BadRow) -> None:
    work.came.read += row.rows
    work.report.add(of_bad_row(row))
    if row.reason in ORDERS_LOST and (row.file, row.value) not in work.lost:
        work.lost.add((row.file, row.value))
        work.came.refused += 1


async def _take(work: _Import, batch: Sequence[FileOrder]) -> None:
    await _open_what_is_missing(work, batch)
    arrivals = [arrival_of(file, history=work.history) for file in batch]
    for verb in ("import_history", "place"):
        mine = [(file, arrival) for file, (asked, arrival) in zip(batch, arrivals, strict=True) if asked == verb]
        answers = await run(work.db, verb, [Ask(work.merchant, arrival, work.at, FILES) for _, arrival in mine])
        for (file, _), answer in zip(mine, answers, strict=True):
            _count(work, file, answer)


def _count(work: _Import, file: FileOrder, answer: Answer) -> None:
    for row in of_problems(file.file, file.problems):
        work.report.add(row)
    if isinstance(answer, Refusal):
        work.came.refused += 1
        work.report.add(ReportRow(file.file, file.first_line, "Name", answer.code, file.order.number, str(answer)))
    elif not answer["existing"]:
        work.came.taken += 1
    elif answer.get("changed"):
        work.came.changed += 1
    else:
        work.came.unchanged += 1


# What is missing


async def _open_what_is_missing(work: _Import, batch: Sequence[FileOrder]) -> None:
    if not work.create:
        return
    keys = {file.order.channel for file in batch} - work.known
    if keys:
        await open_channels(work.db, work.merchant, sorted(keys))
    titles = {line.sku: (line.title, line.ships) for file in batch for line in file.order.lines if line.sku}
    words = [word for word in titles if f"sku {word}" not in work.known]
    if words:
        async with tenant_tx(work.db, [work.merchant], readonly=True) as tx:
            there = {row["word"] for row in await tx.rows(KNOWN_WORDS, work.merchant, words)}
        new = [NewSku(word, name=titles[word][0], stocked=titles[word][1]) for word in words if word not in there]
        if new:
            await add_skus(work.db, work.merchant, new)
    work.known |= keys | {f"sku {word}" for word in words}


# Nothing is written


async def _rehearse(work: _Import, batch: Sequence[FileOrder]) -> None:
    """What would come of each order, told from what is there."""
    arrivals = [arrival_of(file, history=work.history)[1] for file in batch]
    channels = {arrival.order.channel for arrival in arrivals}
    external_ids = [arrival.order.external_id for arrival in arrivals]
    also_ids = [arrival.also_id for arrival in arrivals if arrival.also_id]
    async with tenant_tx(work.db, [work.merchant], readonly=True) as tx:
        closed = set() if work.create else await missing_channels(tx, work.merchant, channels)
        rows = await tx.rows(THERE, work.merchant, external_ids, also_ids)
    for row in rows:
        for word in (row["external_id"], row["also_id"]):
            work.seen.setdefault((row["key"], word), row["content_hash"])
    for file, arrival in zip(batch, arrivals, strict=True):
        _count(work, file, _foretold(work, arrival, closed))


def _foretold(work: _Import, arrival: Arrival, closed: set[str]) -> Answer:
    order = arrival.order
    keys = [(order.channel, word) for word in (arrival.also_id, order.external_id) if word]
    said = hash_of_parts(parts_of(order, arrival.happened))
    before = next((work.seen[key] for key in keys if key in work.seen), None)
    work.seen |= dict.fromkeys(keys, said)
    if order.channel in closed:
        return UnknownChannel(channel=order.channel)
    try:
        order_amounts(order)
    except Refusal as refusal:
        return refusal
    changed = before is not None and before not in (said, content_hash(order))
    return {"existing": before is not None, "changed": changed}
