"""A stateful UPS, as far as Karrio's connector asks it: token, rates, labels, voids, tracking, in its own shape.

It knows no keys: what is asked twice is done twice.
"""

from __future__ import annotations

import io
from base64 import b64encode
from itertools import count
from typing import Any

from PIL import Image

from tests.plug.carrier_contract import Part
from tests.plug.fake_http import Asked, Reply

# Service, base price and price of a pound in cents, days.
SERVICES = (("11", 2100, 310, 5), ("08", 6300, 820, 4), ("65", 7410, 910, 3), ("07", 8930, 1120, 2))
DRAWN = io.BytesIO()
Image.new("1", (1400, 800), 1).save(DRAWN, "GIF")
LABEL = b64encode(DRAWN.getvalue()).decode()
WAY = (
    ("M", "MP", "Shipper created a label, UPS has not received the package yet. ", "20260302", "120000"),
    ("I", "OR", "Origin Scan", "20260302", "191500"),
    ("X", "9E", "The street number is incorrect. This may delay delivery.", "20260304", "093000"),
    ("D", "KB", "DELIVERED ", "20260305", "163000"),
)


class FakeUps:
    connector = "ups"
    base_path = ""
    service = "ups_worldwide_expedited"
    credentials = "client_id=id; client_secret=secret; account_number=A1B2C3"

    def __init__(self) -> None:
        self.sold: dict[str, dict[str, Any]] = {}
        self.steps: dict[str, int] = {}
        self.logins = 0
        self.left_out: tuple[Part, ...] = ()
        self._numbers = count(1)

    def act_of(self, asked: Asked) -> str:
        if asked.path.endswith("/oauth/token"):
            return "login"
        if "/rating/" in asked.path:
            return "rates"
        if asked.path.endswith("/ship"):
            return "buy"
        return "void" if "/void/" in asked.path else "track"

    def answer(self, asked: Asked) -> Reply:
        act = self.act_of(asked)
        if act == "login":
            return self._login(asked)
        if asked.headers.get("authorization") != "Bearer token-of-the-tests":
            return _no(401, "250002", "Invalid Authentication Information.")
        match act:
            case "rates":
                return Reply(200, self._rates(asked.json["RateRequest"]["Shipment"]))
            case "buy":
                return self._ship(asked.json["ShipmentRequest"]["Shipment"])
            case "void":
                return self._void(asked.steps[-1])
            case _:
                return self._track(asked.steps[-1])

    def _login(self, asked: Asked) -> Reply:
        if asked.headers["authorization"] != "Basic " + b64encode(b"id:secret").decode():
            return _no(401, "10401", "ClientId is Invalid")
        self.logins += 1
        told = {"token_type": "Bearer", "issued_at": "4102444800000", "client_id": "id", "expires_in": "14399"}
        return Reply(200, told | {"access_token": "token-of-the-tests", "status": "approved"})

    def _rates(self, shipment: dict[str, Any]) -> dict[str, Any]:
        pounds = sum(_pounds(package) for package in _list(shipment["Package"]))
        rated = []
        for code, base, pound, days in SERVICES:
            price = {"CurrencyCode": "USD", "MonetaryValue": f"{(base + round(pound * pounds)) / 100:.2f}"}
            nothing = {"CurrencyCode": "USD", "MonetaryValue": "0.00"}
            arrival = {"BusinessDaysInTransit": str(days), "Arrival": {"Date": "20260306", "Time": "230000"}}
            rated.append({
                "Service": {"Code": code, "Description": ""}, "RatedShipmentAlert": [], "RatingMethod": "01",
                "BillingWeight": {"UnitOfMeasurement": {"Code": "LBS", "Description": "Pounds"}, "Weight": f"{pounds}"},
                "TransportationCharges": price, "BaseServiceCharge": price, "ItemizedCharges": [],
                "ServiceOptionsCharges": nothing, "TotalCharges": price,
                "TimeInTransit": {"ServiceSummary": {"EstimatedArrival": arrival}} if "days" not in self.left_out else {
                    "ServiceSummary": {"EstimatedArrival": {}}
                },
            })  # fmt: skip
        return {"RateResponse": {"Response": _fine(), "RatedShipment": rated}}

    def _ship(self, shipment: dict[str, Any]) -> Reply:
        if not all(line.strip() for line in shipment["ShipTo"]["Address"].get("AddressLine", [])):
            return _no(400, "120206", "Missing or invalid ship to address line 1")
        number = f"1Z1442YY72{next(self._numbers):08d}"
        self.sold[number], self.steps[number] = shipment, 0
        price = {"CurrencyCode": "USD", "MonetaryValue": "64.90"}
        package: dict[str, Any] = {
            "TrackingNumber": number, "BaseServiceCharge": price, "ServiceOptionsCharges": price, "ItemizedCharges": [],
            "ShippingLabel": {"ImageFormat": {"Code": "GIF", "Description": "GIF"}, "GraphicImage": LABEL,
                              "HTMLImage": ""},
        }  # fmt: skip
        if "pdf" in self.left_out:
            del package["ShippingLabel"]
        return Reply(200, {"ShipmentResponse": {"Response": _fine(), "ShipmentResults": {
            "ShipmentCharges": {"TransportationCharges": price, "ServiceOptionsCharges": price, "TotalCharges": price},
            "BillingWeight": {"UnitOfMeasurement": {"Code": "LBS", "Description": "Pounds"}, "Weight": "1.0"},
            "ShipmentIdentificationNumber": number, "PackageResults": [package],
        }}})  # fmt: skip

    def _void(self, number: str) -> Reply:
        if number not in self.steps:
            return _no(400, "190100", "No shipment found within the allowed void period")
        if number not in self.sold:
            return _no(400, "190117", "The shipment has already been voided")
        if self.steps[number]:
            return _no(400, "190102", "The package was picked up: the time for voiding has expired")
        del self.sold[number]
        return Reply(200, {"VoidShipmentResponse": {
            "Response": _fine(), "SummaryResult": {"Status": {"Code": "1", "Description": "Voided"}},
        }})  # fmt: skip

    def _track(self, number: str) -> Reply:
        if number not in self.steps:
            warning = {"code": "TW0001", "message": "Tracking Information Not Found"}
            return Reply(200, {"trackResponse": {"shipment": [{"inquiryNumber": number, "warnings": [warning]}]}})
        place = {"address": {"city": "PARAMUS", "stateProvince": "NJ", "countryCode": "US", "postalCode": "07652",
                             "country": "US"}}  # fmt: skip
        reached = WAY[: self.steps[number] + 1]
        activity = [
            {"location": place, "status": {"type": kind, "code": code, "description": text, "statusCode": "003"},
             "date": date, "time": time}
            for kind, code, text, date, time in reversed(reached)
        ]  # fmt: skip
        package = {
            "trackingNumber": number, "activity": activity, "deliveryDate": [{"type": "DEL", "date": "20260305"}],
            "deliveryInformation": {"location": "DEL", "receivedBy": "BYRNE"}, "packageAddress": [],
            "service": {"code": "08", "description": "UPS Worldwide Expedited"},
            "weight": {"unitOfMeasurement": "LBS", "weight": "1.00"}, "packageCount": 1,
        }  # fmt: skip
        return Reply(200, {"trackResponse": {"shipment": [{"inquiryNumber": number, "package": [package]}]}})


def _fine() -> dict[str, Any]:
    return {"ResponseStatus": {"Code": "1", "Description": "Success"}, "Alert": []}


def _no(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"response": {"errors": [{"code": code, "message": message}]}})


def _list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else [told]


def _pounds(package: dict[str, Any]) -> float:
    weight = package["PackageWeight"]
    return float(weight["Weight"]) * (2.20462 if weight["UnitOfMeasurement"]["Code"].startswith("KG") else 1)
