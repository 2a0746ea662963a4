"""payment: may work begin before the money is here? As the order's payment term says."""

from __future__ import annotations

from doorstep.journey.processing.problems import Problem
from doorstep.spine.amounts import waited_for


def payment_problem(term: str, owed: int, held: int, earned: int) -> Problem | None:
    """Prepaid goods wait for their money."""
    missing = waited_for(term, owed, held, earned)
    if not missing:
        return None
    lifts = "record a payment or hold the money (authorize)"
    return Problem("payment", "the money is not here yet", {"missing_minor": missing, "lifts": lifts})
