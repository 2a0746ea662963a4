"""number_formats: what a number in a spreadsheet means by its format: a number, a date, a time, a code with zeros.

A spreadsheet keeps a date as a count of days and shows it by the cell's format; what comes out here is what it means:
2024-03-01, or 2024-03-01 13:45:00 where the format or the value has a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

Shown = Callable[[str], str]
Kind = Callable[[str, bool, bool], str]

# The formats that every spreadsheet has without saying so.
DATES = {14, 15, 16, 17, *range(27, 32), 36, *range(50, 55), 57, 58}
MOMENTS = {22}
CLOCKS = {18, 19, 20, 21, 32, 33, 34, 35, 45, 47, 55, 56}
ELAPSED = {46}

_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_RUNNING = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_FRACTION = re.compile(r"s\.0+", re.IGNORECASE)
_ZEROS = re.compile(r"0{2,}")
_EXACT = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)

LAST_DAY = 2_958_466  # the one after 9999-12-31
FIRST_1904 = 1462  # days between the two countings


def shown_as(number: int, format_code: str, from_1904: bool) -> Shown:
    """How a number with this format is told."""
    if _ZEROS.fullmatch(format_code):
        return lambda text: _with_zeros(text, len(format_code))
    kind = _kind(format_code) if format_code else _built_in(number)
    if kind is None:
        return plain_number
    fine = _FRACTION.search(format_code) is not None
    return lambda text: kind(text, from_1904, fine)


def _built_in(number: int) -> Kind | None:
    for numbers, kind in ((DATES, _day), (MOMENTS, _moment), (CLOCKS, _clock), (ELAPSED, _elapsed)):
        if number in numbers:
            return kind
    return None


def _kind(format_code: str) -> Kind | None:
    letters = _FRACTION.sub("s", _LITERAL.sub("", format_code.split(";")[0]).casefold())
    if letters in ("general", "standard") or any(mark in letters for mark in "0#?"):
        return None
    if _RUNNING.search(letters):
        return _elapsed
    clock = "h" in letters or "s" in letters
    if "y" in letters or "d" in letters or ("m" in letters and not clock):
        return _moment if clock else _day
    return _clock if clock else None


@lru_cache(maxsize=8192)
def plain_number(text: str) -> str:
    """Digits as they stand, up to the fifteen that a spreadsheet shows: 19.989999999999998 is 19.99."""
    if _EXACT.fullmatch(text) and (len(text) <= 16 or "." not in text):
        whole, point, decimals = text.partition(".")
        return text if not point or decimals.strip("0") else whole
    try:
        value = Decimal(text)
        rounded = Decimal(f"{value:.15g}")
    except InvalidOperation:
        return text
    if not value.is_finite() or abs(value.adjusted()) > 40:
        return text
    told = f"{rounded:f}"
    return told.rstrip("0").rstrip(".") if "." in told else told


def _with_zeros(text: str, digits: int) -> str:
    number = plain_number(text)
    return number.zfill(digits) if number.isdigit() else number


@lru_cache(maxsize=8192)
def _moment(text: str, from_1904: bool, fine: bool) -> str:
    at = _at(text, from_1904, fine)
    if at is None or not _days(text):
        return plain_number(text)
    return _told(at) if _days(text) >= 1 else _told(at).partition(" ")[2]


@lru_cache(maxsize=8192)
def _day(text: str, from_1904: bool, fine: bool) -> str:
    """Without a time, if it has none."""
    return _moment(text, from_1904, fine).removesuffix(" 00:00:00")


@lru_cache(maxsize=8192)
def _clock(text: str, from_1904: bool, fine: bool) -> str:
    """Without a date, if it has none."""
    return _moment(text, from_1904, fine) if _days(text) else "00:00:00"


@lru_cache(maxsize=8192)
def _elapsed(text: str, _from_1904: bool, _fine: bool) -> str:
    """Hours beyond a day go on counting: 36:00:00."""
    days = _days(text)
    if not 0 <= days < LAST_DAY:
        return plain_number(text)
    seconds = round(days * 86400)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _at(text: str, from_1904: bool, fine: bool) -> datetime | None:
    """The moment of a count of days, to the second, or to the thousandth where the format shows as much."""
    days = _days(text)
    if not 0 <= days < LAST_DAY - (FIRST_1904 if from_1904 else 0):
        return None
    # Counted from 1900, that year is wrongly a leap year, as it was in Lotus 1-2-3.
    first = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30 if days >= 60 else 31)
    whole = int(days)
    steps = 1000 if fine else 1
    try:
        return first + timedelta(days=whole, seconds=round((days - whole) * 86_400 * steps) / steps)
    except OverflowError:  # the very last moment, rounded up
        return None


def _days(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def _told(at: datetime) -> str:
    told = f"{at:%Y-%m-%d %H:%M:%S}"
    return f"{told}.{at.microsecond // 1000:03}" if at.microsecond else told
