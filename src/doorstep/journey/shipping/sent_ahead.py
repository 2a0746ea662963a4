"""sent_ahead: texts as they fit into what is sent ahead of a parcel: one readable line, no longer than its field.

Lengths are those of the Union's customs data model, which ICS2 is made of; the marks are those that XML has room for.
What is words is cut where a word ends; a number that does not fit is left out: part of it would be another number.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from doorstep.kit.paper import printable
from doorstep.plug.carrier import Address

WORDS = {"name": 70, "company": 70, "street": 70, "city": 35, "region": 35, "description": 512}
NUMBERS = {"postcode": 17, "identification": 17, "phone": 40, "email": 254}
# Letters of some scripts are joined, or kept apart, by these.
_JOINERS = "\u200c\u200d"


@dataclass(slots=True)
class Fitting:
    """Makes texts fit, and remembers what of them is not whole. `whose`: addressee, sender, piece 1."""

    whose: str
    shortened: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def words(self, name: str, text: str) -> str:
        whole, longest = visible(text), WORDS[name]
        if len(whole) > longest:
            self.shortened.append(f"{self.whose}: {name}")
        return _cut(whole, longest)

    def number(self, name: str, text: str) -> str:
        whole, longest = visible(text), NUMBERS[name]
        if len(whole) <= longest:
            return whole
        self.left_out.append(f"{self.whose}: the {name} has more than {longest} characters")
        return ""

    def address(self, address: Address, identification: str) -> dict[str, str]:
        street = ", ".join(filter(None, map(visible, (address.line1, address.line2))))
        said = {"name": address.name, "company": address.company, "street": street, "city": address.city,
                "region": address.region}  # fmt: skip
        numbers = {"postcode": address.postal_code, "phone": address.phone, "email": address.email,
                   "identification": identification}  # fmt: skip
        return {
            **{name: self.words(name, text) for name, text in said.items()},
            **{name: self.number(name, text) for name, text in numbers.items()},
            "country": address.country,
        }


def visible(text: str) -> str:
    """What can be read of it, on one line; nothing where that is nothing."""
    kept = "".join(char for char in printable(text) if char in _JOINERS or unicodedata.category(char)[0] != "C")
    is_read = any(char not in _JOINERS and unicodedata.category(char)[0] not in "MZ" for char in kept)
    return " ".join(kept.split()) if is_read else ""


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    words = text[: longest + 1].rpartition(" ")[0]
    return (words if len(words) > longest // 2 else text[:longest]).rstrip(_JOINERS + " ,;")
