"""move_forms: the form of each move: what its button says, what it asks, how it is said before it is done.

`moves` says which of them there are for an order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from doorstep.doors.console import words
from doorstep.doors.console.forms import Field
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.whole import Part, Whole
from doorstep.doors.reads.cases import Case
from doorstep.doors.reads.order import Payment
from doorstep.kit.money import digits, to_decimal
from doorstep.plug.states import DELIVERY_STATES

ON_SHELF = ("wanted", "promised", "picked", "packed")
SENT = ("shipped", "delivered", "taken_back", "lost")
# What is told of a parcel that has a label; a label alone is no news.
NEWS = tuple(state for state in DELIVERY_STATES if state not in ("pre_transit", "canceled"))
INSTRUCTIONS = Told({
    "reattempt": "Try again", "readdress": "Take it to another address", "return": "Bring it back to us",
    "send_papers": "Take the papers it asks for",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Move:
    """One verb as a form. `subject` is what it is about: the body's fields that the form carries along; `shaped`: what
    was asked as the verb's body has it."""

    verb: str
    button: str
    title: str
    says: str
    subject: Mapping[str, str]
    fields: tuple[Field, ...] = ()
    confirm: str = ""
    tone: Literal["", "primary", "danger"] = ""
    previewed: bool = False  # the effect is shown first
    currency: str = ""
    shaped: Callable[[dict[str, Any]], dict[str, Any]] = dict

    @property
    def key(self) -> str:
        """Its name on the page."""
        return "-".join([self.verb, *self.subject.values()])

    @property
    def asks_nothing(self) -> bool:
        return not self.fields and not self.previewed

    def filled(self, form: Mapping[str, str]) -> Move:
        """The same form with what was typed into it."""
        return replace(self, fields=tuple(replace(f, value=form.get(f.name, f.value)) for f in self.fields))


def _move(of: Whole, verb: str, button: str, title: str, says: str, *fields: Field, **more: Any) -> Move:
    subject = more.pop("subject", None) or {"order": of.order.id}
    return Move(verb, button, title, says, subject, fields, currency=of.order.currency, **more)


def confirm(of: Whole) -> Move:
    return _move(
        of, "confirm", _("Confirm"), _("Confirm the draft"), _("It becomes an order and is checked."), tone="primary"
    )


def check(of: Whole) -> Move:
    return _move(of, "check", _("Check again"), _("Check again"), _("Address, duplicate, payment and customs data."))


def hold(of: Whole) -> Move:
    kinds = ("operator", "merchant", "fraud", "address", "payment", "customs_data", "restricted", "stock",
             "awaiting_return", "dispute", "scheduled")  # fmt: skip
    choices = tuple((kind, words.HOLDS[kind]) for kind in kinds)
    lines = tuple((str(line.line), of.titles[line.line]) for line in of.order.lines)
    return _move(
        of, "hold", _("Hold"), _("Put it on hold"),
        _("Nothing more happens to it until the hold is lifted, down to the next scan."),
        Field("reason", _("Why"), required=True, longest=500, hint=_("Everybody who meets the order reads this.")),
        Field("type", _("Kind"), "choice", "operator", choices=choices),
        *([Field("line", _("What"), "choice", choices=(("", _("The whole order")), *lines))] if len(lines) > 1 else []),
        Field("until", _("Until"), "moment", hint=_("Then it ends by itself. Empty: until somebody lifts it.")),
        confirm=_("Put it on hold"),
    )  # fmt: skip


def lift(of: Whole, hold: str) -> Move:
    says = _("The order is checked again, and goes on where nothing else stops it.")
    return _move(of, "lift", _("Lift"), _("Lift the hold"), says, subject={"hold": hold}, confirm=_("Lift the hold"))


def name_item(of: Whole, line: int) -> Move:
    code = next((each.code for each in of.order.lines if each.line == line), "")
    told = _("The channel calls it %(code)s. The answer is remembered for this channel.", code=code or of.titles[line])
    hint = _("The merchant's own code.")
    sku = Field("sku", "SKU", required=True, longest=120, hint=hint, choices=tuple(of.skus))
    subject = {"order": of.order.id, "line": str(line)}
    return _move(of, "name_item", _("Name the SKU"), _("Which SKU is it?"), told, sku, subject=subject, tone="primary")


