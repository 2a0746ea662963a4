"""geography: how far a site is from a country, as the crow flies; enough to tell near from far."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

from doorstep.setup.sites import Site

EARTH_KM = 6371.0
FAR_KM = 20_000.0

# Rough centers of countries, in degrees (latitude, longitude).
CENTERS: dict[str, tuple[float, float]] = {
    "US": (39.8, -98.6), "CA": (56.1, -106.3), "MX": (23.6, -102.6), "BR": (-14.2, -51.9), "GB": (54.0, -2.5),
    "DE": (51.2, 10.4), "FR": (46.6, 2.2), "PL": (52.1, 19.4), "UA": (48.4, 31.2), "ES": (40.3, -3.7),
    "IT": (42.8, 12.6), "NL": (52.2, 5.3), "IN": (22.0, 79.0), "JP": (36.2, 138.3), "KE": (0.2, 37.9),
    "NG": (9.1, 8.7), "ZA": (-29.0, 25.1), "AU": (-25.3, 133.8),
}  # fmt: skip


def distance_km(site: Site, country: str) -> float:
    """0 inside the site's own country; far when either place is not known."""
    if site.country == country:
        return 0.0
    there = CENTERS.get(country)
    here = (site.latitude, site.longitude) if site.latitude is not None else CENTERS.get(site.country)
    if there is None or here is None or here[0] is None or here[1] is None:
        return FAR_KM
    return great_circle_km((here[0], here[1]), there)


def great_circle_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    (lat1, lon1), (lat2, lon2) = [(radians(lat), radians(lon)) for lat, lon in (one, other)]
    chord = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(chord))
