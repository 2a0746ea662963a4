"""shippo: tracks and the transactions that carry them, by status and substatus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doorstep.plug.carrier import TrackEvent
from doorstep.plug.states import NEWS
from doorstep.plug.words.meaning import Meaning, event, joined, meaning_of, moment, part, parts, table, word

MEANINGS = table({
    "UNKNOWN": Meaning("", NEWS, "Not found at the carrier yet"),
    "PRE_TRANSIT": Meaning("", "pre_transit"),
    "TRANSIT": Meaning("", "in_transit"),
    "DELIVERED": Meaning("EMI", "delivered"),
    "RETURNED": Meaning("", "returning"),
    "FAILURE": Meaning("", "exception"),
    # substatus
    "information_received": Meaning("", "pre_transit"),
    "package_accepted": Meaning("EMA", "accepted"),
    "package_arrived": Meaning("", "in_transit"),
    "package_departed": Meaning("", "in_transit"),
    "package_processed": Meaning("", "in_transit"),
    "package_processing": Meaning("", "in_transit"),
    "package_forwarded": Meaning("", "redirected"),
    "package_held": Meaning("", "delayed", "", "held", "carrier"),
    "delayed": Meaning("", "delayed", "", "", "carrier"),
    "delivery_scheduled": Meaning("", NEWS),
    "delivery_rescheduled": Meaning("", "delayed", "", "rescheduled", ""),
    "reschedule_delivery": Meaning("EMH", "attempted", "", "rescheduled", ""),
    "delivery_attempted": Meaning("EMH", "attempted"),
    "notice_left": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "location_inaccessible": Meaning("EMH", "attempted", "", "no_access", "buyer"),
    "out_for_delivery": Meaning("EDG", "out_for_delivery"),
    "pickup_available": Meaning("EDH", "available_for_pickup"),
    "address_issue": Meaning("", "exception", "", "wrong_address", "merchant"),
    "contact_carrier": Meaning("", "exception"),
    "delivered": Meaning("EMI", "delivered"),
    "return_to_sender": Meaning("", "returning"),
    "package_unclaimed": Meaning("", "returning", "", "unclaimed", "buyer"),
    "package_undeliverable": Meaning("", "exception", "", "undeliverable", ""),
    "package_damaged": Meaning("", "damaged", "", "damaged", "carrier"),
    "package_disposed": Meaning("", "destroyed", "", "destroyed", "carrier"),
    "package_lost": Meaning("", "lost", "", "lost", "carrier"),
})  # fmt: skip


def read(told: Any) -> dict[str, list[TrackEvent]]:
    """A webhook wraps the track in `data`; of a label that is bought only now there is no number yet."""
    found: dict[str, list[TrackEvent]] = {}
    for one in (told, *parts(told, "results"), part(told, "data")):
        if number := word(one, "tracking_number"):
            found.setdefault(number, []).extend(_events(one))
    return found


def _events(track: Any) -> Iterator[TrackEvent]:
    rows = parts(track, "tracking_history")
    last = part(track, "tracking_status")
    if isinstance(last, dict) and not any(_same(row, last) for row in rows):
        rows = [*rows, last]
    for row in rows:
        status, fine = word(row, "status"), word(row, "substatus", "code") or word(row, "substatus")
        text = joined(word(row, "status_details"), word(row, "substatus", "text"))
        spot = part(row, "location")
        yield event(
            meaning_of(MEANINGS, fine, status, text=text),
            at=moment(word(row, "status_date") or word(row, "object_created")), raw=joined(status, fine),
            place=joined(word(spot, "city"), word(spot, "state")), country=word(spot, "country"), text=text,
        )  # fmt: skip


def _same(one: Any, other: Any) -> bool:
    return all(part(one, name) == part(other, name) for name in ("status", "status_date", "status_details"))
