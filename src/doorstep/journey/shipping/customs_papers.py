"""customs_papers: which papers a parcel needs at the border, and why; a rule, nothing is looked up.

Sources. Form by value and kind of item: Universal Postal Union, Convention Regulations, "Items subject to
customs control" (letter post up to 300 SDR a CN 22, above it a CN 23; a parcel-post item always a CN 23), as
summed up in the WCO-UPU Postal Customs Guide, June 2018, chapter IV.j. Where no border is: `setup.customs`.
Carriers that are not posts clear goods on a commercial invoice.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from doorstep.kit.money import to_decimal
from doorstep.setup.customs import no_border_between

CustomsPaper = Literal["cn22", "cn23", "commercial_invoice"]
Network = Literal["letter_post", "parcel_post", "courier"]

LETTER_POST_LIMIT_SDR = Decimal(300)
LETTER_POST_LIMIT_G = 2000

# 300 SDR was worth more than this on every day from November 2016 to October 2026 (ECB reference rates, IMF
# basket): who knows no rate of today declares on the larger form a little early, which every post accepts.
CAUTIOUS_LIMIT = {
    "AUD": 520, "CAD": 500, "CHF": 310, "CNY": 2600, "CZK": 8400, "DKK": 2550, "EUR": 345, "GBP": 295,
    "HKD": 2900, "HUF": 108000, "INR": 26000, "JPY": 42000, "KRW": 450000, "MXN": 6400, "NOK": 3200,
    "NZD": 550, "PLN": 1450, "RON": 1600, "SEK": 3300, "SGD": 510, "USD": 375, "ZAR": 5000,
}  # fmt: skip

# Units of each currency in one SDR, fixed by the IMF from 1 August 2022 to 31 July 2027.
SDR_BASKET = {
    "USD": Decimal("0.57813"),
    "EUR": Decimal("0.37379"),
    "CNY": Decimal("1.0993"),
    "JPY": Decimal("13.452"),
    "GBP": Decimal("0.080870"),
}


class CustomsPapers(msgspec.Struct, frozen=True):
    papers: tuple[CustomsPaper, ...]
    why: str


def customs_papers(
    from_country: str,
    to_country: str,
    value_minor: int,
    currency: str,
    *,
    from_postcode: str = "",
    to_postcode: str = "",
    network: Network = "letter_post",
    weight_g: int = 0,
    per_sdr: Decimal | None = None,
) -> CustomsPapers:
    """`per_sdr`: units of the currency in one SDR today (see `sdr_rate`); without it a cautious limit."""
    if no_border_between(from_country, from_postcode, to_country, to_postcode):
        return CustomsPapers((), f"no customs border between {from_country} and {to_country}")
    if network == "courier":
        return CustomsPapers(("commercial_invoice",), "no post carries it: a commercial invoice clears it")
    larger: tuple[CustomsPaper, ...] = ("cn23", "commercial_invoice")
    if network == "parcel_post":
        return CustomsPapers(larger, "a parcel-post item always takes a CN 23")
    if weight_g > LETTER_POST_LIMIT_G:
        return CustomsPapers(larger, f"letter post carries at most {LETTER_POST_LIMIT_G} g, this is {weight_g} g")
    limit = _limit_in(currency, per_sdr)
    if limit is None:
        return CustomsPapers(larger, f"no SDR rate is known for {currency}, so the larger form")
    if to_decimal(value_minor, currency) > limit:
        return CustomsPapers(larger, f"the value is above 300 SDR (about {limit:.2f} {currency})")
    return CustomsPapers(("cn22",), f"letter post worth no more than 300 SDR (about {limit:.2f} {currency})")


def sdr_rate(currency: str, per_euro: Mapping[str, Decimal]) -> Decimal | None:
    """Units of the currency in one SDR, from rates as the ECB publishes them (units per euro)."""
    rates = {**per_euro, "EUR": Decimal(1)}
    if currency not in rates or not SDR_BASKET.keys() <= rates.keys():
        return None
    euros = sum((units / rates[basket] for basket, units in SDR_BASKET.items()), Decimal(0))
    return euros * rates[currency]


def _limit_in(currency: str, per_sdr: Decimal | None) -> Decimal | None:
    if per_sdr is not None:
        return LETTER_POST_LIMIT_SDR * per_sdr
    cautious = CAUTIOUS_LIMIT.get(currency)
    return Decimal(cautious) if cautious else None
