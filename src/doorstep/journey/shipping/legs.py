"""legs: which of a parcel's numbers is of which part of its way, as far as a label or a number tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from doorstep.plug.numbers import candidates
from doorstep.spine.tenant import Tx

Leg = Literal["first_mile", "line_haul", "last_mile"]

NUMBERS = """
select n.parcel_id, n.number, n.carrier, n.leg, n.label_key, n.until from parcel_number n
  where n.merchant_id = any($1) and n.parcel_id = any($2) order by n.parcel_id, n.since, n.number
"""


async def numbers_of(tx: Tx, parcels: Iterable[int]) -> dict[int, list[Any]]:
    """The further numbers of each parcel, those of void labels too."""
    found: dict[int, list[Any]] = {}
    for row in await tx.rows(NUMBERS, list(tx.merchants), sorted(set(parcels))):
        found.setdefault(row["parcel_id"], []).append(row)
    return found


def of_a_label(tracking: str, first_mile: str, last_mile: str) -> Sequence[tuple[str, Leg]]:
    """The numbers that a label came with beside its own, each once."""
    told: tuple[tuple[str, Leg], ...] = ((first_mile, "first_mile"), (last_mile, "last_mile"))
    numbers: dict[str, Leg] = {}
    for number, leg in told:
        if number and number != tracking:
            numbers.setdefault(number, leg)
    return tuple(numbers.items())


def whose_surely(number: str, label_carrier: str) -> str:
    """The carrier that a number surely is of; '' where its shape does not tell, or where the label's claims it too."""
    found = candidates(number)
    if not found or found[0].certainty != "certain" or any(one.carrier == label_carrier for one in found):
        return ""
    return found[0].carrier
