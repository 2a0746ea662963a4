"""speech: texts in the language of whoever reads them; catalogs (`uk.po`) are read as they are, at first use."""

from __future__ import annotations

import gettext as gnu
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

SOURCE = "en"
# Each as it calls itself.
LANGUAGES = {"en": "English", "uk": "Українська"}


@lru_cache(maxsize=16)
def catalog(folder: Path, language: str) -> gnu.NullTranslations:
    """That folder's texts in this language; where it has none, the texts are as they stand in the code."""
    file = folder / f"{language}.po"
    if not file.exists():
        return gnu.NullTranslations()
    compiled = BytesIO()
    with file.open("rb") as text:
        write_mo(compiled, read_po(text, locale=language))
    compiled.seek(0)
    return gnu.GNUTranslations(compiled)


def N_(text: str) -> str:
    """Marks a text that is looked up later."""
    return text


class Speech:
    """For what is written where nobody's request says the language: a letter."""

    def __init__(self, folder: Path, language: str) -> None:
        self.language = language if language in LANGUAGES else SOURCE
        self._catalog = catalog(folder, self.language)

    def _(self, text: str, /, **values: Any) -> str:
        told = self._catalog.gettext(text) if text else ""
        return told % values if values else told


def spelled_days(first: date | None, last: date | None, language: str) -> str:
    """Tuesday 14 – Thursday 16 July: how sure a promise is, is how long it is."""
    if last is None:
        return ""
    whole = format_date(last, "EEEE d MMMM", locale=language)
    if first is None or first >= last:
        return whole
    same = (first.year, first.month) == (last.year, last.month)
    return f"{format_date(first, 'EEEE d' if same else 'EEEE d MMMM', locale=language)} – {whole}"


def language_of(buyer: Mapping[str, Any], country: str) -> str:
    """What a buyer reads: what their order says, else what is spoken where it goes."""
    said = str(buyer.get("locale") or "").replace("_", "-").partition("-")[0].lower()
    if said:
        return said if said in LANGUAGES else SOURCE
    return "uk" if country == "UA" else SOURCE
