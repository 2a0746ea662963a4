"""choose: which carrier and service: the cheapest that keeps the promise; and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from doorstep.plug.carrier import Rate


@dataclass(frozen=True, slots=True)
class Chosen:
    rate: Rate | None
    why: dict[str, Any] = field(default_factory=dict)


def choose(rates: Sequence[Rate], *, days_max: int, carrier: str = "", service: str = "") -> Chosen:
    """Cheapest of those fast enough; if none is, the fastest. Amounts compare within one currency: the first rate's.

    A named carrier or service leaves only what it names.
    """
    refused: dict[str, str] = {}
    named: list[Rate] = []
    for rate in rates:
        if (carrier and rate.carrier != carrier) or (service and rate.service != service):
            refused[_name(rate)] = "another carrier or service was asked for"
        elif named and rate.currency != named[0].currency:
            refused[_name(rate)] = f"priced in {rate.currency}, not comparable"
        else:
            named.append(rate)
    # A carrier that names no time is taken at its word only when nobody else goes there.
    in_time = [rate for rate in named if rate.days is not None and rate.days <= days_max]
    best = min(in_time, key=_cheapest, default=None) or min(named, key=_fastest, default=None)
    for rate in named:
        if rate is not best:
            late = rate not in in_time and bool(in_time)
            refused[_name(rate)] = "too slow for the promise" if late else "not the cheapest"
    why = {
        "rule": f"cheapest within {days_max} days" if in_time else "fastest: none is within the promised days",
        "chosen": _told(best) if best else None,
        "refused": refused,
    }
    return Chosen(best, why)


def _name(rate: Rate) -> str:
    return f"{rate.carrier} {rate.service}"


def _cheapest(rate: Rate) -> tuple[Any, ...]:
    return (rate.amount_minor, rate.days or 0, rate.carrier, rate.service)


def _fastest(rate: Rate) -> tuple[Any, ...]:
    return (rate.days if rate.days is not None else 10_000, rate.amount_minor, rate.carrier, rate.service)


def _told(rate: Rate) -> dict[str, Any]:
    return {
        "carrier": rate.carrier, "service": rate.service, "amount_minor": rate.amount_minor,
        "currency": rate.currency, "days": rate.days,
    }  # fmt: skip
