"""keys: how a program says who it is: `ds_live_…`, shown once, kept as a hash, limited to areas.

An area is a stage of the journey, or `setup`. `<area>:write` lets a key ask the verbs of that stage; `read` lets it
look at everything of its merchant.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from doorstep.kit import clock
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup import log
from doorstep.setup.log import MACHINE, By
from doorstep.spine.tenant import ADD_ROUTES, Db, Tx, routed, tenant_tx

BEGINS = "ds_live_"
_SECRET_BYTES = 32
_SHOWN = len(BEGINS) + 6
# A key's last use is written down this often, not with every request.
NOTED_EVERY = timedelta(minutes=5)

# Which roles of the journey table a key has by its scopes. No key has the role `system`.
AREAS: dict[str, tuple[str, ...]] = {
    "intake": ("channel", "merchant", "operator"),
    "processing": ("merchant", "operator", "floor"),
    "fulfillment": ("operator", "floor"),
    "shipping": ("merchant", "operator", "floor", "carrier"),
    "tracking": ("merchant", "operator", "carrier"),
    "changes": ("channel", "merchant", "operator", "floor"),
    "cash": ("merchant", "operator", "payments"),
    "inventory": ("merchant", "operator", "floor"),
    "setup": ("merchant", "operator"),
}
READ = "read"
SCOPES = (READ, *(f"{area}:write" for area in AREAS))

ADD_KEY = """
insert into api_key (merchant_id, key_id, hash, prefix, name, scopes, created_at, made_by, roles)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
REVOKE = """
update api_key set revoked_at = $3 where merchant_id = any($1) and key_id = $2 and revoked_at is null
  returning merchant_id, prefix, name
"""
ALL_KEYS = """
select k.merchant_id, m.name as merchant, k.key_id, k.prefix, k.name, k.scopes, k.created_at, k.made_by, k.used_at,
    k.revoked_at
  from api_key k join merchant m on m.merchant_id = k.merchant_id
  where k.merchant_id = any($1) order by m.name, k.key_id
"""
NOTE_USE = "update api_key set used_at = $3 where merchant_id = $1 and key_id = $2"
BY_HASH = """
select k.key_id, k.prefix, k.scopes, k.roles, k.used_at, m.key as merchant_key, m.is_operator
  from api_key k join merchant m on m.merchant_id = k.merchant_id
  where k.merchant_id = $1 and k.hash = $2 and k.revoked_at is null
"""


class UnknownScope(Refusal):
    """A key can be limited to these areas only."""

    status = 422


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; the key itself is not."""

    id: str
    prefix: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None
    made_by: str = ""
    merchant: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks with a good key."""

    merchant: int
    merchant_key: str
    is_operator: bool
    key_id: int
    prefix: str
    scopes: frozenset[str]
    limit: frozenset[str] | None = None  # roles it does not go beyond

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    @property
    def roles(self) -> frozenset[str]:
        given = roles_of(self.scopes)
        return given if self.limit is None else given & self.limit


@lru_cache(maxsize=1024)
def roles_of(scopes: frozenset[str]) -> frozenset[str]:
    return frozenset(role for area, roles in AREAS.items() if f"{area}:write" in scopes for role in roles)


async def create_key(
    db: Db, merchant: int, at: datetime, *, name: str = "", scopes: Iterable[str] = SCOPES, by: By = MACHINE,
    roles: frozenset[str] | None = None,
) -> tuple[str, Key]:  # fmt: skip
    """A new key, readable this one time, and what is kept of it; refuses UnknownScope.

    With `roles` it reaches no further than these, whatever its scopes would give it.
    """
    wanted = tuple(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise UnknownScope(unknown=unknown, scopes=list(SCOPES))
    secret = BEGINS + secrets.token_urlsafe(_SECRET_BYTES)
    (key_id,) = await db.ids.draw(db.pool, 1)
    prefix, limit = secret[:_SHOWN], None if roles is None else sorted(roles)
    async with tenant_tx(db, [merchant]) as tx:
        await tx.run(ADD_ROUTES, ["api_key"], [routed(secret)], [merchant])
        kept = (routed(secret), prefix, name, list(wanted), at, by.who, limit)
        await tx.run(ADD_KEY, merchant, key_id, *kept)
        await log.write(tx, by, "key_made", at, name or prefix, key=prefix, scopes=wanted, merchant=merchant)
    return secret, Key(public("key", key_id), prefix, name, wanted, at, made_by=by.who)


async def revoke_key(db: Db, merchants: Sequence[int], key: str, at: datetime, by: By = MACHINE) -> None:
    """From now on it opens nothing; refuses NotFound, also for a key of none of these merchants."""
    async with tenant_tx(db, merchants) as tx:
        row = await tx.row(REVOKE, list(tx.merchants), number("key", key), at)
        if row is None:
            raise NotFound(key=key)
        told = {"key": row["prefix"], "merchant": row["merchant_id"]}
        await log.write(tx, by, "key_revoked", at, row["name"] or row["prefix"], **told)


async def list_keys(tx: Tx) -> list[Key]:
    """Of all merchants that this transaction sees."""
    return [
        Key(public("key", row["key_id"]), row["prefix"], row["name"], tuple(row["scopes"]), row["created_at"],
            row["revoked_at"], row["used_at"], row["made_by"], row["merchant"])
        for row in await tx.rows(ALL_KEYS, list(tx.merchants))
    ]  # fmt: skip


async def holder_of(db: Db, secret: str) -> Holder | None:
    """Who holds this key; None when nobody does, or not any more."""
    if not secret.startswith(BEGINS):
        return None
    merchant = await db.find("api_key", secret)
    if merchant is None:
        return None
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        row = await tx.row(BY_HASH, merchant, routed(secret))
    if row is None:
        return None
    at = clock.now()
    if row["used_at"] is None or row["used_at"] < at - NOTED_EVERY:
        async with tenant_tx(db, [merchant]) as tx:
            await tx.run(NOTE_USE, merchant, row["key_id"], at)
    scopes, limit = frozenset(row["scopes"]), None if row["roles"] is None else frozenset(row["roles"])
    return Holder(merchant, row["merchant_key"], row["is_operator"], row["key_id"], row["prefix"], scopes, limit)
