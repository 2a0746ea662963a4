"""reports: what came of it, over any period."""

from __future__ import annotations

from typing import Any

from doorstep.doors.http.operations import Asked, operation
from doorstep.doors.reads.reports.credits import CreditsQuery, CreditsReport, report_credits
from doorstep.doors.reads.reports.delivery import DeliveryQuery, DeliveryReport, report_delivery
from doorstep.doors.reads.reports.sales import SalesQuery, SalesReport, report_sales
from doorstep.doors.reads.reports.stages import StagesQuery, StagesReport, report_stages
from doorstep.doors.reads.reports.stock import PastStock, PastStockQuery, report_stock
from doorstep.setup.keys import READ


@operation("GET", "/reports/sales", scope=READ, tag="reports", query=SalesQuery, answer=SalesReport)
async def get_sales(asked: Asked) -> Any:
    """What was sold: goods after every discount, credits, adjustments, and the net of them."""
    async with asked.reading() as tx:
        return await report_sales(tx, asked.merchant, asked.query)


@operation("GET", "/reports/credits", scope=READ, tag="reports", query=CreditsQuery, answer=CreditsReport)
async def get_credits(asked: Asked) -> Any:
    """What was credited, and how much of it is linked to its sales."""
    async with asked.reading() as tx:
        return await report_credits(tx, asked.merchant, asked.query)


@operation("GET", "/reports/delivery", scope=READ, tag="reports", query=DeliveryQuery, answer=DeliveryReport)
async def get_delivery(asked: Asked) -> Any:
    """How many orders arrived, and how many later than promised."""
    async with asked.reading() as tx:
        return await report_delivery(tx, asked.merchant, asked.query)


@operation("GET", "/reports/stages", scope=READ, tag="reports", query=StagesQuery, answer=StagesReport)
async def get_stages(asked: Asked) -> Any:
    """How long orders took from one step to the next."""
    async with asked.reading() as tx:
        return await report_stages(tx, asked.merchant, asked.query)


@operation("GET", "/reports/stock", scope=READ, tag="reports", query=PastStockQuery, answer=PastStock)
async def get_past_stock(asked: Asked) -> Any:
    """How many units stood at each site at a past instant."""
    async with asked.reading() as tx:
        return await report_stock(tx, asked.merchant, asked.query)
