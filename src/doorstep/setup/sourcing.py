"""sourcing: which sites give the goods: fewest parcels, then nearest; and why.

A pure rule: small enough to read, swappable, and it says which options it refused for what reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

from doorstep.setup.geography import distance_km
from doorstep.setup.sites import Site

# Up to so many sites every combination is weighed (1,023 of them); beyond, those of them that hold the most of it.
WEIGHED = 10

Free = Mapping[int, Mapping[int, int]]  # sku: {site: free units}


class Want(NamedTuple):
    line_no: int
    sku_id: int
    quantity: int


class Take(NamedTuple):
    site_id: int
    line_no: int
    sku_id: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken from where, what is missing, and the reasons as they are shown."""

    takes: tuple[Take, ...]
    missing: tuple[Want, ...]
    why: dict[str, Any] = field(default_factory=dict)

    @property
    def sites(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(take.site_id for take in self.takes))


def source(wants: Sequence[Want], free: Free, sites: Sequence[Site], country: str, *, complete: bool) -> Choice:
    """Choose the smallest set of sites that gives the most; among equals the nearest to the country.

    `complete`: with anything missing nothing is taken. Else what is there is taken and the rest waits.
    """
    near = nearest_first(sites, country)
    useful = _useful(wants, free, near)
    chosen, takes, missing = choose(wants, free, near)
    why = _why(wants, near, useful, chosen, missing, country, complete)
    if missing and complete:
        return Choice((), tuple(wants), why)
    return Choice(takes, missing, why)


def nearest_first(sites: Iterable[Site], country: str) -> list[Site]:
    return sorted(sites, key=lambda site: (distance_km(site, country), site.site_id))


def choose(
    wants: Sequence[Want], free: Free, near: Sequence[Site]
) -> tuple[tuple[Site, ...], tuple[Take, ...], tuple[Want, ...]]:
    """Who gives, what, and what is missing, among sites that stand nearest first; the same without the reasons."""
    for site in near:
        if _has_it_all(wants, free, site.site_id):
            # No smaller group gives more, and none is nearer.
            return (site,), tuple(Take(site.site_id, *want) for want in wants), ()
    chosen = _fewest(_needed(wants), free, _weighed(wants, free, _useful(wants, free, near)))
    takes = _take(wants, free, chosen)
    return chosen, takes, _missing(wants, takes)


def _has_it_all(wants: Sequence[Want], free: Free, site_id: int) -> bool:
    for sku, units in _needed(wants).items():
        if sku not in free or free[sku].get(site_id, 0) < units:
            return False
    return bool(wants)


def _useful(wants: Sequence[Want], free: Free, near: Sequence[Site]) -> list[Site]:
    return [site for site in near if any(free.get(want.sku_id, {}).get(site.site_id, 0) > 0 for want in wants)]


def _fewest(needed: Mapping[int, int], free: Free, sites: Sequence[Site]) -> tuple[Site, ...]:
    """The first smallest group that gives as much as all of them together; sites come nearest first."""
    most = _given(needed, free, sites)
    groups = (group for size in range(len(sites) + 1) for group in combinations(sites, size))
    return next(group for group in groups if _given(needed, free, group) == most)


def _weighed(wants: Sequence[Want], free: Free, useful: Sequence[Site]) -> list[Site]:
    """All of them; where they are too many, those that each add the most, else the nearest."""
    if len(useful) <= WEIGHED:
        return list(useful)
    picked: list[Site] = []
    needed, rest = _needed(wants), list(useful)
    while len(picked) < WEIGHED:
        given = _given(needed, free, picked)
        best = max(rest, key=lambda site: _given(needed, free, [*picked, site]) - given)
        picked.append(best)
        rest.remove(best)
    return [site for site in useful if site in picked]


def _needed(wants: Sequence[Want]) -> dict[int, int]:
    needed: dict[int, int] = {}
    for want in wants:
        needed[want.sku_id] = needed.get(want.sku_id, 0) + want.quantity
    return needed


def _given(needed: Mapping[int, int], free: Free, group: Sequence[Site]) -> int:
    """Units that these sites have together of what is needed."""
    return sum(
        min(units, sum(free.get(sku, {}).get(site.site_id, 0) for site in group)) for sku, units in needed.items()
    )


def _take(wants: Sequence[Want], free: Free, group: Sequence[Site]) -> tuple[Take, ...]:
    """Nearest first; two lines of one SKU share what there is."""
    left = {(want.sku_id, s.site_id): free.get(want.sku_id, {}).get(s.site_id, 0) for want in wants for s in group}
    takes = []
    for want in wants:
        needed = want.quantity
        # A site that holds the whole line spares it a split, however near the others are.
        order = sorted(group, key=lambda site: left[want.sku_id, site.site_id] < want.quantity)
        for site in order:
            units = min(needed, left[want.sku_id, site.site_id])
            if units > 0:
                takes.append(Take(site.site_id, want.line_no, want.sku_id, units))
                left[want.sku_id, site.site_id] -= units
                needed -= units
    return tuple(takes)


def _missing(wants: Sequence[Want], takes: Sequence[Take]) -> tuple[Want, ...]:
    given = {want.line_no: 0 for want in wants}
    for take in takes:
        given[take.line_no] += take.quantity
    return tuple(
        Want(want.line_no, want.sku_id, want.quantity - given[want.line_no])
        for want in wants
        if want.quantity > given[want.line_no]
    )


def _why(
    wants: Sequence[Want],
    near: Sequence[Site],
    useful: Sequence[Site],
    chosen: Sequence[Site],
    missing: Sequence[Want],
    country: str,
    complete: bool,
) -> dict[str, Any]:
    reasons = {site.code: "has none of it" for site in near if site not in useful}
    refused = missing and complete
    passed_over = "all of them together have too little" if refused else "more parcels, farther away, or less of it"
    reasons |= {site.code: passed_over for site in useful if refused or site not in chosen}
    return {
        "rule": "fewest parcels, then nearest" + (", complete or not at all" if complete else ""),
        "to": country,
        "chosen": [] if refused else [site.code for site in chosen],
        "refused": reasons,
        "distance_km": {site.code: round(distance_km(site, country)) for site in near},
        "missing": [{"line": want.line_no, "quantity": want.quantity} for want in missing],
        "wanted": [{"line": want.line_no, "quantity": want.quantity} for want in wants],
    }
