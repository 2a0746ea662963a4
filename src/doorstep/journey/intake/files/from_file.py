"""from_file: what an order of a file means for us: work, or history that happened elsewhere; and what is wrong with it.

Open orders become work. What is canceled, fulfilled, restocked or refunded whole in the file is over: it is history.
A partly fulfilled order becomes work for the rest of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from doorstep.journey.intake.arrival import Arrival
from doorstep.journey.intake.content import Happened, Problem
from doorstep.journey.intake.files.entries import Entry
from doorstep.journey.intake.files.problems import HOLDS, REASONS
from doorstep.journey.intake.files.shopify_order import FileOrder
from doorstep.journey.intake.import_history import ImportHistory
from doorstep.journey.intake.place import Place
from doorstep.setup.merchants import NewSku

OVER = ("fulfilled", "restocked")
PARTLY = ("partial", "partially_fulfilled")
FULFILLED_LINE = "fulfilled"
# The check looks at addresses itself, and lifts its hold when the address is mended.
LEFT_TO_THE_CHECK = "address"
PARTLY_UNKNOWN = "a part of this line was fulfilled before, but the file does not say how much"


def entry_of(file: FileOrder, *, history: bool) -> Entry:
    """The ask that the order is, with what it names."""
    verb, body = arrival_of(file, history=history)
    named = {line.sku: line for line in file.order.lines if line.sku}
    return Entry(
        verb=verb, body=body, file=file.file, first_line=file.first_line, rows=file.rows, name=file.order.number,
        problems=tuple(file.problems),
        skus=tuple(NewSku(code, name=line.title, stocked=line.ships) for code, line in named.items()),
    )  # fmt: skip


def arrival_of(file: FileOrder, *, history: bool) -> tuple[str, Arrival]:
    """The verb to ask, and its body."""
    happened, problems = happened_of(file), list(_problems(file))
    if history or is_over(file):
        body = ImportHistory(order=file.order, also_id=file.shopify_id, happened=happened, problems=problems)
        return "import_history", body
    place = Place(order=file.order, also_id=file.shopify_id, happened=happened, problems=problems, generous=True)
    return "place", place


def is_over(file: FileOrder) -> bool:
    return bool(file.canceled_at) or file.fulfillment_status in OVER or file.financial_status == "refunded"


def happened_of(file: FileOrder) -> Happened:
    came_back = file.fulfillment_status == "restocked"
    return Happened(
        fulfilled_at=file.fulfilled_at,
        fulfilled=_fulfilled(file, came_back),
        canceled_at=file.canceled_at,
        came_back=came_back,
        refunded_minor=file.refunded_minor,
    )


def _fulfilled(file: FileOrder, came_back: bool) -> list[int]:
    """Units per line. The order's status tells it for all lines, else each line's own."""
    lines = file.order.lines
    whole = file.fulfillment_status == "fulfilled" or (came_back and file.fulfilled_at is not None)
    if whole:
        return [line.quantity if line.ships else 0 for line in lines]
    if file.fulfillment_status not in PARTLY:
        return [0] * len(lines)
    return [
        line.quantity if line.ships and said.fulfillment_status == FULFILLED_LINE else 0
        for line, said in zip(lines, file.lines, strict=True)
    ]


def _problems(file: FileOrder) -> Iterator[Problem]:
    """What should stop the order, or a line of it: one hold for all of a kind."""
    found: dict[tuple[str, int], Problem] = {}
    for problem in (*_said_wrong(file), *_partly_unknown(file)):
        key = (problem.hold, problem.line)
        before = found.get(key)
        if before is None:
            found[key] = problem
        elif problem.reason not in before.reason:
            reason = f"{before.reason}; {problem.reason}"
            found[key] = msgspec.structs.replace(before, reason=reason, field=f"{before.field}, {problem.field}")
    yield from found.values()


def _said_wrong(file: FileOrder) -> Iterator[Problem]:
    at = {(said.file, said.line): line_no for line_no, said in enumerate(file.lines, start=1)}
    for problem in file.problems:
        hold = HOLDS.get(problem.reason, "")
        if hold and hold != LEFT_TO_THE_CHECK:
            line = at.get((file.file, problem.line), 0) if hold == "unknown_item" else 0
            yield Problem(
                reason=REASONS[problem.reason], field=problem.column, value=problem.value, hold=hold, line=line
            )


def _partly_unknown(file: FileOrder) -> Iterator[Problem]:
    if file.fulfillment_status not in PARTLY:
        return
    unclear = [line_no for line_no, said in enumerate(file.lines, start=1) if said.fulfillment_status in PARTLY]
    if not unclear and not any(_fulfilled(file, came_back=False)):
        unclear = [0]
    for line_no in unclear:
        yield Problem(reason=PARTLY_UNKNOWN, field="Lineitem fulfillment status", hold="changed", line=line_no)
