"""track: what the carrier tells of a parcel, in its own words and UPU codes; repeats and wrong order are harmless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.plug.carrier import TrackEvent
from doorstep.plug.states import FINAL_STATES, TROUBLE_STATES, delivery_state, state_of_upu
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, Update
from doorstep.spine.parcels import ParcelFacts, count_state, of_parcel, outcome_of_parcel, parcel_facts
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

KNOWN = """
select parcel_id, digest, happened_at, code, raw_code, state, place, message from parcel_event
  where merchant_id = any($1) and parcel_id = any($2)
"""
# A parcel that is not at its end after so long is followed no more; the silence is somebody's to look at.
FOLLOWED_FOR = timedelta(days=90)

Word = Annotated[str, Meta(max_length=60)]
State = Annotated[str, Meta(max_length=40, description="a delivery state; empty: derived from the UPU code")]


class Scan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event as the carrier tells it: UPU EMSEVT code where it has one, its own code always."""

    happened_at: datetime
    code: Word = ""
    raw_code: Word = ""
    state: State = ""
    place: Annotated[str, Meta(max_length=200)] = ""
    message: Annotated[str, Meta(max_length=1000)] = ""


class Track(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`ask_again_at` and `round`: from the errand that follows the parcel."""

    parcel: str
    events: Annotated[list[Scan], Meta(max_length=500)] = []
    ask_again_at: datetime | None = None
    round: int = 0


class Tracked(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is what all events together say; `new_events` were not known before."""

    order: str
    parcel: str
    state: str
    new_events: int


@verb(Track, Tracked)
async def track(tx: Tx, asks: list[Ask[Track]]) -> list[Result]:
    """Add what the carrier tells; the parcel's state is computed from all its events, in whatever order they came."""
    parcels = await parcel_facts(tx, [ask.body.parcel for ask in asks])
    known: dict[int, dict[bytes, TrackEvent]] = {parcel: {} for parcel in parcels}
    for row in await tx.rows(KNOWN, list(tx.merchants), list(parcels)):
        known[row["parcel_id"]][row["digest"]] = _event_of(row)
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: decide(of_parcel(parcels, ask.merchant, ask.body.parcel), known, ids, ask))


def decide(
    parcel: ParcelFacts, known: dict[int, dict[bytes, TrackEvent]], ids: Iterator[int], ask: Ask[Track]
) -> Outcome:
    """`known` grows as the batch goes, so that two asks of one parcel add up."""
    events = known[parcel.parcel_id]
    before = _state(parcel, events.values())
    new = {digest_of(scan): scan for scan in map(as_event, ask.body.events)}
    new = {digest: scan for digest, scan in new.items() if digest not in events}
    events |= new
    after = delivery_state(events.values()) if new else before
    outcome = outcome_of_parcel(parcel, state=after, new_events=len(new))
    if new:
        told = {"parcel": ask.body.parcel, "state": after, "events": [_told(scan) for scan in new.values()]}
        outcome.events = [Event("track", data=told, happened_at=max(scan.happened_at for scan in new.values()))]
        outcome.facts = [Insert("parcel_event", _row(parcel, digest, scan, ask)) for digest, scan in new.items()]
    if after != before:
        if parcel.lines:  # an emptied parcel is counted nowhere
            count_state(outcome, before, after)
        outcome.facts.append(Update("parcel", {"parcel_id": parcel.parcel_id}, {"state": after}))
        if after in TROUBLE_STATES or after == "returned_to_sender":
            outcome.facts.append(_attention(next(ids), parcel, after, new, ask))
    outcome.verb = "track"
    outcome.then = list(_then(parcel, before, after, events.values(), ask))
    return outcome


def as_event(scan: Scan) -> TrackEvent:
    state = scan.state or state_of_upu(scan.code)
    return TrackEvent(
        happened_at=scan.happened_at, code=scan.code, raw_code=scan.raw_code, state=state, place=scan.place,
        message=scan.message,
    )  # fmt: skip


def digest_of(event: TrackEvent) -> bytes:
    return blake2b(event.fingerprint.encode(), digest_size=16).digest()


def _state(parcel: ParcelFacts, events: Iterable[TrackEvent]) -> str:
    """A state that somebody recorded by hand is an event too, so the events always tell."""
    found = list(events)
    return delivery_state(found) if found else parcel.state


def _event_of(row: Mapping[str, Any]) -> TrackEvent:
    names = ("happened_at", "code", "raw_code", "state", "place", "message")
    return TrackEvent(**{name: row[name] for name in names})


def _told(scan: TrackEvent) -> dict[str, Any]:
    return {
        "happened_at": scan.happened_at, "code": scan.code, "raw_code": scan.raw_code, "state": scan.state,
        "place": scan.place, "message": scan.message,
    }  # fmt: skip


def _row(parcel: ParcelFacts, digest: bytes, scan: TrackEvent, ask: Ask[Any]) -> dict[str, Any]:
    return {"parcel_id": parcel.parcel_id, "digest": digest, "recorded_at": ask.at} | _told(scan)


def _attention(
    attention: int, parcel: ParcelFacts, state: str, new: Mapping[bytes, TrackEvent], ask: Ask[Track]
) -> Insert:
    last = max(new.values(), key=lambda scan: scan.happened_at)
    actions = {
        "returned_to_sender": "take it back at the site, then resend or refund",
        "customs_hold": "send customs what it asks for",
        "attempted": "ask the buyer for a better time or address",
        "lost": "claim it from the carrier, resend or refund",
    }
    return Insert("attention", {
        "attention_id": attention, "kind": f"delivery_{state}", "order_id": parcel.order.order_id,
        "parcel_id": parcel.parcel_id, "reason": last.message or f"the carrier says {state.replace('_', ' ')}",
        "next_action": actions.get(state, "ask the carrier, tell the buyer"), "why": _told(last), "raised_at": ask.at,
    })  # fmt: skip


def _then(parcel: ParcelFacts, before: str, after: str, events: Iterable[TrackEvent], ask: Ask[Track]) -> Iterator[Job]:
    name = ask.body.parcel
    if not parcel.handed_over_at and after != "pre_transit" and parcel.label_state == "bought" and parcel.lines:
        # The carrier has it, whoever forgot to scan it out.
        yield Job("hand_over", {"parcel": name, "happened_at": min(event.happened_at for event in events)})
    elif after != before and parcel.handed_over_at:
        if after == "delivered":
            yield Job("deliver", {"parcel": name, "happened_at": _when(events, "delivered")})
        elif after in ("lost", "destroyed", "seized"):
            yield Job("lose", {"parcel": name, "reason": after})
    again = ask.body.ask_again_at
    young = parcel.handed_over_at is None or ask.at - parcel.handed_over_at < FOLLOWED_FOR
    if again and after not in FINAL_STATES and young:
        next_round = ask.body.round + 1
        yield Job("follow", {"parcel": name, "round": next_round}, again, key=f"follow:{name}:{next_round}")


def _when(events: Iterable[TrackEvent], state: str) -> datetime:
    return max(event.happened_at for event in events if event.state == state)
