"""loads: a page of them, and one with what lies in it: loads within loads, whose parcels, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from doorstep.doors.reads import cursor
from doorstep.doors.reads.orders import Limit, Word
from doorstep.doors.reads.rows import told
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound
from doorstep.spine.loads import SHARES
from doorstep.spine.tenant import Db, Tx, tenant_tx

PARCELS_SHOWN = 500

_COLUMNS = """
l.merchant_id, l.load_id, l.kind, l.number, l.parent_id, l.carrier, l.flight, l.from_airport, l.to_airport, l.country,
    l.departs_at, l.arrives_at, l.parcels, l.loads, l.weight_g, l.gross_g, l.seal, l.closed_at, l.state,
    l.last_event_at, l.opened_at"""
PAGE = f"""
select {_COLUMNS} from load l
  where l.merchant_id = any($1) and ($2::text is null or l.kind = $2)
    and ($3::boolean is null or (l.closed_at is null) = $3) and ($4::bigint is null or l.load_id < $4)
    and ($6::text is null or l.number = $6)
  order by l.load_id desc limit $5
"""
ONE = f"select {_COLUMNS} from load l where l.merchant_id = any($1) and l.load_id = $2"
CALLED = f"""
select {_COLUMNS} from load l where l.merchant_id = any($1) and l.number = $2 order by l.load_id desc limit 2
"""
# What it lies in now, the nearest first; and what lies in it now, deeper and deeper.
ABOVE = f"""
with recursive above(load_id, depth) as (
  select l.parent_id, 1 from load l where l.merchant_id = $1 and l.load_id = $2 and l.parent_id is not null
  union all
  select l.parent_id, a.depth + 1 from above a join load l on l.merchant_id = $1 and l.load_id = a.load_id
    where l.parent_id is not null)
select {_COLUMNS} from above a join load l on l.merchant_id = $1 and l.load_id = a.load_id order by a.depth
"""
BELOW = f"""
with recursive below(load_id, depth, way) as (
  select l.load_id, 1, array[l.load_id] from load l where l.merchant_id = $1 and l.parent_id = $2
  union all
  select l.load_id, b.depth + 1, b.way || l.load_id
    from below b join load l on l.merchant_id = $1 and l.parent_id = b.load_id)
select b.depth, {_COLUMNS} from below b join load l on l.merchant_id = $1 and l.load_id = b.load_id order by b.way
"""
EVENTS = """
select e.happened_at, e.recorded_at, e.code, e.raw_code, e.state, e.place, e.message from load_event e
  where e.merchant_id = $1 and e.load_id = $2 order by e.happened_at, e.recorded_at, e.digest
"""
KEYS = "select m.merchant_id, m.key, m.name from merchant m where m.merchant_id = any($1)"
PARCELS = """
select s.merchant_id, s.load_id, s.parcel_id, s.joined_at, s.weight_g, p.order_id, p.tracking_number, p.carrier,
    p.state, o.country, o.number
  from parcel_stay s
  join parcel p on p.merchant_id = s.merchant_id and p.parcel_id = s.parcel_id
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  where s.merchant_id = any($1) and s.load_id = any($2) and s.left_at is null and s.parcel_id > $3
  order by s.parcel_id limit $4
"""

Kind = Literal["bag", "pallet", "flight", "entry"]


class LoadQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Kind | None = None
    open: bool | None = None
    number: Word | None = None
    limit: Limit = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class LoadRow(Struct, frozen=True, kw_only=True):
    """`parcels`, `loads` and `weight_g` lie in it directly; `inside` is what it lies in itself."""

    id: str
    kind: str
    number: str
    inside: str | None
    carrier: str
    flight: str
    from_airport: str
    to_airport: str
    country: str
    departs_at: datetime | None
    arrives_at: datetime | None
    parcels: int
    loads: int
    weight_g: int
    gross_g: int
    seal: str
    closed_at: datetime | None
    state: str
    last_event_at: datetime | None
    opened_at: datetime


class LoadPage(Struct, frozen=True, kw_only=True):
    loads: list[LoadRow]
    next: str | None


class LoadBelow(Struct, frozen=True, kw_only=True):
    """A load within: `depth` 1 lies in it directly; its counts are of all that is in it, however deep."""

    depth: int
    load: LoadRow
    all_parcels: int
    all_weight_g: int


class LoadShare(Struct, frozen=True, kw_only=True):
    """How much of what is in it, at any depth, is one merchant's."""

    merchant: str
    name: str
    parcels: int
    weight_g: int


class LoadEvent(Struct, frozen=True, kw_only=True):
    happened_at: datetime
    recorded_at: datetime
    code: str
    raw_code: str
    state: str
    place: str
    message: str


class ParcelInside(Struct, frozen=True, kw_only=True):
    load: str
    parcel: str
    order: str
    number: str
    merchant: str
    tracking_number: str
    carrier: str
    state: str
    country: str
    weight_g: int
    joined_at: datetime


