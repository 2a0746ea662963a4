"""landed_cost: what the goods cost at the door: their value, the way, duty, tax and fee, each with its basis.

An estimate: what customs decides is customs' word. Every amount is rounded once, half-up, and the whole is the sum of
its parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from doorstep.kit.money import EXACT, allocate, to_decimal, to_minor
from doorstep.setup.customs.readiness import samples
from doorstep.setup.customs.rules import HS_DIGITS, Amount, Rules, Stated

USED = ("duty-rates", "country-rules", "exchange-rates")


@dataclass(frozen=True, slots=True)
class Bought:
    """A line: so many of one SKU, what they are worth together."""

    name: str
    hs_code: str
    origin: str
    quantity: int
    value_minor: int


@dataclass(frozen=True, slots=True)
class LineCost:
    """`basis`: how each amount came about, a sentence each."""

    name: str
    quantity: int
    value_minor: int
    shipping_minor: int
    duty_minor: int
    tax_minor: int
    basis: tuple[str, ...]

    @property
    def total_minor(self) -> int:
        return self.value_minor + self.shipping_minor + self.duty_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class LandedCost:
    """`unknown`: what no list tells, so that the estimate is too low. `samples`: lists that prove nothing."""

    currency: str
    lines: tuple[LineCost, ...]
    fee_minor: int
    paid_by: str
    basis: tuple[str, ...]
    unknown: tuple[str, ...]
    samples: tuple[str, ...]

    @property
    def goods_minor(self) -> int:
        return sum(line.value_minor for line in self.lines)

    @property
    def shipping_minor(self) -> int:
        return sum(line.shipping_minor for line in self.lines)

    @property
    def duty_minor(self) -> int:
        return sum(line.duty_minor for line in self.lines)

    @property
    def tax_minor(self) -> int:
        return sum(line.tax_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        return sum(line.total_minor for line in self.lines) + self.fee_minor


def without_border(lines: Sequence[Bought], currency: str, shipping_minor: int) -> LandedCost:
    """Goods that are declared to nobody cost what they cost."""
    ways = allocate(shipping_minor, [line.value_minor for line in lines])
    costs = tuple(
        LineCost(line.name, line.quantity, line.value_minor, way, 0, 0, ("no customs border is crossed",))
        for line, way in zip(lines, ways, strict=True)
    )
    return LandedCost(currency, costs, 0, "nothing is due at a border", (), (), ())


@dataclass(slots=True)
class _Said:
    basis: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def missing(self, what: str) -> None:
        if what not in self.unknown:
            self.unknown.append(what)


def landed_cost(
    lines: Sequence[Bought], to: str, currency: str, rules: Rules, *, shipping_minor: int = 0, scheme: bool = False,
    seller_pays: bool = False,
) -> LandedCost:  # fmt: skip
    """`scheme`: the seller takes the tax itself, with its number of the country's scheme, as far as that goes."""
    said = _Said()
    values = [line.value_minor for line in lines]
    goods_minor = sum(values)
    for line in lines:
        if line.value_minor <= 0:
            said.missing(f"what {line.name} is worth")
    if goods_minor <= 0:
        return _of_nothing(lines, currency, shipping_minor, said)
    shipping = allocate(shipping_minor, values)
    duties = list(_duties(lines, values, shipping, to, currency, rules, said))
    taxes = list(_taxes(values, shipping, [duty for duty, _ in duties], to, currency, rules, said))
    by_scheme = scheme and _within(goods_minor, rules.stated(to, "scheme_to"), currency, rules, said)
    due = sum(duty for duty, _ in duties) + (0 if by_scheme else sum(tax for tax, _ in taxes))
    fee = _fee(due, to, currency, rules, said)
    costs = tuple(
        LineCost(line.name, line.quantity, line.value_minor, way, duty, tax, (why_duty, why_tax))
        for line, way, (duty, why_duty), (tax, why_tax) in zip(lines, shipping, duties, taxes, strict=True)
    )
    paid_by = _paid_by(rules.stated(to, "scheme") if by_scheme else None, seller_pays)
    return LandedCost(currency, costs, fee, paid_by, tuple(said.basis), tuple(said.unknown),
                      tuple(samples(rules, USED)))  # fmt: skip


def _of_nothing(lines: Sequence[Bought], currency: str, shipping_minor: int, said: _Said) -> LandedCost:
    """Of goods whose worth nobody told nothing can be said."""
    ways = allocate(shipping_minor, [line.quantity for line in lines])
    why = ("duty: not known without a value", "tax: not known without a value")
    costs = tuple(LineCost(line.name, line.quantity, 0, way, 0, 0, why) for line, way in zip(lines, ways, strict=True))
    return LandedCost(currency, costs, 0, "nobody knows what is due", (), tuple(said.unknown), ())


def _paid_by(scheme: Stated | None, seller_pays: bool) -> str:
    rest = "the seller pays duty and tax (DDP)" if seller_pays else "the buyer pays duty and tax at the door (DAP)"
    return f"tax by the seller under {scheme.value}, at the checkout; else {rest}" if scheme else rest


