"""follow: ask the carrier where the parcel is, until it has arrived."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from doorstep.journey.tracking.track import Scan, Track
from doorstep.kit.ids import number
from doorstep.plug.carrier import TrackEvent, track_all
from doorstep.spine.outcome import Ask
from doorstep.spine.verbs import errand
from doorstep.spine.world import World

FOLLOWED = """
select parcel_id, carrier, tracking_number from parcel
  where merchant_id = any($1) and parcel_id = any($2) and tracking_number <> '' and label_state = 'bought'
"""
CONNECTED = "select code from connection where merchant_id = $1 and kind = 'carrier'"


class Follow(msgspec.Struct, frozen=True, kw_only=True):
    parcel: str
    round: int = 1


@errand(Follow, at_once=50)
async def follow(world: World, asks: list[Ask[Follow]]) -> None:
    """One call per carrier for all its parcels, where the carrier can."""
    by_merchant: dict[int, list[Ask[Follow]]] = defaultdict(list)
    for ask in asks:
        by_merchant[ask.merchant].append(ask)
    for merchant, of_merchant in by_merchant.items():
        await _follow(world, merchant, of_merchant)


async def _follow(world: World, merchant: int, asks: list[Ask[Follow]]) -> None:
    async with world.reading([merchant]) as tx:
        rows = await tx.rows(FOLLOWED, [merchant], [number("par", ask.body.parcel) for ask in asks])
        connected = {row["code"] for row in await tx.rows(CONNECTED, merchant)}
    numbers: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        # A label bought elsewhere is of a carrier that nobody here can ask: its events come by hand.
        if row["carrier"] in connected:
            numbers[row["carrier"]].append(row["tracking_number"])
    told: dict[str, list[TrackEvent]] = {}
    for carrier, wanted in numbers.items():
        told |= await track_all(await world.carrier(merchant, carrier), wanted)
    tracking = {row["parcel_id"]: row for row in rows if row["carrier"] in connected}
    again = world.now() + world.follow_every
    answers = []
    for ask in asks:
        row = tracking.get(number("par", ask.body.parcel))
        if row is None:
            continue
        scans = [_scan(event) for event in told.get(row["tracking_number"], ())]
        body = Track(parcel=ask.body.parcel, events=scans, ask_again_at=again, round=ask.body.round)
        answers.append(Ask(merchant, body, world.now()))
    await world.ask("track", answers)


def _scan(event: TrackEvent) -> Scan:
    return Scan(
        happened_at=event.happened_at, code=event.code, raw_code=event.raw_code, state=event.state,
        place=", ".join(filter(None, (event.place, event.country))), message=event.message,
    )  # fmt: skip
