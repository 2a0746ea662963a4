"""rate_cards_page: `/settings/rate-cards`: price lists of one's own: read as a table, tried out, and written as they
are written on paper: a line per weight, a column per zone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, DecimalException
from typing import Any

import msgspec
from litestar import Response
from msgspec import Struct

from doorstep.doors.console.allowing import merchant_named, must_run_the_operation, whose
from doorstep.doors.console.filling import filled
from doorstep.doors.console.forms import Field, Form, Part, countries
from doorstep.doors.console.narrowing import Merchants, merchants_of
from doorstep.doors.console.rate_words import EXTRAS, part
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit
from doorstep.doors.reads import setup
from doorstep.kit.home import home
from doorstep.kit.money import NotMoney, to_decimal, to_minor
from doorstep.kit.refusals import Invalid, NotFound
from doorstep.kit.secrets import keyring
from doorstep.plug.carrier import Address, CarrierRefused, Parcel, Rate, Shipment
from doorstep.plug.ratecard import Break, Fuel, RateCard, Service, Tariff, Zone
from doorstep.plug.ratecard_carrier import RateCardCarrier
from doorstep.setup.connections import connect, connections
from doorstep.setup.geography import CENTERS
from doorstep.spine.tenant import Tx

PLUGIN = "ratecard"
DAYS, EXTRA = "days", "extra kg"
FROM = " @ "
DONE = Told({"card": "The rate card is kept"})
WHY = Told({"weight_missing": "It has no weight", "country_not_served": "That country is not served"})


@dataclass(frozen=True, slots=True)
class Known:
    merchant: int
    key: str
    code: str
    card: RateCard


async def show(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    async with visit.reading() as tx:
        merchants = await merchants_of(tx)
        cards = [known async for known in _cards(tx, merchants)]
    return visit.show("rate_cards.html", cards=cards, names=merchants.names, many=merchants.are_many)


async def _cards(tx: Tx, merchants: Merchants) -> AsyncIterator[Known]:
    for merchant, key, _name in merchants:
        for one in await connections(tx, merchant):
            if one.plugin == PLUGIN:
                yield Known(merchant, key, one.code, msgspec.convert(one.settings, RateCard))


async def show_one(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    known = await known_card(visit)
    async with visit.reading() as tx:
        sites = (await setup.sites(tx)).sites
    asked = visit.query.get("to", "")
    rates, trouble = await _tried(known, visit, sites[0].country if sites else "")
    return visit.show(
        "rate_card.html", known=known, card=known.card, sites=sites, countries=countries(), to=asked, rates=rates,
        trouble=trouble, weight_g=visit.query.get("weight_g", "1000"), start=visit.query.get("start", ""),
        part=part, extras=EXTRAS, did=visit.did(DONE),
    )  # fmt: skip


async def _tried(known: Known, visit: Visit, start: str) -> tuple[list[Rate], str]:
    """What a parcel would cost by this card; nothing when nobody asked."""
    to, weight = visit.query.get("to", ""), visit.query.get("weight_g", "")
    start = visit.query.get("start", "") or start
    if to not in CENTERS or start not in CENTERS or not (weight.isascii() and weight.isdigit() and len(weight) < 8):
        return [], ""
    ends = [Address(name="-", line1="-", city="-", country=country) for country in (start, to)]
    asked = Shipment(ship_from=ends[0], ship_to=ends[1], parcels=(Parcel(weight_g=int(weight)),))
    try:
        rates = await RateCardCarrier(known.code, known.card).rates(asked)
    except CarrierRefused as refusal:
        return [], WHY.get(str(refusal.why.get("reason")), "")
    return rates, "" if rates else _("No service of this card takes it there.")


async def known_card(visit: Visit) -> Known:
    """Refuses NotFound."""
    merchant = await merchant_named(visit, visit.path["merchant"])
    async with visit.reading() as tx:
        found = [
            one for one in await connections(tx, merchant) if one.plugin == PLUGIN and one.code == visit.path["code"]
        ]
    if not found:
        raise NotFound(rate_card=visit.path["code"][:60])
    return Known(merchant, visit.path["merchant"], found[0].code, msgspec.convert(found[0].settings, RateCard))


# Written


class Written(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card as it is typed. `zones`: a line each, its name and its countries; `services` by their place: what the
    prices are, a line per weight, a column per zone."""

    code: str = ""
    currency: str
    prefix: str = "DS"
    origins: list[str] = []
    zones: str
    services: dict[str, dict[str, Any]] = {}


