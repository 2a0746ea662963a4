"""smartkargo: what airlines tell of a piece, in the codes of Cargo-IMP and some of SmartKargo's own."""

from __future__ import annotations

from typing import Any

from doorstep.plug.carrier import TrackEvent
from doorstep.plug.words.meaning import Meaning, event, joined, meaning_of, moment, parts, table, word

_WAY = Meaning("", "in_transit")
MEANINGS = table({
    "BKD": Meaning("", "pre_transit"), "FOH": Meaning("EMA", "accepted"), "RCS": Meaning("EMA", "accepted"),
    "PUP": Meaning("EMA", "accepted"), "PKU": Meaning("EMA", "accepted"),
    "PRE": _WAY, "MAN": _WAY, "RCF": _WAY, "RCT": _WAY, "TFD": _WAY, "TRM": _WAY, "TRA": _WAY, "AWR": _WAY,
    "DEP": Meaning("EMC", "departed"), "ARR": Meaning("EMD", "arrived"), "CCD": Meaning("EDC", "customs_released"),
    "CRC": Meaning("EDB", "in_customs"), "TGC": Meaning("EDB", "in_customs"),
    "NFD": Meaning("EDH", "available_for_pickup"), "AWD": _WAY, "OFD": Meaning("EDG", "out_for_delivery"),
    "ODD": Meaning("EDG", "out_for_delivery"),
    "DLV": Meaning("EMI", "delivered"), "DDL": Meaning("EMI", "delivered"), "POD": Meaning("EMI", "delivered"),
    "DIS": Meaning("", "exception"), "CAN": Meaning("", "canceled"), "RTN": Meaning("", "returning"),
    "DAF": Meaning("EMH", "attempted"), "RFS": Meaning("EMH", "refused", "", "refused", "buyer"),
})  # fmt: skip


def read(told: Any) -> dict[str, list[TrackEvent]]:
    """By the number of the piece, and by its air waybill where it has none."""
    found: dict[str, list[TrackEvent]] = {}
    for row in told if isinstance(told, list) else parts(told):
        number = word(row, "pieceReference") or joined(word(row, "prefix"), word(row, "airWaybill"))
        code, text = word(row, "eventType"), word(row, "description")
        seen = event(
            meaning_of(MEANINGS, code, text=text), at=moment(word(row, "eventDate")), raw=code,
            place=word(row, "eventLocation"), country=word(row, "location", "countryId"), text=text,
        )  # fmt: skip
        found.setdefault(number, []).append(seen)
    return found
