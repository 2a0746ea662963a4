"""worth: what the goods in a parcel cost the buyer, for capturing and invoicing parcel by parcel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from doorstep.kit.ids import number
from doorstep.spine.amounts import worth_of_units
from doorstep.spine.facts import OrderFacts
from doorstep.spine.tenant import Tx

# Units of a line are numbered by the order in which they are parceled, so that the shares of all parcels together
# are worth exactly the line.
PARCELED = """
with wanted as (
  select p.order_id from parcel p where p.merchant_id = any($1) and p.parcel_id = any($2)),
units as (
  select l.merchant_id, l.order_id, l.line_no, p.parcel_id, pl.quantity, l.worth_minor, l.ordered,
      coalesce(sum(pl.quantity) over (partition by l.merchant_id, l.order_id, l.line_no
        order by p.parcel_id rows between unbounded preceding and 1 preceding), 0)::bigint as before
    from parcel p
    join parcel_line pl on pl.merchant_id = p.merchant_id and pl.parcel_id = p.parcel_id
    join order_line l on l.merchant_id = p.merchant_id and l.order_id = p.order_id and l.line_no = pl.line_no
    where p.merchant_id = any($1) and p.order_id in (select order_id from wanted))
select order_id, parcel_id,
    sum(div(worth_minor::numeric * (before + quantity), ordered) - div(worth_minor::numeric * before, ordered))::bigint
      as worth
  from units where parcel_id = any($2) and ordered > 0 group by order_id, parcel_id
"""
# What is looked at of an order to tell what goes with a parcel beside its goods.
OF_WORTH = ("details", "line.ships", "line.ordered", "line.canceled", "line.worth_minor")

Worths = Mapping[tuple[int, int], int]


async def worths_of_parcels(tx: Tx, parcels: Iterable[str]) -> Worths:
    """Minor units by order and parcel: the goods alone."""
    wanted = [number("par", parcel) for parcel in parcels if parcel]
    if not wanted:
        return {}
    rows = await tx.rows(PARCELED, list(tx.merchants), wanted)
    return {(row["order_id"], row["parcel_id"]): row["worth"] for row in rows}


def worth_of_parcel(order: OrderFacts, goods_minor: int, is_followed: bool) -> int:
    """With the first parcel go shipping, fees, and what does not ship at all."""
    return goods_minor + (0 if is_followed else beside_the_goods(order))


def beside_the_goods(order: OrderFacts) -> int:
    """Services, fees and shipping; what was canceled is not owed, and takes its part of these with it."""
    if not any(line.ordered > line.canceled for line in order.lines):
        return 0
    services = sum(
        worth_of_units(line.worth_minor, line.ordered, 0, line.ordered - line.canceled)
        for line in order.lines
        if not line.ships
    )
    fees: int = sum(fee["amount_minor"] for fee in order.row["details"].get("fees", ()))
    shipping = int(order.row["details"].get("shipping_worth_minor", 0)) if is_sent(order) else 0
    return services + fees + shipping


def is_sent(order: OrderFacts) -> bool:
    """With the last unit that was to be sent the shipping is canceled too."""
    goods = [line for line in order.lines if line.ships]
    return not goods or any(line.ordered > line.canceled for line in goods)


def is_all_services(order: OrderFacts) -> bool:
    """Nothing that is to be sent is left of it, and something else is."""
    left = [line for line in order.lines if line.ordered > line.canceled]
    return bool(left) and not any(line.ships for line in left)
