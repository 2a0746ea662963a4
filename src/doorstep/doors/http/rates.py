"""rates: what carriers offer for a parcel, packed or imagined, and the merchant's rules by which one is chosen."""

from __future__ import annotations

from typing import Any

from doorstep.doors.http.operations import WRITE, Asked, Done, operation
from doorstep.doors.reads import rates as reads
from doorstep.journey.shipping.imagined import Imagined
from doorstep.kit.refusals import NotAllowed
from doorstep.setup.keys import READ
from doorstep.setup.lane_rules import change_rules, shipping_rules
from doorstep.setup.shipping_rules import ShippingRules


@operation("POST", "/parcels/{parcel}/rates", scope=READ, tag="shipping", answer=reads.Rates)
async def ask_rates(asked: Asked) -> Any:
    """Ask all connected carriers what a packed parcel would cost, the best offer first, each other with why not.

    Nothing is bought. To buy another than the first, ask for the label with its `carrier` and `service`.
    """
    return await reads.rates(asked.db, asked.merchant, asked.path["parcel"])


@operation("GET", "/shipping-rules", scope=READ, tag="shipping", answer=ShippingRules)
async def get_shipping_rules(asked: Asked) -> Any:
    """How the carrier and service of a label are chosen."""
    async with asked.reading() as tx:
        return await shipping_rules(tx, asked.merchant)


@operation("PUT", "/shipping-rules", scope=WRITE, tag="shipping", body=ShippingRules, answer=Done)
async def put_shipping_rules(asked: Asked) -> Any:
    """Say how the carrier and service of a label are chosen; all of it anew.

    Whose an account is and what the operator adds (`contracts`) only the operator's own key may change.
    """
    to: ShippingRules = asked.body

    def change(kept: ShippingRules) -> ShippingRules:
        if to.contracts != kept.contracts and not asked.holder.is_operator:
            raise NotAllowed(reason="contracts are the operator's")
        return to

    async with asked.writing() as tx:
        await change_rules(tx, asked.merchant, change, asked.by)
    return Done()


@operation("POST", "/shipping-rules/preview", scope=READ, tag="shipping", body=Imagined, answer=reads.Foreseen)
async def preview_shipping_rules(asked: Asked) -> Any:
    """Ask all connected carriers about a parcel that nobody has packed: which would be chosen, each other with why not.

    Nothing is bought, nothing is kept. Without a promised day, the shipping method's longest way counts.
    """
    return await reads.foreseen(asked.db, asked.merchant, asked.body)
