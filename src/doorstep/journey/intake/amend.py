"""amend: the channel changed an order: what is harmless is applied; the rest stops it, and waits for a person.

Harmless: who the buyer is and how to reach them, notes and tags, money that came in, until when it is to leave; where
and how it is sent as long as nothing is packed. Lines, quantities and prices are changed by people alone, who cancel
and edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from doorstep.journey.intake.content import NOTHING, Happened, content_hash, hash_of_parts, parts_of
from doorstep.journey.intake.costs import order_amounts
from doorstep.journey.intake.leaving import dates_that_hold, leave_by, names_another_day
from doorstep.journey.intake.money import Money, money_of, payments_of, said_to_be, take_in
from doorstep.journey.intake.new_order import NewOrder, Struct
from doorstep.kit.ids import number, public
from doorstep.kit.text import normalized
from doorstep.setup.promising import Dates
from doorstep.spine.facts import Line, OrderFacts, of_merchant, order_facts
from doorstep.spine.holds import place_hold
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, Update, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

METHODS = "select merchant_id, name, level from shipping_method where merchant_id = any($1) and name = any($2)"
NEXT_ACTION = "cancel or edit the order until it is as the channel has it, or leave it; then lift the hold"


class Amend(Struct, frozen=True, kw_only=True):
    """`content` is the whole order as the channel has it now."""

    order: str
    content: NewOrder
    happened: Happened = NOTHING


@dataclass(frozen=True, slots=True)
class Said:
    """What the channel says of an order that is here already."""

    content: NewOrder
    happened: Happened
    level: str  # the service level of its shipping method
    also_id: str = ""  # a second id that is not known yet
    holding: Mapping[int, Dates] = field(default_factory=dict)  # of its fulfillment orders, where that may change


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that only a person may change."""

    field: str
    here: Any
    there: Any


@dataclass(slots=True)
class Changes:
    """`values` are new columns of the order, `details` what is kept beside them, `applied` what they are called,
    `serious` what is left to a person."""

    values: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)
    serious: list[Difference] = field(default_factory=list)
    needs_check: bool = False


