"""undoing: what takes back what was just done, where another verb does: the toast's Undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doorstep.doors.console.allowing import may
from doorstep.doors.console.whole import Whole


@dataclass(frozen=True, slots=True)
class Undo:
    """The counter-verb, with the fields of its form."""

    verb: str
    fields: Mapping[str, str]


def subject_of(verb: str, answer: Mapping[str, Any]) -> dict[str, str]:
    """What the page that follows must know to offer the way back."""
    return {"hold": str(answer["hold"])} if verb in ("hold", "lift") and answer.get("hold") else {}


def undo(of: Whole, verb: str, hold: str, roles: frozenset[str]) -> Undo | None:
    """A hold is lifted again, a lifted one placed again as it was, a mended address put back."""
    if verb == "fix_address":
        return _former_address(of) if may("fix_address", roles) else None
    found = next((each for each in of.order.holds if each.id == hold), None)
    if found is None:
        return None
    if verb == "hold" and found.lifted_at is None and may("lift", roles):
        return Undo("lift", {"hold": found.id})
    if verb == "lift" and found.lifted_at is not None and may("hold", roles):
        until = {"until": f"{found.until:%Y-%m-%dT%H:%M}"} if found.until else {}
        line = {"line": str(found.line)} if found.line else {}
        return Undo("hold", {"order": of.order.id, "type": found.type, "reason": found.reason, **line, **until})
    return None


def _former_address(of: Whole) -> Undo | None:
    """Not where the mending ended a hold besides: the old address alone would not put things back."""
    mended = next((each for each in of.timeline if each.verb == "fix_address"), None)
    before = mended.before.get("ship_to") if mended else None
    if not mended or not before or any(hold.lifted_at == mended.happened_at for hold in of.order.holds):
        return None
    former = {f"ship_to.{name}": word for name, word in before.items() if word}
    return Undo("fix_address", {"order": of.order.id, **former})
