"""importing: `import orders`, `import products`, `import stock`: files of a shop come in, once."""

from __future__ import annotations

import csv
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.saying_no import NEXT, Reasons
from doorstep.doors.cli.session import Merchant, commander, home, merchant_meant, progress, with_db, write_file
from doorstep.kit.refusals import Refusal

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db

app = typer.Typer()

Files = Annotated[list[Path], typer.Argument(metavar="FILE-OR-FOLDER", help="CSV or Excel, folders or .zip.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read everything and tell what would happen; write nothing.")]
Channel = Annotated[
    str, typer.Option("--channel", metavar="KEY", help="The store that files without a store column are from.")
]
# What an order of a merchant that nobody set up is counted in when neither option nor file says it.
LAST_RESORT = "USD"
# So many reasons are said at once; all of them stand in the report.
REASONS_SAID = 5


class NotOverwritten(Refusal):
    """There is a file of this name already, and somebody may have edited it: choose another name."""

    status = 409


@app.callback()
def importing() -> None:
    """Take in the files of a shop. The same file twice changes nothing."""


@app.command("orders")
def orders(
    files: Files,
    merchant: Merchant = "",
    create: Annotated[
        bool, typer.Option("--create", help="Make what is missing: the merchant, channels, items the files name.")
    ] = False,
    currency: Annotated[
        str, typer.Option("--currency", metavar="USD", help="For rows that state none; and of a merchant made new.")
    ] = "",
    timezone: Annotated[str, typer.Option("--timezone", metavar="UTC", help="For times that state no offset.")] = "UTC",
    channel: Channel = "file",
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE.toml", help="What the columns mean; examples/mappings.")
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="They happened elsewhere: write them down, begin no work.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take in orders: Shopify, WooCommerce and Amazon files as they are, any other by a mapping.

    Open orders become work; what is over becomes history.
    """

    async def work(db: Db) -> dict[str, Any]:
        from doorstep.doors.importing import Asked, take
        from doorstep.journey.intake.files.mapping import read_mapping
        from doorstep.kit import clock
        from doorstep.kit.garbage import OF_A_FILE, collect_seldom

        options: dict[str, Any] = {
            "mapping": read_mapping(mapping) if mapping else None,
            "channel": channel,
            "timezone": timezone,
            "history": history,
        }
        meant, used = await _merchant(db, merchant, files, currency, options, create, dry_run)
        asked = Asked(
            kind="orders", merchant=meant, files=[str(file) for file in files], currency=used, channel=channel,
            mapping=mapping.read_text("utf-8") if mapping else "", timezone=timezone, create=create, history=history,
            rehearsal=dry_run,
        )  # fmt: skip
        collect_seldom(OF_A_FILE)
        with progress("rows", json) as tell:
            return await take(db, asked, folder=home(), at=clock.now(), tell=tell)

    told = with_db(work)
    answer(told, _lines(told, "orders", dry_run), json)


async def _merchant(
    db: Db, key: str, files: list[Path], currency: str, options: dict[str, Any], create: bool, dry_run: bool
) -> tuple[int, str]:
    """The merchant and the currency for rows that state none; `--create` makes the merchant it names."""
    from doorstep.doors.reads.setup import merchant as read
    from doorstep.journey.intake.files.opening import open_source
    from doorstep.setup.merchants import NewMerchant, UnknownMerchant, create_merchant
    from doorstep.spine.tenant import tenant_tx

    try:
        meant = await merchant_meant(db, key)
    except UnknownMerchant:
        if not create:
            raise
        own = currency or open_source(files, currency=LAST_RESORT, **options).currency
        # Nobody is merchant 0: a rehearsal for a merchant that is not there finds nothing there.
        new = NewMerchant(key=key, name=key, currency=own, country=_country_of(own))
        return (0 if dry_run else await create_merchant(db, new)), own
    async with tenant_tx(db, [meant], readonly=True) as tx:
        return meant, currency or (await read(tx, meant)).currency


def _country_of(currency: str) -> str:
    """A national currency begins with its country; of others nobody knows yet where the merchant sits."""
    from doorstep.setup.geography import CENTERS

    return currency[:2] if currency[:2] in CENTERS else ""


@app.command("products")
def products(files: Files, merchant: Merchant = "", dry_run: DryRun = False, json: Json = False) -> None:
    """Take in Shopify product files as SKUs; what a later file says of a known one is taken over."""

    async def work(db: Db) -> dict[str, Any]:
        from doorstep.doors.importing import Asked, take
        from doorstep.kit import clock

        meant = await merchant_meant(db, merchant)
        asked = Asked(kind="products", merchant=meant, files=[str(file) for file in files], rehearsal=dry_run)
        with progress("rows", json) as tell:
            return await take(db, asked, folder=home(), at=clock.now(), tell=tell)

    told = with_db(work)
    answer(told, _lines(told, "SKUs", dry_run), json)


@app.command("stock")
def stock(
    files: Files,
    merchant: Merchant = "",
    site: Annotated[str, typer.Option("--site", metavar="CODE", help="For rows that name no site.")] = "",
    json: Json = False,
) -> None:
    """Take in counts of stock (SKU, site, quantity); the difference to the books is adjusted."""

    async def work(db: Db) -> dict[str, Any]:
        from doorstep.doors.importing import Asked, take
        from doorstep.kit import clock

        who = commander()
        asked = Asked(
            kind="stock", merchant=await merchant_meant(db, merchant), files=[str(file) for file in files], site=site,
            actor=who.name, roles=who.roles,
        )  # fmt: skip
        with progress("rows", json) as tell:
            return await take(db, asked, folder=home(), at=clock.now(), tell=tell)

    told = with_db(work)
    answer(told, _lines(told, "counts", dry_run=False), json)


@app.command("sniff")
def sniff(
    files: Files,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="MAPPING.toml", help="Save the mapping there; never over a file.")
    ] = None,
    json: Json = False,
) -> None:
    """Look at files and propose what their columns mean: a mapping to read, to edit, and to import with."""
    from doorstep.journey.intake.files.proposal import as_json, in_lines, propose

    proposal = propose(files)
    if write is not None and proposal.mapping:
        if write.exists():
            raise NotOverwritten(file=str(write))
        write_file(write, proposal.mapping.encode())
    saved = write if proposal.mapping else None
    answer(as_json(proposal), f"{in_lines(proposal)}\n{_what_next(files, saved)}".rstrip(), json)


def _what_next(files: list[Path], saved: Path | None) -> str:
    """The command that comes after a look at the proposal; "" where nothing was saved."""
    if saved is None:
        return ""
    words = " ".join(shlex.quote(str(word)) for word in (*files, "--mapping", saved))
    return f"{saved} is there: read it, mend it, then try it: doorstep import orders {words} --dry-run"


def _lines(told: dict[str, Any], what: str, dry_run: bool) -> str:
    tense = "would be" if dry_run else "were"
    first = f"{told['read']:,} rows read; of the {what} {told['taken']:,} {tense} taken, {told['changed']:,} changed, "
    first += f"{told['unchanged']:,} unchanged, {told['refused']:,} refused."
    if not told["report"]:
        return first
    return "\n".join([first, *_reasons(Path(told["report"])), f"What needs a look stands in {told['report']}."])


def _reasons(report: Path) -> Iterator[str]:
    """The most frequent reasons, each with the first place and with what to try."""
    counted: Counter[str] = Counter()
    firsts: dict[str, dict[str, str]] = {}
    with report.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            counted[row["reason"]] += 1
            firsts.setdefault(row["reason"], row)
    for reason, times in counted.most_common(REASONS_SAID):
        row = firsts[reason]
        place = ", ".join(filter(None, (row["file"], row["line"] and f"line {row['line']}", row["column"])))
        told = row["value"][:60] and f": {row['value'][:60]}"
        yield f"  {times:,} × {row['meaning'] or reason} First: {place}{told}"
        if step := NEXT.get(reason):
            yield f"    Try: {step.format_map(Reasons({}))}"
