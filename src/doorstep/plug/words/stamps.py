"""stamps: what Stamps.com passes on from the postal service, in XML; its answer does not name the number."""

from __future__ import annotations

from typing import Any

from doorstep.plug.carrier import Proof, TrackEvent
from doorstep.plug.words.meaning import Meaning, NotReadable, event, joined, meaning_of, moment, table, xml

MEANINGS = table({
    "ElectronicNotification": Meaning("", "pre_transit"),
    "Acceptance": Meaning("EMA", "accepted"),
    "Accepted": Meaning("EMA", "accepted"),
    "Enroute": Meaning("", "in_transit"),
    "Arrival": Meaning("", "in_transit"),
    "OutForDelivery": Meaning("EDG", "out_for_delivery"),
    "NoticeLeft": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "Refused": Meaning("EMH", "refused", "", "refused", "buyer"),
    "Undeliverable": Meaning("", "exception", "", "undeliverable", ""),
    "Forwarded": Meaning("", "redirected", "", "readdressed", "buyer"),
    "Missent": Meaning("", "delayed", "", "missorted", "carrier"),
    "Returned": Meaning("", "returning"),
    "Delivered": Meaning("EMI", "delivered"),
})  # fmt: skip


def read(told: Any) -> dict[str, list[TrackEvent]]:
    if not isinstance(told, str):
        raise NotReadable("Stamps.com answers in XML")
    seen = []
    for row in xml(told).iter("TrackingEvent"):
        kind, text, signed = ((row.findtext(name) or "").strip() for name in ("TrackingEventType", "Event", "SignedBy"))
        seen.append(event(
            meaning_of(MEANINGS, kind, text=text), at=moment(row.findtext("Timestamp") or ""), raw=kind,
            place=joined(*((row.findtext(name) or "").strip() for name in ("City", "State"))),
            country=row.findtext("Country") or "", text=text, proof=Proof(signed_by=signed) if signed else None,
        ))  # fmt: skip
    return {"": seen} if seen else {}
