"""foretelling: what a previewed move would do, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from doorstep.doors.console import words
from doorstep.doors.console.looks import money
from doorstep.doors.console.speaking import Told, _, ngettext

# Stands for what a form asks for and nobody has typed yet.
NOT_SAID_YET = "…"
# What follows that moves neither units nor money of this order by itself, and is worth a line.
FOLLOWS = Told({
    "want_refund": "What is then paid too much goes back the way it came",
    "want_release_of_funds": "Money that is held goes back to the buyer",
    "want_void": "The label is voided",
    "issue_credit": "A credit note is issued",
    "release": "It goes to the floor",
})  # fmt: skip


def foretold(effect: Mapping[str, Any], titles: Mapping[int, str], currency: str) -> list[str]:
    """For an order with lines of these titles."""
    return list(_sentences(effect, titles, currency)) or [_("No units and no money move.")]


def _sentences(effect: Mapping[str, Any], titles: Mapping[int, str], currency: str) -> Iterator[str]:
    for each in effect["demand"]:
        title = titles.get(each["line"]) or _("line %(line)s", line=each["line"])
        yield words.demand([f"{each['quantity']} × {title}"], "", each["from"], each["to"])
    for each in effect["cash"]:
        yield words.cash(money(each["amount_minor"], currency), each["from"], each["to"])
    yield from _stock(effect)
    for each in effect["holds"]:
        kind = words.HOLDS.get(each["type"], each["type"])
        told = "" if each["reason"] == NOT_SAID_YET else words.reason(each["reason"])
        yield _("On hold: %(kind)s. %(reason)s", kind=kind, reason=told) if told else _("On hold: %(kind)s", kind=kind)
    for verb in dict.fromkeys(effect["verbs"][1:]):
        if verb in FOLLOWS:
            yield FOLLOWS[verb]
    for errand in dict.fromkeys(effect["asked_later"]):
        yield words.ERRANDS.get(errand, words.titled(errand))
    for each in effect["refused"]:
        what = words.HAPPENED.get(each["verb"], words.titled(each["verb"])).lower()
        yield _("Refused: %(what)s. %(why)s", what=what, why=words.reason(each["sentence"]))


def _stock(effect: Mapping[str, Any]) -> Iterator[str]:
    units: Counter[str] = Counter()
    for each in effect["stock"]:
        units[each["to"]] += each["quantity"]
    if count := units["free"]:
        yield ngettext(
            "%(num)s unit free again, for whoever waits for it", "%(num)s units free again, for whoever waits for them",
            count,
        )  # fmt: skip
    if count := units["quarantine"]:
        yield ngettext(
            "%(num)s unit set apart, until somebody restocks or scraps it",
            "%(num)s units set apart, until somebody restocks or scraps them", count,
        )  # fmt: skip
