"""addresses: an address line taken apart into street, building and flat, and names compared as people mean them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


class Door(NamedTuple):
    street: str
    building: str
    flat: str


_FLAT = re.compile(
    r"[,;\s]+(?:кв(?:артира)?|оф(?:іс)?|офис|кімн|m|lok|apt|apartment|flat|unit|suite|ste)\b\.?\s*№?\s*(?P<flat>[\w/-]+)\s*$|"
    r"[,;\s]+#\s*(?P<sharp>[\w/-]+)\s*$",
    re.IGNORECASE,
)
_LAST = re.compile(
    r"^(?P<street>.*?\D)[,\s]+(?:буд(?:инок)?\.?|б\.|д\.|№|no\.?)?\s*(?P<building>\d+[\w/-]*(?:\s?[а-яіїєґa-z])?)\s*$",
    re.IGNORECASE,
)
_FIRST = re.compile(r"^(?P<building>\d+[\w/-]*)[,\s]+(?P<street>.*[^\W\d].*)$")
# Words that say what kind of street or place it is: the name is beside them.
_KIND_WORDS = """
вул вулиця ул улица st str street просп проспект пр пр-т ave avenue бульв бульвар бул blvd boulevard пров провулок пер
переулок lane пл площа площадь sq square шосе шоссе hwy узвіз наб набережна ul ulica al aleja os road rd drive dr
м місто г город смт с село сел селище city town village обл область region р-н район
"""
_KINDS = frozenset(_KIND_WORDS.split())


def door_of(line1: str, line2: str = "") -> Door:
    """`вул. Зелена, 149, кв. 5`, `ul. Złota 44 m. 7`, `1 Dock Street`; a flat may stand on the second line."""
    line, flat = _without_flat(" ".join(line1.split()))
    if not flat and line2.strip():
        _, flat = _without_flat(f" {line2.strip()}")
        flat = flat or (line2.strip() if line2.strip().isdigit() else "")
    for pattern in (_LAST, _FIRST):
        if found := pattern.match(line):
            return Door(found["street"].strip(" ,;"), found["building"].strip(), flat)
    return Door(line.strip(" ,;"), "", flat)


def _without_flat(line: str) -> tuple[str, str]:
    if found := _FLAT.search(line):
        return line[: found.start()], found["flat"] or found["sharp"] or ""
    return line, ""


def name_of(place: str) -> str:
    """The name alone, without what kind of street or place it is: `вул. Зелена` and `Зелена вулиця` are one."""
    words = [word.strip(".") for word in re.split(r"[\s,]+", _plain(place))]
    named = [word for word in words if word and word not in _KINDS]
    return " ".join(named or words).strip()


def kind_of(place: str) -> str:
    """What kind of street it is, as its first two letters: enough to tell вул. from просп. and ul. from al."""
    words = [word.strip(".") for word in re.split(r"[\s,]+", _plain(place))]
    return next((word[:2] for word in words if word in _KINDS), "")


def is_named(wanted: str, names: Iterable[str | None]) -> bool:
    return name_of(wanted) in {name_of(name) for name in names if name}


def _plain(text: str) -> str:
    return text.casefold().replace("ʼ", "'").replace("’", "'").replace("`", "'").strip()
