"""text: what a person or a shop typed, made safe to keep without changing what it says."""

from __future__ import annotations

import unicodedata


def storable(text: str) -> bool:
    """PostgreSQL keeps every text but NUL and lone surrogates."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def normalized(text: str) -> str:
    """For comparing and finding: composed, case folded, spaces collapsed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
