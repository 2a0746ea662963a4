"""files: what somebody handed over, for pages that would be empty: orders whose columns are looked at, orders that were
tried on all rows, products that were taken in. None of it is an order that other pages would show.
"""

from __future__ import annotations

from doorstep.doors.console.import_page import guessed
from doorstep.doors.importing import folder_of
from doorstep.kit import clock
from doorstep.kit.home import home
from doorstep.setup.imports import Run, add_import, import_of, start_import
from doorstep.spine.tenant import tenant_tx
from tests.doors.test_importing_pages import ORDERS, PRODUCTS
from tests.doors.test_importing_pages import work as take_in
from tests.shop import Shop


async def hand_files_over(shop: Shop) -> None:
    await _handed(shop, "bestellungen.csv", ORDERS)
    for name, content, rehearsal in (("maerz.csv", ORDERS, True), ("artikel.csv", PRODUCTS, False)):
        run = await _handed(shop, name, content)
        await start_import(shop.db, run, rehearsal=rehearsal, at=clock.now())
    while await take_in(shop):
        pass


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
