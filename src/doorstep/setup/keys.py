"""keys: how a program says who it is: `ds_live_…`, shown once, kept as a hash, limited to areas.

An area is a stage of the journey, or `setup`. `<area>:write` lets a key ask the verbs of that stage; `read` lets it
look at everything of its merchant.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.spine.tenant import ADD_ROUTES, Db, Tx, routed, tenant_tx

BEGINS = "ds_live_"
_SECRET_BYTES = 32
_SHOWN = len(BEGINS) + 6

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
insert into api_key (merchant_id, key_id, hash, prefix, name, scopes, created_at) values ($1, $2, $3, $4, $5, $6, $7)
"""
REVOKE = """
update api_key set revoked_at = $3 where merchant_id = $1 and key_id = $2 and revoked_at is null returning key_id
"""
ALL_KEYS = """
select key_id, prefix, name, scopes, created_at, revoked_at from api_key where merchant_id = $1 order by key_id
"""
BY_HASH = """
select k.key_id, k.prefix, k.scopes, m.key as merchant_key, m.is_operator
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
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks with a good key."""

    merchant: int
    merchant_key: str
    is_operator: bool
    key_id: int
    prefix: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    @property
    def roles(self) -> frozenset[str]:
        return roles_of(self.scopes)


@lru_cache(maxsize=1024)
def roles_of(scopes: frozenset[str]) -> frozenset[str]:
    return frozenset(role for area, roles in AREAS.items() if f"{area}:write" in scopes for role in roles)


async def create_key(
    db: Db, merchant: int, at: datetime, *, name: str = "", scopes: Iterable[str] = SCOPES
) -> tuple[str, Key]:
    """A new key, readable this one time, and what is kept of it; refuses UnknownScope."""
    wanted = tuple(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown:
        raise UnknownScope(unknown=unknown, scopes=list(SCOPES))
    secret = BEGINS + secrets.token_urlsafe(_SECRET_BYTES)
    (key_id,) = await db.ids.draw(db.pool, 1)
    prefix = secret[:_SHOWN]
    async with tenant_tx(db, [merchant]) as tx:
        await tx.run(ADD_ROUTES, ["api_key"], [routed(secret)], [merchant])
        await tx.run(ADD_KEY, merchant, key_id, routed(secret), prefix, name, list(wanted), at)
    return secret, Key(public("key", key_id), prefix, name, wanted, at, None)


async def revoke_key(tx: Tx, merchant: int, key: str, at: datetime) -> None:
    """From now on it opens nothing; refuses NotFound."""
    if await tx.value(REVOKE, merchant, number("key", key), at) is None:
        raise NotFound(key=key)


async def list_keys(tx: Tx, merchant: int) -> list[Key]:
    return [
        Key(public("key", row["key_id"]), row["prefix"], row["name"], tuple(row["scopes"]), row["created_at"],
            row["revoked_at"])
        for row in await tx.rows(ALL_KEYS, merchant)
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
    scopes = frozenset(row["scopes"])
    return Holder(merchant, row["merchant_key"], row["is_operator"], row["key_id"], row["prefix"], scopes)
