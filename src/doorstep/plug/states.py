"""states: what a parcel's events say about where it is, in whatever order and however often told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from doorstep.plug.carrier import TrackEvent

# In the order of the journey: of two events of the same instant the later one here counts.
DELIVERY_STATES: tuple[str, ...] = (
    "pre_transit",
    "canceled",
    "accepted",
    "in_transit",
    "export_customs",
    "departed",
    "arrived",
    "in_customs",
    "customs_hold",
    "customs_released",
    "delayed",
    "out_for_delivery",
    "attempted",
    "available_for_pickup",
    "exception",
    "redirected",
    "damaged",
    "refused",
    "returning",
    "lost",
    "destroyed",
    "seized",
    "returned_to_sender",
    "delivered",
)

# What a carrier tells that does not change where the parcel is. An empty state is a word that nobody knows.
NEWS = "news"

# Nothing follows these. `lost` and `canceled` are beliefs that a later scan proves wrong, so not here.
FINAL_STATES: frozenset[str] = frozenset({"delivered", "returned_to_sender", "destroyed", "seized"})

# Someone has to look: the parcel does not move on by itself, or not to where it should.
TROUBLE_STATES: frozenset[str] = frozenset(
    {"customs_hold", "delayed", "attempted", "exception", "damaged", "refused", "returning", "lost"}
)

# UPU EMSEVT V3 event codes.
STATE_OF_UPU: dict[str, str] = {
    "EMA": "accepted",  # posting, collection
    "EMB": "in_transit",  # arrival at outward office of exchange
    "EXA": "export_customs",  # presented to export customs or security
    "EXB": "export_customs",  # held by export customs
    "EXC": "in_transit",  # returned from export customs
    "EXD": "delayed",  # held at outward office of exchange
    "EXX": "returning",  # export canceled
    "EMC": "departed",  # departure from outward office of exchange
    "EMJ": "in_transit",  # arrival at transit office
    "EMK": "in_transit",  # departure from transit office
    "EMD": "arrived",  # arrival at inward office of exchange
    "EDA": "delayed",  # held at inward office of exchange
    "EDB": "in_customs",  # presented to import customs
    "EME": "in_customs",  # held by import customs: the ordinary stop of a dutiable parcel
    "EDC": "customs_released",  # returned from import customs
    "EMF": "in_transit",  # departure from inward office of exchange
    "EDD": "in_transit",  # into sorting center
    "EDE": "in_transit",  # out of sorting center
    "EMG": "in_transit",  # arrival at delivery office
    "EDF": "delayed",  # held at delivery office
    "EDG": "out_for_delivery",
    "EDH": "available_for_pickup",
    "EMH": "attempted",
    "EMI": "delivered",
    "EDX": "exception",  # import terminated
}

_RANK = {state: rank for rank, state in enumerate(DELIVERY_STATES)}


def is_known(state: str) -> bool:
    """Whether somebody knows what it says: a place on the way, or that it does not change it."""
    return state in _RANK or state == NEWS


def stronger(one: TrackEvent, other: TrackEvent) -> TrackEvent:
    """Of two tellings of one event the one that says more: the same whichever came first."""
    return max(one, other, key=_says)


def says_more(one: TrackEvent, than: TrackEvent) -> bool:
    """Whether one telling of an event makes more sense of it; another wording alone does not."""
    return _says(one)[:-1] > _says(than)[:-1]


def _says(event: TrackEvent) -> tuple[bool, int, str, str, str, bool, str, str, str]:
    rank = _RANK.get(event.state, -1)
    return (
        is_known(event.state), rank, event.code, event.reason, event.party, event.proof is not None, event.leg,
        event.holder, event.message,
    )  # fmt: skip


def state_of_upu(code: str) -> str:
    """Empty for a code we do not know: kept and shown, without a say in the state."""
    return STATE_OF_UPU.get(code.strip().upper(), "")


def delivery_state(events: Iterable[TrackEvent]) -> str:
    """Final states dominate, then any scan over the mere label; later beats earlier, ties go by rank."""
    deciding = deciding_event(events)
    return deciding.state if deciding else "pre_transit"


def deciding_event(events: Iterable[TrackEvent]) -> TrackEvent | None:
    """The event that the state rests on; None when none says anything."""
    # The fingerprint only makes the choice among equals the same in every order.
    deciding = (event for event in events if event.state in _RANK)
    return max(deciding, key=lambda event: (weight(event), event.fingerprint), default=None)


class Weight(NamedTuple):
    """How much an event has to say about where the parcel is: the state is that of the heaviest there is."""

    standing: int  # final, moving, the mere label, nothing
    at: datetime | None
    rank: int
    state: str

    @classmethod
    def of(cls, state: str, at: datetime | None) -> Weight:
        return cls(_standing(state), at, _RANK.get(state, -1), state)

    def _key(self) -> tuple[int, datetime, int]:
        return self.standing, self.at or _LONG_AGO, self.rank

    def __lt__(self, other: tuple[object, ...]) -> bool:
        return isinstance(other, Weight) and self._key() < other._key()

    def __gt__(self, other: tuple[object, ...]) -> bool:
        return isinstance(other, Weight) and self._key() > other._key()

    @property
    def says_where(self) -> bool:
        return self.standing > _NOTHING

    @property
    def is_moving(self) -> bool:
        return self.standing >= _MOVING and self.state != "canceled"


def weight(event: TrackEvent) -> Weight:
    return Weight.of(event.state, event.happened_at)


_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_NOTHING, _LABEL, _MOVING, _FINAL = range(4)


def _standing(state: str) -> int:
    if state in FINAL_STATES:
        return _FINAL
    if state not in _RANK:
        return _NOTHING
    return _LABEL if state == "pre_transit" else _MOVING
