"""issue_invoice: what was handed over is billed, under the next number of the merchant's series, without a gap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.spine.amounts import Amounts, Priced, amounts, worth_of_units
from doorstep.spine.facts import Line, OrderFacts, Rows, locked_and, of_merchant
from doorstep.spine.numbering import Numbers, numbers_of, only_last_counts, spelled
from doorstep.spine.outcome import Ask, Event, Insert, Outcome, Result, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb
from doorstep.spine.worth import OF_WORTH, beside_the_goods, is_sent

INVOICES = "INV"
CREDIT_NOTES = "CN"

PARCELED = """
select p.order_id, p.parcel_id, l.line_no, sum(l.quantity)::bigint as quantity
  from parcel p join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
  where p.merchant_id = any($1) and p.order_id = any($2) and l.quantity > 0
  group by p.order_id, p.parcel_id, l.line_no order by p.parcel_id, l.line_no
"""
_ISSUED = (
    "merchant_id", "order_id", "invoice_id", "kind", "series", "number", "parcel_id", "total_minor", "tax_minor",
    "content",
)  # fmt: skip
ISSUED = f"""
select {", ".join(_ISSUED)}
  from invoice where merchant_id = any($1) and order_id = any($2) order by invoice_id
"""
# The amounts block, and what is billed beside the goods.
READS = (
    "currency", "discount_minor", "shipping_minor", "fees_minor", "tax_minor", "tax_included", "total_minor",
    "line.code", "line.title", "line.unit_price", "line.discount_minor", "line.tax_minor", "line.total_minor",
    *OF_WORTH,
)  # fmt: skip


class IssueInvoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For a parcel what is in it; without one, everything of the order that is not billed yet."""

    order: str
    parcel: str = ""


