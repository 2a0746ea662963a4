"""parcels: a parcel as the rules see it, with its order under lock."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.spine.facts import OrderFacts, Reads, Rows, facts_and, locked, not_read
from doorstep.spine.outcome import Outcome
from doorstep.spine.status import PARCEL_COUNTER, PLANNED
from doorstep.spine.tenant import Tx

# Of which order a parcel is never changes, so orders are locked by it.
LOCK = """
select {now} from parcel p
  join order_now n on n.merchant_id = p.merchant_id and n.order_id = p.order_id
  where p.merchant_id = any($1) and p.parcel_id = any($2) order by n.merchant_id, n.order_id for update of n
"""
PARCELS = """
select order_id, parcel_id, fulfillment_order_id, site_id, label_state, label_key, label_tries, label_choice,
    label_error, carrier, service, label_ref, tracking_number, weight_g, state, packed_at, handed_over_at, delivered_at
  from parcel where merchant_id = any($1) and order_id = any($2) and parcel_id = any($3)
"""
# Of a parcel `p`: the how manieth of its order it is, of how many.
NTH_OF_ORDER = """
    (select count(*) from parcel q where q.merchant_id = p.merchant_id and q.order_id = p.order_id
      and q.parcel_id <= p.parcel_id) as parcel_index,
    (select count(*) from parcel q where q.merchant_id = p.merchant_id and q.order_id = p.order_id) as parcel_count
""".strip()
# An item nobody knew is only in parcels that were packed elsewhere, of which no stock moves.
PARCEL_LINES = """
select l.parcel_id, l.line_no, coalesce(l.sku_id, 0) as sku_id, l.lot, l.quantity from parcel p
  join parcel_line l on l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id
  where p.merchant_id = any($1) and p.order_id = any($2) and p.parcel_id = any($3) and l.quantity > 0
  order by l.parcel_id, l.line_no
"""
# What happened to parcels after they left, beside their delivery.
BACK_OR_LOST = """
select verb, data from event
  where merchant_id = any($1) and kind = 'order' and id = any($2) and verb in ('take_back', 'lose')
    and data ->> 'parcel' is not null
"""
# Units that were credited elsewhere while they were on their way.
CREDITED = """
select order_id, order_line_no as line_no, sum(quantity)::bigint as units from credit_link
  where merchant_id = any($1) and order_id = any($2) and stage = 'shipped' group by order_id, order_line_no
