"""visit: one request as the pages see it: who, through what, what the address and the form say; and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

import multipart
from litestar import Response

from doorstep.doors.console.looks import render
from doorstep.doors.console.navigation import places
from doorstep.doors.console.signing_in import AnyRequest, Browser, Visitor
from doorstep.kit.refusals import Refusal
from doorstep.kit.text import storable
from doorstep.setup.log import By
from doorstep.spine.tenant import Db, Tx, tenant_tx

LARGEST_FORM = 64_000
MOST_FIELDS = 2_100  # a form asks for units of every line at most
KEPT = ("columns",)
FORM = "application/x-www-form-urlencoded"
WITH_A_FILE = "multipart/form-data"
LARGEST_UPLOAD = 600_000  # a picture, and the few fields beside it
MOST_PARTS = 20

# A page is one person's business: no cache keeps it, no other site frames it, and nothing in it runs or loads but
# what doorstep itself serves as a file.
SAFE = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class NotAForm(Refusal):
    """This is not what a form of ours sends."""

    status = 400


@dataclass(frozen=True, slots=True)
class Visit:
    """One request. `form` is empty unless something is posted; `is_part`: htmx asks for a part of the page alone;
    `kept` is what this browser keeps of how its reader likes the pages, `upload` the file posted with a form."""

    db: Db
    visitor: Visitor
    browser: Browser
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    is_part: bool = False
    kept: Mapping[str, str] = field(default_factory=dict)
    upload: bytes = b""

    @property
    def by(self) -> By:
        """For the log."""
        return self.browser.by(self.visitor.person)

    def reading(self) -> AbstractAsyncContextManager[Tx]:
        """A read-only transaction over the merchants that this person sees."""
        return tenant_tx(self.db, self.visitor.merchants, readonly=True)

    def writing(self) -> AbstractAsyncContextManager[Tx]:
        """A transaction over the same, for what is none of the books."""
        return tenant_tx(self.db, self.visitor.merchants)

    def did(self, told: Mapping[str, str]) -> str:
        """What was done before this page, as the table has it; '' where nothing was."""
        return told.get(self.query.get("did", ""), "")

    def show(self, template: str, status: int = 200, **context: Any) -> Response[str]:
        return page(template, status, visitor=self.visitor, **context)


@dataclass(frozen=True, slots=True)
class Knock:
    """One request of somebody who is not signed in, or not wholly. `server` is the address this server itself has;
    `only_looks`: a program asks for the headers alone."""

    db: Db
    browser: Browser
    server: str
    cookies: Mapping[str, str]
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str] = field(default_factory=dict)
    only_looks: bool = False

    @property
    def by(self) -> By:
        return self.browser.by()


def page(template: str, status: int = 200, **context: Any) -> Response[str]:
    visitor = context.setdefault("visitor", None)
    html = render(template, places=places(visitor.person.role) if visitor else [], **context)
    return Response(html, status_code=status, media_type="text/html", headers=SAFE)


def see_other(address: str) -> Response[str]:
    """After a post: the browser gets the page, so that a reload repeats nothing."""
    return Response("", status_code=303, media_type="text/plain", headers={**SAFE, "location": address})


def read_query(request: AnyRequest) -> dict[str, str]:
    return _fields(request.scope.get("query_string", b""))


def kept_of(request: AnyRequest) -> dict[str, str]:
    """Cookies of ours but for the session's."""
    given = {name: request.cookies.get(name, "") for name in KEPT}
    return {name: value for name, value in given.items() if value and storable(value)}


async def read_posted(request: AnyRequest) -> tuple[dict[str, str], bytes]:
    """The fields of a posted form and the file with it, if there is one; refuses NotAForm."""
    if _kind(request) != WITH_A_FILE:
        return await read_form(request), b""
    content_type, options = multipart.parse_options_header(request.headers["content-type"])
    body = await _body(request, LARGEST_UPLOAD)
    try:
        parts = list(multipart.MultipartParser(BytesIO(body), options["boundary"], part_limit=MOST_PARTS, strict=True))
        fields = {part.name: part.value for part in parts if not part.filename and storable(part.value)}
    except (multipart.MultipartError, KeyError, UnicodeError):
        raise NotAForm(content_type=content_type[:100]) from None
    return fields, next((part.raw for part in parts if part.filename), b"")


async def read_form(request: AnyRequest) -> dict[str, str]:
    """The fields of a posted form, each once; refuses NotAForm."""
    if _kind(request) != FORM:
        raise NotAForm(content_type=_kind(request)[:100])
    return _fields(await _body(request, LARGEST_FORM))


def is_without_files(request: AnyRequest) -> bool:
    return _kind(request) == FORM


def _kind(request: AnyRequest) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: AnyRequest, largest: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > largest:
            raise NotAForm(largest_bytes=largest)
        chunks.append(chunk)
    return b"".join(chunks)


def _fields(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise NotAForm(problem="its text is not UTF-8") from None
    if not all(storable(name) and storable(value) for name, value in pairs):
        raise NotAForm(problem="it has characters that cannot be kept")
    return dict(pairs)
