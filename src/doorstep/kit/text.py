"""text: what a person or a shop typed, made safe to keep without changing what it says."""

from __future__ import annotations

import unicodedata

LONGEST_WORD = 120
# Sorts behind every word that begins with what stands before it.
LAST = "chr(1114111)"


def storable(text: str) -> bool:
    """PostgreSQL keeps every text but NUL and lone surrogates."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def normalized(text: str) -> str:
    """For comparing and finding: composed, case folded, spaces collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def folded(sql: str) -> str:
    """The same as SQL, of a word: as it is kept to be found, whatever it was typed like. Up and down: letters with two
    small forms have one large."""
    return f"left(lower(upper(normalize(btrim({sql}, ' #'), NFKC))), {LONGEST_WORD})"
