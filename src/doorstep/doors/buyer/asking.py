"""asking: one request to the buyers' door: what it names, the language it is answered in, and how answers leave."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response

from doorstep.doors.console.looks import render
from doorstep.doors.console.signing_in import AnyRequest
from doorstep.doors.console.speaking import LANGUAGES, SOURCE, Reader, accepted, write_for
from doorstep.doors.console.visit import SAFE, read_query
from doorstep.doors.console.visit import see_other as seen_other
from doorstep.kit.refusals import Refusal
from doorstep.setup.branding import Brand, brand_of
from doorstep.setup.tracking_links import tracking_links
from doorstep.spine.tenant import Db, tenant_tx

# A page of one order: no search engine lists it, and no address of it is told to any other site.
OPEN = {**SAFE, "referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow", "vary": "accept-language"}


class NoSuchOrder(Refusal):
    """This link leads to no order."""

    status = 404


@dataclass(frozen=True, slots=True)
class Asked:
    """`language` is '' until something says what its reader speaks."""

    db: Db
    path: Mapping[str, str]
    query: Mapping[str, str]
    address: str
    language: str
    takes_gzip: bool
    form: Mapping[str, str] = field(default_factory=dict)

    def order(self) -> tuple[int, int]:
        """The merchant and the order that the link names; refuses NoSuchOrder."""
        read = tracking_links().read(self.path["token"])
        if read is None:
            raise NoSuchOrder
        return read

    async def brand(self) -> Brand | None:
        """Of the shop that the address names; None of one that is not there."""
        merchant = await self.db.find("merchant", self.path.get("merchant", ""))
        if merchant is None:
            return None
        async with tenant_tx(self.db, [merchant], readonly=True) as tx:
            return await brand_of(tx, merchant)

    def speak(self, of_order: str = SOURCE, zone: ZoneInfo | None = None) -> None:
        """From here on: in the language that was asked for, else in the order's; on the clock where it goes."""
        write_for(Reader(self.language or of_order, "", zone.key if zone else ""))

    def show(self, template: str, status: int = 200, **context: Any) -> Response[bytes]:
        return self.answer(render(template, chosen=self.query.get("lang", ""), **context), status)

    def answer(self, html: str, status: int = 200) -> Response[bytes]:
        headers, content = dict(OPEN), html.encode()
        if self.takes_gzip:
            content, headers["content-encoding"] = gzip.compress(content, 6, mtime=0), "gzip"
        return Response(content, status_code=status, media_type="text/html; charset=utf-8", headers=headers)

    def see(self, path: str) -> Response[str]:
        """After a post: the page, in the language it was read in."""
        language = self.query.get("lang", "")
        before, hash_, fragment = path.partition("#")
        if language in LANGUAGES:
            before += ("&" if "?" in before else "?") + f"lang={language}"
        answer = seen_other(before + hash_ + fragment)
        answer.headers.update(OPEN)
        return answer


def asked_of(db: Db, request: AnyRequest, form: Mapping[str, str]) -> Asked:
    query = read_query(request)
    chosen = query.get("lang", "")
    return Asked(
        db,
        {name: str(word)[:200] for name, word in request.path_params.items()},
        query,
        request.client.host if request.client else "",
        chosen if chosen in LANGUAGES else accepted(request.headers.get("accept-language", "")),
        "gzip" in request.headers.get("accept-encoding", ""),
        form,
    )
