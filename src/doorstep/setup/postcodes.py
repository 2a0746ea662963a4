"""postcodes: where the parts of a country lie, by the list that the operator loaded; so far it is from a site to there.

Of a postcode the first letters tell the part of the country. Where no list is loaded no distance is known, and nothing
depends on one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from doorstep.setup.geography import great_circle_km, how_far
from doorstep.setup.sites import Site
from doorstep.spine.tenant import Tx

# Of a postcode so much tells the part of the country.
AREA = 4
NEWEST = """
select l.list_id from rule_list l where l.kind = 'postcodes' and l.as_of <= current_date order by l.as_of desc limit 1
"""


def area_as_sql(postcode: str) -> str:
    """`area_of` as an SQL expression over the expression of a postcode."""
    return f"left(translate({postcode}, ' -', ''), {AREA})"


# The middle of the postcodes of each area.
AREAS = f"""
select r.country, {area_as_sql("split_part(r.key, ':', 1)")} as area,
    avg((r.data ->> 'latitude')::float8) as latitude, avg((r.data ->> 'longitude')::float8) as longitude
  from rule_row r where r.list_id = $1 group by 1, 2
"""

Point = tuple[float, float]


def area_of(postcode: str) -> str:
    return postcode.replace(" ", "").replace("-", "")[:AREA]


@dataclass(frozen=True, slots=True)
class Places:
    """`of`: country and area to where it lies."""

    list_id: int = 0
    of: Mapping[tuple[str, str], Point] = field(default_factory=dict)

    def far(self, site: Site, country: str, area: str) -> str:
        """How far it is, in steps; nothing where either end is not known."""
        there = self.of.get((country, area))
        here = self._of_site(site) if there else None
        return how_far(great_circle_km(here, there)) if here and there else ""

    def _of_site(self, site: Site) -> Point | None:
        if site.latitude is not None and site.longitude is not None:
            return site.latitude, site.longitude
        return self.of.get((site.country, area_of(site.postcode)))


NOWHERE = Places()


async def places_of(tx: Tx) -> Places:
    """As the newest list has them. Read once a minute whether there is another list, and only then the list."""

    async def read(_: list[int]) -> Mapping[int, Places]:
        newest = await tx.value(NEWEST) or 0
        before: Places = tx.kept.last("postcodes", 0) or NOWHERE
        if newest == before.list_id:
            return {0: before}
        rows = await tx.rows(AREAS, newest) if newest else []
        of = {(row["country"], row["area"]): (row["latitude"], row["longitude"]) for row in rows}
        return {0: Places(newest, of)}

    found: Places = (await tx.kept.of("postcodes", [0], read))[0]
    return found