class LoadWhole(Struct, frozen=True, kw_only=True):
    """`above` is what it lies in, the nearest first; of its parcels the first so many are shown, at any depth."""

    load: LoadRow
    owner: str
    above: list[LoadRow]
    below: list[LoadBelow]
    all_parcels: int
    all_weight_g: int
    merchants: list[LoadShare]
    events: list[LoadEvent]
    parcels: list[ParcelInside]
    more_parcels: bool


async def loads(tx: Tx, merchants: Sequence[int], query: LoadQuery) -> LoadPage:
    before = cursor.read(query.cursor, tuple[int])[0] if query.cursor else None
    rows = await tx.rows(PAGE, list(merchants), query.kind, query.open, before, query.limit + 1, query.number)
    following = cursor.write(rows[query.limit - 1]["load_id"]) if len(rows) > query.limit else None
    return LoadPage(loads=[load_row(row) for row in rows[: query.limit]], next=following)


async def load_called(tx: Tx, merchants: Sequence[int], word: str) -> Any:
    """The row of the load of this id or number; refuses NotFound."""
    if word.startswith("lod_"):
        rows = await tx.rows(ONE, list(merchants), number("lod", word))
    else:
        rows = await tx.rows(CALLED, list(merchants), word.strip())
    if not rows:
        raise NotFound(load=word)
    return rows[0]


async def load(db: Db, merchants: Sequence[int], word: str) -> LoadWhole:
    """The load of one of these merchants, with all that lies in it, of whomever; refuses NotFound."""
    async with tenant_tx(db, merchants, readonly=True) as tx:
        row = await load_called(tx, merchants, word)
        at = row["merchant_id"], row["load_id"]
        above, below = await tx.rows(ABOVE, *at), await tx.rows(BELOW, *at)
        within = [row["load_id"], *(each["load_id"] for each in below)]
        shares = [share for share in await tx.rows(SHARES, [row["merchant_id"]], within) if share["parcels"]]
        events = await tx.rows(EVENTS, *at)
    whose = sorted({share["of_merchant"] for share in shares})
    async with tenant_tx(db, [row["merchant_id"], *whose], readonly=True) as tx:
        keys = {each["merchant_id"]: each for each in await tx.rows(KEYS, list(tx.merchants))}
        parcels = await tx.rows(PARCELS, whose, within, 0, PARCELS_SHOWN + 1)
    every, weights = _added_up(row, below)
    return LoadWhole(
        load=load_row(row),
        owner=keys[row["merchant_id"]]["name"],
        above=[load_row(each) for each in above],
        below=[
            LoadBelow(depth=each["depth"], load=load_row(each), all_parcels=every[each["load_id"]],
                      all_weight_g=weights[each["load_id"]])
            for each in below
        ],
        all_parcels=every[row["load_id"]],
        all_weight_g=weights[row["load_id"]],
        merchants=_by_merchant(shares, keys),
        events=[LoadEvent(**dict(event)) for event in events],
        parcels=[_inside(each, keys) for each in parcels[:PARCELS_SHOWN]],
        more_parcels=len(parcels) > PARCELS_SHOWN,
    )  # fmt: skip


def _added_up(top: Any, below: Sequence[Any]) -> tuple[dict[int, int], dict[int, int]]:
    """Parcels and grams of each load with all that is in it: the deepest first, each adds to what it lies in."""
    rows = [top, *sorted(below, key=lambda row: row["depth"])]
    parcels = {row["load_id"]: row["parcels"] for row in rows}
    grams = {row["load_id"]: row["weight_g"] for row in rows}
    for row in reversed(rows[1:]):
        parcels[row["parent_id"]] += parcels[row["load_id"]]
        grams[row["parent_id"]] += grams[row["load_id"]]
    return parcels, grams


def _by_merchant(shares: Sequence[Any], keys: dict[int, Any]) -> list[LoadShare]:
    found = []
    for merchant, named in sorted(keys.items(), key=lambda one: str(one[1]["name"])):
        theirs = [share for share in shares if share["of_merchant"] == merchant]
        if not theirs:
            continue
        parcels, grams = sum(one["parcels"] for one in theirs), sum(one["weight_g"] for one in theirs)
        found.append(LoadShare(merchant=named["key"], name=named["name"], parcels=parcels, weight_g=grams))
    return found


def _inside(row: Any, keys: dict[int, Any]) -> ParcelInside:
    return told(
        row, ParcelInside, load=public("lod", row["load_id"]), parcel=public("par", row["parcel_id"]),
        order=public("ord", row["order_id"]), merchant=keys[row["merchant_id"]]["key"],
    )  # fmt: skip


def load_row(row: Any) -> LoadRow:
    inside = public("lod", row["parent_id"]) if row["parent_id"] else None
    return told(row, LoadRow, id=public("lod", row["load_id"]), inside=inside)
