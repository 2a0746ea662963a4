"""sendle: tracking events by type, which the description makes finer."""

from __future__ import annotations

from typing import Any

from doorstep.plug.carrier import TrackEvent
from doorstep.plug.words.meaning import Meaning, event, meaning_of, moment, parts, table, word

MEANINGS = table({
    "Pickup Attempted": Meaning("", "pre_transit", "", "not_ready", "merchant"),
    "Pickup": Meaning("EMA", "accepted"),
    "Dropped Off": Meaning("EMA", "accepted"),
    "In Transit": Meaning("", "in_transit"),
    "Info": Meaning("", "in_transit"),
    "Local Delivery": Meaning("EDG", "out_for_delivery"),
    "Out for Delivery": Meaning("EDG", "out_for_delivery"),
    "Card Left": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "Delivery Attempted": Meaning("EMH", "attempted"),
    "Left with Agent": Meaning("EDH", "available_for_pickup"),
    "Delivered": Meaning("EMI", "delivered"),
    "Damaged": Meaning("", "damaged", "", "damaged", "carrier"),
    "Lost": Meaning("", "lost", "", "lost", "carrier"),
    "Return To Sender": Meaning("", "returning"),
    "Returned": Meaning("", "returned_to_sender"),
    "Cancelled": Meaning("", "canceled"),
})  # fmt: skip


def read(told: Any) -> dict[str, list[TrackEvent]]:
    """The answer does not repeat the number that was asked for: who asks, knows it."""
    return {word(told, "sendle_reference"): [_event(row) for row in parts(told, "tracking_events")]}


def _event(row: Any) -> TrackEvent:
    kind, text = word(row, "event_type"), word(row, "description")
    return event(
        meaning_of(MEANINGS, kind, text=text), at=moment(word(row, "scan_time")), raw=kind,
        place=word(row, "location"), text=text,
    )  # fmt: skip
