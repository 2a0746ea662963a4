"""payment: may work begin before the money is here? As the order's payment term says."""

from __future__ import annotations

from doorstep.journey.processing.problems import Problem
from doorstep.spine.amounts import waited_for


def payment_problem(term: str, owed: int, held: int, earned: int, *, ran_out: bool = False) -> Problem | None:
    """Prepaid goods wait for their money. `ran_out`: it was held, until its time had passed."""
    missing = waited_for(term, owed, held, earned)
    if not missing:
        return None
    lifts = "record a payment or hold the money"
    reason = "the authorization ran out, the money is held no longer" if ran_out else "the money is not here yet"
    return Problem("payment", reason, {"missing_minor": missing, "lifts": lifts})
