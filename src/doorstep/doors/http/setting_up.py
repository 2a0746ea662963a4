"""setting_up: who the key belongs to, its channels, ways to ship and sites."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from doorstep.doors.http.goods import Code, Text
from doorstep.doors.http.operations import WRITE, Asked, Done, Reply, operation
from doorstep.doors.http.reading import invalid
from doorstep.doors.http.shapes import Fault
from doorstep.doors.reads import setup as reads
from doorstep.kit.refusals import NotAllowed
from doorstep.kit.timezones import timezones
from doorstep.setup import catalog, channels
from doorstep.setup.keys import READ
from doorstep.setup.merchants import NewSite, add_site

Capacity = Annotated[int, Meta(ge=1, le=10_000_000, description="orders it sends a day; none: as many as come")]
Days = Annotated[int, Meta(ge=0, le=120)]


class Me(Struct, frozen=True, kw_only=True):
    """The merchant of the key, and what the key may do."""

    merchant: reads.Merchant
    key: str
    scopes: list[str]


class ChannelBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]
    kind: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,39}$")] = "api"
    name: Text = ""


class NameBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Text = ""


class MethodBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a channel calls a way to ship, and what it means here."""

    name: Code
    level: Annotated[str, Meta(pattern="^[a-z][a-z_]{0,39}$")] = "standard"
    carrier: Annotated[str, Meta(max_length=60)] = ""
    days_min: Days = 2
    days_max: Days = 7


class SiteAddress(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    line1: Text = ""
    line2: Text = ""
    city: Text = ""
    region: Text = ""
    postcode: Annotated[str, Meta(max_length=20)] = ""
    phone: Annotated[str, Meta(max_length=40)] = ""


class SiteBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place goods leave from. `cut_off` and `weekdays` (1 = Monday) are local to `timezone`."""

    code: Annotated[str, Meta(pattern="^[A-Z0-9-]{2,40}$")]
    name: Text
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
    address: SiteAddress = SiteAddress()
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    timezone: Annotated[str, Meta(max_length=60)] = "UTC"
    cut_off: time = time(14)
    weekdays: Annotated[tuple[Literal[1, 2, 3, 4, 5, 6, 7], ...], Meta(min_length=1, max_length=7)] = (1, 2, 3, 4, 5)
    capacity: Capacity | None = None


@operation("GET", "/me", scope=READ, tag="setup", answer=Me)
async def get_me(asked: Asked) -> Any:
    """Whose key this is, and what it may do."""
    async with asked.reading() as tx:
        merchant = await reads.merchant(tx, asked.merchant)
    return Me(merchant=merchant, key=asked.holder.prefix, scopes=sorted(asked.holder.scopes))


@operation("GET", "/channels", scope=READ, tag="setup", answer=reads.Channels)
async def list_channels(asked: Asked) -> Any:
    """Where the merchant's orders come from."""
    async with asked.reading() as tx:
        return await reads.channels(tx, asked.merchant)


@operation("POST", "/channels", scope=WRITE, tag="setup", body=ChannelBody, answer=reads.Channel, status=201)
async def create_channel(asked: Asked) -> Any:
    """Add a channel."""
    body = asked.body
    await channels.create_channel(asked.db, asked.merchant, body.key, body.kind, body.name, asked.by)
    return Reply(reads.Channel(key=body.key, kind=body.kind, name=body.name), 201)


@operation("PUT", "/channels/{channel}", scope=WRITE, tag="setup", body=NameBody, answer=Done)
async def name_channel(asked: Asked) -> Any:
    """What people call the channel; without a name, its key."""
    async with asked.writing() as tx:
        await channels.name_channel(tx, asked.merchant, asked.path["channel"], asked.body.name, asked.by)
    return Done()


@operation("GET", "/shipping-methods", scope=READ, tag="setup", answer=reads.Methods)
async def list_shipping_methods(asked: Asked) -> Any:
    """What channels call the ways to ship, and what they mean here."""
    async with asked.reading() as tx:
        return await reads.methods(tx, asked.merchant)


@operation("PUT", "/shipping-methods", scope=WRITE, tag="setup", body=MethodBody, answer=Done)
async def put_shipping_method(asked: Asked) -> Any:
    """Say what a channel's way to ship means here."""
    body = asked.body
    if body.days_max < body.days_min:
        raise invalid([Fault("/days_max", "must be at least days_min")])
    async with asked.writing() as tx:
        await catalog.put_method(
            tx, asked.merchant, body.name, level=body.level, carrier=body.carrier, days_min=body.days_min,
            days_max=body.days_max, by=asked.by,
        )  # fmt: skip
    return Done()


@operation("GET", "/sites", scope=READ, tag="setup", answer=reads.Sites)
async def list_sites(asked: Asked) -> Any:
    """The operator's sites."""
    async with asked.reading() as tx:
        return await reads.sites(tx)


@operation("POST", "/sites", scope=WRITE, tag="setup", body=SiteBody, answer=Done, status=201)
async def create_site(asked: Asked) -> Any:
    """Add a site: the operator's own key only."""
    if not asked.holder.is_operator:
        raise NotAllowed(reason="sites are the operator's")
    await add_site(asked.db, asked.merchant, new_site(asked.body), asked.by)
    return Reply(Done(), 201)


def new_site(body: SiteBody) -> NewSite:
    """As it is kept; refuses Invalid, for a time zone that nobody knows."""
    if body.timezone not in timezones():
        raise invalid([Fault("/timezone", "must be an IANA time zone, as Europe/Warsaw")])
    address = {name: getattr(body.address, name) for name in body.address.__struct_fields__}
    return NewSite(
        body.code, body.name, body.country, address, body.latitude, body.longitude, body.timezone, body.cut_off,
        tuple(sorted(set(body.weekdays))), body.capacity,
    )  # fmt: skip
