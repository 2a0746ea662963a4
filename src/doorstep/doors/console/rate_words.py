"""rate_words: how a price came about, a part at a time, as people read it; price lists say it in a short way."""

from __future__ import annotations

import re

from doorstep.doors.console.looks import money, weight
from doorstep.doors.console.speaking import Told, _

_WEIGHED = re.compile(r"(\d+) g (by volume|on the scales)(, rounded up)?")
_PRICED = re.compile(r"(\S+)( [\d.]+ %)? (-?\d+)")
HOW = Told({"by volume": "by volume", "on the scales": "on the scales", ", rounded up": "rounded up"})
EXTRAS = Told({
    "base": "base", "minimum": "up to the minimum", "fuel": "fuel", "cod": "cash on delivery", "insurance": "insurance",
})  # fmt: skip


def part(text: str, currency: str) -> str:
    """What is not of ours stays as the carrier says it."""
    if text.startswith("zone "):
        return _("zone %(name)s", name=text.removeprefix("zone "))
    if weighed := _WEIGHED.fullmatch(text):
        grams, *how = weighed.groups()
        return ", ".join([f"{weight(int(grams))} {HOW[how[0]]}", *(HOW[each] for each in how[1:] if each)])
    if priced := _PRICED.fullmatch(text):
        share = (priced[2] or "").replace(" %", "%")
        return f"{EXTRAS.get(priced[1], priced[1])}{share} {money(int(priced[3]), currency)}"
    return text
