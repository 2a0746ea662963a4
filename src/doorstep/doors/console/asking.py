"""asking: a posted form as one ask of its verb, however often its button is hit."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from doorstep.doors.console.visit import Visit
from doorstep.kit import clock
from doorstep.kit.refusals import Invalid
from doorstep.spine.outcome import Ask
from doorstep.spine.verbs import VERBS


def asked(visit: Visit, verb: str, merchant: int, body: Any) -> Ask[Any]:
    """By this visitor, now."""
    return Ask(merchant, body, clock.now(), visit.visitor.actor, *once_of(visit, verb, body))


def body_of(verb: str, said: Mapping[str, Any], about: str = "") -> Any:
    """What a form says, as the verb's body; refuses Invalid. `about`: what the page calls the form."""
    try:
        return msgspec.convert(said, VERBS[verb].body, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(fields=[{"pointer": about, "detail": str(error)[:200]}]) from None


def once_of(visit: Visit, verb: str, body: Any) -> tuple[bytes | None, bytes]:
    """The request key that came with the form's page, and the hash of what is asked."""
    word = visit.form.get("once", "")
    person = visit.visitor.person.person_id
    key = blake2b(f"console\0{person}\0{word}".encode(), digest_size=16).digest() if word else None
    return key, blake2b(verb.encode() + b"\0" + msgspec.json.encode(body), digest_size=16).digest()
