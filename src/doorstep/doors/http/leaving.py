"""leaving: what waits at a site for its carriers, its manifests and pickups; and labels for the way back."""

from __future__ import annotations

from typing import Any

from doorstep.doors.http.operations import Asked, operation
from doorstep.doors.reads import leaving as reads
from doorstep.setup.keys import READ


@operation("GET", "/leaving", scope=READ, tag="shipping", query=reads.LeavingQuery, answer=reads.Leaving)
async def get_leaving(asked: Asked) -> Any:
    """What stands labeled at a site, by carrier; the newest manifests and pickups there."""
    async with asked.reading() as tx:
        return await reads.leaving(tx, [asked.merchant], asked.query)


@operation("GET", "/orders/{order}/return-labels", scope=READ, tag="shipping", answer=reads.ReturnLabels)
async def list_return_labels(asked: Asked) -> Any:
    """Labels for the way back of an order's goods."""
    async with asked.reading() as tx:
        return await reads.return_labels(tx, asked.merchant, asked.path["order"])
