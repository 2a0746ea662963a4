"""import_page: `/import`: files are handed over, what their columns say is shown and changed, the first rows are read
as they would be, and then a worker takes them in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal, cast

import msgspec
from litestar import Response
from litestar.response import Stream

from doorstep.doors.console import import_words
from doorstep.doors.console.allowing import may, merchant_named, must, must_set_up
from doorstep.doors.console.import_screen import (
    Problems,
    Screen,
    files_of,
    note_unknown,
    problems_of,
    rows_of,
    said_of,
    screen_of,
    without_places,
)
from doorstep.doors.console.narrowing import merchants_of
from doorstep.doors.console.speaking import Told
from doorstep.doors.console.uploading import Upload
from doorstep.doors.console.visit import SAFE, Visit, see_other
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.importing import folder_of
from doorstep.doors.reads import setup
from doorstep.journey.intake.files.asked_columns import (
    Kind,
    Said,
    changed,
    columns_of,
    kind_of,
    mapping_of,
    of_mapping,
    proposed,
)
from doorstep.kit import clock
from doorstep.kit.home import home
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
from doorstep.spine.tenant import tenant_tx

WORKER_LATE = timedelta(seconds=20)
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


async def take(visit: Visit, import_id: int, upload: Upload) -> Response[str]:
    """The files are here: what they are is guessed, and shown. What is no table at all is refused, and kept nowhere."""
    try:
        must_set_up(visit)
        merchant = await merchant_named(visit, upload.fields.get("merchant", ""))
        kind, settings = await asyncio.to_thread(guessed, upload.files)
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
            reasons=without_places(refusal),
        )  # fmt: skip
    return see_other(f"/import/{word}")


def guessed(files: Sequence[Path]) -> tuple[Kind, Settings]:
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


# Its page


async def _run(visit: Visit) -> Run:
    async with visit.reading() as tx:
        return await import_of(tx, visit.path["import"])


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
    if not run.is_under_way and (run.state in ("draft", "failed") or run.rehearsal):
        screen = await asyncio.to_thread(screen_of, run, whose.currency)
        if run.kind == "stock":
            await note_unknown(visit, run, screen)
    if run.came and run.came.report:
        problems = await asyncio.to_thread(problems_of, run.came.report)
    return visit.show(
        "import.html", refusal.status if refusal else 200, **context, screen=screen, problems=problems, refusal=refusal,
        reasons=without_places(refusal) if refusal else [], did=visit.did(DONE),
    )  # fmt: skip


def _is_late(run: Run) -> bool:
    """Nobody takes it up: no worker runs, or it has much to do."""
    return run.state == "waiting" and clock.now() - run.changed_at > WORKER_LATE


# Changed


async def change(visit: Visit) -> Response[str]:
    """What each column says, and how the rest is meant; then on to what was asked for."""
    must_set_up(visit)
    run = await _run(visit)
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
    await asyncio.to_thread(rows_of, run, currency)


def _changed(run: Run, form: Mapping[str, str]) -> tuple[Kind, Settings]:
    files = files_of(run)
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
    said = said_of(run)
    columns = columns_of(files, said)
    chosen = {column.name: form[name] for at, column in enumerate(columns) if (name := f"column.{at}") in form}
    if chosen:
        said = changed(said, chosen, columns)
        mapping_of(said)
    return kind, _settings_of(said, settings)


async def write(visit: Visit) -> Response[str]:
    """The whole mapping as a text: what no table of columns can say."""
    must_set_up(visit)
    run = await _run(visit)
    try:
        settings = _settings_of(of_mapping(visit.form.get("mapping", "")), run.settings)
        await change_import(visit.db, run, "orders", settings, clock.now())
    except Refusal as refusal:
        return await _page(visit, refusal)
    return see_other(f"/import/{run.id}")


async def reopen(visit: Visit) -> Response[str]:
    """To be read otherwise, and taken in again: what is there is not taken twice."""
    must_set_up(visit)
    run = await _run(visit)
    await change_import(visit.db, run, run.kind, run.settings, clock.now())
    return see_other(f"/import/{run.id}")


async def drop(visit: Visit) -> Response[str]:
    must_set_up(visit)
    run = await _run(visit)
    await drop_import(visit.db, run)
    await asyncio.to_thread(rmtree, folder_of(run.number), ignore_errors=True)
    return see_other("/import?did=dropped")


# Mappings under a name


async def keep(visit: Visit) -> Response[str]:
    must_set_up(visit)
    run = await _run(visit)
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


async def download(visit: Visit) -> Response[Any] | Stream:
    """The report, or the mapping for `doorstep import orders --mapping`."""
    must_set_up(visit)
    run = await _run(visit)
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
