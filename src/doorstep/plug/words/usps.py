"""usps: events of the tracking API (JSON) and of the older Track/Confirm (XML), by event code, then by their text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from doorstep.plug.carrier import Proof, TrackEvent
from doorstep.plug.words.meaning import (
    Meaning,
    NotReadable,
    by_text,
    event,
    joined,
    meaning_of,
    moment,
    parts,
    spelled,
    table,
    word,
    xml,
)

_WAY = Meaning("", "in_transit")
_BACK = Meaning("", "returning")
CODES = table({
    "GX": Meaning("", "pre_transit"), "MA": Meaning("", "pre_transit"), "NP": Meaning("", "pre_transit"),
    "UA": Meaning("", "pre_transit"), "GC": Meaning("", "pre_transit"),
    "03": Meaning("EMA", "accepted"), "OA": Meaning("EMA", "accepted"), "80": Meaning("EMA", "accepted"),
    "81": Meaning("EMA", "accepted"), "82": Meaning("EMA", "accepted"), "TM": Meaning("EMA", "accepted"),
    "VC": Meaning("EMA", "accepted"),
    "07": _WAY, "10": _WAY, "A1": _WAY, "B1": _WAY, "EF": _WAY, "ER": _WAY, "L1": _WAY, "NT": _WAY, "PC": _WAY,
    "SF": _WAY, "T1": _WAY, "TL": _WAY, "U1": _WAY, "UR": _WAY, "AD": _WAY, "AE": _WAY, "DE": _WAY, "39": _WAY,
    "CA": _WAY, "CX": _WAY, "OX": _WAY, "89": _WAY, "83": _WAY, "84": _WAY, "85": _WAY, "86": _WAY,
    "OF": Meaning("EDG", "out_for_delivery"), "59": Meaning("EDG", "out_for_delivery"),
    "DG": Meaning("EDG", "out_for_delivery"),
    "14": Meaning("EDH", "available_for_pickup"), "16": Meaning("EDH", "available_for_pickup"),
    "17": Meaning("EDH", "available_for_pickup"),
    "02": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "51": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "52": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "53": Meaning("EMH", "attempted", "", "no_access", "buyer"),
    "54": Meaning("EMH", "attempted", "", "no_access", "buyer"),
    "55": Meaning("EMH", "attempted", "", "no_access", "buyer"),
    "56": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "04": Meaning("EMH", "refused", "", "refused", "buyer"),
    "05": Meaning("", "exception", "", "wrong_address", "merchant"),
    "21": Meaning("", "exception", "", "wrong_address", "merchant"),
    "22": Meaning("", "exception", "", "wrong_address", "merchant"),
    "23": Meaning("", "exception", "", "moved", "buyer"),
    "24": Meaning("", "exception", "", "moved", "buyer"),
    "25": Meaning("", "exception", "", "wrong_address", "merchant"),
    "26": Meaning("", "exception", "", "wrong_address", "merchant"),
    "06": Meaning("", "redirected", "", "readdressed", "buyer"),
    "08": Meaning("", "delayed", "", "missorted", "carrier"),
    "15": Meaning("", "delayed", "", "missorted", "carrier"),
    "09": _BACK, "27": Meaning("", "returning", "", "unclaimed", "buyer"),
    "28": Meaning("", "returning", "", "undeliverable", "buyer"), "29": _BACK, "31": _BACK, "RS": _BACK,
    "57": Meaning("", "returning", "", "undeliverable", ""),
    "H0": Meaning("", "delayed"), "DX": Meaning("", "delayed"),
    "01": Meaning("EMI", "delivered"), "43": Meaning("EMI", "delivered"), "63": Meaning("EMI", "delivered"),
})  # fmt: skip


def read(told: Any) -> dict[str, list[TrackEvent]]:
    """Of one that USPS could not find, nothing."""
    if isinstance(told, str):
        return {
            info.get("ID", ""): list(_events_in_xml(info))
            for info in xml(told).iter("TrackInfo")
            if info.find("Error") is None
        }
    whole = told if isinstance(told, list) else [told]
    return {_number(one): list(_events(one)) for one in whole if parts(one, "trackingEvents")}


def _number(one: Any) -> str:
    return word(one, "trackingNumber") or word(one, "uniqueMailPieceID")


def _events(one: Any) -> Iterator[TrackEvent]:
    for row in parts(one, "trackingEvents"):
        code, text = word(row, "eventCode"), word(row, "eventType")
        yield event(
            meaning_of(CODES, code, text=text), at=moment(word(row, "GMTTimestamp") or word(row, "eventTimestamp")),
            raw=code or text, place=joined(word(row, "eventCity"), word(row, "eventState")),
            country=_country(word(row, "eventCountry")), text=text, proof=_proof(word(row, "name"), text),
        )  # fmt: skip


def _events_in_xml(info: Element) -> Iterator[TrackEvent]:
    """An event without a time of its own is as old as the oldest that has one: USPS tells them newest first."""
    rows = [*info.iter("TrackSummary"), *info.iter("TrackDetail")]
    times = [_at(row) for row in rows]
    known = [at for at in times if at]
    for row, at in zip(rows, times, strict=True):
        when = at or min(known, default=None)
        if when is None:
            raise NotReadable("no event of it has a time")
        code, text = _text(row, "EventCode"), _text(row, "Event")
        yield event(
            meaning_of(CODES, code, text=text), at=when, raw=code or text,
            place=joined(_text(row, "EventCity"), _text(row, "EventState")),
            country=_country(_text(row, "EventCountry")), text=text, proof=_proof(_text(row, "Name"), text),
        )  # fmt: skip


def _text(row: Element, name: str) -> str:
    return (row.findtext(name) or "").strip()


def _at(row: Element) -> Any:
    date, time = _text(row, "EventDate"), _text(row, "EventTime")
    return spelled(f"{date} {time or '12:00 am'}", "%B %d, %Y %I:%M %p") if date else None


def _country(said: str) -> str:
    return said if len(said) == 2 else {"CANADA": "CA", "UNITED STATES": "US", "UKRAINE": "UA"}.get(said.upper(), "")


def _proof(name: str, text: str) -> Proof | None:
    """`Delivered, In/At Mailbox` says where it was left."""
    left_at = text.partition(",")[2].strip() if by_text(text).state == "delivered" else ""
    return Proof(signed_by=name, left_at=left_at) if name or left_at else None
