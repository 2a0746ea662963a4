"""leaving: what waits at a site for its carriers, the lists made of it, the drivers who come; and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from doorstep.doors.reads.rows import told
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound
from doorstep.setup.sites import site_of, sites_by_code
from doorstep.setup.tracking_links import tracking_links
from doorstep.spine.tenant import Tx

# What stands labeled at one site is what one day brings.
WAITING = """
select p.merchant_id, m.key as merchant, m.name as merchant_name, p.carrier,
    sum((p.manifest_id is null)::int)::bigint as waiting, sum((p.manifest_id is not null)::int)::bigint as listed,
    sum(p.weight_g)::bigint as weight_g
  from parcel p join merchant m on m.merchant_id = p.merchant_id
  where p.merchant_id = any($1) and p.site_id = $2 and p.label_state = 'bought' and p.packed_at is not null
    and p.handed_over_at is null
  group by p.merchant_id, m.key, m.name, p.carrier order by m.key, p.carrier
"""
MANIFESTS = """
select x.*, m.key as merchant from unnest($1::bigint[]) w(merchant_id) cross join lateral (
    select n.merchant_id, n.manifest_id, n.carrier, n.state, n.parcels, n.manifest_ref, n.error, n.asked_at, n.made_at,
        n.collected_at
      from manifest n where n.merchant_id = w.merchant_id and n.site_id = $2
      order by n.manifest_id desc limit $3) x
  join merchant m on m.merchant_id = x.merchant_id
  order by x.manifest_id desc limit $3
"""
PICKUPS = """
select x.*, m.key as merchant from unnest($1::bigint[]) w(merchant_id) cross join lateral (
    select n.merchant_id, n.pickup_id, n.carrier, n.state, n.parcels, n.ready_at, n.until, n.pickup_ref, n.note,
        n.cost_minor, n.currency, n.error, n.asked_at
      from pickup n where n.merchant_id = w.merchant_id and n.site_id = $2
      order by n.pickup_id desc limit $3) x
  join merchant m on m.merchant_id = x.merchant_id
  order by x.pickup_id desc limit $3
"""
RETURN_LABELS = """
select n.return_label_id, n.parcel_id, n.state, n.carrier, n.service, n.tracking_number, n.cost_minor, n.currency,
    n.error, n.asked_at
  from return_label n where n.merchant_id = any($1) and n.order_id = $2 order by n.return_label_id
"""
AN_ORDER = "select 1 from orders o where o.merchant_id = any($1) and o.order_id = $2"


class LeavingQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`limit`: so many manifests and pickups, the newest first."""

    site: str
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class Waiting(Struct, frozen=True, kw_only=True):
    """Labeled parcels of one carrier that have not left: `waiting` are on no list yet, `listed` are on one."""

    merchant: str
    carrier: str
    waiting: int
    listed: int
    weight_g: int


class ManifestRow(Struct, frozen=True, kw_only=True):
    """`state`: wanted, made or refused."""

    id: str
    merchant: str
    carrier: str
    state: str
    parcels: int
    manifest_ref: str
    error: str
    asked_at: datetime
    made_at: datetime | None
    collected_at: datetime | None


class PickupRow(Struct, frozen=True, kw_only=True):
    """`state`: wanted, booked, refused, call_off_wanted or called_off."""

    id: str
    merchant: str
    carrier: str
    state: str
    parcels: int
    ready_at: datetime
    until: datetime
    pickup_ref: str
    note: str
    cost_minor: int | None
    currency: str
    error: str
    asked_at: datetime


class Leaving(Struct, frozen=True, kw_only=True):
    site: str
    waiting: list[Waiting]
    manifests: list[ManifestRow]
    pickups: list[PickupRow]


class ReturnLabelRow(Struct, frozen=True, kw_only=True):
    """`state`: wanted, bought, refused, void_wanted or void. `label_url`: where the buyer downloads it, without a key;
    empty of one that is not good."""

    id: str
    parcel: str
    state: str
    carrier: str
    service: str
    tracking_number: str
    cost_minor: int | None
    currency: str
    error: str
    asked_at: datetime
    label_url: str


class ReturnLabels(Struct, frozen=True, kw_only=True):
    return_labels: list[ReturnLabelRow]


async def leaving(tx: Tx, merchants: Sequence[int], query: LeavingQuery) -> Leaving:
    """Of these merchants. Refuses NotFound."""
    site = site_of(await sites_by_code(tx), query.site)
    at = (list(merchants), site.site_id)
    manifests = await tx.rows(MANIFESTS, *at, query.limit)
    pickups = await tx.rows(PICKUPS, *at, query.limit)
    return Leaving(
        site=site.code,
        waiting=[told(row, Waiting) for row in await tx.rows(WAITING, *at)],
        manifests=[told(row, ManifestRow, id=public("man", row["manifest_id"])) for row in manifests],
        pickups=[told(row, PickupRow, id=public("pic", row["pickup_id"])) for row in pickups],
    )


async def return_labels(tx: Tx, merchant: int, order: str) -> ReturnLabels:
    """Labels for the way back of an order's goods, the oldest first. Refuses NotFound."""
    if await tx.value(AN_ORDER, [merchant], number("ord", order)) is None:
        raise NotFound(order=order)
    page = tracking_links().url(merchant, number("ord", order))
    rows = await tx.rows(RETURN_LABELS, [merchant], number("ord", order))
    return ReturnLabels(return_labels=[_return_label(row, page) for row in rows])


def _return_label(row: Any, page: str) -> ReturnLabelRow:
    """`page`: the order's own, of its buyer."""
    name = public("ret", row["return_label_id"])
    return told(row, ReturnLabelRow, id=name, parcel=public("par", row["parcel_id"]),
                label_url=f"{page}/returns/{name}" if row["state"] == "bought" else "")  # fmt: skip
