"""connections: a merchant's accounts with carriers, payment providers, gateways; the secret part of each is sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from doorstep.kit.refusals import Refusal
from doorstep.kit.secrets import Keyring
from doorstep.plug import registry
from doorstep.setup import checks, log
from doorstep.setup.log import MACHINE, By
from doorstep.spine.tenant import Db, Tx, tenant_tx

KINDS = ("carrier", "payments", "sms")

THERE = """
select connection_id, plugin, settings, secret from connection where merchant_id = $1 and kind = $2 and code = $3
  for update
"""
ADD = """
insert into connection (merchant_id, connection_id, kind, plugin, code, settings, secret)
  values ($1, $2, $3, $4, $5, $6::jsonb, $7)
"""
CHANGE = """
update connection set plugin = $3, settings = $4::jsonb, secret = $5 where merchant_id = $1 and connection_id = $2
"""
ALL = """
select kind, code, plugin, settings, secret <> '' as has_secret from connection
  where merchant_id = $1 order by kind, code
"""
OF_CODE = """
select connection_id, plugin, code, settings, secret from connection where merchant_id = $1 and kind = $2 and code = $3
"""
REMOVE = "delete from connection where merchant_id = $1 and kind = $2 and code = $3 returning code"


class NotAKind(Refusal):
    """An account is with a carrier, with a payment provider, or with a gateway for text messages."""

    status = 422


class NotOurCarrier(Refusal):
    """There is no account with this carrier; connect one first."""

    status = 422


@dataclass(frozen=True, slots=True)
class Connection:
    kind: str
    code: str
    plugin: str
    settings: dict[str, Any]
    has_secret: bool


def secret_context(merchant: int, connection: int) -> str:
    """Binds a sealed secret to its row; the secret is a JSON object of the settings that must not lie open."""
    return f"connection/{merchant}/{connection}/secret"


async def connect(
    db: Db, keys: Keyring, merchant: int, kind: str, *, plugin: str, code: str, config: Mapping[str, Any],
    by: By = MACHINE,
) -> bool:  # fmt: skip
    """Add the account of that code, or set it anew; answers whether it is new. Nobody outside is asked.

    Refuses NotAKind, UnknownPlugin, BadSettings.
    """
    if kind not in KINDS:
        raise NotAKind(kind=kind[:60])
    checks.word("code", code, 60)
    registry.check(plugin, config)
    hidden = registry.secret_fields(plugin)
    settings = msgspec.json.encode({name: value for name, value in config.items() if name not in hidden}).decode()
    secret = {name: value for name, value in config.items() if name in hidden and value}
    async with tenant_tx(db, [merchant]) as tx:
        there = await tx.row(THERE, merchant, kind, code)
        connection = there["connection_id"] if there else next(await tx.fresh_ids(1))
        context = secret_context(merchant, connection)
        sealed = keys.seal(msgspec.json.encode(secret).decode(), context) if secret else ""
        if there:
            await tx.run(CHANGE, merchant, connection, plugin, settings, sealed)
        else:
            await tx.run(ADD, merchant, connection, kind, plugin, code, settings, sealed)
        await log.changed(tx, by, kind, code, merchant)
    return there is None


async def must_be_our_carrier(tx: Tx, merchant: int, code: str) -> None:
    """Refuses NotOurCarrier."""
    if await tx.row(OF_CODE, merchant, "carrier", code) is None:
        raise NotOurCarrier(carrier=code)


async def disconnect(tx: Tx, merchant: int, kind: str, code: str, by: By = MACHINE) -> bool:
    """Forget the account; answers whether there was one."""
    if await tx.value(REMOVE, merchant, kind, code) is None:
        return False
    await log.changed(tx, by, f"no {kind}", code, merchant)
    return True


async def connections(tx: Tx, merchant: int) -> list[Connection]:
    return [
        Connection(row["kind"], row["code"], row["plugin"], msgspec.json.decode(row["settings"]), row["has_secret"])
        for row in await tx.rows(ALL, merchant)
    ]


async def connection_of(
    tx: Tx, keys: Keyring, merchant: int, kind: str, code: str
) -> tuple[str, dict[str, Any]] | None:
    """The plugin of that account and its settings, the secret ones with them: never to be shown."""
    row = await tx.row(OF_CODE, merchant, kind, code)
    return (row["plugin"], config_of(keys, merchant, row)) if row else None


def config_of(keys: Keyring, merchant: int, row: Any) -> dict[str, Any]:
    """The settings of a connection's row with its secrets opened."""
    config: dict[str, Any] = msgspec.json.decode(row["settings"])
    if row["secret"]:
        context = secret_context(merchant, row["connection_id"])
        config |= msgspec.json.decode(keys.open(row["secret"], context))
    return config
