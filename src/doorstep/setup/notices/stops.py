"""stops: who wants no more notices of steps: by letter or by text message, of one order or of all of a shop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from doorstep.kit.phone import dialable
from doorstep.setup.notices.kinds import TO_BUYER, Medium
from doorstep.spine.tenant import Tx

ALL_ORDERS = 0
STOPPED = """
select s.medium, s.address, s.order_id from notice_stop s
  where s.merchant_id = $1 and s.order_id in (0, $2) and (s.medium, s.address) in (
    select m, a from unnest($3::text[], $4::text[]) u(m, a))
"""
STOP = """
insert into notice_stop (merchant_id, medium, address, order_id, stopped_at) values ($1, $2, $3, $4, $5)
  on conflict do nothing
"""
GO_ON = """
delete from notice_stop where merchant_id = $1 and medium = $2 and address = $3 and order_id in (0, $4)
"""


def buyer_addresses(buyer: Mapping[str, Any], ship_to: Mapping[str, Any], country: str | None) -> dict[Medium, str]:
    """Where notices of an order go: a number as the world dials it, or as it was written where it is none."""
    written = str(buyer.get("phone") or ship_to.get("phone") or "").strip()
    return {"email": str(buyer.get("email") or ""), "sms": dialable(written, country or "") or written}


def plain(address: str) -> str:
    """As it is kept: of a mailbox, capitals make no other."""
    return address.strip().lower()


async def stopped(tx: Tx, merchant: int, order: int, addresses: Mapping[Medium, str]) -> set[Medium]:
    """Of these media, those by which this buyer wants no more of this order's steps."""
    asked = [(medium, plain(addresses[medium])) for medium in TO_BUYER if addresses.get(medium)]
    if not asked:
        return set()
    rows = await tx.rows(STOPPED, merchant, order, *map(list, zip(*asked, strict=True)))
    return {row["medium"] for row in rows}


async def stop(tx: Tx, merchant: int, order: int, medium: Medium, address: str, at: datetime) -> None:
    """`order` 0: of all of the shop's orders."""
    await tx.run(STOP, merchant, medium, plain(address), order, at)


async def go_on(tx: Tx, merchant: int, order: int, medium: Medium, address: str) -> None:
    """They want them again, of this order and of all others."""
    await tx.run(GO_ON, merchant, medium, plain(address), order)
