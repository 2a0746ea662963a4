"""import_orders: the orders of a shop's files come in, once: what is there stays, what changed is told, nothing lost.

Batch by batch through the same verbs as everything else, oldest orders first, so an import that was interrupted is
simply done again: it finds what is there, and ends with the same books.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from doorstep.journey.intake import import_correction, import_history, import_opening, place  # noqa: F401  (binds the verbs)
from doorstep.journey.intake.arrival import Arrival
from doorstep.journey.intake.content import content_hash, hash_of_parts, parts_of
from doorstep.journey.intake.costs import order_amounts
from doorstep.journey.intake.files.entries import Entry, Seen, Source
from doorstep.journey.intake.files.mapping import Mapping
from doorstep.journey.intake.files.opening import open_source
from doorstep.journey.intake.files.report import Report, ReportRow, of_bad_row, of_problems
from doorstep.journey.intake.files.spool import Spool
from doorstep.journey.intake.files.tables import BadRow
from doorstep.journey.intake.opening_stock import Tide, open_stock, rise
from doorstep.journey.intake.told import ImportCorrection
from doorstep.kit.refusals import Refusal
from doorstep.setup.channels import UnknownChannel, missing_channels, open_channels
from doorstep.setup.merchants import NewSite, NewSku, add_skus, open_sites
from doorstep.spine.outcome import Actor, Ask
from doorstep.spine.runner import Answer, run
from doorstep.spine.tenant import Db, tenant_tx

# So many orders, or lines of orders, go to the database at once.
BATCH, BATCH_LINES = 1000, 5000
LOOKED_AT = 2000  # entries, in one question
# Of so many batches the corrections come first, and of so many the orders are on their way at once.
WINDOW, AT_ONCE = 12, 3
NAMES = 5000  # of SKUs, likewise
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
CORRECTED = """
select c.key, r.kind, r.external_id
  from correction r join channel c on c.merchant_id = r.merchant_id and c.channel_id = r.channel_id
  where r.merchant_id = $1 and r.external_id = any($2)
"""

# Told how many rows or orders are done, of how many when that is known, and of what.
Progress = Callable[[int, int | None, str], None]


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
    report: Report
    tell: Progress
    rows: Seen
    came: Imported = field(default_factory=Imported)
    taken: int = 0  # rows of orders that are on their way, or in
    to_link: list[Entry] = field(default_factory=list)  # credits whose sales may still come
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
    mapping: Mapping | None = None,
    channel: str = "file",
    currency: str = "USD",
    timezone: str = "UTC",
    create: bool = False,
    history: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Import files of orders: of a format that is known by its columns, or by the mapping.

    `currency` and `timezone` are for rows that state none, `channel` for files that name no store; `create` makes the
    channels, sites and SKUs that are missing. Refuses what is no file of orders.
    """
    options: dict[str, Any] = {"currency": currency, "timezone": timezone, "channel": channel, "history": history}
    with (
        open_source(paths, mapping=mapping, **options) as source,
        Report(Path(paths[0]), home) as report,
        Spool() as spool,
    ):
        tell: Progress = progress or (lambda done, of, what: None)
        rows = Seen(lambda read: tell(read, None, "rows read") if source.read_twice else None)
        work = _Import(db, merchant, at, create, report, tell, rows)
        for row in source.load(rows):
            _lose(work, row)
        is_looked_at = source.read_twice and not dry_run
        if is_looked_at:
            await _prepare(work, source, spool)
        batches = _batches(spool.entries() if is_looked_at else source.entries(), work)
        if dry_run:
            await _rehearse_all(work, batches)
        else:
            await _take_all(work, batches)
    work.came.read = work.rows.rows
    work.came.report = str(report.path) if report.path else None
    return work.came


def _batches(entries: Iterable[Entry | BadRow], work: _Import) -> Iterator[list[Entry]]:
    """Orders a batch at a time; what is no order goes to the report.

    An order that stands in the file again is in a later batch: it sees what the first one did.
    """
    batch: list[Entry] = []
    keys: set[tuple[str, str, str]] = set()
    lines = 0
    for entry in entries:
        if isinstance(entry, BadRow):
            _lose(work, entry)
            continue
        key = (entry.verb, entry.channel, entry.external_id)
        if key in keys or len(batch) >= BATCH or lines >= BATCH_LINES:
            yield batch
            batch, keys, lines = [], set(), 0
        batch.append(entry)
        keys.add(key)
        lines += entry.lines
    if batch:
        yield batch


def _lose(work: _Import, row: BadRow) -> None:
    work.report.add(of_bad_row(row))
    if row.reason in ORDERS_LOST and (row.file, row.value) not in work.lost:
        work.lost.add((row.file, row.value))
        work.came.refused += 1


