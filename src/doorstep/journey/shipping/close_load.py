"""close_load, reopen_load: a load is sealed with what is in it, and opened again while it stands by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.spine.journey import ROWS
from doorstep.spine.loads import (
    LoadFacts,
    LoadOpen,
    StillInside,
    held_inside,
    load_facts,
    must_see,
    of_load,
    whose,
    whose_lie_inside,
)
from doorstep.spine.outcome import Ask, Event, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.told_times import told_time
from doorstep.spine.verbs import verb


class CloseLoad(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`gross_g`: what the scale says of all of it."""

    load: str
    seal: Annotated[str, Meta(max_length=60)] = ""
    gross_g: Annotated[int, Meta(ge=0, le=10**9)] = 0
    happened_at: datetime | None = None


class ReopenLoad(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    load: str
    reason: Annotated[str, Meta(max_length=500)] = ""


class LoadStands(msgspec.Struct, frozen=True, kw_only=True):
    load: str
    number: str
    closed: bool
    seal: str
    parcels: int
    loads: int
    weight_g: int
    gross_g: int


class EmptyLoad(Refusal):
    """Nothing is in this load."""


@verb(CloseLoad, LoadStands, beyond=whose_lie_inside)
async def close_load(tx: Tx, asks: list[Ask[CloseLoad]]) -> list[Result]:
    """Close a load and seal it: nothing goes in or out any more."""
    ids = [number("lod", ask.body.load) for ask in asks]
    loads = await load_facts(tx, {ask.merchant for ask in asks}, ids)
    owners = {ask.merchant for ask in asks}
    must_see(tx, await whose(tx, owners, loads))
    held = await held_inside(tx, owners, loads)
    return each(asks, lambda ask: decide(of_load(loads, ask, number("lod", ask.body.load)), held, ask))


def decide(load: LoadFacts, held: Mapping[int, list[str]], ask: Ask[CloseLoad]) -> Outcome:
    load.must_be_open()
    if not load.parcels and not load.loads:
        raise EmptyLoad(load=load.name, number=load.number)
    if ROWS["close_load"].held:
        load.must_hold_nothing_held(held)
    at = told_time(ask.body.happened_at, ask.at, load=load.name)
    closed = {"closed_at": at, "seal": ask.body.seal, "gross_g": ask.body.gross_g}
    told = load.told | {
        "seal": ask.body.seal,
        "parcels": load.parcels,
        "loads": load.loads,
        "gross_g": ask.body.gross_g,
    }
    outcome = Outcome(ask.merchant, ("load", load.load_id), [Event("close_load", [], told, at)])
    outcome.facts = [Update("load", {"load_id": load.load_id}, closed)]
    outcome.answer = _stands(load, closed=True, seal=ask.body.seal, gross_g=ask.body.gross_g)
    return outcome


@verb(ReopenLoad, LoadStands)
async def reopen_load(tx: Tx, asks: list[Ask[ReopenLoad]]) -> list[Result]:
    """Open a closed load again; one that is inside another is taken out of it first."""
    ids = [number("lod", ask.body.load) for ask in asks]
    loads = await load_facts(tx, {ask.merchant for ask in asks}, ids)
    return each(asks, lambda ask: _reopened(of_load(loads, ask, number("lod", ask.body.load)), ask))


def _reopened(load: LoadFacts, ask: Ask[ReopenLoad]) -> Outcome:
    if load.closed_at is None:
        raise LoadOpen(load=load.name, number=load.number)
    if load.parent_id is not None:
        raise StillInside(load=load.name, inside=public("lod", load.parent_id))
    told = load.told | {"reason": ask.body.reason, "seal": load.seal}
    outcome = Outcome(ask.merchant, ("load", load.load_id), [Event("reopen_load", [], told)])
    outcome.facts = [Update("load", {"load_id": load.load_id}, {"closed_at": None, "seal": "", "gross_g": 0})]
    outcome.answer = _stands(load, closed=False, seal="", gross_g=0)
    return outcome


def _stands(load: LoadFacts, *, closed: bool, seal: str, gross_g: int) -> dict[str, object]:
    return {
        "load": load.name, "number": load.number, "closed": closed, "seal": seal, "parcels": load.parcels,
        "loads": load.loads, "weight_g": load.weight_g, "gross_g": gross_g,
    }  # fmt: skip