"""


class HandedOver(Refusal):
    """The parcel has left with the carrier."""


class PackedElsewhere(Refusal):
    """Somebody else packs and sends this parcel; it is only written down here."""


class LabelThere(Refusal):
    """The parcel has a label, or one is being bought; void it first."""


class ParcelLine(NamedTuple):
    line_no: int
    sku_id: int
    lot: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ParcelFacts:
    """The order, then fields in the order of the columns above, then its lines."""

    order: OrderFacts
    parcel_id: int
    fulfillment_order_id: int
    site_id: int
    label_state: str
    label_key: str
    label_tries: int
    label_choice: dict[str, Any] | None
    label_error: str
    carrier: str
    service: str
    label_ref: str
    tracking_number: str
    weight_g: int
    state: str
    packed_at: datetime | None
    handed_over_at: datetime | None
    delivered_at: datetime | None
    lines: tuple[ParcelLine, ...]

    @property
    def place(self) -> str:
        return f"parcel:{self.parcel_id}"

    @property
    def has_left(self) -> bool:
        """Handed over; of a parcel that was packed elsewhere it may be known without a time."""
        return self.handed_over_at is not None or (self.packed_at is None and self.state != PLANNED)

    def must_be_here(self) -> None:
        """It stands at its site, packed. Refuses HandedOver, PackedElsewhere."""
        if self.handed_over_at is not None:
            raise HandedOver(parcel=public("par", self.parcel_id))
        if self.packed_at is None:
            raise PackedElsewhere(parcel=public("par", self.parcel_id), state=self.state)


async def parcel_facts(
    tx: Tx, parcels: Iterable[str], reads: Reads = (), *, contents: bool = False
) -> dict[int, ParcelFacts]:
    """The parcels by id, with what is in them where that is asked for; their orders are locked in id order first."""
    found, _ = await parcels_and(tx, parcels, reads=reads, contents=contents)
    return found


async def parcels_and(
    tx: Tx, parcels: Iterable[str], *beside: str, reads: Reads = (), contents: bool = False
) -> tuple[dict[int, ParcelFacts], list[Rows]]:
    """With what else is asked of the merchants ($1), the orders ($2) and the parcels ($3)."""
    wanted = sorted({number("par", parcel) for parcel in parcels})
    held = await locked(tx, LOCK, wanted, reads)
    packed = (PARCEL_LINES,) if contents else ()
    orders, (rows, *rest) = await facts_and(tx, held, PARCELS, *packed, *beside, more=(wanted,), reads=reads)
    inside = _inside(rest.pop(0)) if contents else None
    return {
        row[1]: _parcel(orders[row[0]], row, tuple(inside[row[1]]) if inside is not None else not_read) for row in rows
    }, rest


def _inside(rows: Rows) -> dict[int, list[ParcelLine]]:
    inside: dict[int, list[ParcelLine]] = defaultdict(list)
    for row in rows:
        inside[row[0]].append(ParcelLine._make(row[1:]))
    return inside


def _parcel(order: OrderFacts, row: tuple[Any, ...], lines: tuple[ParcelLine, ...]) -> ParcelFacts:
    known: list[Any] = [*row[1:], lines]
    known[6] = msgspec.json.decode(known[6]) if known[6] else None
    return ParcelFacts(order, *known)


def of_parcel(parcels: Mapping[int, ParcelFacts], merchant: int, parcel: str) -> ParcelFacts:
    """The parcel, or NotFound: another merchant's is not there either."""
    found = parcels.get(number("par", parcel))
    if found is None or found.order.merchant != merchant:
        raise NotFound(parcel=parcel)
    return found


@dataclass(slots=True)
class Gone:
    """Of a parcel that went out: the units of each line that came back, and whether the rest was written off."""

    back: Counter[int] = field(default_factory=Counter)
    is_lost: bool = False


async def gone_of(tx: Tx, orders: Iterable[OrderFacts]) -> dict[int, Gone]:
    """By parcel; only asked of orders of which something came back or was lost."""
    found: dict[int, Gone] = defaultdict(Gone)
    wanted = [order.order_id for order in orders if order.row["taken_back"] + order.row["lost"]]
    for row in await tx.rows(BACK_OR_LOST, list(tx.merchants), wanted) if wanted else ():
        data = msgspec.json.decode(row["data"])
        gone = found[number("par", data["parcel"])]
        gone.is_lost = gone.is_lost or row["verb"] == "lose"
        for taken in data.get("lines", ()):
            gone.back[taken["line"]] += taken["quantity"]
    return found


OfLines = Counter[tuple[int, int]]  # by order and line


async def credited_on_the_road(tx: Tx, orders: Iterable[OrderFacts]) -> OfLines:
    """Units that were credited elsewhere on their way; only asked of orders of which something came back."""
    wanted = sorted({order.order_id for order in orders if order.row["taken_back"]})
    rows = await tx.rows(CREDITED, list(tx.merchants), wanted) if wanted else ()
    return Counter({(row["order_id"], row["line_no"]): row["units"] for row in rows})


def count_state(outcome: Outcome, before: str, after: str) -> None:
    """Move the parcel from one delivery state's counter to another's; what is planned is not counted."""
    source, target = PARCEL_COUNTER.get(before), PARCEL_COUNTER.get(after)
    if source != target:
        if source:
            outcome.count(source, -1)
        if target:
            outcome.count(target)


def outcome_of_parcel(parcel: ParcelFacts, /, **answer: Any) -> Outcome:
    order = parcel.order
    told = {"order": f"ord_{order.order_id}", "parcel": f"par_{parcel.parcel_id}"}
    return Outcome(order.merchant, ("order", order.order_id), [], answer=told | answer)
