"""adjust: the count was wrong; so many units more or fewer in a bin, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from doorstep.kit.ids import public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup.skus import skus_by_code
from doorstep.setup.sites import every_site
from doorstep.spine.outcome import Ask, Event, Job, Outcome, Result, Stock
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

RECEIVING = "RECEIVING"

Reason = Literal["count", "found", "missing", "damaged", "opening", "import", "other"]


class Adjust(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`quantity` is the difference: +3 found, -2 missing."""

    sku: str
    site: str
    quantity: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
    reason: Reason
    bin: Annotated[str, Meta(max_length=60)] = RECEIVING
    lot: Annotated[str, Meta(max_length=60)] = ""
    note: Annotated[str, Meta(max_length=2000)] = ""


class NothingToAdjust(Refusal):
    """A difference of zero changes nothing."""

    status = 422


@dataclass(frozen=True, slots=True)
class Facts:
    sku_ids: Mapping[tuple[int, str], int]
    site_ids: Mapping[str, int]


@verb(Adjust)
async def adjust(tx: Tx, asks: list[Ask[Adjust]]) -> list[Result]:
    """Correct what a bin holds; units that appear are free to be promised, oldest waiting line first."""
    skus = await skus_by_code(tx, [ask.body.sku for ask in asks])
    sites = await every_site(tx)
    facts = Facts(skus, {site.code: site.site_id for site in sites.values()})
    return [decide(facts, ask) for ask in asks]


def decide(facts: Facts, ask: Ask[Adjust]) -> Result:
    wanted = ask.body
    sku, site = facts.sku_ids.get((ask.merchant, wanted.sku)), facts.site_ids.get(wanted.site)
    if sku is None:
        return NotFound(sku=wanted.sku)
    if site is None:
        return NotFound(site=wanted.site)
    if wanted.quantity == 0:
        return NothingToAdjust()
    if wanted.quantity > 0:
        move = Stock(sku, site, wanted.quantity, "world", "", "free", wanted.bin, wanted.lot)
    else:
        move = Stock(sku, site, -wanted.quantity, "free", wanted.bin, "world", "", wanted.lot)
    told = {"sku": wanted.sku, "site": wanted.site, "bin": wanted.bin, "reason": wanted.reason, "note": wanted.note}
    fill = [Job("fill", {"sku": public("sku", sku)})] if wanted.quantity > 0 else []
    return Outcome(
        ask.merchant,
        ("sku", sku),
        [Event("adjust", [move], told | {"quantity": wanted.quantity})],
        answer={"sku": wanted.sku, "site": wanted.site, "quantity": wanted.quantity},
        then=fill,
    )
