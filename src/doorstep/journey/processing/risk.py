"""risk: an order that its channel takes to be fraud waits until somebody looked at it."""

from __future__ import annotations

from doorstep.journey.processing.problems import Problem

LIFTS = "call the buyer or look at the payment; then lift the hold, or cancel"


def risk_problem(risk: str) -> Problem | None:
    """A medium risk is told and stops nothing: channels see one in many good orders."""
    if risk != "high":
        return None
    return Problem("fraud", "the channel takes it to be fraud", {"risk": risk, "lifts": LIFTS})
