"""standing: why an order is where it is, and what would move it on, in sentences; nothing here asks the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from doorstep.doors.console import words
from doorstep.doors.console.looks import at_site, money
from doorstep.doors.console.whole import Parcel, Part, Whole
from doorstep.doors.reads import order as reads
from doorstep.doors.reads.why import Decision

CLOSED = ("canceled", "expired", "completed", "draft")


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that the order waits for. `about` names what it is of (a hold, a parcel …), so that its page's
    buttons stand beside it."""

    tone: str
    title: str
    text: str
    moves_on: str = ""
    about: str = ""
    hold: reads.Hold | None = None


def standing(of: Whole) -> list[Reason]:
    """The holds first: nothing goes on past them; then what each part of the order waits for."""
    stage = of.order.statuses.stage
    reasons = [_held(of, hold) for hold in of.open_holds]
    if stage in CLOSED:
        return [*reasons, _closed(of)]
    if stage == "received":
        reasons.append(Reason("slate", "It just came in", "The checks have not looked at it yet.",
                              "They do so by themselves within moments, while the worker runs."))  # fmt: skip
    reasons += _waiting_for_stock(of)
    for part in of.parts:
        reasons += _of_part(of, part)
    if not reasons and of.order.statuses.payment not in ("paid", "overpaid", "refunded", "partially_refunded"):
        reasons.append(_only_money(of))
    return reasons or [Reason("green", "Nothing stands in the way", "It goes on by itself.")]


def _held(of: Whole, hold: reads.Hold) -> Reason:
    line = f" · only {of.titles.get(hold.line, f'line {hold.line}')}" if hold.line else ""
    kind = words.HOLDS.get(hold.type, words.titled(hold.type))
    lifts = words.LIFTS.get(hold.type) or _sentence(hold.lifts_when)
    return Reason("amber", f"On hold: {kind}{line}", _sentence(hold.reason), lifts, hold.id, hold)


def _closed(of: Whole) -> Reason:
    stage = of.order.statuses.stage
    told = {
        "completed": ("green", "Everything is done", "The goods arrived and the money is settled."),
        "canceled": ("quiet", "It is canceled", "Nothing more is sent."),
        "expired": ("quiet", "It ran out unpaid", "The reserved goods were given back."),
        "draft": ("slate", "It is a draft", "Nothing happens until it is confirmed."),
    }
    owed_back = -of.due_minor
    tone, title, text = told[stage]
    if stage != "draft" and owed_back > 0:
        return Reason("amber", title, f"{text} {money(owed_back, of.order.currency)} more was paid than is owed.",
                      "Refund it.")  # fmt: skip
    return Reason(tone, title, text)


def _waiting_for_stock(of: Whole) -> Iterator[Reason]:
    """What is short, and what waits only because the order ships complete."""
    if of.is_stopped or of.order.statuses.stage == "received":
        return
    held = {hold.line for hold in of.open_holds}
    waiting = {
        line.line: line.units["wanted"] for line in of.order.lines if line.units["wanted"] and line.line not in held
    }
    missing = _missing(of) & waiting.keys() or set(waiting)
    for line in sorted(missing):
        title = f"Waiting for stock: {waiting[line]} × {of.titles[line]}"
        yield Reason("amber", title, "No site has enough of it free.", "Receive some: the oldest order gets it first.")
    others = sum(units for line, units in waiting.items() if line not in missing)
    if others:
        verb = "waits" if others == 1 else "wait"
        yield Reason("slate", f"{words.plural(others, 'other unit')} {verb} with it", "The order ships complete.")


def _missing(of: Whole) -> set[int]:
    """Lines that the last look for stock found too little of."""
    looks = [decision.why.get("missing", ()) for decision in of.decisions if decision.verb in ("promise", "fill")]
    return {each["line"] for each in looks[-1]} if looks else set()


def _of_part(of: Whole, part: Part) -> Iterator[Reason]:
    site, where = part.site, f"at {part.site.name} ({part.site.code})"
    due = f" Ship by {at_site(part.row.ship_by, site.timezone)}, {site.code} time." if part.row.ship_by else ""
    late = "It is late. " if part.is_late else ""
    tone = "red" if part.is_late else "violet"
    if part.to_do:
        promised = words.plural(sum(count for count, _, stage in part.to_do if stage == "promised"), "unit")
        picked = sum(count for count, _, stage in part.to_do if stage == "picked")
        if picked:
            title, told, next_step = (
                f"Being picked {where}",
                f"{words.plural(picked, 'unit')} picked, not packed yet.",
                ("Pack them into a parcel."),
            )
        elif part.row.released_at:
            title, told, next_step = f"On the floor {where}", f"{promised} to pick.", "Pick it."
        else:
            title, told = f"Promised {where}", f"{promised} reserved; not sent to the floor yet."
            next_step = "Release it to the floor."
        if of.is_stopped:
            tone, next_step = "slate", "Not before the hold is lifted."
        yield Reason(tone, title, late + told + due, next_step, part.row.id)
    for parcel in part.parcels:
        yield from _of_parcel(parcel)


