"""numbers: whose tracking number it is, told from its shape and its check digit; several may claim one.

A check digit that fits says much, of a rare shape more: `certain` is a check digit behind a prefix that only one
carrier has, `likely` a check digit, `possible` a shape alone. A check digit that does not fit: no candidate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Literal, NamedTuple

from babel.core import get_global

Certainty = Literal["certain", "likely", "possible"]
_ORDER: dict[str, int] = {"certain": 0, "likely": 1, "possible": 2}


class Candidate(NamedTuple):
    """`number` as the carrier writes it, without spaces and routing codes; `kind` is which of its series it is."""

    carrier: str
    kind: str
    certainty: Certainty
    number: str
    country: str = ""  # of the post that issued it


class Series(NamedTuple):
    """One kind of number: its shape with the parts `body` and `check`, and how the check digit is made."""

    carrier: str
    kind: str
    certainty: Certainty
    shape: re.Pattern[str]
    check: Callable[[str], int] | None = None


# Check digits


def mod10(digits: str, odd: int, even: int, *, from_right: bool = False) -> int:
    """Each digit by the weight of its place, alternating; what is missing to the next ten. Letters as UPS has them."""
    row = digits[::-1] if from_right else digits
    total = sum(_value(char) * (odd if at % 2 == 0 else even) for at, char in enumerate(row))
    return -total % 10


def _value(char: str) -> int:
    return int(char) if char.isdigit() else (ord(char) - 63) % 10


def weighted(digits: str, weights: tuple[int, ...]) -> int:
    """FedEx: the weighted sum, modulo 11, then 10."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11 % 10


def mod7(digits: str) -> int:
    return int(digits) % 7


def s10(digits: str) -> int:
    """UPU S10: eight weights, over again for more digits, modulo 11."""
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(digits, cycle((8, 6, 4, 2, 3, 5, 9, 7)))) % 11
    return {10: 0, 11: 5}.get(rest, rest)


def mod37(word: str) -> int:
    """ISO 7064 MOD 37,36, as DPD has it."""
    rest = 36
    for char in word:
        rest = (rest + int(char, 36)) % 36 or 36
        rest = rest * 2 % 37
    return (37 - rest) % 36


def _ups(body: str) -> int:
    return mod10(body, 1, 2)


def _by_three(body: str) -> int:
    """GS1: the last digit weighs three."""
    return mod10(body, 3, 1, from_right=True)


def _fedex_express(body: str) -> int:
    return weighted(body, (3, 1, 7) * 3 + (3, 1))


def _fedex_long(body: str) -> int:
    return weighted(body, (1, 7, 3) * 4 + (1,))


def _legacy(body: str) -> int:
    """The old numbers of the postal service are checked as if they began with 91."""
    return _by_three(body if body.startswith("91") else f"91{body}")


def _series(carrier: str, kind: str, certainty: Certainty, shape: str, check: Callable[[str], int] | None) -> Series:
    return Series(carrier, kind, certainty, re.compile(shape), check)


