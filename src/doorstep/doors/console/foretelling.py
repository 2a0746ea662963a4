"""foretelling: what a previewed move would do, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from doorstep.doors.console import words
from doorstep.doors.console.whole import Whole
from doorstep.kit.money import spell

# What follows that moves neither units nor money of this order by itself, and is worth a line.
FOLLOWS = {
    "want_refund": "What is then paid too much goes back the way it came",
    "want_release_of_funds": "Money that is held goes back to the buyer",
    "want_void": "The label is voided",
    "issue_credit": "A credit note is issued",
    "release": "It goes to the floor",
}
STOCK = {
    "free": "free again, for whoever waits for it",
    "quarantine": "set apart, until somebody restocks or scraps it",
}


def foretold(effect: Mapping[str, Any], of: Whole) -> list[str]:
    return list(_sentences(effect, of)) or ["No units and no money move."]


def _sentences(effect: Mapping[str, Any], of: Whole) -> Iterator[str]:
    for each in effect["demand"]:
        title = of.titles.get(each["line"], f"line {each['line']}")
        yield words.demand([f"{each['quantity']} × {title}"], "", each["from"], each["to"])
    for each in effect["cash"]:
        yield words.cash(spell(each["amount_minor"], of.order.currency), each["from"], each["to"])
    units: Counter[str] = Counter()
    for each in effect["stock"]:
        units[each["to"]] += each["quantity"]
    for target, count in units.items():
        if target in STOCK:
            yield f"{words.plural(count, 'unit')} {STOCK[target]}"
    for each in effect["holds"]:
        yield f"On hold: {words.HOLDS.get(each['type'], each['type'])}. {each['reason']}"
    for verb in dict.fromkeys(effect["verbs"][1:]):
        if verb in FOLLOWS:
            yield FOLLOWS[verb]
    for errand in dict.fromkeys(effect["asked_later"]):
        yield words.ERRANDS.get(errand, words.titled(errand))
    for each in effect["refused"]:
        yield f"Refused: {words.HAPPENED.get(each['verb'], words.titled(each['verb'])).lower()}. {each['sentence']}"
