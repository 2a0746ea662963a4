"""hooks: an address per carrier account that the carrier sends its webhooks to, and the secret they are signed with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from secrets import token_urlsafe

from msgspec import Struct

from doorstep.kit import home as homes
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.kit.secrets import Keyring, keyring
from doorstep.plug.notifier import new_webhook_secret
from doorstep.plug.signatures import SCHEMES
from doorstep.spine import jobs
from doorstep.spine.tenant import ADD_ROUTES, Db, Tx, routed, tenant_tx

ACCOUNT = "select code from connection where merchant_id = $1 and kind = 'carrier' and code = $2"
KEEP = """
insert into carrier_hook (merchant_id, code, hash, scheme, secret, created_at) values ($1, $2, $3, $4, $5, $6)
  on conflict (merchant_id, code) do update
    set hash = excluded.hash, scheme = excluded.scheme, secret = excluded.secret, created_at = excluded.created_at,
      last_at = null
"""
REMOVE = "delete from carrier_hook where merchant_id = $1 and code = $2 returning code"
HOOK = "select h.code, h.scheme, h.secret from carrier_hook h where h.merchant_id = $1 and h.hash = $2"
KEEP_MESSAGE = """
insert into carrier_message (merchant_id, message_id, code, digest, body, received_at) values ($1, $2, $3, $4, $5, $6)
  on conflict (merchant_id, code, digest) do nothing returning message_id
"""
HEARD = "update carrier_hook set last_at = $3 where merchant_id = $1 and code = $2"
ROUTE = "hook"
LARGEST_MESSAGE = 1_000_000


class NoSuchScheme(Refusal):
    """No carrier signs its webhooks so."""

    status = 422


class NotTheCarrier(Refusal):
    """The signature does not fit: this was not sent by the carrier."""

    status = 401


class MessageTooLarge(Refusal):
    """No carrier says so much at once."""

    status = 413


class CarrierHook(Struct, frozen=True, kw_only=True):
    """`path` and `secret` are shown this one time; `scheme` is how the carrier signs."""

    carrier: str
    scheme: str
    path: str
    secret: str


async def open_hook(tx: Tx, merchant: int, code: str, scheme: str, secret: str, at: datetime) -> CarrierHook:
    """A new address for the webhooks of this account; the one before hears nothing any more."""
    if scheme not in SCHEMES:
        raise NoSuchScheme(scheme=scheme[:60], schemes=sorted(SCHEMES))
    if await tx.value(ACCOUNT, merchant, code) is None:
        raise NotFound(carrier=code[:60])
    token, secret = token_urlsafe(24), secret or new_webhook_secret()
    sealed = sealing().seal(secret, context_of(merchant, code))
    await tx.run(KEEP, merchant, code, routed(token), scheme, sealed, at)
    await tx.run(ADD_ROUTES, [ROUTE], [routed(token)], [merchant])
    return CarrierHook(carrier=code, scheme=scheme, path=f"/hooks/{token}", secret=secret)


async def close_hook(tx: Tx, merchant: int, code: str) -> None:
    if await tx.value(REMOVE, merchant, code) is None:
        raise NotFound(carrier=code[:60])


async def keep_message(db: Db, token: str, headers: Mapping[str, str], body: bytes, at: datetime) -> bool:
    """Keep what a carrier sent, as it is, and queue the reading of it; answers whether it is new.

    Refuses NotFound, NotTheCarrier, MessageTooLarge.
    """
    if len(body) > LARGEST_MESSAGE:
        raise MessageTooLarge(largest=LARGEST_MESSAGE)
    merchant = await db.find(ROUTE, token)
    if merchant is None:
        raise NotFound(hook="…")
    async with tenant_tx(db, [merchant]) as tx:
        hook = await tx.row(HOOK, merchant, routed(token))
        if hook is None:
            raise NotFound(hook="…")
        secret = sealing().open(hook["secret"], context_of(merchant, hook["code"]))
        if not SCHEMES[hook["scheme"]](headers, body, secret, at):
            raise NotTheCarrier(carrier=hook["code"])
        return await _keep(tx, merchant, hook["code"], body, at)


async def _keep(tx: Tx, merchant: int, code: str, body: bytes, at: datetime) -> bool:
    ids = await tx.fresh_ids(1)
    # NUL is in no text of the database, and in no carrier's either.
    text = body.decode("utf-8", "replace").replace("\0", "")
    message = await tx.value(KEEP_MESSAGE, merchant, next(ids), code, sha256(body).digest(), text, at)
    if message is None:
        return False
    await tx.run(HEARD, merchant, code, at)
    await jobs.queue(tx, "hear", [(merchant, {"message": message})], at)
    return True


def sealing() -> Keyring:
    return keyring(homes.home())


def context_of(merchant: int, code: str) -> str:
    return f"carrier_hook/{merchant}/{code}/secret"
