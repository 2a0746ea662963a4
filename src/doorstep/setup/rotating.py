"""rotating: every secret that is kept, and how all of them are sealed anew with the home's current key.

A batch at a time, each in a transaction of its own: who is stopped half-way has secrets of both keys, which open all
the same, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from doorstep.kit.home import locked
from doorstep.kit.secrets import KeyInUse, KeyIsGone, Keyring, NotOpened, add_key, drop_key, keyring
from doorstep.setup import connections, hooks, log, second_factor, subscribers
from doorstep.setup.log import MACHINE, By
from doorstep.setup.notices import rules
from doorstep.spine.tenant import Db, Tx, tenant_tx

BATCH = 200
LOCK = "secret-key"


@dataclass(frozen=True, slots=True)
class Place:
    """A column of sealed secrets: whose they are, and what is bound into each."""

    table: str
    context: Callable[[int, str], str]
    id: str
    column: str = "secret"
    is_walled: bool = True
    is_bytes: bool = False


PLACES = (
    Place("connection", lambda merchant, one: connections.secret_context(merchant, int(one)), "connection_id"),
    Place("webhook_endpoint", lambda merchant, one: subscribers.context_of(merchant, int(one)), "endpoint_id",
          is_bytes=True),
    Place("carrier_hook", hooks.context_of, "code"),
    Place("notice_setup", lambda merchant, _: rules.context_of(merchant), "merchant_id"),
    Place("person", lambda _, one: second_factor.context_of(int(one)), "person_id", "totp_secret", is_walled=False),
)  # fmt: skip

SEALED = "select {merchant} as merchant_id, t.{id}::text as id, {secret} as secret from {table} t where {ours}"
# Of which key there are how many.
KEYS = f"select split_part(s.secret, '.', 2) as key, count(*) as n from ({SEALED}) s where s.secret <> '' group by 1"
# Those of older keys, in an order that goes on behind what was looked at.
BEHIND = f"""
select s.merchant_id, s.id, s.secret from ({SEALED}) s
  where split_part(s.secret, '.', 2) = any($2) and (s.merchant_id, s.id) > ($3, $4)
  order by s.merchant_id, s.id limit $5
"""
# What was set anew meanwhile stays as it was set.
KEEP = """
update {table} t set {column} = {fresh}
  from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[]) u(m, merchant_id, id, old, fresh)
  where {ours} and {merchant} = u.merchant_id and t.{id}::text = u.id and {secret} = u.old
"""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """`keys`: how many secrets each key seals, the current one first; `gone`: those that are not here any more."""

    current: str
    keys: dict[str, int]
    gone: dict[str, int]


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """`is_new`: the key was made for it; else it was there, and what was left behind has caught up."""

    key: str
    is_new: bool
    moved: int


async def kept(db: Db, keys: Keyring) -> Kept:
    counts = dict.fromkeys([keys.current, *keys.older], 0)
    gone: dict[str, int] = {}
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        for key, count in await _counted(tx):
            counted = counts if key in counts else gone
            counted[key] = counted.get(key, 0) + count
    return Kept(current=keys.current, keys=counts, gone=gone)


async def rotate(
    db: Db, home: Path, at: datetime, tell: Callable[[int], None] = lambda moved: None, by: By = MACHINE
) -> Rotated:
    """A new key, and all secrets under it; where some were left behind the current key, those alone.

    Keys of the environment are not made here: what is behind the first of them catches up with it. Refuses
    KeysFromEnvironment where nothing is behind; KeyIsGone when all else is done.
    """
    with locked(home, LOCK):
        moved = await _catch_up(db, keyring(home), tell)
        is_new = not moved
        if is_new:
            key = add_key(home)
            async with tenant_tx(db, []) as tx:
                await log.write(tx, by, "setting_changed", at, key, setting="secret key")
            moved = await _catch_up(db, keyring(home), tell)
        now = await kept(db, keyring(home))
    if now.gone:
        raise KeyIsGone(keys=", ".join(now.gone), secrets=sum(now.gone.values()), moved=moved)
    return Rotated(key=now.current, is_new=is_new, moved=moved)


async def forget(db: Db, home: Path, key: str, at: datetime, by: By = MACHINE) -> None:
    """An old key goes for good. Refuses NoSuchKey, KeyInUse, KeysFromEnvironment."""
    with locked(home, LOCK):
        now = await kept(db, keyring(home))
        if now.keys.get(key) or key == now.current:
            raise KeyInUse(key=key, secrets=now.keys[key])
        drop_key(home, key)
        async with tenant_tx(db, []) as tx:
            await log.write(tx, by, "setting_changed", at, key, setting="no secret key")


async def _counted(tx: Tx) -> list[tuple[str, int]]:
    together = " union all ".join(KEYS.format(**_words(place)) for place in PLACES)
    return [(row["key"], row["n"]) for row in await tx.rows(together, list(tx.merchants))]


async def _catch_up(db: Db, keys: Keyring, tell: Callable[[int], None]) -> int:
    """All places, a batch after the other; what is broken is passed by, and stays as it is."""
    merchants, moved = await db.everyone(), 0
    for place in PLACES:
        last: tuple[int, str] | None = (-1, "")
        while last:
            async with tenant_tx(db, merchants) as tx:
                batch = await tx.rows(BEHIND.format(**_words(place)), merchants, keys.older, *last, BATCH)
                fresh = [(row, sealed) for row in batch if (sealed := _fresh(keys, place, row))]
                await _keep(tx, place, fresh)
            last = (batch[-1]["merchant_id"], batch[-1]["id"]) if len(batch) == BATCH else None
            moved += len(fresh)
            tell(moved)
    return moved


def _fresh(keys: Keyring, place: Place, row: Any) -> str | None:
    try:
        return keys.rotate(row["secret"], place.context(row["merchant_id"], row["id"]))
    except NotOpened:
        return None


async def _keep(tx: Tx, place: Place, fresh: list[tuple[Any, str]]) -> None:
    await tx.run(
        KEEP.format(**_words(place)), list(tx.merchants), [row["merchant_id"] for row, _ in fresh],
        [row["id"] for row, _ in fresh], [row["secret"] for row, _ in fresh], [sealed for _, sealed in fresh],
    )  # fmt: skip


def _words(place: Place) -> dict[str, str]:
    """The place in SQL; $1 are the merchants."""
    secret = f"t.{place.column}"
    return {
        "table": place.table, "id": place.id, "column": place.column,
        "merchant": "t.merchant_id" if place.is_walled else "0::bigint",
        "ours": "t.merchant_id = any($1)" if place.is_walled else "$1::bigint[] is not null",
        "secret": f"convert_from({secret}, 'UTF8')" if place.is_bytes else secret,
        "fresh": "convert_to(u.fresh, 'UTF8')" if place.is_bytes else "u.fresh",
    }  # fmt: skip
