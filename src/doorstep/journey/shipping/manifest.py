"""manifest: the list of what a driver takes: made of all that is labeled and waits, asked of the carrier where it wants
one, and left with at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, structs

from doorstep.journey.shipping.for_a_site import ForASite, called, one_of, wanted
from doorstep.journey.shipping.label import Word
from doorstep.journey.shipping.shopping import spelled
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.plug.carrier import CarrierRefused, Manifest
from doorstep.setup.sites import Site, site_of, sites_by_code
from doorstep.spine.outcome import Ask, Event, Job, Outcome, Result, Update
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import errand, verb
from doorstep.spine.world import World

MOST = 500  # on one list; what is left goes on the next
# Locked: what another list takes meanwhile is not there any more.
WAITING = f"""
select p.merchant_id, p.parcel_id, p.site_id, p.carrier
  from unnest($2::bigint[], $3::bigint[], $4::text[]) w(merchant_id, site_id, carrier) cross join lateral (
    select q.merchant_id, q.parcel_id, q.site_id, q.carrier from parcel q
      where q.merchant_id = any($1) and q.merchant_id = w.merchant_id and q.site_id = w.site_id
        and q.carrier = w.carrier and q.label_state = 'bought' and q.packed_at is not null and q.handed_over_at is null
        and q.manifest_id is null
      order by q.parcel_id limit {MOST} for update of q) p
"""
MANIFESTS = """
select merchant_id, manifest_id, site_id, carrier, state, parcels, collected_at from manifest
  where merchant_id = any($1) and manifest_id = any($2) order by manifest_id
"""
LOCKED = f"{MANIFESTS.rstrip()} for update\n"
ON_IT = """
select p.manifest_id, p.parcel_id, p.label_ref, p.handed_over_at from parcel p
  where p.merchant_id = any($1) and p.manifest_id = any($2) order by p.parcel_id
"""
CONNECTED = "select 1 from connection where merchant_id = $1 and kind = 'carrier' and code = $2"


class WantManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of all that this carrier has sold a label for, that stands at this site and is on no list yet."""

    site: str
    carrier: Annotated[str, Meta(min_length=1, max_length=120)]

    @property
    def subject(self) -> tuple[str, str]:
        return (self.site, self.carrier)


class KeepManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`label_refs`: those on it, as the carrier says; the others wait for the next. None: all that were asked for."""

    manifest: str
    manifest_ref: Word = ""
    label_refs: tuple[str, ...] | None = None
    pdf: bytes | None = None


class RefuseManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    manifest: str
    reason: Annotated[str, Meta(max_length=2000)]


class Collect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    manifest: str


class ManifestState(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: wanted, made or refused."""

    manifest: str
    site: str
    carrier: str
    state: str
    parcels: int


class NothingToManifest(Refusal):
    """No labeled parcel of this carrier waits at this site without being on a manifest."""


class ManifestAnswered(Refusal):
    """This manifest was answered before."""


class NotMade(Refusal):
    """The carrier has not answered for this manifest, or refused it."""


class Collected(Refusal):
    """The driver has taken what is on this manifest."""


class Listed(ForASite, frozen=True):
    """A manifest, and the parcels on it."""

    kind, prefix, answered = "manifest", "man", ManifestAnswered
    parcels: tuple[Mapping[str, Any], ...] = ()


async def _listed(tx: Tx, names: Sequence[str], manifests: str = LOCKED) -> dict[int, Listed]:
    found = await called(tx, Listed, names, manifests)
    parcels: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in await tx.rows(ON_IT, list(tx.merchants), list(found)):
        parcels[row["manifest_id"]].append(dict(row))
    return {key: structs.replace(one, parcels=tuple(parcels[key])) for key, one in found.items()}


def _on(manifest: int | None, parcels: Iterable[int]) -> list[Update]:
    return [Update("parcel", {"parcel_id": parcel}, {"manifest_id": manifest}) for parcel in parcels]


@verb(WantManifest, ManifestState)
async def want_manifest(tx: Tx, asks: list[Ask[WantManifest]]) -> list[Result]:
    """List what waits for a carrier at a site; the carrier is asked by a job, with a key: a repeat is harmless."""
    sites = await sites_by_code(tx)
    known = [ask for ask in asks if ask.body.site in sites]
    wanted = sorted({(ask.merchant, sites[ask.body.site].site_id, ask.body.carrier) for ask in known})
    waiting: dict[tuple[int, int, str], list[int]] = defaultdict(list)
    columns = [list(column) for column in zip(*wanted, strict=True)] or [[], [], []]
    for row in await tx.rows(WAITING, list(tx.merchants), *columns):
        waiting[row["merchant_id"], row["site_id"], row["carrier"]].append(row["parcel_id"])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: _wanted(site_of(sites, ask.body.site), waiting, ids, ask))


