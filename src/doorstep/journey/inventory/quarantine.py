"""quarantine: goods that stand apart until somebody decides: sold again, or thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from doorstep.journey.inventory.goods import Catalog, Stages, catalog_of, stages_of
from doorstep.kit.refusals import Refusal
from doorstep.setup.places import Goods, NotQuarantine, Places, is_quarantine, places_holding
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Tx


class NotThatManyInQuarantine(Refusal):
    """Not so many are in quarantine there."""


class OutOfQuarantine(Protocol):
    """What restock and scrap are asked with."""

    @property
    def sku(self) -> str: ...
    @property
    def site(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def from_place(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Apart:
    """What is set apart, and what a batch has left of it."""

    catalog: Catalog
    stages: dict[Goods, Stages]
    places: Places

    def taken(self, ask: Ask[Any]) -> tuple[Goods, list[tuple[str, int]]]:
        """What is asked for: the goods, with lots and units. Refuses what `take` and the catalog refuse."""
        wanted: OutOfQuarantine = ask.body
        goods = self.catalog.goods(ask.merchant, wanted.sku, wanted.site)
        return goods, self._take(goods, wanted.from_place, wanted.quantity, sku=wanted.sku, site=wanted.site)

    def _take(self, goods: Goods, place: str, quantity: int, **told: Any) -> list[tuple[str, int]]:
        """Refuses NotQuarantine, NotThatManyInQuarantine, NotInThatPlace."""
        if not is_quarantine(place):
            raise NotQuarantine(place=place)
        apart = self.stages[goods]["quarantine"]
        if quantity > apart:
            raise NotThatManyInQuarantine(**told, quarantine=apart)
        taken = self.places.take(goods, place, quantity, **told)
        self.stages[goods]["quarantine"] -= quantity
        return taken


async def apart_of(tx: Tx, asks: Sequence[Ask[Any]]) -> Apart:
    bodies: list[tuple[int, OutOfQuarantine]] = [(ask.merchant, ask.body) for ask in asks]
    catalog = await catalog_of(tx, [body.sku for _, body in bodies])
    known = [
        (goods, body.from_place, body.quantity)
        for merchant, body in bodies
        if (goods := catalog.known(merchant, body.sku, body.site))
    ]
    stages = await stages_of(tx, [goods for goods, _, _ in known])
    return Apart(catalog, stages, await places_holding(tx, known))
