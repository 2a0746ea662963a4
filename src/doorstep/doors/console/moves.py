"""moves: the buttons: what this person may do with an order now, each a small form (`move_forms`) for one verb.

A button is shown when the verb's row has units or money to move, and the person one of its roles. Whether it really
may happen is the verb's to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from doorstep.doors.console import move_forms as forms
from doorstep.doors.console.allowing import may
from doorstep.doors.console.move_forms import ON_SHELF, Move
from doorstep.doors.console.whole import Parcel, Whole
from doorstep.doors.reads.order import Hold, Payment
from doorstep.journey.cash.books import BY_HAND, CHANNEL
from doorstep.journey.fulfillment.unpack import LABELED
from doorstep.spine.journey import ROWS

CLOSED = ("canceled", "expired")
UNBILLED = ("not_invoiced", "partly_invoiced")
OVER = (*CLOSED, "completed")
Moves = Mapping[str, list[Move]]  # by what they are about: "order", hld_…, ful_…, par_…


def moves(of: Whole, roles: frozenset[str]) -> Moves:
    """What may be done now, by what it is about."""
    found: dict[str, list[Move]] = defaultdict(list)
    for about, move, fits in _all(of):
        stopped = of.is_stopped and ROWS[move.verb].held
        if fits and not stopped and may(move.verb, roles):
            found[about].append(move if "operator" in roles else _as_merchant(move))
    return found


def _as_merchant(move: Move) -> Move:
    """A merchant's own hold is of the kind merchant unless they say otherwise."""
    return move.filled({"type": "merchant"}) if move.verb == "hold" else move


def find(of: Whole, verb: str, form: Mapping[str, str]) -> Move | None:
    """The form that was posted, also when it does not fit any more: why not, the verb says better."""
    for _about, move, _fits in _all(of):
        if move.verb == verb and all(form.get(name, "") == value for name, value in move.subject.items()):
            return move
    return None


def _all(of: Whole) -> Iterator[tuple[str, Move, bool]]:
    """Every form there is for this order: what it is about, and whether there is something for it to move."""
    for move, fits in _of_order(of):
        yield "order", move, fits
    for hold in of.order.holds:
        is_open = hold.lifted_at is None
        if hold.line:
            yield hold.id, forms.name_item(of, hold.line), is_open and hold.type == "unknown_item"
        yield hold.id, forms.fix_address(of), is_open and (hold.type == "address" or "ship_to.tax_id" in _wanted(hold))
        yield hold.id, forms.review_party(of), is_open and hold.type == "denied_party"
        yield hold.id, forms.keep_filing(of), is_open and "itn" in _wanted(hold)
        yield hold.id, forms.record_payment(of), is_open and hold.type == "payment" and of.due_minor > 0
        # What is unknown stays so until it is named.
        yield hold.id, forms.lift(of, hold.id), is_open and not (hold.type == "unknown_item" and hold.line)
    for case in of.cases:
        yield case.id, forms.answer_case(of, case), True
        yield case.id, forms.close_case(of, case.id), case.closed_at is None
    for part in of.parts:
        stages = {stage for _, _, stage in part.to_do}
        yield part.row.id, forms.release(of, part.row.id), part.row.released_at is None and "promised" in stages
        yield part.row.id, forms.pack(of, part.row.id), "picked" in stages
        yield part.row.id, forms.unpick(of, part), "picked" in stages
    for parcel in of.parcels:
        for move, fits in _of_parcel(of, parcel):
            yield parcel.row.id, move, fits


def _wanted(hold: Hold) -> set[str]:
    """The fields that would end it."""
    return {str(field.get("field")) for field in hold.why.get("fields", ())}


def _of_order(of: Whole) -> Iterator[tuple[Move, bool]]:
    stage, cash, units = of.order.statuses.stage, of.order.cash, of.units
    on_shelf, out = any(units[each] for each in ON_SHELF), units["shipped"] + units["delivered"] > 0
    yield forms.confirm(of), stage == "draft"
    yield forms.record_payment(of), of.due_minor > 0 and stage not in (*CLOSED, "draft")
    yield forms.want_authorization(of), of.due_minor > cash.held and _may_be_asked_again(of)
    yield forms.want_capture(of), _held(of) > 0 and out
    yield forms.capture(of, _held_by_channel(of)), _held_by_channel(of) > 0 and out
    yield forms.want_release_of_funds(of), _held(of) > max(0, of.due_minor)
    yield forms.remit(of), cash.collected > 0
    yield forms.issue_invoice(of), out and not of.order.history and of.order.statuses.invoicing in UNBILLED
    yield forms.issue_credit(of), cash.invoiced > cash.credited
    yield forms.want_refund(of), of.due_minor < 0
    for payment in of.order.payments:
        yield forms.refund(of, payment), _is_refunded_by_hand(payment)
    yield forms.hold(of), stage not in OVER
    yield forms.fix_address(of), on_shelf
    yield forms.insure(of), on_shelf
    yield forms.check(of), stage in ("received", "processing")
    yield forms.take_back(of), out
    yield forms.note(of), True
    yield forms.open_case(of), True
    yield forms.unpromise(of), units["promised"] > 0
    yield forms.cancel(of), on_shelf


def _payments(of: Whole, kind: str, state: str) -> list[Payment]:
    return [payment for payment in of.order.payments if payment.kind == kind and payment.state == state]


def _may_be_asked_again(of: Whole) -> bool:
    return any(_payments(of, "authorization", state) for state in ("declined", "expired"))


def _held_by_channel(of: Whole) -> int:
    """Of the money that is held, at most what the channel itself holds."""
    return min(of.order.cash.held, sum(p.amount_minor for p in _payments(of, "authorization", "done")
                                       if p.provider == CHANNEL))  # fmt: skip


def _held(of: Whole) -> int:
    """By providers, and not asked for yet: to be taken, or let go."""
    asked = sum(p.amount_minor for kind in ("capture", "release") for p in _payments(of, kind, "wanted"))
    return of.order.cash.held - _held_by_channel(of) - asked


def _is_refunded_by_hand(payment: Payment) -> bool:
    return (payment.kind, payment.state) == ("refund", "wanted") and payment.provider in (BY_HAND, CHANNEL)


def _of_parcel(of: Whole, parcel: Parcel) -> Iterator[tuple[Move, bool]]:
    row = parcel.row
    here = parcel.is_here and bool(parcel.lines)
    on_the_road = parcel.has_left and row.delivered_at is None and of.units["shipped"] > 0
    yield forms.hand_over(of, row.id), here and row.label_state == "bought"
    yield forms.want_label(of, row.id), here and row.label_state in ("none", "refused", "void")
    yield forms.keep_label(of, row.id), here and row.label_state != "bought"
    yield forms.want_void(of, row.id), here and row.label_state == "bought"
    yield forms.keep_void(of, row.id), here and row.label_state == "void_wanted"
    yield forms.unpack(of, row.id), here and row.label_state not in LABELED
    yield forms.track(of, row.id), on_the_road or (here and row.label_state == "bought")
    yield forms.number(of, row.id), on_the_road or (here and row.label_state == "bought")
    yield forms.instruct(of, row.id), on_the_road
    back = parcel.back
    needs_way_back = back is None or back.state in ("refused", "void")
    yield forms.want_return_label(of, row.id), parcel.has_left and bool(parcel.lines) and needs_way_back
    if back is not None:
        yield forms.want_return_void(of, back.id), back.state == "bought"
        yield forms.keep_return_void(of, back.id), back.state == "void_wanted"
    yield forms.deliver(of, row.id), on_the_road
    yield forms.lose(of, row.id), on_the_road
