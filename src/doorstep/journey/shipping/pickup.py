"""pickup: a driver is to come and fetch what waits, and can be told not to; each call with a key, booked once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.shipping.for_a_site import ForASite, called, one_of, wanted
from doorstep.journey.shipping.label import AmountMinor, Word
from doorstep.journey.shipping.shopping import spelled
from doorstep.kit.ids import number
from doorstep.kit.refusals import Refusal
from doorstep.plug.carrier import Address, CarrierRefused, PickupAsked, must_be_able
from doorstep.setup.connections import NotOurCarrier
from doorstep.setup.sites import Site, site_of, sites_by_code
from doorstep.spine.outcome import Ask, Event, Job, Outcome, Result
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand, verb
from doorstep.spine.world import World

LONGEST_WINDOW = timedelta(hours=24)
CARRIERS = """
select merchant_id, code from connection where merchant_id = any($1) and kind = 'carrier'
"""
WAITING = """
select p.merchant_id, p.site_id, p.carrier, count(*) as parcels, sum(p.weight_g) as weight_g from parcel p
  where p.merchant_id = any($1) and p.site_id = any($2) and p.carrier = any($3)
    and p.label_state = 'bought' and p.packed_at is not null and p.handed_over_at is null
  group by p.merchant_id, p.site_id, p.carrier
"""
PICKUPS = """
select k.merchant_id, k.pickup_id, k.site_id, k.carrier, k.state, k.parcels, k.weight_g, k.note, k.ready_at, k.until,
    k.pickup_ref
  from pickup k where k.merchant_id = any($1) and k.pickup_id = any($2) order by k.pickup_id
"""
LOCKED = f"{PICKUPS.rstrip()} for update\n"
WHERE = """
select s.name, s.country, s.address, m.name as merchant_name, m.email as merchant_email from site s, merchant m
  where s.site_id = $2 and m.merchant_id = $1
"""
# So many of them go on one request; carriers want to know how many parcels, few want to know which.
REFS = """
select p.label_ref from parcel p
  where p.merchant_id = $1 and p.site_id = $2 and p.carrier = $3 and p.label_state = 'bought' and p.label_ref <> ''
    and p.packed_at is not null and p.handed_over_at is null order by p.parcel_id limit 500
"""


class WantPickup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Between two times. `parcels`: as many as wait at the site where it is left out."""

    site: str
    carrier: Annotated[str, Meta(min_length=1, max_length=120)]
    ready_at: datetime
    until: datetime
    parcels: Annotated[int, Meta(ge=0, le=100_000)] = 0
    note: Annotated[str, Meta(max_length=200)] = ""

    @property
    def subject(self) -> tuple[str, str]:
        return (self.site, self.carrier)


class KeepPickup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The carrier's own window and price, where it says so."""

    pickup: str
    pickup_ref: Word
    ready_at: datetime | None = None
    until: datetime | None = None
    cost_minor: AmountMinor | None = None
    currency: Annotated[str, Meta(max_length=3)] = ""


class RefusePickup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pickup: str
    reason: Annotated[str, Meta(max_length=2000)]


class CallOff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pickup: str


class KeepCallOff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pickup: str


