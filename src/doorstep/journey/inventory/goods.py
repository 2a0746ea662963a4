"""goods: what the rules of inventory see: SKUs and sites by the merchant's words, stages and places of the stock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup.places import Goods
from doorstep.setup.sites import Site, site_of, sites_by_code
from doorstep.setup.skus import skus_by_code
from doorstep.spine.tenant import Tx

# Locked before places are, as everywhere: what is seen free stays free until the batch is written.
STAGES = """
select merchant_id, sku_id, site_id, free, reserved, picked, packed, quarantine from availability
  where merchant_id = any($1) and sku_id = any($2) and site_id = any($3)
  order by merchant_id, sku_id, site_id for no key update
"""


class NotThatManyFree(Refusal):
    """Not so many are free: the others are promised to orders, or on their way out."""


@dataclass(frozen=True, slots=True)
class Catalog:
    sku_ids: Mapping[tuple[int, str], int]
    sites: Mapping[str, Site]

    def sku(self, merchant: int, code: str) -> int:
        """Refuses NotFound."""
        sku = self.sku_ids.get((merchant, code))
        if sku is None:
            raise NotFound(sku=code)
        return sku

    def site(self, code: str) -> Site:
        """Refuses NotFound."""
        return site_of(self.sites, code)

    def goods(self, merchant: int, sku: str, site: str) -> Goods:
        """Refuses NotFound."""
        return Goods(merchant, self.sku(merchant, sku), self.site(site).site_id)

    def known(self, merchant: int, sku: str, site: str) -> Goods | None:
        try:
            return self.goods(merchant, sku, site)
        except NotFound:
            return None


async def catalog_of(tx: Tx, codes: Iterable[str]) -> Catalog:
    return Catalog(await skus_by_code(tx, codes), await sites_by_code(tx))


Stages = dict[str, int]


async def stages_of(tx: Tx, goods: Iterable[Goods]) -> dict[Goods, Stages]:
    """The stages of each, locked; a batch's rules keep what is left in it."""
    asked = set(goods)
    found = {each: dict.fromkeys(("free", "reserved", "picked", "packed", "quarantine"), 0) for each in asked}
    skus, sites = list({each.sku for each in asked}), list({each.site for each in asked})
    for row in await tx.rows(STAGES, list(tx.merchants), skus, sites):
        key = Goods(row["merchant_id"], row["sku_id"], row["site_id"])
        if key in found:
            found[key] = {name: row[name] for name in found[key]}
    return found
