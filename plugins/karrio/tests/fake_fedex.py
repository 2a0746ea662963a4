"""A stateful FedEx, as far as Karrio's connector asks it: tokens, rates, labels, cancels, tracking, in its own shape.

It knows no keys: what is asked twice is done twice.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from doorstep.plug.simulator.labelpdf import label_pdf
from tests.plug.carrier_contract import Part
from tests.plug.fake_http import Asked, Reply

# Service, base price and price of a kilogram in cents, days.
SERVICES = (
    ("INTERNATIONAL_ECONOMY", 5210, 640, 7),
    ("FEDEX_INTERNATIONAL_PRIORITY", 7980, 930, 4),
)
WAY = (
    ("OC", "Shipment information sent to FedEx", "2026-03-02T12:00:00-05:00"),
    ("PU", "Picked up", "2026-03-02T18:00:00-05:00"),
    ("DE", "Customer not available or business closed", "2026-03-05T09:00:00+01:00"),
    ("DL", "Delivered", "2026-03-06T11:00:00+01:00"),
)


class FakeFedEx:
    connector = "fedex"
    base_path = ""
    service = "fedex_international_economy"
    credentials = (
        '{"api_key": "id", "secret_key": "secret", "account_number": "510087020", '
        '"track_api_key": "tid", "track_secret_key": "tsecret"}'
    )

    def __init__(self) -> None:
        self.sold: dict[str, dict[str, Any]] = {}
        self.steps: dict[str, int] = {}
        self.logins = 0
        self.left_out: tuple[Part, ...] = ()
        self._numbers = count(1)

    def act_of(self, asked: Asked) -> str:
        last = asked.steps[-1]
        return {"token": "login", "quotes": "rates", "shipments": "buy", "cancel": "void"}.get(last, "track")

    def answer(self, asked: Asked) -> Reply:
        act = self.act_of(asked)
        if act == "login":
            self.logins += 1
            which = "track" if b"client_id=tid" in asked.body else "ship"
            return Reply(200, {"access_token": f"{which}-of-the-tests", "token_type": "bearer", "expires_in": 3599})
        if asked.headers.get("authorization") != f"Bearer {'track' if act == 'track' else 'ship'}-of-the-tests":
            return _no(401, "NOT.AUTHORIZED.ERROR", "The given JWT is invalid. Please modify your request.")
        match act:
            case "rates":
                return Reply(200, self._rates(asked.json["requestedShipment"]))
            case "buy":
                return self._ship(asked.json["requestedShipment"])
            case "void":
                return self._cancel(asked.json["trackingNumber"])
            case _:
                number = asked.json["trackingInfo"][0]["trackingNumberInfo"]["trackingNumber"]
                return Reply(200, self._track(number))

    def _rates(self, shipment: dict[str, Any]) -> dict[str, Any]:
        kilograms = sum(_kilograms(one) for one in shipment["requestedPackageLineItems"])
        replies = []
        for service, base, kilogram, days in SERVICES:
            day = (datetime.now() + timedelta(days)).strftime("%Y-%m-%dT18:00:00")
            price = (base + round(kilogram * kilograms)) / 100
            replies.append({
                "serviceType": service, "serviceName": service.title(), "packagingType": "YOUR_PACKAGING",
                "ratedShipmentDetails": [{
                    "rateType": "ACCOUNT", "ratedWeightMethod": "ACTUAL", "totalDiscounts": 0, "totalBaseCharge": price,
                    "totalNetCharge": price, "totalNetFedExCharge": price, "totalDutiesAndTaxes": 0,
                    "totalNetChargeWithDutiesAndTaxes": price, "currency": "USD",
                    "shipmentRateDetail": {"rateZone": "US001D", "surCharges": [], "currency": "USD"},
                }],
                "operationalDetail": {} if "days" in self.left_out else {"commitDate": day, "transitTime": "FIVE_DAYS"},
            })  # fmt: skip
        note = {"code": "SHIPMENT.CHARGES.NOTE", "message": "Charges were added.", "alertType": "NOTE"}
        return {"transactionId": "1", "output": {"alerts": [note], "rateReplyDetails": replies}}

    def _ship(self, shipment: dict[str, Any]) -> Reply:
        lines = shipment["recipients"][0]["address"].get("streetLines") or []
        if not lines or not lines[0].strip():
            return _no(400, "RECIPIENT.STREETLINES.EMPTY", "Recipient address street lines are empty.")
        number = f"7949535{next(self._numbers):05d}"
        self.sold[number], self.steps[number] = shipment, 0
        document = {
            "contentKey": "", "copiesToPrint": 1, "contentType": "LABEL", "trackingNumber": number, "docType": "PDF",
            "encodedLabel": b64encode(label_pdf([number])).decode(),
        }  # fmt: skip
        piece = {
            "netChargeAmount": 52.5, "packageSequenceNumber": 1, "masterTrackingNumber": number,
            "trackingNumber": number, "packageDocuments": [] if "pdf" in self.left_out else [document],
        }  # fmt: skip
        return Reply(200, {"transactionId": "2", "output": {"transactionShipments": [{
            "serviceType": shipment["serviceType"], "shipDatestamp": "2026-03-02", "masterTrackingNumber": number,
            "shipmentDocuments": [], "pieceResponses": [piece], "completedShipmentDetail": {"carrierCode": "FDXE"},
        }]}})  # fmt: skip

    def _cancel(self, number: str) -> Reply:
        if number not in self.steps:
            return _no(400, "SHIPMENT.TRACKINGNUMBER.NOTFOUND", "The tracking number was not found.")
        if number not in self.sold:
            return _no(400, "SHIPMENT.ALREADY.CANCELLED", "The shipment was already cancelled.")
        if self.steps[number]:
            return _no(400, "SHIPMENT.ALREADY.TENDERED", "The shipment was tendered to FedEx.")
        del self.sold[number]
        return Reply(200, {"transactionId": "3", "output": {"cancelledShipment": True, "successMessage": "Success"}})

    def _track(self, number: str) -> dict[str, Any]:
        if number not in self.steps:
            no = {"code": "TRACKING.TRACKINGNUMBER.NOTFOUND", "message": "Tracking number cannot be found."}
            found: dict[str, Any] = {"trackingNumberInfo": {"trackingNumber": number}, "error": no}
        else:
            reached = WAY[: self.steps[number] + 1]
            place = {"city": "MEMPHIS", "stateOrProvinceCode": "TN", "postalCode": "38116", "countryCode": "US"}
            found = {
                "trackingNumberInfo": {"trackingNumber": number, "carrierCode": "FDXE"},
                "latestStatusDetail": {"code": reached[-1][0], "description": reached[-1][1]},
                "deliveryDetails": {"signedByName": "A.BYRNE"},
                "scanEvents": [
                    {"date": at, "eventType": code, "eventDescription": text, "scanLocation": place}
                    for code, text, at in reversed(reached)
                ],
            }  # fmt: skip
        told = {"trackingNumber": number, "trackResults": [found]}
        return {"transactionId": "4", "output": {"completeTrackResults": [told]}}


def _no(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"transactionId": "5", "errors": [{"code": code, "message": message}]})


def _kilograms(package: dict[str, Any]) -> float:
    return float(package["weight"]["value"]) * (0.45359237 if package["weight"]["units"] == "LB" else 1)
