"""rate_tables: price lists as carriers hand them out, read into a rate card: what is wrong stands beside its row.

Three forms are told by their columns: a matrix (a row per weight, a column per zone or country, perhaps a column that
names the service), a long list (a row per price), and zones (a row per country or beginning of a postcode).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeVar

from msgspec.structs import replace

from doorstep.journey.intake.files import cells
from doorstep.journey.intake.files.rows import BadRow
from doorstep.journey.intake.files.tables import open_table
from doorstep.kit.money import to_decimal, to_minor
from doorstep.plug.ratecard import REST_OF_WORLD, SAME_COUNTRY, Break, RateCard, Service, Tariff, Zone

T = TypeVar("T")

GRAMS: dict[str, Decimal] = {
    "g": Decimal(1), "kg": Decimal(1000), "lb": Decimal("453.59237"), "oz": Decimal("28.349523125"),
}  # fmt: skip
HEAVIEST_G = 100_000_000
_SPELLED: dict[str, str] = {"gram": "g", "grams": "g", "gr": "g", "kilogram": "kg", "kilograms": "kg",
            "kgs": "kg", "lbs": "lb",
            "pound": "lb", "pounds": "lb", "ounce": "oz", "ounces": "oz", "г": "g", "кг": "kg"}  # fmt: skip
# What a column is, by the words of its name; the first that fits.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "begins": ("valid from", "effective", "begins", "from date", "gültig ab"),
    "service": ("service", "product", "послуга"),
    "postal": ("postcode", "postal", "zip", "prefix", "plz", "індекс"),
    "country": ("country", "destination", "land", "країна"),
    "zone": ("zone", "зона"),
    "days": ("days", "transit", "laufzeit", "днів"),
    "price": ("price", "rate", "amount", "cost", "charge", "tariff", "preis", "ціна", "тариф"),
    "weight": ("weight", "up to", "gewicht", "вага", "kg", "lb", "oz", "grams", "кг"),
}
_DAYS = re.compile(r"days|transit|днів", re.I)
_EXTRA = re.compile(r"extra|each (additional|further)|additional|per (kg|kilogram)|\+ ?1 ?kg|кожен наступний", re.I)
_NUMBER = re.compile(r"\d[\d\s.,']*")
_REST = ("*", "rest of world", "row", "world", "all other countries", "other", "решта світу")
_HOME = ("home", "domestic", "inland", "національна")

Line = tuple[int, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cell that cannot be so, and why."""

    line: int
    column: str
    text: str
    detail: str


@dataclass(slots=True)
class Draft:
    """A tariff as its rows come."""

    breaks: dict[int, int] = field(default_factory=dict)
    days: int | None = None
    extra_minor: int | None = None


@dataclass(slots=True)
class Read:
    """What a table says. `tariffs`: by service, zone and the day it begins."""

    form: Literal["matrix", "list", "zones"]
    header: tuple[str, ...]
    lines: list[Line]
    tariffs: dict[tuple[str, str, date | None], Draft] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    problems: list[Wrong] = field(default_factory=list)

    @property
    def prices(self) -> int:
        return sum(len(draft.breaks) for draft in self.tariffs.values())


@dataclass(frozen=True, slots=True)
class Asked:
    """What the table itself does not say."""

    service: str = ""
    unit: str = ""  # '' = as the column's name says, else kilograms
    begins: date | None = None


class _Bad(ValueError):
    """This cell is not what its column is for."""


def read_file(path: Path, card: RateCard, asked: Asked) -> Read:
    """Refuses NotReadable, for what is no table."""
    table = open_table(path)
    lines: list[Line] = []
    problems: list[Wrong] = []
    for row in table:
        if isinstance(row, BadRow):
            # One that costs no row is a remark about the file.
            problems += [Wrong(row.line, row.column, row.value, row.reason)] if row.rows else []
        else:
            lines.append((row.line, row.texts))
    return _read(table.header, lines, card, asked, problems)


