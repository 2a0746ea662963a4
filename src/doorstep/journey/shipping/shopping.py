"""shopping: all carriers are asked at once what a parcel would cost, with one deadline; who is late is left out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

from doorstep.journey.shipping.choose import Answered, Carried, Chosen, Facts, Refused, Wanted, decide
from doorstep.journey.shipping.shipment import CARRIERS, Packed, packed, shipment_of
from doorstep.kit.lines import TooLate
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.plug.carrier import CarrierDown, CarrierRefused, Rate, Shipment, must_be_able_to_take
from doorstep.setup.calendars import Calendar
from doorstep.setup.customs import no_border_between
from doorstep.setup.customs.lists import MODES, Mode
from doorstep.setup.customs.rules import Rules
from doorstep.setup.customs.rules import rules_of as customs_rules
from doorstep.setup.lanes import came_in_time
from doorstep.setup.promising import leaves_on
from doorstep.setup.shipping_rules import ShippingRules, end_of, rules_of
from doorstep.setup.sites import Site, every_site
from doorstep.spine.tenant import Tx
from doorstep.spine.world import TryLater, World

# Of a way to ship that nobody explained.
DAYS_MAX = 7
PO_BOX = re.compile(
    r"\b(p\.?\s*o\.?\s*box|post\s*office\s*box|postfach|bo[iî]te postale|caixa postal|casella postale|apartado"
    r"|skrytka pocztowa|po[sš]tov[yý] prie[cč]inok|а/с)\b",
    re.IGNORECASE,
)


class Sent(NamedTuple):
    """What lists of restrictions ask of goods."""

    flags: tuple[str, ...]
    hs_digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """A shipment, of a packed parcel or an imagined one, and what beside it tells who may take it."""

    shipment: Shipment
    site: Site
    currency: str
    rules: ShippingRules
    level: str = ""
    method_carrier: str = ""
    days_max: int = DAYS_MAX
    promised: date | None = None
    goods: tuple[Sent, ...] = ()


@dataclass(frozen=True, slots=True)
class Basket:
    """A shipment, whom to ask about it, and all that the rule needs but their answers."""

    shipment: Shipment
    carriers: tuple[str, ...]
    facts: Facts


async def basket(
    tx: Tx, merchant: int, parcel: Packed, now: Any, *, carrier: str = "", service: str = "",
    refused: Sequence[Refused] = (),
) -> Basket:  # fmt: skip
    """`carrier` and `service`: what a person named; else the shipping method may name a carrier."""
    row = parcel.row
    going = Going(
        shipment=shipment_of(parcel), site=(await every_site(tx))[row["site_id"]], currency=row["currency"],
        rules=rules_of(row["shipping"]), level=row["service_level"], method_carrier=row["method_carrier"],
        days_max=int(row["days_max"]), promised=row["promised"],
        goods=tuple(sent(line["flags"], line["hs_code"]) for line in parcel.goods),
    )  # fmt: skip
    return await basket_of(tx, merchant, going, now, carrier=carrier, service=service, refused=refused)


async def basket_of(
    tx: Tx, merchant: int, going: Going, now: Any, *, carrier: str = "", service: str = "",
    refused: Sequence[Refused] = (),
) -> Basket:  # fmt: skip
    start, end = going.shipment.ship_from, going.shipment.ship_to
    leaves, working_days = _days(going, now)
    wanted_carrier = carrier or going.method_carrier
    codes = [found["code"] for found in await tx.rows(CARRIERS, merchant)]
    asked = tuple(code for code in codes if wanted_carrier in ("", code))
    days = (going.promised - leaves).days if going.promised else working_days
    carried = await came_in_time(tx, merchant, start.country, end.country, asked, days)
    listed = await customs_rules(tx, [end.country], now.date())
    wanted = Wanted(
        currency=going.currency, working_days=working_days, level=going.level,
        origin=end_of(start.country, start.postal_code), to=end_of(end.country, end.postal_code),
        contains=going.shipment.contains, barred=tuple(_barred(going, listed)),
        to_po_box=any(PO_BOX.search(line) for line in (end.line1, end.line2, end.company)),
        carrier=wanted_carrier, service=service, by_hand=bool(carrier and service), leaves=leaves,
        promised=going.promised,
    )  # fmt: skip
    facts = Facts(
        wanted, (), going.rules, tuple(refused), {name: Carried(*seen) for name, seen in carried.items()},
        listed.per_euro,
    )  # fmt: skip
    return Basket(going.shipment, asked, facts)


def sent(flags: Sequence[str], hs_code: str) -> Sent:
    return Sent(tuple(flags), re.sub(r"\D", "", hs_code))


def _barred(going: Going, rules: Rules) -> Iterator[tuple[Mode, str]]:
    """The modes by which some of its goods may not go there, each with what forbids it."""
    start, end = going.shipment.ship_from, going.shipment.ship_to
    if no_border_between(start.country, start.postal_code, end.country, end.postal_code):
        return
    for mode in MODES:
        found = [
            one.reason for flags, digits in going.goods for one in rules.restricted(end.country, mode, flags, digits)
        ]
        if found:
            yield mode, "; ".join(dict.fromkeys(found))


def _days(going: Going, now: Any) -> tuple[date, int]:
    """The day it can leave on, and the working days until the promised one: of the country it goes to."""
    leaves, promised = leaves_on(going.site, now), going.promised
    if promised is None:
        return leaves, going.days_max
    calendar = Calendar(country=going.shipment.ship_to.country)
    return leaves, calendar.between(leaves, promised) if promised >= leaves else -1


async def shop(world: World, merchant: int, of: Basket) -> Chosen:
    """Ask them all, and choose. Raises TryLater where nothing is left to choose and somebody did not answer."""
    return or_later(await ask_all(world, merchant, of))


def or_later(chosen: Chosen) -> Chosen:
    if chosen.rate is None and any(answer.may_answer_later for answer in chosen.answered):
        late = (f"{one.carrier}: {one.left_out}" for one in chosen.answered if one.may_answer_later)
        raise TryLater(f"no carrier to choose: {', '.join(late)}")
    return chosen


async def ask_all(world: World, merchant: int, of: Basket) -> Chosen:
    answered = await answers(world, merchant, of.carriers, of.shipment, of.facts.rules)
    return decide(replace(of.facts, answered=answered))


async def answers(
    world: World, merchant: int, carriers: Sequence[str], shipment: Shipment, rules: ShippingRules
) -> list[Answered]:
    within_s = rules.answer_within_s
    return await asyncio.gather(*(_ask(world, merchant, code, shipment, within_s) for code in carriers))


async def _ask(world: World, merchant: int, code: str, shipment: Shipment, within_s: float) -> Answered:
    try:
        carrier = await world.carrier(merchant, code)
        must_be_able_to_take(carrier, shipment)
        rates = await world.lines.within(within_s, (merchant, code), lambda: carrier.rates(shipment))
        return Answered(code, tuple(_own(rates, code)))
    except CarrierRefused as no:
        return Answered(code, left_out=spelled(no))
    except (CarrierDown, TooLate) as silence:
        return Answered(code, left_out=_silent(silence), may_answer_later=True)
    except Refusal as no:
        return Answered(code, left_out=f"{no.code}: {no}", may_answer_later=True)
    except Exception as nonsense:  # whatever a plugin does: the other carriers' answers count
        told = f"its answer makes no sense: {type(nonsense).__name__}"
        return Answered(code, left_out=told, may_answer_later=True)


def _own(rates: Any, code: str) -> list[Rate]:
    """Prices of this account; raises TypeError for what is none."""
    for rate in rates:
        if not isinstance(rate, Rate) or rate.carrier != code or rate.amount_minor < 0:
            raise TypeError(f"{rate!r} is no rate of {code}")
    return list(rates)


def _silent(silence: CarrierDown | TooLate) -> str:
    return str(silence.why.get("detail") or silence) if isinstance(silence, CarrierDown) else str(silence)


def spelled(no: Refusal) -> str:
    """What the carrier said, in its own words where it has some."""
    words = [str(no.why[name]) for name in ("reason", "detail") if no.why.get(name)]
    return ": ".join(words) or no.sentence


async def offers(world: World, merchant: int, parcel: str) -> Chosen:
    """What a person is shown: every offer for a packed parcel, and which would be chosen. Refuses NotFound."""
    async with world.reading([merchant]) as tx:
        found = await packed(tx, parcel, world.now().date())
        if found is None or found.row["handed_over_at"] is not None:
            raise NotFound(parcel=parcel)
        of = await basket(tx, merchant, found, world.now())
    return await ask_all(world, merchant, of)
