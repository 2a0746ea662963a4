"""choose: which carrier and service: by the merchant's rules the cheapest that keeps the promise; why not the others.

Nothing is bought that a rule forbids, however it is asked for. Of what is left the merchant's own contract goes first,
then what is preferred on the lane, then the cheaper; where none keeps the promise, the one that is surest to come soon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from doorstep.kit.money import digits
from doorstep.plug.carrier import Rate
from doorstep.setup.customs.lists import Mode
from doorstep.setup.shipping_rules import MUST_BE_TAKEN, NO_RULES, PO_BOX, ShippingRules, names

# What a carrier says of its days, or does not say, weighs as so many parcels that came.
BELIEF = 5
SAID_IN_TIME, SAID_LATE, NOT_SAID = 0.9, 0.1, 0.5
NO_DAYS = 10_000


class Carried(NamedTuple):
    """Of a service's own past on this lane: how many parcels came, and how many of them in as few days as are left."""

    parcels: int = 0
    in_time: int = 0


class Refused(NamedTuple):
    """What could not be bought for this parcel, and why; without a service, all of the carrier's."""

    carrier: str
    service: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What a carrier answered: its rates, or why it is left out."""

    carrier: str
    rates: tuple[Rate, ...] = ()
    left_out: str = ""
    may_answer_later: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the parcel needs. `working_days`: how many are left; `by_hand`: a person named carrier and service."""

    currency: str
    working_days: int
    level: str = ""
    origin: str = ""  # a country with the postcode behind it
    to: str = ""
    contains: tuple[str, ...] = ()
    barred: tuple[tuple[Mode, str], ...] = ()  # by which modes its goods may not go there, and why
    to_po_box: bool = False
    carrier: str = ""
    service: str = ""
    by_hand: bool = False
    leaves: date | None = None
    promised: date | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    wanted: Wanted
    answered: Sequence[Answered]
    rules: ShippingRules = NO_RULES
    refused: Sequence[Refused] = ()
    carried: Mapping[tuple[str, str], Carried] = field(default_factory=dict)
    per_euro: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Option:
    """A rate as it is compared: what it costs the merchant in one currency, how likely it keeps the promise."""

    rate: Rate
    chance: float
    own: bool
    cost_minor: int | None = None  # None: in a currency that cannot be compared
    told_minor: int = 0  # with what the operator adds, in its own currency
    reason: str = ""  # why it is not chosen

    @property
    def name(self) -> str:
        return f"{self.rate.carrier} {self.rate.service}"

    @property
    def cheapest(self) -> tuple[Any, ...]:
        return (self.cost_minor, self.days, self.rate.carrier, self.rate.service)

    @property
    def surest(self) -> tuple[Any, ...]:
        return (self.days, -self.chance, *self.cheapest)

    @property
    def days(self) -> int:
        return NO_DAYS if self.rate.days is None else self.rate.days


@dataclass(frozen=True, slots=True)
class Chosen:
    """The offers stand in the order in which they would be taken."""

    rate: Rate | None
    why: dict[str, Any] = field(default_factory=dict)
    offers: tuple[Option, ...] = ()
    answered: Sequence[Answered] = ()


def decide(facts: Facts) -> Chosen:
    options = [replace(one, reason=_unfit(facts, one)) for one in _options(facts)]
    if any(PO_BOX in _takes(facts, one) for one in options) and facts.wanted.to_po_box:
        options = [_or(one, "" if PO_BOX in _takes(facts, one) else "does not go to post-office boxes")
                   for one in options]  # fmt: skip
    fit = [one for one in options if not one.reason]
    in_time = [one for one in fit if one.chance >= facts.rules.sure]
    best, left = _best(facts, in_time) if in_time else (min(fit, key=lambda one: one.surest, default=None), fit)
    told = [_or(one, _beaten(facts, one, best, in_time, left)) for one in _once_each(facts, options, best)]
    ranked = tuple(sorted(told, key=lambda one: (one.name != (best.name if best else ""), _rank(one))))
    return Chosen(best.rate if best else None, _why(facts, best, ranked, bool(in_time)), ranked, facts.answered)