def fix_address(of: Whole) -> Move:
    given = of.order.ship_to or {}
    names = (
        ("name", _("Full name"), "name"), ("company", _("Company"), "organization"),
        ("line1", _("Street and number"), "address-line1"),
        ("line2", _("Apartment, floor …"), "address-line2"), ("postcode", _("Postcode"), "postal-code"),
        ("city", _("City"), "address-level2"), ("region", _("State or region"), "address-level1"),
        ("country", _("Country (two letters)"), "country"), ("phone", _("Phone"), "tel"),
        ("pickup_point", _("Pickup point: the carrier's number of a branch or locker"), "off"),
        ("tax_id", _("Recipient's own number for customs"), "off"),
    )  # fmt: skip
    fields = [
        Field(f"ship_to.{name}", label, value=str(given.get(name, "")), required=name == "country", code=code)
        for name, label, code in names
    ]
    says = _("It is checked again with the new address.")
    return _move(
        of, "fix_address", _("Mend address"), _("Mend the address"), says, *fields, confirm=_("Keep this address")
    )


def insure(of: Whole) -> Move:
    kept = of.order.insured_minor
    return _move(
        of, "insure", _("Insure"), _("Insure the goods on their way"),
        _("Each parcel has its share, by what is in it. A carrier that cannot insure is not asked."),
        Field("insured_minor", _("For how much"), "money", _spelled(kept, of.order.currency) if kept else "",
              required=True, unit=of.order.currency, hint=_("0 is not at all.")),
        confirm=_("Keep it"),
    )  # fmt: skip


def review_party(of: Whole) -> Move:
    says = _("The hold names whom the list names. Another person goes on, and is not asked about again.")
    choices = (("no_match", _("Another, only the names are alike")), ("match", _("The same")))
    return _move(
        of, "review_party", _("Is it the same?"), _("Is the buyer whom the list names?"), says,
        Field("verdict", _("It is"), "choice", "no_match", choices=choices),
        Field("note", _("How you know"), longest=500),
        confirm=_("Keep my word"), tone="primary",
    )  # fmt: skip


def keep_filing(of: Whole) -> Move:
    itn = Field("itn", "ITN", required=True, longest=40, hint=_("As AES answered: X, the day, six digits."))
    says = _("It stands on the papers, and the order goes on.")
    return _move(
        of, "keep_filing", _("Export filed"), _("The export was filed"), says, itn,
        confirm=_("Keep the number"), tone="primary",
    )  # fmt: skip


def record_payment(of: Whole) -> Move:
    due = _spelled(max(of.due_minor, 0), of.order.currency)
    return _move(
        of, "record_payment", _("Record payment"), _("Record a payment"),
        _("Money that came in by a way doorstep did not ask for."),
        Field("amount_minor", _("Amount"), "money", due, required=True, unit=of.order.currency),
        Field("method", _("How"), value="transfer", longest=60, hint=_("transfer, cash, card terminal …")),
        Field("reference", _("Reference"), hint=_("What the bank statement says.")),
        confirm=_("Record it"),
    )  # fmt: skip


def remit(of: Whole) -> Move:
    collected = _spelled(of.order.cash.collected, of.order.currency)
    return _move(
        of, "remit", _("Record payout"), _("The carrier paid out"),
        _("What it collected at the door is now the merchant's."),
        Field("amount_minor", _("Amount"), "money", collected, required=True, unit=of.order.currency),
        Field("reference", _("Reference")),
        confirm=_("Record it"),
    )  # fmt: skip


def want_authorization(of: Whole) -> Move:
    says = _("The provider is asked once more to hold what the buyer owes.")
    return _move(of, "want_authorization", _("Ask for the money again"), _("Have the money held"), says)


def want_capture(of: Whole) -> Move:
    says = _("The provider is asked for what is held.")
    return _move(of, "want_capture", _("Take held money"), _("Take the held money"), says, confirm=_("Take it"))


def capture(of: Whole, held_minor: int) -> Move:
    held = _spelled(held_minor, of.order.currency)
    return _move(
        of, "capture", _("Taken in the channel"), _("Held money was taken in the channel"),
        _("The channel holds it: take it there, then write it down here."),
        Field("amount_minor", _("Amount"), "money", held, required=True, unit=of.order.currency),
        Field("provider_ref", _("Reference"), longest=120),
        confirm=_("Record it"),
    )  # fmt: skip


def want_release_of_funds(of: Whole) -> Move:
    says = _("Nobody needs what is held any more: the buyer gets it back.")
    return _move(of, "want_release_of_funds", _("Let held money go"), _("Let the held money go"), says)


