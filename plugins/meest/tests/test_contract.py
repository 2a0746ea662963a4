"""Meest keeps the contract of every carrier, bad days too."""

from __future__ import annotations

from tests.plug.carrier_contract import CarrierOverHttpContract, Part


class TestMeestKeepsTheContract(CarrierOverHttpContract):
    service = "door"
    parts: tuple[Part, ...] = ("price", "pdf", "days")
