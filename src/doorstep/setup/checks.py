"""checks: what a setting must be before it is kept; each no has its name and says what would do."""

from __future__ import annotations

import re

from doorstep.kit.money import digits
from doorstep.kit.refusals import Refusal
from doorstep.kit.text import storable
from doorstep.kit.timezones import timezones
from doorstep.setup.geography import CENTERS

LARGEST_MEASURE = 10**8  # a hundred tons in grams, a hundred kilometers in millimeters


class UnknownCountry(Refusal):
    """There is no country of that ISO 3166-1 code."""

    status = 422


class UnknownTimezone(Refusal):
    """There is no timezone of that name."""

    status = 422


class NotAnHsCode(Refusal):
    """A customs tariff (HS) code is 6 to 12 digits."""

    status = 422


class NotAnEccn(Refusal):
    """An export control classification is EAR99, or a number of the Commerce Control List: 5A992.c."""

    status = 422


class NotAMeasure(Refusal):
    """A weight or a length is a whole number, 0 or more: grams, millimeters."""

    status = 422


class NotACode(Refusal):
    """This cannot be a code here."""

    status = 422


class NotDays(Refusal):
    """Days in transit go from a smaller number to a larger one, 0 to 120."""

    status = 422


class NotAReliability(Refusal):
    """How many of its promises a merchant wants kept is a share from 0.5 to 0.98."""

    status = 422


_MERCHANT_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
LONGEST_SITE_CODE = 40
_SITE_CODE = re.compile(r"[A-Z0-9-]{2,40}", re.ASCII)
_LEVEL = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)
_ECCN = re.compile(r"EAR99|[0-9][A-E][0-9]{3}(\.[a-z0-9]{1,4}){0,4}", re.ASCII)
_HS_CODE = re.compile(r"[0-9]{6,12}", re.ASCII)


def currency(code: str) -> None:
    """Refuses UnknownCurrency."""
    digits(code)


def country(code: str) -> None:
    if code not in CENTERS:
        raise UnknownCountry(country=code[:60])


def timezone(name: str) -> None:
    if name not in timezones():
        raise UnknownTimezone(timezone=name[:60], like="Europe/Warsaw")


def merchant_key(key: str) -> None:
    if not _MERCHANT_KEY.fullmatch(key):
        raise NotACode(key=key[:60], like="harbor-mugs")


def site_code(code: str) -> None:
    if not _SITE_CODE.fullmatch(code):
        raise NotACode(site=code[:60], like="EWR")


def level(name: str) -> None:
    if not _LEVEL.fullmatch(name):
        raise NotACode(level=name[:60], like="standard")


def word(name: str, value: str, longest: int = 200) -> None:
    """A code or name of the merchant's own choosing."""
    if not value.strip() or len(value) > longest or not storable(value):
        raise NotACode(**{name: value[:60]}, like=f"1 to {longest} characters")


def hs_code(code: str) -> None:
    if code and not _HS_CODE.fullmatch(code):
        raise NotAnHsCode(hs_code=code[:60])


def eccn(code: str) -> None:
    if code and not _ECCN.fullmatch(code):
        raise NotAnEccn(eccn=code[:60])


def measure(name: str, value: int, largest: int = LARGEST_MEASURE) -> None:
    if not 0 <= value <= largest:
        raise NotAMeasure(**{name: value})


def reliability(share: float) -> None:
    if not 0.5 <= share <= 0.98:
        raise NotAReliability(reliability=share)


def days(days_min: int, days_max: int) -> None:
    if not 0 <= days_min <= days_max <= 120:
        raise NotDays(days_min=days_min, days_max=days_max)
