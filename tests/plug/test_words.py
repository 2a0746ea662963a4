"""What carriers say is read: a state, a reason and a party for every word, and nothing dropped."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doorstep.plug.carrier import TrackEvent
from doorstep.plug.states import DELIVERY_STATES, NEWS, delivery_state, is_known
from doorstep.plug.words import READERS, NotReadable, dhl, easypost, fedex, karrio, meest, shippo, ups, usps
from doorstep.plug.words.meaning import FINER, by_text, meaning_of
from tests.plug.tracking_specimens import ENDS, SPECIMENS, USPS_XML

DATA = os.environ.get("DOORSTEP_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="DOORSTEP_DATA is not set: no recorded answers of carriers to read")
TABLES = {
    "dhl": [dhl.WORDS, dhl.EXPRESS, dhl.COARSE], "easypost": [easypost.MEANINGS], "fedex": [fedex.CODES],
    "karrio": [karrio.MEANINGS],
    "meest": [meest.MEANINGS], "shippo": [shippo.MEANINGS], "ups": [ups.CODES, ups.TYPES], "usps": [usps.CODES],
}  # fmt: skip
PARTIES = {"", "carrier", "buyer", "merchant", "customs"}


def events_of(carrier: str, told: Any) -> list[TrackEvent]:
    return [event for events in READERS[carrier](told).values() for event in events]


@pytest.mark.parametrize("carrier", sorted(READERS))
def test_a_specimen_of_every_carrier_is_read_to_its_end(carrier: str) -> None:
    events = events_of(carrier, SPECIMENS[carrier])
    state, reason, party = ENDS[carrier]
    assert delivery_state(events) == state
    assert (reason, party) in {(event.reason, event.party) for event in events}
    assert all(is_known(event.state) and event.raw_code and event.happened_at.tzinfo for event in events)


@pytest.mark.parametrize("carrier", sorted(TABLES))
def test_every_word_of_a_table_means_a_state_and_blames_a_party_that_there_is(carrier: str) -> None:
    for rows in TABLES[carrier]:
        for meaning in rows.values():
            assert meaning.state in {*DELIVERY_STATES, NEWS}
            assert meaning.party in PARTIES


def test_a_word_that_no_table_knows_is_kept_raw_and_says_nothing() -> None:
    scan = {"date": "2026-03-05T12:00:00Z", "eventType": "ZZ", "eventDescription": "Qwerty"}
    result = {"trackingNumber": "1", "trackResults": [{"scanEvents": [scan]}]}
    told = {"output": {"completeTrackResults": [result]}}
    (event,) = fedex.read(told)["1"]
    assert (event.raw_code, event.message, event.state, event.code) == ("ZZ", "Qwerty", "", "")


def test_a_sentence_makes_a_coarse_code_finer_and_never_turns_it_round() -> None:
    coarse = dhl.COARSE
    assert meaning_of(coarse, "transit", text="Arrived in the destination country").state == "arrived"
    assert meaning_of(coarse, "transit", text="Will be delivered, not yet delivered").state != "delivered"
    assert meaning_of(coarse, "pre-transit", text="Delivered").state == "pre_transit"
    assert meaning_of(coarse, "failure", text="Nobody was home").reason == "absent"
    assert all(target in {*DELIVERY_STATES, NEWS} for targets in FINER.values() for target in targets)


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        ("Returned to sender by request", "returning", ""),
        ("Delivered, To Original Sender", "returned_to_sender", ""),
        ("Package refused by recipient", "refused", "refused"),
        ("Import refused by customs", "refused", "forbidden"),
        ("Customs rejected the declaration, return to sender", "refused", "forbidden"),
        ("Clearance delay: documents required", "customs_hold", "papers"),
        ("Customs clearance completed", "customs_released", ""),
        ("Presented to customs", "in_customs", ""),
        ("Addressee unknown", "exception", "wrong_address"),
        ("Notice left, no authorized recipient", "attempted", ""),
        ("Available for pickup at the post office", "available_for_pickup", ""),
        ("Severe weather conditions", "delayed", "weather"),
        ("Label created, not yet received", "pre_transit", ""),
        ("Qwerty", "", ""),
    ],
)
def test_what_sentences_say(text: str, state: str, reason: str) -> None:
    assert (by_text(text).state, by_text(text).reason) == (state, reason)


def test_proof_of_delivery_comes_with_the_event_that_delivers_and_no_other() -> None:
    delivered, before = sorted(events_of("ups", SPECIMENS["ups"]), key=lambda event: event.happened_at, reverse=True)
    assert delivered.proof is not None and before.proof is None
    assert (delivered.proof.signed_by, delivered.proof.left_at, delivered.proof.photo) == (
        "BYRNE", "FRONT DOOR", "ups:photo",
    )  # fmt: skip
    (porch, _) = events_of("usps", SPECIMENS["usps"])
    assert porch.proof is not None and porch.proof.left_at == "Front Door/Porch"


def test_xml_is_read_without_entities_and_what_was_not_found_tells_nothing() -> None:
    found = usps.read(USPS_XML)
    assert [event.state for event in found["91"]] == ["delivered", "pre_transit"]
    assert found.keys() == {"91"}
    with pytest.raises(NotReadable):
        usps.read('<!DOCTYPE x [<!ENTITY a "b">]><TrackResponse>&a;</TrackResponse>')
    with pytest.raises(NotReadable):
        usps.read("<TrackResponse>")


def test_who_collects_at_a_parcel_shop_only_the_coarse_code_tells() -> None:
    def state(code: str) -> str:
        row = {"timestamp": "2026-03-05T10:00:00Z", "statusCode": code, "status": "PARCEL_PICKED_UP_AT_PARCELSHOP"}
        return dhl.read({"shipments": [{"id": 1, "events": [row]}]})["1"][0].state

    assert (state("delivered"), state("transit")) == ("delivered", "returning")


# What was recorded


@needs_data
def test_all_37_status_codes_of_meest_are_read() -> None:
    assert DATA
    with Path(DATA, "meest", "meest_tracking_statuses.csv").open(encoding="utf-8") as file:
        codes = [(row["code"], row["upu_event"]) for row in csv.DictReader(file)]
    told = {"result": [
        {"parcelNumber": "P", "barCode": "B", "eventDateTime": f"2026-03-02 10:{minute:02}:00", "eventCode": code}
        for minute, (code, _) in enumerate(codes)
    ]}  # fmt: skip
    found = meest.read(told)
    assert len(found["P"]) == 37 and found["P"] == found["B"]
    assert [(event.raw_code, event.code) for event in found["P"]] == codes
    assert all(is_known(event.state) for event in found["P"])


def recorded() -> Iterator[tuple[str, str, Any]]:
    """Every recorded answer that tells of a parcel: the carrier that reads it, where it is from, and what it says."""
    assert DATA
    for carrier in ("easypost", "shippo"):
        for line in _lines(carrier):
            yield carrier, line["id"], line["body"]
    for line in _lines("carriers_raw"):
        source = line["src"].partition(":")[2]
        if (carrier := _carrier(source)) and not any(word in source for word in ("request", "vendor", "document")):
            yield carrier, source, line["body"]


def _lines(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(Path(str(DATA), "payloads", f"{name}.jsonl.gz"), "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _carrier(source: str) -> str:
    if "Fixture/files/success" in source:
        return "dhl"
    if "track" not in source:
        return ""
    folders = {"dhl_universal": "dhl", "mydhl": "dhl", "usps_international": "usps"} | {name: name for name in READERS}
    return next((carrier for folder, carrier in folders.items() if f"/{folder}/" in source), "")


# What a document fills its examples with, and no carrier ever says.
PLACEHOLDERS = {("usps", "string"): 2}


@needs_data
def test_every_recorded_answer_is_read_and_no_unknown_word_is_dropped() -> None:
    told, read, unknown = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for carrier, source, body in recorded():
        events = events_of(carrier, body)
        told[carrier] += _occurrences(carrier, body)
        read[carrier] += len(events)
        unknown.update((carrier, event.raw_code) for event in events if not is_known(event.state))
        assert all(event.raw_code for event in events), source
    assert read == told
    assert dict(unknown) == PLACEHOLDERS
    assert set(read) == set(READERS) - {"meest", "karrio"}  # of these nothing was recorded


# How each carrier's answers call one event, counted without reading them.
EVENTS = {
    "easypost": '"object": "TrackingDetail"', "shippo": '"status_details"', "dhl": '"timestamp"',
    "usps": '"eventTimestamp"', "fedex": '"derivedStatusCode"', "ups": '"simplifiedTextDescription"',
    "sendle": '"event_type"', "smartkargo": '"eventType"', "teleship": '"code"', "stamps": "<TrackingEvent>",
}  # fmt: skip


def _occurrences(carrier: str, body: Any) -> int:
    """How many events are told, counted in another way than they are read."""
    if carrier == "usps" and isinstance(body, str):
        return body.count("<EventCode>")
    if carrier == "stamps":
        return str(body).count("<TrackingEvent>")
    if carrier in ("dhl", "ups", "teleship", "shippo"):
        return _counted(carrier, body)
    return json.dumps(body).count(EVENTS[carrier])


def _counted(carrier: str, body: Any) -> int:
    lists = {"dhl": "events", "ups": "activity", "teleship": "events", "shippo": "tracking_history"}
    rows = [row for found in _found(body, lists[carrier]) for row in found]
    if carrier == "shippo":
        rows += [one for one in _found(body, "tracking_status") if one]
    if carrier == "dhl":
        # A piece's own events are those of its shipment again.
        rows = [row for shipment in _shipments(body) for row in shipment.get("events") or [shipment.get("status")]]
    return len(rows) * (3 if carrier == "teleship" else 1)  # by the numbers of its three legs


def _shipments(body: Any) -> list[Any]:
    return [shipment for found in _found(body, "shipments") for shipment in found]


def _found(told: Any, name: str) -> Iterator[Any]:
    if isinstance(told, dict):
        for key, value in told.items():
            if key == name:
                yield value
            else:
                yield from _found(value, name)
    elif isinstance(told, list):
        for value in told:
            yield from _found(value, name)
