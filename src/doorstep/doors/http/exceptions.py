"""exceptions: what somebody must look at, as one list, and its end."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from doorstep.doors.http.admission import check_scope
from doorstep.doors.http.operations import Asked, operation
from doorstep.doors.http.reading import invalid
from doorstep.doors.http.shapes import Fault
from doorstep.doors.reads import exceptions as reads
from doorstep.doors.reads.orders import Word
from doorstep.doors.resolving import Resolution, Resolved, resolve, resolve_kind
from doorstep.setup.keys import READ
from doorstep.spine.exceptions import HOLD
from doorstep.spine.outcome import Actor

LIFTS = "processing:write"
Id = Annotated[str, Meta(pattern="^(att|hld|job)_[1-9][0-9]{0,17}$")]


class ResolveBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some by their ids, or all open ones of a kind. Holds are lifted, which needs the scope processing:write as well;
    jobs are tried again, or dropped."""

    exceptions: Annotated[list[Id], Meta(max_length=1000)] = []
    kind: Word | None = None
    note: Annotated[str, Meta(max_length=500)] = ""
    drop: bool = False


@operation("GET", "/exceptions", scope=READ, tag="exceptions", query=reads.ExceptionQuery, answer=reads.ExceptionPage)
async def list_exceptions(asked: Asked) -> Any:
    """What somebody must look at, newest first: attention items, open holds, jobs that were refused or are dead."""
    async with asked.reading() as tx:
        return await reads.exceptions(tx, asked.merchant, asked.query)


@operation("GET", "/exceptions/summary", scope=READ, tag="exceptions", answer=dict[str, int])
async def count_exceptions(asked: Asked) -> Any:
    """How many are open, by kind."""
    async with asked.reading() as tx:
        return await reads.summary(tx, asked.merchant)


@operation("POST", "/exceptions/resolve", scope="changes:write", tag="exceptions", body=ResolveBody, answer=Resolved)
async def resolve_exceptions(asked: Asked) -> Any:
    """Somebody looked at them: they end; a second time changes nothing and says so."""
    body: ResolveBody = asked.body
    if bool(body.exceptions) == (body.kind is not None):
        raise invalid([Fault("/exceptions", "name some by their ids, or a kind")])
    if (body.kind or "").startswith(HOLD) or any(word.startswith("hld_") for word in body.exceptions):
        check_scope(asked.holder, LIFTS)
    how = Resolution(Actor(f"key:{asked.holder.prefix}", asked.holder.roles), asked.at, body.note, body.drop)
    if body.kind is not None:
        return await resolve_kind(asked.db, asked.merchant, body.kind, how)
    return await resolve(asked.db, asked.merchant, body.exceptions, how)
