"""easypost: trackers, wherever they stand: an answer, a list, a webhook's event, the tracker of a shipment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doorstep.plug.carrier import Proof, TrackEvent
from doorstep.plug.states import NEWS
from doorstep.plug.words.meaning import Meaning, event, joined, meaning_of, moment, part, parts, table, word

# By status and detail, then by the status alone, which the carrier's own text makes finer.
MEANINGS = table({
    "pre_transit": Meaning("", "pre_transit"),
    "in_transit": Meaning("", "in_transit"),
    "in_transit/received_at_origin_facility": Meaning("EMA", "accepted"),
    "in_transit/arrived_at_pickup_location": Meaning("EDH", "available_for_pickup"),
    "in_transit/transferred_to_destination_carrier": Meaning("", "in_transit"),
    "in_transit/delayed": Meaning("", "delayed", "", "", "carrier"),
    "in_transit/weather_delay": Meaning("", "delayed", "", "weather", "carrier"),
    "in_transit/missorted": Meaning("", "delayed", "", "missorted", "carrier"),
    "in_transit/held": Meaning("", "delayed", "", "held", "carrier"),
    "in_transit/awaiting_information": Meaning("", "customs_hold", "", "papers", "merchant"),
    "in_transit/address_correction": Meaning("", "redirected", "", "wrong_address", "merchant"),
    "in_transit/return": Meaning("", "returning"),
    "in_transit/transit_exception": Meaning("", "exception", "", "", "carrier"),
    "out_for_delivery": Meaning("EDG", "out_for_delivery"),
    "available_for_pickup": Meaning("EDH", "available_for_pickup"),
    "delivered": Meaning("EMI", "delivered"),
    "return_to_sender": Meaning("", "returning"),
    "return_to_sender/refused": Meaning("EMH", "refused", "", "refused", "buyer"),
    "failure": Meaning("", "exception"),
    "failure/address_correction": Meaning("", "exception", "", "wrong_address", "merchant"),
    "failure/awaiting_information": Meaning("", "exception", "", "papers", "merchant"),
    "failure/damaged": Meaning("", "damaged", "", "damaged", "carrier"),
    "failure/delivery_exception": Meaning("EMH", "attempted"),
    "failure/expired": Meaning("", "returning", "", "unclaimed", "buyer"),
    "failure/lost": Meaning("", "lost", "", "lost", "carrier"),
    "failure/refused": Meaning("EMH", "refused", "", "refused", "buyer"),
    "failure/return": Meaning("", "returning"),
    "failure/weather_delay": Meaning("", "delayed", "", "weather", "carrier"),
    "cancelled": Meaning("", "canceled"),
    "canceled": Meaning("", "canceled"),
    # What EasyPost could not ask is no event of the parcel's.
    "error": Meaning("", NEWS),
})  # fmt: skip
# It knows no more than that there is nothing to know.
NOTHING_YET = Meaning("", NEWS, "Nothing known of it yet")


def read(told: Any) -> dict[str, list[TrackEvent]]:
    histories: dict[str, list[TrackEvent]] = {}
    for one in _trackers(told):  # a number that was used again has one for each time
        histories.setdefault(word(one, "tracking_code"), []).extend(_events(one))
    return histories


def _trackers(told: Any) -> Iterator[Any]:
    if isinstance(told, dict):
        if told.get("object") == "Tracker":
            yield told
        else:
            for inner in told.values():
                yield from _trackers(inner)
    elif isinstance(told, list):
        for inner in told:
            yield from _trackers(inner)


def _events(tracker: Any) -> Iterator[TrackEvent]:
    proof = Proof(signed_by=word(tracker, "signed_by"))
    for detail in parts(tracker, "tracking_details"):
        status, fine, text = word(detail, "status"), word(detail, "status_detail"), word(detail, "message")
        said = joined(text, word(detail, "description"))
        meaning = meaning_of(MEANINGS, f"{status}/{fine}", status, text=said)
        if not meaning.state and not said:
            meaning = NOTHING_YET
        spot = part(detail, "tracking_location")
        yield event(
            meaning, at=moment(word(detail, "datetime")), raw=f"{status}/{fine}" if fine else status,
            place=joined(word(spot, "city"), word(spot, "state")), country=word(spot, "country"), text=text,
            proof=proof if proof.signed_by else None,
        )  # fmt: skip
