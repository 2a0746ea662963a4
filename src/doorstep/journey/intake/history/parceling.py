"""parceling: parcels that somebody else sent, or was to send: each is written down once, and moved on as more is told.

One never goes backwards: what is told to be less far than it was stays as it is, and is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from doorstep.journey.intake.content import Happened, ToldParcel
from doorstep.journey.intake.history.standing import VERB, KeptParcel, KeptPart, Standing
from doorstep.journey.intake.history.ways import Told, is_said_to_be_delivered
from doorstep.kit.ids import public
from doorstep.spine.outcome import Event, Insert, Outcome, Update
from doorstep.spine.status import PARCEL_COUNTER, PLANNED

# How far a parcel is, by the counter of its state; what came back was delivered or lost before, what is lost may come.
FAR = {
    PLANNED: 0, "parcels_pre_transit": 1, "parcels_in_transit": 2, "parcels_in_customs": 2,
    "parcels_out_for_delivery": 2, "parcels_available_for_pickup": 2, "parcels_exception": 2, "parcels_lost": 3,
    "parcels_delivered": 4, "parcels_returning": 5, "parcels_returned": 6,
}  # fmt: skip
TIMES = ("handed_over_at", "delivered_at")


def keep_parcels(outcome: Outcome, standing: Standing, told: Told, ids: Iterator[int]) -> None:
    """Write down the parcels that are told, and what is in them: lines as they stand now."""
    moved: list[KeptParcel] = []
    before = dict(standing.parts)
    insides = _insides(standing, told)
    known = _known(standing, told, insides)
    gone = [kept for kept in standing.parcels if all(kept is not other for other in known.values())]
    for parcel in told.there.parcels:
        _leave_what_is_further(insides[parcel.reference], gone, _state(told.there, parcel))
    for parcel in told.there.parcels:
        _tell_what_is_no_state(standing, parcel)
        lines, kept = insides[parcel.reference], known.get(parcel.reference)
        if kept is None and lines:
            kept = _open(outcome, standing, told, parcel, ids, _released(told, parcel.site, insides))
            _fill(outcome, standing, kept, "", lines)
            moved.append(kept)
        elif kept is not None:
            state = kept.state
            if _move_on(outcome, standing, told.there, kept, parcel):
                moved.append(kept)
            _fill(outcome, standing, kept, state, lines)
    _not_told(outcome, standing, told, insides, gone)
    _promise(outcome, standing, told, before)
    if moved and outcome.opens is None:
        times = [at for kept in moved for at in (kept.handed_over_at, kept.delivered_at) if at is not None]
        parcels = [{"parcel": public("par", kept.parcel_id), "state": kept.state} for kept in moved]
        data = {"what": "parcels", "parcels": parcels}
        outcome.events.append(Event(VERB, [], data, max(times, default=None)))


def _insides(standing: Standing, told: Told) -> dict[str, dict[int, int]]:
    """Units by line, per parcel; a line that stands in two is in the first."""
    insides: dict[str, dict[int, int]] = {}
    taken: set[int] = set()
    for parcel in told.there.parcels:
        lines = insides.setdefault(parcel.reference, {})
        for number in parcel.lines:
            unit = standing.told[number - 1] if number <= len(standing.told) else None
            if unit is not None and unit.ordered and unit.line_no not in taken:
                taken.add(unit.line_no)
                lines[unit.line_no] = unit.ordered
    return insides


def _known(standing: Standing, told: Told, insides: dict[str, dict[int, int]]) -> dict[str, KeptParcel]:
    """Which parcel of the books each is that is told: the one of its name, or one that has another name by now.

    With a tracking number comes a name; it is the same lines from the same site.
    """
    named = {kept.reference: kept for kept in standing.parcels}
    known: dict[str, KeptParcel] = {}
    names = {parcel.reference for parcel in told.there.parcels}
    for parcel in told.there.parcels if standing.parcels else ():
        site, lines = standing.goods.sites[parcel.site], insides[parcel.reference].keys()
        renamed = (
            kept for kept in standing.parcels
            if kept.reference not in names and kept.site_id == site and lines and kept.filled == lines
        )  # fmt: skip
        kept = named.get(parcel.reference) or next(renamed, None)
        if kept is not None:
            known[parcel.reference] = kept
    return known


def _leave_what_is_further(lines: dict[int, int], gone: list[KeptParcel], state: str) -> None:
    """What left in a parcel that nobody tells of any more is not in one now that is less far."""
    for kept in gone:
        for line_no in kept.filled & lines.keys():
            if _far(kept.state) > _far(state):
                del lines[line_no]


def _open(
    outcome: Outcome, standing: Standing, told: Told, parcel: ToldParcel, ids: Iterator[int], released: datetime | None
) -> KeptParcel:
    site = standing.goods.sites[parcel.site]
    part = standing.parts.get(site)
    if part is None:
        part = standing.parts[site] = KeptPart(next(ids), told.there.promised_on, released)
        values = {
            "fulfillment_order_id": part.fulfillment_order_id, "order_id": outcome.order, "site_id": site,
            "deliver_by": part.deliver_by, "created_at": told.placed_at, "released_at": part.released_at,
        }  # fmt: skip
        outcome.facts.append(Insert("fulfillment_order", values))
    kept = KeptParcel(
        parcel_id=next(ids), reference=parcel.reference, site_id=site, state=_state(told.there, parcel),
        carrier=parcel.carrier, tracking_number=parcel.tracking_number, handed_over_at=parcel.handed_over_at,
        delivered_at=parcel.delivered_at, site=parcel.site,
    )  # fmt: skip
    place = {
        "parcel_id": kept.parcel_id, "order_id": outcome.order, "fulfillment_order_id": part.fulfillment_order_id,
        "site_id": site,
    }  # fmt: skip
    outcome.facts.append(Insert("parcel", place | _row(kept)))
    standing.parcels.append(kept)
    return kept


def _released(told: Told, site: str, insides: dict[str, dict[int, int]]) -> datetime | None:
    """When the first parcel with something in it left the site."""
    filled = (parcel for parcel in told.there.parcels if parcel.site == site and insides[parcel.reference])
    times = (parcel.handed_over_at for parcel in filled)
    return min((at for at in times if at is not None), default=None)


def _row(kept: KeptParcel) -> dict[str, Any]:
    """Nobody packed it here; what left was packed when it left."""
    return {
        "reference": kept.reference, "state": kept.state, "carrier": kept.carrier,
        "tracking_number": kept.tracking_number, "packed_at": kept.handed_over_at,
        "handed_over_at": kept.handed_over_at, "delivered_at": kept.delivered_at,
    }  # fmt: skip


def _tell_what_is_no_state(standing: Standing, parcel: ToldParcel) -> None:
    if parcel.state not in ("", PLANNED, *PARCEL_COUNTER):
        reason = f"the parcel {parcel.reference} is said to be {parcel.state!r}, which is no state of a parcel"
        standing.contradicts("contradictory_status", reason, parcel=parcel.reference, state=parcel.state)


def _state(there: Happened, parcel: ToldParcel) -> str:
    if parcel.delivered_at is not None:
        return "delivered"
    if parcel.state in PARCEL_COUNTER:
        return parcel.state
    if parcel.handed_over_at is None:
        return PLANNED
    return "delivered" if is_said_to_be_delivered(there) else "in_transit"


def _move_on(outcome: Outcome, standing: Standing, there: Happened, kept: KeptParcel, parcel: ToldParcel) -> bool:
    """Take over what is told of it; answers whether something is other than it was."""
    before = _row(kept)
    state = _state(there, parcel)
    far = _far(state) - _far(kept.state)
    untold = [name for name in TIMES if getattr(kept, name) is not None and getattr(parcel, name) is None]
    if far < 0 or (far == 0 and untold):
        why = {name: getattr(kept, name).isoformat() for name in untold} | {"state": state, "before": kept.state}
        reason = f"the parcel {parcel.reference} is said to be {_spelled(state)}, and was {_spelled(kept.state)} before"
        if far == 0:
            reason = f"of the parcel {parcel.reference} the time is not told any more"
        standing.contradicts("parcel_went_back", reason, parcel=parcel.reference, **why)
    if standing.goods.sites[parcel.site] != kept.site_id:
        difference = {"field": f"parcels/{parcel.reference}/site", "before": kept.site, "now": parcel.site}
        reason = f"the parcel {parcel.reference} is said to have left from another site"
        standing.contradicts("correction_not_applied", reason, differences=[difference])
    kept.state = state if far >= 0 else kept.state
    for name in (*TIMES, "reference", "carrier", "tracking_number"):
        setattr(kept, name, getattr(parcel, name) or getattr(kept, name))
    after = _row(kept)
    if after != before:
        outcome.facts.append(Update("parcel", {"parcel_id": kept.parcel_id}, after))
    return after != before


def _far(state: str) -> int:
    return FAR[PARCEL_COUNTER.get(state, PLANNED)]


def _spelled(state: str) -> str:
    return state.replace("_", " ")


def _fill(outcome: Outcome, standing: Standing, kept: KeptParcel, state: str, lines: dict[int, int]) -> None:
    """Put so many units of each line into it. It counts, once it left, as long as something is in it."""
    counted = PARCEL_COUNTER.get(state) if kept.filled else None
    counts = PARCEL_COUNTER.get(kept.state) if lines else None
    if counted != counts:
        if counted:
            outcome.count(counted, -1)
        if counts:
            outcome.count(counts)
    for line_no in [*lines, *(kept.inside.keys() - lines.keys())]:
        units = lines.get(line_no, 0)
        if line_no not in kept.inside:
            values = {
                "parcel_id": kept.parcel_id, "line_no": line_no, "sku_id": standing.lines[line_no - 1].sku_id,
                "quantity": units,
            }  # fmt: skip
            outcome.facts.append(Insert("parcel_line", values))
        elif kept.inside[line_no] != units:
            where = {"parcel_id": kept.parcel_id, "line_no": line_no, "lot": ""}
            outcome.facts.append(Update("parcel_line", where, {"quantity": units}))
    kept.inside = {**dict.fromkeys(kept.inside, 0), **lines}


def _not_told(
    outcome: Outcome, standing: Standing, told: Told, insides: dict[str, dict[int, int]], gone: list[KeptParcel]
) -> None:
    """Parcels that are told no more: what is in others now is not in them; what is nowhere else stays."""
    elsewhere = {line_no for lines in insides.values() for line_no in lines}
    for kept in gone:
        left = {
            line_no: min(units, standing.lines[line_no - 1].ordered)
            for line_no, units in kept.inside.items()
            if line_no not in elsewhere
        }
        _fill(outcome, standing, kept, kept.state, {line_no: units for line_no, units in left.items() if units})
        if told.there.parcels and kept.filled:
            reason = f"the parcel {kept.reference} is not told any more"
            standing.contradicts("parcel_went_back", reason, parcel=kept.reference, before=kept.state)


def _promise(outcome: Outcome, standing: Standing, told: Told, before: dict[int, KeptPart]) -> None:
    """Of parts that are here: another day is promised, or the first of their parcels left."""
    promised = told.there.promised_on
    for site, part in before.items():
        kept = [kept.handed_over_at for kept in standing.parcels if kept.site_id == site]
        released = min((at for at in kept if at is not None), default=part.released_at)
        after = KeptPart(part.fulfillment_order_id, promised or part.deliver_by, released)
        if kept and after != part:
            where = {"fulfillment_order_id": part.fulfillment_order_id}
            values = {"deliver_by": after.deliver_by, "released_at": after.released_at}
            outcome.facts.append(Update("fulfillment_order", where, values))
        if kept and after.deliver_by != part.deliver_by:
            data = {"what": "promised", "deliver_by": str(after.deliver_by)}
            outcome.events.append(Event(VERB, [], data))
