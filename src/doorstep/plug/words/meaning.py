"""meaning: one word of a carrier in ours; the tables are looked up here, and free text where a table is coarse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError, fromstring

from doorstep.plug.carrier import Proof, TrackEvent
from doorstep.plug.states import NEWS
from doorstep.plug.words.phrases import PHRASES


class Meaning(NamedTuple):
    upu: str
    state: str
    message: str = ""
    reason: str = ""
    party: str = ""


class NotReadable(ValueError):
    """This is not how the carrier speaks."""


UNKNOWN = Meaning("", "")
# UPU events for states that a carrier without UPU codes tells.
UPU_OF_STATE: Mapping[str, str] = {
    "accepted": "EMA", "departed": "EMC", "arrived": "EMD", "in_customs": "EDB", "customs_hold": "EME",
    "customs_released": "EDC", "out_for_delivery": "EDG", "available_for_pickup": "EDH", "attempted": "EMH",
    "refused": "EMH", "delivered": "EMI", "export_customs": "EXA",
}  # fmt: skip

_ON_THE_WAY = frozenset({
    "accepted", "in_transit", "export_customs", "departed", "arrived", "in_customs", "customs_hold", "customs_released",
    "delayed", "out_for_delivery", "attempted", "available_for_pickup", "redirected", "returning",
})  # fmt: skip
_TROUBLE = frozenset({
    "attempted", "customs_hold", "delayed", "exception", "damaged", "refused", "returning", "lost", "destroyed",
    "seized", "available_for_pickup", "redirected", "in_customs",
})  # fmt: skip
# What the text beside a coarse code may make of it: it says more of the same, never the opposite.
FINER: Mapping[str, frozenset[str]] = {
    "": frozenset({*_ON_THE_WAY, *_TROUBLE, "pre_transit", "canceled", "delivered", "returned_to_sender", NEWS}),
    "pre_transit": frozenset({"pre_transit", NEWS}),
    "in_transit": _ON_THE_WAY,
    "exception": _TROUBLE,
    "attempted": frozenset({"attempted", "refused"}),
    "returning": frozenset({"returning", "refused", "returned_to_sender"}),
    "delayed": frozenset({"delayed", "customs_hold"}),
    "in_customs": frozenset({"in_customs", "customs_hold", "customs_released", "export_customs"}),
    "delivered": frozenset({"delivered", "returned_to_sender"}),
}


def meaning_of(table: Mapping[str, Meaning], *words: str, text: str = "") -> Meaning:
    """The first word that the table knows, made finer by the text; the text alone where it knows none."""
    known = next((table[word] for word in map(_plain, words) if word in table), UNKNOWN)
    return _finer(known, text) if known.state in FINER and not known.reason else known


def by_text(text: str) -> Meaning:
    """What a sentence says by itself."""
    plain = text.replace("_", " ")
    for pattern, state, reason, party in PHRASES:
        if pattern.search(plain):
            return Meaning(UPU_OF_STATE.get(state, ""), state, "", reason, party)
    return UNKNOWN


def table(rows: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """A table by plain words: however a carrier spells and spaces them."""
    return {_plain(word): row for word, row in rows.items()}


def _finer(known: Meaning, text: str) -> Meaning:
    said = by_text(text) if text else UNKNOWN
    if said.state not in FINER[known.state]:
        return known
    if said.state == known.state:
        return known._replace(reason=said.reason, party=said.party)
    return said._replace(message=known.message) if said.state else known


@lru_cache(maxsize=4096)
def _plain(word: str) -> str:
    return re.sub(r"[\s_-]+", " ", word).strip().casefold()


def event(
    meaning: Meaning, *, at: datetime, raw: str, place: str = "", country: str = "", text: str = "",
    proof: Proof | None = None,
) -> TrackEvent:  # fmt: skip
    """The carrier's own text is kept; ours stands where it has none."""
    return TrackEvent(
        happened_at=at, code=meaning.upu, raw_code=raw[:RAW], state=meaning.state, place=place[:PLACE],
        country=country[:2].upper(), message=(text or meaning.message)[:TEXT], reason=meaning.reason,
        party=meaning.party, proof=proof if proof and meaning.state == "delivered" else None,
    )  # fmt: skip


# What the verb takes at most.
RAW, PLACE, TEXT = 200, 190, 1000


# Reading what is told, piece by piece: a part that is missing or of another kind is empty, not an error.


def part(told: Any, *path: str | int) -> Any:
    """The value at that path; None where there is none."""
    for step in path:
        if isinstance(told, dict) and isinstance(step, str):
            told = told.get(step)
        elif isinstance(told, list) and isinstance(step, int) and -len(told) <= step < len(told):
            told = told[step]
        else:
            return None
    return told


def word(told: Any, *path: str | int) -> str:
    value = part(told, *path)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()


def parts(told: Any, *path: str | int) -> list[Any]:
    """The list at that path; one thing alone is a list of one."""
    value = part(told, *path)
    return value if isinstance(value, list) else [] if value is None else [value]


def joined(*words: str) -> str:
    return ", ".join(dict.fromkeys(one for one in words if one))


def moment(said: str) -> datetime:
    """A time in ISO 8601, or as Meest spells it; without a zone it is UTC. Raises NotReadable."""
    try:
        at = datetime.fromisoformat(said.strip().replace(" UTC", "+00:00"))
    except ValueError:
        raise NotReadable(f"{said[:40]!r} is no time") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def spelled(said: str, *formats: str) -> datetime:
    """A time in one of these formats, as UTC. Raises NotReadable."""
    for form in formats:
        try:
            return datetime.strptime(said.strip(), form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise NotReadable(f"{said[:40]!r} is no time")


def xml(text: str) -> Element:
    """Its root, without namespaces; a document that declares entities is none of a carrier's."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotReadable("a carrier's answer declares no entities")
    try:
        root = fromstring(text)
    except ParseError as broken:
        raise NotReadable(str(broken)) from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
