"""follow: ask the carrier where the parcel is, until it has arrived; and watch that it is not quiet for too long.

Each parcel on its way has one job for it. A round asks the carrier where one can be asked and the budget of its calls
allows, those first where news is likeliest; whatever came of it, `track` says when the next round is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from doorstep.journey.tracking.polling import priority
from doorstep.journey.tracking.scans import ProofOfDelivery, Scan
from doorstep.journey.tracking.track import Track, Watch
from doorstep.kit.ids import number
from doorstep.plug.carrier import Carrier, CarrierDown, TrackEvent, TracksMany, track_all
from doorstep.spine.outcome import Ask
from doorstep.spine.verbs import errand
from doorstep.spine.world import World

# A row per number that is asked for: the label's own, and those of legs that are known by another number.
FOLLOWED = """
select p.parcel_id, n.carrier, n.number, n.leg, p.state, k.code is not null as is_connected,
    h.last_at is not null as by_webhook
  from parcel p
  cross join lateral (
    select p.carrier, p.tracking_number as number, '' as leg
    union all
    select f.carrier, f.number, f.leg from parcel_number f
      where f.merchant_id = p.merchant_id and f.parcel_id = p.parcel_id and f.until is null and f.carrier <> ''
        and (f.carrier, f.number) <> (p.carrier, p.tracking_number)) n
  left join connection k on k.merchant_id = p.merchant_id and k.kind = 'carrier' and k.code = n.carrier
  left join carrier_hook h on h.merchant_id = p.merchant_id and h.code = n.carrier
  where p.merchant_id = any($1) and p.parcel_id = any($2) and p.tracking_number <> '' and p.label_state = 'bought'
  order by p.parcel_id, n.leg, n.number
"""


class Follow(msgspec.Struct, frozen=True, kw_only=True):
    """`quiet`: so many rounds before this one brought nothing."""

    parcel: str
    round: int = 1
    quiet: int = 0


# A number is its carrier's: two may have the same.
Number = tuple[str, str]


@dataclass(slots=True)
class Round:
    """What the carriers told of these parcels, and who could not be asked until when."""

    told: dict[Number, list[TrackEvent]] = field(default_factory=dict)
    later: dict[Number, datetime] = field(default_factory=dict)


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
    by_carrier: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        # Whoever sold a label elsewhere cannot be asked here: its events come by hand, and its silence counts.
        if row["is_connected"]:
            by_carrier[row["carrier"]].append(row)
    came = Round()
    for code, parcels in by_carrier.items():
        await _ask(world, merchant, code, parcels, came)
    followed: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        followed[row["parcel_id"]].append(row)
    answers = [
        Ask(merchant, _told(world, ask.body, of_parcel, came), world.now())
        for ask in asks if (of_parcel := followed.get(number("par", ask.body.parcel)))
    ]  # fmt: skip
    await world.ask("track", answers)


async def _ask(world: World, merchant: int, code: str, parcels: Sequence[Any], came: Round) -> None:
    """As many as the budget allows. A carrier that does not answer is asked again in the next round, of each parcel."""
    name, now = (merchant, code), world.now()
    numbers = [row["number"] for row in sorted(parcels, key=lambda row: priority(row["state"]))]
    carrier: Carrier = await world.carrier(merchant, code)
    calls = 1 if isinstance(carrier, TracksMany) else len(numbers)
    granted = world.budget.take(name, calls, now)
    asked = numbers if granted == calls else numbers[:granted] if calls > 1 else []
    if left := numbers[len(asked) :]:
        came.later |= {(code, each): world.budget.next_at(name, now) for each in left}
    if asked:
        with suppress(CarrierDown):
            came.told |= {(code, each): events for each, events in (await track_all(carrier, asked)).items()}


def _told(world: World, body: Follow, rows: Sequence[Any], came: Round) -> Track:
    scans = [
        scan_of(event, holder=row["carrier"] if row["leg"] else "", leg=row["leg"])
        for row in rows for event in came.told.get((row["carrier"], row["number"]), ())
    ]  # fmt: skip
    later = [at for row in rows if (at := came.later.get((row["carrier"], row["number"])))]
    return Track(parcel=body.parcel, events=scans, watch=Watch(
        round=body.round, quiet=body.quiet, pace_s=world.follow_every.total_seconds(),
        asks=any(row["is_connected"] for row in rows), by_webhook=any(row["by_webhook"] for row in rows),
        not_before=max(later, default=None),
    ))  # fmt: skip


def scan_of(event: TrackEvent, *, holder: str = "", leg: str = "") -> Scan:
    """`holder` and `leg` of who was asked, where the event itself does not tell."""
    proof = ProofOfDelivery(**msgspec.structs.asdict(event.proof)) if event.proof else None
    return Scan(
        happened_at=event.happened_at, code=event.code, raw_code=event.raw_code, state=event.state,
        place=", ".join(filter(None, (event.place, event.country))), message=event.message, reason=event.reason,
        party=event.party, proof=proof, holder=event.holder or holder, leg=event.leg or leg,  # type: ignore[arg-type]
    )  # fmt: skip
