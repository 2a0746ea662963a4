"""plug: the sockets to the outside world, and what fits them. A plugin imports this and nothing deeper."""

from doorstep.kit.refusals import Refusal
from doorstep.plug.carrier import (
    Address,
    Carrier,
    CarrierDown,
    CarrierRefused,
    CustomsItem,
    Label,
    Manifest,
    Manifests,
    Parcel,
    Rate,
    Shipment,
    TrackEvent,
    TracksMany,
    track_all,
)
from doorstep.plug.payments import (
    Authorization,
    Capture,
    Charge,
    Declined,
    Entry,
    Payments,
    ProviderDown,
    Refund,
)
from doorstep.plug.registry import CarrierPlugin, PaymentsPlugin
from doorstep.plug.states import DELIVERY_STATES, FINAL_STATES, TROUBLE_STATES, delivery_state, state_of_upu
from doorstep.plug.wire import NoAnswer, Policy, Rejected, Wire

__all__ = [
    "DELIVERY_STATES",
    "FINAL_STATES",
    "TROUBLE_STATES",
    "Address",
    "Authorization",
    "Capture",
    "Carrier",
    "CarrierDown",
    "CarrierPlugin",
    "CarrierRefused",
    "Charge",
    "CustomsItem",
    "Declined",
    "Entry",
    "Label",
    "Manifest",
    "Manifests",
    "NoAnswer",
    "Parcel",
    "Payments",
    "PaymentsPlugin",
    "Policy",
    "ProviderDown",
    "Rate",
    "Refund",
    "Refusal",
    "Rejected",
    "Shipment",
    "TrackEvent",
    "TracksMany",
    "Wire",
    "delivery_state",
    "state_of_upu",
    "track_all",
]