def _of_parcel(parcel: Parcel) -> Iterator[Reason]:
    row = parcel.row
    if not parcel.lines and not parcel.has_left:
        return
    if parcel.is_here:
        yield _not_handed_over(parcel)
    elif not parcel.has_left:
        yield Reason("slate", "Planned elsewhere", "Somebody else was to send this parcel; nobody said that it left.",
                     "Nothing is to be done for it here.", row.id)  # fmt: skip
    elif words.tone(row.state) in ("red", "amber") and row.delivered_at is None:
        news = parcel.events[0].message if parcel.events else ""
        title = f"Parcel {row.tracking_number or row.id}: {words.delivery(row.state).lower()}"
        yield Reason(words.tone(row.state), title,
                     _sentence(news) or "The carrier said so.", "Ask the carrier, or the buyer.", row.id)  # fmt: skip
    elif row.delivered_at is None:
        carrier = f" with {row.carrier}" if row.carrier else ""
        yield Reason("teal", f"On its way{carrier}", f"Parcel {row.tracking_number or row.id} was handed over.",
                     "News of the carrier move it on; or record the delivery by hand.", row.id)  # fmt: skip


def _not_handed_over(parcel: Parcel) -> Reason:
    row = parcel.row
    if row.label_state == "bought":
        return Reason("cyan", "Packed and labeled", f"Parcel {row.tracking_number} waits for the carrier.",
                      "Hand it over.", row.id)  # fmt: skip
    if row.label_state == "wanted":
        return Reason("cyan", "Waiting for its label", "The carrier was asked.", "It answers in a moment.", row.id)
    if row.label_state == "refused":
        return Reason("red", "The carrier refused the label", _sentence(parcel.more.label_error),
                      "Mend what it names and ask again, or keep a label bought elsewhere.", row.id)  # fmt: skip
    return Reason("cyan", "Packed, without a label", "The parcel cannot leave yet.",
                  "Ask for a label, or keep one bought elsewhere.", row.id)  # fmt: skip


def _only_money(of: Whole) -> Reason:
    due = money(max(0, of.due_minor), of.order.currency)
    if of.order.cash.collected:
        collected = money(of.order.cash.collected, of.order.currency)
        return Reason("amber", "The goods arrived", f"The carrier collected {collected} and has not paid it out yet.",
                      "Record its payout.")  # fmt: skip
    if of.order.cash.held:
        return Reason("amber", "The goods arrived", f"{due} is held and not taken yet.", "Take the held money.")
    return Reason("amber", "The goods arrived", f"{due} is still open.", "Record the payment when it comes in.")


def _sentence(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    return text[:1].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


# Decisions: what was chosen, and what was not.


@dataclass(frozen=True, slots=True)
class Told:
    title: str
    rule: str
    refused: list[tuple[str, str]]
    missing: str
    decision: Decision


def decided(of: Whole, last: int = 4) -> list[Told]:
    """The last decisions, newest first, each with the options it refused and for what reason."""
    return [_told(decision) for decision in reversed(of.decisions[-last:])]


def _told(decision: Decision) -> Told:
    why = decision.why
    refused = why.get("refused", {})
    options = list(refused.items()) if isinstance(refused, dict) else [_option(each) for each in refused]
    missing = sum(each.get("quantity", 0) for each in why.get("missing", ()) if isinstance(each, dict))
    title = {"promise": "Site", "fill": "Site", "buy_label": "Carrier", "keep_label": "Carrier"}.get(
        decision.verb, words.titled(decision.verb)
    )
    return Told(
        title=f"{title}: {decision.chosen}",
        rule=str(why.get("rule", "")),
        refused=[(str(option), str(reason)) for option, reason in options],
        missing=f"{words.plural(missing, 'unit')} missing everywhere" if missing else "",
        decision=decision,
    )


def _option(each: Any) -> tuple[str, str]:
    if isinstance(each, dict):
        named: Sequence[str] = [str(each[name]) for name in ("carrier", "service", "site", "option") if each.get(name)]
        return " ".join(named), str(each.get("reason") or each.get("why") or "")
    return str(each), ""
