"""import_page: `/import`: files are handed over, what their columns say is shown and changed, the first rows are read
as they would be, and then a worker takes them in.
"""

from __future__ import annotations

import asyncio
import csv
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal, cast

import msgspec
from litestar import Response
from litestar.response import Stream

from doorstep.doors.console import import_words
from doorstep.doors.console.allowing import may, merchant_named, must, must_set_up
from doorstep.doors.console.narrowing import merchants_of
from doorstep.doors.console.speaking import Told, _, gettext
from doorstep.doors.console.uploading import Upload
from doorstep.doors.console.visit import SAFE, Visit, see_other
from doorstep.doors.console.words import reasons
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.reads import setup
from doorstep.journey.intake.files.asked_columns import (
    Kind,
    Said,
    Seen,
    changed,
    columns_of,
    kind_of,
    mapping_of,
    of_mapping,
    proposed,
    rules_of,
)
from doorstep.journey.intake.files.first_rows import FirstRow, Wrong, first_rows
from doorstep.kit import clock
from doorstep.kit.home import home
from doorstep.kit.ids import public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup.imports import (
    Run,
    Settings,
    add_import,
    change_import,
    drop_import,
    drop_mapping,
    import_of,
    imports,
    keep_mapping,
    mappings,
    start_import,
)
from doorstep.setup.skus import skus_by_code
from doorstep.spine.tenant import tenant_tx

FOLDER = "imports"
WORKER_LATE = timedelta(seconds=20)
PROBLEMS_SHOWN, PROBLEMS_COUNTED = 30, 5000
CHUNK = 64 << 10
DONE = Told({"mapping": "The mapping is kept", "dropped": "It is gone; what it took in stays"})


async def show(visit: Visit) -> Response[str]:
    must_set_up(visit)
    async with visit.reading() as tx:
        merchants = await merchants_of(tx)
        runs = await imports(tx)
    return visit.show(
        "imports.html", runs=runs, merchants=merchants, told=import_words, did=visit.did(DONE),
        refusal=None, reasons=[],
    )  # fmt: skip


# Handed over


def folder_of(import_id: int) -> Path:
    return home() / FOLDER / public("imp", import_id)


async def take(visit: Visit, import_id: int, upload: Upload) -> Response[str]:
    """The files are here: what they are is guessed, and shown. What is no table at all is refused, and kept nowhere."""
    try:
        must_set_up(visit)
        merchant = await merchant_named(visit, upload.fields.get("merchant", ""))
        kind, settings = await asyncio.to_thread(_guessed, upload.files)
        name = ", ".join(file.name for file in upload.files)
        files = [str(file.relative_to(home())) for file in upload.files]
        word = await add_import(
            visit.db,
            merchant,
            import_id,
            kind,
            name,
            files,
            settings,
            asked_by=visit.visitor.actor.name,
            at=clock.now(),
        )
    except Refusal as refusal:
        upload.drop()
        async with visit.reading() as tx:
            merchants, runs = await merchants_of(tx), await imports(tx)
        return visit.show(
            "imports.html", refusal.status, runs=runs, merchants=merchants, told=import_words, did="", refusal=refusal,
            reasons=_without_places(refusal),
        )  # fmt: skip
    return see_other(f"/import/{word}")


def _without_places(refusal: Refusal) -> list[str]:
    """Where a file stands here is nobody's business."""
    return [line.replace(f"{home()}/", "") for line in reasons(refusal)]


def _guessed(files: Sequence[Path]) -> tuple[Kind, Settings]:
    kind = kind_of(files)
    return kind, _settings_of(_proposed(files, kind), Settings())


def _proposed(files: Sequence[Path], kind: Kind) -> Said:
    """What nobody can guess, somebody has to say: then there is nothing yet."""
    try:
        return proposed(files, kind)
    except Refusal as refusal:
        if refusal.code == "NotReadable":
            raise
        return Said(kind)


def _settings_of(said: Said, before: Settings) -> Settings:
    return msgspec.structs.replace(
        before, format=said.format, mapping=said.mapping, columns=said.columns, confidence=said.confidence
    )


def _said(run: Run) -> Said:
    said = run.settings
    return Said(cast(Kind, run.kind), said.format, said.mapping, said.columns, said.confidence)


# The screen


@dataclass(slots=True)
class Screen:
    """What the mapping screen shows."""

    columns: list[Seen] = field(default_factory=list)
    rules: list[tuple[str, str]] = field(default_factory=list)
    rows: list[FirstRow] = field(default_factory=list)
    is_one_table: bool = True
    missing: list[str] = field(default_factory=list)  # what no column says, and somebody will miss
    trouble: str = ""
    reasons: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        return sum(bool(row.wrong) for row in self.rows)


