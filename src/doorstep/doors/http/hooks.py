"""hooks: where carriers and gateways send what they have to tell; and how a merchant opens a carrier such an address.

What comes in is checked, kept as it is and answered at once: a carrier that waits would send it again.
"""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.types import ControllerRouterHandler
from msgspec import Meta, Struct

from doorstep.doors.http.answering import SAFE
from doorstep.doors.http.operations import WRITE, Asked, Done, Reply, operation
from doorstep.journey.tracking.keep_receipt import KeepReceipt
from doorstep.kit import clock
from doorstep.plug.numbers import candidates
from doorstep.setup import hooks
from doorstep.setup import receipts as receipts_of
from doorstep.setup.keys import READ
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run_one
from doorstep.spine.tenant import Db


class HookBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`scheme`: standard, easypost, shippo, fedex, ups or bearer. `secret`: the carrier's; without one it is made."""

    scheme: Annotated[str, Meta(pattern="^[a-z]{1,40}$")] = "standard"
    secret: Annotated[str, Meta(max_length=200)] = ""


class NumberQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As a person types it, with or without spaces."""

    number: Annotated[str, Meta(min_length=1, max_length=60)]


class NumberCandidate(Struct, frozen=True, kw_only=True):
    """`certainty`: certain (a check digit behind a prefix of its own), likely, or possible (a shape alone)."""

    carrier: str
    kind: str
    certainty: str
    number: str
    country: str


class NumberCandidates(Struct, frozen=True, kw_only=True):
    candidates: list[NumberCandidate]


@operation(
    "PUT", "/carriers/{carrier}/hook", scope=WRITE, tag="events", body=HookBody, answer=hooks.CarrierHook, status=201
)
async def open_carrier_hook(asked: Asked) -> Any:
    """Open an address for the carrier's own webhooks; one that was there before hears nothing any more."""
    body: HookBody = asked.body
    async with asked.writing() as tx:
        made = await hooks.open_hook(tx, asked.merchant, asked.path["carrier"], body.scheme, body.secret, asked.at)
    return Reply(made, 201)


@operation("DELETE", "/carriers/{carrier}/hook", scope=WRITE, tag="events", answer=Done)
async def close_carrier_hook(asked: Asked) -> Any:
    """Hear no more webhooks of this carrier."""
    async with asked.writing() as tx:
        await hooks.close_hook(tx, asked.merchant, asked.path["carrier"])
    return Done()


@operation("GET", "/tracking-numbers", scope=READ, tag="parcels", query=NumberQuery, answer=NumberCandidates)
async def recognize_tracking_number(asked: Asked) -> Any:
    """Whose tracking number this may be, by its shape and its check digit; the surest first."""
    found = candidates(asked.query.number)
    return NumberCandidates(candidates=[NumberCandidate(**one._asdict()) for one in found])


def routes(db: Db) -> list[ControllerRouterHandler]:
    @post("/hooks/{token:str}", include_in_schema=False, status_code=202, request_max_body_size=None)
    async def hear(request: Request[Any, Any, Any]) -> Response[bytes]:
        body = await _read(request, hooks.LARGEST_MESSAGE)
        await hooks.keep_message(db, str(request.path_params["token"]), _headers(request), body, clock.now())
        return Response(b'{"ok":true}', status_code=202, media_type="application/json", headers=dict(SAFE))

    @post("/receipts/{token:str}", include_in_schema=False, status_code=204, request_max_body_size=None)
    async def hear_receipt(request: Request[Any, Any, Any]) -> Response[None]:
        token, body = str(request.path_params["token"]), await _read(request, receipts_of.LARGEST)
        told = await receipts_of.hear(db, receipts_of.receipts(), token, _headers(request), body)
        if told is not None:
            merchant, letter, receipt = told
            said = KeepReceipt(order=letter.partition("/")[0], letter=letter, came=receipt.came, why=receipt.why)
            await run_one(db, "keep_receipt", Ask(merchant, said, clock.now()))
        return Response(None, status_code=204, headers=dict(SAFE))

    return [hear, hear_receipt]


async def _read(request: Request[Any, Any, Any], largest: int) -> bytes:
    """One byte more than the largest, where it is larger."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            break
    return bytes(body[: largest + 1])


def _headers(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {name.lower(): word for name, word in request.headers.items()}
