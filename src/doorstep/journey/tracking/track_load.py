"""track_load: what happened to a load, once; jobs spread it to every parcel that was inside, at any depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.tracking.load_words import AIRLINE, WORDS, meaning
from doorstep.journey.tracking.scans import Scan, as_event, digest_of
from doorstep.kit.ids import number
from doorstep.kit.refusals import Refusal
from doorstep.spine.loads import LoadFacts, load_facts, must_see, of_load, whose, whose_lie_inside
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.told_times import told_time
from doorstep.spine.verbs import verb

KNOWN = "select e.load_id, e.digest from load_event e where e.merchant_id = any($1) and e.load_id = any($2)"


class LoadScan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`what`: departed, arrived, in_customs, cleared … or an airline's status code (DEP, RCF, CCD); now without a time.

    `place` is where, such as an airport.
    """

    what: Annotated[str, Meta(min_length=1, max_length=40)]
    happened_at: datetime | None = None
    place: Annotated[str, Meta(max_length=200)] = ""
    message: Annotated[str, Meta(max_length=1000)] = ""


class TrackLoad(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    load: str
    events: Annotated[list[LoadScan], Meta(min_length=1, max_length=200)]


class LoadTracked(msgspec.Struct, frozen=True, kw_only=True):
    """`merchants`: so many have parcels that will be told, which jobs do."""

    load: str
    number: str
    state: str
    new_events: int
    merchants: int


class UnknownWord(Refusal):
    """Nothing of that name happens to a load."""

    status = 422


@verb(TrackLoad, LoadTracked, beyond=whose_lie_inside)
async def track_load(tx: Tx, asks: list[Ask[TrackLoad]]) -> list[Result]:
    """Tell what happened to a bag, a pallet, a flight, a customs entry: it reaches every parcel that was inside."""
    owners = sorted({ask.merchant for ask in asks})
    loads = await load_facts(tx, owners, [number("lod", ask.body.load) for ask in asks])
    known = {(row["load_id"], bytes(row["digest"])) for row in await tx.rows(KNOWN, owners, sorted(loads))}
    inside = await whose(tx, owners, loads)
    must_see(tx, inside)
    return each(asks, lambda ask: decide(of_load(loads, ask, number("lod", ask.body.load)), known, inside, ask))


def decide(
    load: LoadFacts, known: set[tuple[int, bytes]], inside: Mapping[int, Sequence[int]], ask: Ask[TrackLoad]
) -> Outcome:
    told = {digest_of(as_event(scan)): scan for scan in (scan_of(load, event, ask.at) for event in ask.body.events)}
    new = {digest: scan for digest, scan in told.items() if (load.load_id, digest) not in known}
    merchants = inside.get(load.load_id, ())
    outcome = Outcome(ask.merchant, ("load", load.load_id), [], verb="track_load")
    last = max(new.values(), key=lambda scan: scan.happened_at, default=None)
    state = load.state
    if last:
        latest = load.last_event_at is None or last.happened_at >= load.last_event_at
        state = last.raw_code if latest else load.state
        at = max(filter(None, (load.last_event_at, last.happened_at)))
        events = [{"what": scan.raw_code, "happened_at": scan.happened_at, "place": scan.place, "message": scan.message}
                  for scan in new.values()]  # fmt: skip
        outcome.events = [Event("track_load", [], load.told | {"state": state, "events": events}, last.happened_at)]
        outcome.facts = [Insert("load_event", _row(load, digest, scan, ask)) for digest, scan in new.items()]
        outcome.facts.append(Update("load", {"load_id": load.load_id}, {"state": state, "last_event_at": at}))
        body = {"load": load.name, "of": load.merchant}
        outcome.beyond = [
            Outcome(merchant, ("load", load.load_id), [], verb="track_load", then=[Job("spread", body)])
            for merchant in merchants
        ]  # fmt: skip
    outcome.answer = {
        "load": load.name, "number": load.number, "state": state, "new_events": len(new), "merchants": len(merchants),
    }  # fmt: skip
    return outcome


def scan_of(load: LoadFacts, event: LoadScan, now: datetime) -> Scan:
    """As it is told to each parcel inside. Refuses UnknownWord."""
    found = meaning(event.what)
    if found is None:
        raise UnknownWord(what=event.what, known=", ".join((*WORDS, *AIRLINE)))
    code, means = found
    # A little ahead it is kept as it was told, so that told again it is the same.
    told_time(event.happened_at, now, load=load.name, what=event.what)
    return Scan(
        happened_at=(event.happened_at or now).astimezone(UTC), code=means.upu, raw_code=code, state=means.state,
        place=event.place, message=event.message or f"{load.kind} {load.number} {means.says}", holder=load.carrier,
        leg="line_haul",
    )  # fmt: skip


def _row(load: LoadFacts, digest: bytes, scan: Scan, ask: Ask[Any]) -> dict[str, Any]:
    return {
        "load_id": load.load_id, "digest": digest, "happened_at": scan.happened_at, "recorded_at": ask.at,
        "code": scan.code, "raw_code": scan.raw_code, "state": scan.state, "place": scan.place,
        "message": scan.message,
    }  # fmt: skip
