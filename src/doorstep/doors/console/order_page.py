"""order_page: `/orders/ord_…`: everything about one order, and its next moves."""

from __future__ import annotations

from secrets import token_hex

from litestar import Response

from doorstep.doors.console import words
from doorstep.doors.console.allowing import may
from doorstep.doors.console.move_forms import Move
from doorstep.doors.console.moves import moves
from doorstep.doors.console.route import stops
from doorstep.doors.console.standing import decided, standing
from doorstep.doors.console.undoing import undo
from doorstep.doors.console.visit import Visit
from doorstep.doors.console.whole import Whole, whole, with_ways
from doorstep.kit.ids import number
from doorstep.kit.refusals import Refusal
from doorstep.setup.tracking_links import tracking_links
from doorstep.spine.status import BUYER_STEP


async def show(visit: Visit) -> Response[str]:
    return await _page(visit, 200, did=visit.query.get("did", ""), opened=visit.query.get("open", ""))


async def refused(visit: Visit, refusal: Refusal, move: Move | None) -> Response[str]:
    """The page as it is now, with the no at its top and the form as it was filled in."""
    return await _page(visit, refusal.status, refusal=refusal, tried=move)


async def _page(
    visit: Visit, status: int, *, did: str = "", opened: str = "", refusal: Refusal | None = None,
    tried: Move | None = None,
) -> Response[str]:  # fmt: skip
    """`opened`: the verb whose form is open, as `tried` is."""
    async with visit.reading() as tx:
        of = await whole(tx, visit.path["order"])
    of = await with_ways(visit.db, of)
    found = moves(of, visit.visitor.actor.roles)
    return visit.show(
        "order.html",
        status,
        of=of,
        steps=_steps(of),
        standing=standing(of),
        risks=words.RISKS,
        may_send_again=_is_out(of) and may("place", visit.visitor.actor.roles),
        decided=decided(of),
        moves=found,
        did=words.HAPPENED.get(did, ""),
        undo=undo(of, did, visit.query.get("hold", ""), visit.visitor.actor.roles),
        stops=stops,
        tracking=tracking_links().url(of.merchant, number("ord", of.order.id)),
        refusal=refusal,
        reasons=words.reasons(refusal) if refusal else [],
        tried=tried or next((move for each in found.values() for move in each if move.verb == opened), None),
        once=token_hex(16),
    )


def _is_out(of: Whole) -> bool:
    """Something of it left, and may have to be sent once more."""
    return any(of.units[stage] for stage in ("shipped", "delivered", "taken_back", "lost"))


def _steps(of: Whole) -> list[tuple[str, str]]:
    """The buyer's five steps, each done, now or to come; none for an order that is not on its way to anybody."""
    step = BUYER_STEP[of.order.statuses.stage]
    if of.order.statuses.delivery == "delivered" and step == "On its way":
        step = "Delivered"
    if step not in words.STEPS:
        return []
    now = list(words.STEPS).index(step)
    at_end = now == len(words.STEPS) - 1
    return [
        (name, "done" if index < now or at_end else "now" if index == now else "ahead")
        for index, name in enumerate(words.STEPS.values())
    ]