async def _take_all(work: _Import, batches: Iterator[list[Entry]]) -> None:
    """Corrections before sales, so that what came back is there to be sold; credits are linked when both are in."""
    linking: asyncio.Task[None] | None = None
    window = list(islice(batches, WINDOW))
    try:
        while window:
            entries = [entry for batch in window for entry in batch]
            await _open_what_is_missing(work, entries)
            await _ask(work, "import_correction", entries, tell=True, link=False)
            following = await _sell(work, window, batches)
            # Links move no goods: the next orders need not wait for them, only the next links.
            if linking:
                await linking
            work.to_link += [entry for entry in entries if _may_be_linked(entry)]
            linking = asyncio.create_task(_link(work, before=window[-1][-1].at))
            window = following
    finally:
        if linking:
            await linking
    await _link(work)


@dataclass(slots=True)
class _Selling:
    """A batch that is on its way."""

    orders: list[Entry]
    names: set[tuple[str, str]]
    answers: asyncio.Task[list[Answer]]


async def _sell(work: _Import, batches: Sequence[list[Entry]], later: Iterator[list[Entry]]) -> list[list[Entry]]:
    """While the database writes the orders of one batch, the next is thought through; each is told in its turn.

    Answers the batches of the next window, which are read while the last of these are written.
    """
    running: list[_Selling] = []

    async def end_first() -> None:
        first = running.pop(0)
        _tell(work, first.orders, await first.answers)

    try:
        for batch in batches:
            orders = [entry for entry in batch if entry.verb == "import_history"]
            names = {(entry.channel, entry.external_id) for entry in orders}
            while len(running) >= AT_ONCE or any(other.names & names for other in running):
                await end_first()
            running.append(_Selling(orders, names, asyncio.create_task(_asked(work, "import_history", orders))))
            await asyncio.sleep(0)
            if any(entry.verb == "place" for entry in batch):
                while running:
                    await end_first()
                await _ask(work, "place", batch, tell=True)
            work.taken += sum(entry.rows for entry in batch)
            work.tell(work.taken, work.rows.of, "rows taken")
        following = list(islice(later, WINDOW))
        while running:
            await end_first()
        return following
    finally:
        for other in running:
            other.answers.cancel()
        await asyncio.gather(*(other.answers for other in running), return_exceptions=True)


async def _link(work: _Import, before: datetime | None = None) -> None:
    """Credits whose time is over: every sale that they may be about is in. Without a time, all that wait."""
    ready: list[Entry] = []
    waiting: list[Entry] = []
    for entry in work.to_link:
        (ready if before is None or entry.at is None or entry.at < before else waiting).append(entry)
    work.to_link = waiting
    await _ask(work, "import_correction", ready, tell=False)


def _may_be_linked(entry: Entry) -> bool:
    body = entry.body
    return isinstance(body, ImportCorrection) and body.kind == "credit" and bool(body.buyer.customer)


async def _ask(work: _Import, verb: str, batch: Sequence[Entry], *, tell: bool, **changed: Any) -> None:
    mine = [entry for entry in batch if entry.verb == verb]
    if not mine:
        return
    answers = await _asked(work, verb, mine, **changed)
    if tell:
        _tell(work, mine, answers)


async def _asked(work: _Import, verb: str, entries: Sequence[Entry], **changed: Any) -> list[Answer]:
    bodies = [msgspec.structs.replace(entry.body, **changed) if changed else entry.body for entry in entries]
    return await run(work.db, verb, [Ask(work.merchant, body, work.at, FILES) for body in bodies])


def _tell(work: _Import, entries: Sequence[Entry], answers: Sequence[Answer]) -> None:
    for entry, answer in zip(entries, answers, strict=True):
        _count(work, entry, answer)


def _count(work: _Import, entry: Entry, answer: Answer) -> None:
    for row in of_problems(entry.file, entry.problems):
        work.report.add(row)
    if isinstance(answer, Refusal):
        work.report.add(ReportRow(entry.file, entry.first_line, "", answer.code, entry.name, str(answer)))
    if not entry.counts:
        return
    if isinstance(answer, Refusal):
        work.came.refused += 1
    elif not answer["existing"]:
        work.came.taken += 1
    elif answer.get("changed"):
        work.came.changed += 1
    else:
        work.came.unchanged += 1


# What is missing


