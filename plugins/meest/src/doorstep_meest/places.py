"""places: addresses as Meest's ids: its countries, cities, streets and branches, asked for once and kept a day."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from babel import Locale
from msgspec import Struct

from doorstep.plug import Address, CarrierRefused
from doorstep_meest.addresses import Door, door_of, is_named, kind_of, name_of
from doorstep_meest.client import Client
from doorstep_meest.settings import Settings
from doorstep_meest.turns import Turns
from doorstep_meest.words import HOME, Ends, Spot, plain

T = TypeVar("T")

KEPT = 5_000
KEPT_S = 86_400.0


class Names(Struct, frozen=True):
    descrUA: str | None = None
    descrRU: str | None = None
    descrEN: str | None = None
    descrLoc: str | None = None

    @property
    def all(self) -> tuple[str | None, ...]:
        return (self.descrUA, self.descrRU, self.descrEN, self.descrLoc)


class Country(Struct, frozen=True):
    countryID: str
    alfaCode2: str | None = None


class City(Struct, frozen=True):
    cityID: str
    cityDescr: Names = Names()
    regionDescr: Names = Names()
    districtDescr: Names = Names()


class Street(Struct, frozen=True):
    addressID: str
    addressDescr: Names = Names()


class Branch(Struct, frozen=True):
    branchID: str


class Kept:
    """What was answered, until it is a day old; the least used goes first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, ...], tuple[float, str]] = OrderedDict()
        self._turns = Turns()

    async def of(self, what: tuple[str, ...], ask: Callable[[], Awaitable[str]]) -> str:
        """However many want it at once, one asks; what was not found is not kept."""
        async with self._turns.of(what):
            until, known = self._kept.get(what, (0.0, ""))
            if until < self._clock():
                known = await ask()
                self._kept[what] = (self._clock() + KEPT_S, known)
            self._kept.move_to_end(what)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return known


