"""words: what carriers say of a parcel, in UPU codes, delivery states, reasons and parties at fault. Pure: no I/O.

A module per carrier: its table as data, and `read(told)`, which makes events of an answer or a webhook as the carrier
sends it, by tracking number. HTTP is the plugins' own; whatever brings a carrier's words in reads them here.

Nothing is dropped: a word of no table is kept with an empty state, shown, and somebody's to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from doorstep.plug.carrier import TrackEvent
from doorstep.plug.words import (
    dhl,
    easypost,
    fedex,
    karrio,
    meest,
    sendle,
    shippo,
    smartkargo,
    stamps,
    teleship,
    ups,
    usps,
)
from doorstep.plug.words.meaning import Meaning, NotReadable

Histories = dict[str, list[TrackEvent]]
Read = Callable[[Any], Histories]

# By the name of the plugin, or of the carrier where an aggregator names it.
READERS: Mapping[str, Read] = {
    "dhl": dhl.read,
    "easypost": easypost.read,
    "fedex": fedex.read,
    "karrio": karrio.read,
    "meest": meest.read,
    "sendle": sendle.read,
    "shippo": shippo.read,
    "smartkargo": smartkargo.read,
    "stamps": stamps.read,
    "teleship": teleship.read,
    "ups": ups.read,
    "usps": usps.read,
}

__all__ = ["READERS", "Histories", "Meaning", "NotReadable", "Read"]
