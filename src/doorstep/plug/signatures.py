"""signatures: whether what came to a carrier's address was sent by the carrier. Pure: headers, bytes, a secret, a time.

Every scheme compares in constant time; one that tells its time is refused when that is long ago, so that what was
overheard cannot be told again.
"""

from __future__ import annotations

import hmac
import unicodedata
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256

TOLERANCE = timedelta(minutes=5)

Headers = Mapping[str, str]  # names in lower case
Scheme = Callable[[Headers, bytes, str, datetime], bool]


def standard(headers: Headers, body: bytes, secret: str, now: datetime) -> bool:
    """Standard Webhooks; several signatures while a secret is changed."""
    told, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except NotBase64:
        return False
    if not _is_now(at, now):
        return False
    expected = hmac.digest(key, f"{told}.{at}.".encode() + body, sha256)
    return any(
        version == "v1" and _same(given, expected)
        for version, _, given in (word.partition(",") for word in headers.get("webhook-signature", "").split())
    )


def easypost(headers: Headers, body: bytes, secret: str, now: datetime) -> bool:
    key = unicodedata.normalize("NFKD", secret).encode()
    expected = "hmac-sha256-hex=" + hmac.new(key, body, sha256).hexdigest()
    return hmac.compare_digest(headers.get("x-hmac-signature", "").encode(), expected.encode())


def shippo(headers: Headers, body: bytes, secret: str, now: datetime) -> bool:
    """`t=…,v1=…`, of the time and the body."""
    told = dict(part.partition("=")[::2] for part in headers.get("shippo-auth-signature", "").split(","))
    at = told.get("t", "")
    expected = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return _is_now(at, now) and hmac.compare_digest(told.get("v1", "").encode(), expected.encode())


def fedex(headers: Headers, body: bytes, secret: str, now: datetime) -> bool:
    expected = hmac.new(secret.encode(), body, sha256).hexdigest()
    return hmac.compare_digest(headers.get("fdx-signature", "").encode(), expected.encode())


def ups(headers: Headers, body: bytes, secret: str, now: datetime) -> bool:
    """UPS signs nothing: it shows the word that it was given."""
    return hmac.compare_digest(headers.get("credential", "").encode(), secret.encode())


def bearer(headers: Headers, body: bytes, secret: str, now: datetime) -> bool:
    """For who can only send a header."""
    return hmac.compare_digest(headers.get("authorization", "").encode(), f"Bearer {secret}".encode())


SCHEMES: Mapping[str, Scheme] = {
    "standard": standard, "easypost": easypost, "shippo": shippo, "fedex": fedex, "ups": ups, "bearer": bearer,
}  # fmt: skip


def _is_now(said: str, now: datetime) -> bool:
    return said.isascii() and said.isdigit() and len(said) < 12 and abs(now.timestamp() - int(said)) < TOLERANCE.seconds


def _same(given: str, expected: bytes) -> bool:
    try:
        return hmac.compare_digest(b64decode(given, validate=True), expected)
    except NotBase64:
        return False
