"""receipts: what a gateway tells later of a text message: that it came, or did not.

`/receipts/<token>`: the token names the merchant and the notice and is signed by the home's key; what is posted there
counts when the gateway's own signature fits too.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from doorstep.kit import home as homes
from doorstep.kit.address import public_address
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.kit.secrets import Keyring, keyring
from doorstep.plug import registry
from doorstep.plug.notifier import NotSigned, Receipt
from doorstep.setup.connections import connection_of
from doorstep.spine.tenant import Db, tenant_tx

PURPOSE = "receipt"
LARGEST = 20_000
_SIGNATURE = 16
# As of a gateway that a merchant's texts go by: the first by name.
GATEWAY = "select min(c.code) from connection c where c.merchant_id = $1 and c.kind = 'sms'"


class NotTheGateway(Refusal):
    """The signature does not fit: this was not sent by the gateway."""

    status = 401


@dataclass(frozen=True, slots=True)
class Receipts:
    """`base` is where the gateway reaches this doorstep; '' where nobody outside does, and then it is not asked."""

    keys: Keyring
    base: str

    def url(self, merchant: int, letter: str) -> str:
        if not self.base:
            return ""
        named = f"{merchant}/{letter}".encode()
        token = urlsafe_b64encode(named + self.keys.sign(named, PURPOSE)).rstrip(b"=").decode()
        return self.at(token)

    def at(self, token: str) -> str:
        return f"{self.base}/receipts/{token}"

    def read(self, token: str) -> tuple[int, str] | None:
        """Merchant and letter; None of what nobody signed."""
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        named, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
        if not named or not self.keys.is_signed(named, PURPOSE, signature):
            return None
        merchant, _, letter = named.decode().partition("/")
        return int(merchant), letter


def are_unheard(plugin: str) -> bool:
    """A gateway that would tell how a text message ended does not know where: nobody set this doorstep's address."""
    return registry.has_receipts(plugin) and not public_address()


def receipts() -> Receipts:
    """Of this home."""
    return Receipts(keyring(homes.home()), public_address())


async def hear(
    db: Db, of: Receipts, token: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, str, Receipt] | None:
    """Merchant, letter and what became of it; None of what is no end. Refuses NotFound, NotTheGateway."""
    named = of.read(token)
    if named is None:
        raise NotFound(receipt="…")
    merchant, letter = named
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        code = await tx.value(GATEWAY, merchant)
        account = await connection_of(tx, of.keys, merchant, "sms", code) if code else None
    if account is None:
        raise NotFound(receipt="…")
    try:
        told = registry.receipt(*account, of.at(token), headers, body)
    except NotSigned:
        raise NotTheGateway(gateway=code) from None
    return (merchant, letter, told) if told else None
