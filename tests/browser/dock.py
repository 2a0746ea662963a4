"""dock: a dock at work, for pages that would be empty: a manifest, a driver who is to come, bags of which one flies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from doorstep.kit import clock
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run_one
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.verbs import VERBS

# What stands labeled, is in no load yet and has not left, the newest first.
LABELED = """
select p.merchant_id, p.carrier, p.tracking_number, t.code as site from parcel p
  join site t on t.site_id = p.site_id
  where p.merchant_id = any($1) and p.label_state = 'bought' and p.handed_over_at is null
    and p.tracking_number is not null
    and not exists (select from parcel_stay s
      where s.merchant_id = p.merchant_id and s.parcel_id = p.parcel_id and s.left_at is null)
  order by p.parcel_id desc
"""
BAGS, OF_A_BAG = 2, 4


@dataclass(frozen=True, slots=True)
class Dock:
    """Of these merchants; the loads are `operator`'s."""

    db: Db
    merchants: Sequence[int]
    operator: int

    async def work(self) -> None:
        async with tenant_tx(self.db, self.merchants, readonly=True) as tx:
            labeled = [dict(row) for row in await tx.rows(LABELED, list(self.merchants))]
        if labeled:
            here = [row for row in labeled if row["site"] == labeled[0]["site"]]
            await self._fly([row["tracking_number"] for row in labeled])
            await self._call_a_driver(here[0])
            await self._list_for_a_driver(here[-1])

    async def _fly(self, numbers: list[str]) -> None:
        """All but the last bag, which is still being filled."""
        (flight,) = await self._opened("flight", 1, number="020-12345675", carrier="Air cargo", flight="AC 101",
                                       from_airport="EWR", to_airport="RZE")  # fmt: skip
        bags = await self._opened("bag", BAGS)
        for nth, bag in enumerate(bags):
            inside = numbers[nth::BAGS][:OF_A_BAG]
            if inside:
                await self._do(self.operator, "put_in", load=bag, items=inside)
        await self._do(self.operator, "close_load", load=bags[0], seal="S-20417")
        await self._do(self.operator, "put_in", load=flight, items=[bags[0]])
        await self._do(self.operator, "close_load", load=flight)
        await self._do(self.operator, "track_load", load=flight, events=[{"what": "departed", "place": "EWR"}])

    async def _opened(self, kind: str, count: int, **more: Any) -> list[str]:
        return [(await self._do(self.operator, "open_load", kind=kind, **more))["load"] for _ in range(count)]

    async def _call_a_driver(self, row: dict[str, Any]) -> None:
        tomorrow = clock.now().replace(hour=14, minute=0, second=0, microsecond=0) + timedelta(days=1)
        times = {"ready_at": tomorrow, "until": tomorrow + timedelta(hours=3)}
        await self._do(row["merchant_id"], "want_pickup", site=row["site"], carrier=row["carrier"], **times,
                       note="Ring at the back door")  # fmt: skip

    async def _list_for_a_driver(self, row: dict[str, Any]) -> None:
        await self._do(row["merchant_id"], "want_manifest", site=row["site"], carrier=row["carrier"])

    async def _do(self, merchant: int, verb: str, **body: Any) -> dict[str, Any]:
        said = msgspec.convert(body, VERBS[verb].body, strict=False)
        return await run_one(self.db, verb, Ask(merchant, said, clock.now()))
