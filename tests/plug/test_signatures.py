"""Whoever knows a carrier's address and not its secret is not heard."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.plug.signatures import SCHEMES

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = b"k" * 32
SECRET = f"whsec_{b64encode(KEY).decode()}"
BODY = b'{"parcels":{}}'


def signed(scheme: str, body: bytes = BODY, at: datetime = NOW) -> dict[str, str]:
    """The headers that a carrier of this scheme would send, worked out here in another way."""
    stamp = str(int(at.timestamp()))

    def hexed(*parts: bytes) -> str:
        return hmac.new(SECRET.encode(), b"".join(parts), hashlib.sha256).hexdigest()

    mac = hmac.new(KEY, b"msg_1." + stamp.encode() + b"." + body, hashlib.sha256).digest()
    return {
        "standard": {"webhook-id": "msg_1", "webhook-timestamp": stamp,
                     "webhook-signature": f"v1,AAAA v1,{b64encode(mac).decode()}"},
        "easypost": {"x-hmac-signature": f"hmac-sha256-hex={hexed(body)}"},
        "shippo": {"shippo-auth-signature": f"t={stamp},v1={hexed(stamp.encode(), b'.', body)}"},
        "fedex": {"fdx-signature": hexed(body)},
        "ups": {"credential": SECRET},
        "bearer": {"authorization": f"Bearer {SECRET}"},
    }[scheme]  # fmt: skip


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_what_the_carrier_signed_is_heard_and_nothing_else(scheme: str) -> None:
    holds = SCHEMES[scheme]
    headers = signed(scheme)
    assert holds(headers, BODY, SECRET, NOW)
    assert not holds(headers, BODY, "whsec_" + b64encode(b"x" * 32).decode(), NOW)
    assert not holds({}, BODY, SECRET, NOW)
    assert not holds({name: word[:-1] for name, word in headers.items()}, BODY, SECRET, NOW)
    if scheme not in ("ups", "bearer"):
        assert not holds(headers, BODY + b" ", SECRET, NOW)


@pytest.mark.parametrize("scheme", ["standard", "shippo"])
def test_what_was_overheard_cannot_be_told_again_later(scheme: str) -> None:
    holds = SCHEMES[scheme]
    assert holds(signed(scheme), BODY, SECRET, NOW + timedelta(minutes=4))
    assert not holds(signed(scheme), BODY, SECRET, NOW + timedelta(minutes=6))
    assert not holds(signed(scheme), BODY, SECRET, NOW - timedelta(minutes=6))


NAMES = sorted({name for scheme in SCHEMES for name in signed(scheme)})


@given(st.sampled_from(sorted(SCHEMES)), st.dictionaries(st.sampled_from(NAMES), st.text(max_size=80)), st.binary())
def test_whatever_comes_is_answered_with_a_no(scheme: str, headers: dict[str, str], body: bytes) -> None:
    assert SCHEMES[scheme](headers, body, SECRET, NOW) is False
