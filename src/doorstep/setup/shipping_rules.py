"""shipping_rules: how a merchant's labels are chosen: by service levels, lanes, contracts, goods, a highest price.

Kept in the merchant's row. An account is named by its code, a service of it behind a stroke: "post", "post/express".
A place is a country, EU, or a country with the beginning of its postcodes: "GB IV".
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from doorstep.kit.refusals import Refusal
from doorstep.setup.customs import EU
from doorstep.setup.customs.lists import UNION, Mode

Which = Annotated[str, Meta(pattern="^[^/]{1,60}(/[^/]{1,60})?$")]
Place = Annotated[str, Meta(pattern="^[A-Z]{2}( ?[0-9A-Za-z -]{1,10})?$")]
Word = Annotated[str, Meta(pattern="^[a-z][a-z_]{0,39}$")]
# Flags of SKUs that a carrier must have said it takes.
MUST_BE_TAKEN = ("battery", "dangerous", "flammable", "liquid")
PO_BOX = "po_box"
MOST_LANES = 200


class NotShippingRules(Refusal):
    """This does not say how a merchant's labels are chosen."""

    status = 422


class Level(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What serves a service level: these services alone, and none that takes more working days."""

    services: list[Which] = []
    max_days: Annotated[int, Meta(ge=0, le=120)] | None = None


class LaneRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """On the way from one of these places to one of those. `allow`: these and no others; no place means any. `off`: it
    stands there, and says nothing."""

    say: Literal["allow", "prefer", "forbid"]
    which: Annotated[list[Which], Meta(min_length=1)]
    origin: list[Place] = []
    to: list[Place] = []
    off: bool = False

    def is_for(self, origin: str, to: str) -> bool:
        """Ends are a country with a postcode behind it."""
        return not self.off and _within(origin, self.origin) and _within(to, self.to)


class Contract(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whose an account is. The merchant's own goes first; the operator's is compared, and told, with what is added."""

    of: Literal["merchant", "operator"] = "merchant"
    markup_percent: Decimal = Decimal(0)  # below 0 is a discount


class Most(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing dearer is bought without a person."""

    amount_minor: Annotated[int, Meta(ge=0, le=10**12)]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class ShippingRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`lanes`: of those that prefer on one way, the first that fits decides. `takes`: what carriers or services take
    that do not say so themselves. `modes`: by which mode they go across a border, where it is not as a courier.
    `sure`: how likely a service must keep the promise. `answer_within_s`: carriers that take longer to name a price are
    left out."""

    levels: dict[Word, Level] = {}
    lanes: Annotated[list[LaneRule], Meta(max_length=MOST_LANES)] = []
    contracts: dict[Annotated[str, Meta(max_length=60)], Contract] = {}
    takes: dict[Which, list[Word]] = {}
    modes: dict[Which, Mode] = {}
    most: Most | None = None
    sure: Annotated[float, Meta(ge=0.05, le=0.99)] = 0.8
    answer_within_s: Annotated[float, Meta(ge=0.5, le=20)] = 6.0

    def contract(self, carrier: str) -> Contract:
        return self.contracts.get(carrier, OWN)

    def on_lane(self, say: str, origin: str, to: str) -> list[str]:
        """Whom the rules for this way allow or forbid, all together."""
        return [which for lane in self.lanes if lane.say == say and lane.is_for(origin, to) for which in lane.which]

    def preferred(self, origin: str, to: str) -> list[list[str]]:
        """Whom each rule that prefers on this way names, in the order in which they stand."""
        return [lane.which for lane in self.lanes if lane.say == "prefer" and lane.is_for(origin, to)]

    def said_to_take(self, carrier: str, service: str) -> frozenset[str]:
        return frozenset((*self.takes.get(carrier, ()), *self.takes.get(f"{carrier}/{service}", ())))

    def mode_of(self, carrier: str, service: str) -> Mode:
        """By which mode of the lists of restrictions it goes; as a courier where nobody said more."""
        return self.modes.get(f"{carrier}/{service}") or self.modes.get(carrier) or "courier"


OWN = Contract()
NO_RULES = ShippingRules()


def names(which: Sequence[str], carrier: str, service: str) -> bool:
    """One of them is this service, or its carrier."""
    return carrier in which or f"{carrier}/{service}" in which


def end_of(country: str, postcode: str) -> str:
    return country + postcode.replace(" ", "").replace("-", "").upper()


def _within(end: str, places: Sequence[str]) -> bool:
    if not places:
        return True
    return any(end.startswith(end_of(place[:2], place[2:])) or (place == UNION and end[:2] in EU) for place in places)


def rules_of(kept: Any) -> ShippingRules:
    """As they are kept in the merchant's row."""
    return msgspec.convert(msgspec.json.decode(kept) if isinstance(kept, str | bytes) else kept, ShippingRules)


def check_rules(rules: Any) -> None:
    try:
        msgspec.convert(rules, ShippingRules)
    except msgspec.ValidationError as error:
        raise NotShippingRules(problem=str(error)[:200]) from None