@verb(Amend)
async def amend(tx: Tx, asks: list[Ask[Amend]]) -> list[Result]:
    """Take over what the channel changed, as far as it is harmless; the rest becomes a hold and an attention item."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks])
    payments = await payments_of(tx, orders)
    names = list({ask.body.content.shipping_method for ask in asks})
    levels = {(r["merchant_id"], r["name"]): r["level"] for r in await tx.rows(METHODS, list(tx.merchants), names)}
    moved = [
        order for ask in asks
        if names_another_day(orders.get(order := number("ord", ask.body.order)), ask.body.content.ship_by)
    ]  # fmt: skip
    holding = await dates_that_hold(tx, moved)
    dated = sum(len(holding.get(order, ())) for order in moved)
    ids = await tx.fresh_ids(dated + sum(ids_needed(ask.body.content) for ask in asks))

    def rule(ask: Ask[Amend]) -> Outcome:
        order = of_merchant(orders, ask.merchant, number("ord", ask.body.order))
        level = levels.get((ask.merchant, ask.body.content.shipping_method), "standard")
        said = Said(ask.body.content, ask.body.happened, level, holding=holding.get(order.order_id, {}))
        return decide(order, money_of(_with_id(order), payments[order.order_id]), said, ids, ask)

    return each(asks, rule)


def _with_id(order: OrderFacts) -> dict[str, Any]:
    return {**order.row, "order_id": order.order_id}


def ids_needed(new: NewOrder) -> int:
    """A hold, an attention item, and the payments that the tenders may become."""
    return 4 + 2 * len(new.tenders)


def decide(order: OrderFacts, money: Money, said: Said, ids: Iterator[int], ask: Ask[Any]) -> Outcome:
    """The rule. The same change a second time changes nothing."""
    outcome = Outcome(ask.merchant, ("order", order.order_id), [], answer_of_order(order.order_id))
    outcome.answer |= {"number": order.row["number"], "existing": True, "changed": False}
    before: Mapping[str, str] | None = (order.row["details"] or {}).get("parts")
    parts = parts_of(said.content, said.happened)
    known = hash_of_parts(parts) if before is not None else content_hash(said.content)
    if said.also_id:
        outcome.facts.append(Update("orders", {"order_id": order.order_id}, {"also_id": said.also_id}))
    if known == order.row["content_hash"]:
        return outcome
    changed = changed_parts(before, parts)
    changes = compare(order, said, changed)
    event = Event("amend")
    if "paying" in changed:
        _take_in(outcome, event, changes, order, money, said, ids, ask)
    if "ship_by" in changes.values:
        leave_by(outcome, order, said.content.ship_by, said.holding, ids, ask.at)
    _write(outcome, event, changes, order, parts if before is not None else None, known)
    if changes.serious:
        _stop(outcome, changes.serious, order, ids, ask)
    told = [difference.field for difference in changes.serious]
    outcome.answer |= {"changed": bool(changes.applied or told), "applied": changes.applied, "different": told}
    if changes.applied or changes.serious:
        event.data = {"applied": changes.applied, "different": [msgspec.to_builtins(d) for d in changes.serious]}
        outcome.events.append(event)
    if changes.needs_check and outcome.events and not order.row["history"]:
        outcome.then.append(Job("check", {"order": public("ord", order.order_id)}))
    return outcome


def changed_parts(before: Mapping[str, str] | None, parts: Mapping[str, str]) -> set[str]:
    """All of them where nobody knows what was said before; what is not said any more is changed too."""
    if before is None:
        return {*parts, "insured", "risk", "ship_by"}
    return {name for name in {**before, **parts} if before.get(name) != parts.get(name)}


def compare(order: OrderFacts, said: Said, changed: set[str]) -> Changes:
    """What of the changed parts differs from the order as it stands here."""
    changes = Changes()
    if "goods" in changed:
        changes.serious += _goods(order, said.content)
    if "term" in changed and said.content.payment_term != order.row["payment_term"]:
        there = said.content.payment_term
        changes.serious.append(Difference("payment_term", order.row["payment_term"], there))
    if "happened" in changed:
        changes.serious += _happened(order, said.happened)
    _people(changes, order, said.content, changed)
    _places(changes, order, said, changed)
    return changes


def _people(changes: Changes, order: OrderFacts, new: NewOrder, changed: set[str]) -> None:
    buyer = msgspec.to_builtins(new.buyer)
    if "buyer" in changed and buyer != (order.row["buyer"] or {}):
        changes.values |= {"buyer": buyer, "email": normalized(new.buyer.email)}
        changes.applied.append("buyer")
    simple: dict[str, tuple[str, Any]] = {
        "note": ("note", new.note),
        "tags": ("tags", list(new.tags)),
        "named": ("number", new.number),
        "paying": ("payment_token", new.payment_token),
    }
    for part, (column, value) in simple.items():
        here = list(order.row[column]) if column == "tags" else order.row[column]
        if part in changed and value != here and (value or column in ("note", "tags")):
            changes.values[column] = value
            changes.applied.append(column)
    bill_to = msgspec.to_builtins(new.bill_to) if new.bill_to else None
    if "bill_to" in changed and bill_to and bill_to != order.row["bill_to"]:
        changes.values["bill_to"] = bill_to
        changes.applied.append("bill_to")
    if "ship_by" in changed and new.ship_by != order.row["ship_by"]:
        changes.values["ship_by"] = new.ship_by
        changes.applied.append("ship_by")
    if "risk" in changed and new.risk != (order.row["details"] or {}).get("risk", ""):
        changes.details["risk"] = new.risk
        changes.applied.append("risk")
        changes.needs_check = True


def _places(changes: Changes, order: OrderFacts, said: Said, changed: set[str]) -> None:
    """Where and how it is sent: free to change until something is packed."""
    new, row = said.content, order.row
    left = row["packed"] + row["shipped"] + row["delivered"] - row["services"] == 0
    ship_to = msgspec.to_builtins(new.ship_to) if new.ship_to else None
    if "ship_to" in changed and ship_to != order.row["ship_to"]:
        if left and ship_to:
            changes.values |= {"ship_to": ship_to, "country": ship_to["country"]}
            changes.applied.append("ship_to")
            changes.needs_check = True
        else:
            changes.serious.append(Difference("ship_to", order.row["ship_to"], ship_to))
    if "shipping_method" in changed and new.shipping_method != order.row["shipping_method"]:
        if left:
            changes.values |= {"shipping_method": new.shipping_method, "service_level": said.level}
            changes.applied.append("shipping_method")
        else:
            changes.serious.append(
                Difference("shipping_method", order.row["shipping_method"], new.shipping_method)
            )  # fmt: skip
    if "insured" in changed and new.insured_minor != order.row["insured_minor"]:
        if left:
            changes.values |= {"insured_minor": new.insured_minor}
            changes.applied.append("insured_minor")
        else:
            changes.serious.append(Difference("insured_minor", order.row["insured_minor"], new.insured_minor))


def _goods(order: OrderFacts, new: NewOrder) -> Iterator[Difference]:
    """Each line and amount that is not the same."""
    if new.currency != order.row["currency"]:
        yield Difference("currency", order.row["currency"], new.currency)
    costs = order_amounts(new)
    for index, there in enumerate(new.lines):
        here = order.lines[index] if index < len(order.lines) else None
        said = (there.quantity, there.unit_price, costs.totals[index])
        if here is None or said != (here.ordered, here.unit_price, here.total_minor) or _is_other(here, there):
            yield Difference(f"lines/{index + 1}", _line_here(here), _told(there.sku or there.title, *said))
    for gone in order.lines[len(new.lines) :]:
        yield Difference(f"lines/{gone.line_no}", _line_here(gone), None)
    amounts = {
        "discount_minor": costs.discount_minor, "shipping_minor": costs.shipping_minor,
        "fees_minor": costs.fees_minor, "tax_minor": costs.tax_minor, "tax_included": costs.tax_included,
        "total_minor": costs.total_minor,
    }  # fmt: skip
    for name, value in amounts.items():
        if value != order.row[name]:
            yield Difference(name, order.row[name], value)


def _is_other(here: Line, there: Any) -> bool:
    """Another item: by its code, or by its title where it has none. A retitled item is the same item."""
    return bool(here.code != there.sku if here.code or there.sku else here.title != there.title)


def _line_here(line: Line | None) -> dict[str, Any] | None:
    return _told(line.code or line.title, line.ordered, line.unit_price, line.total_minor) if line else None


def _told(item: str, quantity: int, unit_price: Any, total_minor: int) -> dict[str, Any]:
    return {"item": item, "quantity": quantity, "unit_price": f"{unit_price.normalize():f}", "total_minor": total_minor}


def _happened(order: OrderFacts, there: Happened) -> Iterator[Difference]:
    """The channel canceled, fulfilled or refunded what is work here."""
    row = order.row
    if there.canceled_at and row["stage"] not in ("canceled", "expired"):
        yield Difference("canceled_at", None, there.canceled_at.isoformat())
    gone = row["shipped"] + row["delivered"] + row["taken_back"] + row["lost"]
    fulfilled = sum(there.fulfilled) if there.fulfilled else row["ordered"] if there.fulfilled_at else 0
    if fulfilled > gone and row["wanted"] + row["promised"] + row["picked"] + row["packed"]:
        yield Difference("fulfilled", gone, fulfilled)
    if there.refunded_minor > row["refunded"]:
        yield Difference("refunded_minor", row["refunded"], there.refunded_minor)


def _take_in(
    outcome: Outcome, event: Event, changes: Changes, order: OrderFacts, money: Money, said: Said, ids: Iterator[int],
    ask: Ask[Any],
) -> None:  # fmt: skip
    """Money that the channel took since; a payment that it takes back is a person's matter."""
    paid, known = said_to_be("paid", said.content.tenders), money.told_paid
    moves, rows = take_in(money, said.content.tenders, ids, ask.at)
    if moves:
        event.moves += moves
        outcome.facts += rows
        changes.applied.append("payment")
        changes.needs_check = True
    elif paid < known:
        changes.serious.append(Difference("paid_minor", known, paid))


