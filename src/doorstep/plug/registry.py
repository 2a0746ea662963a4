"""registry: carriers, payment providers and gateways by name: those built in, and those of installed packages.

A package offers one by an entry point in the group `doorstep.plugins`: its name is the plugin's name, its object a
`CarrierPlugin`, a `PaymentsPlugin` or an `SmsPlugin`. Nothing is imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import msgspec
from msgspec import Struct

from doorstep.kit.refusals import Refusal
from doorstep.plug.carrier import Carrier
from doorstep.plug.notifier import Notifier, NotSigned, Receipt, TwilioSettings, TwilioSms, read_receipt
from doorstep.plug.payments import Payments
from doorstep.plug.ratecard import RateCard, problems
from doorstep.plug.ratecard_carrier import RateCardCarrier
from doorstep.plug.simcarrier import SimCarrier, SimSettings, read_webhook, sim_wire
from doorstep.plug.simpay import SimPay
from doorstep.plug.words import READERS, Read

GROUP = "doorstep.plugins"


class UnknownPlugin(Refusal):
    """No plugin of that name is installed."""

    status = 422


class BadSettings(Refusal):
    """These settings do not fit the plugin."""

    status = 422


# Its settings, the address that was posted to, headers with names in lower case, and what was posted.
ReadReceipt = Callable[[Any, str, Mapping[str, str], bytes], Receipt | None]


@dataclass(frozen=True, slots=True)
class CarrierPlugin:
    """How to make a carrier of its settings; `code` is what the operator calls this account."""

    settings: type[Struct]
    build: Callable[[str, Any], Carrier]
    about: str = ""
    secret_fields: tuple[str, ...] = ()  # these are kept encrypted
    read: Read | None = None  # what its webhooks tell, by tracking number; without it, the words of its name


@dataclass(frozen=True, slots=True)
class PaymentsPlugin:
    """How to make a payment provider of its settings; `code` is what the operator calls this account."""

    settings: type[Struct]
    build: Callable[[str, Any], Payments]
    about: str = ""
    secret_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SmsPlugin:
    """How to make a gateway for text messages of its settings; it is sent `Text`s."""

    settings: type[Struct]
    build: Callable[[str, Any], Notifier]
    about: str = ""
    secret_fields: tuple[str, ...] = ()
    receipt: ReadReceipt | None = None  # of one that tells later whether a text message came


Plugin = CarrierPlugin | PaymentsPlugin | SmsPlugin
KIND_OF: dict[type[Plugin], str] = {CarrierPlugin: "carrier", PaymentsPlugin: "payments", SmsPlugin: "sms"}


def _rate_card_carrier(code: str, card: RateCard) -> RateCardCarrier:
    if wrong := problems(card):
        raise BadSettings(plugin="ratecard", problem="; ".join(wrong))
    return RateCardCarrier(code, card)


def _sim_carrier(code: str, settings: SimSettings) -> SimCarrier:
    return SimCarrier(code, sim_wire(settings))


def _sim_pay(code: str, settings: SimSettings) -> SimPay:
    return SimPay(code, sim_wire(settings))


BUILT_IN: dict[str, Plugin] = {
    "ratecard": CarrierPlugin(RateCard, _rate_card_carrier, "a price list of your own, labels printed here"),
    "simcarrier": CarrierPlugin(SimSettings, _sim_carrier, "The simulated world's carrier", ("api_key",), read_webhook),
    "simpay": PaymentsPlugin(SimSettings, _sim_pay, "The simulated world's payments", ("api_key",)),
    "twilio": SmsPlugin(TwilioSettings, TwilioSms, "Twilio, or who speaks like it", ("auth_token",),
                        read_receipt),
}  # fmt: skip


def carrier(plugin: str, code: str, config: Mapping[str, Any]) -> Carrier:
    """`config` holds the secrets decrypted."""
    found = _find(plugin)
    if not isinstance(found, CarrierPlugin):
        raise UnknownPlugin(plugin=plugin, wanted="carrier")
    return found.build(code, _settings(plugin, found, config))


def payments(plugin: str, code: str, config: Mapping[str, Any]) -> Payments:
    """`config` holds the secrets decrypted."""
    found = _find(plugin)
    if not isinstance(found, PaymentsPlugin):
        raise UnknownPlugin(plugin=plugin, wanted="payments")
    return found.build(code, _settings(plugin, found, config))


def sms(plugin: str, code: str, config: Mapping[str, Any]) -> Notifier:
    """`config` holds the secrets decrypted."""
    found = _find(plugin)
    if not isinstance(found, SmsPlugin):
        raise UnknownPlugin(plugin=plugin, wanted="sms")
    return found.build(code, _settings(plugin, found, config))


def has_receipts(plugin: str) -> bool:
    """Whether it tells later how a text message ended."""
    found = _find(plugin)
    return isinstance(found, SmsPlugin) and found.receipt is not None


def receipt(
    plugin: str, config: Mapping[str, Any], url: str, headers: Mapping[str, str], body: bytes
) -> Receipt | None:
    """What a gateway posted to `url`: how a text message ended; None of what is no end. Raises NotSigned."""
    found = _find(plugin)
    if not isinstance(found, SmsPlugin) or found.receipt is None:
        raise NotSigned
    return found.receipt(_settings(plugin, found, config), url, headers, body)


def reader(plugin: str) -> Read:
    """How what its webhooks tell is read: the plugin's own way, or the words of the carrier of that name."""
    found = _find(plugin) if plugin not in READERS else None
    own = found.read if isinstance(found, CarrierPlugin) else None
    if own is None and plugin not in READERS:
        raise UnknownPlugin(plugin=plugin, wanted="carrier", problem="nobody reads its webhooks")
    return own or READERS[plugin]


def check(plugin: str, config: Mapping[str, Any]) -> None:
    """BadSettings when `config` would not do; asks nobody outside."""
    found = _find(plugin)
    found.build("check", _settings(plugin, found, config))


def secret_fields(plugin: str) -> tuple[str, ...]:
    return _find(plugin).secret_fields


def settings_of(plugin: str) -> type[Struct]:
    """What it is to be told, as a shape."""
    return _find(plugin).settings


def about(plugin: str) -> str:
    return _find(plugin).about


def kind_of(plugin: str) -> str:
    """What accounts with it are: carrier, payments or sms."""
    return KIND_OF[type(_find(plugin))]


def names() -> list[str]:
    """Every plugin that can be asked for."""
    return sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


def _find(name: str) -> Plugin:
    if name in BUILT_IN:
        return BUILT_IN[name]
    for point in entry_points(group=GROUP, name=name):
        plugin = point.load()
        if isinstance(plugin, CarrierPlugin | PaymentsPlugin | SmsPlugin):
            return plugin
        raise TypeError(f"entry point {name} of {GROUP} is no CarrierPlugin, no PaymentsPlugin and no SmsPlugin")
    raise UnknownPlugin(plugin=name, installed=names())


def _settings(name: str, plugin: Plugin, config: Mapping[str, Any]) -> Any:
    try:
        return msgspec.convert(dict(config), plugin.settings)
    except msgspec.ValidationError as problem:
        raise BadSettings(plugin=name, problem=str(problem)) from None
