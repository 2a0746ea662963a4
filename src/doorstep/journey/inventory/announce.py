"""announce: goods are on their way to a site: what is expected, so that what comes can be compared with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.journey.inventory.goods import Catalog, catalog_of
from doorstep.kit.ids import public
from doorstep.setup.places import Units
from doorstep.spine.outcome import Ask, Event, Insert, Outcome, Result
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class ExpectedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku: Annotated[str, Meta(min_length=1, max_length=120)]
    quantity: Units


class Announce(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reference` is the supplier's number, as on the papers."""

    site: str
    lines: Annotated[list[ExpectedLine], Meta(min_length=1, max_length=1000)]
    reference: Annotated[str, Meta(max_length=120)] = ""
    expected_on: date | None = None


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    asn: str
    site: str
    units: int


@verb(Announce, Announced)
async def announce(tx: Tx, asks: list[Ask[Announce]]) -> list[Result]:
    """Announce goods to a site (an ASN, advance shipping notice)."""
    catalog = await catalog_of(tx, [line.sku for ask in asks for line in ask.body.lines])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(catalog, ids, ask))


def decide(catalog: Catalog, ids: Iterator[int], ask: Ask[Announce]) -> Outcome:
    new = ask.body
    site = catalog.site(new.site)
    expected: dict[int, int] = {}
    for line in new.lines:
        sku = catalog.sku(ask.merchant, line.sku)
        expected[sku] = expected.get(sku, 0) + line.quantity
    asn = next(ids)
    told = {"site": site.code, "reference": new.reference, "units": sum(expected.values()), "skus": len(expected)}
    outcome = Outcome(ask.merchant, ("asn", asn), [Event("announce", [], told)])
    outcome.answer = {"asn": public("asn", asn), "site": site.code, "units": sum(expected.values())}
    values = {
        "asn_id": asn, "site_id": site.site_id, "reference": new.reference, "expected_on": new.expected_on,
        "announced_at": ask.at,
    }  # fmt: skip
    outcome.facts.append(Insert("asn", values))
    for sku, quantity in expected.items():
        line_values = {"asn_id": asn, "sku_id": sku, "expected": quantity, "received": 0, "damaged": 0}
        outcome.facts.append(Insert("asn_line", line_values))
    return outcome
