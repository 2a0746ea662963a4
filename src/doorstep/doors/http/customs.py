"""customs: whether goods may cross a border, what they cost behind it, what is sent ahead, and by which lists."""

from __future__ import annotations

from typing import Any

from doorstep.doors.http.operations import Asked, operation
from doorstep.doors.reads import customs as reads
from doorstep.doors.reads import item_data
from doorstep.setup.keys import READ


@operation("GET", "/skus/{sku}/customs", scope=READ, tag="customs", query=reads.CellQuery, answer=reads.SkuCustoms)
async def get_sku_customs(asked: Asked) -> Any:
    """May this SKU (by id or code) go to that country by that mode, what is missing, what does one cost there."""
    async with asked.reading() as tx:
        return await reads.sku_customs(tx, asked.merchant, asked.path["sku"], asked.query, asked.at.date())


@operation("GET", "/customs/grid", scope=READ, tag="customs", query=reads.GridQuery, answer=reads.GridPage)
async def get_customs_grid(asked: Asked) -> Any:
    """The SKUs that are not ready to go to a country by a mode, with the field to fill."""
    async with asked.reading() as tx:
        return await reads.grid(tx, asked.merchant, asked.query, asked.at.date())


@operation("GET", "/customs/lists", scope=READ, tag="customs", answer=reads.RuleLists)
async def list_rule_lists(asked: Asked) -> Any:
    """The lists of rules in force, of which day and from where."""
    async with asked.reading() as tx:
        return await reads.rule_lists(tx, asked.at.date())


@operation("POST", "/landed-cost", scope=READ, tag="customs", body=reads.Basket, answer=reads.LandedCost,
           example={"to": "UA", "currency": "USD", "shipping_minor": 1500,
                    "items": [{"sku": "MUG", "quantity": 2, "value_minor": 2500}]})  # fmt: skip
async def estimate_landed_cost(asked: Asked) -> Any:
    """What a basket costs at the door: duty, tax and fee, each with its basis. Nothing is kept."""
    async with asked.reading() as tx:
        return await reads.basket_cost(tx, asked.merchant, asked.body, asked.at.date())


@operation("GET", "/orders/{order}/customs", scope=READ, tag="customs", answer=reads.OrderCustoms)
async def get_order_customs(asked: Asked) -> Any:
    """What customs wants of an order, line by line, what it costs at the door, whether its export has to be filed."""
    async with asked.reading() as tx:
        return await reads.order_customs(tx, asked.merchant, asked.path["order"], asked.at.date())


@operation("GET", "/parcels/{parcel}/item-data", scope=READ, tag="customs", answer=item_data.ItemData)
async def get_item_data(asked: Asked) -> Any:
    """What is sent ahead of a parcel (ITMATT, ICS2), and what is missing in it."""
    async with asked.reading() as tx:
        return await item_data.item_data(tx, asked.path["parcel"], asked.at.date())
