"""shopify_amounts: what an order of a Shopify export cost, to the minor unit.

The columns overlap. `Subtotal` is the goods after every discount on goods, before shipping, tax, duties and
tips. `Discount Amount` is all that was taken off the order: it may count what `Lineitem discount` already
says, and it may be (partly) off the shipping, which `Shipping` then already shows. `Taxes` is stated whether
the prices include it or not; `Total` tells which. Where columns contradict each other, the order's amounts
win over its lines, and a finding says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

import msgspec

from doorstep.kit import money

PRICE_STEP = Decimal(1).scaleb(-money.UNIT_PRICE_PLACES)


class SaidLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line as the file says it; a unit price of None was not said."""

    quantity: int
    unit_price: Decimal | None
    discount_minor: int = 0
    tip: bool = False


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """An order's amounts as the file says them; None was not said."""

    currency: str
    lines: list[SaidLine]
    subtotal_minor: int | None = None
    discount_minor: int = 0
    shipping_minor: int = 0
    tax_minor: int = 0
    duties_minor: int = 0
    total_minor: int | None = None


class Finding(msgspec.Struct, frozen=True):
    """Something about the amounts that a person should know."""

    column: str
    reason: str
    value: str
    line: int | None = None  # the place in `lines`


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts that add up to `subtotal_minor`: lines less their discounts less the order's discount."""

    unit_prices: list[Decimal]
    line_discounts_minor: list[int]
    discount_minor: int
    subtotal_minor: int
    shipping_minor: int
    shipping_discount_minor: int
    tax_included: bool
    duties_minor: int
    tip_minor: int
    other_minor: int  # in `Total`, but in no column
    tips: frozenset[int]  # places of lines that are a tip, not goods
    findings: list[Finding]


def settle(said: Said) -> Settled:
    tips = _tips(said)
    said = _with_whole_discounts(said, tips)
    goods = [place for place in range(len(said.lines)) if place not in tips]
    totals = [_line_total(line, said.currency) for line in said.lines]
    tip_minor = sum(totals[place] for place in tips)
    subtotal = said.subtotal_minor
    if subtotal is None:
        subtotal = _likely_subtotal(said, sum(totals[place] for place in goods))
    prices, discounts, findings = _lines(said, goods, totals, subtotal)
    off = sum(money.line_total(prices[p], said.lines[p].quantity, said.currency) for p in goods) - subtotal
    shipping_off = _shipping_discount(said, off, sum(discounts))
    rest = _rest(said, subtotal, tip_minor, shipping_off)
    return Settled(
        unit_prices=prices,
        line_discounts_minor=discounts,
        discount_minor=off - sum(discounts),
        subtotal_minor=subtotal,
        shipping_minor=rest.shipping_minor,
        shipping_discount_minor=shipping_off,
        tax_included=rest.tax_included,
        duties_minor=rest.duties_minor,
        tip_minor=tip_minor,
        other_minor=rest.other_minor,
        tips=tips,
        findings=findings + rest.findings,
    )


def _line_total(line: SaidLine, currency: str) -> int:
    return money.line_total(line.unit_price or Decimal(0), line.quantity, currency)


# The lines


def _tips(said: Said) -> frozenset[int]:
    """A tip is written as a line but not counted in `Subtotal`: the goods only add up without it."""
    tips = frozenset(place for place, line in enumerate(said.lines) if line.tip)
    if not tips or len(tips) == len(said.lines) or said.subtotal_minor is None:
        return frozenset()
    with_tips = sum(_line_total(line, said.currency) for line in said.lines)
    without = with_tips - sum(_line_total(said.lines[place], said.currency) for place in tips)
    return tips if _explained(said, without) and not _explained(said, with_tips) else frozenset()


def _with_whole_discounts(said: Said, tips: frozenset[int]) -> Said:
    """`Lineitem discount` is for the whole line, unless only "per unit" leads to `Subtotal`."""
    lines = [line for place, line in enumerate(said.lines) if place not in tips]
    if said.subtotal_minor is None or not any(line.discount_minor for line in lines):
        return said
    off = sum(_line_total(line, said.currency) for line in lines) - said.subtotal_minor
    whole = sum(line.discount_minor for line in lines)
    per_unit = sum(line.discount_minor * line.quantity for line in lines)
    if per_unit == whole or per_unit != off or off in (whole, whole + said.discount_minor):
        return said
    replace = msgspec.structs.replace
    changed = [replace(line, discount_minor=line.discount_minor * line.quantity) for line in said.lines]
    return replace(said, lines=changed)


def _explained(said: Said, gross: int) -> bool:
    """Do the stated discounts lead from the lines to `Subtotal`?"""
    off = gross - (said.subtotal_minor or 0)
    by_line = sum(line.discount_minor for line in said.lines)
    return off in {said.discount_minor, by_line, said.discount_minor + by_line}


