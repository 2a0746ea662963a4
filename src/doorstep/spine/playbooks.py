"""playbooks: what can be done about an exception, the likeliest first, and the verb that does it.

A step without a verb is done outside doorstep (a call, the carrier's own page): who did it ends the exception with its
name as the note.
"""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    name: str
    says: str
    verb: str = ""


_STEPS = (
    Step("reattempt", "have the carrier try again, on a day the buyer names", "instruct"),
    Step("readdress", "send it to another address or pickup point", "instruct"),
    Step("return", "have the carrier bring it back", "instruct"),
    Step("send_papers", "send customs or the carrier the papers it asks for", "instruct"),
    Step("ask_carrier", "ask the carrier where it is"),
    Step("tell_buyer", "tell the buyer what happens"),
    Step("claim", "claim it from the carrier, before its deadline"),
    Step("write_off", "write it off as lost by the carrier", "lose"),
    Step("take_back", "receive it at a site", "take_back"),
    Step("deliver", "record that it is in the buyer's hands", "deliver"),
    Step("resend", "send the goods again", "place"),
    Step("refund", "give the money back", "issue_credit"),
    Step("teach", "find out what the word means, and put it into the carrier's table"),
)
STEPS = {step.name: step for step in _STEPS}

_PLAYS: dict[str, tuple[str, ...]] = {
    "delivery_attempted": ("reattempt", "readdress", "tell_buyer", "return"),
    "delivery_exception": ("ask_carrier", "readdress", "tell_buyer", "return"),
    "delivery_delayed": ("tell_buyer", "ask_carrier"),
    "delivery_customs_hold": ("send_papers", "tell_buyer", "return"),
    "delivery_damaged": ("claim", "resend", "refund", "take_back"),
    "delivery_refused": ("tell_buyer", "return", "refund"),
    "delivery_returning": ("tell_buyer", "readdress", "take_back"),
    "delivery_returned_to_sender": ("take_back", "resend", "refund"),
    "delivery_lost": ("claim", "write_off", "resend", "refund"),
    "parcel_lost": ("claim", "resend", "refund"),
    "silence": ("ask_carrier", "tell_buyer", "claim", "write_off"),
    "unknown_status": ("teach", "ask_carrier"),
    "carrier_to_tell": ("ask_carrier",),
}
# Why it went wrong may say what helps first.
_FIRST_FOR: dict[str, tuple[str, ...]] = {
    "wrong_address": ("readdress",), "unverifiable": ("readdress",), "moved": ("readdress",),
    "papers": ("send_papers",), "no_access": ("tell_buyer", "reattempt"), "unclaimed": ("tell_buyer",),
}  # fmt: skip
_AFTER_DELIVERY_TROUBLE = frozenset({"delivery_attempted", "delivery_exception", "delivery_returning"})


def playbook(kind: str, reason: str = "") -> tuple[Step, ...]:
    """The steps for this kind; nothing for kinds whose one next action is all there is to do."""
    first = _FIRST_FOR.get(reason, ()) if kind in _AFTER_DELIVERY_TROUBLE else ()
    return tuple(STEPS[name] for name in dict.fromkeys((*first, *_PLAYS.get(kind, ()))))
