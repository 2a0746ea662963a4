"""load_words: what can be told of a load, in plain words or in the codes that airlines tell a flight's status by."""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """What it is of each parcel inside: its state, the UPU code where there is one, the words for it."""

    state: str
    upu: str
    says: str


# The last mile's own scans deliver a parcel; nothing that happens to a load does.
WORDS: dict[str, Meaning] = {
    "handed_over": Meaning("accepted", "EMA", "handed over to the line haul"),
    "departed": Meaning("departed", "EMC", "departed"),
    "arrived": Meaning("arrived", "EMD", "arrived"),
    "in_customs": Meaning("in_customs", "EDB", "presented to customs"),
    "held_by_customs": Meaning("customs_hold", "", "held by customs"),
    "cleared": Meaning("customs_released", "EDC", "cleared by customs"),
    "handed_to_last_mile": Meaning("in_transit", "EMF", "handed over to the last mile"),
    "delayed": Meaning("delayed", "", "delayed"),
    "damaged": Meaning("damaged", "", "damaged"),
    "lost": Meaning("lost", "", "lost"),
}
# Cargo-IMP status codes of a consignment.
AIRLINE: dict[str, Meaning] = {
    "BKD": Meaning("news", "", "booked"),
    "FOH": Meaning("accepted", "", "freight on hand"),
    "RCS": Meaning("accepted", "EMA", "received from the shipper"),
    "PRE": Meaning("news", "", "prepared for loading"),
    "MAN": Meaning("news", "", "manifested on the flight"),
    "DEP": Meaning("departed", "EMC", "departed"),
    "ARR": Meaning("arrived", "EMD", "arrived"),
    "RCF": Meaning("arrived", "", "received from the flight"),
    "RCT": Meaning("in_transit", "", "received from another airline"),
    "TFD": Meaning("in_transit", "", "transferred to another airline"),
    "TRM": Meaning("news", "", "to be transferred to another airline"),
    "CRC": Meaning("in_customs", "", "reported to customs"),
    "TGC": Meaning("in_customs", "EDB", "transferred to customs control"),
    "CCD": Meaning("customs_released", "EDC", "cleared by customs"),
    "NFD": Meaning("news", "", "arrival notified"),
    "AWD": Meaning("news", "", "documents handed over"),
    "DLV": Meaning("in_transit", "", "handed over to the consignee's agent"),
    "DIS": Meaning("delayed", "", "a discrepancy"),
}
# One event told by both is one event.
ALIKE = {"departed": "DEP", "arrived": "ARR", "cleared": "CCD"}
TO_LAST_MILE = "handed_to_last_mile"


def meaning(word: str) -> tuple[str, Meaning] | None:
    """The code that it is kept under, and what it means; None for a word that nobody knows."""
    code = ALIKE.get(word.strip().lower().replace(" ", "_"), word.strip())
    lowered = code.lower().replace(" ", "_")
    if lowered in WORDS:
        return lowered, WORDS[lowered]
    found = AIRLINE.get(code.upper())
    return (code.upper(), found) if found else None
