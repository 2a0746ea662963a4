"""looking: `/`, where a person begins, and how the pages look to them: language, light or dark."""

from __future__ import annotations

from litestar import Response
from litestar.datastructures import Cookie

from doorstep.doors.console.navigation import home
from doorstep.doors.console.speaking import COOKIES, LANGUAGES, REMEMBERED_S, THEMES
from doorstep.doors.console.visit import Visit, see_other

MAY_BE = {"language": (*LANGUAGES, ""), "theme": (*THEMES, "")}


async def begin(visit: Visit) -> Response[str]:
    return see_other(home(visit.visitor.person.role))


async def choose(visit: Visit) -> Response[str]:
    """Keep what they chose in their browser, and back to where they were."""
    back = visit.form.get("back", "/")
    answer = see_other(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/")
    for name in COOKIES:
        value = visit.form.get(name)
        if value is not None and value in MAY_BE.get(name, ()):
            lasts = REMEMBERED_S if value else 0
            answer.set_cookie(Cookie(key=name, value=value, path="/", samesite="lax", max_age=lasts))
    return answer
