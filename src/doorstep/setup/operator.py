"""operator: set up a whole operation from one file: sites, merchants, channels, ways to ship, accounts with carriers.

It may be loaded as often as anybody likes: what is there stays or is set to the same again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from doorstep.kit.refusals import Refusal
from doorstep.kit.secrets import Keyring
from doorstep.setup.catalog import put_method
from doorstep.setup.channels import open_channels
from doorstep.setup.connections import connect
from doorstep.setup.merchants import (
    MerchantExists,
    NewMerchant,
    NewSite,
    SiteExists,
    add_site,
    create_merchant,
    merchant_of,
)
from doorstep.spine.tenant import Db, tenant_tx

# What stands behind a carrier of the file.
PLUGINS = {"ratecard": "ratecard", "simulator": "simcarrier"}
PAYMENTS_PLUGIN, PAYMENTS_CODE = "simpay", "sim"
SMS_PLUGIN, SMS_CODE = "twilio", "sim"


class NotAnOperatorFile(Refusal):
    """This file does not describe an operator with its sites and merchants."""

    status = 422


class SiteSaid(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: str
    country: str
    address: dict[str, Any] = {}
    latitude: float | None = None
    longitude: float | None = None
    timezone: str = "UTC"
    cut_off: time = time(14)
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5)
    capacity: int | None = None


class CarrierSaid(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`card` is a price list for `ratecard`; the simulator's address is known when it runs."""

    code: str
    kind: str
    name: str = ""
    card: dict[str, Any] = {}


class ChannelSaid(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str
    kind: str = "api"


class MethodSaid(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    level: str = "standard"
    carrier: str = ""
    days_min: int = 2
    days_max: int = 7


class OperatorSaid(Struct, frozen=True, kw_only=True):
    key: str
    name: str
    currency: str
    country: str
    address: dict[str, Any] = {}
    email: str = ""
    tax_numbers: dict[str, str] = {}
    customs: dict[str, Any] = {}
    shipping: dict[str, Any] = {}
    brand: dict[str, str] = {}


class MerchantSaid(OperatorSaid, frozen=True, kw_only=True):
    """`timezone` is for its files' times without one, `files` are beside this file."""

    when_short: str = "backorder"
    ship: str = "split"
    reserve_minutes: int = 60
    hold_duplicates: bool = True
    timezone: str = "UTC"
    channels: list[ChannelSaid] = []
    shipping_methods: list[MethodSaid] = []
    files: dict[str, str] = {}


class OperatorFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    operator: OperatorSaid
    sites: list[SiteSaid] = []
    carriers: list[CarrierSaid] = []
    merchants: list[MerchantSaid] = []


@dataclass(frozen=True, slots=True)
class Loaded:
    """Who is there now, by key; `said` is what the file says of each merchant."""

    operator: int
    merchants: dict[str, int] = field(default_factory=dict)
    said: dict[str, MerchantSaid] = field(default_factory=dict)


async def load_operator(db: Db, path: Path, keys: Keyring, *, simulator: str = "") -> Loaded:
    """Set up what the file describes. `simulator` is the simulated world's address: without it nobody is connected
    to it. Refuses NotAnOperatorFile, and whatever is wrong with what it describes.
    """
    said = _read(path)
    operator = await _merchant(db, _new(said.operator, is_operator=True))
    for site in said.sites:
        await _site(db, operator, site)
    loaded = Loaded(operator)
    for each in (said.operator, *said.merchants):
        merchant = operator if each is said.operator else await _merchant(db, _new(each))
        await _accounts(db, keys, merchant, said.carriers, simulator)
        if isinstance(each, MerchantSaid):
            loaded.merchants[each.key], loaded.said[each.key] = merchant, each
            await _ways(db, merchant, each)
    return loaded


def _read(path: Path) -> OperatorFile:
    try:
        return msgspec.json.decode(path.read_bytes(), type=OperatorFile, strict=False)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        problem = str(getattr(error, "strerror", None) or error)
        raise NotAnOperatorFile(file=str(path), problem=problem) from None


def _new(said: OperatorSaid, *, is_operator: bool = False) -> NewMerchant:
    known = {name: getattr(said, name) for name in NewMerchant.__dataclass_fields__ if hasattr(said, name)}
    return NewMerchant(**known, is_operator=is_operator)


async def _merchant(db: Db, new: NewMerchant) -> int:
    try:
        return await create_merchant(db, new)
    except MerchantExists:
        return await merchant_of(db, new.key)


async def _site(db: Db, operator: int, said: SiteSaid) -> None:
    values = {name: getattr(said, name) for name in NewSite.__dataclass_fields__}
    try:
        await add_site(db, operator, NewSite(**values))
    except SiteExists:
        return


async def _ways(db: Db, merchant: int, said: MerchantSaid) -> None:
    for channel in said.channels:
        await open_channels(db, merchant, [channel.key], channel.kind)
    async with tenant_tx(db, [merchant]) as tx:
        for method in said.shipping_methods:
            ways = {"level": method.level, "carrier": method.carrier, "days_min": method.days_min}
            await put_method(tx, merchant, method.name, **ways, days_max=method.days_max)  # type: ignore[arg-type]


async def _accounts(db: Db, keys: Keyring, merchant: int, carriers: list[CarrierSaid], simulator: str) -> None:
    for carrier in carriers:
        config = carrier.card if carrier.kind == "ratecard" else {"base_url": simulator}
        if carrier.kind == "ratecard" or simulator:
            plugin = PLUGINS.get(carrier.kind, carrier.kind)
            await connect(db, keys, merchant, "carrier", plugin=plugin, code=carrier.code, config=config)
    if simulator:
        config = {"base_url": simulator}
        await connect(db, keys, merchant, "payments", plugin=PAYMENTS_PLUGIN, code=PAYMENTS_CODE, config=config)
        config = {"base_url": f"{simulator}/sms", "account_sid": "ACsim", "auth_token": "sim", "sender": "+12015550100"}
        await connect(db, keys, merchant, "sms", plugin=SMS_PLUGIN, code=SMS_CODE, config=config)
