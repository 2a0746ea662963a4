"""fedex: scan events of the Track API and of its webhooks, by event type; the exception's text says why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doorstep.plug.carrier import Proof, TrackEvent
from doorstep.plug.states import NEWS
from doorstep.plug.words.meaning import Meaning, event, joined, meaning_of, moment, part, parts, table, word

_WAY = Meaning("", "in_transit")
CODES = table({
    "OC": Meaning("", "pre_transit"), "OX": Meaning("", "pre_transit"), "EP": Meaning("", "pre_transit"),
    "AP": Meaning("", "pre_transit"), "CA": Meaning("", "canceled"), "PD": Meaning("", "pre_transit"),
    "PU": Meaning("EMA", "accepted"), "PX": Meaning("EMA", "accepted"), "DO": Meaning("EMA", "accepted"),
    "OF": Meaning("EMA", "accepted"), "DR": Meaning("EMA", "accepted"),
    "AA": _WAY, "AC": _WAY, "AF": _WAY, "AR": _WAY, "AX": _WAY, "DP": _WAY, "DS": _WAY, "FD": _WAY, "IT": _WAY,
    "IX": _WAY, "LO": _WAY, "PM": _WAY, "SF": _WAY, "SP": _WAY, "TP": _WAY, "TR": _WAY, "OW": _WAY, "EO": _WAY,
    "PF": Meaning("EMC", "departed"), "LC": Meaning("", "redirected"), "PL": Meaning("EMD", "arrived"),
    "EA": Meaning("EXA", "export_customs"), "CP": Meaning("EDB", "in_customs"),
    "CC": Meaning("EDC", "customs_released"), "CD": Meaning("EME", "customs_hold", "", "papers", "merchant"),
    "ED": Meaning("EDG", "out_for_delivery"), "OD": Meaning("EDG", "out_for_delivery"),
    "AD": Meaning("EDG", "out_for_delivery"),
    "DE": Meaning("EMH", "attempted"), "DY": Meaning("", "delayed"), "DD": Meaning("", "delayed"),
    "SE": Meaning("", "exception"),
    "HL": Meaning("EDH", "available_for_pickup"), "HP": Meaning("EDH", "available_for_pickup"),
    "HA": Meaning("EDH", "available_for_pickup"),
    "CH": Meaning("", "redirected", "", "readdressed", "buyer"),
    "RR": Meaning("", NEWS), "RM": Meaning("", NEWS), "RC": Meaning("", NEWS), "RD": Meaning("", "returning"),
    "RS": Meaning("", "returning"), "RP": Meaning("", "returning"), "RG": Meaning("", "returning"),
    "RT": Meaning("", "returned_to_sender"),
    "DL": Meaning("EMI", "delivered"),
})  # fmt: skip


def read(told: Any) -> dict[str, list[TrackEvent]]:
    found: dict[str, list[TrackEvent]] = {}
    for whole in parts(told, "output", "completeTrackResults"):
        for result in parts(whole, "trackResults"):
            number = word(whole, "trackingNumber") or word(result, "trackingNumberInfo", "trackingNumber")
            found.setdefault(number, []).extend(_events(result))
    return found


def _events(result: Any) -> Iterator[TrackEvent]:
    details = part(result, "deliveryDetails")
    proof = Proof(
        signed_by=word(details, "signedByName") or word(details, "receivedByName"),
        left_at=word(details, "locationDescription"),
        photo="fedex:photo" if any(word(image, "type") == "PICTURE_PROOF_OF_DELIVERY" for image in _images(result))
        else "",
        signature="fedex:signature" if any(word(image, "type") == "SIGNATURE_PROOF_OF_DELIVERY"
                                           for image in _images(result)) else "",
    )  # fmt: skip
    for row in parts(result, "scanEvents"):
        code, derived = word(row, "eventType"), word(row, "derivedStatusCode")
        said, why = word(row, "eventDescription"), word(row, "exceptionDescription")
        spot = part(row, "scanLocation")
        yield event(
            meaning_of(CODES, code, derived, text=why or said), at=moment(word(row, "date")),
            raw=joined(code or derived, word(row, "exceptionCode")),
            place=joined(word(spot, "city"), word(spot, "stateOrProvinceCode")), country=word(spot, "countryCode"),
            text=joined(said, why), proof=proof,
        )  # fmt: skip


def _images(result: Any) -> list[Any]:
    return parts(result, "availableImages")