def _wanted(
    site: Site, waiting: dict[tuple[int, int, str], list[int]], ids: Iterator[int], ask: Ask[WantManifest]
) -> Outcome:
    parcels = waiting.pop((ask.merchant, site.site_id, ask.body.carrier), [])
    if not parcels:
        raise NothingToManifest(site=site.code, carrier=ask.body.carrier)
    manifest = next(ids)
    outcome = wanted(Listed, manifest, site, len(parcels), ask)
    outcome.facts += _on(manifest, parcels)
    return outcome


@verb(KeepManifest, ManifestState)
async def keep_manifest(tx: Tx, asks: list[Ask[KeepManifest]]) -> list[Result]:
    """Keep the carrier's answer: the list can go with the driver."""
    found = await _listed(tx, [ask.body.manifest for ask in asks])
    return each(asks, lambda ask: _kept(one_of(found, Listed, ask.merchant, ask.body.manifest), ask))


def _kept(listed: Listed, ask: Ask[KeepManifest]) -> Outcome:
    listed.must_be("wanted")
    refs = ask.body.label_refs
    left = [row["parcel_id"] for row in listed.parcels if refs is not None and row["label_ref"] not in ("", *refs)]
    told = {"manifest_ref": ask.body.manifest_ref, "parcels": len(listed.parcels) - len(left)}
    outcome = listed.outcome(Event("keep_manifest", data=told), "made", pdf=ask.body.pdf, made_at=ask.at, **told)
    outcome.facts += _on(None, left)
    return outcome


@verb(RefuseManifest, ManifestState)
async def refuse_manifest(tx: Tx, asks: list[Ask[RefuseManifest]]) -> list[Result]:
    """Keep the carrier's no; its parcels wait for another list, and somebody must act."""
    found = await _listed(tx, [ask.body.manifest for ask in asks])
    ids = await tx.fresh_ids(len(asks))
    return each(asks, lambda ask: _refused(one_of(found, Listed, ask.merchant, ask.body.manifest), next(ids), ask))


def _refused(listed: Listed, attention: int, ask: Ask[RefuseManifest]) -> Outcome:
    listed.must_be("wanted")
    outcome = listed.refused("refuse_manifest", ask.body.reason, attention, ask)
    outcome.facts += _on(None, [row["parcel_id"] for row in listed.parcels])
    return outcome


@verb(Collect, ManifestState)
async def collect(tx: Tx, asks: list[Ask[Collect]]) -> list[Result]:
    """Hand over all that is on a manifest: the driver has it."""
    found = await _listed(tx, [ask.body.manifest for ask in asks])
    return each(asks, lambda ask: _collected(one_of(found, Listed, ask.merchant, ask.body.manifest), ask))


def _collected(listed: Listed, ask: Ask[Collect]) -> Outcome:
    if listed.row["state"] != "made":
        raise NotMade(manifest=ask.body.manifest, state=listed.row["state"])
    if listed.row["collected_at"]:
        raise Collected(manifest=ask.body.manifest)
    here = [public("par", row["parcel_id"]) for row in listed.parcels if row["handed_over_at"] is None]
    outcome = listed.outcome(Event("collect", data={"parcels": len(here)}), "made", collected_at=ask.at)
    outcome.answer["parcels"] = len(here)
    at = ask.at.isoformat()
    outcome.then = [Job("hand_over", {"parcel": parcel, "happened_at": at}) for parcel in here]
    return outcome


class AskManifest(msgspec.Struct, frozen=True, kw_only=True):
    manifest: str


@errand(AskManifest)
async def ask_manifest(world: World, asks: list[Ask[AskManifest]]) -> None:
    """One that no account of ours reaches, or that wants no list, gets the list that is printed here."""
    for ask in asks:
        async with world.reading([ask.merchant]) as tx:
            listed = (await _listed(tx, [ask.body.manifest], MANIFESTS)).get(number("man", ask.body.manifest))
            connected = listed and await tx.value(CONNECTED, ask.merchant, listed.row["carrier"])
        if listed is None or listed.row["state"] != "wanted":
            continue
        try:
            made = await _asked(world, ask, listed) if connected else None
        except CarrierRefused as no:
            refused = RefuseManifest(manifest=ask.body.manifest, reason=spelled(no))
            await world.keep(ask.merchant, "refuse_manifest", refused)
            continue
        kept = KeepManifest(manifest=ask.body.manifest)
        if made is not None:
            kept = KeepManifest(
                manifest=ask.body.manifest, manifest_ref=made.manifest_ref, label_refs=made.label_refs, pdf=made.pdf
            )
        await world.keep(ask.merchant, "keep_manifest", kept)


async def _asked(world: World, ask: Ask[AskManifest], listed: Listed) -> Manifest | None:
    carrier = await world.carrier(ask.merchant, listed.row["carrier"])
    refs = [row["label_ref"] for row in listed.parcels if row["label_ref"]]
    if "manifest" not in carrier.can or not refs:
        return None
    made: Manifest = await carrier.manifest(refs, ask.body.manifest)
    return made
