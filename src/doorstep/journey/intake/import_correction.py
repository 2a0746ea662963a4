"""import_correction: what was credited, written off or found elsewhere, under its own number; credits find their sales.

The same again changes nothing, but is linked to sales that have come in since. Other content under the same number
takes the place of the first, and only what differs moves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from doorstep.journey.intake.content import correction_hash
from doorstep.journey.intake.corrections.correcting import (
    Correction,
    Line,
    line_facts,
    link_facts,
    order_events,
    stock_events,
)
from doorstep.journey.intake.corrections.ended import Ended, end
from doorstep.journey.intake.corrections.facts import Existing, Facts, Left, facts_of
from doorstep.journey.intake.corrections.linking import lines_linked, link, release, together, units_linked
from doorstep.journey.intake.costs import corrected_totals
from doorstep.journey.intake.known import items_of
from doorstep.journey.intake.told import ImportCorrection
from doorstep.kit.ids import public
from doorstep.kit.refusals import NotFound
from doorstep.setup.channels import UnknownChannel
from doorstep.spine.outcome import Ask, Insert, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb


class Corrected(msgspec.Struct, frozen=True, kw_only=True):
    """`existing`: it was here before, `changed`: and something of it changed. `linked` units, on `lines_linked` lines,
    have the sales that they are about."""

    correction: str
    number: str
    existing: bool
    changed: bool
    linked: int
    lines_linked: int


@verb(ImportCorrection, Corrected)
async def import_correction(tx: Tx, asks: list[Ask[ImportCorrection]]) -> list[Result]:
    """Write down a credit, a write-off or a change of stock of elsewhere; a credit is linked to its sales."""
    facts, left = await facts_of(tx, asks)
    results = each(asks, lambda ask: decide(facts, left, ask))
    if left.shelf.is_short and not tx.careful:
        tx.careful = True
        return await import_correction(tx, asks)
    return results


def decide(facts: Facts, left: Left, ask: Ask[ImportCorrection]) -> Outcome:
    """The rule: from what the books say of this correction to what it says now."""
    told = ask.body
    channel = facts.channels.get((ask.merchant, told.channel))
    if channel is None:
        raise UnknownChannel(channel=told.channel)
    existing = facts.existing.get((channel, told.kind, told.external_id))
    kept = facts.kept.get(existing.correction_id) if existing else None
    if existing and kept is None:
        return _unchanged(ask, existing)
    is_same = kept is not None and kept.content_hash == correction_hash(told)
    before = kept.before if kept else Correction(told.kind, told.happened_at)
    after = before if is_same else Correction(told.kind, told.happened_at, _lines(facts, channel, ask))
    if not is_same:
        release(before.links, left.by_line, left.owed)
    after = _linked(left, channel, after, told)
    ended = {} if is_same else end(before.links, left.by_line, left.roads)
    if existing and is_same and after == before:
        return _unchanged(ask, existing)
    what = "told" if not existing else "linked" if is_same else "changed"
    correction = existing.correction_id if existing else next(left.ids)
    outcome = Outcome(ask.merchant, ("correction", correction), [])
    _write(outcome, before, after, what, channel, told)
    _move_orders(outcome, before, after, ended, told)
    outcome.events = list(stock_events(ask.merchant, before, after, left.shelf, _says(what, before, after, told)))
    return outcome


def _linked(left: Left, channel: int, correction: Correction, told: ImportCorrection) -> Correction:
    """A buyer that nobody knows by name has no sales."""
    if not told.link or not told.buyer.customer:
        return correction
    sales = left.sales[channel, told.buyer.customer, told.currency]
    links = link(correction.credited(), sales, left.owed, correction.happened_at)
    return replace(correction, links=together(correction.links, links))


def _unchanged(ask: Ask[ImportCorrection], existing: Existing) -> Outcome:
    outcome = Outcome(ask.merchant, ("correction", existing.correction_id), [])
    outcome.answer = {
        "correction": public("cor", existing.correction_id), "number": existing.number, "existing": True,
        "changed": False, "linked": existing.linked, "lines_linked": existing.lines_linked,
    }  # fmt: skip
    return outcome


def _lines(facts: Facts, channel: int, ask: Ask[ImportCorrection]) -> tuple[Line, ...]:
    """As they were told: a code that nobody knows is kept. Units move where a site is named, money alone never does."""
    told, site = ask.body, None
    if told.site:
        site = facts.sites.get(told.site)
        if site is None:
            raise NotFound(site=told.site)
    lines = []
    totals = corrected_totals(told.lines, told.currency)
    items = items_of(facts.items, ask.merchant, channel, told.lines)
    for line_no, (line, item, total) in enumerate(zip(told.lines, items, totals, strict=True), start=1):
        stocked = item is not None and item.stocked
        moves = stocked and line.quantity != 0 and told.kind != "adjustment"
        lines.append(Line(
            line_no, item.sku_id if item else None, stocked, site if moves else None, line.sku,
            line.title or (item.name if item else ""), line.quantity, line.unit_price, total,
        ))  # fmt: skip
    return tuple(lines)


def _write(
    outcome: Outcome, before: Correction, after: Correction, what: str, channel: int, told: ImportCorrection
) -> None:
    """Its rows, and the answer."""
    _, correction = outcome.stream
    row = _row(told, after)
    if what == "told":
        keys = {"correction_id": correction, "channel_id": channel, "kind": told.kind, "external_id": told.external_id}
        outcome.facts.append(Insert("correction", keys | row))
    elif what == "changed":
        outcome.facts.append(Update("correction", {"correction_id": correction}, row))
    outcome.facts += [*line_facts(correction, before, after), *link_facts(correction, before, after)]
    outcome.answer = {
        "correction": public("cor", correction), "number": row["number"], "existing": what != "told",
        "changed": what != "told", "linked": sum(units_linked(after.links).values()),
        "lines_linked": lines_linked(after.links),
    }  # fmt: skip


def _move_orders(outcome: Outcome, before: Correction, after: Correction, ended: Ended, told: ImportCorrection) -> None:
    """What its links do to the orders they tie."""
    _, correction = outcome.stream
    of_order = {"correction": public("cor", correction), "kind": told.kind, "number": _number(told)}
    outcome.more = [
        Outcome(outcome.merchant, ("order", order), events)
        for order, events in order_events(before, after, ended, of_order).items()
    ]


def _row(told: ImportCorrection, correction: Correction) -> dict[str, Any]:
    return {
        "number": _number(told), "happened_at": told.happened_at, "currency": told.currency,
        "customer": told.buyer.customer, "buyer": msgspec.to_builtins(told.buyer), "country": told.country,
        "total_minor": correction.total_minor, "reason": told.reason, "content_hash": correction_hash(told),
    }  # fmt: skip


def _says(what: str, before: Correction, after: Correction, told: ImportCorrection) -> dict[str, Any]:
    says = {
        "what": what, "kind": told.kind, "number": _number(told), "channel": told.channel,
        "external_id": told.external_id, "currency": told.currency, "total_minor": after.total_minor,
        "lines": len(after.lines), "linked": sum(units_linked(after.links).values()),
    }  # fmt: skip
    return says | ({"before_minor": before.total_minor} if what == "changed" else {})


def _number(told: ImportCorrection) -> str:
    return told.number or told.external_id