def _write(
    outcome: Outcome, event: Event, changes: Changes, order: OrderFacts, parts: dict[str, str] | None, known: bytes
) -> None:
    values: dict[str, Any] = {**changes.values, "content_hash": known}
    details = changes.details if parts is None else {**changes.details, "parts": parts}
    if details:
        values["details"] = {**(order.row["details"] or {}), **details}
    outcome.facts.append(Update("orders", {"order_id": order.order_id}, values))


def _stop(
    outcome: Outcome, serious: Sequence[Difference], order: OrderFacts, ids: Iterator[int], ask: Ask[Any]
) -> None:
    """One hold however often the channel changes its mind; an attention item for every time."""
    named = ", ".join(dict.fromkeys(difference.field.split("/")[0] for difference in serious))
    reason = f"the channel changed {named}"
    why = {"differences": [msgspec.to_builtins(difference) for difference in serious]}
    open_units = any(line.open for line in order.lines)
    if open_units and not order.row["history"] and not any(hold.type == "changed" for hold in order.holds):
        hold = place_hold(outcome, ids, type="changed", reason=reason, by="system", at=ask.at, why=why)
        outcome.answer["hold"] = public("hld", hold)
    item = {
        "attention_id": next(ids), "kind": "order_changed", "order_id": order.order_id, "reason": reason,
        "next_action": NEXT_ACTION, "why": why, "raised_at": ask.at,
    }  # fmt: skip
    outcome.facts.append(Insert("attention", item))
