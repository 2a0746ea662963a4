"""karrio: what Karrio's connectors make of carriers' answers: states in its own words beside each carrier's code."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from doorstep.plug.carrier import Proof, TrackEvent
from doorstep.plug.words.meaning import Meaning, event, meaning_of, moment, part, parts, table, word

# By status and reason, then by the status alone, which the carrier's own text makes finer.
MEANINGS = table({
    "pending": Meaning("", "pre_transit"),
    "picked_up": Meaning("EMA", "accepted"),
    "in_transit": Meaning("", "in_transit"),
    "out_for_delivery": Meaning("EDG", "out_for_delivery"),
    "ready_for_pickup": Meaning("EDH", "available_for_pickup"),
    "delivered": Meaning("EMI", "delivered"),
    "delivery_delayed": Meaning("", "delayed", "", "", "carrier"),
    "delivery_failed": Meaning("EMH", "attempted"),
    "on_hold": Meaning("", "exception"),
    "return_to_sender": Meaning("", "returning"),
    "cancelled": Meaning("", "canceled"),
    "carrier_damaged_parcel": Meaning("", "damaged", "", "damaged", "carrier"),
    "carrier_sorting_error": Meaning("", "delayed", "", "missorted", "carrier"),
    "carrier_address_not_found": Meaning("", "exception", "", "wrong_address", "merchant"),
    "carrier_parcel_lost": Meaning("", "lost", "", "lost", "carrier"),
    "consignee_refused": Meaning("EMH", "refused", "", "refused", "buyer"),
    "consignee_business_closed": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "consignee_not_available": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "consignee_not_home": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "consignee_incorrect_address": Meaning("", "exception", "", "wrong_address", "merchant"),
    "consignee_access_restricted": Meaning("EMH", "attempted", "", "no_access", "buyer"),
    "customs_delay": Meaning("EME", "customs_hold", "", "customs", "customs"),
    "customs_inspection": Meaning("EDB", "in_customs"),
    "customs_documentation": Meaning("EME", "customs_hold", "", "papers", "merchant"),
    "customs_duties_unpaid": Meaning("EME", "customs_hold", "", "duties", "buyer"),
    "customs_prohibited": Meaning("EME", "customs_hold", "", "forbidden", "customs"),
    "weather_delay": Meaning("", "delayed", "", "weather", "carrier"),
    "natural_disaster": Meaning("", "delayed", "", "weather", "carrier"),
})  # fmt: skip


def read(told: Any) -> dict[str, list[TrackEvent]]:
    return {word(one, "tracking_number"): list(_events(one)) for one in _trackings(told)}


def _trackings(told: Any) -> Iterator[Any]:
    for one in told if isinstance(told, list) else [told]:
        if word(one, "tracking_number"):
            yield one


def _events(tracking: Any) -> Iterator[TrackEvent]:
    proof = Proof(signed_by=word(tracking, "info", "signed_by"))
    for one in parts(tracking, "events"):
        status, reason, text = word(one, "status"), word(one, "reason"), word(one, "description")
        meaning = meaning_of(MEANINGS, reason, status, text=text)
        at = word(one, "timestamp") or f"{word(one, 'date')}T{_hour(word(one, 'time'))}"
        yield event(
            meaning, at=moment(at), raw=word(one, "code") or status or text, place=word(one, "location"),
            country=_country(word(one, "location")), text=text,
            proof=proof if proof.signed_by and part(tracking, "delivered") else None,
        )  # fmt: skip


def _hour(said: str) -> str:
    """A time of the day as Karrio spells it; its beginning where none is told."""
    for form in ("%I:%M %p", "%H:%M:%S", "%H:%M"):
        try:
            return datetime.strptime(said, form).strftime("%H:%M:%S")
        except ValueError:
            continue
    return "00:00:00"


def _country(place: str) -> str:
    """The last word of a place, where connectors write it: `Newark, NJ, 07102, US`."""
    last = place.rpartition(",")[2].strip()
    return last if len(last) == 2 and last.isupper() and place.count(",") > 1 else ""
