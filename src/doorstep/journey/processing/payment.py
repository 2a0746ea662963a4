"""payment: may work begin before the money is here? As the order's payment term says."""

from __future__ import annotations

from doorstep.journey.processing.problems import Problem

# Only this term waits for money; the others are paid at hand-over, at the door or by invoice.
WAITS = "prepaid"


def payment_problem(term: str, owed: int, held: int, earned: int) -> Problem | None:
    """Prepaid goods wait until what is held and earned covers what is owed."""
    missing = owed - held - earned
    if term != WAITS or missing <= 0:
        return None
    lifts = "record a payment or hold the money (authorize)"
    return Problem("payment", "the money is not here yet", {"missing_minor": missing, "lifts": lifts})