async def show_one(visit: Visit) -> Response[str]:
    must_set_up(visit)
    return await _page(visit)


async def _page(visit: Visit, refusal: Refusal | None = None) -> Response[str]:
    async with visit.reading() as tx:
        run = await import_of(tx, visit.path["import"])
        whose = await setup.merchant(tx, run.merchant)
        stores = [one.key for one in (await setup.channels(tx, run.merchant)).channels]
        sites = (await setup.sites(tx)).sites
        kept = await mappings(tx, run.merchant, run.kind)
    context: dict[str, Any] = {"run": run, "told": import_words, "merchant": whose}
    if visit.is_part:
        answer = visit.show("import_progress.html", **context, is_late=_is_late(run))
        if not run.is_under_way:
            answer.headers["hx-refresh"] = "true"
        return answer
    context |= {
        "stores": stores,
        "sites": sites,
        "kept": kept,
        "is_late": _is_late(run),
        "may_go": _may_take_in(visit, run.kind),
    }
    screen, problems = Screen(), Problems()
    if run.is_under_way:
        pass
    elif run.state == "draft" or run.state == "failed" or run.rehearsal:
        screen = await asyncio.to_thread(_screen, run, run.settings.currency or whose.currency)
        if run.kind == "stock":
            await _note_unknown(visit, run, screen)
    if run.came and run.came.report:
        problems = await asyncio.to_thread(_problems, run.came.report)
    return visit.show(
        "import.html", refusal.status if refusal else 200, **context, screen=screen, problems=problems, refusal=refusal,
        reasons=_without_places(refusal) if refusal else [], did=visit.did(DONE),
    )  # fmt: skip


def _is_late(run: Run) -> bool:
    """Nobody takes it up: no worker runs, or it has much to do."""
    return run.state == "waiting" and clock.now() - run.changed_at > WORKER_LATE


def _screen(run: Run, currency: str) -> Screen:
    """What each column says, and the first rows read so."""
    said, settings, screen = _said(run), run.settings, Screen()
    files = [home() / file for file in run.files]
    try:
        screen.columns = columns_of(files, said)
        screen.is_one_table = len({column.name for column in screen.columns}) == len(screen.columns) and len(files) == 1
        if run.kind == "orders":
            screen.rules = rules_of(said, screen.columns)
        screen.missing = _missing(run, screen)
        screen.rows = first_rows(
            files,
            said,
            currency=currency,
            timezone=settings.timezone,
            channel=settings.channel,
            history=settings.history,
        )
    except OSError:
        screen.trouble = _("The file is not where it was put. Hand it over again.")
    except Refusal as refusal:
        screen.trouble, screen.reasons = gettext(refusal.sentence), _without_places(refusal)
    return screen


def _missing(run: Run, screen: Screen) -> list[str]:
    """Of a known format everything is known."""
    said = {column.field for column in screen.columns} | {name for name, _spoken in screen.rules}
    wanted = () if run.settings.format else import_words.WANTED[run.kind]
    return [import_words.field(run.kind, names[0]) for names in wanted if not said & set(names)]


async def _note_unknown(visit: Visit, run: Run, screen: Screen) -> None:
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


# Changed


async def change(visit: Visit) -> Response[str]:
    """What each column says, and how the rest is meant; then on to what was asked for."""
    must_set_up(visit)
    async with visit.reading() as tx:
        run = await import_of(tx, visit.path["import"])
    try:
        kind, settings = await asyncio.to_thread(_changed, run, visit.form)
        await change_import(visit.db, run, kind, settings, clock.now())
        step = visit.form.get("step", "look")
        if step in ("check", "go"):
            _must_be_theirs(visit, kind)
            await _must_be_readable(visit)
            await start_import(visit.db, run, rehearsal=step == "check", at=clock.now())
    except Refusal as refusal:
        return await _page(visit, refusal)
    return see_other(f"/import/{run.id}")


def _may_take_in(visit: Visit, kind: str) -> bool:
    """Counts change what stands at a site: they are for those who may count there."""
    return kind != "stock" or may("adjust", visit.visitor.actor.roles)


def _must_be_theirs(visit: Visit, kind: str) -> None:
    """Refuses NotAllowed."""
    if kind == "stock":
        must(visit, "adjust")


async def _must_be_readable(visit: Visit) -> None:
    """Refuses what the readers would refuse at once."""
    async with visit.reading() as tx:
        run = await import_of(tx, visit.path["import"])
        currency = (await setup.merchant(tx, run.merchant)).currency
    said, settings = _said(run), run.settings
    await asyncio.to_thread(
        first_rows, [home() / file for file in run.files], said, currency=settings.currency or currency,
        timezone=settings.timezone, channel=settings.channel, history=settings.history,
    )  # fmt: skip