def read_text(text: str, card: RateCard, asked: Asked) -> Read:
    """A table as it is pasted from a spreadsheet: a line each, cells with tabs or semicolons between."""
    rows: list[Line] = [(nth, _cells(line)) for nth, line in enumerate(text.splitlines(), 1) if line.strip()]
    header = rows[0][1] if rows else []
    return _read(header, rows[1:], card, asked, [])


def as_text(read: Read) -> str:
    """The table to be mended by hand and read again."""
    rows: Iterable[Sequence[str]] = [read.header, *(texts for _, texts in read.lines)]
    return "\n".join("\t".join(re.sub(r"\s+", " ", cell).strip() for cell in row) for row in rows)


def _cells(line: str) -> list[str]:
    mark = "\t" if "\t" in line else ";"
    return [cell.strip() for cell in line.strip("\r\n").split(mark)]


def merged(card: RateCard, read: Read) -> RateCard:
    """The card with what the table says: a tariff of the same service, zone and day is replaced, the rest stays."""
    zones = {zone.name: zone for zone in card.zones} | read.zones
    services = {service.code: service for service in card.services}
    for (code, zone, begins), draft in read.tariffs.items():
        if not draft.breaks:
            continue
        service = services.get(code) or Service(code=code, tariffs=())
        tariff = Tariff(
            zone=zone, begins=begins, days=draft.days, per_extra_kg_minor=draft.extra_minor,
            breaks=tuple(Break(up_to_g=up_to, amount_minor=draft.breaks[up_to]) for up_to in sorted(draft.breaks)),
        )  # fmt: skip
        kept = [one for one in service.tariffs if (one.zone, one.begins) != (zone, begins)]
        services[code] = replace(service, tariffs=(*kept, tariff))
    return replace(card, zones=tuple(zones.values()), services=tuple(services.values()))


# How it is read


def _read(header: Sequence[str], lines: list[Line], card: RateCard, asked: Asked, problems: list[Wrong]) -> Read:
    columns = _columns(header)
    what = set(columns.values())
    is_list = "price" in what and bool(what & {"zone", "country"}) and "weight" in what
    is_zones = "price" not in what and "zone" in what and bool(what & {"country", "postal"})
    read = Read("list" if is_list else "zones" if is_zones else "matrix", tuple(header), lines, problems=problems)
    if not lines:
        read.problems.append(Wrong(1, "", "", "there is no row below the header"))
    {"list": _list, "zones": _zones, "matrix": _matrix}[read.form](read, columns, card, asked)
    _check_steps(read)
    return read


def _columns(header: Sequence[str]) -> dict[int, str]:
    """What each column is, where its name tells; of two alike the first."""
    found: dict[int, str] = {}
    for at, name in enumerate(header):
        for what, words in _COLUMNS.items():
            if what not in found.values() and any(re.search(rf"\b{re.escape(word)}", name.lower()) for word in words):
                found[at] = what
                break
    return found


def _zones(read: Read, columns: dict[int, str], card: RateCard, asked: Asked) -> None:
    places: dict[str, tuple[list[str], list[str]]] = {}
    for number, texts in read.lines:
        told = {what: texts[at].strip() for at, what in columns.items() if at < len(texts)}
        name, country, postal = (told.get(what, "") for what in ("zone", "country", "postal"))
        try:
            countries, postals = places.setdefault(_zone_name(name), ([], []))
            code = _place(country)
            if postal:
                postals += [f"{code} {one.strip()}" for one in re.split(r"[,;]", postal) if one.strip()]
            else:
                countries.append(code)
        except _Bad as bad:
            read.problems.append(Wrong(number, _named(read, columns, "country"), country or name, str(bad)))
    read.zones = {
        name: Zone(name=name, countries=tuple(dict.fromkeys(countries)), postal=tuple(dict.fromkeys(postals)))
        for name, (countries, postals) in places.items()
        if countries or postals
    }