def _once_each(facts: Facts, options: Sequence[Option], best: Option | None) -> list[Option]:
    """Of each service one offer is told: the best of all, else the cheapest of those that would have done."""

    def would_do(one: Option) -> tuple[Any, ...]:
        return one != best, bool(one.reason), one.chance < facts.rules.sure, _rank(one)

    once: dict[str, Option] = {}
    for one in sorted(options, key=would_do):
        once.setdefault(one.name, one)
    return list(once.values())


def _rank(one: Option) -> tuple[Any, ...]:
    return (one.cost_minor is None, one.cost_minor or 0, one.days, one.rate.carrier, one.rate.service)


def _or(one: Option, reason: str) -> Option:
    return one if one.reason else replace(one, reason=reason)


# What may be bought at all


def _options(facts: Facts) -> list[Option]:
    """Whatever was offered, in one order however it was told, and all in one currency as far as that is known.

    One service may be offered at several prices: the cheapest may be too slow, or not take what is inside.
    """
    rates = sorted(
        dict.fromkeys(rate for answer in facts.answered for rate in answer.rates),
        key=lambda rate: (
            rate.carrier,
            rate.service,
            rate.amount_minor,
            rate.currency,
            rate.days is None,
            rate.days or 0,
            -len(rate.takes),
            rate.takes,
            rate.why,
        ),
    )
    base = _base(facts, {rate.currency for rate in rates})
    return [_option(facts, rate, base) for rate in rates]


def _base(facts: Facts, currencies: set[str]) -> str:
    """The parcel's currency where anything can be told in it; else one in which something can."""
    wanted = facts.wanted.currency
    if any(_converted(facts, 1, currency, wanted) is not None for currency in currencies):
        return wanted
    return min(currencies, default=wanted)


def _option(facts: Facts, rate: Rate, base: str) -> Option:
    contract = facts.rules.contract(rate.carrier)
    told_minor = _rounded(rate.amount_minor * (1 + contract.markup_percent / 100))
    cost_minor = _converted(facts, told_minor, rate.currency, base)
    return Option(rate, _chance(facts, rate), contract.of == "merchant", cost_minor, told_minor)


def _converted(facts: Facts, amount_minor: int, currency: str, into: str) -> int | None:
    """By the exchange rates that are loaded; None where there is none."""
    if currency == into:
        return amount_minor
    per_euro = {**facts.per_euro, "EUR": Decimal(1)}
    if currency not in per_euro or into not in per_euro:
        return None
    amount = Decimal(amount_minor).scaleb(-digits(currency)) / per_euro[currency] * per_euro[into]
    return _rounded(amount.scaleb(digits(into)))


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _chance(facts: Facts, rate: Rate) -> float:
    """How likely it keeps the promise: what came in time, leaning on what the carrier says."""
    said = NOT_SAID if rate.days is None else SAID_IN_TIME if _says_in_time(facts, rate) else SAID_LATE
    seen = facts.carried.get((rate.carrier, rate.service), Carried())
    return round((seen.in_time + BELIEF * said) / (seen.parcels + BELIEF), 3)


def _says_in_time(facts: Facts, rate: Rate) -> bool:
    return rate.days is not None and rate.days <= facts.wanted.working_days


def _takes(facts: Facts, one: Option) -> frozenset[str]:
    return facts.rules.said_to_take(one.rate.carrier, one.rate.service) | frozenset(one.rate.takes)


def _unfit(facts: Facts, one: Option) -> str:
    """The first thing that keeps it from being bought, or nothing."""
    return next(_reasons(facts, one), "")


