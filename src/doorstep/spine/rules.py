"""rules: small helpers that every verb's rule shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from doorstep.kit.refusals import Refusal
from doorstep.spine.outcome import Ask, Outcome, Result


def each(asks: Sequence[Ask[Any]], rule: Callable[[Ask[Any]], Outcome]) -> list[Result]:
    """The rule's answer to each ask, in order; what it raises as a refusal is its answer."""
    answers: list[Result] = []
    for ask in asks:
        try:
            answers.append(rule(ask))
        except Refusal as refusal:
            answers.append(refusal)
    return answers
