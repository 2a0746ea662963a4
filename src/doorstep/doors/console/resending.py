"""resending: what was typed into a form is not lost when its page is of a session that ended: it waits to be sent."""

from __future__ import annotations

import re
from collections.abc import Mapping

from litestar import Response

from doorstep.doors.console import words
from doorstep.doors.console.signing_in import AnyRequest, ForgedForm, SignInFirst, Visitor
from doorstep.doors.console.visit import page
from doorstep.doors.http.problems import headers_of

# What no page repeats; and what its reader did not type.
SECRET = ("password", "code", "secret")
UNSEEN = ("once", "back", "at", "step", "key")
AN_ID = re.compile(r"[a-z]{3}_\d+")


def waiting(request: AnyRequest, form: Mapping[str, str], upload: bytes, visitor: Visitor | None) -> Response[str]:
    """The form again, to be sent by hand; refuses SignInFirst or ForgedForm where it cannot be kept on a page."""
    refusal = ForgedForm() if visitor else SignInFirst()
    typed = {name: value for name, value in form.items() if name != "proof"}
    has_secret = any(word in name for name in typed for word in SECRET)
    if upload or not typed or has_secret or request.headers.get("hx-request") == "true":
        raise refusal
    query = request.url.query
    answer = page(
        "resend.html", refusal.status, visitor=visitor, refusal=refusal, words=words, typed=typed,
        shown=[value for name, value in typed.items() if value and not _is_unseen(name, value)],
        action=f"{request.url.path}?{query}" if query else request.url.path,
    )  # fmt: skip
    answer.headers.update(headers_of(refusal))
    return answer


def _is_unseen(name: str, value: str) -> bool:
    return name in UNSEEN or name.endswith(".utc") or AN_ID.fullmatch(value) is not None
