"""speaking: whom a page is written for: their language, their clock, light or dark; and its texts in their language.

English is the source. A text stands in the code as `_("Sent by %(carrier)s", carrier=…)`, a count as
`ngettext("%(num)s unit", "%(num)s units", count)`, a table of words as `Told({...})`; templates have the same two. The
catalogs in locales/ are read as they are written, at first use; `python tools/translations.py` brings them in step.
"""

from __future__ import annotations

import gettext as gnu
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale

from doorstep.journey.tracking.notices import LOCALES as OF_BUYERS
from doorstep.kit.speech import LANGUAGES, N_, SOURCE
from doorstep.kit.speech import catalog as kept_in
from doorstep.kit.timezones import timezones

__all__ = ["LANGUAGES", "N_", "SOURCE"]

LOCALES = Path(__file__).parent / "locales"
THEMES = ("light", "dark")  # '' is the system's
# What a browser remembers of its reader, and for how long.
COOKIES = ("language", "theme", "zone")
REMEMBERED_S = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Reader:
    """`zone` is '' until the browser has said where it is, unless its person chose one."""

    language: str = SOURCE
    theme: str = ""
    zone: str = ""
    zone_is_chosen: bool = False

    @property
    def locale(self) -> Locale:
        return _locale(self.language)

    @property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.zone or "UTC")


ANYBODY = Reader()
_reader: ContextVar[Reader] = ContextVar("reader", default=ANYBODY)


def reader() -> Reader:
    return _reader.get()


def write_for(reader: Reader) -> None:
    """From here on, in this request."""
    _reader.set(reader)


def reader_of(cookies: Mapping[str, str], accepts: str, chosen_zone: str = "") -> Reader:
    """As their cookies say; the language, until they choose one, as their browser asks for it."""
    given = {name: cookies.get(name, "") for name in COOKIES}
    language = given["language"] if given["language"] in LANGUAGES else accepted(accepts) or SOURCE
    theme = given["theme"] if given["theme"] in THEMES else ""
    if chosen_zone in timezones():
        return Reader(language, theme, chosen_zone, zone_is_chosen=True)
    zone = given["zone"].replace("%2F", "/")
    return Reader(language, theme, zone if zone in timezones() else "")


def accepted(header: str) -> str:
    """Of `uk-UA,uk;q=0.9,en;q=0.8` the one that is wanted most, of those there are; '' for none of them."""
    wanted = []
    for nth, part in enumerate(header.split(",")[:20]):
        name, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), nth, name.partition("-")[0].lower()))
        except ValueError:
            continue
    return next((name for _, _, name in sorted(wanted) if name in LANGUAGES), "")


@lru_cache(maxsize=len(LANGUAGES))
def _locale(language: str) -> Locale:
    return Locale.parse(language)


# Texts


@lru_cache(maxsize=len(LANGUAGES))
def catalog(language: str) -> gnu.NullTranslations:
    """The console's texts, and behind them the buyers'."""
    texts = kept_in(LOCALES, language)
    texts.add_fallback(kept_in(OF_BUYERS, language))
    return texts


def gettext(text: str) -> str:
    return catalog(_reader.get().language).gettext(text) if text else ""


def ngettext_of(one: str, many: str, count: int) -> str:
    return catalog(_reader.get().language).ngettext(one, many, count)


def _(text: str, /, **values: Any) -> str:
    """A text in the reader's language, with these values in it."""
    told = gettext(text)
    return told % values if values else told


def ngettext(one: str, many: str, count: int, /, **values: Any) -> str:
    """A text about so many; `num` in it is the count as people write it."""
    return ngettext_of(one, many, count) % {"num": grouped(count), **values}


def grouped(count: int) -> str:
    """1,234 or 1 234."""
    written = f"{count:,}"
    return written if _reader.get().language == SOURCE else written.replace(",", _group(_reader.get().language))


def decimal(number: float, digits: int = 1) -> str:
    """12.5 or 12,5."""
    written = f"{number:.{digits}f}"
    return written if _reader.get().language == SOURCE else written.replace(".", _point(_reader.get().language))


@lru_cache(maxsize=len(LANGUAGES))
def _point(language: str) -> str:
    return str(_locale(language).number_symbols["latn"]["decimal"])


@lru_cache(maxsize=len(LANGUAGES))
def _group(language: str) -> str:
    return str(_locale(language).number_symbols["latn"]["group"])


class Told(Mapping[str, str]):
    """A table of words, kept in English and read in the reader's language."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = dict(words)

    @property
    def source(self) -> Mapping[str, str]:
        """In English, for who looks them up later."""
        return self._words

    def of(self, *keys: str) -> Told:
        """A part of it, in this order."""
        return Told({key: self._words[key] for key in keys})

    def __getitem__(self, key: str) -> str:
        return gettext(self._words[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)
