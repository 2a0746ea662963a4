"""filling: a form that was filled in: what it says is kept and the next page shown; what does not fit is said beside
its field, on the same form again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from litestar import Response
from msgspec import Struct

from doorstep.doors.console.forms import Form, read
from doorstep.doors.console.visit import Visit, see_other
from doorstep.kit.refusals import Refusal

S = TypeVar("S", bound=Struct)


async def filled(
    visit: Visit, form: Form, shape: type[S], keep: Callable[[S], Awaitable[str]], at: str = "settings", **given: Any
) -> Response[str]:
    """`keep` answers where to go on; `given` is what the page itself knows, `at` the place that it belongs to."""
    said, form = read(form, shape, visit.form, **given)
    if said is None:
        return visit.show("form.html", 422, form=form, at=at)
    try:
        return see_other(await keep(said))
    except Refusal as refusal:
        return visit.show("form.html", refusal.status, form=form.refused(refusal), at=at)
