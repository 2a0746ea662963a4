"""standing: why an order is where it is, and what would move it on, in sentences; nothing here asks the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from doorstep.doors.console import words
from doorstep.doors.console.looks import at_site, money
from doorstep.doors.console.speaking import _, ngettext
from doorstep.doors.console.whole import Parcel, Part, Whole
from doorstep.doors.reads import order as reads
from doorstep.doors.reads.why import Decision
from doorstep.spine.exceptions import NEXT_ACTION, next_action

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
    href: str = ""  # where it is mended, if not on this page


def standing(of: Whole) -> list[Reason]:
    """The holds first: nothing goes on past them; then what each part of the order waits for."""
    stage = of.order.statuses.stage
    reasons = [_held(of, hold) for hold in of.open_holds]
    if stage in CLOSED:
        return [*reasons, _closed(of)]
    if stage == "received":
        reasons.append(Reason("slate", _("It just came in"), _("The checks have not looked at it yet."),
                              _("They do so by themselves within moments, while the worker runs.")))  # fmt: skip
    reasons += _waiting_for_stock(of)
    for part in of.parts:
        reasons += _of_part(of, part)
    if not reasons and of.order.statuses.payment not in ("paid", "overpaid", "refunded", "partially_refunded"):
        reasons.append(_only_money(of))
    return reasons or [Reason("green", _("Nothing stands in the way"), _("It goes on by itself."))]


def _held(of: Whole, hold: reads.Hold) -> Reason:
    line = f" · {_('only %(item)s', item=of.title(hold.line))}" if hold.line else ""
    kind = words.HOLDS.get(hold.type, words.titled(hold.type))
    lifts = words.LIFTS.get(hold.type) or words.sentence(hold.lifts_when)
    sku = of.skus_of.get(hold.line) if hold.line and hold.type == "customs_data" else None
    return Reason(
        "amber", _("On hold: %(kind)s", kind=kind) + line, words.sentence(hold.reason), lifts, hold.id, hold,
        f"/catalog/{sku}/edit" if sku else "",
    )  # fmt: skip


def _closed(of: Whole) -> Reason:
    stage = of.order.statuses.stage
    told = {
        "completed": ("green", _("Everything is done"), _("The goods arrived and the money is settled.")),
        "canceled": ("quiet", _("It is canceled"), _("Nothing more is sent.")),
        "expired": (
            "quiet",
            _("It ran out unpaid"),
            _("Nobody paid in time. Goods that were set aside for it are free again."),
        ),
        "draft": ("slate", _("It is a draft"), _("Nothing happens until it is confirmed.")),
    }
    owed_back = -of.due_minor
    tone, title, text = told[stage]
    if stage != "draft" and owed_back > 0:
        more = _("%(amount)s more was paid than is owed.", amount=money(owed_back, of.order.currency))
        return Reason("amber", title, f"{text} {more}", _("Refund it."))
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
        title = _("Waiting for stock: %(units)s × %(item)s", units=waiting[line], item=of.titles[line])
        yield Reason(
            "amber", title, _("No site has enough of it free."), _("Receive some: the oldest order gets it first.")
        )
    others = sum(units for line, units in waiting.items() if line not in missing)
    if others:
        title = ngettext("%(num)s other unit waits with it", "%(num)s other units wait with it", others)
        yield Reason("slate", title, _("The order ships complete."))


def _missing(of: Whole) -> set[int]:
    """Lines that the last look for stock found too little of."""
    looks = [decision.why.get("missing", ()) for decision in of.decisions if decision.verb in ("promise", "fill")]
    return {each["line"] for each in looks[-1]} if looks else set()


def _of_part(of: Whole, part: Part) -> Iterator[Reason]:
    if part.to_do:
        title, told, moves_on = _to_do(part)
        said = [_("It is late.") if part.is_late else "", told, _ship_by(part)]
        tone = "slate" if of.is_stopped else "red" if part.is_late else "violet"
        moves_on = _("Not before the hold is lifted.") if of.is_stopped else moves_on
        yield Reason(tone, title, " ".join(filter(None, said)), moves_on, part.row.id)
    for parcel in part.parcels:
        yield from _of_parcel(parcel)


def _to_do(part: Part) -> tuple[str, str, str]:
    """Of what is not packed yet: how far it is, what of it, and what moves it on."""
    site = f"{part.site.name} ({part.site.code})"
    promised, picked = (
        sum(count for count, _item, at in part.to_do if at == stage) for stage in ("promised", "picked")
    )
    if picked:
        told = ngettext("%(num)s unit picked, not packed yet.", "%(num)s units picked, not packed yet.", picked)
        return _("Being picked at %(site)s", site=site), told, _("Pack it into a parcel.")
    if part.row.released_at:
        told = ngettext("%(num)s unit to pick.", "%(num)s units to pick.", promised)
        return _("On the floor at %(site)s", site=site), told, _("Pick it.")
    told = ngettext(
        "%(num)s unit reserved; not sent to the floor yet.", "%(num)s units reserved; not sent to the floor yet.",
        promised,
    )  # fmt: skip
    return _("Promised at %(site)s", site=site), told, _("Release it to the floor.")


def _ship_by(part: Part) -> str:
    if not part.row.ship_by:
        return ""
    when = at_site(part.row.ship_by, part.site.timezone)
    return _("Ship by %(time)s, %(site)s time.", time=when, site=part.site.code)


def _of_parcel(parcel: Parcel) -> Iterator[Reason]:
    row = parcel.row
    if not parcel.lines and not parcel.has_left:
        return
    if parcel.is_here:
        yield _not_handed_over(parcel)
    elif not parcel.has_left:
        told = _("Somebody else was to send this parcel; nobody said that it left.")
        yield Reason("slate", _("Planned elsewhere"), told, _("Nothing is to be done for it here."), row.id)
    elif words.tone(row.state) in ("red", "amber") and row.delivered_at is None:
        news = parcel.events[0].message if parcel.events else ""
        state = words.delivery(row.state).lower()
        title = _("Parcel %(number)s: %(state)s", number=row.tracking_number or row.id, state=state)
        told = words.sentence(news) or _("The carrier said so.")
        yield Reason(words.tone(row.state), title, told, _next_action(row.state), row.id)
    elif row.delivered_at is None:
        title = _("On its way with %(carrier)s", carrier=row.carrier) if row.carrier else _("On its way")
        yield Reason("teal", title, _("Parcel %(number)s was handed over.", number=row.tracking_number or row.id),
                     _("News of the carrier move it on; or record the delivery by hand."), row.id)  # fmt: skip


def _next_action(state: str) -> str:
    """What is to be done about a parcel in trouble: the same as the inbox says."""
    kind = f"delivery_{state}"
    return words.sentence(next_action(kind)) if kind in NEXT_ACTION else _("Ask the carrier, or the buyer.")


def _not_handed_over(parcel: Parcel) -> Reason:
    row = parcel.row
    if row.label_state == "bought":
        told = _("Parcel %(number)s waits for the carrier.", number=row.tracking_number)
        return Reason("cyan", _("Packed and labeled"), told, _("Hand it over."), row.id)
    if row.label_state == "wanted":
        return Reason(
            "cyan", _("Waiting for its label"), _("The carrier was asked."), _("It answers in a moment."), row.id
        )
    if row.label_state == "refused":
        return Reason("red", _("The carrier refused the label"), words.sentence(parcel.more.label_error),
                      _("Mend what it names and ask again, or keep a label bought elsewhere."), row.id)  # fmt: skip
    return Reason("cyan", _("Packed, without a label"), _("The parcel cannot leave yet."),
                  _("Ask for a label, or keep one bought elsewhere."), row.id)  # fmt: skip


def _only_money(of: Whole) -> Reason:
    due = money(max(0, of.due_minor), of.order.currency)
    if of.order.cash.collected:
        collected = money(of.order.cash.collected, of.order.currency)
        told = _("The carrier collected %(amount)s and has not paid it out yet.", amount=collected)
        return Reason("amber", _("The goods arrived"), told, _("Record its payout."))
    if of.order.cash.held:
        return Reason(
            "amber",
            _("The goods arrived"),
            _("%(amount)s is held and not taken yet.", amount=due),
            _("Take the held money."),
        )
    return Reason(
        "amber",
        _("The goods arrived"),
        _("%(amount)s is still open.", amount=due),
        _("Record the payment when it comes in."),
    )


# Decisions: what was chosen, and what was not.


@dataclass(frozen=True, slots=True)
class ToldDecision:
    title: str
    rule: str
    refused: list[tuple[str, str]]
    missing: str
    decision: Decision


def decided(of: Whole, last: int = 4) -> list[ToldDecision]:
    """The last decisions, newest first, each with the options it refused and for what reason."""
    return [_told(decision) for decision in reversed(of.decisions[-last:])]


def _told(decision: Decision) -> ToldDecision:
    why = decision.why
    refused = why.get("refused", {})
    options = list(refused.items()) if isinstance(refused, dict) else [_option(each) for each in refused]
    missing = sum(each.get("quantity", 0) for each in why.get("missing", ()) if isinstance(each, dict))
    title = {"promise": _("Site"), "fill": _("Site"), "buy_label": _("Carrier"), "keep_label": _("Carrier")}.get(
        decision.verb, words.titled(decision.verb)
    )
    return ToldDecision(
        title=f"{title}: {decision.chosen}",
        rule=str(why.get("rule", "")),
        refused=[(str(option), str(reason)) for option, reason in options],
        missing=ngettext("%(num)s unit missing everywhere", "%(num)s units missing everywhere", missing)
        if missing
        else "",
        decision=decision,
    )


def _option(each: Any) -> tuple[str, str]:
    if isinstance(each, dict):
        named: Sequence[str] = [str(each[name]) for name in ("carrier", "service", "site", "option") if each.get(name)]
        return " ".join(named), str(each.get("reason") or each.get("why") or "")
    return str(each), ""
