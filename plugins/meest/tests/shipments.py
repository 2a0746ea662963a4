"""What Meest's tests send: inside Ukraine to a door or a branch, and over its border."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from doorstep.plug import Address, CustomsItem, Parcel, PickupAsked, Shipment

KYIV_SHOP = Address(
    name="Чашки й усе", line1="вул. Хрещатик, 22", city="Київ", postal_code="01001", country="UA", phone="+380441234567"
)
LVIV_BUYER = Address(
    name="Зоряна Ґудзь", line1="вулиця Зелена, 149А, кв. 12", city="Львів", postal_code="79038", country="UA",
    phone="+380671234567",
)  # fmt: skip
BERLIN_BUYER = Address(
    name="Jörg Groß", line1="Große Straße 7", line2="Hinterhaus", city="Berlin", region="Berlin", postal_code="10115",
    country="DE", phone="+49301234567",
)  # fmt: skip
CUP = CustomsItem(
    description="Ceramic cup", quantity=2, value_minor=84_050, currency="UAH", weight_g=760, hs_code="6912.00.23",
    origin_country="UA", sku="CUP",
)  # fmt: skip
BOX = Parcel(weight_g=1_250, length_mm=201, width_mm=150, height_mm=100)


def at_home(service: str = "door", **more: object) -> Shipment:
    told = {"ship_from": KYIV_SHOP, "ship_to": LVIV_BUYER, "parcels": (BOX,), "reference": "№ 1001", "service": service,
            "currency": "UAH"}  # fmt: skip
    return Shipment(**(told | more))  # type: ignore[arg-type]


def to_branch(point: str = "465", **more: object) -> Shipment:
    to = Address(name="Зоряна Ґудзь", line1="", city="Київ", country="UA", phone="+380671234567", pickup_point=point)
    return at_home("branch", **({"ship_to": to} | more))


def abroad(**more: object) -> Shipment:
    return at_home("door", **({"ship_to": BERLIN_BUYER, "customs": (CUP,), "incoterm": "DAP"} | more))


def a_call(*label_refs: str) -> PickupAsked:
    day = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return PickupAsked(
        address=KYIV_SHOP, ready_at=day, until=day + timedelta(hours=3), label_refs=label_refs, parcels=len(label_refs),
        weight_g=1_250, note="Двір, сірі ворота",
    )  # fmt: skip
