"""sites: where goods stand and leave from; the operator's, so every merchant's stock can be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

import msgspec

from doorstep.kit.refusals import NotFound
from doorstep.setup import log
from doorstep.setup.log import MACHINE, By
from doorstep.spine.tenant import Tx

# Reference table: few rows, no tenant.
SITES = """
select site_id, code, name, country, latitude, longitude, timezone, cut_off, weekdays::text[],
    coalesce(address ->> 'postcode', '') as postcode, capacity, coalesce(address ->> 'region', '') as region
  from site order by site_id
"""
SET_CAPACITY = "update site set capacity = $2 where code = $1 returning site_id"


@dataclass(frozen=True, slots=True)
class Site:
    """`cut_off` and `weekdays` (1 = Monday) are local to `timezone`. `capacity`: orders it sends a day.

    Fields stand in the order of the columns above.
    """

    site_id: int
    code: str
    name: str
    country: str
    latitude: float | None
    longitude: float | None
    timezone: str
    cut_off: time
    weekdays: tuple[int, ...]
    postcode: str = ""
    capacity: int | None = None
    region: str = ""


async def every_site(tx: Tx) -> dict[int, Site]:
    return sites_of(await tx.rows(SITES))


def sites_of(rows: Iterable[Sequence[Any]]) -> dict[int, Site]:
    found = {}
    for site_id, *rest in rows:
        rest[7] = tuple(map(int, rest[7]))
        found[site_id] = Site(site_id, *rest)
    return found


# Beside other rows, as JSON. Weekdays are told as words.
_TOLD = msgspec.json.Decoder(Site, strict=False)


def site_told(row: str) -> Site:
    return _TOLD.decode(row)


async def sites_by_code(tx: Tx) -> dict[str, Site]:
    return {site.code: site for site in (await every_site(tx)).values()}


def site_of(sites: Mapping[str, Site], code: str) -> Site:
    """The site of that code; refuses NotFound."""
    site = sites.get(code)
    if site is None:
        raise NotFound(site=code)
    return site


async def set_capacity(tx: Tx, code: str, orders: int | None, by: By = MACHINE) -> None:
    """How many orders it sends a day, or as many as come; refuses NotFound."""
    if await tx.value(SET_CAPACITY, code, orders) is None:
        raise NotFound(site=code)
    await log.changed(tx, by, "site", code)
