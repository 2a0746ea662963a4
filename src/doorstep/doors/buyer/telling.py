"""telling: what the buyer says is wrong becomes a contact case of the order; what they add to it stands in it."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from litestar import Response

from doorstep.doors.buyer import page
from doorstep.doors.buyer.asking import Asked, NoSuchOrder
from doorstep.doors.console.speaking import _
from doorstep.kit import clock
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Invalid, NotFound, Refusal
from doorstep.setup.tries import Limit, let_try, network_of
from doorstep.spine.outcome import BUYER, Ask
from doorstep.spine.runner import run_one
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.verbs import VERBS

FROM_AN_ADDRESS = Limit("write from", 10, timedelta(hours=1))
CASE_OF = "select 1 from contact_case c where c.merchant_id = $1 and c.order_id = $2 and c.case_id = $3"


async def open_case(asked: Asked) -> Response[Any]:
    _merchant, order = asked.order()
    said = {name: asked.form.get(name, "").strip() for name in ("kind", "text", "email")}
    return await _say(asked, "open_case", {"order": public("ord", order), **said})


async def write(asked: Asked) -> Response[Any]:
    """Refuses NoSuchOrder for a case that is another order's."""
    merchant, order = asked.order()
    try:
        case = number("cas", asked.path["case"])
    except NotFound:
        raise NoSuchOrder from None
    async with tenant_tx(asked.db, [merchant], readonly=True) as tx:
        if await tx.value(CASE_OF, merchant, order, case) is None:
            raise NoSuchOrder
    return await _say(asked, "answer_case", {"case": public("cas", case), "text": asked.form.get("text", "").strip()})


async def _say(asked: Asked, verb: str, values: dict[str, Any]) -> Response[Any]:
    try:
        answer = await ask_for(asked, verb, values)
    except Refusal as refusal:
        return await page.page(asked, refusal.status, refusal=refusal, tried=asked.form)
    return asked.see(f"/t/{asked.path['token']}?told=1#{answer['case']}")


async def ask_for(asked: Asked, verb: str, values: dict[str, Any]) -> dict[str, Any]:
    """Ask a verb in the buyer's name; so often from one household."""
    merchant, order = asked.order()
    body = _body(verb, values)
    await let_try(asked.db, {FROM_AN_ADDRESS: network_of(asked.address)}, clock.now())
    return await run_one(asked.db, verb, Ask(merchant, body, clock.now(), BUYER, *_once(asked, order, verb, body)))


def _body(verb: str, values: dict[str, Any]) -> Any:
    """Refuses Invalid; the browser's own checks let through what else could be wrong."""
    try:
        return msgspec.convert(values, VERBS[verb].body)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("$.")[2].rstrip("`")
        raise Invalid(fields=[{"pointer": f"/{field}", "detail": _("must be given, and not be too long")}]) from None


def _once(asked: Asked, order: int, verb: str, body: Any) -> tuple[bytes | None, bytes]:
    """A form that is sent twice says it once."""
    word = asked.form.get("once", "")[:64]
    key = blake2b(f"buyer\0{order}\0{verb}\0{word}".encode(), digest_size=16).digest() if word else None
    return key, blake2b(msgspec.json.encode(body), digest_size=16).digest()
