"""receive: goods arrive: so many good, so many damaged, compared with what was announced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.inventory.goods import Catalog, catalog_of
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Invalid, NotFound, Refusal
from doorstep.setup.places import QUARANTINE, RECEIVING, Bin, Lot, Units, must_be_bin
from doorstep.setup.sites import Site
from doorstep.spine.outcome import Ask, Event, Fact, Insert, Job, Move, Outcome, Result, Stock, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

LOCK_ASNS = """
select merchant_id, asn_id, site_id, closed_at from asn
  where merchant_id = any($1) and asn_id = any($2) order by merchant_id, asn_id for update
"""
ASN_LINES = """
select l.asn_id, l.sku_id, s.code, l.expected, l.received, l.damaged
  from asn_line l join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = any($1) and l.asn_id = any($2) order by l.asn_id, s.code
"""


class ReceivedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`quantity` is all that arrived, `damaged` so many of them: those go to quarantine, the others into `bin`."""

    sku: Annotated[str, Meta(min_length=1, max_length=120)]
    quantity: Units
    damaged: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    bin: Bin = RECEIVING
    lot: Lot = ""


class Receive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without `asn` the goods were not announced. `close`: nothing more comes, differences are to be looked at."""

    site: str
    lines: Annotated[list[ReceivedLine], Meta(max_length=1000)] = []
    asn: str = ""
    reference: Annotated[str, Meta(max_length=120)] = ""
    close: bool = False


class CountedLine(msgspec.Struct, frozen=True, kw_only=True):
    """So far: what was announced and what came; `over` and `short` are the difference."""

    sku: str
    expected: int
    received: int
    damaged: int
    over: int
    short: int


class Received(msgspec.Struct, frozen=True, kw_only=True):
    asn: str
    site: str
    closed: bool
    lines: list[CountedLine]


class AsnClosed(Refusal):
    """This ASN is closed: receive what comes now without it."""


class OtherSite(Refusal):
    """These goods were announced to another site."""


class MoreDamagedThanCame(Refusal):
    """More are damaged than arrived."""

    status = 422


@dataclass(frozen=True, slots=True)
class Tally:
    """A SKU of an ASN: what was expected, and what came so far."""

    code: str
    expected: int
    received: int = 0
    damaged: int = 0

    @property
    def over(self) -> int:
        return max(0, self.received - self.expected)

    @property
    def short(self) -> int:
        return max(0, self.expected - self.received)

    def told(self) -> dict[str, Any]:
        return {
            "sku": self.code, "expected": self.expected, "received": self.received, "damaged": self.damaged,
            "over": self.over, "short": self.short,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asn:
    merchant: int
    asn_id: int
    site_id: int
    closed_at: datetime | None
    tallies: dict[int, Tally] = field(default_factory=dict)  # by SKU


@dataclass(frozen=True, slots=True)
class Facts:
    catalog: Catalog
    asns: Mapping[int, Asn]


@verb(Receive, Received)
async def receive(tx: Tx, asks: list[Ask[Receive]]) -> list[Result]:
    """Take goods in. What is good is free at once, for the orders that wait longest first."""
    catalog = await catalog_of(tx, [line.sku for ask in asks for line in ask.body.lines])
    ids = [number("asn", ask.body.asn) for ask in asks if ask.body.asn]
    facts = Facts(catalog, await _asns(tx, ids) if ids else {})
    fresh = await tx.fresh_ids(2 * len(asks))
    return each(asks, lambda ask: decide(facts, fresh, ask))


async def _asns(tx: Tx, ids: list[int]) -> dict[int, Asn]:
    """Locked, in order: what came so far stays so until this is written."""
    asns = {row["asn_id"]: Asn(*row) for row in await tx.rows(LOCK_ASNS, list(tx.merchants), ids)}
    for row in await tx.rows(ASN_LINES, list(tx.merchants), list(asns)):
        tally = Tally(row["code"], row["expected"], row["received"], row["damaged"])
        asns[row["asn_id"]].tallies[row["sku_id"]] = tally
    return asns


def decide(facts: Facts, ids: Iterator[int], ask: Ask[Receive]) -> Outcome:
    """Goods that were not announced are written down as an ASN of their own, that expected nothing and is closed."""
    site = facts.catalog.site(ask.body.site)
    if not ask.body.lines and not (ask.body.asn and ask.body.close):
        raise Invalid(fields=[{"pointer": "/lines", "detail": "must name what arrived"}])
    before = _announced(facts, site, ask) if ask.body.asn else None
    asn = before.asn_id if before else next(ids)
    closed = ask.body.close or before is None
    moves, tallies = _arrivals(facts.catalog, site, before, ask)
    lines = [tally.told() for tally in tallies.values()]
    outcome = Outcome(ask.merchant, ("asn", asn), [])
    outcome.answer = {"asn": public("asn", asn), "site": site.code, "closed": closed, "lines": lines}
    told = {"site": site.code, "reference": ask.body.reference, "lines": _came(ask), "closed": closed}
    outcome.events.append(Event("receive", moves, told))
    outcome.facts = [_asn_row(asn, site, before, closed, ask), *_line_rows(asn, before, tallies)]
    if before and closed and any(tally.over or tally.short or tally.damaged for tally in tallies.values()):
        outcome.facts.append(_attention(asn, site, tallies, next(ids), ask))
    outcome.then = [
        Job("fill", {"sku": public("sku", sku)})
        for sku in dict.fromkeys(move.sku for move in moves if isinstance(move, Stock) and move.target == "free")
    ]
    return outcome


def _announced(facts: Facts, site: Site, ask: Ask[Receive]) -> Asn:
    asn = facts.asns.get(number("asn", ask.body.asn))
    if asn is None or asn.merchant != ask.merchant:
        raise NotFound(asn=ask.body.asn)
    if asn.closed_at:
        raise AsnClosed(asn=ask.body.asn, closed_at=asn.closed_at)
    if asn.site_id != site.site_id:
        raise OtherSite(asn=ask.body.asn, site=site.code)
    return asn


def _arrivals(
    catalog: Catalog, site: Site, before: Asn | None, ask: Ask[Receive]
) -> tuple[list[Move], dict[int, Tally]]:
    moves: list[Move] = []
    tallies = dict(before.tallies) if before else {}
    for line in ask.body.lines:
        sku = catalog.sku(ask.merchant, line.sku)
        must_be_bin(line.bin)
        if line.damaged > line.quantity:
            raise MoreDamagedThanCame(sku=line.sku, quantity=line.quantity, damaged=line.damaged)
        good = line.quantity - line.damaged
        if good:
            moves.append(Stock(sku, site.site_id, good, "world", "", "free", line.bin, line.lot))
        if line.damaged:
            moves.append(Stock(sku, site.site_id, line.damaged, "world", "", "quarantine", QUARANTINE, line.lot))
        tally = tallies.get(sku, Tally(line.sku, 0))
        came, damaged = tally.received + line.quantity, tally.damaged + line.damaged
        tallies[sku] = replace(tally, received=came, damaged=damaged)
    return moves, tallies


def _came(ask: Ask[Receive]) -> list[dict[str, Any]]:
    return [{"sku": line.sku, "quantity": line.quantity, "damaged": line.damaged} for line in ask.body.lines]


def _asn_row(asn: int, site: Site, before: Asn | None, closed: bool, ask: Ask[Receive]) -> Fact:
    if before:
        return Update("asn", {"asn_id": asn}, {"closed_at": ask.at if closed else None})
    values = {
        "asn_id": asn, "site_id": site.site_id, "reference": ask.body.reference, "announced_at": ask.at,
        "closed_at": ask.at,
    }  # fmt: skip
    return Insert("asn", values)


def _line_rows(asn: int, before: Asn | None, tallies: Mapping[int, Tally]) -> list[Fact]:
    """What the ASN did not name comes as a line that expected nothing."""
    known = before.tallies if before else {}
    rows: list[Fact] = []
    for sku, tally in tallies.items():
        counted = {"received": tally.received, "damaged": tally.damaged}
        if sku not in known:
            rows.append(Insert("asn_line", {"asn_id": asn, "sku_id": sku, "expected": 0} | counted))
        elif tally != known[sku]:
            rows.append(Update("asn_line", {"asn_id": asn, "sku_id": sku}, counted))
    return rows


def _attention(asn: int, site: Site, tallies: Mapping[int, Tally], attention_id: int, ask: Ask[Receive]) -> Insert:
    differing = [tally for tally in tallies.values() if tally.over or tally.short or tally.damaged]
    values = {
        "attention_id": attention_id, "kind": "asn_discrepancy",
        "reason": f"{public('asn', asn)} at {site.code}: " + "; ".join(_difference(tally) for tally in differing),
        "next_action": "settle it with the supplier, or count again and adjust",
        "why": {
            "asn": public("asn", asn), "site": site.code, "lines": [tally.told() for tally in differing],
            "by": ask.actor.name,
        },
        "raised_at": ask.at,
    }  # fmt: skip
    return Insert("attention", values)


def _difference(tally: Tally) -> str:
    parts = (("over", tally.over), ("short", tally.short), ("damaged", tally.damaged))
    told = ", ".join(f"{units} {word}" for word, units in parts if units)
    return f"{tally.code}: {tally.expected} expected, {tally.received} came ({told})"
