"""looking: `/`, where a person begins, and how the pages look to them: language, light or dark.

What they choose is kept with the person, and in the browser's cookies, so that a page asks for nothing more. A browser
that has not met the person takes over what they chose elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response
from litestar.datastructures import Cookie

from doorstep.doors.console.navigation import home
from doorstep.doors.console.signing_in import Visitor, own_path
from doorstep.doors.console.speaking import LANGUAGES, REMEMBERED_S, THEMES
from doorstep.doors.console.visit import Visit, see_other
from doorstep.setup.tastes import keep_taste, taste_of
from doorstep.spine.tenant import Db

MAY_BE = {"language": (*LANGUAGES, ""), "theme": (*THEMES, "")}
# Whose taste this browser knows.
MET = "met"


async def begin(visit: Visit) -> Response[str]:
    return see_other(home(visit.visitor.person.role))


async def choose(visit: Visit) -> Response[str]:
    """Keep what they chose, and back to where they were."""
    given = {name: visit.form[name] for name, words in MAY_BE.items() if visit.form.get(name) in words}
    await keep_taste(visit.db, visit.visitor.person.person_id, **given)
    answer = see_other(own_path(visit.form.get("back", "/")))
    remember(answer, given)
    return answer


async def taken_over(db: Db, visitor: Visitor, cookies: Mapping[str, str]) -> dict[str, str]:
    """What a browser that has not met this person keeps from now on: what they chose elsewhere."""
    person = str(visitor.person.person_id)
    if cookies.get(MET) == person:
        return {}
    # What another person left in this browser is not theirs.
    of_another = dict.fromkeys(MAY_BE, "") if MET in cookies else {}
    return {**of_another, **await taste_of(db, visitor.person.person_id), MET: person}


def remember(answer: Response[Any], taste: Mapping[str, str]) -> None:
    """In the browser's cookies; what is '' is forgotten."""
    for name, value in taste.items():
        lasts = REMEMBERED_S if value else 0
        answer.set_cookie(Cookie(key=name, value=value, path="/", samesite="lax", max_age=lasts))