@dataclass(slots=True)
class _Named:
    """What entries name: channels, sites, and SKUs, each as the first row tells it that has its title."""

    channels: set[str] = field(default_factory=set)
    sites: dict[str, NewSite] = field(default_factory=dict)
    skus: dict[str, NewSku] = field(default_factory=dict)

    def take(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.channels.add(entry.channel)
            for site in entry.sites:
                self.sites.setdefault(site.code, site)
            for sku in entry.skus:
                if sku.code not in self.skus or not self.skus[sku.code].name:
                    self.skus[sku.code] = sku


async def _prepare(work: _Import, source: Source, spool: Spool) -> None:
    """What the files name is made, and what must have stood at their sites is opened, before the first order is in."""
    named, tide, rows = _Named(), Tide(), 0
    for batch in _cut(source.entries(), spool):
        named.take(batch)
        await rise(tide, work.db, work.merchant, batch)
        rows += sum(entry.rows for entry in batch)
        work.tell(rows, work.rows.of, "rows looked at")
    if work.create:
        await _make(work, named)
    await open_stock(tide, work.db, work.merchant, at=work.at, actor=FILES)


def _cut(entries: Iterable[Entry | BadRow], spool: Spool) -> Iterator[list[Entry]]:
    """A batch at a time; all of them are set down on the way."""
    batch: list[Entry] = []
    for entry in entries:
        spool.add(entry)
        if isinstance(entry, Entry):
            batch.append(entry)
        if len(batch) >= LOOKED_AT:
            yield batch
            batch = []
    yield batch


async def _open_what_is_missing(work: _Import, batch: Sequence[Entry]) -> None:
    if work.create:
        named = _Named()
        named.take(batch)
        await _make(work, named)


async def _make(work: _Import, named: _Named) -> None:
    """`--create`: channels, sites and SKUs that nobody has made; what is there stays as it is."""
    if channels := named.channels - work.known:
        await open_channels(work.db, work.merchant, sorted(channels))
    if sites := [site for code, site in named.sites.items() if f"site {code}" not in work.known]:
        await open_sites(work.db, work.merchant, sites)
    words = [word for word in named.skus if f"sku {word}" not in work.known]
    for start in range(0, len(words), NAMES):
        await _make_skus(work, {word: named.skus[word] for word in words[start : start + NAMES]})
    work.known |= channels | {f"site {site.code}" for site in sites} | {f"sku {word}" for word in words}


async def _make_skus(work: _Import, skus: dict[str, NewSku]) -> None:
    async with tenant_tx(work.db, [work.merchant], readonly=True) as tx:
        there = {row["word"] for row in await tx.rows(KNOWN_WORDS, work.merchant, list(skus))}
    if new := [sku for word, sku in skus.items() if word not in there]:
        await add_skus(work.db, work.merchant, new)


# Nothing is written


async def _rehearse_all(work: _Import, batches: Iterator[list[Entry]]) -> None:
    for batch in batches:
        await _rehearse(work, batch)
        work.taken += sum(entry.rows for entry in batch)
        work.tell(work.taken, work.rows.of, "rows taken")


async def _rehearse(work: _Import, batch: Sequence[Entry]) -> None:
    """What would come of each order, told from what is there."""
    arrivals = [entry.body for entry in batch if isinstance(entry.body, Arrival)]
    channels = {entry.channel for entry in batch}
    external_ids = [entry.external_id for entry in batch]
    also_ids = [arrival.also_id for arrival in arrivals if arrival.also_id]
    async with tenant_tx(work.db, [work.merchant], readonly=True) as tx:
        closed = set() if work.create else await missing_channels(tx, work.merchant, channels)
        rows = await tx.rows(THERE, work.merchant, external_ids, also_ids)
        corrected = {tuple(row) for row in await tx.rows(CORRECTED, work.merchant, external_ids)}
    for row in rows:
        for word in (row["external_id"], row["also_id"]):
            work.seen.setdefault((row["key"], word), row["content_hash"])
    for entry in batch:
        _count(work, entry, _foretold(work, entry, closed, corrected))


def _foretold(work: _Import, entry: Entry, closed: set[str], corrected: set[tuple[Any, ...]]) -> Answer:
    if entry.channel in closed:
        return UnknownChannel(channel=entry.channel)
    if isinstance(entry.body, ImportCorrection):
        return {"existing": (entry.channel, entry.body.kind, entry.external_id) in corrected}
    order = entry.body.order
    keys = [(order.channel, word) for word in (entry.body.also_id, order.external_id) if word]
    said = hash_of_parts(parts_of(order, entry.body.happened))
    before = next((work.seen[key] for key in keys if key in work.seen), None)
    work.seen |= dict.fromkeys(keys, said)
    try:
        order_amounts(order)
    except Refusal as refusal:
        return refusal
    changed = before is not None and before not in (said, content_hash(order))
    return {"existing": before is not None, "changed": changed}
