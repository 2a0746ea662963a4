"""meest: Meest's 37 status codes, and its answers to `/tracking`, `/trackingByPeriod` and `/trackingByDate`.

The simulated carrier speaks the codes too, so that they are lived with every day.
"""

from __future__ import annotations

from typing import Any

from doorstep.plug.carrier import TrackEvent
from doorstep.plug.states import NEWS
from doorstep.plug.words.meaning import Meaning, event, meaning_of, moment, part, parts, word

MEANINGS: dict[str, Meaning] = {
    "2": Meaning("", "pre_transit", "Label made, parcel not handed over yet"),
    "3": Meaning("", "canceled", "Label deleted"),
    "101": Meaning("EMA", "accepted", "Accepted for shipping"),
    "606": Meaning("", "accepted", "Arrived at the sender's branch"),
    "8081": Meaning("", "in_transit", "Left the sender's branch"),
    "202": Meaning("EMB", "in_transit", "Arrived at the international sorting center"),
    "303": Meaning("EMC", "departed", "Left the country of origin"),
    "404": Meaning("EMJ", "in_transit", "Arrived at the transit hub"),
    "405": Meaning("EMK", "in_transit", "Left the transit hub"),
    "505": Meaning("EMD", "arrived", "Arrived in the country of destination"),
    "2225": Meaning("", "in_customs", "Customs inspection"),
    "2230": Meaning("EME", "in_customs", "Customs clearance"),
    "2226": Meaning("", "customs_released", "Released by customs"),
    "808": Meaning("EMF", "in_transit", "Left the sorting center toward the receiver's city"),
    "1100": Meaning("", "in_transit", "Arrived at the sorting center"),
    "1213": Meaning("", "in_transit", "Arrived at the receiver's branch"),
    "1214": Meaning("EMG", "in_transit", "Arrived at the receiver's branch"),
    "1215": Meaning("EMG", "in_transit", "Arrived at the delivery branch"),
    "1216": Meaning("EMG", "available_for_pickup", "Waiting at the branch for pickup"),
    "1315": Meaning("", "out_for_delivery", "With the courier"),
    "1621": Meaning("EMH", "attempted", "Attempt: sent on to another address", "readdressed", "buyer"),
    "1623": Meaning("EMH", "attempted", "Attempt: taken back to the depot", "back_to_depot", "carrier"),
    "1624": Meaning("EMH", "attempted", "Attempt: delivery data not verifiable", "unverifiable", "merchant"),
    "1625": Meaning("EMH", "attempted", "Attempt: receiver absent", "absent", "buyer"),
    "1626": Meaning("EMH", "attempted", "Attempt: receiver moved the date", "rescheduled", "buyer"),
    "1627": Meaning("EMH", "attempted", "Attempt: courier ran out of time", "out_of_time", "carrier"),
    "1628": Meaning("EMH", "attempted", "Attempt: receiver's identity not proved", "identity", "buyer"),
    "1620": Meaning("EMH", "refused", "Refused by the receiver", "refused", "buyer"),
    "1622": Meaning("EMI", "delivered", "Delivered"),
    "2331": Meaning("", "exception", "Delivery suspended", "suspended", "carrier"),
    "2432": Meaning("", "in_transit", "Suspension lifted"),
    "2533": Meaning("", NEWS, "Receiver's data corrected"),
    "5051": Meaning("", "exception", "The parcel did not arrive", "missing", "carrier"),
    "1521": Meaning("", "returning", "Turned back: will be returned to the sender"),
    "109": Meaning("", "returning", "On its way back to the sender"),
    "707": Meaning("", "returning", "Arrived at the return branch"),
    "1825": Meaning("", "returned_to_sender", "Returned to the sender"),
}


def read(told: Any) -> dict[str, list[TrackEvent]]:
    """Both numbers of a parcel find its events. The times are told without a zone."""
    found: dict[str, list[TrackEvent]] = {}
    for row in parts(told, "result"):
        code = word(row, "eventCode")
        # A parcel that is only in the list of those delivered has no code: it is in no other list.
        meaning = meaning_of(MEANINGS, code or "1622")
        seen = event(
            meaning, at=moment(word(row, "eventDateTime")), raw=code or "trackingDelivered",
            place=word(row, "eventCityDescr", "descrEN"), country=COUNTRIES.get(_country(row), ""),
            text=word(row, "eventDetailDescr", "descrEN") or word(row, "eventDescr", "descrEN"),
        )  # fmt: skip
        for number in dict.fromkeys((word(row, "parcelNumber"), word(row, "barCode"))):
            if number:
                found.setdefault(number, []).append(seen)
    return found


# Meest names countries in full, the ones it works in.
COUNTRIES: dict[str, str] = {
    "UKRAINE": "UA", "POLAND": "PL", "UNITED STATES": "US", "UNITED STATES OF AMERICA": "US", "USA": "US",
    "CANADA": "CA", "GERMANY": "DE", "CZECH REPUBLIC": "CZ", "CZECHIA": "CZ", "SLOVAKIA": "SK", "HUNGARY": "HU",
    "ROMANIA": "RO", "BULGARIA": "BG", "GREECE": "GR", "LITHUANIA": "LT", "LATVIA": "LV", "ESTONIA": "EE",
    "MOLDOVA": "MD", "KAZAKHSTAN": "KZ", "UZBEKISTAN": "UZ", "CHINA": "CN", "GREAT BRITAIN": "GB",
    "UNITED KINGDOM": "GB", "ITALY": "IT", "SPAIN": "ES", "FRANCE": "FR", "TURKEY": "TR", "GEORGIA": "GE",
    "AZERBAIJAN": "AZ", "ARMENIA": "AM", "ISRAEL": "IL",
}  # fmt: skip


def _country(row: Any) -> str:
    return str(part(row, "eventCountryDescr", "descrEN") or "").strip().upper()
