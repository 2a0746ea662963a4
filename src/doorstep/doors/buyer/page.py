"""page: `/t/<token>`: an order as its buyer follows it, and what they can say about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response

from doorstep.doors.buyer import saying
from doorstep.doors.buyer.asking import OPEN, Asked, NoSuchOrder
from doorstep.doors.buyer.following import Following, follow, zone_of
from doorstep.doors.console.looks import render
from doorstep.doors.console.speaking import reader
from doorstep.doors.console.whole import Whole, whole, with_ways
from doorstep.doors.reads.papers import drawn as drawn_paper
from doorstep.doors.reads.papers import return_label_pdf
from doorstep.kit import clock
from doorstep.kit.ids import public
from doorstep.kit.refusals import Refusal
from doorstep.kit.speech import language_of, spelled_days
from doorstep.setup.branding import Brand, brand_of
from doorstep.spine.tenant import tenant_tx

# So long after the last thing that happened to it a finished order's page is open: for what goes back, and for the box
# that is opened late.
OPEN_FOR = timedelta(days=180)


# A browser's own reader of PDF is a plug-in to it: that much a paper may be.
AS_PAPER = {"content-security-policy": "default-src 'self'"}

# Who reads it, and where.
READER = "select o.buyer, o.ship_to, o.country from orders o where o.merchant_id = $1 and o.order_id = $2"


class PageClosed(Refusal):
    """This order is finished, and its page was closed some time ago."""

    status = 410


class NoLabelHere(Refusal):
    """This label to send goods back is not valid any more. Write to us, and we send you another one."""

    status = 410


async def show(asked: Asked) -> Response[bytes]:
    return await page(asked)


async def page(
    asked: Asked, status: int = 200, *, refusal: Refusal | None = None, tried: Mapping[str, str] | None = None
) -> Response[bytes]:
    """With the no at its top and the form as it was filled in, where something was refused."""
    found, brand = await _followed(asked)
    return shown(asked, found, brand, status, refusal=refusal, tried=tried)


async def label(asked: Asked) -> Response[bytes]:
    """The label to send goods of this order back with, as PDF; refuses NoLabelHere of one that is void, or of another
    order."""
    found, _brand = await _followed(asked)
    name = asked.path["return_label"]
    if not any(box.back and box.back.id == name for box in found.boxes):
        raise NoLabelHere
    merchant, _order = asked.order()
    async with tenant_tx(asked.db, [merchant], readonly=True) as tx:
        draw = await return_label_pdf(tx, name)
    headers = {**OPEN, **AS_PAPER, "content-disposition": f'inline; filename="{name}.pdf"'}
    return Response(await drawn_paper(draw), media_type="application/pdf", headers=headers)


async def _followed(asked: Asked) -> tuple[Following, Brand]:
    """Refuses NoSuchOrder, PageClosed."""
    of, brand = await _read(asked)
    found = follow(of, clock.now())
    if found.is_over and clock.now() - found.last_at > OPEN_FOR:
        raise PageClosed
    return found, brand


def shown(asked: Asked, found: Following, brand: Brand, status: int = 200, **more: Any) -> Response[bytes]:
    html = drawn(
        found, brand, base=f"/t/{asked.path['token']}", told=asked.query.get("told", ""),
        chosen=asked.query.get("lang", ""), **more,
    )  # fmt: skip
    return asked.answer(html, status)


def drawn(found: Following, brand: Brand, **more: Any) -> str:
    """The page as HTML, in its reader's language."""
    plain = {"base": "", "told": "", "chosen": "", "refusal": None, "tried": None, "is_sample": False}
    return render(
        "tracking.html", of=found, brand=brand, kinds=saying.KINDS, once=token_hex(16), zone_word=_zone_word,
        span=lambda days: spelled_days(days[0], days[1], reader().language), **{**plain, **more},
    )  # fmt: skip


def _zone_word(when: datetime, zone: str) -> str:
    """CET, EDT; UTC+03 where a zone has no letters."""
    word = f"{when.astimezone(ZoneInfo(zone)):%Z}"
    return word if word.isalpha() else f"UTC{word}"


async def _read(asked: Asked) -> tuple[Whole, Brand]:
    merchant, order = asked.order()
    async with tenant_tx(asked.db, [merchant], readonly=True) as tx:
        reader = await tx.row(READER, merchant, order)
        if reader is None:
            raise NoSuchOrder
        # Some of what is told of an order is put in words as it is read.
        asked.speak(*_language_and_clock(reader))
        found, brand = await whole(tx, public("ord", order)), await brand_of(tx, merchant)
    return await with_ways(asked.db, found), brand


def _language_and_clock(row: Mapping[str, Any]) -> tuple[str, ZoneInfo]:
    buyer, ship_to = (msgspec.json.decode(row[name]) if row[name] else {} for name in ("buyer", "ship_to"))
    return language_of(buyer, row["country"]), zone_of(ship_to)
