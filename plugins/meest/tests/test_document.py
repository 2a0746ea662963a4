"""What is sent is what Meest's own document asks for, and what it answers there is understood. Needs DOORSTEP_DATA."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from doorstep.plug import NEWS, READERS
from doorstep_meest.carrier import Meest
from doorstep_meest.places import Branch, City, Country, Street
from doorstep_meest.words import (
    Asked,
    Listed,
    Made,
    NewParcel,
    NewPickup,
    NewRegister,
    Price,
    Register,
    Said,
    Token,
    Told,
)
from plugins.meest.tests.conftest import a_meest
from plugins.meest.tests.fake_meest import FakeMeest
from plugins.meest.tests.shipments import a_call, abroad, at_home, to_branch
from tests.plug.carrier_contract import a_key

FOLDER = Path(os.environ.get("DOORSTEP_DATA", "/nowhere"), "meest")
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the recorded document is not at hand")

ANSWERS: dict[tuple[str, str], Any] = {
    ("POST", "/auth"): Token, ("POST", "/refreshToken"): Token, ("POST", "/countrySearch"): list[Country],
    ("POST", "/citySearch"): list[City], ("GET", "/zipCodeSearch/{zipCode}"): list[City],
    ("POST", "/addressSearch"): list[Street], ("POST", "/branchSearch"): list[Branch],
    ("GET", "/getParcel/{parcelID}/{searchMode}/{returnMode}"): Told, ("POST", "/parcel"): Made,
    ("GET", "/parcelsList/{dateFrom}"): list[Listed], ("POST", "/calculate"): list[Price],
    ("POST", "/registerBranch"): Register, ("POST", "/registerPickup"): Register,
    ("DELETE", "/parcel/{parcelID}/{contractID}"): dict, ("DELETE", "/registerPickup/{registerID}"): dict,
}  # fmt: skip
REQUESTS: dict[str, Any] = {
    "/parcel": NewParcel, "/calculate": Asked, "/registerBranch": NewRegister, "/registerPickup": NewPickup,
}  # fmt: skip


@lru_cache
def examples() -> dict[tuple[str, str], Any]:
    with gzip.open(FOLDER / "meest_operations_with_examples.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return {(one["method"], one["path"]): one for one in found}


@lru_cache
def document() -> dict[str, Any]:
    with gzip.open(FOLDER / "meest_openapi_v3.json.gz", "rt", encoding="utf-8") as file:
        return dict(json.load(file))


def operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The template in the document that this path is made by; one with more words of its own goes first."""
    for template in sorted(document()["paths"], key=lambda one: one.count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in document()["paths"][template]:
            return template, document()["paths"][template][method.lower()]
    raise AssertionError(f"the document knows no {method} {path}")


KINDS: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list,
                         "object": dict}  # fmt: skip


def faults(schema: dict[str, Any], value: Any, at: str = "$", nothing_is_fine: bool = False) -> Iterator[str]:
    """What the document would say against a value: a kind, a field that is missing, a field that it does not know."""
    if "$ref" in schema:
        schema = document()["definitions"][schema["$ref"].rpartition("/")[2]]
    if value is None and nothing_is_fine:
        return
    kind = schema.get("type")
    if kind and (not isinstance(value, KINDS[kind]) or (kind != "boolean" and isinstance(value, bool))):
        yield f"{at}: {value!r} is no {kind}"
    elif kind == "object":
        known = schema.get("properties", {})
        # It asks a level too high for what is needed below: `parcelID` of a list of parcels.
        wanted = [name for name in schema.get("required", ()) if not known or name in known]
        yield from (f"{at}.{name} is missing" for name in wanted if name not in value)
        yield from (f"{at}.{name} is unknown" for name in value if known and name not in known)
        for name, inner in known.items():
            if name in value:
                yield from faults(inner, value[name], f"{at}.{name}", nothing_is_fine)
    elif kind == "array":
        for number, one in enumerate(value):
            yield from faults(schema["items"], one, f"{at}[{number}]", nothing_is_fine)


