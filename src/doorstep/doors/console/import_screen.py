"""import_screen: what the page of an import shows of its files: their columns, the first rows, and what was wrong."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from doorstep.doors.console import import_words
from doorstep.doors.console.speaking import _, gettext
from doorstep.doors.console.visit import Visit
from doorstep.doors.console.words import reasons
from doorstep.doors.importing import as_handed_over
from doorstep.doors.reads import setup
from doorstep.journey.intake.files.asked_columns import Kind, Said, Seen, columns_of, rules_of
from doorstep.journey.intake.files.first_rows import FirstRow, Wrong, first_rows
from doorstep.kit.home import home
from doorstep.kit.refusals import Refusal
from doorstep.setup.imports import Run
from doorstep.setup.skus import skus_by_code
from doorstep.spine.tenant import tenant_tx

PROBLEMS_SHOWN, PROBLEMS_COUNTED = 30, 5000


@dataclass(slots=True)
class Screen:
    """What the mapping screen shows."""

    columns: list[Seen] = field(default_factory=list)
    rules: list[tuple[str, str]] = field(default_factory=list)
    rows: list[FirstRow] = field(default_factory=list)
    is_one_table: bool = True
    missing: list[str] = field(default_factory=list)  # what no column says, and somebody will miss
    is_gone: bool = False  # the file is not where it was put
    trouble: str = ""
    reasons: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        return sum(bool(row.wrong) for row in self.rows)


@dataclass(slots=True)
class Problems:
    """What the report says: how often each reason, and the first rows."""

    counts: list[tuple[str, str, int]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    more: bool = False


def said_of(run: Run) -> Said:
    said = run.settings
    return Said(cast(Kind, run.kind), said.format, said.mapping, said.columns, said.confidence)


def screen_of(run: Run, currency: str) -> Screen:
    """What each column says, and the first rows read so."""
    said, screen = said_of(run), Screen()
    files = files_of(run)
    try:
        for file in files:
            file.stat()  # readers refuse a lost one in words of their own
        screen.columns = columns_of(files, said)
        screen.is_one_table = len({column.name for column in screen.columns}) == len(screen.columns) and len(files) == 1
        if run.kind == "orders":
            screen.rules = rules_of(said, screen.columns)
        screen.missing = _missing(run, screen)
        screen.rows = rows_of(run, currency)
    except OSError:
        screen.is_gone = True
    except Refusal as refusal:
        screen.trouble, screen.reasons = gettext(refusal.sentence), without_places(refusal)
    return screen


def rows_of(run: Run, currency: str) -> list[FirstRow]:
    """The first rows as they would be read; refuses what the readers refuse at once."""
    settings = run.settings
    return first_rows(
        files_of(run), said_of(run), currency=settings.currency or currency, timezone=settings.timezone,
        channel=settings.channel, history=settings.history,
    )  # fmt: skip


def files_of(run: Run) -> list[Path]:
    return [home() / file for file in run.files]


def _missing(run: Run, screen: Screen) -> list[str]:
    """Of a known format everything is known."""
    said = {column.field for column in screen.columns} | {name for name, _spoken in screen.rules}
    wanted = () if run.settings.format else import_words.WANTED[run.kind]
    return [import_words.field(run.kind, names[0]) for names in wanted if not said & set(names)]


async def note_unknown(visit: Visit, run: Run, screen: Screen) -> None:
    """Counts of SKUs and sites that nobody knows are refused: that is said beside them already."""
    async with tenant_tx(visit.db, [run.merchant], readonly=True) as tx:
        known = {
            code for _merchant, code in await skus_by_code(tx, [row.told["sku"] for row in screen.rows if row.told])
        }
        sites = {word.casefold() for site in (await setup.sites(tx)).sites for word in (site.code, site.name)}
    for row in screen.rows:
        if row.told and row.told["sku"] not in known:
            row.wrong.append(
                Wrong("", "sku_unknown", _("there is no such SKU yet: import the products first"), row.told["sku"])
            )
        site = row.told.get("site", "") or run.settings.site
        if row.told and (site.casefold() not in sites if site else len(sites) > 2):
            row.wrong.append(Wrong("", "site_unknown", _("which site is meant?"), site))


def problems_of(report: str) -> Problems:
    file = Path(report)
    if not file.is_relative_to(home()) or not file.exists():
        return Problems()
    counts: Counter[tuple[str, str]] = Counter()
    found = Problems()
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text)
        next(rows, None)
        for nth, row in enumerate(rows):
            if nth >= PROBLEMS_COUNTED:
                found.more = True
                break
            counts[row[3], row[5]] += 1
            if nth < PROBLEMS_SHOWN:
                found.rows.append([Path(row[0]).name, *row[1:]])
    found.counts = [(reason, meaning, count) for (reason, meaning), count in counts.most_common(12)]
    return found


def without_places(refusal: Refusal) -> list[str]:
    return [as_handed_over(line) for line in reasons(refusal)]
