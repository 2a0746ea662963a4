"""Meest keeps the contract of every carrier, bad days too."""

from __future__ import annotations

from tests.plug.carrier_contract import CarrierOverHttpContract, Part


class TestMeestKeepsTheContract(CarrierOverHttpContract):
    service = "door"
    pickup_point, point_service = "465", "branch"
    parts: tuple[Part, ...] = ("price", "pdf", "days")
