"""A stateful EasyPost: shipments, rates, labels, refunds, scan forms, pickups, trackers, in the shape it answers in.

It knows no keys: what is asked twice is done twice, but for a shipment, which is bought once.
"""

from __future__ import annotations

import copy
import json
import sys
import threading
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Literal
from uuid import uuid4

from doorstep.plug.simulator.labelpdf import label_pdf
from tests.plug.carrier_contract import Part
from tests.plug.fake_http import Asked, FakeControls, FakeServer, Reply

API_KEY = "EZTK-of-the-tests"
# Carrier, service, abroad, base price and price of an ounce in cents, days.
SERVICES = (
    ("USPS", "GroundAdvantage", False, 420, 12, 3),
    ("USPS", "Priority", False, 640, 18, 2),
    ("USPS", "Express", False, 2790, 41, 1),
    ("USPS", "FirstClassPackageInternationalService", True, 1350, 31, 11),
    ("USPS", "PriorityMailInternational", True, 4110, 52, 8),
    ("UPSDAP", "UPSSaver", True, 5230, 77, 3),
)
WAY = (
    ("pre_transit", "status_update", "Shipping Label Created"),
    ("in_transit", "received_at_origin_facility", "Accepted at USPS Origin Facility"),
    ("in_transit", "in_transit", "Departed USPS Regional Facility"),
    ("out_for_delivery", "out_for_delivery", "Out for Delivery"),
    ("delivered", "arrived_at_destination", "Delivered, Front Door/Porch"),
)


class No(Exception):
    def __init__(self, status: int, code: str, message: str, errors: list[Any] | None = None) -> None:
        super().__init__(code)
        self.reply = Reply(status, {"error": {"code": code, "message": message, "errors": errors or []}})