_ROUTED = r"(?:420\d{5}(?:\d{4})?)?"  # the address's code stands before it in the barcode
# fmt: off
SERIES: tuple[Series, ...] = (
    _series("meest", "parcel", "likely", r"(?P<body>(?:[A-Z]{3}|7\d{2})-\d{6,8})", None),
    _series("post", "s10", "certain", r"[A-Z]{2}(?P<body>\d{8})(?P<check>\d)(?P<country>[A-Z]{2})", s10),
    _series("ups", "1z", "certain", r"1Z(?P<body>[A-Z0-9]{15})(?P<check>\d)", _ups),
    _series("ups", "waybill", "likely", r"[AHJKTV](?P<body>\d{9})(?P<check>\d)", _ups),
    _series("usps", "impb", "certain",
            rf"{_ROUTED}(?P<number>(?P<body>9[2345]\d{{19}}(?:\d{{4}})?)(?P<check>\d))", _by_three),
    _series("usps", "legacy", "certain", rf"{_ROUTED}(?P<number>(?P<body>91\d{{19}})(?P<check>\d))", _legacy),
    _series("usps", "legacy", "likely", rf"{_ROUTED}(?P<number>(?P<body>\d{{19}})(?P<check>\d))", _legacy),
    _series("usps", "20", "likely", r"(?P<body>\d{19})(?P<check>\d)", _by_three),
    _series("fedex", "express_34", "certain", r"[0-8]\d{19}(?P<number>(?P<body>\d{13})(?P<check>\d))",
            _fedex_long),
    _series("fedex", "ground_34", "certain", r"96\d{18}(?P<number>(?P<body>\d{13})(?P<check>\d))", _fedex_long),
    _series("fedex", "express_32", "certain", r"3\d{15}(?P<number>(?P<body>\d{11})(?P<check>\d))\d{4}",
            _fedex_express),
    _series("fedex", "ground_96", "certain", r"96\d{5}(?P<number>(?P<body>\d{14})(?P<check>\d))", _by_three),
    _series("fedex", "express_12", "likely", r"(?P<body>\d{11})(?P<check>\d)", _fedex_express),
    _series("fedex", "ground_15", "likely", r"(?P<body>\d{14})(?P<check>\d)", _by_three),
    _series("fedex", "ground_20", "possible", r"(?P<body>\d{19})(?P<check>\d)", _by_three),
    _series("fedex", "sscc_18", "possible", r"\d{2}(?P<body>\d{15})(?P<check>\d)", _by_three),
    _series("dhl", "express", "likely", r"(?P<body>\d{9,10})(?P<check>\d)", mod7),
    _series("dhl", "piece", "likely", r"(?P<body>J[A-Z]{1,3}\d{9,20})", None),
    _series("dhl", "ecommerce", "likely", r"(?P<body>(?:GM|LX|RX|UV|CN|SG|TH|IN|HK|MY)(?=[0-9A-Z]*\d)[0-9A-Z]{10,39})",
            None),
    _series("dhl", "ecommerce_14", "possible", r"(?P<body>\d{14})", None),
    _series("dpd", "28", "certain", r"(?P<body>\d{24}(?!000)\d{3})(?P<check>[0-9A-Z])", mod37),
    _series("dpd", "14", "certain", r"(?P<body>\d{14})(?P<check>[0-9A-Z])", mod37),
    _series("canada_post", "16", "likely", r"(?P<body>\d{15})(?P<check>\d)", _by_three),
)
# fmt: on

_COUNTRIES = frozenset(get_global("territory_zones"))
# The posts whose numbers are carried by one of our carriers under its own name.
_POSTS = {"US": "usps", "CA": "canada_post"}


def candidates(typed: str) -> list[Candidate]:
    """Whose number this may be, the surest first; each carrier once."""
    plain = re.sub(r"[\s.]+", "", typed).upper()
    found = sorted(_claims(plain), key=lambda one: _ORDER[one.certainty])
    return list({one.carrier: one for one in reversed(found)}.values())[::-1]


def _claims(plain: str) -> Iterator[Candidate]:
    for series in SERIES:
        match = series.shape.fullmatch(plain) or series.shape.fullmatch(plain.replace("-", ""))
        if match and _fits(series, match):
            parts = match.groupdict()
            country = parts.get("country") or ""
            carrier = _POSTS.get(country, "post") if series.carrier == "post" else series.carrier
            # The long barcodes of FedEx carry a number of twelve digits behind noughts.
            number = (parts.get("number") or match[0]).removeprefix("00" if series.carrier == "fedex" else "")
            yield Candidate(carrier, series.kind, series.certainty, number, country)


def _fits(series: Series, match: re.Match[str]) -> bool:
    if (country := match.groupdict().get("country")) and country not in _COUNTRIES:
        return False
    if series.check is None:
        return True
    return series.check(match["body"]) == int(match["check"], 36)
