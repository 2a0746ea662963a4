"""rates: what all carriers offer for a parcel, packed or imagined, which would be chosen, and why not the others."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from doorstep.doors.worker.outside import world_of
from doorstep.journey.shipping.choose import Chosen, Option
from doorstep.journey.shipping.imagined import Imagined, foresee
from doorstep.journey.shipping.shopping import offers
from doorstep.kit.home import home
from doorstep.spine.tenant import Db
from doorstep.spine.world import World


class Offer(Struct, frozen=True, kw_only=True):
    """`reason`: why it would not be chosen; the one that would has none. `sure`: how likely it keeps the promise, from
    0 to 1. `cost_minor`: with what the operator adds."""

    carrier: str
    service: str
    amount_minor: int
    cost_minor: int
    currency: str
    days: int | None
    sure: float
    chosen: bool
    reason: str
    price: list[str]


class LeftOut(Struct, frozen=True, kw_only=True):
    """A carrier that named no price, and why."""

    carrier: str
    reason: str


class Offers(Struct, frozen=True, kw_only=True):
    """The best first."""

    rule: str
    days_left: int | None
    promised: str | None
    offers: list[Offer]
    left_out: list[LeftOut]


class Rates(Offers, frozen=True, kw_only=True):
    """Of a packed parcel, the best first."""

    parcel: str


class Foreseen(Offers, frozen=True, kw_only=True):
    """Of an imagined parcel, the best first. `lanes`: which of the rules for lanes are about its way, from 1."""

    lanes: list[int]


class Outside:
    """The world outside as this process asks it: opened once, so that its clients keep connections and patience."""

    def __init__(self) -> None:
        self._world: World | None = None

    def of(self, db: Db) -> World:
        if self._world is None or self._world.db is not db:
            self._world = world_of(db, home())
        return self._world


_OUTSIDE = Outside()


async def rates(db: Db, merchant: int, parcel: str) -> Rates:
    """Every connected carrier is asked now; nothing is bought. Refuses NotFound."""
    return Rates(parcel=parcel, **_told(await offers(_OUTSIDE.of(db), merchant, parcel)))


async def foreseen(db: Db, merchant: int, parcel: Imagined) -> Foreseen:
    """As `rates`, of a parcel that nobody has packed."""
    of, chosen = await foresee(_OUTSIDE.of(db), merchant, parcel)
    wanted = of.facts.wanted
    lanes = [nth for nth, lane in enumerate(of.facts.rules.lanes, 1) if lane.is_for(wanted.origin, wanted.to)]
    return Foreseen(lanes=lanes, **_told(chosen))


def _told(chosen: Chosen) -> dict[str, Any]:
    why: dict[str, Any] = chosen.why
    return {
        "rule": why["rule"], "days_left": why.get("days_left"), "promised": why.get("promised"),
        "offers": [_offer(one, is_best=one.rate is chosen.rate) for one in chosen.offers],
        "left_out": [LeftOut(carrier=carrier, reason=reason) for carrier, reason in why["left_out"].items()],
    }  # fmt: skip


def _offer(one: Option, *, is_best: bool) -> Offer:
    rate = one.rate
    return Offer(
        carrier=rate.carrier, service=rate.service, amount_minor=rate.amount_minor, cost_minor=one.told_minor,
        currency=rate.currency, days=rate.days, sure=one.chance, chosen=is_best, reason=one.reason,
        price=list(rate.why),
    )  # fmt: skip
