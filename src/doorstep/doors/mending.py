"""mending: the embedded database comes back after a crash, whoever of doorstep notices first."""

from __future__ import annotations

import asyncio

import structlog

from doorstep.kit import embedded
from doorstep.kit.refusals import Refusal


async def bring_back() -> None:
    """Start the embedded database where it does not run; a database of your own is yours to start."""
    if embedded.external_urls() is not None:
        return
    try:
        await asyncio.to_thread(embedded.resolve_urls)
    except Refusal as refusal:
        structlog.get_logger("doorstep").warning("the database does not start", code=refusal.code)
