"""import_opening: goods that must have stood at a site before history began; so much left it later."""

from __future__ import annotations

import msgspec

from doorstep.journey.intake.told import ImportOpening
from doorstep.kit.refusals import NotFound
from doorstep.setup.places import HISTORY, Goods
from doorstep.setup.sites import every_site
from doorstep.setup.skus import skus_by_code
from doorstep.spine.outcome import Ask, Event, Outcome, Result, Stock
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    sku: str
    site: str
    quantity: int


@verb(ImportOpening, Opened)
async def import_opening(tx: Tx, asks: list[Ask[ImportOpening]]) -> list[Result]:
    """Open the stock of a SKU at a site with so many units, dated before the history that is imported."""
    skus = await skus_by_code(tx, [ask.body.goods.sku for ask in asks])
    sites = {site.code: site.site_id for site in (await every_site(tx)).values()}

    def rule(ask: Ask[ImportOpening]) -> Outcome:
        named = ask.body.goods
        sku, site = skus.get((ask.merchant, named.sku)), sites.get(named.site)
        if sku is None:
            raise NotFound(sku=named.sku)
        if site is None:
            raise NotFound(site=named.site)
        return decide(Goods(ask.merchant, sku, site), ask)

    return each(asks, rule)


def decide(goods: Goods, ask: Ask[ImportOpening]) -> Outcome:
    """They are added to what stands there, and nobody's order is given of them: they are goods of the past."""
    named = ask.body.goods
    told = {"sku": named.sku, "site": named.site, "quantity": named.quantity}
    opened = Stock(goods.sku, goods.site, named.quantity, "world", "", "free", HISTORY)
    return Outcome(
        ask.merchant, ("sku", goods.sku), [Event("import_opening", [opened], told, ask.body.at)], answer=dict(told)
    )