def _duties(
    lines: Sequence[Bought], values: list[int], shipping: list[int], to: str, currency: str, rules: Rules, said: _Said
) -> Iterator[tuple[int, str]]:
    limit = rules.stated(to, "duty_free_to")
    goods_minor = sum(values)
    if _within(goods_minor, limit, currency, rules, said):
        assert limit
        yield from _low_value(lines, values, to, currency, rules, limit, said)
        return
    base = rules.stated(to, "duty_base")
    charged = _charged(values, limit, to, currency, rules)
    for line, value, way in zip(lines, charged, shipping, strict=True):
        rate = rules.duty(to, "".join(filter(str.isdigit, line.hs_code)), line.origin)
        if rate is None:
            said.missing(f"no duty rate is loaded for HS {line.hs_code or '?'} to {to}")
            yield 0, "duty: no rate is known"
            continue
        of = value + (way if base and base.value == "cif" and value == line.value_minor else 0)
        what = "value and way" if of != value else "value above the limit" if value != line.value_minor else "value"
        why = f"duty {rate.percent}% of the {what}, {_told(of, currency)} (HS {rate.hs} from {rate.origin}"
        yield _percent(of, rate.percent), f"{why}; {rate.source})" if rate.source else f"{why})"


def _low_value(
    lines: Sequence[Bought], values: list[int], to: str, currency: str, rules: Rules, limit: Stated, said: _Said
) -> Iterator[tuple[int, str]]:
    """Below the limit no duty, or a fixed one per tariff heading, shared by the heading's lines."""
    fixed = rules.stated(to, "low_value_duty")
    each = rules.converted(fixed.amount, currency) if fixed else None
    if fixed and each is None:
        said.missing(f"no exchange rate is loaded between {fixed.currency} and {currency}")
    if not fixed or each is None:
        for _ in lines:
            yield 0, f"duty: none up to {limit.value} {limit.currency} ({limit.source})"
        return
    headings = [line.hs_code[:HS_DIGITS] for line in lines]
    shares = [0] * len(lines)
    for heading in dict.fromkeys(headings):
        places = [place for place, one in enumerate(headings) if one == heading]
        parts = allocate(to_minor(each, currency), [values[place] for place in places])
        for place, part in zip(places, parts, strict=True):
            shares[place] = part
    for share in shares:
        yield share, f"duty {fixed.value} {fixed.currency} per tariff heading ({fixed.source})"


def _taxes(
    values: list[int], shipping: list[int], duties: list[int], to: str, currency: str, rules: Rules, said: _Said
) -> Iterator[tuple[int, str]]:
    rate, limit, name = (rules.stated(to, rule) for rule in ("tax_percent", "tax_free_to", "tax_name"))
    called = name.value if name else "tax"
    if rate is None:
        said.missing(f"no tax rate is loaded for {to}")
    free = _within(sum(values), limit, currency, rules, said)
    charged = _charged(values, limit, to, currency, rules)
    for value, whole, way, duty in zip(charged, values, shipping, duties, strict=True):
        if rate is None or free:
            why = (
                f"none up to {limit.value} {limit.currency} ({limit.source})" if free and limit else "no rate is known"
            )
            yield 0, f"{called}: {why}"
            continue
        of = value + duty + (way if value == whole else 0)
        yield _percent(of, rate.number), f"{called} {rate.value}% of {_told(of, currency)} with duty ({rate.source})"


def _charged(values: list[int], limit: Stated | None, to: str, currency: str, rules: Rules) -> list[int]:
    """Where only what exceeds the limit is charged: that, shared by the lines; else all of it."""
    if limit is None or not rules.stated(to, "only_above"):
        return values
    free = rules.converted(limit.amount, currency)
    return values if free is None else allocate(max(0, sum(values) - to_minor(free, currency)), values)


def _within(worth_minor: int, limit: Stated | None, currency: str, rules: Rules, said: _Said) -> bool:
    if limit is None:
        return False
    worth = rules.converted(Amount(to_decimal(worth_minor, currency), currency), limit.currency)
    if worth is None:
        said.missing(f"no exchange rate is loaded between {limit.currency} and {currency}")
        return False
    return worth <= limit.number


def _fee(due_minor: int, to: str, currency: str, rules: Rules, said: _Said) -> int:
    stated = rules.stated(to, "clearance_fee")
    if not stated or due_minor <= 0:
        return 0
    fee = rules.converted(stated.amount, currency)
    if fee is None:
        said.missing(f"no exchange rate is loaded between {stated.currency} and {currency}")
        return 0
    said.basis.append(f"clearance {stated.value} {stated.currency}, as something is due ({stated.source})")
    return to_minor(fee, currency)


def _percent(of_minor: int, percent: Decimal) -> int:
    return int((EXACT.multiply(Decimal(of_minor), percent) / 100).quantize(Decimal(1), ROUND_HALF_UP))


def _told(amount_minor: int, currency: str) -> str:
    return f"{to_decimal(amount_minor, currency)} {currency}"
