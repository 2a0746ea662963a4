"""order_rows: an order as rows of the books: its own, and one per line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.intake.arrival import Facts, external_id_of
from doorstep.journey.intake.content import content_hash, hash_of_parts, parts_of
from doorstep.journey.intake.history import catching_up
from doorstep.journey.intake.known import Item
from doorstep.journey.intake.new_order import NewLine, NewOrder
from doorstep.kit.text import normalized
from doorstep.spine.amounts import Amounts
from doorstep.spine.outcome import Ask, Outcome


def order_row(
    facts: Facts, ask: Ask[Any], channel: int, number: str, costs: Amounts, *, generous: bool, history: bool = False,
    expires_at: datetime | None = None,
) -> dict[str, Any]:  # fmt: skip
    new = ask.body.order
    details: dict[str, Any] = {}
    if new.fees:
        details["fees"] = [msgspec.to_builtins(fee) for fee in new.fees]
    if costs.shipping_worth_minor:
        details["shipping_worth_minor"] = costs.shipping_worth_minor
    if new.risk:
        details["risk"] = new.risk
    if history:
        details |= catching_up.days_of(ask.body.happened)
    if not generous:
        hashed = content_hash(new)
    else:
        # What a channel changes later is told from what it said before, not from what was mended here since.
        details["parts"] = parts_of(new, ask.body.happened)
        hashed = hash_of_parts(details["parts"])
    return {
        "channel_id": channel, "external_id": external_id_of(facts, channel, ask) or None, "number": number,
        "also_id": ask.body.also_id or None, "placed_at": new.placed_at or ask.at, "currency": new.currency,
        "buyer": new.buyer, "ship_to": new.ship_to, "bill_to": new.bill_to,
        "country": new.ship_to.country if new.ship_to else "", "email": normalized(new.buyer.email),
        "customer": new.buyer.customer,
        "lines_minor": costs.lines_minor, "discount_minor": costs.discount_minor,
        "shipping_minor": costs.shipping_minor, "fees_minor": costs.fees_minor, "tax_minor": costs.tax_minor,
        "tax_included": costs.tax_included, "total_minor": costs.total_minor, "payment_term": new.payment_term,
        "payment_token": new.payment_token, "shipping_method": new.shipping_method, "insured_minor": new.insured_minor,
        "ship_by": new.ship_by, "expires_at": expires_at,
        "service_level": facts.levels.get((ask.merchant, new.shipping_method), "standard"),
        "ship": facts.policies[ask.merchant]["ship"], "history": history, "content_hash": hashed,
        "note": new.note, "tags": new.tags, "details": details,
    }  # fmt: skip


def line_rows(new: NewOrder, items: Sequence[Item | None], costs: Amounts) -> list[dict[str, Any]]:
    rows = zip(new.lines, items, costs.totals, costs.worths, strict=True)
    return [
        {
            "line_no": number, "sku_id": item.sku_id if item else None, "code": line.sku,
            "title": line.title or (item.name if item else ""),
            "external_id": line.external_id, "ships": ships(line, item), "unit_price": line.unit_price,
            "discount_minor": line.discount_minor, "tax_minor": line.tax_minor, "total_minor": total,
            "worth_minor": worth,
        }
        for number, (line, item, total, worth) in enumerate(rows, start=1)
    ]  # fmt: skip


def told(new: NewOrder, number: str, costs: Amounts) -> dict[str, Any]:
    return {
        "number": number, "channel": new.channel, "external_id": new.external_id, "currency": new.currency,
        "total_minor": costs.total_minor, "lines": len(new.lines),
    }  # fmt: skip


def ships(line: NewLine, item: Item | None) -> bool:
    """What has no stock is never sent, whatever the channel says of it."""
    return line.ships and (item is None or item.stocked)


def count_services(outcome: Outcome, new: NewOrder, rows: Sequence[dict[str, Any]]) -> None:
    """Delivered with the order: they say nothing of how far the goods are."""
    units = sum([line.quantity for line, row in zip(new.lines, rows, strict=True) if not row["ships"]])
    if units:
        outcome.count("services", units)
