"""form_words: what the boxes of customs forms are called, in English and in the language of where the goods go.

The words are in `form_words.csv`, a column a language: a new language is a new column.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

from babel.languages import get_official_languages

WORDS = Path(__file__).with_name("form_words.csv")
POSTAL = "fr"  # the language of the Universal Postal Union

Words = dict[str, tuple[str, str]]


def language_of(country: str, otherwise: str = "") -> str:
    """The first of the country's languages that the forms speak, beside English."""
    spoken = get_official_languages(country, de_facto=True) if country else ()
    known = (language.partition("_")[0] for language in spoken)
    return next((language for language in known if language in languages()), otherwise)


@lru_cache(maxsize=32)
def words(language: str) -> Words:
    """Each word in English, and in this language or nothing."""
    return {row["key"]: (row["en"], row.get(language, "") if language != "en" else "") for row in _rows()}


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    return tuple(name for name in _rows()[0] if name not in ("key", "en"))


@lru_cache(maxsize=1)
def _rows() -> tuple[dict[str, str], ...]:
    with WORDS.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
