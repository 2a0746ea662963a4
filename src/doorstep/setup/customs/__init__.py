"""customs: between which places goods cross a customs border; a rule, nothing is looked up.

Sources. Customs territory of the Union: Regulation (EU) 952/2013, Article 4 (Monaco is counted in it, paragraph 2).
Parts of it outside the VAT territory, which goods reach with a declaration all the same: Directive 2006/112/EC,
Article 6. Northern Ireland: the Windsor Framework. Switzerland and Liechtenstein: customs treaty of 29 March 1923.
The United Kingdom and the Isle of Man: Customs and Excise agreement of 1979. Puerto Rico is inside the customs
territory of the United States (19 CFR 101.1).
"""

from __future__ import annotations

from functools import lru_cache

EU = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU",
    "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    "MC",  # Monaco is part of the Union's customs and the French VAT territory
})  # fmt: skip
# Places with a Union country's code that goods cross with a declaration, by the start of the postcode.
EU_BEHIND_A_BORDER = {
    "ES": ("35", "38", "51", "52"),  # Canary Islands, Ceuta, Melilla
    "DE": ("27498", "78266"),  # Helgoland, Büsingen
    "IT": ("23041", "22061"),  # Livigno; Campione d'Italia
    "GR": ("63086", "63087"),  # Mount Athos
    "FI": ("22",),  # Åland
    "FR": ("971", "972", "973", "974", "976"),  # overseas departments
}
# Between members, goods are declared to nobody.
UNIONS = (frozenset({"CH", "LI"}), frozenset({"GB", "IM"}), frozenset({"US", "PR"}))
NORTHERN_IRELAND = "BT"  # trades goods with the Union as if inside it


@lru_cache(maxsize=16384)  # asked for each line and site of an order, and again by each rule
def no_border_between(from_country: str, from_postcode: str, to_country: str, to_postcode: str) -> bool:
    ends = (_customs_place(from_country, from_postcode), _customs_place(to_country, to_postcode))
    if ends[0] == ends[1]:
        return True
    if set(ends) == {"EU", "XI"} or set(ends) == {"GB", "XI"}:
        return True
    return any(set(ends) <= union for union in UNIONS)


def _customs_place(country: str, postcode: str) -> str:
    """As customs sees it: EU, XI for Northern Ireland, the country, or the country's outlying place."""
    code = postcode.replace(" ", "").upper().removeprefix(f"{country}-")
    if country == "GB" and code.startswith(NORTHERN_IRELAND):
        return "XI"
    if country not in EU:
        return country
    for start in EU_BEHIND_A_BORDER.get(country, ()):
        if code.startswith(start):
            return f"{country} {start}"
    return "EU"
