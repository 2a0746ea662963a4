"""subscribers: addresses that are told what happens, each with its place in the feed and a secret of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from doorstep.kit import home as homes
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound
from doorstep.kit.secrets import Keyring, keyring
from doorstep.plug.notifier import new_webhook_secret
from doorstep.setup import log
from doorstep.setup.log import MACHINE, By
from doorstep.spine.feed import place_now
from doorstep.spine.tenant import Tx

_COLUMNS = "w.endpoint_id, w.url, w.verbs, w.state, w.tries, w.due_at, w.last_error, w.created_at"
ALL = f"select {_COLUMNS} from webhook_endpoint w where w.merchant_id = $1 order by w.endpoint_id limit 200"
ONE = f"select {_COLUMNS} from webhook_endpoint w where w.merchant_id = $1 and w.endpoint_id = $2"
ADD = """
insert into webhook_endpoint (merchant_id, endpoint_id, url, secret, verbs, after_txid, after_pos, due_at, created_at)
  values ($1, $2, $3, $4, $5, $6::text::xid8, $7, $8, $8)
"""
# Made active again it starts with a first try, where it stopped.
CHANGE = """
update webhook_endpoint set url = $3, verbs = $4, state = $5, tries = 0, due_at = $6, last_error = ''
  where merchant_id = $1 and endpoint_id = $2 returning endpoint_id
"""
REMOVE = "delete from webhook_endpoint where merchant_id = $1 and endpoint_id = $2 returning url"


class Webhook(Struct, frozen=True, kw_only=True):
    """`state`: active, paused (by hand, or after too many tries), or gone (it said so itself: 410)."""

    id: str
    url: str
    verbs: list[str]
    state: str
    tries: int
    due_at: datetime
    last_error: str
    created_at: datetime


class Webhooks(Struct, frozen=True, kw_only=True):
    webhooks: list[Webhook]


async def webhooks(tx: Tx, merchant: int) -> Webhooks:
    return Webhooks(webhooks=[_webhook(row) for row in await tx.rows(ALL, merchant)])


async def webhook(tx: Tx, merchant: int, word: str) -> Webhook:
    row = await tx.row(ONE, merchant, number("whk", word))
    if row is None:
        raise NotFound(webhook=word)
    return _webhook(row)


async def create(
    tx: Tx, merchant: int, url: str, verbs: Sequence[str], at: datetime, by: By = MACHINE
) -> tuple[Webhook, str]:
    """A subscriber of everything from now on, and its secret, readable this one time."""
    endpoint = next(await tx.fresh_ids(1))
    secret = new_webhook_secret()
    sealed = sealing().seal(secret, context_of(merchant, endpoint)).encode()
    await tx.run(ADD, merchant, endpoint, url, sealed, list(verbs), *_as_text(await place_now(tx)), at)
    await log.write(tx, by, "setting_changed", at, url, setting="new webhook", merchant=merchant)
    return await webhook(tx, merchant, public("whk", endpoint)), secret


async def change(
    tx: Tx, merchant: int, word: str, url: str, verbs: Sequence[str], state: str, at: datetime, by: By = MACHINE
) -> None:
    if await tx.value(CHANGE, merchant, number("whk", word), url, list(verbs), state, at) is None:
        raise NotFound(webhook=word)
    await log.write(tx, by, "setting_changed", at, url, setting="webhook", merchant=merchant)


async def remove(tx: Tx, merchant: int, word: str, at: datetime, by: By = MACHINE) -> None:
    url = await tx.value(REMOVE, merchant, number("whk", word))
    if url is None:
        raise NotFound(webhook=word)
    await log.write(tx, by, "setting_changed", at, url, setting="no webhook", merchant=merchant)


def sealing() -> Keyring:
    """The keys that seal and open the secrets of this home."""
    return keyring(homes.home())


def context_of(merchant: int, endpoint: int) -> str:
    return f"webhook_endpoint/{merchant}/{endpoint}/secret"


def _as_text(place: tuple[int, int]) -> tuple[str, int]:
    return str(place[0]), place[1]


def _webhook(row: Any) -> Webhook:
    values = dict(row)
    return Webhook(id=public("whk", values.pop("endpoint_id")), **{**values, "verbs": list(values["verbs"])})
