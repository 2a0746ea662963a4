"""looking_up: `/t` and `/t/at/<shop>`: who has no link gives the order's number and its postcode."""

from __future__ import annotations

from typing import Any

from litestar import Response

from doorstep.doors.buyer.asking import Asked
from doorstep.doors.buyer.finding import found
from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.setup.tracking_links import tracking_links


async def show(asked: Asked) -> Response[bytes]:
    asked.speak()
    return asked.show("look_up.html", brand=await asked.brand(), refusal=None, form={}, path=asked.path)


async def look_up(asked: Asked) -> Response[Any]:
    asked.speak()
    form = asked.form
    shop = asked.path.get("merchant") or form.get("shop", "").strip().lower()
    words = (shop[:60], form.get("number", "").strip(), form.get("postcode", "").strip())
    try:
        order = await found(asked.db, *words, asked.address, clock.now())
    except Refusal as refusal:
        brand = await asked.brand()
        return with_retry(
            asked.show("look_up.html", refusal.status, brand=brand, refusal=refusal, form=form, path=asked.path),
            refusal,
        )
    return asked.see(f"/t/{tracking_links().token(*order)}")


def with_retry(answer: Response[Any], refusal: Refusal) -> Response[Any]:
    """Who is to wait is told how long."""
    if refusal.why.get("retry_after_s"):
        answer.headers["retry-after"] = str(refusal.why["retry_after_s"])
    return answer