class PickupState(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: wanted, booked, refused, call_off_wanted or called_off."""

    pickup: str
    site: str
    carrier: str
    state: str
    parcels: int


class NotAWindow(Refusal):
    """A pickup is between two times to come, the second after the first, within one day."""

    status = 422


class NothingToFetch(Refusal):
    """Nothing of this carrier waits at this site; say how many parcels there will be."""


class NotBooked(Refusal):
    """This pickup is not booked, or not any more."""


class PickupAnswered(Refusal):
    """This pickup was answered before."""


class Pickup(ForASite, frozen=True):
    kind, prefix, answered = "pickup", "pic", PickupAnswered


@verb(WantPickup, PickupState)
async def want_pickup(tx: Tx, asks: list[Ask[WantPickup]]) -> list[Result]:
    """Ask the carrier to come; it is called by a job, with a key that makes a repeat harmless."""
    sites = await sites_by_code(tx)
    merchants = list(tx.merchants)
    accounts = {(row["merchant_id"], row["code"]) for row in await tx.rows(CARRIERS, merchants)}
    at = [sites[ask.body.site].site_id for ask in asks if ask.body.site in sites]
    rows = await tx.rows(WAITING, merchants, at, [ask.body.carrier for ask in asks])
    waiting = {(row["merchant_id"], row["site_id"], row["carrier"]): (row["parcels"], row["weight_g"]) for row in rows}
    ids = await tx.fresh_ids(len(asks))

    def rule(ask: Ask[WantPickup]) -> Outcome:
        site = site_of(sites, ask.body.site)
        if (ask.merchant, ask.body.carrier) not in accounts:
            raise NotOurCarrier(carrier=ask.body.carrier)
        return decide(site, *waiting.get((ask.merchant, site.site_id, ask.body.carrier), (0, 0)), ids, ask)

    return each(asks, rule)


def decide(site: Site, parcels: int, weight_g: int, ids: Iterator[int], ask: Ask[WantPickup]) -> Outcome:
    said = ask.body
    if not _is_window(said.ready_at, said.until, ask.at):
        raise NotAWindow(ready_at=said.ready_at, until=said.until)
    parcels = said.parcels or parcels
    if not parcels:
        raise NothingToFetch(site=site.code, carrier=said.carrier)
    window = {"ready_at": said.ready_at, "until": said.until}
    told = {name: at.isoformat() for name, at in window.items()}
    return wanted(Pickup, next(ids), site, parcels, ask, told, weight_g=weight_g, note=said.note, **window)


def _is_window(ready_at: datetime, until: datetime, now: datetime) -> bool:
    """A time that says no zone is nobody's."""
    if ready_at.tzinfo is None or until.tzinfo is None:
        return False
    return timedelta(0) < until - ready_at <= LONGEST_WINDOW and until > now


@verb(KeepPickup, PickupState)
async def keep_pickup(tx: Tx, asks: list[Ask[KeepPickup]]) -> list[Result]:
    """Keep the carrier's yes: who comes, and when."""
    found = await called(tx, Pickup, [ask.body.pickup for ask in asks], LOCKED)
    return each(asks, lambda ask: _kept(one_of(found, Pickup, ask.merchant, ask.body.pickup), ask.body))


def _kept(pickup: Pickup, answer: KeepPickup) -> Outcome:
    pickup.must_be("wanted")
    ready_at, until = answer.ready_at or pickup.row["ready_at"], answer.until or pickup.row["until"]
    told = {"pickup_ref": answer.pickup_ref, "ready_at": ready_at.isoformat(), "until": until.isoformat()}
    return pickup.outcome(
        Event("keep_pickup", data=told), "booked", pickup_ref=answer.pickup_ref, ready_at=ready_at, until=until,
        cost_minor=answer.cost_minor, currency=answer.currency, error="",
    )  # fmt: skip


@verb(RefusePickup, PickupState)
async def refuse_pickup(tx: Tx, asks: list[Ask[RefusePickup]]) -> list[Result]:
    """Keep the carrier's no, to coming or to staying away; somebody must act."""
    found = await called(tx, Pickup, [ask.body.pickup for ask in asks], LOCKED)
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: _refused(one_of(found, Pickup, ask.merchant, ask.body.pickup), next(ids), ask))


def _refused(pickup: Pickup, attention: int, ask: Ask[RefusePickup]) -> Outcome:
    pickup.must_be("wanted", "call_off_wanted")
    state = "refused" if pickup.row["state"] == "wanted" else "booked"
    return pickup.refused("refuse_pickup", ask.body.reason, attention, ask, state)


@verb(CallOff, PickupState)
async def call_off(tx: Tx, asks: list[Ask[CallOff]]) -> list[Result]:
    """Tell the carrier not to come."""
    found = await called(tx, Pickup, [ask.body.pickup for ask in asks], LOCKED)
    return each(asks, lambda ask: _called_off(one_of(found, Pickup, ask.merchant, ask.body.pickup)))


def _called_off(pickup: Pickup) -> Outcome:
    if pickup.row["state"] != "booked":
        raise NotBooked(pickup=pickup.name, state=pickup.row["state"])
    outcome = pickup.outcome(Event("call_off", data={"pickup_ref": pickup.row["pickup_ref"]}), "call_off_wanted")
    outcome.then = [Job("ask_call_off", {"pickup": pickup.name})]
    return outcome