def _likely_subtotal(said: Said, gross: int) -> int:
    """Without `Subtotal`: the reading of the discounts that leads to `Total`, else all that was taken off."""
    by_line = sum(line.discount_minor for line in said.lines)
    readings = [
        max(0, gross - off) for off in (max(said.discount_minor, by_line), by_line, said.discount_minor + by_line, 0)
    ]
    if said.total_minor is not None:
        for subtotal in readings:
            if not _rest(said, subtotal, 0, 0).findings:
                return subtotal
        if not gross:
            without_tax = said.total_minor - said.shipping_minor - said.duties_minor
            return max(0, without_tax - said.tax_minor)
    return readings[0]


def _lines(
    said: Said, goods: list[int], totals: list[int], subtotal: int
) -> tuple[list[Decimal], list[int], list[Finding]]:
    """Unit prices and line discounts under which the goods reach `Subtotal` without going below it."""
    prices = [line.unit_price or Decimal(0) for line in said.lines]
    off = sum(totals[place] for place in goods) - subtotal
    if off < 0:
        findings = list(_raise_prices(said, goods, totals, -off, prices))
        return prices, [0] * len(prices), findings
    capped = [min(line.discount_minor, total) for line, total in zip(said.lines, totals, strict=True)]
    discounts = [amount if place in set(goods) else 0 for place, amount in enumerate(capped)]
    if sum(discounts) > off:
        # The prices are already after (part of) the line discounts.
        discounts = money.allocate(off, discounts)
    return prices, discounts, list(_about_discounts(said, off, sum(discounts)))


def _about_discounts(said: Said, off: int, by_line: int) -> Iterator[Finding]:
    stated = {said.discount_minor, said.discount_minor + by_line, by_line}
    shipping_too = by_line <= off < said.discount_minor
    if said.subtotal_minor is not None and off not in stated and not shipping_too:
        yield Finding("Subtotal", "subtotal_is_not_the_lines", _shown(said, said.subtotal_minor))


def _raise_prices(
    said: Said, goods: list[int], totals: list[int], missing: int, prices: list[Decimal]
) -> Iterator[Finding]:
    """The order costs more than its lines: prices not said carry it, else all of them in proportion.

    A price is rounded up in its last place, so that no line falls short; what is over is a discount again.
    """
    silent = [place for place in goods if said.lines[place].unit_price is None]
    carriers = silent or goods
    shares = money.allocate(missing, [totals[place] for place in carriers])
    for place, share in zip(carriers, shares, strict=True):
        line = said.lines[place]
        target = money.to_decimal(totals[place] + share, said.currency)
        price = (target / line.quantity).quantize(PRICE_STEP, rounding=ROUND_CEILING)
        prices[place] = price.normalize() + Decimal(0)
        if not silent and share:
            yield Finding("Lineitem price", "price_raised_to_subtotal", str(line.unit_price), place)
    yield Finding("Subtotal", "subtotal_is_not_the_lines", _shown(said, said.subtotal_minor or 0))


def _shown(said: Said, amount_minor: int) -> str:
    return str(money.to_decimal(amount_minor, said.currency))


# Shipping, tax, duties


def _shipping_discount(said: Said, off: int, by_line: int) -> int:
    """What `Discount Amount` took off that the goods do not show."""
    if off in (said.discount_minor, said.discount_minor + by_line) or not by_line <= off < said.discount_minor:
        return 0
    return said.discount_minor - off


class _Rest(msgspec.Struct, frozen=True):
    shipping_minor: int
    tax_included: bool
    duties_minor: int
    other_minor: int = 0
    findings: list[Finding] = []


def _rest(said: Said, subtotal: int, tip: int, shipping_off: int) -> _Rest:
    """Of all readings of shipping, tax and duties the first under which everything adds up to `Total`."""
    readings = list(_readings(said, shipping_off))
    if said.total_minor is None:
        return readings[0]
    for reading in readings:
        if _total(said, subtotal, tip, reading) == said.total_minor:
            return reading
    stated = said.total_minor
    nearest = min(readings, key=lambda reading: abs(_total(said, subtotal, tip, reading) - stated))
    other = max(0, stated - _total(said, subtotal, tip, nearest))
    finding = Finding("Total", "total_does_not_add_up", _shown(said, stated))
    return msgspec.structs.replace(nearest, other_minor=other, findings=[finding])


def _total(said: Said, subtotal: int, tip: int, reading: _Rest) -> int:
    added = 0 if reading.tax_included else said.tax_minor
    return subtotal + reading.shipping_minor + added + reading.duties_minor + tip


def _readings(said: Said, shipping_off: int) -> Iterator[_Rest]:
    """The usual reading first: shipping already after its discount, tax added, duties charged."""
    before = [said.shipping_minor - shipping_off] if 0 < shipping_off <= said.shipping_minor else []
    for shipping in (said.shipping_minor, *before):
        for duties in dict.fromkeys((said.duties_minor, 0)):
            yield _Rest(shipping, False, duties)
            if said.tax_minor:
                yield _Rest(shipping, True, duties)
