"""settings_page: `/settings`: what can be set up, and what a new doorstep needs first."""

from __future__ import annotations

from litestar import Response

from doorstep.doors.console.first_steps import first_steps
from doorstep.doors.console.navigation import settings
from doorstep.doors.console.visit import Visit


async def show(visit: Visit) -> Response[str]:
    async with visit.reading() as tx:
        steps = await first_steps(visit, tx)
    return visit.show("settings.html", pages=settings(visit.visitor.person.role), steps=steps)
