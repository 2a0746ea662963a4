"""tracking_links: the address of a buyer's page: it names merchant and order, and nobody else can make one.

`/t/<token>`: the token is both numbers and a signature by the home's key; nothing of it is kept, so that it holds as
long as the key does, and says nothing of anybody.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from doorstep.kit import home as homes
from doorstep.kit.address import public_address
from doorstep.kit.secrets import Keyring, keyring

PURPOSE = "tracking link"
_SIGNATURE = 16
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class TrackingLinks:
    """`base` is where buyers reach this doorstep."""

    keys: Keyring
    base: str = ""

    def url(self, merchant: int, order: int) -> str:
        return f"{self.base}/t/{self.token(merchant, order)}"

    def token(self, merchant: int, order: int) -> str:
        named = _named(merchant, order)
        return urlsafe_b64encode(named + self.keys.sign(named, PURPOSE)).rstrip(b"=").decode()

    def read(self, token: str) -> tuple[int, int] | None:
        """Merchant and order; None of what nobody signed."""
        raw = _bytes(token)
        named, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
        if not self.keys.is_signed(named, PURPOSE, signature) or not named:
            return None
        at = 1 + named[0]
        return int.from_bytes(named[1:at], "big"), int.from_bytes(named[at:], "big")


def _named(merchant: int, order: int) -> bytes:
    """The merchant's bytes with their number before them, then the order's."""
    first, second = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (merchant, order))
    return bytes([len(first)]) + first + second


def _bytes(token: str) -> bytes:
    """Of a token as it was given out, letter for letter; nothing of any other spelling."""
    if len(token) > _LONGEST or not token.isascii():
        return b""
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return b""
    return raw if urlsafe_b64encode(raw).rstrip(b"=").decode() == token else b""


@lru_cache(maxsize=4)
def tracking_links(home: Path | None = None) -> TrackingLinks:
    """Of this home, read once."""
    folder = home or homes.home()
    return TrackingLinks(keyring(folder), public_url(folder))


def public_url(home: Path, env: Mapping[str, str] = os.environ) -> str:
    """As it is set, else this machine's own, which is enough to try it out."""
    port = homes.port_of(home, "web")
    return public_address(env) or (f"http://127.0.0.1:{port}" if port else "")
