"""amounts: what an order costs, and what each unit of it is worth when it is canceled or comes back.

The one rule file for order money: a line total is rounded once, half-up; whatever is shared (the order's discount,
a tax that was given for the whole order) is split without losing a cent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from doorstep.kit.money import allocate, line_total
from doorstep.kit.refusals import Refusal


class DiscountTooLarge(Refusal):
    """The discount is more than what it is taken from."""

    status = 422


class TaxBelowLines(Refusal):
    """The order's tax is less than the taxes of its lines, which it includes."""

    status = 422


class Priced(msgspec.Struct, frozen=True, gc=False):
    """A line as it was ordered."""

    quantity: int
    unit_price: Decimal
    discount_minor: int = 0
    tax_minor: int = 0


@dataclass(frozen=True, slots=True)
class Amounts:
    """`totals[i]` is a line after its own discount, `worths[i]` what the buyer owes for it, everything counted.

    total = sum(worths) + shipping_worth + fees.
    """

    totals: tuple[int, ...]
    worths: tuple[int, ...]
    taxes: tuple[int, ...]  # added on top of each line, nothing when prices include it
    discount_minor: int
    shipping_minor: int
    shipping_worth_minor: int
    fees_minor: int
    tax_minor: int
    tax_included: bool

    @property
    def lines_minor(self) -> int:
        return sum(self.totals)

    @property
    def total_minor(self) -> int:
        return sum(self.worths) + self.shipping_worth_minor + self.fees_minor


def amounts(
    lines: Sequence[Priced],
    currency: str,
    *,
    discount_minor: int = 0,
    shipping_minor: int = 0,
    fees_minor: int = 0,
    tax_minor: int = 0,
    tax_included: bool = False,
) -> Amounts:
    """The amounts block. `tax_minor` is the whole order's tax, its lines' taxes included in it.

    Refuses DiscountTooLarge, TaxBelowLines.
    """
    totals = tuple([_total(line, currency) for line in lines])
    if discount_minor > sum(totals) + shipping_minor:
        raise DiscountTooLarge(discount_minor=discount_minor, lines_minor=sum(totals))
    if not discount_minor and not tax_minor and not any(line.tax_minor for line in lines):
        # Nothing is shared among the lines.
        return Amounts(
            totals, totals, (0,) * len(totals), 0, shipping_minor, shipping_minor, fees_minor, 0, tax_included
        )
    taxed = sum(line.tax_minor for line in lines)
    if taxed > tax_minor:
        raise TaxBelowLines(tax_minor=tax_minor, lines_tax_minor=taxed)
    # A discount beyond the lines is one on shipping.
    from_lines = min(discount_minor, sum(totals))
    discounts = allocate(from_lines, totals)
    shipping = shipping_minor - (discount_minor - from_lines)
    net = [total - less for total, less in zip(totals, discounts, strict=True)]
    *line_taxes, shipping_tax = _added_taxes(lines, net, shipping, tax_minor, tax_included)
    return Amounts(
        totals=totals,
        worths=tuple(value + tax for value, tax in zip(net, line_taxes, strict=True)),
        taxes=tuple(line_taxes),
        discount_minor=discount_minor,
        shipping_minor=shipping_minor,
        shipping_worth_minor=shipping + shipping_tax,
        fees_minor=fees_minor,
        tax_minor=tax_minor,
        tax_included=tax_included,
    )


def _total(line: Priced, currency: str) -> int:
    gross = line_total(line.unit_price, line.quantity, currency)
    if line.discount_minor > gross:
        raise DiscountTooLarge(discount_minor=line.discount_minor, line_minor=gross)
    return gross - line.discount_minor


def _added_taxes(
    lines: Sequence[Priced], net: list[int], shipping: int, tax_minor: int, tax_included: bool
) -> list[int]:
    """Tax on top, per line and at the end for shipping; nothing when prices include it."""
    if tax_included:
        return [0] * (len(lines) + 1)
    own = [line.tax_minor for line in lines]
    if any(own):
        return [*own, tax_minor - sum(own)]
    return allocate(tax_minor, [*net, shipping])


def untaxed(order: Mapping[str, Any], totals: Sequence[int], taxes: Sequence[int]) -> list[int]:
    """What each line costs without tax, added or included, and at the end shipping: what customs ask about.

    `totals` and `taxes` are those of all lines of the order, in their order.
    """
    from_lines = min(order["discount_minor"], sum(totals))
    net = [total - less for total, less in zip(totals, allocate(from_lines, totals), strict=True)]
    net.append(max(0, order["shipping_minor"] - (order["discount_minor"] - from_lines)))
    if not order["tax_included"]:
        return net
    shares = [*taxes, order["tax_minor"] - sum(taxes)] if any(taxes) else allocate(order["tax_minor"], net)
    return [max(0, value - tax) for value, tax in zip(net, shares, strict=True)]


def worth_of_units(worth_minor: int, ordered: int, gone_before: int, gone: int) -> int:
    """What `gone` units are worth when `gone_before` of the line were canceled or credited already.

    Taken as a difference of running shares, so that all units together are worth exactly the line.
    """
    if ordered == 0:
        return 0
    return worth_minor * (gone_before + gone) // ordered - worth_minor * gone_before // ordered


# Only this term waits for money; the others are paid at hand-over, at the door or by invoice.
WAITS = "prepaid"


def waited_for(term: str, owed: int, held: int, earned: int) -> int:
    """What is missing before work may begin: prepaid goods wait until what is held and earned covers what is owed."""
    return max(0, owed - held - earned) if term == WAITS else 0


def to_collect(due_minor: int, worths: Sequence[int], nth: int, not_packed_minor: int) -> int:
    """Cash on delivery of an order's `nth` parcel, of those on their way in the order in which they were packed.

    Each collects its goods, the first also what is due beside all goods; where less is due, the first collect less.
    All together, with what is not packed yet, it is exactly what is due.
    """
    left = max(0, due_minor - not_packed_minor - sum(worths[nth + 1 :]))
    return left if nth == 0 else min(worths[nth], left)


def parcel_share(amount_minor: int, worths: Sequence[int], nth: int, whole_minor: int) -> int:
    """Of an amount of the whole order (insurance, freight) the part of its `nth` parcel, by what its goods are worth.

    A difference of running shares: once all goods of the order are in parcels, the shares are exactly the whole. Of
    goods that cost nothing the first parcel has all of it.
    """
    if whole_minor <= 0:
        return amount_minor if nth == 0 else 0
    before = sum(worths[:nth])
    return amount_minor * (before + worths[nth]) // whole_minor - amount_minor * before // whole_minor


def worth_of_last_units(worth_minor: int, ordered: int, gone_before: int, gone: int) -> int:
    """As `worth_of_units`, counted from the line's end: units canceled and units shipped never share a cent."""
    return worth_of_units(worth_minor, ordered, ordered - gone_before - gone, gone)