class Invoiced(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    invoice: str
    number: str
    total_minor: int


class AlreadyInvoiced(Refusal):
    """This was billed before."""


class NothingToBill(Refusal):
    """The whole order is canceled: nobody owes anything for it."""


@dataclass(frozen=True, slots=True)
class Billed:
    """Units of a line, after those that were billed before: all of them together are worth exactly the line."""

    line_no: int
    quantity: int
    before: int


# By order and parcel, then by line: another order's parcel is none of this one's, whoever names it.
OfParcels = Mapping[tuple[int, int], Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Issued:
    """What was billed and credited before, of one order."""

    invoices: tuple[Mapping[str, Any], ...]

    def of_kind(self, kind: str) -> list[Mapping[str, Any]]:
        return [row for row in self.invoices if row["kind"] == kind]

    def units(self, kind: str, line_no: int) -> int:
        return sum(
            line["quantity"]
            for row in self.of_kind(kind)
            for line in row["content"]["lines"]
            if line["line"] == line_no
        )


@verb(IssueInvoice, Invoiced)
async def issue_invoice(tx: Tx, asks: list[Ask[IssueInvoice]]) -> list[Result]:
    """Bill what was handed over: for a parcel its goods, with the first one shipping, fees and services."""
    orders = [number("ord", ask.body.order) for ask in asks]
    found, (inside, papers) = await locked_and(tx, orders, PARCELED, ISSUED, reads=READS)
    parceled, issued = _parceled(inside), issued_of(orders, papers)
    ids = await tx.fresh_ids(len(asks))
    numbers = await numbers_of(tx, INVOICES)

    def rule(ask: Ask[IssueInvoice]) -> Outcome:
        order = of_merchant(found, ask.merchant, number("ord", ask.body.order))
        return decide(order, parceled, issued, numbers, ids, ask)

    return only_last_counts(each(asks, rule))


def _parceled(rows: Rows) -> OfParcels:
    found: dict[tuple[int, int], dict[int, int]] = {}
    for order, parcel, line_no, quantity in rows:
        found.setdefault((order, parcel), {})[line_no] = quantity
    return found


def issued_of(orders: list[int], rows: Rows) -> dict[int, Issued]:
    """Of the rows that ISSUED answers."""
    papers: dict[int, list[dict[str, Any]]] = {order: [] for order in orders}
    for row in rows:
        paper = dict(zip(_ISSUED, row, strict=True))
        papers[paper["order_id"]].append(paper | {"content": msgspec.json.decode(paper["content"])})
    return {order: Issued(tuple(found)) for order, found in papers.items()}


def decide(
    order: OrderFacts,
    parceled: OfParcels,
    issued: Mapping[int, Issued],
    numbers: Numbers,
    ids: Iterator[int],
    ask: Ask[IssueInvoice],
) -> Outcome:
    before = issued[order.order_id]
    parcel = number("par", ask.body.parcel) if ask.body.parcel else None
    if parcel is not None and (order.order_id, parcel) not in parceled:
        raise NotFound(parcel=ask.body.parcel)
    if any(row["parcel_id"] == parcel for row in before.of_kind("invoice")):
        raise AlreadyInvoiced(order=ask.body.order, parcel=ask.body.parcel)
    if not any(line.ordered > line.canceled for line in order.lines):
        raise NothingToBill(order=ask.body.order)
    inside = parceled[order.order_id, parcel] if parcel is not None else None
    units = list(_not_billed(order, before, inside))
    content = _content(order, units, before.of_kind("invoice"))
    if content["total_minor"] <= 0 and not content["lines"]:
        raise AlreadyInvoiced(order=ask.body.order, parcel=ask.body.parcel)
    taken, moved = numbers.take(order.merchant, INVOICES)
    invoice = next(ids)
    total, told = content["total_minor"], {"number": spelled(INVOICES, taken), "total_minor": content["total_minor"]}
    event = Event("issue_invoice", data=told | {"parcel": ask.body.parcel})
    outcome = Outcome(order.merchant, ("order", order.order_id), [event])
    outcome.answer = answer_of_order(order.order_id, invoice=public("inv", invoice), **told)
    row = invoice_row(invoice, INVOICES, taken, order, "invoice", content, ask.at) | {"parcel_id": parcel}
    outcome.facts = [Insert("invoice", row), moved]
    outcome.count("invoiced", total)
    return outcome


def _not_billed(order: OrderFacts, before: Issued, inside: Mapping[int, int] | None) -> Iterator[Billed]:
    """Of each line that ships, the units neither billed nor canceled; of a parcel, as many as are in it."""
    for line in order.lines:
        if line.ships:
            billed = before.units("invoice", line.line_no)
            left = line.ordered - line.canceled - billed
            units = left if inside is None else min(left, inside.get(line.line_no, 0))
            if units > 0:
                yield Billed(line.line_no, units, billed)


def _content(order: OrderFacts, units: list[Billed], before: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The invoice as issued: shares of the lines; with the first one what does not ship, shipping and fees."""
    costs, first = amounts_of(order), not before
    shares = [_share(order.line(unit.line_no), costs, unit) for unit in units]
    if first:
        services = [line for line in order.lines if not line.ships and line.ordered > line.canceled]
        shares += [_share(line, costs, Billed(line.line_no, line.ordered - line.canceled, 0)) for line in services]
    fees = list(order.row["details"].get("fees", ())) if first else []
    goods = sum(share["worth_minor"] for share in shares if order.line(share["line"]).ships)
    total = goods + (beside_the_goods(order) if first else 0)
    subtotal = sum(share["total_minor"] for share in shares)
    with_shipping = first and is_sent(order)
    shipping_tax = costs.tax_minor - sum(costs.taxes) if with_shipping and not costs.tax_included else 0
    added_tax = sum(share["tax_minor"] for share in shares) + shipping_tax
    shipping = costs.shipping_minor if with_shipping else 0
    fees_minor = sum(fee["amount_minor"] for fee in fees)
    return {
        "lines": shares, "subtotal_minor": subtotal, "shipping_minor": shipping, "fees": fees,
        "discount_minor": subtotal + shipping + fees_minor + added_tax - total, "total_minor": total,
        "tax_included": costs.tax_included,
        "tax_minor": _included_tax(order, before, total) if costs.tax_included else added_tax,
    }  # fmt: skip


def _share(line: Line, costs: Amounts, unit: Billed) -> dict[str, Any]:
    """What is owed, its tax and its part of the order's discount are shares; the odd cent stands in the line's total,
    so that no discount is ever below nothing."""

    def share(amount: int) -> int:
        return worth_of_units(amount, line.ordered, unit.before, unit.quantity)

    tax_minor = costs.taxes[line.line_no - 1]
    worth, tax = share(line.worth_minor), share(tax_minor)
    total = worth - tax + share(line.total_minor + tax_minor - line.worth_minor)
    return {
        "line": line.line_no, "sku": line.code, "title": line.title or line.code, "quantity": unit.quantity,
        "unit_price": str(line.unit_price), "discount_minor": share(line.discount_minor),
        "total_minor": total, "worth_minor": worth, "tax_minor": tax,
    }  # fmt: skip


def _included_tax(order: OrderFacts, before: list[Mapping[str, Any]], total: int) -> int:
    """After what was billed before, so that the taxes of all invoices together are the order's."""
    billed = sum(row["total_minor"] for row in before)
    return worth_of_units(order.row["tax_minor"], order.row["total_minor"], billed, total)


def amounts_of(order: OrderFacts) -> Amounts:
    """The amounts block of an order as it was placed."""
    row = order.row
    lines = [Priced(line.ordered, line.unit_price, line.discount_minor, line.tax_minor) for line in order.lines]
    return amounts(
        lines, row["currency"], discount_minor=row["discount_minor"], shipping_minor=row["shipping_minor"],
        fees_minor=row["fees_minor"], tax_minor=row["tax_minor"], tax_included=row["tax_included"],
    )  # fmt: skip


def invoice_row(
    invoice: int, series: str, taken: int, order: OrderFacts, kind: str, content: dict[str, Any], at: Any
) -> dict[str, Any]:
    return {
        "invoice_id": invoice, "series": series, "number": taken, "order_id": order.order_id, "kind": kind,
        "currency": order.row["currency"], "total_minor": content["total_minor"], "tax_minor": content["tax_minor"],
        "content": content, "issued_at": at,
    }  # fmt: skip
