"""import_products: a shop's products become SKUs; what a later file says of them is taken over, the rest stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from os import PathLike
from pathlib import Path

from doorstep.journey.intake.files.products import FileProduct, FileVariant, read_products
from doorstep.journey.intake.files.report import Report, ReportRow, of_bad_row, of_problems
from doorstep.journey.intake.files.tables import BadRow
from doorstep.journey.intake.import_orders import Imported
from doorstep.kit.money import LARGEST_MINOR, NotMoney, to_minor
from doorstep.kit.refusals import Refusal
from doorstep.setup.many_skus import put_skus
from doorstep.setup.merchants import NewSku, check_sku
from doorstep.spine.tenant import Db, tenant_tx

BATCH = 500
CURRENCY = "select currency from merchant where merchant_id = $1"
THERE = "select code from sku where merchant_id = $1 and code = any($2)"


async def import_products(
    db: Db,
    merchant: int,
    paths: Sequence[str | PathLike[str]],
    *,
    home: Path,
    columns: Mapping[str, str] | None = None,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Imported:
    """Import product files, Shopify's or by these columns: `taken`, `changed`, `unchanged`, `refused` count SKUs."""
    came = Imported()
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        currency = str(await tx.value(CURRENCY, merchant))
    source = iter(read_products(paths, columns))
    with Report(Path(paths[0]), home) as report:
        while rows := list(islice(source, BATCH)):
            skus = list(_skus(rows, currency, came, report))
            await (_rehearse(db, merchant, skus, came) if dry_run else _put(db, merchant, skus, came))
            if progress:
                progress(came.read)
    came.report = str(report.path) if report.path else None
    return came


def _skus(rows: Sequence[FileProduct | BadRow], currency: str, came: Imported, report: Report) -> Iterator[NewSku]:
    """What can be a SKU; the rest is told."""
    for row in rows:
        came.read += row.rows
        if isinstance(row, BadRow):
            report.add(of_bad_row(row))
            continue
        for told in of_problems(row.file, row.problems):
            report.add(told)
        for variant in row.variants:
            sku = sku_of_variant(variant, currency)
            try:
                check_sku(sku)
            except Refusal as refusal:
                came.refused += 1
                report.add(ReportRow(row.file, variant.line, "Variant SKU", refusal.code, variant.sku, str(refusal)))
            else:
                yield sku


def sku_of_variant(variant: FileVariant, currency: str) -> NewSku:
    """The SKU that a variant is."""
    return NewSku(
        code=variant.sku, name=variant.title[:200], barcode=variant.barcode, weight_g=variant.weight_g,
        length_mm=variant.length_mm, width_mm=variant.width_mm, height_mm=variant.height_mm,
        hs_code=variant.hs_code, origin=variant.origin, customs_text=variant.customs_text,
        value_minor=_value(variant, currency), flags=tuple(variant.flags), stocked=variant.ships,
    )  # fmt: skip


def _value(variant: FileVariant, currency: str) -> int:
    """For customs, where a line has no price: what it sells for."""
    try:
        value = to_minor(variant.price, currency) if variant.price is not None else 0
    except NotMoney:
        return 0
    return value if 0 <= value <= LARGEST_MINOR else 0


async def _put(db: Db, merchant: int, skus: Sequence[NewSku], came: Imported) -> None:
    put = await put_skus(db, merchant, skus)
    came.taken += put.added
    came.changed += put.changed
    came.unchanged += put.unchanged


async def _rehearse(db: Db, merchant: int, skus: Sequence[NewSku], came: Imported) -> None:
    """Of the known ones it is not told which would change: all count as unchanged."""
    codes = list({sku.code for sku in skus})
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        there = len(await tx.rows(THERE, merchant, codes))
    came.taken += len(codes) - there
    came.unchanged += there
