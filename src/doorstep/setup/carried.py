"""carried: in how many days parcels of a carrier's service came on a lane, learned from a merchant's own past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from doorstep.spine.tenant import Tx

LEARNED_FROM = timedelta(days=180)
FORGET = "delete from carried where merchant_id = $1"
# By the days of the site that it left from; one that never came counts as very late.
LEARN = """
insert into carried (merchant_id, from_country, to_country, carrier, service, days, parcels)
  select $1, t.country, o.ship_to ->> 'country', p.carrier, p.service,
      least(coalesce((p.delivered_at at time zone t.timezone)::date - (p.handed_over_at at time zone t.timezone)::date,
        $4), $4) as days, count(*)
    from parcel p
    join site t on t.site_id = p.site_id
    join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
    where p.merchant_id = $1 and p.handed_over_at > $2 and p.handed_over_at <= $3 and p.carrier <> ''
      and o.ship_to ->> 'country' is not null and (p.delivered_at is null or p.delivered_at >= p.handed_over_at)
      and (p.delivered_at is not null or p.state in ('lost', 'destroyed', 'returned_to_sender', 'seized'))
    group by 2, 3, 4, 5, 6
"""
IN_TIME = """
select c.carrier, c.service, sum(c.parcels)::int as parcels,
    coalesce(sum(c.parcels) filter (where c.days <= $5), 0)::int as in_time
  from carried c
  where c.merchant_id = $1 and c.from_country = $2 and c.to_country = $3 and c.carrier = any($4)
  group by c.carrier, c.service
"""
NEVER = 1000


async def learn_carried(tx: Tx, merchant: int, now: datetime) -> None:
    await tx.run(FORGET, merchant)
    await tx.run(LEARN, merchant, now - LEARNED_FROM, now, NEVER)


async def came_in_time(
    tx: Tx, merchant: int, from_country: str, to_country: str, carriers: Sequence[str], days: int
) -> dict[tuple[str, str], tuple[int, int]]:
    """Of each service: how many parcels came on this lane, and how many of them within so many days."""
    rows = await tx.rows(IN_TIME, merchant, from_country, to_country, list(carriers), max(days, 0))
    return {(row["carrier"], row["service"]): (row["parcels"], row["in_time"]) for row in rows}
