"""every: all exports by their names, and the statement of each."""

from __future__ import annotations

from doorstep.doors.exports.cash import CASH, INVOICES
from doorstep.doors.exports.columns import Export
from doorstep.doors.exports.corrections import CORRECTIONS
from doorstep.doors.exports.moves import MOVES
from doorstep.doors.exports.orders import LINES, ORDERS
from doorstep.doors.exports.parcels import PARCELS
from doorstep.doors.exports.stock import STOCK

EXPORTS: dict[str, Export] = {
    export.name: export for export in (ORDERS, LINES, MOVES, PARCELS, CASH, INVOICES, CORRECTIONS, STOCK)
}
QUERIES: dict[str, str] = {name: export.query() for name, export in EXPORTS.items()}
