"""dhl: the unified tracking API of all of DHL, and Express's own (MyDHL).

The unified API's codes are coarse, and its divisions speak for themselves beside them: DHL Parcel's words stand here,
other divisions' sentences are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doorstep.plug.carrier import Proof, TrackEvent
from doorstep.plug.states import NEWS
from doorstep.plug.words.meaning import Meaning, event, joined, meaning_of, moment, part, parts, table, word

COARSE = table({
    "pre-transit": Meaning("", "pre_transit"),
    "transit": Meaning("", "in_transit"),
    "delivered": Meaning("EMI", "delivered"),
    "failure": Meaning("", "exception"),
})  # fmt: skip
_WAY, _OUT = Meaning("", "in_transit"), Meaning("EDG", "out_for_delivery")
_BACK = Meaning("", "returning")
# What divisions say in fixed words: these count before the coarse code beside them.
WORDS = table({
    "PRENOTIFICATION_RECEIVED": Meaning("", "pre_transit"),
    "DATA_RECEIVED_WITH_PREFIX_LABEL": Meaning("", "pre_transit"),
    "PARCEL_SORTED_AT_HUB": _WAY,
    "DEPART_FACILITY": _WAY,
    "PARCEL_ARRIVED_AT_LOCAL_DEPOT": _WAY,
    "DELIVERY_PLANNED_IN_ROUTE": Meaning("", NEWS),
    "INFORMATION_ON_DELIVERY_TRANSMITTED": Meaning("", NEWS),
    "NOTIFICATION_FOR_PARCELSHOP_COLLECTION_HAS_BEEN_SENT": Meaning("", NEWS),
    "SIGNATURE_RECORDED": Meaning("", NEWS),
    "PARCEL_SCANNED_INTO_HAND-TERMINAL": _OUT,
    "PARCEL_HANDED_OVER_TO_COURIER": _OUT,
    "OUT_FOR_DELIVERY": _OUT,
    "NOT_HOME": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "NOT_HOME_SYSTEM_INTERVENTION_DELIVERY_AT_PARCELSHOP": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "NEW_DELIVERY_ATTEMPT": Meaning("", NEWS),
    "PARCEL_RETURNED_FROM_ROUTE": _WAY,
    "INTERVENTION_PROCESSED_FOR_COLLECTION_AT_PARCELSHOP": Meaning("", "redirected", "", "readdressed", ""),
    "INTERVENTION_DELIVERY_ADDRESS_CHANGED_INTO_PARCELSHOP": Meaning("", "redirected", "", "readdressed", ""),
    "DELIVERY_DATE_CHANGED_BY_DEPOT_MANAGER_REASON_CLOSED": Meaning("", "delayed", "", "absent", "buyer"),
    "DELIVERED_AT_PARCELSHOP": Meaning("EDH", "available_for_pickup"),
    "STORAGE_PERIOD_ENDED_AT_PARCELSHOP": Meaning("", "returning", "", "unclaimed", "buyer"),
    "PARCEL_PICKED_UP_AT_PARCELSHOP": _BACK,
    "PARCEL_COLLECTED_AT_PARCELSHOP_BY_COURIER": _BACK,
    "PARCEL_READY_FOR_RETURN_TO_HUB": _BACK,
    "ON_ROUTE_TO_SHIPPER": _BACK,
    "RETURNED_TO_SHIPPER": _BACK,
    "DELIVERED_AT_SHIPPER": Meaning("", "returned_to_sender"),
    "New": Meaning("", "pre_transit"),
    "Estimated Time of Arrival": Meaning("", NEWS),
})  # fmt: skip
EXPRESS = table({
    "SD": Meaning("", "pre_transit"), "PU": Meaning("EMA", "accepted"), "SA": Meaning("EMA", "accepted"),
    "PL": _WAY, "AF": _WAY, "AR": _WAY, "DF": _WAY, "TR": _WAY, "SM": _WAY, "FD": _WAY, "IR": _WAY, "TP": _WAY,
    "TD": Meaning("", "delayed", "", "", "carrier"), "MS": Meaning("", "delayed", "", "missorted", "carrier"),
    "DM": Meaning("", "damaged", "", "damaged", "carrier"),
    "CR": Meaning("EDC", "customs_released"), "IC": Meaning("EDB", "in_customs"),
    "CI": Meaning("EDB", "in_customs"), "RR": Meaning("EDB", "in_customs"),
    "UD": Meaning("EME", "customs_hold", "", "papers", "merchant"),
    "CD": Meaning("EME", "customs_hold", "", "papers", "merchant"),
    "OH": Meaning("", "delayed", "", "held", ""), "HP": Meaning("", "delayed", "", "payment", "buyer"),
    "WC": _OUT, "NH": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "CA": Meaning("EMH", "attempted", "", "absent", "buyer"),
    "BA": Meaning("", "exception", "", "wrong_address", "merchant"),
    "AD": Meaning("", NEWS), "CM": Meaning("", "exception", "", "moved", "buyer"),
    "RD": Meaning("EMH", "refused", "", "refused", "buyer"),
    "ND": Meaning("EMH", "attempted", "", "out_of_time", "carrier"),
    "CC": Meaning("EDH", "available_for_pickup"), "PY": Meaning("", NEWS),
    "RT": _BACK, "OK": Meaning("EMI", "delivered"), "PD": Meaning("", "exception", "", "partial", "carrier"),
    "DD": Meaning("EMI", "delivered"), "SS": Meaning("", "exception"), "LX": Meaning("", "lost", "", "lost", "carrier"),
})  # fmt: skip


def read(told: Any) -> dict[str, list[TrackEvent]]:
    found: dict[str, list[TrackEvent]] = {}
    for one in (*parts(told, "shipments"), *parts(told, "trackingResponse", "shipments")):
        if number := word(one, "shipmentTrackingNumber"):
            found.setdefault(number, []).extend(_express(one))
        else:
            found.setdefault(word(one, "id"), []).extend(_unified(one))
    return found


def _unified(shipment: Any) -> Iterator[TrackEvent]:
    """The status beside the events is the latest of them, or the only one that is told."""
    for row in parts(shipment, "events") or parts(shipment, "status"):
        code, said = word(row, "statusCode"), word(row, "status")
        text = joined(said, word(row, "description"), word(row, "remark"))
        yield event(
            _meaning(code, said, text), at=moment(word(row, "timestamp")),
            raw=said or word(row, "description") or code,
            place=word(row, "location", "address", "addressLocality"),
            country=word(row, "location", "address", "countryCode"), text=text,
            proof=_proof(part(shipment, "details", "proofOfDelivery")),
        )  # fmt: skip


def _meaning(code: str, said: str, text: str) -> Meaning:
    """Who picks a parcel up at a parcel shop, the buyer or the courier, only the coarse code tells."""
    fixed, coarse = meaning_of(WORDS, said), meaning_of(COARSE, code, text=text)
    return coarse if not fixed.state or (coarse.state == "delivered" and fixed.state == "returning") else fixed


def _express(shipment: Any) -> Iterator[TrackEvent]:
    for row in parts(shipment, "events"):
        code, text = word(row, "typeCode"), word(row, "description")
        signed = word(row, "signedBy")
        yield event(
            meaning_of(EXPRESS, code, text=text),
            at=moment(f"{word(row, 'date')}T{word(row, 'time')}{word(row, 'GMTOffset')}"), raw=code or text,
            place=word(row, "serviceArea", 0, "description") or word(row, "location"), text=text,
            proof=Proof(signed_by=signed) if signed else None,
        )  # fmt: skip


def _proof(told: Any) -> Proof | None:
    if not told:
        return None
    return Proof(
        signed_by=word(told, "signed", "name"), signature=word(told, "signatureUrl"), photo=word(told, "documentUrl")
    )
