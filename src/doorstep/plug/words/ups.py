"""ups: activities of the Track API, by code, then by type, which the description makes finer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from doorstep.plug.carrier import Proof, TrackEvent
from doorstep.plug.states import NEWS
from doorstep.plug.words.meaning import Meaning, event, joined, meaning_of, part, parts, spelled, table, word

CODES = table({
    "MP": Meaning("", "pre_transit"), "MV": Meaning("", "canceled"), "VP": Meaning("", "canceled"),
    "OR": Meaning("EMA", "accepted"), "XD": Meaning("EMA", "accepted"), "PU": Meaning("EMA", "accepted"),
    "IP": Meaning("EMD", "arrived"), "EP": Meaning("EMB", "in_transit"),
    "OT": Meaning("EDG", "out_for_delivery"), "OF": Meaning("EDG", "out_for_delivery"),
    "OD": Meaning("EDG", "out_for_delivery"),
    "ZP": Meaning("EDH", "available_for_pickup"), "2Q": Meaning("EDH", "available_for_pickup"),
    "48": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "49": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "50": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "52": Meaning("EMH", "refused", "", "refused", "buyer"),
    "56": Meaning("", "exception", "", "wrong_address", "merchant"),
    "57": Meaning("", "exception", "", "wrong_address", "merchant"),
})  # fmt: skip
TYPES = table({
    "D": Meaning("EMI", "delivered"),
    "DO": Meaning("", "in_transit"),  # delivered to the origin's consolidation point
    "DD": Meaning("", "in_transit"),
    "I": Meaning("", "in_transit"),
    "M": Meaning("", "pre_transit"),
    "MV": Meaning("", "canceled"),
    "O": Meaning("EDG", "out_for_delivery"),
    "P": Meaning("EMA", "accepted"),
    "RS": Meaning("", "returning"),
    "W": Meaning("", "in_transit"),
    "X": Meaning("", "exception"),
    "NA": Meaning("", NEWS),
    # The delivery events of the new API: three digits.
    "003": Meaning("", "pre_transit"), "005": Meaning("", "in_transit"), "006": Meaning("", "in_transit"),
    "007": Meaning("", "pre_transit"), "010": Meaning("", "in_transit"), "011": Meaning("EMI", "delivered"),
    "012": Meaning("EDC", "customs_released"), "013": Meaning("", "exception"),
    "014": Meaning("EDC", "customs_released"), "016": Meaning("EME", "customs_hold", "", "papers", "merchant"),
    "017": Meaning("EDH", "available_for_pickup"), "018": Meaning("", "in_transit"),
    "019": Meaning("EDG", "out_for_delivery"), "021": Meaning("EDG", "out_for_delivery"),
    "022": Meaning("EMH", "attempted"), "023": Meaning("", "returning"), "024": Meaning("", "delayed"),
    "025": Meaning("", "returning"), "026": Meaning("", "in_transit"), "029": Meaning("", "in_transit"),
    "030": Meaning("", "in_transit"), "032": Meaning("", "exception"), "033": Meaning("", "returning"),
    "038": Meaning("EMA", "accepted"), "044": Meaning("", "delayed"), "045": Meaning("", "in_transit"),
    "048": Meaning("", "delayed"), "049": Meaning("", "delayed"), "058": Meaning("EDH", "available_for_pickup"),
})  # fmt: skip


def read(told: Any) -> dict[str, list[TrackEvent]]:
    return {
        word(package, "trackingNumber"): list(_events(package))
        for shipment in parts(told, "trackResponse", "shipment")
        for package in parts(shipment, "package")
    }


def _events(package: Any) -> Iterator[TrackEvent]:
    info = part(package, "deliveryInformation")
    proof = Proof(
        signed_by=word(info, "receivedBy"), left_at=word(info, "location"),
        signature="ups:signature" if word(info, "signature", "image") else "",
        photo="ups:photo" if word(info, "deliveryPhoto", "photo") else "",
    )  # fmt: skip
    for row in parts(package, "activity"):
        kind, code, number = (word(row, "status", name) for name in ("type", "code", "statusCode"))
        text = word(row, "status", "description")
        spot = part(row, "location", "address")
        yield event(
            _meaning(kind, code, number, text), at=_at(row), raw=joined(kind, code) or number,
            place=joined(word(spot, "city"), word(spot, "stateProvince")),
            country=word(spot, "countryCode") or word(spot, "country"), text=text, proof=proof,
        )  # fmt: skip


def _meaning(kind: str, code: str, number: str, text: str) -> Meaning:
    """A code says what happened only within its type: of one that delivers, it says where the parcel was left."""
    if kind in ("D", "RS", "M"):
        return meaning_of(TYPES, kind, text=text)
    found = meaning_of(CODES, code)
    return found if found.state else meaning_of(TYPES, kind, number, text=text)


def _at(row: Any) -> datetime:
    """In UTC where it is told in UTC too."""
    date, time = (word(row, f"gmt{name}") or word(row, name.lower()) for name in ("Date", "Time"))
    return spelled(f"{date.replace('-', '')} {time.replace(':', '') or '000000'}", "%Y%m%d %H%M%S", "%Y%m%d %H%M")