class Places:
    def __init__(self, client: Client, settings: Settings) -> None:
        self._client, self._settings = client, settings
        self._kept = Kept()

    async def ends(self, sender: Address, receiver: Address, *, streets: bool) -> Ends:
        """Where a shipment starts and where it goes; the streets too where a label is made."""
        return Ends(await self._sender(sender, streets), await self._receiver(receiver, streets))

    async def door(self, address: Address) -> Spot:
        """A place that the courier comes to."""
        country_id = await self.country(address.country)
        city_id = await self.city(address, country_id)
        door = door_of(plain(address.line1), plain(address.line2))
        street_id = await self.street(city_id, door)
        if not door.building:
            raise CarrierRefused(reason="address_incomplete", detail=f"{address.line1}: without the building's number")
        return Spot(country_id, city_id, street_id, door=door)

    async def _sender(self, address: Address, streets: bool) -> Spot:
        if self._settings.sender_branch:
            branch_id = await self.branch(self._settings.sender_branch)
            return Spot(await self.country(address.country), branch_id=branch_id)
        if streets:
            return await self.door(address)
        country_id = await self.country(address.country)
        return Spot(country_id, await self.city(address, country_id))

    async def _receiver(self, address: Address, streets: bool) -> Spot:
        if address.pickup_point:
            branch_id = await self.branch(address.pickup_point)
            return Spot(await self.country(address.country), branch_id=branch_id)
        if address.country == HOME and streets:
            return await self.door(address)
        country_id = await self.country(address.country)
        if address.country == HOME:
            return Spot(country_id, await self.city(address, country_id))
        # Abroad somebody else brings it, by the address in words; a city that Meest knows there makes the price exact.
        door = door_of(plain(address.line1), plain(address.line2))
        try:
            return Spot(country_id, await self.city(address, country_id), door=door)
        except CarrierRefused:
            return Spot(country_id, door=door)

    async def country(self, code: str) -> str:
        return await self._kept.of(("country", code), lambda: self._country(code))

    async def city(self, address: Address, country_id: str) -> str:
        what = ("city", country_id, name_of(address.city), name_of(address.region), address.postal_code.strip())
        return await self._kept.of(what, lambda: self._city(address, country_id))

    async def street(self, city_id: str, door: Door) -> str:
        what = ("street", city_id, door.street.casefold())
        return await self._kept.of(what, lambda: self._street(city_id, door.street))

    async def branch(self, point: str) -> str:
        """By its number, as it is painted on its door; anything else is its id already."""
        number = point.strip().lstrip("№#").strip()
        if not number.isascii() or not number.isdigit():
            return point.strip()
        return await self._kept.of(("branch", number), lambda: self._branch(int(number)))

    async def _country(self, code: str) -> str:
        for language in ("uk", "en"):
            name = Locale(language).territories.get(code)
            if name:
                found = await self._search("/countrySearch", Country, {"countryDescr": f"{name}%"})
                for country in found:
                    if (country.alfaCode2 or "").strip().upper() == code:
                        return country.countryID
        raise CarrierRefused(reason="address_unknown", detail=f"Meest does not go to {code}")

    async def _city(self, address: Address, country_id: str) -> str:
        named = [one for one in await self._by_postcode(address) if is_named(address.city, one.cityDescr.all)]
        if not named:
            filters = {"cityDescr": plain(address.city), "countryID": country_id}
            found = await self._search("/citySearch", City, filters)
            named = [one for one in found if is_named(address.city, one.cityDescr.all)]
        if address.region.strip() and len(named) > 1:
            there = [one for one in named if is_named(address.region, (*one.regionDescr.all, *one.districtDescr.all))]
            named = there or named
        ids = {one.cityID: one for one in named}
        if len(ids) == 1:
            return next(iter(ids))
        where = ", ".join(dict.fromkeys(_where(one) for one in ids.values()))
        raise CarrierRefused(
            reason="address_ambiguous" if ids else "address_unknown", detail=f"{plain(address.city)}: {where or '-'}"
        )

    async def _by_postcode(self, address: Address) -> Sequence[City]:
        postcode = address.postal_code.strip()
        if address.country != HOME or not postcode:
            return ()
        try:
            return await self._client.ask("GET", f"/zipCodeSearch/{quote(postcode, safe='')}", list[City])
        except CarrierRefused as no:
            if no.why.get("reason") == "unauthorized":
                raise
            return ()

    async def _street(self, city_id: str, street: str) -> str:
        filters = {"cityID": city_id, "addressDescr": f"%{name_of(street)}%"}
        found = await self._search("/addressSearch", Street, filters)
        named = [one for one in found if is_named(street, one.addressDescr.all)]
        kind = kind_of(street)
        if len(named) > 1 and kind:
            named = [one for one in named if kind in {kind_of(name or "") for name in one.addressDescr.all}] or named
        if len(named) == 1:
            return named[0].addressID
        like = ", ".join(_spelled(one.addressDescr) for one in (named or found)[:5])
        raise CarrierRefused(
            reason="address_ambiguous" if named else "address_unknown", detail=f"{street}: {like or '-'}"
        )

    async def _branch(self, number: int) -> str:
        found = await self._search("/branchSearch", Branch, {"branchNo": number})
        if len({one.branchID for one in found}) != 1:
            raise CarrierRefused(reason="unknown_pickup_point", detail=str(number))
        return found[0].branchID

    async def _search(self, path: str, kind: type[T], filters: Mapping[str, Any]) -> list[T]:
        found: list[T] = await self._client.ask("POST", path, list[kind], {"filters": filters})  # type: ignore[valid-type]
        return found


def _where(city: City) -> str:
    return " / ".join(filter(None, (_spelled(city.districtDescr), _spelled(city.regionDescr))))


def _spelled(names: Names) -> str:
    return next((name.strip() for name in names.all if name and name.strip()), "")
