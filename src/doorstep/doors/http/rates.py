"""rates: what carriers offer for a packed parcel."""

from __future__ import annotations

from typing import Any

from doorstep.doors.http.operations import Asked, operation
from doorstep.doors.reads import rates as reads
from doorstep.setup.keys import READ


@operation("POST", "/parcels/{parcel}/rates", scope=READ, tag="shipping", answer=reads.Rates)
async def ask_rates(asked: Asked) -> Any:
    """Ask all connected carriers what a packed parcel would cost, the best offer first, each other with why not.

    Nothing is bought. To buy another than the first, ask for the label with its `carrier` and `service`.
    """
    return await reads.rates(asked.db, asked.merchant, asked.path["parcel"])
