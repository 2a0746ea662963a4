"""teleship: one parcel of several legs, whose numbers all find it."""

from __future__ import annotations

from typing import Any

from doorstep.plug.carrier import TrackEvent
from doorstep.plug.words.meaning import Meaning, event, meaning_of, moment, parts, table, word

MEANINGS = table({
    "created": Meaning("", "pre_transit"), "label_created": Meaning("", "pre_transit"),
    "picked_up": Meaning("EMA", "accepted"), "in_transit": Meaning("", "in_transit"),
    "customs": Meaning("EDB", "in_customs"), "customs_cleared": Meaning("EDC", "customs_released"),
    "customs_hold": Meaning("EME", "customs_hold", "", "papers", "merchant"),
    "out_for_delivery": Meaning("EDG", "out_for_delivery"), "delivery_attempted": Meaning("EMH", "attempted"),
    "available_for_pickup": Meaning("EDH", "available_for_pickup"), "delivered": Meaning("EMI", "delivered"),
    "exception": Meaning("", "exception"), "returned": Meaning("", "returning"), "cancelled": Meaning("", "canceled"),
})  # fmt: skip


def read(told: Any) -> dict[str, list[TrackEvent]]:
    seen = [_event(row) for row in parts(told, "events")]
    numbers = (word(told, "trackingNumber"), *(word(told, leg, "trackingNumber") for leg in ("firstMile", "lastMile")))
    return {number: seen for number in dict.fromkeys(numbers) if number}


def _event(row: Any) -> TrackEvent:
    code, text, place = word(row, "code"), word(row, "description"), word(row, "location")
    country = place.rpartition(", ")[2]
    return event(
        meaning_of(MEANINGS, code, text=text), at=moment(word(row, "timestamp")), raw=code, place=place,
        country=country if len(country) == 2 else "", text=text,
    )  # fmt: skip