def _zone_name(text: str) -> str:
    if not text:
        raise _Bad("which zone is it?")
    return text[:60]


def _place(text: str) -> str:
    """A country's code, of its code or its name; `home` and `*` are no countries and stay."""
    if text.lower() in _REST:
        return REST_OF_WORLD
    if text.lower() in _HOME:
        return SAME_COUNTRY
    code = cells.country(text) if text else None
    if code is None:
        raise _Bad("this is no country")
    return code


def _list(read: Read, columns: dict[int, str], card: RateCard, asked: Asked) -> None:
    at = {what: place for place, what in columns.items()}
    unit = asked.unit or _unit(read.header[at["weight"]])
    for number, texts in read.lines:

        def cell(what: str, texts: Sequence[str] = texts) -> str:
            return texts[at[what]].strip() if what in at and at[what] < len(texts) else ""

        trying = _Trying(read, number)
        zone = trying(cell("zone") or cell("country"), "zone", lambda text: _zone(text, card, read))
        service = trying(cell("service") or asked.service, "service", _service)
        begins = trying(cell("begins"), "begins", _day) if cell("begins") else asked.begins
        price = trying(cell("price"), "price", lambda text: _price(text, card.currency))
        if zone is None or service is None or price is None:
            continue
        draft = read.tariffs.setdefault((service, zone, begins), Draft())
        if _EXTRA.search(cell("weight")):
            draft.extra_minor = price
        elif (weight_g := trying(cell("weight"), "weight", lambda text: _weight(text, unit))) is not None:
            trying.keep(draft, weight_g, price, read.header[at["weight"]])
        if cell("days"):
            draft.days = trying(cell("days"), "days", _whole)


def _matrix(read: Read, columns: dict[int, str], card: RateCard, asked: Asked) -> None:
    at = {what: place for place, what in columns.items() if what in ("service", "weight")}
    weight_at = at.get("weight", 0)
    unit = asked.unit or _unit(read.header[weight_at] if read.header else "")
    zones = _zones_by_column(read, card, beside=(weight_at, at.get("service")))
    for number, texts in read.lines:
        trying = _Trying(read, number)
        weight = texts[weight_at].strip() if weight_at < len(texts) else ""
        given = texts[at["service"]].strip() if "service" in at and at["service"] < len(texts) else asked.service
        service = trying(given, "service", _service)
        is_days, is_extra = bool(_DAYS.search(weight)), bool(_EXTRA.search(weight))
        weight_g = 0 if is_days or is_extra else trying(weight, read.header[weight_at], lambda t: _weight(t, unit))
        if service is None or weight_g is None:
            continue
        for place, zone in zones.items():
            text = texts[place].strip() if place < len(texts) else ""
            if text in ("", "-", "–", "—"):
                continue
            draft = read.tariffs.setdefault((service, zone, asked.begins), Draft())
            if is_days:
                draft.days = trying(text, read.header[place], _whole)
            elif (price := trying(text, read.header[place], lambda t: _price(t, card.currency))) is None:
                continue
            elif is_extra:
                draft.extra_minor = price
            else:
                trying.keep(draft, weight_g, price, read.header[place])


def _zones_by_column(read: Read, card: RateCard, beside: Collection[int | None]) -> dict[int, str]:
    """Every column is a zone but for those named beside."""
    found = {}
    for place, name in enumerate(read.header):
        if place not in beside and name.strip():
            zone = _Trying(read, 1)(name, name, lambda text: _zone(text, card, read))
            if zone is not None:
                found[place] = zone
    return found


@dataclass(frozen=True, slots=True)
class _Trying:
    """Reads the cells of one row; what is wrong is written beside it."""

    read: Read
    line: int

    def __call__(self, text: str, column: str, how: Callable[[str], T]) -> T | None:
        try:
            return how(text)
        except _Bad as bad:
            self.read.problems.append(Wrong(self.line, column, text, str(bad)))
            return None

    def keep(self, draft: Draft, weight_g: int, price: int, column: str) -> None:
        if draft.breaks.get(weight_g, price) != price:
            self.read.problems.append(Wrong(self.line, column, str(weight_g), "this weight has another price above"))
        draft.breaks[weight_g] = price


