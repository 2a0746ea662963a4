"""outside: the world that errands call: a merchant's carriers, providers and gateways by its accounts, and the post."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from doorstep.kit.address import public_address
from doorstep.kit.budget import Budget
from doorstep.kit.refusals import Refusal
from doorstep.kit.secrets import Keyring, keyring
from doorstep.plug import registry
from doorstep.plug.notifier import WebhookNotifier, WebhookSender, mailer
from doorstep.setup.connections import config_of
from doorstep.setup.notices.rules import endpoint_of, wanted
from doorstep.setup.receipts import Receipts
from doorstep.setup.tracking_links import TrackingLinks, public_url
from doorstep.spine.tenant import Db, tenant_tx
from doorstep.spine.world import World

CONNECTION = """
select connection_id, plugin, code, settings, secret from connection
  where merchant_id = $1 and kind = $2 and ($3 = '' or code = $3) order by code limit 1
"""
# The shortest wait between two questions to a carrier about one parcel; most questions wait longer.
FOLLOW_SECONDS = "DOORSTEP_FOLLOW_SECONDS"
# How many calls about parcels one carrier account gets in an hour, of each worker; 0 means as many as there are.
CARRIER_CALLS = "DOORSTEP_CARRIER_CALLS_PER_HOUR"


class NotConnected(Refusal):
    """The merchant has no such account with a carrier, a payment provider or a gateway."""


class Connections:
    """Opens each account once: the client keeps its connections, and its patience with a peer that is down."""

    def __init__(self, db: Db, keys: Keyring) -> None:
        self._db, self._keys = db, keys
        self._open: dict[tuple[str, int, str], tuple[bytes, Any]] = {}
        self._sender = WebhookSender()

    async def carrier(self, merchant: int, code: str) -> Any:
        return await self._opened("carrier", registry.carrier, merchant, code)

    async def payments(self, merchant: int, code: str) -> Any:
        return await self._opened("payments", registry.payments, merchant, code)

    async def notifier(self, merchant: int, medium: str) -> Any:
        """Refuses NotConnected."""
        if medium == "sms":
            return await self._opened("sms", registry.sms, merchant, "")
        async with tenant_tx(self._db, [merchant], readonly=True) as tx:
            endpoint = endpoint_of(merchant, await wanted(tx, merchant))
        if endpoint is None:
            raise NotConnected(kind=medium)
        return WebhookNotifier(endpoint, self._sender)

    async def _opened(
        self, kind: str, build: Callable[[str, str, Mapping[str, Any]], Any], merchant: int, code: str
    ) -> Any:
        async with tenant_tx(self._db, [merchant], readonly=True) as tx:
            row = await tx.row(CONNECTION, merchant, kind, code)
        if row is None:
            raise NotConnected(kind=kind, code=code)
        seen = repr(tuple(row)).encode()
        known = self._open.get((kind, merchant, row["code"]))
        if known and known[0] == seen:
            return known[1]
        opened = build(row["plugin"], row["code"], config_of(self._keys, merchant, row))
        self._open[kind, merchant, row["code"]] = (seen, opened)
        return opened


def world_of(db: Db, home: Path, env: Mapping[str, str] = os.environ) -> World:
    keys = keyring(home)
    connections, links = Connections(db, keys), TrackingLinks(keys, public_url(home, env))
    every = timedelta(seconds=float(env.get(FOLLOW_SECONDS, "1800")))
    budget = Budget(int(env.get(CARRIER_CALLS, "0")))
    return World(db, connections.carrier, connections.payments, mailer(home), follow_every=every, budget=budget,
                 tracking_link=links.url, receipt_link=Receipts(keys, public_address(env)).url,
                 open_notifier=connections.notifier)  # fmt: skip