def issue_invoice(of: Whole) -> Move:
    says = _("For all of it that is not billed yet.")
    return _move(of, "issue_invoice", _("Invoice"), _("Issue an invoice"), says)


def issue_credit(of: Whole) -> Move:
    at_once = (("true", _("Give back at once what is then paid too much")), ("false", _("Only issue it")))
    return _move(
        of, "issue_credit", _("Credit"), _("Issue a credit note"),
        _("For units that were billed, for an amount, or both."),
        *_units_of_lines(of, SENT, all_of_them=False),
        Field("amount_minor", _("Amount"), "money", unit=of.order.currency, hint=_("Beside the units; empty: none.")),
        Field("reason", _("Why"), longest=120),
        Field("refund", _("Then"), "choice", "true", choices=at_once),
        confirm=_("Issue it"), previewed=True,
    )  # fmt: skip


def refund(of: Whole, payment: Payment) -> Move:
    amount = _spelled(payment.amount_minor, payment.currency)
    says = _("%(amount)s %(currency)s are to go back by other means than a provider: send them, then write it down.",
             amount=amount, currency=payment.currency)  # fmt: skip
    return _move(
        of, "refund", _("Record refund"), _("The money went back"), says,
        Field("provider_ref", _("Reference"), longest=120, hint=_("What the bank statement says.")),
        subject={"payment": payment.id}, confirm=_("It went back"), tone="primary",
    )  # fmt: skip


def want_refund(of: Whole) -> Move:
    back = _spelled(-of.due_minor, of.order.currency)
    return _move(
        of, "want_refund", _("Refund"), _("Refund what was paid too much"), _("It goes back the way it came."),
        Field("amount_minor", _("Amount"), "money", back, required=True, unit=of.order.currency),
        Field("reason", _("Why")),
        confirm=_("Refund"), previewed=True,
    )  # fmt: skip


def unpromise(of: Whole) -> Move:
    lines = tuple((str(line.line), of.titles[line.line]) for line in of.order.lines if line.units["promised"])
    return _move(
        of, "unpromise", _("Give stock back"), _("Give promised stock back"),
        _("It goes to the order that waits longest. Hold this one first if it is not to be this."),
        Field("line", _("What"), "choice", choices=(("", _("All that is promised")), *lines)),
        confirm=_("Give it back"), previewed=True,
    )  # fmt: skip


def cancel(of: Whole) -> Move:
    return _move(
        of, "cancel", _("Cancel"), _("Cancel what has not left"), _("First you see what that would do."),
        *_units_of_lines(of, ON_SHELF, all_of_them=True),
        Field("reason", _("Why"), longest=500),
        confirm=_("Cancel it"), tone="danger", previewed=True,
    )  # fmt: skip


def take_back(of: Whole) -> Move:
    sites = {part.site.code: part.site.name for part in of.parts}
    says = _("They stand apart until somebody restocks or scraps them.")
    return _move(
        of, "take_back", _("Goods came back"), _("Goods came back"), says,
        Field("site", _("Where"), "choice", choices=tuple(sites.items())),
        *_units_of_lines(of, ("shipped", "delivered"), all_of_them=False),
        Field("reason", _("Why"), longest=500),
        confirm=_("Take them back"), previewed=True,
    )  # fmt: skip


def _units_of_lines(of: Whole, stages: tuple[str, ...], *, all_of_them: bool) -> list[Field]:
    """How many units of each line that has some at these stages."""
    found = {line.line: sum(line.units[stage] for stage in stages) for line in of.order.lines}
    return [
        Field(f"lines.{line}", of.titles[line], "count", str(units if all_of_them else 0), most=units)
        for line, units in found.items()
        if units
    ]


def note(of: Whole) -> Move:
    text = Field("text", _("Note"), "long", required=True, longest=2000, hint=_("Only people who work here see it."))
    return _move(
        of,
        "note",
        _("Note"),
        _("Write a note"),
        _("It stays with the order, in its timeline."),
        text,
        confirm=_("Keep it"),
    )


def open_case(of: Whole) -> Move:
    return _move(
        of, "open_case", _("Open a case"), _("Open a contact case"),
        _("For what a buyer says by phone or by letter. They see it on their tracking page."),
        Field("kind", _("What is wrong"), "choice", "other", choices=tuple(words.CASES.items())),
        Field("text", _("What they say"), "long", required=True, longest=4000),
        Field("email", _("Answers go to"), longest=254, code="off",
              hint=_("Empty: the order's own e-mail address.")),
        confirm=_("Open it"),
    )  # fmt: skip


