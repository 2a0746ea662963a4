"""files: what somebody handed over, for pages that would be empty: orders whose columns are looked at, orders that were
tried on all rows, products that were taken in, are being taken in, wait for a worker or are lost. None of it is an
order that other pages would show.
"""

from __future__ import annotations

from datetime import timedelta

from doorstep.doors.console.import_page import guessed
from doorstep.doors.importing import folder_of
from doorstep.kit import clock
from doorstep.kit.home import home
from doorstep.setup.imports import Run, add_import, claim_import, import_of, keep_hold, start_import
from doorstep.spine.tenant import tenant_tx
from tests.doors.test_importing_pages import ORDERS, PRODUCTS
from tests.doors.test_importing_pages import work as take_in
from tests.shop import Shop


async def hand_files_over(shop: Shop) -> None:
    await _handed(shop, "bestellungen.csv", ORDERS)
    for name, content, rehearsal in (("maerz.csv", ORDERS, True), ("artikel.csv", PRODUCTS, False)):
        run = await _handed(shop, name, content)
        await start_import(shop.db, run, rehearsal=rehearsal, at=clock.now())
    lost = await _handed(shop, "verloren.csv", PRODUCTS)
    (home() / lost.files[0]).unlink()
    await start_import(shop.db, lost, rehearsal=False, at=clock.now())
    while await take_in(shop):
        pass
    await _begin(shop, await _handed(shop, "fruehjahr.csv", PRODUCTS))
    late = clock.now() - timedelta(minutes=2)
    await start_import(shop.db, await _handed(shop, "sommer.csv", PRODUCTS), rehearsal=False, at=late)


async def _begin(shop: Shop, run: Run) -> None:
    """A worker is in the middle of it."""
    await start_import(shop.db, run, rehearsal=False, at=clock.now())
    begun = await claim_import(shop.db, [shop.merchant], "begun", clock.now())
    assert begun is not None
    await keep_hold(shop.db, begun, "begun", clock.now(), read=1250, total=4800, doing="rows taken")


async def _handed(shop: Shop, name: str, content: str) -> Run:
    (import_id,) = await shop.db.ids.draw(shop.db.pool, 1)
    file = folder_of(import_id) / name
    # Other tests' databases number from the start too, and have the same home.
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, "utf-8")
    kind, settings = guessed([file])
    files = [str(file.relative_to(home()))]
    word = await add_import(
        shop.db, shop.merchant, import_id, kind, name, files, settings, asked_by="person:Dana", at=clock.now()
    )
    async with tenant_tx(shop.db, [shop.merchant], readonly=True) as tx:
        return await import_of(tx, word)
