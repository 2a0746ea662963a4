"""laws: what must hold in the books; law.py says how one is written."""

from __future__ import annotations

from doorstep.spine.laws import loads, money, orders, promises, records, references, road, stock
from doorstep.spine.laws.law import Law

LAWS: tuple[Law, ...] = (
    *orders.LAWS, *stock.LAWS, *road.LAWS, *promises.LAWS, *money.LAWS, *records.LAWS, *references.LAWS, *loads.LAWS,
)  # fmt: skip