def answer_case(of: Whole, case: Case) -> Move:
    to = case.email or of.order.buyer.get("email", "")
    says = _("It goes to %(address)s, and stands on the tracking page.", address=to)
    says = says if to else _("There is no e-mail address: it stands on the tracking page alone.")
    return _move(
        of, "answer_case", _("Answer"), _("Answer the buyer"), says,
        Field("text", _("Answer"), "long", required=True, longest=4000),
        Field("close", _("Then"), "choice", choices=(("", _("Leave the case open")), ("true", _("Close the case")))),
        subject={"case": case.id}, confirm=_("Send"), tone="primary",
    )  # fmt: skip


def close_case(of: Whole, case: str) -> Move:
    note = Field("note", _("Note"), "long", longest=2000, hint=_("Only people who work here see it."))
    says = _("It is settled. The buyer may still write, which opens it again.")
    return _move(of, "close_case", _("Close"), _("Close the case"), says, note, subject={"case": case},
                 confirm=_("Close it"))  # fmt: skip


def release(of: Whole, fulfillment_order: str) -> Move:
    says = _("The floor sees it and may pick it.")
    return _move(of, "release", _("Release to the floor"), _("Release to the floor"), says, tone="primary",
                 subject={"fulfillment_order": fulfillment_order})  # fmt: skip


def pack(of: Whole, fulfillment_order: str) -> Move:
    return _move(
        of, "pack", _("Pack"), _("Pack into a parcel"), _("All that is picked here goes into one parcel."),
        Field("carton", _("Carton"), longest=60, hint=_("Its type, if you name them.")),
        Field("weight_g", _("Weight"), "count", "0", most=1_000_000, unit="g",
              hint=_("0: what the goods weigh together.")),
        subject={"fulfillment_order": fulfillment_order}, confirm=_("Pack"), tone="primary",
    )  # fmt: skip


def unpick(of: Whole, part: Part) -> Move:
    units: dict[int, int] = defaultdict(int)
    for each in part.row.allocations:
        units[each.line] += each.picked
    picked = {line: count for line, count in units.items() if count}
    return _move(
        of, "unpick", _("Put back"), _("Put picked units back on the shelf"), _("They stay promised to this order."),
        Field("line", _("What"), "choice", choices=tuple((str(line), of.title(line)) for line in picked)),
        Field("quantity", _("Units"), "count", str(next(iter(picked.values()), 0)), required=True,
              most=max(picked.values(), default=0)),
        Field("bin", _("To bin"), required=True, longest=60),
        subject={"fulfillment_order": part.row.id}, confirm=_("Put them back"),
    )  # fmt: skip


def unpack(of: Whole, parcel: str) -> Move:
    says = _("All that is in the parcel is only picked again.")
    return _move(of, "unpack", _("Unpack"), _("Unpack the parcel"), says, subject={"parcel": parcel},
                 confirm=_("Unpack it"), previewed=True)  # fmt: skip


def want_label(of: Whole, parcel: str) -> Move:
    says = _("The carrier that keeps the promise cheapest is asked.")
    return _move(of, "want_label", _("Ask for a label"), _("Ask for a label"), says, subject={"parcel": parcel},
                 tone="primary")  # fmt: skip


def keep_label(of: Whole, parcel: str) -> Move:
    return _move(
        of, "keep_label", _("Label bought elsewhere"), _("Keep a label bought elsewhere"),
        _("Then the parcel can be handed over."),
        Field("tracking_number", _("Tracking number"), required=True, longest=60),
        Field("carrier", _("Carrier"), hint=_("Empty: told by the number."), longest=60),
        Field("service", _("Service"), longest=60),
        subject={"parcel": parcel}, confirm=_("Keep it"),
    )  # fmt: skip


def want_void(of: Whole, parcel: str) -> Move:
    says = _("The carrier is asked to take it back.")
    return _move(of, "want_void", _("Void label"), _("Void the label"), says, subject={"parcel": parcel},
                 confirm=_("Void it"), tone="danger")  # fmt: skip


