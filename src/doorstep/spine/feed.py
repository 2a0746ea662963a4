"""feed: everything that happened to a merchant, in the order of (transaction, position): the outbox, never skipping.

It is read up to the oldest transaction that still runs: whatever commits later sorts later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from doorstep.kit.ids import public
from doorstep.spine.moves import told
from doorstep.spine.tenant import Tx

AFTER = """
select e.kind, e.id, e.seq, e.txid::text::bigint as txid, e.pos, e.verb, e.actor, e.happened_at, e.recorded_at, e.moves,
    e.data
  from event e where e.merchant_id = $1 and (e.txid, e.pos) > ($2::text::xid8, $3)
    and e.txid < pg_snapshot_xmin(pg_current_snapshot())
  order by e.txid, e.pos limit $4
"""
NOW = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"

# What the subject of a stream is called outside.
PREFIXES = {
    "order": "ord",
    "sku": "sku",
    "asn": "asn",
    "merchant": "mer",
    "correction": "cor",
    "manifest": "man",
    "pickup": "pic",
    "load": "lod",
}

Place = tuple[int, int]
BEGINNING: Place = (0, 0)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event and its place in the feed."""

    place: Place
    kind: str
    subject_id: int
    seq: int
    verb: str
    actor: str
    happened_at: datetime
    recorded_at: datetime
    moves: list[list[Any]]
    data: dict[str, Any]

    @property
    def id(self) -> str:
        """The same wherever and however often it is told."""
        return f"evt_{self.kind}_{self.subject_id}_{self.seq}"

    @property
    def subject(self) -> str:
        return public(PREFIXES.get(self.kind, self.kind[:3]), self.subject_id)

    @property
    def type(self) -> str:
        return f"{self.kind}.{self.verb}"


async def events_after(tx: Tx, merchant: int, place: Place, limit: int) -> list[Happened]:
    return [_happened(row) for row in await tx.rows(AFTER, merchant, str(place[0]), place[1], limit)]


async def place_now(tx: Tx) -> Place:
    """Where the feed stands: what happens from here on comes after it."""
    return (await tx.value(NOW), 0)


def _happened(row: Any) -> Happened:
    return Happened(
        place=(row["txid"], row["pos"]), kind=row["kind"], subject_id=row["id"], seq=row["seq"], verb=row["verb"],
        actor=row["actor"], happened_at=row["happened_at"], recorded_at=row["recorded_at"],
        moves=told(row["moves"]), data=msgspec.json.decode(row["data"]),
    )  # fmt: skip
