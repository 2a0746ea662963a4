"""places: where goods stand at a site: bins on the shelves, totes on their way through it, parcels about to leave it.

What lies in a parcel is told by its lines; bins and totes have stock of their own.

The shelves may be rearranged freely: which of a bin's units are promised is nobody's business but the SKU's and the
site's. Quarantine is a place apart: what stands there is not sold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from doorstep.kit.refusals import Refusal
from doorstep.spine.tenant import Tx
from doorstep.spine.walls import NotInThatPlace

RECEIVING = "RECEIVING"
QUARANTINE = "QUARANTINE"
# Where goods of an imported past stand: what they leave does not touch what was counted on the shelves.
HISTORY = "HISTORY"
TOTE, PARCEL = "tote:", "parcel:"

Bin = Annotated[str, Meta(max_length=60)]
Lot = Annotated[str, Meta(max_length=60)]
ToteName = Annotated[str, Meta(max_length=40)]
Units = Annotated[int, Meta(ge=1, le=1_000_000)]

# Written out in the index of the shelves too (0051).
ON_SHELVES = "place not like 'tote:%'"

# Each place is looked up (`offset 0`): joined as tables, all that the merchant's shelves hold was read for a few.
STANDING = """
select b.merchant_id, b.sku_id, b.site_id, b.place, b.lot, b.quantity
  from unnest($2::bigint[], $3::bigint[], $4::text[]) u(sku_id, site_id, place)
  cross join lateral (
    select * from bin_stock b
      where b.merchant_id = any($1) and b.sku_id = u.sku_id and b.site_id = u.site_id and b.place = u.place
        and b.quantity > 0
      offset 0) b
"""
SHELVES = f"""
select merchant_id, sku_id, site_id, place, lot, quantity from bin_stock
  where merchant_id = any($1) and site_id = any($3) and sku_id = any($2) and {ON_SHELVES} and quantity > 0
"""


class NotABin(Refusal):
    """This is not a bin of the shelves: totes, parcels and quarantine are no place to pick from or put away into."""

    status = 422


class NotQuarantine(Refusal):
    """This is no quarantine place: their names begin with QUARANTINE."""

    status = 422


class Goods(NamedTuple):
    """Of one merchant, one SKU at one site."""

    merchant: int
    sku: int
    site: int


def tote(name: str | int) -> str:
    return f"{TOTE}{name}"


def in_parcel(parcel: int) -> str:
    return f"{PARCEL}{parcel}"


def is_bin(place: str) -> bool:
    return place != "" and not place.startswith((TOTE, PARCEL)) and not is_quarantine(place)


def is_quarantine(place: str) -> bool:
    """QUARANTINE, or a part of it: QUARANTINE-RETURNS."""
    return place.startswith(QUARANTINE)


def must_be_bin(place: str) -> None:
    """Refuses NotABin."""
    if not is_bin(place):
        raise NotABin(bin=place)


def walking_order(place: str) -> tuple[Any, ...]:
    """A-2 comes before A-10, as the feet know."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", place) if part)


@dataclass(slots=True)
class Places:
    """What places hold, and what a batch has left of it: two picks never get the same last unit of a bin."""

    held: dict[Goods, dict[str, dict[str, int]]] = field(default_factory=dict)  # place: {lot: units}

    def add(self, goods: Goods, place: str, lot: str, quantity: int) -> None:
        lots = self.held.setdefault(goods, {}).setdefault(place, {})
        lots[lot] = lots.get(lot, 0) + quantity

    def units(self, goods: Goods, place: str, lot: str = "") -> int:
        """So many in that place; of one lot when it is named."""
        lots = self.held.get(goods, {}).get(place, {})
        return lots.get(lot, 0) if lot else sum(lots.values())

    def take(self, goods: Goods, place: str, quantity: int, lot: str = "", **told: Any) -> list[tuple[str, int]]:
        """Take so many out, the lots in the order of their names unless one is named: lot and units.

        Refuses NotInThatPlace, which tells where of the same kind the goods stand.
        """
        self.must_hold(goods, place, quantity, lot, **told)
        lots = self.held[goods][place] if quantity else {}
        taken = []
        for name in [lot] if lot else sorted(lots):
            units = min(quantity, lots[name])
            if units:
                lots[name] -= units
                quantity -= units
                taken.append((name, units))
        return taken

    def must_hold(self, goods: Goods, place: str, quantity: int, lot: str = "", **told: Any) -> None:
        """Refuses NotInThatPlace."""
        holds = self.units(goods, place, lot)
        if holds < quantity:
            which = {"lot": lot} if lot else {}
            elsewhere = self._elsewhere(goods, place)
            raise NotInThatPlace(**told, place=place, **which, wanted=quantity, holds=holds, elsewhere=elsewhere)

    def bins(self, goods: Goods) -> list[tuple[str, int]]:
        """The bins that hold the goods, in walking order, with their units."""
        held = [(place, sum(lots.values())) for place, lots in self.held.get(goods, {}).items() if is_bin(place)]
        return sorted(((place, units) for place, units in held if units), key=lambda held: walking_order(held[0]))

    def _elsewhere(self, goods: Goods, place: str) -> list[dict[str, Any]]:
        kind = _kind(place)
        return [
            {"place": other, "units": sum(lots.values())}
            for other, lots in sorted(self.held.get(goods, {}).items(), key=lambda held: walking_order(held[0]))
            if other != place and _kind(other) == kind and any(lots.values())
        ]


def _kind(place: str) -> str:
    return next((kind for kind in (TOTE, QUARANTINE) if place.startswith(kind)), "")


async def places_holding(tx: Tx, wanted: Iterable[tuple[Goods, str, int]]) -> Places:
    """What these places hold; where that is not enough, also what every bin holds, to tell it."""
    asked = list(wanted)
    keys = list({(goods.sku, goods.site, place) for goods, place, _ in asked})
    if not keys:
        return Places()
    places = Places()
    for row in await tx.rows(STANDING, list(tx.merchants), *map(list, zip(*keys, strict=True))):
        _keep(places, row)
    total: dict[tuple[Goods, str], int] = {}
    for goods, place, quantity in asked:
        total[goods, place] = total.get((goods, place), 0) + quantity
    short = [goods for (goods, place), quantity in total.items() if places.units(goods, place) < quantity]
    await _read_shelves(places, tx, short)
    return places


async def shelves_holding(tx: Tx, goods: Iterable[Goods]) -> Places:
    """What every bin holds of these goods (and quarantine)."""
    places = Places()
    await _read_shelves(places, tx, list(goods))
    return places


async def _read_shelves(places: Places, tx: Tx, goods: list[Goods]) -> None:
    if not goods:
        return
    skus, sites = list({each.sku for each in goods}), list({each.site for each in goods})
    known = {(each, place) for each, held in places.held.items() for place in held}
    for row in await tx.rows(SHELVES, list(tx.merchants), skus, sites):
        if (Goods(row["merchant_id"], row["sku_id"], row["site_id"]), row["place"]) not in known:
            _keep(places, row)


def _keep(places: Places, row: Any) -> None:
    goods = Goods(row["merchant_id"], row["sku_id"], row["site_id"])
    places.add(goods, row["place"], row["lot"], row["quantity"])