def _check_steps(read: Read) -> None:
    """A heavier parcel that costs less is what a slip of the pen looks like."""
    for (service, zone, _), draft in read.tariffs.items():
        weights = sorted(draft.breaks)
        for lighter, heavier in pairwise(weights):
            if draft.breaks[heavier] < draft.breaks[lighter]:
                told = f"{service} to {zone}: {heavier} g costs less than {lighter} g"
                read.problems.append(Wrong(_line_of(read, heavier), zone, str(heavier), told))


def _line_of(read: Read, weight_g: int) -> int:
    for number, texts in read.lines:
        for unit in GRAMS:
            try:
                if any(_weight(text, unit) == weight_g for text in texts[:3]):
                    return number
            except _Bad:
                continue
    return 1


# Cells


def _zone(text: str, card: RateCard, read: Read) -> str:
    """One of the card's zones, by its name with or without the word; a country is a zone of its own."""
    names = {_bare(zone.name): zone.name for zone in (*card.zones, *read.zones.values())}
    if not text:
        raise _Bad("which zone is it?")
    if (known := names.get(_bare(text))) is not None:
        return known
    try:
        code = _place(text)
    except _Bad:
        raise _Bad("the card has no such zone, and it is no country: load the zones first") from None
    read.zones[code] = Zone(name=code, countries=(code,))
    return code


def _bare(name: str) -> str:
    return re.sub(r"^(zone|зона)\s*", "", name.strip().lower()).strip(" .:")


def _service(text: str) -> str:
    code = re.sub(r"[^a-z0-9]+", "-", text.strip().lower()).strip("-")[:60]
    if not code:
        raise _Bad("which service is it?")
    return code


def _unit(header: str) -> str:
    for found in re.finditer(r"[a-zа-яіїє]+", header.lower()):
        if (unit := _SPELLED.get(found[0], found[0])) in GRAMS:
            return unit
    return "kg"


def _weight(text: str, unit: str) -> int:
    """Up to so many grams; of "0.5 – 1 kg" the second."""
    numbers = _NUMBER.findall(text)
    amount = cells.amount(numbers[-1].strip()) if numbers else None
    word = next((w for w in re.findall(r"[a-zа-яіїє]+", text.lower()) if _SPELLED.get(w, w) in GRAMS), unit)
    if amount is None or amount <= 0:
        raise _Bad("this is no weight")
    grams = int((amount * GRAMS[_SPELLED.get(word, word)]).to_integral_value())
    if not 0 < grams < HEAVIEST_G:
        raise _Bad("this is no weight of a parcel")
    return grams


def _price(text: str, currency: str) -> int:
    amount = cells.amount(text)
    if amount is None or amount < 0:
        raise _Bad("this is no price")
    amount_minor = to_minor(amount, currency)
    if to_decimal(amount_minor, currency) != amount:
        raise _Bad(f"{currency} has no such small coins")
    return amount_minor


def _whole(text: str) -> int:
    numbers = re.findall(r"\d{1,3}", text)
    if not numbers:
        raise _Bad("this is no number of days")
    return int(numbers[-1])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        raise _Bad("this is no day: write 2027-01-31") from None


def _named(read: Read, columns: dict[int, str], what: str) -> str:
    return str(next((read.header[at] for at, column in columns.items() if column == what), what))


def told(problems: Sequence[Wrong]) -> Iterator[str]:
    for one in problems:
        where = f"line {one.line}" + (f", {one.column}" if one.column else "")
        yield f"{where}: {one.text[:40]!r}: {one.detail}" if one.text else f"{where}: {one.detail}"
