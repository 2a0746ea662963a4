"""walls: which refusal it is when the database says no, for what a rule could not see."""

from __future__ import annotations

import asyncpg

from doorstep.kit.refusals import Refusal, Short, WrongStage
from doorstep.spine.parcels import HandedOver
from doorstep.spine.statement import RowsMissing


class NotThatMuchMoney(Refusal):
    """There is not that much money in that account of the order."""


class NotInThatPlace(Refusal):
    """That place does not hold so many."""


class LeaseLost(Refusal):
    """Another worker has this job now."""


# A CHECK that would be broken.
WALLS: dict[str, type[Refusal]] = {
    "short": Short,
    "line_short": WrongStage,
    "line_sum": WrongStage,
    "allocation_short": WrongStage,
    "count_short": WrongStage,
    "cash_short": NotThatMuchMoney,
    "bin_short": NotInThatPlace,
    "parcel_short": NotInThatPlace,
}
# A row that is not there to take from, or not ours any more.
MISSING: dict[str, type[Refusal]] = {
    "availability": Short,
    "allocation": WrongStage,
    "bin_stock": NotInThatPlace,
    "parcel": HandedOver,  # nothing leaves it, and it leaves, as long as it is here
    "job": LeaseLost,
}


def refusal_of(error: asyncpg.CheckViolationError | RowsMissing) -> Refusal | None:
    """The refusal that this is; None for a bug."""
    kind = MISSING.get(error.table) if isinstance(error, RowsMissing) else WALLS.get(error.constraint_name or "")
    return kind() if kind else None
