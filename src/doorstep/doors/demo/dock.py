"""dock: what drivers fetch: they are called, or called off again, and sign a list of what they take."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from doorstep.doors.demo.desk import Desk, Wish
from doorstep.doors.demo.eyes import Eyes
from doorstep.kit.ids import public

# All that waits for a carrier at a site, by merchant, where it may all go: nothing is held, nothing is in a bag.
TO_LIST = """
select p.merchant_id, t.code as site, p.carrier from parcel p
  join site t on t.site_id = p.site_id
  where p.merchant_id = any($1) and p.label_state = 'bought' and p.packed_at is not null and p.handed_over_at is null
    and p.manifest_id is null
  group by p.merchant_id, t.code, p.carrier
  having count(*) >= $2
    and not bool_or(exists (select from hold h where h.merchant_id = p.merchant_id and h.order_id = p.order_id
      and h.lifted_at is null))
    and not bool_or(exists (select from parcel_stay s where s.merchant_id = p.merchant_id
      and s.parcel_id = p.parcel_id and s.left_at is null))
  order by p.merchant_id, t.code, p.carrier
"""
SIGNED_FOR_BY_NOBODY = """
select m.merchant_id, m.manifest_id from manifest m
  where m.merchant_id = any($1) and m.state = 'made' and m.collected_at is null order by m.merchant_id, m.manifest_id
"""
TO_FETCH = """
select distinct p.merchant_id, t.code as site, p.carrier from parcel p
  join site t on t.site_id = p.site_id
  join connection c on c.merchant_id = p.merchant_id and c.kind = 'carrier' and c.code = p.carrier
    and c.plugin = $2
  where p.merchant_id = any($1) and p.label_state = 'bought' and p.packed_at is not null and p.handed_over_at is null
    and p.manifest_id is null
  order by 1, 2, 3
"""
PICKUPS = """
select k.merchant_id, k.pickup_id, k.state, k.carrier from pickup k
  where k.merchant_id = any($1) order by k.merchant_id, k.pickup_id
"""
WORTH_A_LIST = 2
# A driver is called every so many days. Whose carrier has no drivers is asked all the same, once.
EVERY, SIMULATED, DRIVERLESS = 3, "simcarrier", "ratecard"


@dataclass(slots=True)
class Dock:
    desk: Desk
    eyes: Eyes

    async def call(self, ready_at: datetime, *, plugin: str = SIMULATED) -> None:
        window = {"ready_at": ready_at, "until": ready_at + timedelta(hours=3)}
        rows = await self.eyes.rows(TO_FETCH, plugin)
        await self.desk.ask_all(
            Wish(row["merchant_id"], "want_pickup", {"site": row["site"], "carrier": row["carrier"], **window})
            for row in (rows if plugin == SIMULATED else rows[:1])
        )

    async def ask_the_driverless(self, ready_at: datetime) -> None:
        """Somebody does not know that this carrier fetches nothing: its no is somebody's to look at."""
        if not any(row["state"] == "refused" for row in await self.eyes.rows(PICKUPS)):
            await self.call(ready_at, plugin=DRIVERLESS)

    async def call_off(self) -> None:
        """The first driver that was ever called is not to come after all."""
        rows = await self.eyes.rows(PICKUPS)
        if rows and not any(row["state"] == "called_off" for row in rows):
            booked = [row for row in rows if row["state"] == "booked"]
            for row in booked[:1]:
                await self.desk.ask(row["merchant_id"], "call_off", pickup=public("pic", row["pickup_id"]))

    async def list(self, working: Collection[str]) -> None:
        await self.desk.ask_all(
            Wish(row["merchant_id"], "want_manifest", {"site": row["site"], "carrier": row["carrier"]})
            for row in await self.eyes.rows(TO_LIST, WORTH_A_LIST)
            if row["site"] in working
        )

    async def sign(self) -> None:
        """The drivers have all of it."""
        await self.desk.ask_all(
            Wish(row["merchant_id"], "collect", {"manifest": public("man", row["manifest_id"])})
            for row in await self.eyes.rows(SIGNED_FOR_BY_NOBODY)
        )
