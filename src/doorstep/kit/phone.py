"""phone: a telephone number as the whole world can dial it (E.164), from how people write theirs down."""

from __future__ import annotations

import re

# Country codes of ITU-T E.164; behind them the trunk prefix that is dialed at home only.
_CODES = {
    "AT": ("43", "0"), "AU": ("61", "0"), "BE": ("32", "0"), "BG": ("359", "0"), "BR": ("55", "0"), "CA": ("1", "1"),
    "CH": ("41", "0"), "CN": ("86", "0"), "CY": ("357", ""), "CZ": ("420", ""), "DE": ("49", "0"), "DK": ("45", ""),
    "EE": ("372", ""), "ES": ("34", ""), "FI": ("358", "0"), "FR": ("33", "0"), "GB": ("44", "0"), "GE": ("995", "0"),
    "GR": ("30", ""), "HR": ("385", "0"), "HU": ("36", "06"), "IE": ("353", "0"), "IL": ("972", "0"),
    "IN": ("91", "0"), "IT": ("39", ""), "JP": ("81", "0"), "KR": ("82", "0"), "LT": ("370", "0"), "LU": ("352", ""),
    "LV": ("371", ""), "MD": ("373", "0"), "MT": ("356", ""), "MX": ("52", ""), "NL": ("31", "0"), "NO": ("47", ""),
    "NZ": ("64", "0"), "PL": ("48", ""), "PT": ("351", ""), "RO": ("40", "0"), "SE": ("46", "0"), "SI": ("386", "0"),
    "SK": ("421", "0"), "TR": ("90", "0"), "UA": ("380", "0"), "US": ("1", "1"),
}  # fmt: skip
_WRITTEN = re.compile(r"\+?[0-9 ()./\u00a0-]{5,40}")


def dialable(written: str, country: str) -> str:
    """`+380441234567`; '' where it is none, or where the country would have to be guessed."""
    written = written.strip()
    if not _WRITTEN.fullmatch(written):
        return ""
    digits = re.sub(r"[^0-9]", "", written.replace("(0)", ""))
    if written.startswith("+"):
        whole = digits
    elif digits.startswith("00"):
        whole = digits[2:]
    elif country in _CODES:
        code, trunk = _CODES[country]
        whole = code + (digits.removeprefix(trunk) if trunk else digits)
    else:
        return ""
    return f"+{whole}" if 8 <= len(whole) <= 15 and not whole.startswith("0") else ""
