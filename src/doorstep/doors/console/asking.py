"""asking: what makes a form's ask one ask, however often its button is hit."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from doorstep.doors.console.visit import Visit


def once_of(visit: Visit, verb: str, body: Any) -> tuple[bytes | None, bytes]:
    """The request key that came with the form's page, and the hash of what is asked."""
    word = visit.form.get("once", "")
    person = visit.visitor.person.person_id
    key = blake2b(f"console\0{person}\0{word}".encode(), digest_size=16).digest() if word else None
    return key, blake2b(verb.encode() + b"\0" + msgspec.json.encode(body), digest_size=16).digest()