def _changed(run: Run, form: Mapping[str, str]) -> tuple[Kind, Settings]:
    files = [home() / file for file in run.files]
    asked = form.get("kind", run.kind)
    kind = cast(Kind, asked if asked in import_words.KINDS else run.kind)
    settings = msgspec.structs.replace(
        run.settings, channel=form.get("channel", "").strip()[:60] or "file", currency=form.get("currency",
            "").strip().upper()[:3],
        timezone=form.get("timezone", "").strip()[:60] or "UTC", site=form.get("site", "")[:40],
        create=form.get("create") == "yes" or kind != "orders", history=form.get("history") == "yes",
    )  # fmt: skip
    if kind != run.kind:
        return kind, _settings_of(_proposed(files, kind), settings)
    said = _said(run)
    columns = columns_of(files, said)
    chosen = {column.name: form[name] for at, column in enumerate(columns) if (name := f"column.{at}") in form}
    if chosen:
        said = changed(said, chosen, columns)
        mapping_of(said)
    return kind, _settings_of(said, settings)


async def write(visit: Visit) -> Response[str]:
    """The whole mapping as a text: what no table of columns can say."""
    must_set_up(visit)
    async with visit.reading() as tx:
        run = await import_of(tx, visit.path["import"])
    try:
        settings = _settings_of(of_mapping(visit.form.get("mapping", "")), run.settings)
        await change_import(visit.db, run, "orders", settings, clock.now())
    except Refusal as refusal:
        return await _page(visit, refusal)
    return see_other(f"/import/{run.id}")


async def reopen(visit: Visit) -> Response[str]:
    """To be read otherwise, and taken in again: what is there is not taken twice."""
    must_set_up(visit)
    async with visit.reading() as tx:
        run = await import_of(tx, visit.path["import"])
    await change_import(visit.db, run, run.kind, run.settings, clock.now())
    return see_other(f"/import/{run.id}")


async def drop(visit: Visit) -> Response[str]:
    must_set_up(visit)
    async with visit.reading() as tx:
        run = await import_of(tx, visit.path["import"])
    await drop_import(visit.db, run)
    await asyncio.to_thread(rmtree, folder_of(run.number), ignore_errors=True)
    return see_other("/import?did=dropped")


# Mappings under a name


async def keep(visit: Visit) -> Response[str]:
    must_set_up(visit)
    async with visit.reading() as tx:
        run = await import_of(tx, visit.path["import"])
    try:
        await keep_mapping(visit.db, run, visit.form.get("name", ""), clock.now())
    except Refusal as refusal:
        return await _page(visit, refusal)
    return see_other(f"/import/{run.id}?did=mapping")


async def use(visit: Visit) -> Response[str]:
    """Read by a mapping that was kept; or, asked so, that one is dropped."""
    must_set_up(visit)
    async with visit.reading() as tx:
        run = await import_of(tx, visit.path["import"])
        kept = await mappings(tx, run.merchant, run.kind)
    name = visit.form.get("name", "")
    if name not in kept:
        raise NotFound(mapping=name[:60])
    if visit.form.get("step") == "drop":
        async with tenant_tx(visit.db, [run.merchant]) as tx:
            await drop_mapping(tx, run.merchant, run.kind, name)
    else:
        await change_import(visit.db, run, run.kind, kept[name], clock.now())
    return see_other(f"/import/{run.id}")


# What came of it


@dataclass(slots=True)
class Problems:
    """What the report says: how often each reason, and the first rows."""

    counts: list[tuple[str, str, int]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    more: bool = False


def _problems(report: str) -> Problems:
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


async def download(visit: Visit) -> Response[Any] | Stream:
    """The report, or the mapping for `doorstep import orders --mapping`."""
    must_set_up(visit)
    async with visit.reading() as tx:
        run = await import_of(tx, visit.path["import"])
    what: Literal["report.csv", "mapping.toml"] | str = visit.path["name"]
    headers = {**SAFE, "content-disposition": f'attachment; filename="{run.id}-{what}"'}
    if what == "mapping.toml" and run.settings.mapping:
        return Response(run.settings.mapping, media_type="application/toml; charset=utf-8", headers=headers)
    file = Path(run.came.report) if run.came and run.came.report else None
    if what != "report.csv" or file is None or not file.is_relative_to(home()) or not file.exists():
        raise NoSuchPage
    return Stream(_read(file), media_type="text/csv; charset=utf-8", headers=headers)


async def _read(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as content:
        while chunk := content.read(CHUNK):
            yield chunk
