"""hear: read what a carrier sent by itself, and track what it tells of our parcels.

What it sent is kept as it was, so a message that nobody can read yet is read again once somebody can.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec

from doorstep.journey.tracking.follow import scan_of
from doorstep.journey.tracking.scans import Scan
from doorstep.journey.tracking.track import Track
from doorstep.kit.ids import public
from doorstep.plug import registry
from doorstep.plug.carrier import TrackEvent
from doorstep.plug.words.meaning import NotReadable
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand
from doorstep.spine.world import World

MESSAGES = """
select m.message_id, m.code, m.body, k.plugin from carrier_message m
  left join connection k on k.merchant_id = m.merchant_id and k.kind = 'carrier' and k.code = m.code
  where m.merchant_id = $1 and m.message_id = any($2) order by m.message_id
"""
OURS = """
select p.parcel_id, p.tracking_number as number, '' as holder, '' as leg from parcel p
  where p.merchant_id = $1 and p.tracking_number = any($2) and p.label_state = 'bought'
union all
select n.parcel_id, n.number, case when n.carrier = p.carrier then '' else n.carrier end, n.leg
  from parcel_number n join parcel p on p.merchant_id = n.merchant_id and p.parcel_id = n.parcel_id
  where n.merchant_id = $1 and n.number = any($2) and n.until is null order by 1, 4, 2
"""
# As many as `track` takes of one parcel at once.
EVENTS_AT_ONCE = 500


class Hear(msgspec.Struct, frozen=True, kw_only=True):
    message: int


@errand(Hear, at_once=50)
async def hear(world: World, asks: list[Ask[Hear]]) -> None:
    by_merchant: dict[int, list[int]] = defaultdict(list)
    for ask in asks:
        by_merchant[ask.merchant].append(ask.body.message)
    for merchant, messages in by_merchant.items():
        async with world.reading([merchant]) as tx:
            told = _told(await tx.rows(MESSAGES, merchant, messages))
            ours = await _ours(tx, merchant, told)
        bodies = [
            Track(parcel=parcel, events=scans[at : at + EVENTS_AT_ONCE])
            for parcel, scans in ours.items() for at in range(0, len(scans), EVENTS_AT_ONCE)
        ]  # fmt: skip
        await world.ask("track", [Ask(merchant, body, world.now()) for body in bodies])


def _told(rows: list[Any]) -> dict[str, list[TrackEvent]]:
    """What all these messages tell, by tracking number."""
    told: dict[str, list[TrackEvent]] = defaultdict(list)
    for row in rows:
        for number, events in registry.reader(row["plugin"] or row["code"])(content(row["body"])).items():
            told[number] += events
    return told


def content(body: str) -> Any:
    """JSON as what it says, XML as its text. Refuses NotReadable."""
    if body.lstrip().startswith("<"):
        return body
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as broken:
        raise NotReadable(f"neither JSON nor XML: {broken}") from None


async def _ours(tx: Tx, merchant: int, told: dict[str, list[TrackEvent]]) -> dict[str, list[Scan]]:
    """Only what is told of parcels that are here, by any of their numbers: an account may serve others too."""
    ours: dict[str, list[Scan]] = defaultdict(list)
    for row in await tx.rows(OURS, merchant, list(told)):
        scans = [scan_of(event, holder=row["holder"], leg=row["leg"]) for event in told[row["number"]]]
        ours[public("par", row["parcel_id"])] += scans
    return ours
