"""scene: a doorstep of its own to measure: a fresh embedded database, merchants with goods at two sites, a key each."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

import doorstep.doors.stages  # noqa: F401  (binds the verbs)
from doorstep.doors import supervisor
from doorstep.kit import clock, embedded
from doorstep.kit.embedded import Urls
from doorstep.kit.migrate import migrate
from doorstep.kit.refusals import Refusal
from doorstep.setup.keys import create_key
from doorstep.setup.merchants import NewMerchant, NewSite, NewSku, add_site, add_skus, create_merchant
from doorstep.spine import jobs
from doorstep.spine.audit import audit
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import Answer, run, run_due
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import VERBS

MERCHANTS, SKUS, UNITS = 10, 1_000, 1_000_000
SITES = (
    NewSite("NJ", "New Jersey", "US", {"line1": "1 Port Road", "city": "Port Reading", "region": "NJ",
            "postcode": "07064"}, 40.56, -74.25, "America/New_York"),
    NewSite("NV", "Nevada", "US", {"line1": "2 Desert Way", "city": "Reno", "region": "NV", "postcode": "89502"},
            39.51, -119.78, "America/Los_Angeles"),
)  # fmt: skip
BINS = 100
JOBS_AT_ONCE = 200


@dataclass(slots=True)
class Merchant:
    id: int
    key: str
    secret: str


@dataclass(slots=True)
class Scene:
    home: Path
    urls: Urls
    db: Db
    merchants: list[Merchant]
    skus: int


def sku_code(number: int) -> str:
    return f"SKU-{number:05d}"


def bin_of(number: int) -> str:
    return f"A-{number % BINS:02d}"


@asynccontextmanager
async def scene(
    merchants: int = MERCHANTS, skus: int = SKUS, units: int = UNITS, **policy: Any
) -> AsyncIterator[Scene]:
    """A database in a folder that is gone afterwards; `units` of each SKU at each site, received as goods are."""
    with tempfile.TemporaryDirectory(prefix="doorstep-bench-", ignore_cleanup_errors=True) as folder:
        home = resolved(folder)
        os.environ["DOORSTEP_HOME"] = str(home)
        urls = await asyncio.to_thread(embedded.start, home)
        try:
            await migrate(urls.owner)
            db = await Db.open(urls.app, urls.router, size=4)
            try:
                on = Scene(home, urls, db, [], skus)
                for number in range(merchants):
                    on.merchants.append(await open_merchant(on, f"shop-{number}", units, **policy))
                yield on
            finally:
                await db.close()
        finally:
            await asyncio.to_thread(embedded.stop, home)


def resolved(folder: str) -> Path:
    return Path(folder).resolve()


async def open_merchant(on: Scene, key: str, units: int, without: int = 0, **policy: Any) -> Merchant:
    """One more merchant with all its SKUs, each with so many units at each site, but for the first ones."""
    new = NewMerchant(key=key, name=key.title(), currency="USD", country="US", **policy)
    merchant = await create_merchant(on.db, new)
    if not on.merchants:
        for site in SITES:
            await add_site(on.db, merchant, site)
    goods = [
        NewSku(sku_code(n), name=f"Item {n}", barcode=f"{n:013d}", weight_g=350, hs_code="691200", origin="US",
               customs_text="ceramic mug")
        for n in range(on.skus)
    ]  # fmt: skip
    await add_skus(on.db, merchant, goods)
    secret, _ = await create_key(on.db, merchant, clock.now())
    made = Merchant(merchant, key, secret)
    for site in SITES if units else ():
        await receive(on.db, made, site.code, range(without, on.skus), units)
    await work(on.db, merchant, "fill", JOBS_AT_ONCE)
    return made


async def receive(db: Db, merchant: Merchant, site: str, skus: range, units: int) -> None:
    lines = [{"sku": sku_code(n), "quantity": units, "bin": bin_of(n)} for n in skus]
    bodies = [{"site": site, "lines": lines[first : first + 500]} for first in range(0, len(lines), 500)]
    await ask(db, merchant.id, "receive", bodies)


async def ask(db: Db, merchant: int, verb: str, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One list of asks to a verb; a refusal ends the measurement: it asks only for what must work."""
    kind, now = VERBS[verb].body, clock.now()
    return accepted(verb, await run(db, verb, [Ask(merchant, msgspec.convert(body, kind), now) for body in bodies]))


def accepted(verb: str, answers: list[Answer]) -> list[dict[str, Any]]:
    taken: list[dict[str, Any]] = []
    for answer in answers:
        if isinstance(answer, Refusal):
            raise AssertionError(f"{verb} was refused: {answer.code}: {answer}")
        taken.append(answer)
    return taken


async def work(db: Db, merchant: int, verb: str, size: int) -> int:
    """The waiting jobs of a merchant and verb, taken and done in lists of that size as the worker does."""
    done = 0
    while answers := await run_due(db, verb, merchant, clock.now(), size):
        done += len(accepted(verb, answers))
    if answers is None:
        raise AssertionError(f"jobs of {verb} were not done at once")
    return done


async def put_aside(db: Db, merchant: int, errand: str, size: int) -> int:
    """End the waiting jobs of an errand without calling anybody: the outside world is not measured here."""
    done = 0
    while True:
        async with tenant_tx(db, [merchant]) as tx:
            claimed = await jobs.claim(tx, merchant, errand, clock.now() + jobs.LONGEST_WAIT, size)
            if not claimed:
                return done
            await jobs.done(tx, claimed)
        done += len(claimed)


@asynccontextmanager
async def web(on: Scene) -> AsyncIterator[supervisor.State]:
    """A web process over the scene's database, as `doorstep up` starts it."""
    (started,) = await asyncio.to_thread(supervisor.start, on.home, "web")
    try:
        yield started
    finally:
        await asyncio.to_thread(supervisor.stop, on.home, "web")


async def audited(on: Scene) -> dict[str, Any]:
    """Whether the books of everyone hold, and what does not."""
    report = await audit(on.db)
    return {"ok": report.ok} if report.ok else {"ok": False, "told": report.told()}