async def ask_whose(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    return await whose(visit, _("New rate card"), "/settings/rate-cards/new", "settings")


async def ask_new(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    merchant = await merchant_named(visit, visit.path["merchant"])
    async with visit.reading() as tx:
        currency = (await setup.merchant(tx, merchant)).currency
    return visit.show("form.html", form=_form(visit.path["merchant"], "", _example(currency)), at="settings")


async def ask_change(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    known = await known_card(visit)
    return visit.show("form.html", form=_form(known.key, known.code, known.card), at="settings")


async def create(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    merchant = await merchant_named(visit, visit.path["merchant"])
    return await _keep(visit, merchant, visit.path["merchant"], "", _example("USD"))


async def change(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    known = await known_card(visit)
    return await _keep(visit, known.merchant, known.key, known.code, known.card)


async def _keep(visit: Visit, merchant: int, key: str, code: str, before: RateCard) -> Response[str]:
    async def keep(said: Written) -> str:
        name, config = code or said.code, msgspec.to_builtins(_card(said, before))
        await connect(
            visit.db, keyring(home()), merchant, "carrier", plugin=PLUGIN, code=name, config=config, by=visit.by
        )
        return f"/settings/rate-cards/{key}/{name}?did=card"

    return await filled(visit, _form(key, code, before), Written, keep)


def _example(currency: str) -> RateCard:
    """To begin from."""
    tariffs = tuple(
        Tariff(
            zone=zone,
            days=days,
            breaks=(Break(up_to_g=500, amount_minor=first), Break(up_to_g=2000, amount_minor=first * 2)),
        )
        for zone, days, first in (("home", 3, 500), ("world", 10, 1500))
    )
    zones = (Zone(name="home", countries=("home",)), Zone(name="world", countries=("*",)))
    return RateCard(
        currency=currency, zones=zones, services=(Service(code="standard", name="Standard", tariffs=tariffs),)
    )


def _form(key: str, code: str, card: RateCard) -> Form:
    own = (
        ()
        if code
        else (
            Field(
                "code",
                _("What you call it"),
                required=True,
                longest=60,
                hint=_("The carrier’s name, in small letters: garden-post."),
            ),
        )
    )
    zones = "\n".join(f"{zone.name}: {' '.join(_places(zone))}" for zone in card.zones)
    parts = [
        Part(_("The card"), (
            *own,
            Field("currency", _("Currency"), "code", card.currency, required=True, longest=3),
            Field("prefix", _("Tracking numbers begin with"), "code", card.prefix, longest=4),
            Field("origins", _("Takes parcels in"), "list", ", ".join(card.origin_countries),
                  hint=_("Country codes with commas between; anywhere without.")),
            Field("zones", _("Zones"), "long", zones, required=True, longest=8000,
                  hint=_("A line each: its name, a colon, its countries. “home” is "
                         "wherever the parcel starts, “*” is the rest of the world, GB-IV is where "
                         "postcodes begin so.")),
        )),
        *(_service_part(nth, service, card) for nth, service in enumerate(card.services)),
        _service_part(len(card.services), None, card),
    ]  # fmt: skip
    address = f"/settings/rate-cards/{key}/{code}/edit" if code else f"/settings/rate-cards/new/{key}"
    back = (f"/settings/rate-cards/{key}/{code}", code) if code else ("/settings/rate-cards", _("Rate cards"))
    return Form(
        _("Edit the rate card") if code else _("New rate card"), address, back, tuple(parts), _("Keep it"), code
    )


def _places(zone: Zone) -> Iterator[str]:
    """As they are typed: IE, and GB-IV for where the postcodes begin so."""
    yield from zone.countries
    for postal in zone.postal:
        country, prefix = postal.replace(":", "")[:2], postal.replace(":", "")[2:].replace(" ", "")
        yield f"{country}-{prefix}"


def _service_part(nth: int, service: Service | None, card: RateCard) -> Part:
    def field(name: str, label: str, kind: Any = "text", value: Any = "", **more: Any) -> Field:
        return Field(f"services.{nth}.{name}", label, kind, "" if value is None else str(value), **more)

    said = service or Service(code="", tariffs=())
    grid = _grid(said, card) if service else ""
    hint = _(
        "As in a spreadsheet, and pasted from one: above the zones, then a line per weight in "
        "grams, up to which a price holds; “days” in transit; “extra kg” beyond the last weight. "
        "Prices that begin later stand in a column of their own: “world @ 2027-01-01”."
    )
    title = said.name or said.code if service else _("One more service")
    return Part(title, (
        field("code", _("Code"), value=said.code, longest=60),
        field("name", _("Name"), value=said.name),
        field("grid", _("Prices"), "long", grid, longest=12_000, hint=hint),
        field("max_weight_g", _("Heaviest parcel"), "count", said.max_weight_g, unit=_("g")),
        field("max_length_mm", _("Longest parcel"), "count", said.max_length_mm, unit=_("mm")),
        field("max_girth_mm", _("Length and girth together"), "count", said.max_girth_mm, unit=_("mm")),
        field("volumetric_divisor", _("Volume counts as weight by"), "count", said.volumetric_divisor,
            unit=_("cm³ per kg")),
        field("round_up_to_g", _("Weights go up in steps of"), "count", said.round_up_to_g, unit=_("g")),
        field("minimum", _("A parcel costs at least"), value=_spelled(said.minimum_minor, card) if said.minimum_minor
              else ""),
        field("fuel", _("Fuel"), "long", "\n".join(f"{one.begins} {one.percent}" for one in said.fuel), longest=4000,
              hint=_("A line each: the day it begins, and how many percent of the base price.")),
        field("takes", _("It takes"), "list", ", ".join(said.takes),
              hint=_("What not every service takes: battery, liquid, flammable, dangerous, po_box.")),
        field("cash_on_delivery", _("Collects cash on delivery"), "yes", "yes" if said.cash_on_delivery else ""),
    ), "" if service else _("Left without a code, there is none."))  # fmt: skip


def _grid(service: Service, card: RateCard) -> str:
    """Prices as a spreadsheet has them."""
    tariffs = service.tariffs
    weights = sorted({one.up_to_g for tariff in tariffs for one in tariff.breaks})
    prices = [{one.up_to_g: one.amount_minor for one in tariff.breaks} for tariff in tariffs]

    def spelled(amount_minor: int | None) -> str:
        return "" if amount_minor is None else _spelled(amount_minor, card)

    rows = [
        ["up to g", *(tariff.zone + (f"{FROM}{tariff.begins}" if tariff.begins else "") for tariff in tariffs)],
        *([str(weight), *(spelled(each.get(weight)) for each in prices)] for weight in weights),
        [EXTRA, *(spelled(tariff.per_extra_kg_minor) for tariff in tariffs)],
        [DAYS, *("" if tariff.days is None else str(tariff.days) for tariff in tariffs)],
    ]
    return "\n".join("\t".join(row) for row in rows)


def _spelled(amount_minor: int, card: RateCard) -> str:
    return str(to_decimal(amount_minor, card.currency))


def _card(said: Written, before: RateCard) -> RateCard:
    """What was typed as a card; what no form has, such as surcharges, stays with its service. Refuses Invalid."""
    known = {service.code: service for service in before.services}
    services = []
    for nth, each in sorted(said.services.items(), key=lambda one: int(one[0])):
        if each.get("code"):
            field, currency = f"services.{nth}", said.currency
            given = {name: value for name, value in each.items() if name not in ("grid", "minimum", "fuel", "takes")}
            there = known.get(each["code"], Service(code=each["code"], tariffs=()))
            services.append(Service(
                **given, tariffs=tuple(_tariffs(str(each.get("grid", "")), currency, f"{field}.grid")),
                surcharges=there.surcharges, fuel_on=there.fuel_on, takes=tuple(each.get("takes", ())),
                minimum_minor=_price(each["minimum"], currency, f"{field}.minimum") if each.get("minimum") else 0,
                fuel=tuple(_fuel(str(each.get("fuel", "")), f"{field}.fuel")),
            ))  # fmt: skip
    return RateCard(
        currency=said.currency, prefix=said.prefix, zones=tuple(_zones(said.zones)), services=tuple(services),
        origin_countries=tuple(code.upper() for code in said.origins), begins=before.begins, ends=before.ends,
    )  # fmt: skip


def _fuel(text: str, field: str) -> Iterator[Fuel]:
    for line in filter(None, map(str.strip, text.splitlines())):
        day, _space, percent = line.partition(" ")
        try:
            yield Fuel(begins=date.fromisoformat(day), percent=Decimal(percent.strip(" %").replace(",", ".")))
        except (ValueError, DecimalException):
            raise _wrong(field, _("This line is no day with percent behind it: %(text)s", text=line[:40])) from None


def _zones(text: str) -> Iterator[Zone]:
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, countries = line.partition(":")
        if not colon or not name.strip() or not countries.split():
            raise _wrong("zones", _("This line is no name with countries behind a colon: %(text)s", text=line[:40]))
        words = [word.strip(",") for word in countries.split()]
        unknown = [word for word in words if word not in ("home", "*") and word.partition("-")[0] not in CENTERS]
        if unknown:
            raise _wrong("zones", _("There is no country %(code)s.", code=unknown[0][:20]))
        yield Zone(
            name=name.strip(), countries=tuple(word for word in words if "-" not in word),
            postal=tuple(word.replace("-", " ", 1) for word in words if "-" in word),
        )  # fmt: skip


def _tariffs(grid: str, currency: str, field: str) -> Iterator[Tariff]:
    rows = [_cells(line) for line in grid.splitlines() if line.strip()]
    if len(rows) < 2:
        raise _wrong(field, _("It has no prices: the zones in the first line, a line per weight below."))
    header, lines = rows[0][1:], {row[0].lower(): row[1:] for row in rows[1:]}
    for at, zone in enumerate(header):

        def cell(row: list[str], at: int = at) -> str:
            return row[at].strip() if at < len(row) else ""

        breaks = [
            Break(up_to_g=_whole(weight, field), amount_minor=_price(cell(row), currency, field))
            for weight, row in lines.items()
            if weight not in (DAYS, EXTRA) and cell(row)
        ]
        days, extra = cell(lines.get(DAYS, [])), cell(lines.get(EXTRA, []))
        name, begins = _begins(zone, field)
        yield Tariff(
            zone=name, begins=begins, breaks=tuple(sorted(breaks, key=lambda one: one.up_to_g)),
            days=_whole(days, field) if days else None,
            per_extra_kg_minor=_price(extra, currency, field) if extra else None,
        )  # fmt: skip


def _begins(zone: str, field: str) -> tuple[str, date | None]:
    name, later, day = zone.partition(FROM)
    try:
        return name.strip(), date.fromisoformat(day.strip()) if later else None
    except ValueError:
        raise _wrong(field, _("%(text)s is no day; write 2027-01-31.", text=day[:40])) from None


def _cells(line: str) -> list[str]:
    mark = "\t" if "\t" in line else ";"
    return [cell.strip() for cell in line.strip("\r\n").split(mark)]


def _whole(text: str, field: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise _wrong(field, _("%(text)s is no whole number.", text=text[:40]))
    return int(text)


def _price(text: str, currency: str, field: str) -> int:
    try:
        return to_minor(text.replace(",", "."), currency)
    except NotMoney:
        raise _wrong(field, _("%(text)s is no price.", text=text[:40])) from None


def _wrong(field: str, detail: str) -> Invalid:
    return Invalid(fields=[{"pointer": f"/{field.replace('.', '/')}", "detail": detail}])
