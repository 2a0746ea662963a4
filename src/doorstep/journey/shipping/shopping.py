"""shopping: all carriers are asked at once what a parcel would cost, with one deadline; who is late is left out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from doorstep.journey.shipping.choose import Answered, Carried, Chosen, Facts, Refused, Wanted, decide
from doorstep.journey.shipping.shipment import CARRIERS, Packed, contains, packed, shipment_of
from doorstep.kit.lines import TooLate
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.plug.carrier import CarrierDown, CarrierRefused, Rate, Shipment, must_be_able
from doorstep.setup.calendars import Calendar
from doorstep.setup.customs.rules import rules_of as customs_rules
from doorstep.setup.lanes import came_in_time
from doorstep.setup.promising import leaves_on
from doorstep.setup.shipping_rules import ShippingRules, end_of, rules_of
from doorstep.setup.sites import every_site
from doorstep.spine.tenant import Tx
from doorstep.spine.world import TryLater, World

PO_BOX = re.compile(
    r"\b(p\.?\s*o\.?\s*box|post\s*office\s*box|postfach|bo[iî]te postale|caixa postal|casella postale|apartado"
    r"|skrytka pocztowa|po[sš]tov[yý] prie[cč]inok|а/с)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Basket:
    """A parcel, whom to ask about it, and all that the rule needs but their answers."""

    parcel: Packed
    carriers: tuple[str, ...]
    facts: Facts


async def basket(
    tx: Tx, merchant: int, parcel: Packed, now: Any, *, carrier: str = "", service: str = "",
    refused: Sequence[Refused] = (),
) -> Basket:  # fmt: skip
    """`carrier` and `service`: what a person named; else the shipping method may name a carrier."""
    row = parcel.row
    to_country = str(row["ship_to"].get("country", ""))
    leaves, promised, working_days = await _days(tx, parcel, now)
    wanted_carrier = carrier or row["method_carrier"]
    codes = [found["code"] for found in await tx.rows(CARRIERS, merchant)]
    asked = tuple(code for code in codes if wanted_carrier in ("", code))
    days = (promised - leaves).days if promised else working_days
    carried = await came_in_time(tx, merchant, row["site_country"], to_country, asked, days)
    listed = await customs_rules(tx, [], now.date())
    wanted = Wanted(
        currency=row["currency"], working_days=working_days, level=row["service_level"],
        origin=end_of(row["site_country"], str(row["site_address"].get("postcode", ""))),
        to=end_of(to_country, str(row["ship_to"].get("postcode", ""))), contains=contains(parcel),
        to_po_box=any(PO_BOX.search(str(row["ship_to"].get(line, ""))) for line in ("line1", "line2", "company")),
        carrier=wanted_carrier, service=service, by_hand=bool(carrier and service), leaves=leaves, promised=promised,
    )  # fmt: skip
    facts = Facts(
        wanted, (), rules_of(row["shipping"]), tuple(refused),
        {name: Carried(*seen) for name, seen in carried.items()}, listed.per_euro,
    )  # fmt: skip
    return Basket(parcel, asked, facts)


async def _days(tx: Tx, parcel: Packed, now: Any) -> tuple[date, date | None, int]:
    """The day it can leave on, the day that was promised, and the working days between: of the country it goes to."""
    row = parcel.row
    site = (await every_site(tx))[row["site_id"]]
    leaves, promised = leaves_on(site, now), row["promised"]
    if promised is None:
        return leaves, None, int(row["days_max"])
    calendar = Calendar(country=str(row["ship_to"].get("country", "")))
    return leaves, promised, calendar.between(leaves, promised) if promised >= leaves else -1


async def shop(world: World, merchant: int, of: Basket) -> Chosen:
    """Ask them all, and choose. Raises TryLater where nothing is left to choose and somebody did not answer."""
    return or_later(await ask_all(world, merchant, of))


def or_later(chosen: Chosen) -> Chosen:
    if chosen.rate is None and any(answer.may_answer_later for answer in chosen.answered):
        late = (f"{one.carrier}: {one.left_out}" for one in chosen.answered if one.may_answer_later)
        raise TryLater(f"no carrier to choose: {', '.join(late)}")
    return chosen


async def ask_all(world: World, merchant: int, of: Basket) -> Chosen:
    answered = await answers(world, merchant, of.carriers, shipment_of(of.parcel), of.facts.rules)
    return decide(replace(of.facts, answered=answered))


async def answers(
    world: World, merchant: int, carriers: Sequence[str], shipment: Shipment, rules: ShippingRules
) -> list[Answered]:
    within_s = rules.answer_within_s
    return await asyncio.gather(*(_ask(world, merchant, code, shipment, within_s) for code in carriers))


async def _ask(world: World, merchant: int, code: str, shipment: Shipment, within_s: float) -> Answered:
    try:
        carrier = await world.carrier(merchant, code)
        if shipment.is_return:
            must_be_able(carrier, "return_label")
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
        found = await packed(tx, parcel)
        if found is None or found.row["handed_over_at"] is not None:
            raise NotFound(parcel=parcel)
        of = await basket(tx, merchant, found, world.now())
    return await ask_all(world, merchant, of)