async def a_whole_day(fake: FakeMeest) -> None:
    """Everything that is ever asked, of a home and a foreign parcel, at a door and a branch."""
    carrier = a_meest(fake, currency="UAH", conditions="c1, c2", signature_condition="c3")
    for shipment in (at_home(), to_branch(), abroad(), at_home(cod_minor=120_050, insured_minor=9_999, signature=True)):
        assert await carrier.rates(shipment)
        label = await carrier.buy(shipment, key := a_key())
        assert await carrier.buy(shipment, key) == label
        await carrier.track(label.tracking_number)
    await carrier.manifest([label.label_ref], a_key())
    others = [(await carrier.buy(at_home(), a_key())).label_ref for _ in range(3)]
    await carrier.cancel_pickup((await carrier.pickup(a_call(*others[:2]), a_key())).pickup_ref, a_key())
    await carrier.void(others[2], a_key())
    fake.meest.tokens.clear()
    await carrier.rates(at_home())
    await carrier.close()
    in_branch = a_meest(fake, currency="UAH", sender_branch="1", payer="receiver", pay_by="cash")
    await in_branch.buy(at_home(), a_key())
    await in_branch.close()


async def test_all_that_is_sent_is_as_the_document_asks(fake: FakeMeest) -> None:
    await a_whole_day(fake)
    seen = set()
    for method, path, body in fake.meest.requests:
        template, told = operation(method, path)
        seen.add((method, template))
        schemas = [one["schema"] for one in told.get("parameters", ()) if one["in"] == "body" and body is not None]
        assert bool(schemas) == (body is not None), (method, path)
        assert [fault for schema in schemas for fault in faults(schema, body)] == [], (method, path)
    assert seen >= set(ANSWERS) | {("GET", "/tracking/{trackNumber}"), ("GET", "/print/sticker100/{printValue}")}


async def test_our_own_meest_answers_as_the_document_says(fake: FakeMeest) -> None:
    await a_whole_day(fake)
    for method, path, answer in fake.meest.answers:
        _, told = operation(method, path)
        schema = told["responses"]["200"].get("schema")
        if schema and not isinstance(answer, bytes):
            assert [*faults(schema, answer, nothing_is_fine=True)] == [], (method, path)


@pytest.mark.parametrize(("method", "path"), list(ANSWERS))
def test_every_recorded_answer_is_understood_and_comes_out_as_it_went_in(method: str, path: str) -> None:
    told = examples()[method, path]["responses"]["200"]
    said = msgspec.convert(told, Said)
    assert not said.is_error and said.complaint == ""
    found = msgspec.convert(said.result, ANSWERS[method, path], strict=False)
    assert _is_in(msgspec.to_builtins(found), said.result)


@pytest.mark.parametrize("path", list(REQUESTS))
def test_every_recorded_request_fits_what_we_send_and_comes_out_as_it_went_in(path: str) -> None:
    told = examples()["POST", path]["request"] | {"receiverPay": False}  # the record has nothing there
    found = msgspec.convert(told, REQUESTS[path])
    assert _is_in(msgspec.json.decode(msgspec.json.encode(found)), told)


def test_the_recorded_tracking_is_an_event_of_both_numbers() -> None:
    told = examples()["GET", "/tracking/{trackNumber}"]["responses"]["200"]
    found = READERS["meest"](told)
    assert {event.state for events in found.values() for event in events} == {"accepted"}
    assert len(found) == 2


async def test_every_status_of_theirs_means_something_here(carrier: Meest, fake: FakeMeest) -> None:
    with (FOLDER / "meest_tracking_statuses.csv").open(encoding="utf-8", newline="") as file:
        statuses = {row["code"]: row for row in csv.DictReader(file)}
    assert len(statuses) == 37
    label = await carrier.buy(at_home(), a_key())
    fake.meest.move(label.tracking_number, *statuses)
    told = {event.raw_code: event for event in await carrier.track(label.tracking_number)}
    assert set(told) == set(statuses)
    for code, event in told.items():
        assert event.state, code
        assert event.state == NEWS or event.happened_at
        assert not statuses[code]["upu_event"] or event.code == statuses[code]["upu_event"], code


def _is_in(ours: Any, theirs: Any) -> bool:
    """All that we read or write there stands there just so; a number may be spelled as text."""
    match ours, theirs:
        case dict(), dict():
            return all(_is_in(value, theirs.get(name)) for name, value in ours.items())
        case list(), list():
            return len(ours) == len(theirs) and all(map(_is_in, ours, theirs))
    return ours == theirs or (ours in ("", None, 0, [], ()) and theirs is None)