def a_new(kind: str) -> str:
    return f"{kind}_{uuid4().hex}"


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class EasyPostWorld:
    def __init__(self) -> None:
        self.url = ""
        self.shipments: dict[str, dict[str, Any]] = {}
        self.scan_forms: dict[str, dict[str, Any]] = {}
        self.pickups: dict[str, dict[str, Any]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.steps: dict[str, int] = {}  # how far a parcel has come, by its number
        self.left_out: tuple[Part, ...] = ()
        self.label_type = "application/pdf"
        self.by_reference: Literal["newest", "oldest"] = "newest"
        self.purchases = 0
        self.form_status = "created"
        self.no_to_buying: No | None = None
        self._numbers = count(1)

    # Which act a request is, as the contract names them

    def act_of(self, asked: Asked) -> str:
        match asked.method, asked.steps[1:]:
            case "POST", ["shipments"]:
                return "create" if asked.json["shipment"].get("reference") else "rates"
            case "POST", ["shipments", _, "buy"]:
                return "buy"
            case "POST", ["shipments", _, "refund"]:
                return "void"
            case "POST", ["scan_forms"]:
                return "manifest"
            case "POST", ["pickups"]:
                return "create_pickup"
            case "POST", ["pickups", _, "buy"]:
                return "pickup"
            case _, ["trackers", *_]:
                return "track"
            case _ if asked.path.startswith("/files/"):
                return "file"
        return "look"

    def answer(self, asked: Asked) -> Reply:
        if asked.path.startswith("/files/"):
            assert "authorization" not in asked.headers, "the account's key went where papers are kept"
            page = self.files.get(asked.path)
            return Reply(200, page, {"Content-Type": "application/pdf"}) if page else Reply(404, b"<Error/>")
        if asked.headers.get("authorization") != "Basic " + b64encode(f"{API_KEY}:".encode()).decode():
            return No(401, "APIKEY.INACTIVE", "This api key is no longer active.").reply
        try:
            return self._route(asked)
        except No as no:
            return no.reply

    def _route(self, asked: Asked) -> Reply:
        match asked.method, asked.steps[1:]:
            case "POST", ["shipments"]:
                return Reply(201, self._shown(self._create(asked.json["shipment"])))
            case "GET", ["shipments"]:
                return Reply(200, self._page(asked.query))
            case "GET", ["shipments", ref]:
                return Reply(200, self._shown(self._shipment(ref)))
            case "POST", ["shipments", ref, "rerate"]:
                shipment = self._shipment(ref)
                shipment["rates"] = self._rates(shipment)
                return Reply(200, {"rates": self._shown(shipment)["rates"]})
            case "POST", ["shipments", ref, "buy"]:
                return Reply(200, self._shown(self._buy(self._shipment(ref), asked.json), fresh=True))
            case "GET", ["shipments", ref, "label"]:
                return Reply(200, self._shown(self._as_pdf(self._shipment(ref))))
            case "POST", ["shipments", ref, "refund"]:
                return Reply(200, self._shown(self._refund(self._shipment(ref))))
            case "POST", ["scan_forms"]:
                return Reply(200, self._scan_form(asked.json["shipments"]))
            case "GET", ["scan_forms", ref]:
                return Reply(200, self._one(self.scan_forms, ref))
            case "POST", ["batches"]:
                return Reply(200, self._batch(asked.json["batch"]))
            case "GET", ["batches", ref]:
                return Reply(200, self._one(self.batches, ref))
            case "POST", ["pickups"]:
                return Reply(200, self._pickup(asked.json["pickup"]))
            case "GET", ["pickups", ref]:
                return Reply(200, self._one(self.pickups, ref))
            case "POST", ["pickups", ref, "buy"]:
                pickup = self._one(self.pickups, ref)
                if pickup["status"] != "unknown":
                    raise No(422, "PICKUP.FAILURE", "The pickup is already scheduled or canceled.")
                return Reply(200, pickup | self._now(pickup, status="scheduled", confirmation="WTC65024896"))
            case "POST", ["pickups", ref, "cancel"]:
                return Reply(200, self._now(self._one(self.pickups, ref), status="canceled"))
            case "GET", ["trackers"]:
                found = (
                    [self.tracker(asked.query["tracking_code"])] if asked.query["tracking_code"] in self.steps else []
                )
                return Reply(200, {"trackers": found, "has_more": False})
            case "POST", ["trackers", "batch"]:
                known = [code for code in asked.json["tracking_codes"] if code in self.steps]
                return Reply(200, {"trackers": [self.tracker(code) for code in known], "has_more": False})
        raise No(404, "NOT_FOUND", "The requested resource could not be found.")

    # Shipments

    def _create(self, told: dict[str, Any]) -> dict[str, Any]:
        for side in ("from_address", "to_address"):
            missing = [name for name in ("street1", "city", "country") if not told.get(side, {}).get(name)]
            if missing:
                errors = [{"field": f"{side}.{name}", "message": "cannot be blank"} for name in missing]
                raise No(422, "ADDRESS.PARAMETERS.INVALID", "Missing required parameter.", errors)
        if not told.get("parcel", {}).get("weight"):
            raise No(422, "PARCEL.WEIGHT.REQUIRED", "Weight is required.")
        now = at(datetime.now(UTC))
        is_return = bool(told.get("is_return"))
        start, end = (self._address(told[side]) for side in ("from_address", "to_address"))
        shipment: dict[str, Any] = {
            "id": a_new("shp"), "created_at": now, "is_return": is_return, "messages": [], "mode": "test",
            "options": {"currency": "USD", "payment": {"type": "SENDER"}, "date_advance": 0} | told.get("options", {}),
            "reference": told.get("reference"), "status": "unknown", "tracking_code": None, "updated_at": now,
            "batch_id": None, "batch_status": None, "batch_message": None,
            "customs_info": self._customs(told.get("customs_info")),
            "tax_identifiers": told.get("tax_identifiers", []),
            "from_address": end if is_return else start, "insurance": None, "order_id": None,
            "parcel": {"length": None, "width": None, "height": None} | told["parcel"] | self._born("prcl", "Parcel")
            | {"predefined_package": None, "mode": "test"},
            "postage_label": None, "rates": [], "refund_status": None, "scan_form": None, "selected_rate": None,
            "tracker": None, "to_address": start if is_return else end, "usps_zone": 4, "return_address": start,
            "buyer_address": end, "forms": [], "fees": [], "object": "Shipment",
        }  # fmt: skip
        shipment["rates"] = self._rates(shipment)
        if not shipment["rates"]:
            shipment["messages"] = [
                {"carrier": "USPS", "carrier_account_id": "ca_1", "type": "rate_error", "message": "No such way."}
            ]
        self.shipments[shipment["id"]] = shipment
        return shipment

    def _born(self, kind: str, name: str) -> dict[str, Any]:
        now = at(datetime.now(UTC))
        return {"id": a_new(kind), "object": name, "created_at": now, "updated_at": now}

    def _address(self, told: dict[str, Any]) -> dict[str, Any]:
        empty = dict.fromkeys((
            "name", "company", "street1", "street2", "city", "state", "zip", "country", "phone", "email",
            "carrier_facility", "residential", "federal_tax_id", "state_tax_id",
        ))  # fmt: skip
        return empty | told | self._born("adr", "Address") | {"mode": "test", "verifications": {}}

    def _customs(self, told: dict[str, Any] | None) -> dict[str, Any] | None:
        if told is None:
            return None
        empty_item = dict.fromkeys(("code", "manufacturer", "currency", "eccn", "printed_commodity_identifier"))
        items = [
            empty_item | one | {"value": f"{one['value']:.2f}", "mode": "test"} | self._born("cstitem", "CustomsItem")
            for one in told["customs_items"]
        ]
        born = self._born("cstinfo", "CustomsInfo")
        return (
            {"restriction_comments": None, "declaration": None, "eel_pfc": None, "mode": "test"}
            | told
            | born
            | {"customs_items": items}
        )

    def _rates(self, shipment: dict[str, Any]) -> list[dict[str, Any]]:
        abroad = shipment["from_address"]["country"] != shipment["to_address"]["country"]
        rates = []
        for carrier, service, goes_abroad, base, ounce, days in SERVICES:
            if goes_abroad == abroad:
                cents = base + round(ounce * shipment["parcel"]["weight"])
                price, dearer = f"{cents / 100:.2f}", f"{cents * 1.3 / 100:.2f}"
                rates.append({
                    **self._born("rate", "Rate"), "mode": "test", "service": service, "carrier": carrier, "rate": price,
                    "currency": "USD", "retail_rate": dearer, "retail_currency": "USD", "list_rate": price,
                    "list_currency": "USD", "billing_type": "easypost", "delivery_days": days, "delivery_date": None,
                    "delivery_date_guaranteed": False, "est_delivery_days": days, "shipment_id": shipment["id"],
                    "carrier_account_id": "ca_b25657e9896e4d63ac8151ac346ac41e",
                })  # fmt: skip
        return rates

    def _shipment(self, ref: str) -> dict[str, Any]:
        return self._one(self.shipments, ref)

    def _one(self, kept: dict[str, dict[str, Any]], ref: str) -> dict[str, Any]:
        """By its id or its reference, of which there may be several."""
        if ref in kept:
            return kept[ref]
        named = [one for one in kept.values() if ref and one.get("reference") == ref]
        if not named:
            raise No(404, "NOT_FOUND", "The requested resource could not be found.")
        return named[-1 if self.by_reference == "newest" else 0]

    def _page(self, query: Any) -> dict[str, Any]:
        newest_first = list(reversed(self.shipments.values()))
        if query.get("purchased", "true") == "true":
            newest_first = [one for one in newest_first if one["tracking_code"]]
        since = query.get("start_datetime", "")
        newest_first = [one for one in newest_first if one["created_at"] >= since]
        if before := query.get("before_id"):
            ids = [one["id"] for one in newest_first]
            newest_first = newest_first[ids.index(before) + 1 :]
        size = int(query.get("page_size", 20))
        page = [self._shown(one) for one in newest_first[:size]]
        return {"shipments": page, "has_more": len(newest_first) > size}

    def _buy(self, shipment: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        if self.no_to_buying:
            raise self.no_to_buying
        if shipment["tracking_code"]:
            raise No(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
        rate = next((one for one in shipment["rates"] if one["id"] == told["rate"]["id"]), None)
        if rate is None:
            raise No(422, "SHIPMENT.RATE.NOT_FOUND", "The rate is not of this shipment.")
        number = f"94001002083031{next(self._numbers):08d}"
        self.purchases += 1
        self.steps[number] = 0
        to = shipment["to_address"]
        to |= {"name": (to["name"] or "").upper(), "street1": f"{to['street1']} {to['street2'] or ''}".strip().upper()}
        name = shipment["id"]
        is_pdf = self.label_type == "application/pdf"
        shipment |= {
            "selected_rate": rate, "tracking_code": number, "insurance": told.get("insurance"),
            "postage_label": {
                **self._born("pl", "PostageLabel"), "date_advance": 0, "integrated_form": "none",
                "label_date": at(datetime.now(UTC)), "label_resolution": 300, "label_size": "4x6",
                "label_type": "default", "label_file_type": self.label_type,
                "label_url": self._file(f"{name}.pdf" if is_pdf else f"{name}.png", number),
                "label_pdf_url": None, "label_zpl_url": None, "label_epl2_url": None, "label_file": None,
            },
            "fees": [
                {"object": "Fee", "type": "LabelFee", "amount": "0.00000", "charged": True, "refunded": False},
                {"object": "Fee", "type": "PostageFee", "amount": f"{rate['rate']}000", "charged": True,
                 "refunded": False},
            ],
        }  # fmt: skip
        return shipment

    def _file(self, name: str, *lines: str) -> str:
        self.files[f"/files/{name}"] = label_pdf(lines) if name.endswith(".pdf") else b"\x89PNG\r\n"
        return f"{self.url}/files/{name}"

    def _as_pdf(self, shipment: dict[str, Any]) -> dict[str, Any]:
        if shipment["postage_label"]:
            shipment["postage_label"]["label_pdf_url"] = self._file(f"{shipment['id']}.pdf", shipment["tracking_code"])
        return shipment

    def _refund(self, shipment: dict[str, Any]) -> dict[str, Any]:
        if not shipment["tracking_code"] or shipment["refund_status"] or self.steps[shipment["tracking_code"]]:
            raise No(422, "SHIPMENT.REFUND.UNAVAILABLE", "Refund is not available for this shipment.")
        return self._now(shipment, refund_status="submitted")

    def _now(self, kept: dict[str, Any], **values: Any) -> dict[str, Any]:
        kept |= values
        return kept

    def _shown(self, shipment: dict[str, Any], fresh: bool = False) -> dict[str, Any]:
        shown = copy.deepcopy(shipment)
        if number := shown["tracking_code"]:
            shown["tracker"] = self.tracker(number, fresh=fresh)
            shown["status"] = shown["tracker"]["status"]
        for part in self.left_out:
            if part == "days":
                for rate in shown["rates"]:
                    rate |= {"delivery_days": None, "est_delivery_days": None}
            if part == "price":
                shown["selected_rate"] = None
            if part == "pdf":
                shown["postage_label"] = None
        return shown

    # Trackers

    def tracker(self, number: str, fresh: bool = False, step: int | None = None) -> dict[str, Any]:
        """Right after the purchase it knows nothing yet."""
        reached = self.steps[number] if step is None else step
        status, fine, _ = WAY[reached]
        began = datetime(2026, 3, 2, 12, tzinfo=UTC)
        details = [
            {
                "object": "TrackingDetail", "message": message, "description": "", "status": state,
                "status_detail": detail, "datetime": at(began + timedelta(hours=9 * index)), "source": "USPS",
                "carrier_code": "", "est_delivery_date": None,
                "tracking_location": {
                    "object": "TrackingLocation", "city": "NEWARK", "state": "NJ", "country": "US", "zip": "07102",
                },
            }
            for index, (state, detail, message) in enumerate(WAY[: reached + 1])
        ]  # fmt: skip
        shipment = next(one for one in self.shipments.values() if one["tracking_code"] == number)
        return {
            **self._born("trk", "Tracker"), "mode": "test", "tracking_code": number,
            "status": "unknown" if fresh else status, "status_detail": "unknown" if fresh else fine,
            "signed_by": "Z ZAK" if status == "delivered" else None, "weight": None, "est_delivery_date": None,
            "shipment_id": shipment["id"], "carrier": shipment["selected_rate"]["carrier"],
            "tracking_details": [] if fresh else details, "fees": [], "carrier_detail": None,
            "public_url": "https://track.easypost.com/of-the-tests",
        }  # fmt: skip

    def event(self, number: str, step: int) -> dict[str, Any]:
        """As a webhook brings it."""
        return {
            **self._born("evt", "Event"), "description": "tracker.updated", "mode": "test", "status": "completed",
            "previous_attributes": {"status": WAY[max(0, step - 1)][0]}, "pending_urls": [], "completed_urls": [],
            "user_id": "user_1", "result": self.tracker(number, step=step),
        }  # fmt: skip

    # Scan forms and pickups

    def _scan_form(self, told: list[dict[str, str]]) -> dict[str, Any]:
        shipments = [self._shipment(one["id"]) for one in told]
        if any(one["scan_form"] for one in shipments):
            raise No(422, "SCAN_FORM.SHIPMENTS.INVALID", "A shipment is on a scan form already.")
        form = {
            **self._born("sf", "ScanForm"), "tracking_codes": [one["tracking_code"] for one in shipments],
            "address": shipments[0]["from_address"], "status": self.form_status, "message": None, "form_url": None,
            "form_file_type": None, "batch_id": a_new("batch"), "confirmation": None,
        }  # fmt: skip
        if self.form_status == "created":
            form["form_url"] = self._file(f"{form['id']}.pdf", *form["tracking_codes"])
        if self.form_status == "failed":
            return form | {"message": "Unable to create manifest."}
        self.scan_forms[form["id"]] = form
        for one in shipments:
            one["scan_form"] = form
        return form

    def _batch(self, told: dict[str, Any]) -> dict[str, Any]:
        shipments = [self._shipment(one["id"]) for one in told["shipments"]]
        batch = {
            **self._born("batch", "Batch"), "mode": "test", "state": "purchased", "num_shipments": len(shipments),
            "reference": told.get("reference"), "scan_form": None, "pickup": None, "label_url": None,
            "shipments": [{"id": one["id"], "tracking_code": one["tracking_code"]} for one in shipments],
        }  # fmt: skip
        self.batches[batch["id"]] = batch
        return batch

    def _pickup(self, told: dict[str, Any]) -> dict[str, Any]:
        if "batch" in told:
            self._one(self.batches, told["batch"]["id"])
        else:
            self._shipment(told["shipment"]["id"])
        born = self._born("pickup", "Pickup")
        pickup = {
            **born, "mode": "test", "status": "unknown", "reference": told.get("reference"),
            "min_datetime": told["min_datetime"], "max_datetime": told["max_datetime"], "is_account_address": False,
            "instructions": told["instructions"], "messages": [], "confirmation": None,
            "address": self._address(told["address"]), "carrier_accounts": [],
            "pickup_rates": [
                {
                    **self._born("pickuprate", "PickupRate"), "mode": "test", "service": service, "rate": rate,
                    "currency": "USD", "carrier": carrier, "pickup_id": born["id"],
                }
                for carrier, service, rate in (("UPSDAP", "SameDay", "6.50"), ("USPS", "NextDay", "0.00"))
            ],
        }  # fmt: skip
        self.pickups[pickup["id"]] = pickup
        return pickup

    def in_force(self, what: Literal["labels", "manifests", "pickups"]) -> int:
        if what == "labels":
            return sum(bool(one["tracking_code"]) and not one["refund_status"] for one in self.shipments.values())
        if what == "manifests":
            return len(self.scan_forms)
        return sum(one["status"] == "scheduled" for one in self.pickups.values())


class Controls(FakeControls):
    world: EasyPostWorld

    def calm(self) -> None:
        super().calm()
        self.world.no_to_buying = None
        self.world.label_type, self.world.by_reference, self.world.form_status = "application/pdf", "newest", "created"

    def count(self, what: Literal["labels", "manifests", "pickups"]) -> int:
        return self.world.in_force(what)


if __name__ == "__main__":
    tried = EasyPostWorld()
    with FakeServer(tried.answer, tried.act_of, int(sys.argv[1])) as running:
        tried.url = running.url
        print(json.dumps({"base_url": f"{running.url}/v2", "api_key": API_KEY}), flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
