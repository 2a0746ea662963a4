"""scans: an event of a parcel's way in each of its shapes: as it is told to us, as carriers have it, as it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, structs

from doorstep.plug.carrier import Proof, TrackEvent
from doorstep.plug.states import state_of_upu, stronger
from doorstep.spine.outcome import Insert, Update

Word = Annotated[str, Meta(max_length=200)]
Leg = Literal["", "first_mile", "line_haul", "last_mile"]
State = Annotated[str, Meta(max_length=40, description="a delivery state, or `news`; empty: that of the UPU code")]
# An event as it is kept, and what of it may be told better later.
KEPT = (
    "happened_at", "code", "raw_code", "state", "place", "message", "reason", "party", "proof", "until", "holder",
    "leg",
)  # fmt: skip
MENDED = tuple(name for name in KEPT if name not in ("happened_at", "raw_code", "place"))


class ProofOfDelivery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signed, where it was left, and where signature and photo can be seen."""

    signed_by: Word = ""
    left_at: Word = ""
    signature: Annotated[str, Meta(max_length=2000)] = ""
    photo: Annotated[str, Meta(max_length=2000)] = ""


class Scan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event as the carrier tells it: UPU EMSEVT code where it has one, its own code always.

    `reason` is why it went wrong, `party` at whose side. `holder` had the parcel on this `leg` of its way; without
    them it is the label's carrier, on the whole way.
    """

    happened_at: datetime
    code: Annotated[str, Meta(max_length=60)] = ""
    raw_code: Word = ""
    state: State = ""
    place: Annotated[str, Meta(max_length=200)] = ""
    message: Annotated[str, Meta(max_length=1000)] = ""
    reason: Annotated[str, Meta(max_length=60)] = ""
    party: Annotated[str, Meta(max_length=60)] = ""
    proof: ProofOfDelivery | None = None
    until: Annotated[date | None, Meta(description="how long it can be picked up")] = None
    holder: Annotated[str, Meta(max_length=60)] = ""
    leg: Leg = ""


def told_by(scans: Iterable[Scan]) -> dict[bytes, TrackEvent]:
    """Each event once, however often it is told."""
    told: dict[bytes, TrackEvent] = {}
    for event in map(as_event, scans):
        digest = digest_of(event)
        told[digest] = stronger(told[digest], event) if digest in told else event
    return told


def as_event(scan: Scan) -> TrackEvent:
    proof = Proof(**structs.asdict(scan.proof)) if scan.proof else None
    return TrackEvent(**{**structs.asdict(scan), "state": scan.state or state_of_upu(scan.code), "proof": proof})


def digest_of(event: TrackEvent) -> bytes:
    return blake2b(event.fingerprint.encode(), digest_size=16).digest()


def event_of(row: Mapping[str, Any]) -> TrackEvent:
    """As its row keeps it."""
    proof = msgspec.json.decode(row["proof"], type=Proof) if row["proof"] else None
    return TrackEvent(**{**{name: row[name] for name in KEPT}, "proof": proof})


def as_told(event: TrackEvent) -> dict[str, Any]:
    """For the timeline: what says nothing is left out."""
    told: dict[str, Any] = {
        "happened_at": event.happened_at, "code": event.code, "raw_code": event.raw_code, "state": event.state,
        "place": event.place, "message": event.message,
    }  # fmt: skip
    if event.reason or event.party:
        told |= {"reason": event.reason, "party": event.party}
    if event.leg or event.holder:
        told |= {"leg": event.leg, "holder": event.holder}
    if event.proof:
        told["proof"] = event.proof
    if event.until:
        told["until"] = event.until
    return told


def new_row(parcel: int, event: TrackEvent, at: datetime) -> Insert:
    kept = {name: getattr(event, name) for name in KEPT}
    return Insert("parcel_event", {"parcel_id": parcel, "digest": digest_of(event), "recorded_at": at} | kept)


def mended_row(parcel: int, event: TrackEvent) -> Update:
    """The same event, told with more sense than before."""
    found = {"parcel_id": parcel, "digest": digest_of(event)}
    return Update("parcel_event", found, {name: getattr(event, name) for name in MENDED})