@verb(KeepCallOff, PickupState)
async def keep_call_off(tx: Tx, asks: list[Ask[KeepCallOff]]) -> list[Result]:
    """Keep that nobody comes."""
    found = await called(tx, Pickup, [ask.body.pickup for ask in asks], LOCKED)
    return each(asks, lambda ask: _call_off_kept(one_of(found, Pickup, ask.merchant, ask.body.pickup)))


def _call_off_kept(pickup: Pickup) -> Outcome:
    pickup.must_be("call_off_wanted")
    told = {"pickup_ref": pickup.row["pickup_ref"]}
    return pickup.outcome(Event("keep_call_off", data=told), "called_off", error="")


class AskPickup(msgspec.Struct, frozen=True, kw_only=True):
    pickup: str


class AskCallOff(msgspec.Struct, frozen=True, kw_only=True):
    pickup: str


@errand(AskPickup)
async def ask_pickup(world: World, asks: list[Ask[AskPickup]]) -> None:
    for ask in asks:
        pickup = await _waiting(world, ask.merchant, ask.body.pickup, "wanted")
        if pickup is None:
            continue
        asked = await _asked(world, ask.merchant, pickup)
        try:
            carrier = await world.carrier(ask.merchant, pickup.row["carrier"])
            must_be_able(carrier, "pickup")
            booked = await carrier.pickup(asked, ask.body.pickup)
        except CarrierRefused as no:
            await _refuse(world, ask.merchant, ask.body.pickup, no)
            continue
        kept = KeepPickup(
            pickup=ask.body.pickup, pickup_ref=booked.pickup_ref, ready_at=booked.ready_at, until=booked.until,
            cost_minor=booked.cost_minor, currency=booked.currency,
        )  # fmt: skip
        await world.keep(ask.merchant, "keep_pickup", kept)


@errand(AskCallOff)
async def ask_call_off(world: World, asks: list[Ask[AskCallOff]]) -> None:
    for ask in asks:
        pickup = await _waiting(world, ask.merchant, ask.body.pickup, "call_off_wanted")
        if pickup is None:
            continue
        try:
            carrier = await world.carrier(ask.merchant, pickup.row["carrier"])
            must_be_able(carrier, "cancel_pickup")
            await carrier.cancel_pickup(pickup.row["pickup_ref"], f"{ask.body.pickup}.off")
        except CarrierRefused as no:
            await _refuse(world, ask.merchant, ask.body.pickup, no)
            continue
        await world.keep(ask.merchant, "keep_call_off", KeepCallOff(pickup=ask.body.pickup))


async def _waiting(world: World, merchant: int, name: str, state: str) -> Pickup | None:
    """The pickup, while the question is still open."""
    async with world.reading([merchant]) as tx:
        pickup = (await called(tx, Pickup, [name], PICKUPS)).get(number("pic", name))
    return pickup if pickup and pickup.row["state"] == state else None


async def _asked(world: World, merchant: int, pickup: Pickup) -> PickupAsked:
    row = pickup.row
    async with world.reading([merchant]) as tx:
        where = await tx.row(WHERE, merchant, row["site_id"])
        refs = [one["label_ref"] for one in await tx.rows(REFS, merchant, row["site_id"], row["carrier"])]
    assert where is not None
    told: dict[str, Any] = msgspec.json.decode(where["address"]) if where["address"] else {}
    address = Address(
        name=where["merchant_name"], company=where["name"], country=where["country"], email=where["merchant_email"],
        postal_code=str(told.get("postcode", "")),
        **{name: str(told.get(name, "")) for name in ("line1", "line2", "city", "region", "phone")},
    )  # fmt: skip
    return PickupAsked(
        address=address, ready_at=row["ready_at"], until=row["until"], label_refs=tuple(refs), parcels=row["parcels"],
        weight_g=row["weight_g"], note=row["note"],
    )  # fmt: skip


async def _refuse(world: World, merchant: int, name: str, no: CarrierRefused) -> None:
    await world.keep(merchant, "refuse_pickup", RefusePickup(pickup=name, reason=spelled(no)))
