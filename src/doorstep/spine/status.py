"""status: every status is a function of counters; nobody can set one.

Each axis is read from the top: the first value whose condition holds. The conditions are written once, in the common
ground of Python and SQL: here they compute a status from a summary row, and the migration makes the same text functions
of a row of `order_now`, so that `n.stage` is worked out where it is read. They read plain columns of that row only: no
clock, no other status.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

# The plain columns of `order_now` that `record` moves. Units of lines, minor units of cash, facts and counts.
UNITS = (
    "ordered",
    "wanted",
    "promised",
    "picked",
    "packed",
    "shipped",
    "delivered",
    "taken_back",
    "lost",
    "canceled",
)
CASH = ("owed", "held", "collected", "earned", "refunded", "invoiced", "credited")
COUNTS = (
    "services", "drafts", "checks", "expiries", "cancellations", "holds_open", "auths_pending", "auths_failed",
    "auths_expired",
    "parcels_pre_transit", "parcels_in_transit", "parcels_in_customs", "parcels_out_for_delivery",
    "parcels_available_for_pickup", "parcels_exception", "parcels_delivered", "parcels_returning",
    "parcels_returned", "parcels_lost",
)  # fmt: skip
COUNTERS = (*UNITS, *CASH, *COUNTS)

Axis = tuple[tuple[str, str], ...]
_JOINING = frozenset({"and", "or"})

# Units delivered that had a way to go; `services` are those that never ship and were delivered with the order.
_ARRIVED = "delivered - services"
ON_SHELF = ("wanted", "promised", "picked", "packed")
_ON_SHELF = " + ".join(ON_SHELF)
# `cancellations` tells it of an order of which no item is known: it has no units that could.
_CANCELED = "canceled == ordered and ordered + cancellations > 0"
_PARCELS = (
    "(parcels_pre_transit + parcels_in_transit + parcels_in_customs + parcels_out_for_delivery"
    " + parcels_available_for_pickup + parcels_exception + parcels_delivered + parcels_returning"
    " + parcels_returned + parcels_lost)"
)

ORDER: Axis = (
    ("draft", "drafts > 0"),
    ("expired", "expiries > 0 and canceled == ordered"),
    ("canceled", _CANCELED),
    ("received", "ordered == 0"),
    ("completed", f"{_ON_SHELF} + shipped == 0 and owed == earned"),
    ("fulfilled", f"{_ON_SHELF} == 0"),
    ("in_fulfillment", f"picked + packed + shipped + {_ARRIVED} + taken_back + lost > 0"),
    ("awaiting_fulfillment", "checks > 0 and holds_open == 0 and wanted == 0"),
    ("processing", "checks > 0"),
    ("received", "checks == 0"),
)

PAYMENT: Axis = (
    ("refunded", "refunded > 0 and earned == 0"),
    ("overpaid", "earned > owed"),
    ("partially_refunded", "refunded > 0 and earned == owed"),
    ("paid", "earned == owed and owed > 0"),
    ("voided", "owed == 0 and canceled == ordered"),
    ("paid", "owed == 0"),
    ("partially_paid", "earned > 0"),
    ("authorized", "held >= owed"),
    ("pending", "auths_pending > 0 or held > 0 or collected > 0"),
    ("auth_expired", "auths_expired > 0"),
    ("failed", "auths_failed > 0"),
    ("unpaid", "owed > 0"),
)

FULFILLMENT: Axis = (
    ("canceled", _CANCELED),
    ("unfulfilled", "ordered == 0"),
    ("restocked", "taken_back > 0 and taken_back + canceled == ordered"),
    ("fulfilled", f"{_ON_SHELF} == 0"),
    ("partially_fulfilled", f"shipped + {_ARRIVED} + taken_back + lost > 0"),
    ("in_fulfillment", "picked + packed > 0"),
    ("awaiting_fulfillment", "checks > 0 and holds_open == 0 and wanted == 0 and promised > 0"),
    ("unfulfilled", "ordered >= 0"),
)

DELIVERY: Axis = (
    ("none", f"{_PARCELS} == 0"),
    ("exception", "parcels_exception > 0"),
    ("lost", "parcels_lost > 0"),
    ("returning", "parcels_returning > 0"),
    ("returned_to_sender", "parcels_returned > 0"),
    ("delivered", f"parcels_delivered == {_PARCELS}"),
    ("available_for_pickup", "parcels_available_for_pickup > 0"),
    ("out_for_delivery", "parcels_out_for_delivery > 0"),
    ("in_customs", "parcels_in_customs > 0"),
    ("in_transit", "parcels_in_transit > 0"),
    ("partially_delivered", "parcels_delivered > 0"),
    ("pre_transit", "parcels_pre_transit > 0"),
)

INVOICE: Axis = (
    ("credited", "credited > 0 and credited == invoiced"),
    ("invoiced", "invoiced > 0 and invoiced - credited >= owed"),
    ("partly_invoiced", "invoiced > 0"),
    ("not_invoiced", "invoiced == 0"),
)

AXES: dict[str, Axis] = {
    "stage": ORDER,
    "payment": PAYMENT,
    "fulfillment": FULFILLMENT,
    "delivery": DELIVERY,
    "invoicing": INVOICE,
}

# Somebody else's parcel that never left: nobody packed it, it holds nothing here, and it is not counted.
PLANNED = "planned"
# Which counter a parcel in that delivery state is counted under (features: the delivery vocabulary).
PARCEL_COUNTER: dict[str, str] = {
    "pre_transit": "parcels_pre_transit",
    "canceled": "parcels_pre_transit",
    "accepted": "parcels_in_transit",
    "in_transit": "parcels_in_transit",
    "departed": "parcels_in_transit",
    "arrived": "parcels_in_transit",
    "customs_released": "parcels_in_transit",
    "redirected": "parcels_in_transit",
    "delayed": "parcels_in_transit",
    "export_customs": "parcels_in_customs",
    "in_customs": "parcels_in_customs",
    "customs_hold": "parcels_exception",
    "out_for_delivery": "parcels_out_for_delivery",
    "attempted": "parcels_exception",
    "available_for_pickup": "parcels_available_for_pickup",
    "delivered": "parcels_delivered",
    "exception": "parcels_exception",
    "damaged": "parcels_exception",
    "seized": "parcels_lost",
    "destroyed": "parcels_lost",
    "lost": "parcels_lost",
    "refused": "parcels_returning",
    "returning": "parcels_returning",
    "returned_to_sender": "parcels_returned",
}


def status(axis: Axis, counters: Mapping[str, int]) -> str:
    """The first value of the axis whose condition holds for these counters."""
    found: str = _compiled(axis)(counters)
    return found


def as_sql(axis: Axis, spelled: Callable[[str], str] = str) -> str:
    """The axis as a SQL expression over the same columns; `spelled`: how each is written there."""
    whens = " ".join(f"when {_spelled(condition, spelled)} then '{value}'" for value, condition in axis)
    return f"case {whens} end"


def read_by(axis: Axis) -> frozenset[str]:
    """The counters that the axis looks at: while none of them changes, neither does the status."""
    return frozenset(re.findall("[a-z_]{2,}", " ".join(condition for _, condition in axis))) - _JOINING


def _spelled(condition: str, spelled: Callable[[str], str]) -> str:
    named = re.sub("[a-z_]{2,}", lambda word: word[0] if word[0] in _JOINING else spelled(word[0]), condition)
    return named.replace("==", "=")


@lru_cache
def _compiled(axis: Axis) -> Callable[[Mapping[str, int]], str]:
    """The axis as one function of the counters."""
    text = "impossible()"
    for value, condition in reversed(axis):
        text = f"{value!r} if {_of_counters(condition)} else {text}"
    function: Callable[[Mapping[str, int]], str] = eval(f"lambda counters: {text}", {"impossible": _impossible})
    return function


def _of_counters(condition: str) -> str:
    read = ast.parse(condition, mode="eval")
    unknown = {node.id for node in ast.walk(read) if isinstance(node, ast.Name)} - set(COUNTERS)
    if unknown:
        raise ValueError(f"{condition!r} reads {sorted(unknown)}, which are not counters of order_now")
    return ast.unparse(_Looked().visit(read))


class _Looked(ast.NodeTransformer):
    """A counter's name becomes a look at it."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Subscript(ast.Name("counters", ast.Load()), ast.Constant(node.id), ast.Load())


def _impossible() -> str:
    raise AssertionError("no value of the axis fits these counters")


# What the five steps of the buyer's view are called, per order stage.
BUYER_STEP: dict[str, str] = {
    "draft": "Received",
    "received": "Received",
    "processing": "Processing",
    "awaiting_fulfillment": "Awaiting fulfillment",
    "in_fulfillment": "Awaiting fulfillment",
    "fulfilled": "On its way",
    "completed": "Delivered",
    "canceled": "Canceled",
    "expired": "Canceled",
}