def keep_void(of: Whole, parcel: str) -> Move:
    says = _("For when the carrier does not answer and the label is void all the same.")
    return _move(of, "keep_void", _("It is void"), _("The label is void"), says, subject={"parcel": parcel},
                 confirm=_("It is void"), previewed=True)  # fmt: skip


def want_return_label(of: Whole, parcel: str) -> Move:
    says = _("For the buyer to send it back with; the carrier that brought it is asked first.")
    return _move(of, "want_return_label", _("Return label"), _("Ask for a label for the way back"), says,
                 subject={"parcel": parcel}, confirm=_("Ask for it"))  # fmt: skip


def want_return_void(of: Whole, return_label: str) -> Move:
    says = _("The carrier is asked to take it back, and the buyer cannot download it any more.")
    return _move(of, "want_return_void", _("Void return label"), _("Void the label for the way back"), says,
                 subject={"return_label": return_label}, confirm=_("Void it"), tone="danger")  # fmt: skip


def keep_return_void(of: Whole, return_label: str) -> Move:
    says = _("For when the carrier does not answer and the label is void all the same.")
    return _move(of, "keep_return_void", _("Return label is void"), _("The label for the way back is void"), says,
                 subject={"return_label": return_label}, confirm=_("It is void"), previewed=True)  # fmt: skip


def hand_over(of: Whole, parcel: str) -> Move:
    says = _("It leaves the site. The buyer is told, the invoice issued, held money taken.")
    return _move(of, "hand_over", _("Hand over"), _("Hand over to the carrier"), says, subject={"parcel": parcel},
                 confirm=_("It is gone"), tone="primary")  # fmt: skip


def track(of: Whole, parcel: str) -> Move:
    states = tuple((state, words.delivery(state)) for state in NEWS)
    return _move(
        of, "track", _("News"), _("Write down news of the parcel"),
        _("What the carrier says by phone, or on a page of its own."),
        Field("state", _("How it stands"), "choice", "in_transit", choices=states),
        Field("happened_at", _("When"), "moment", required=True),
        Field("place", _("Where"), longest=200),
        Field("message", _("What the carrier says"), longest=1000),
        subject={"parcel": parcel}, confirm=_("Keep it"), shaped=_as_news,
    )  # fmt: skip


def _as_news(asked: dict[str, Any]) -> dict[str, Any]:
    return {"parcel": asked.pop("parcel"), "events": [asked]}


def number(of: Whole, parcel: str) -> Move:
    return _move(
        of, "number_parcel", _("Another number"), _("Another number of the parcel"),
        _("Such as that of the carrier who brings it to the door; from then on it finds the order too."),
        Field("number", _("Number"), longest=60, required=True),
        Field("carrier", _("Carrier"), longest=60, hint=_("Blank: told by the number, where it can be.")),
        Field("leg", _("Part of the way"), "choice", "last_mile", choices=tuple(words.LEGS.items())),
        subject={"parcel": parcel}, confirm=_("Keep it"),
    )  # fmt: skip


def instruct(of: Whole, parcel: str) -> Move:
    return _move(
        of, "instruct", _("Instruct"), _("What is the carrier to do?"),
        _("It stands among what needs attention until somebody has told the carrier."),
        Field("what", _("It is to"), "choice", "reattempt", choices=tuple(INSTRUCTIONS.items())),
        Field("on", _("On"), "day", hint=_("The day that the buyer names.")),
        Field("note", _("Note"), "long", longest=1000,
              hint=_("Another address, and whatever else the carrier must know.")),
        subject={"parcel": parcel}, confirm=_("Keep it"),
    )  # fmt: skip


def deliver(of: Whole, parcel: str) -> Move:
    return _move(
        of, "deliver", _("Record delivery"), _("Record the delivery by hand"), _("For when the carrier does not tell."),
        Field("received_by", _("Received by"), hint=_("Who took it, if known.")),
        subject={"parcel": parcel}, confirm=_("It arrived"),
    )  # fmt: skip


def lose(of: Whole, parcel: str) -> Move:
    reason = Field("reason", _("What the carrier says"), longest=500)
    says = _("Its units count as lost; resend, refund or claim them next.")
    return _move(of, "lose", _("Lost"), _("Write the parcel off as lost"), says, reason, subject={"parcel": parcel},
                 confirm=_("It is lost"), tone="danger", previewed=True)  # fmt: skip


def _spelled(amount_minor: int, currency: str) -> str:
    return f"{to_decimal(amount_minor, currency):.{digits(currency)}f}"
