"""words: what the console calls things: statuses, verbs, moves and reasons in the words of people who run the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from doorstep.kit.money import digits
from doorstep.kit.refusals import Refusal
from doorstep.plug.carrier import Proof
from doorstep.spine.journey import ROWS, WORLD


def plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def plain(code: str) -> str:
    """A code as words: in_fulfillment, in fulfillment."""
    return code.replace("_", " ")


def titled(code: str) -> str:
    return plain(code)[:1].upper() + plain(code)[1:]


# Statuses: their words, and how alarming they are (the tone is a class of the stylesheet).

STAGES: dict[str, str] = {
    "draft": "Draft",
    "received": "Received",
    "processing": "Processing",
    "awaiting_fulfillment": "Awaiting fulfillment",
    "in_fulfillment": "In fulfillment",
    "fulfilled": "On its way",
    "completed": "Completed",
    "canceled": "Canceled",
    "expired": "Expired",
}
TONES: dict[str, str] = {
    "draft": "quiet",
    "received": "slate",
    "processing": "blue",
    "awaiting_fulfillment": "violet",
    "in_fulfillment": "cyan",
    "fulfilled": "teal",
    "completed": "green",
    "canceled": "quiet",
    "expired": "quiet",
    # payment
    "unpaid": "amber",
    "pending": "slate",
    "authorized": "blue",
    "partially_paid": "amber",
    "paid": "green",
    "overpaid": "amber",
    "partially_refunded": "slate",
    "refunded": "quiet",
    "voided": "quiet",
    "failed": "red",
    "auth_expired": "red",
    # parcels
    "pre_transit": "slate",
    "accepted": "teal",
    "in_transit": "teal",
    "departed": "teal",
    "arrived": "teal",
    "redirected": "teal",
    "customs_released": "teal",
    "export_customs": "blue",
    "in_customs": "blue",
    "customs_hold": "red",
    "delayed": "amber",
    "attempted": "amber",
    "out_for_delivery": "cyan",
    "available_for_pickup": "violet",
    "partially_delivered": "teal",
    "delivered": "green",
    "exception": "red",
    "damaged": "red",
    "seized": "red",
    "destroyed": "red",
    "lost": "red",
    "refused": "amber",
    "returning": "amber",
    "returned_to_sender": "amber",
    # money at a provider, labels
    "wanted": "slate",
    "done": "green",
    "declined": "red",
    "bought": "green",
    "void_wanted": "slate",
    "void": "quiet",
}
PAYMENTS: dict[str, str] = {"auth_expired": "Authorization expired", "failed": "Payment failed", "pending": "Pending"}
DELIVERIES: dict[str, str] = {
    "pre_transit": "Not handed over yet",
    "partially_delivered": "Partly delivered",
    "returned_to_sender": "Back at the sender",
    "available_for_pickup": "Ready for pickup",
    "exception": "Needs a look",
    "attempted": "Delivery attempted",
}


def stage(code: str, delivery: str = "none") -> str:
    """Everything has left; when all of it has arrived too, only the money is open."""
    return "Delivered" if code == "fulfilled" and delivery == "delivered" else STAGES.get(code, titled(code))


def payment(code: str, term: str = "") -> str:
    if code == "unpaid" and term == "cod":
        return "Cash on delivery"
    if code == "unpaid" and term == "on_account":
        return "On account"
    return PAYMENTS.get(code, titled(code))


def delivery(code: str) -> str:
    return DELIVERIES.get(code, titled(code))


def scan(code: str) -> str:
    """A delivery state as a piece of news."""
    if code == "news":
        return "News"
    return "Announced" if code == "pre_transit" else delivery(code) if code else "Not understood"


def proof(of: Proof | None) -> str:
    """Who took it, and where it was left."""
    if of is None:
        return ""
    parts = [f"signed by {of.signed_by}" if of.signed_by else "", of.left_at, "photo" if of.photo else ""]
    return ", ".join(filter(None, parts))


def tone(code: str) -> str:
    return TONES.get(code, "slate")


TERMS = {
    "prepaid": "paid before it is sent",
    "on_shipment": "taken when it is handed over",
    "cod": "cash on delivery",
    "on_account": "on account",
}


def invoice(series: str, number: int) -> str:
    return f"{series}-{number:06}"


# The strip at the top: the stages in the order of the journey.
STRIP: dict[str, str] = {
    "received": "Received",
    "processing": "Processing",
    "awaiting_fulfillment": "Awaiting fulfillment",
    "in_fulfillment": "In fulfillment",
    "fulfilled": "On its way",
    "completed": "Completed",
}
# The five steps as the buyer sees them.
STEPS = ("Received", "Processing", "Awaiting fulfillment", "On its way", "Delivered")

HOLDS: dict[str, str] = {
    "payment": "Payment",
    "fraud": "Fraud check",
    "address": "Address",
    "duplicate": "Duplicate?",
    "customs_data": "Customs data",
    "restricted": "Restricted",
    "denied_party": "Denied party",
    "unknown_item": "Unknown item",
    "amounts": "Amounts",
    "changed": "Changed order",
    "stock": "Stock",
    "merchant": "Merchant",
    "operator": "Operator",
    "scheduled": "Scheduled",
    "awaiting_return": "Awaiting return",
    "dispute": "Dispute",
}

# What ends a hold that somebody placed; for the others the hold's type says it.
LIFTS = {
    "operator": "Lift it when that is settled.",
    "merchant": "Lift it when that is settled.",
    "fraud": "Look at it; then lift the hold, or cancel.",
    "duplicate": "Is it the same order twice? Cancel one, or lift the hold.",
}

# Units of a line, in the order they are drawn.
UNITS: dict[str, str] = {
    "delivered": "delivered",
    "shipped": "on its way",
    "packed": "packed",
    "picked": "picked",
    "promised": "promised",
    "wanted": "waiting",
    "taken_back": "came back",
    "lost": "lost",
    "canceled": "canceled",
}
_PLACES = {"wanted": "waiting", "shipped": "on its way", "taken_back": "came back", "world": "outside"}

# What each verb did, for the timeline; `tone` draws the dot.
HAPPENED: dict[str, str] = {
    "place": "The order came in",
    "confirm": "The draft became an order",
    "amend": "The channel changed the order",
    "import_history": "Written down as it happened elsewhere",
    "import_correction": "Credited elsewhere",
    "check": "Checked",
    "promise": "Stock promised",
    "fill": "Stock that came in was promised",
    "unpromise": "Promised stock given back",
    "expire": "Ran out unpaid",
    "hold": "Put on hold",
    "lift": "Hold lifted",
    "release": "Sent to the floor",
    "pick": "Picked",
    "short": "Missing in its bin",
    "unpick": "Put back on the shelf",
    "pack": "Packed",
    "unpack": "Taken out of the parcel",
    "want_label": "Label asked for",
    "keep_label": "Label kept",
    "refuse_label": "The carrier refused the label",
    "want_void": "Label to be voided",
    "keep_void": "Label voided",
    "hand_over": "Handed over to the carrier",
    "track": "News of the parcel",
    "instruct": "The carrier is to do something else",
    "deliver": "Delivered",
    "lose": "Written off as lost",
    "want_authorization": "Asked to hold the money",
    "authorize": "Money held",
    "decline": "Payment declined",
    "record_payment": "Payment recorded",
    "want_capture": "Asked to take the held money",
    "capture": "Held money taken",
    "want_release_of_funds": "Asked to let held money go",
    "release_funds": "Held money let go",
    "remit": "The carrier paid out what it collected",
    "issue_invoice": "Invoice issued",
    "issue_credit": "Credit note issued",
    "want_refund": "Refund asked for",
    "refund": "Refunded",
    "cancel": "Canceled",
    "name_item": "The unknown item got its SKU",
    "fix_address": "Address mended",
    "note": "Note",
    "take_back": "Goods came back",
}
EVENT_TONES: dict[str, str] = {
    "place": "slate", "hold": "amber", "lift": "green", "short": "red", "refuse_label": "red", "lose": "red",
    "decline": "red", "expire": "quiet", "cancel": "quiet", "deliver": "green", "hand_over": "teal", "track": "teal",
    "authorize": "green", "capture": "green", "record_payment": "green", "remit": "green", "refund": "amber",
    "take_back": "amber", "note": "violet", "promise": "violet", "fill": "violet", "release": "cyan", "pick": "cyan",
    "pack": "cyan",
}  # fmt: skip


# What was told of an order of elsewhere.
TOLD: dict[str, str] = {
    "placed": "Placed elsewhere",
    "paid": "Paid elsewhere",
    "fulfilled": "Handed over elsewhere",
    "delivered": "Delivered",
    "lost": "Lost on its way",
    "came back": "Came back elsewhere",
    "canceled": "Canceled elsewhere",
    "refunded": "Refunded elsewhere",
    "corrected": "Corrected elsewhere",
    "changed": "Changed elsewhere",
    "parcels": "News of its parcels",
    "promised": "Another day was promised",
    "contradicts": "What is told contradicts itself",
    "resolved": "A contradiction is gone",
}


def happened(verb: str, data: Mapping[str, Any]) -> str:
    if verb == "import_history":
        return TOLD.get(str(data.get("what")), HAPPENED[verb])
    if verb == "check" and data.get("held"):
        return "Checked, and held"
    if verb == "track" and data.get("state"):
        return f"Parcel {scan(str(data['state'])).lower()}"
    return HAPPENED.get(verb, titled(verb))


# What of an event's data is worth reading: what somebody said, then the particulars.
_SAID = ("reason", "text", "note")
_PARTICULARS: dict[str, str] = {
    "channel": "through {}", "site": "at {}", "bin": "bin {}", "carrier": "{}", "tracking_number": "{}",
    "received_by": "to {}", "method": "by {}", "reference": "ref. {}", "number": "no. {}", "sku": "as {}",
}  # fmt: skip
# Particulars that the page says elsewhere, or that say nothing.
_KNOWN = {("place", "number")}


def said(data: Mapping[str, Any]) -> list[str]:
    """What somebody gave as a reason or wrote down, and what the checks found."""
    told = [str(data[name]) for name in _SAID if isinstance(data.get(name), str) and data[name]]
    for name in ("held", "lifted"):
        found = data.get(name)
        for problem in found if isinstance(found, list) else ():
            kind = HOLDS.get(problem.get("type", ""), titled(str(problem.get("type", ""))))
            told.append(f"{kind}: {problem.get('reason') or 'no longer in the way'}")
    return told


def particulars(verb: str, data: Mapping[str, Any]) -> list[str]:
    """Where, how, by what: short phrases for the line below."""
    told = [
        phrase.format(data[name])
        for name, phrase in _PARTICULARS.items()
        if isinstance(data.get(name), str | int)
        and data[name]
        and (verb, name) not in _KNOWN
        and (name != "sku" or verb == "name_item")
    ]
    if isinstance(data.get("sites"), list) and data["sites"]:
        told.append(f"from {', '.join(str(site) for site in data['sites'])}")
    return told


def demand(items: Sequence[str], verb: str, source: str, target: str) -> str:
    """Units that moved; from where to where only when the verb does not say it."""
    listed = ", ".join(items)
    implied = ROWS[verb].demand == f"{source} > {target}" or source == WORLD if verb in ROWS else False
    return listed if implied else f"{listed}: {_place(source)} → {_place(target)}"


def _place(stage: str) -> str:
    return _PLACES.get(stage, plain(stage))


_CASH: dict[tuple[str, str], str] = {
    ("world", "owed"): "{} to be paid",
    ("owed", "world"): "{} no longer to be paid",
    ("world", "held"): "{} held",
    ("held", "world"): "{} let go",
    ("held", "earned"): "{} taken",
    ("world", "earned"): "{} paid",
    ("world", "collected"): "{} collected at the door",
    ("collected", "earned"): "{} paid out by the carrier",
    ("earned", "refunded"): "{} given back",
}


def cash(amount: str, source: str, target: str) -> str:
    return _CASH.get((source, target), f"{{}}: {plain(source)} → {plain(target)}").format(amount)


PAYMENT_KINDS = {
    "authorization": "Authorization",
    "capture": "Capture",
    "release": "Release of held money",
    "refund": "Refund",
    "payment": "Payment",
    "collection": "Collected at the door",
}
PAYMENT_STATES = {"wanted": "asked for", "done": "", "declined": "declined", "expired": "expired"}


def actor(name: str, verb: str = "") -> str:
    """Who did it, as one says it."""
    if name == "system" and verb == "track":
        return "the carrier"
    kind, _, rest = name.partition(":")
    if kind == "person":
        return rest
    if kind == "key":
        return f"API key {rest}…"
    return {"system": "doorstep", "check": "doorstep's checks", "import": "a file"}.get(name, name)


# Refusals


def reasons(refusal: Refusal) -> list[str]:
    """The particulars of a refusal, each as a line."""
    told = []
    for name, value in refusal.why.items():
        if name == "fields":
            told += [f"{_field(each.get('pointer', ''))}: {each.get('detail', '')}" for each in value]
        elif value not in (None, "", [], {}):
            told.append(f"{plain(name)}: {value}")
    return told


def _field(pointer: str) -> str:
    return plain(pointer.strip("/").replace("/", " ")) or "this form"


# What is asked of the outside world, for previews.
ERRANDS = {
    "buy_label": "The carrier is asked for a label",
    "void_label": "The carrier is asked to void the label",
    "follow": "The carrier is asked where the parcel is",
    "ask_authorization": "The provider is asked to hold the money",
    "ask_capture": "The provider is asked for the held money",
    "ask_release_of_funds": "The provider is asked to let the held money go",
    "ask_refund": "The provider is asked to send money back",
    "notify": "The buyer gets an e-mail",
    "deliver_webhook": "Subscribers are told",
}


def price(unit_price: Decimal, currency: str) -> str:
    """A unit price with as many places as it has, at least the currency's."""
    exact = unit_price.normalize()
    places = max(digits(currency), -int(exact.as_tuple().exponent))
    return f"{unit_price:,.{places}f}"


PAPERS = {"cn22": "CN 22", "cn23": "CN 23", "commercial_invoice": "Commercial invoice"}