def _reasons(facts: Facts, one: Option) -> Iterator[str]:
    wanted, rules = facts.wanted, facts.rules
    carrier, service = one.rate.carrier, one.rate.service
    for no in facts.refused:
        if no.carrier == carrier and no.service in ("", service):
            yield f"refused it: {no.reason}"
    if (wanted.carrier and carrier != wanted.carrier) or (wanted.service and service != wanted.service):
        yield "another carrier or service was asked for"
    if names(rules.on_lane("forbid", wanted.origin, wanted.to), carrier, service):
        yield "forbidden on this lane"
    allowed = rules.on_lane("allow", wanted.origin, wanted.to)
    if allowed and not names(allowed, carrier, service):
        yield "not among those that are allowed on this lane"
    if untaken := [word for word in wanted.contains if word in MUST_BE_TAKEN and word not in _takes(facts, one)]:
        yield f"does not say that it takes {', '.join(untaken)}"
    mode = rules.mode_of(carrier, service)
    if why := dict(wanted.barred).get(mode):
        yield f"may not go there by {mode}: {why}"
    level = rules.levels.get(wanted.level)
    if level and not wanted.by_hand and level.services and not names(level.services, carrier, service):
        yield f"not of the service level {wanted.level}"
    if level and not wanted.by_hand and level.max_days is not None and one.days > level.max_days:
        yield f"slower than the service level {wanted.level}"
    if one.cost_minor is None:
        yield f"priced in {one.rate.currency}, and no exchange rate is loaded"
    if rules.most and not wanted.by_hand and _is_too_dear(facts, one):
        yield "dearer than a label may be"


def _is_too_dear(facts: Facts, one: Option) -> bool:
    """What cannot be compared with the highest price is not known to be below it."""
    most = facts.rules.most
    if most is None:
        return False
    cost_minor = _converted(facts, one.told_minor, one.rate.currency, most.currency)
    return cost_minor is None or cost_minor > most.amount_minor


# Which of them


def _best(facts: Facts, in_time: Sequence[Option]) -> tuple[Option, Sequence[Option]]:
    """Of those that keep the promise; and among which of them it is the cheapest."""
    left = [one for one in in_time if one.own] or in_time
    for preferred in facts.rules.preferred(facts.wanted.origin, facts.wanted.to):
        if those := [one for one in left if names(preferred, one.rate.carrier, one.rate.service)]:
            left = those
            break
    return min(left, key=lambda one: one.cheapest), left


def _beaten(facts: Facts, one: Option, best: Option | None, in_time: Sequence[Option], left: Sequence[Option]) -> str:
    """Why another was chosen, of one that would have done."""
    if best is None or one.name == best.name:
        return ""
    if not in_time:
        return "slower, and none keeps the promise" if one.days > best.days else "less sure, or dearer"
    if one.chance < facts.rules.sure:
        seen = facts.carried.get((one.rate.carrier, one.rate.service), Carried())
        if _says_in_time(facts, one.rate) and seen.parcels:
            return f"came in time {seen.in_time} times of {seen.parcels}"
        return "too slow for the promise"
    if best.own and not one.own:
        return "the merchant's own contract goes first"
    if not any(one.name == other.name for other in left):
        return "another is preferred on this lane"
    return "not the cheapest"


# What is told


def _why(facts: Facts, best: Option | None, ranked: Sequence[Option], in_time: bool) -> dict[str, Any]:
    wanted = facts.wanted
    if best is None:
        rule = "none may be bought"
    elif in_time:
        rule = f"cheapest within {wanted.working_days} days"
    else:
        rule = "fastest: none is within the promised days"
    told: dict[str, Any] = {
        "rule": rule,
        "chosen": _told(best) if best else None,
        "refused": {one.name: one.reason for one in ranked if one.reason},
        "offers": [_told(one) for one in ranked],
        "left_out": {one.carrier: one.left_out for one in sorted(facts.answered, key=_by_carrier) if one.left_out},
        "days_left": wanted.working_days,
    }
    if wanted.promised:
        told["promised"] = wanted.promised.isoformat()
    if wanted.leaves:
        told["leaves"] = wanted.leaves.isoformat()
    if wanted.contains:
        told["contains"] = list(wanted.contains)
    return told


def _by_carrier(one: Answered) -> str:
    return one.carrier


def _told(one: Option) -> dict[str, Any]:
    rate = one.rate
    told: dict[str, Any] = {
        "carrier": rate.carrier, "service": rate.service, "amount_minor": rate.amount_minor,
        "currency": rate.currency, "days": rate.days, "sure": one.chance,
    }  # fmt: skip
    if one.told_minor != rate.amount_minor:
        told["with_markup_minor"] = one.told_minor
    if not one.own:
        told["contract"] = "operator"
    return told | ({"price": list(rate.why)} if rate.why else {})
