"""words: what the console calls things: statuses, verbs, moves and reasons in the words of people who run the day."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from doorstep.doors.console import notice_words
from doorstep.doors.console.speaking import N_, Told, _, decimal, gettext, reader
from doorstep.kit.refusals import Refusal
from doorstep.plug.carrier import Proof
from doorstep.setup.places import PARCEL, TOTE
from doorstep.spine.exceptions import means
from doorstep.spine.journey import ROWS, WORLD
from doorstep.spine.status import AXES


def plain(code: str) -> str:
    """A code as words: in_fulfillment, in fulfillment."""
    return code.replace("_", " ")


def titled(code: str) -> str:
    return plain(code)[:1].upper() + plain(code)[1:]


# Statuses: their words, and how alarming they are (the tone is a class of the stylesheet).

STAGES = Told(
    {
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
)
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
PAYMENTS = Told({
    "unpaid": "Unpaid",
    "pending": "Pending",
    "authorized": "Authorized",
    "partially_paid": "Partly paid",
    "paid": "Paid",
    "overpaid": "Paid too much",
    "partially_refunded": "Partly refunded",
    "refunded": "Refunded",
    "voided": "Voided",
    "failed": "Payment failed",
    "auth_expired": "Authorization expired",
})  # fmt: skip
DELIVERIES = Told({
    "planned": "Planned",
    "pre_transit": "Not handed over yet",
    "accepted": "Accepted",
    "in_transit": "In transit",
    "departed": "Departed",
    "arrived": "Arrived",
    "redirected": "Redirected",
    "export_customs": "At export customs",
    "in_customs": "In customs",
    "customs_hold": "Held by customs",
    "customs_released": "Released by customs",
    "delayed": "Delayed",
    "attempted": "Delivery attempted",
    "out_for_delivery": "Out for delivery",
    "available_for_pickup": "Ready for pickup",
    "partially_delivered": "Partly delivered",
    "delivered": "Delivered",
    "exception": "Needs a look",
    "damaged": "Damaged",
    "seized": "Seized",
    "destroyed": "Destroyed",
    "lost": "Lost",
    "refused": "Refused",
    "returning": "On its way back",
    "returned_to_sender": "Back at the sender",
})  # fmt: skip


def stage(code: str, delivery: str = "none") -> str:
    """Everything has left; when all of it has arrived too, only the money is open."""
    arrived = code == "fulfilled" and delivery == "delivered"
    return DELIVERIES["delivered"] if arrived else STAGES.get(code, titled(code))


def payment(code: str, term: str = "") -> str:
    if code == "unpaid" and term == "cod":
        return _("Cash on delivery")
    if code == "unpaid" and term == "on_account":
        return _("On account")
    return PAYMENTS.get(code, titled(code))


def delivery(code: str) -> str:
    return DELIVERIES.get(code, titled(code))


# Channels by what they are: those doorstep opens by itself, files, shops. One without a name is called so.
CHANNELS = Told({
    "api": "API", "file": "File", "console": "Console", "shopify": "Shopify", "woocommerce": "WooCommerce",
    "amazon": "Amazon",
})  # fmt: skip


def channel(called: str) -> str:
    return CHANNELS.get(called, called)


def delivery_filters() -> list[tuple[str, str]]:
    """The states that a whole order can be in, to choose from."""
    return [(value, delivery(value)) for value, _condition in AXES["delivery"] if value != "none"]


def exception(kind: str) -> str:
    """What somebody must look at."""
    return gettext(called(kind))


def called(kind: str) -> str:
    """A kind of exception or hold as people call it: Short pick, Case: wrong item."""
    return titled(re.sub("^case_|:", lambda found: found[0].rstrip("_:") + ": ", kind))


# What rules write down as their reason, word for word …
# What customs want to know of a SKU.
CUSTOMS_FIELDS = Told({
    "hs_code": "HS code", "origin": "country of origin", "customs_text": "description for customs",
    "weight_g": "weight", "value_minor": "value", "responsible_person": "responsible person in the EU",
    "export_license": "export license",
})  # fmt: skip
# By which way goods cross a border.
MODES = Told({"post": "By post", "courier": "By courier", "freight": "By freight"})
DELIVERY = "delivery_"  # kinds of exceptions that are a carrier's news
REASONS = (
    N_("the money is not here yet"),
    N_("recorded by hand"),
    N_("the authorization ran out, the money is held no longer"),
    N_("the buyer is away"),
    N_("city is missing"),
    N_("line1 is missing"),
    N_("Total is not Subtotal, shipping, taxes and duties together; Total was kept"),
    N_("fewest parcels, then nearest"),
    N_("fewest parcels, then nearest, complete or not at all"),
    N_("more parcels, farther away, or less of it"),
    N_("not the cheapest"),
    N_("too slow for the promise"),
    N_("another carrier or service was asked for"),
    N_("forbidden on this lane"),
    N_("not among those that are allowed on this lane"),
    N_("dearer than a label may be"),
    N_("the merchant's own contract goes first"),
    N_("another is preferred on this lane"),
    N_("the channel takes it to be fraud"),
    N_("slower, and none keeps the promise"),
    N_("less sure, or dearer"),
    N_("does not say that it goes to post-office boxes"),
    N_("fastest: none is within the promised days"),
    N_("none may be bought"),
    N_("this is no weight"),
    N_("this is no weight of a parcel"),
    N_("this is no price"),
    N_("this is no number of days"),
    N_("this is no day: write 2027-01-31"),
    N_("this is no country"),
    N_("which zone is it?"),
    N_("which service is it?"),
    N_("this weight has another price above"),
    N_("the card has no such zone, and it is no country: load the zones first"),
    N_("there is no row below the header"),
    N_("must be a whole number"),
    N_("must be a number"),
    N_("must be a day, as 2026-03-02"),
    N_("must be an IANA time zone, as Europe/Warsaw"),
    N_("which site is meant?"),
    N_("no post carries it: a commercial invoice clears it"),
    N_("a parcel-post item always takes a CN 23"),
    N_("could not be reached"),
    N_("broke off before it had answered"),
    N_("not asked: it has not been answering"),
    N_("the file counts this SKU at this site twice; the first row counts"),
)
# … and with what it is about in it.
REASONS_ABOUT = (
    N_("%s is no country"),
    N_("%s is no phone number"),
    N_("%s is no postcode of %s"),
    N_("%s crosses a border to %s without %s"),
    N_("the same goods were ordered as %s within a day"),
    N_("no SKU is known as '%s'"),
    N_("cheapest within %s days"),
    N_("refused it: %s"),
    N_("does not say that it takes %s"),
    N_("may not go there by post: %s"),
    N_("may not go there by courier: %s"),
    N_("may not go there by freight: %s"),
    N_("not of the service level %s"),
    N_("slower than the service level %s"),
    N_("priced in %s, and no exchange rate is loaded"),
    N_("came in time %s times of %s"),
    N_("no answer within %s s"),
    N_("its answer makes no sense: %s"),
    N_("answered %s with a body that makes no sense: %s"),
    N_("answered %s"),
    N_("did not answer in time %s times in a row: asked again in %s s"),
    N_("%s has no such small coins"),
    N_("%s to %s: %s g costs less than %s g"),
    N_("no news for %s h; of 20 parcels on this lane, 19 are heard of within %s h"),
    N_("%s missing from bin %s at %s"),
    N_("count bin %s"),
    N_("canceled goods are still in %s"),
    N_("the provider refused: %s"),
    N_("the recipient's %s is missing"),
    N_("%s is like %s (%s of 100) of the denied parties, list of %s"),
    N_("%s is like %s (%s of 100 and %s more) of the denied parties, list of %s"),
    N_("%s is %s of the denied parties, as %s says, list of %s"),
    N_("no customs border between %s and %s"),
    N_("letter post carries at most %s g, this is %s g"),
    N_("no SDR rate is known for %s, so the larger form"),
    N_("the value is above 300 SDR (about %s %s)"),
    N_("letter post worth no more than 300 SDR (about %s %s)"),
    N_("must be at least %s characters long"),
    N_("must be at most %s characters long"),
    N_("must be at least %s"),
    N_("must be at most %s"),
    N_("must be more than %s"),
    N_("must be one of %s"),
    N_("must hold at least %s"),
    N_("must hold at most %s"),
    N_("must match %s"),
)


def reason(text: str) -> str:
    """What was written down as a reason, in the reader's language where the words are ours."""
    return _reason(text, reader().language)


@lru_cache(maxsize=4096)
def _reason(text: str, language: str) -> str:
    if text in UNABLE:
        return UNABLE[text]
    if text in REASONS:
        return gettext(text)
    for ours, pattern in _patterns():
        if found := pattern.fullmatch(text):
            return gettext(ours) % tuple(_plain_fields(group) for group in found.groups())
    return gettext(text)


# What a carrier is not able to do, as it is written down.
UNABLE = Told({
    "unsupported: pickup": "this carrier cannot be asked from here: call it",
    "unsupported: manifest": "this carrier makes no manifests",
})  # fmt: skip


def _plain_fields(told: str) -> str:
    """Names of a SKU's fields and of places as people call them, broken numbers as they write them; all else as it
    is."""
    if re.fullmatch(r"\d+\.\d+", told):
        return decimal(float(told), len(told.partition(".")[2]))
    names = told.split(", ")
    if all(name.startswith((TOTE, PARCEL)) for name in names):
        return ", ".join(map(place, names))
    return ", ".join(CUSTOMS_FIELDS[name] for name in names) if all(name in CUSTOMS_FIELDS for name in names) else told


def place(name: str) -> str:
    """A bin, a tote or a parcel."""
    if name.startswith(PARCEL):
        return _("parcel %(name)s", name=name.removeprefix(PARCEL))
    return _("tote %(name)s", name=name.removeprefix(TOTE)) if name.startswith(TOTE) else name


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(ours, re.compile(re.escape(ours).replace("%s", "(.+?)"))) for ours in REASONS_ABOUT]


def sentence(text: str) -> str:
    """A reason as a sentence."""
    told = reason(text.strip())
    return told[:1].upper() + told[1:] + ("" if told[-1] in ".!?…" else ".") if told else ""


def choices(table: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """A table of words to choose from, each as it stands alone."""
    return tuple((value, text[:1].upper() + text[1:]) for value, text in table.items())


def scan(code: str) -> str:
    """A delivery state as a piece of news."""
    if code == "news":
        return _("News")
    return _("Announced") if code == "pre_transit" else delivery(code) if code else _("Not understood")


def adds(message: str, state: str) -> str:
    """A carrier's words as they came; nothing where they only name the state that is told already."""
    bare = re.sub(r"[^a-z ]", "", message.lower()).strip()
    return "" if bare == state.replace("_", " ") else message


def exception_told(kind: str, reason: str) -> tuple[str, str]:
    """What it is in the reader's language, and what a carrier said of it, as it came."""
    if not kind.startswith(DELIVERY):
        return sentence(reason), ""
    theirs = "" if reason.startswith("the carrier says ") else adds(reason, kind.removeprefix(DELIVERY))
    return sentence(means(kind)), theirs


def proof(of: Proof | None) -> str:
    """Who took it, and where it was left."""
    if of is None:
        return ""
    signed = _("signed by %(name)s", name=of.signed_by) if of.signed_by else ""
    return ", ".join(filter(None, [signed, of.left_at, _("photo") if of.photo else ""]))


def tone(code: str) -> str:
    return TONES.get(code, "slate")


ROLES = Told({
    "owner": "Owner", "operator": "Operator", "floor": "Floor", "merchant": "Merchant", "read_only": "Only reads",
})  # fmt: skip
TERMS = Told(
    {
        "prepaid": "paid before it is sent",
        "on_shipment": "taken when it is handed over",
        "cod": "cash on delivery",
        "on_account": "on account",
    }
)


def invoice(series: str, number: int) -> str:
    return f"{series}-{number:06}"


# Risks that are worth a word on the order's page.
RISKS = Told({"medium": "Medium risk of fraud, says the channel", "high": "High risk of fraud, says the channel"})

# The strip at the top: the stages in the order of the journey.
_BEFORE_IT_LEAVES = ("received", "processing", "awaiting_fulfillment", "in_fulfillment")
STRIP = STAGES.of(*_BEFORE_IT_LEAVES, "fulfilled", "completed")
# The same on the page of today, which tells what is on its way from what has arrived and is not paid yet.
STOPS = Told({
    **STAGES.of(*_BEFORE_IT_LEAVES).source,
    "on_its_way": "On its way", "delivered": "Delivered", "completed": "Completed",
})  # fmt: skip
# The five steps as the buyer sees them.
STEPS = Told({step: step for step in ("Received", "Processing", "Awaiting fulfillment", "On its way", "Delivered")})

HOLDS = Told(
    {
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
)

# What ends a hold that somebody placed; for the others the hold's type says it.
LIFTS = Told(
    {
        "operator": "Lift it when that is settled.",
        "merchant": "Lift it when that is settled.",
        "fraud": "Look at it; then lift the hold, or cancel.",
        "duplicate": "Is it the same order twice? Cancel one, or lift the hold.",
    }
)

# Units of a line, in the order they are drawn.
UNITS = Told(
    {
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
)
_PLACES = Told({"wanted": "waiting", "shipped": "on its way", "taken_back": "came back", "world": "outside"})

# What each verb did, for the timeline; `tone` draws the dot.
HAPPENED = Told(
    {
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
        "choose_label": "Another carrier is chosen",
        "ask_label": "The carrier is asked for the label",
        "keep_label": "Label kept",
        "refuse_label": "The carrier refused the label",
        "want_void": "Label to be voided",
        "keep_void": "Label voided",
        "want_manifest": "Listed for the driver",
        "keep_manifest": "Manifest made",
        "refuse_manifest": "The carrier refused the manifest",
        "want_pickup": "A driver was asked for",
        "keep_pickup": "The carrier comes to fetch",
        "refuse_pickup": "The carrier refused the pickup",
        "call_off": "The driver is not to come",
        "keep_call_off": "Pickup called off",
        "collect": "The driver took all on a manifest",
        "hand_over": "Handed over to the carrier",
        "number_parcel": "Another number for the parcel",
        "open_load": "Load opened",
        "put_in": "Put into a load",
        "take_out": "Taken out of a load",
        "close_load": "Load closed",
        "reopen_load": "Load opened again",
        "track_load": "News of the load",
        "track": "News of the parcel",
        "instruct": "The carrier is to do something else",
        "deliver": "Delivered",
        "lose": "Written off as lost",
        "keep_notice": "A notice was sent",
        "keep_receipt": "What became of a text message",
        "open_case": "The buyer says that something is wrong",
        "answer_case": "Message in a case",
        "close_case": "Case closed",
        "want_authorization": "Asked to hold the money",
        "authorize": "Money held",
        "expire_authorization": "The authorization ran out",
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
        "review_party": "Said whether it is the listed party",
        "keep_filing": "Export filed",
        "insure": "Insurance set",
        "note": "Note",
        "want_return_label": "Label for the way back asked for",
        "choose_return_label": "Another carrier is chosen for the way back",
        "keep_return_label": "Label for the way back kept",
        "refuse_return_label": "The carrier said no to the label for the way back",
        "want_return_void": "Label for the way back to be voided",
        "keep_return_void": "Label for the way back voided",
        "take_back": "Goods came back",
    }
)
EVENT_TONES: dict[str, str] = {
    "place": "slate", "hold": "amber", "lift": "green", "short": "red", "refuse_label": "red", "lose": "red",
    "refuse_manifest": "red", "refuse_pickup": "red", "refuse_return_label": "red", "collect": "teal",
    "decline": "red", "expire": "quiet", "cancel": "quiet", "deliver": "green", "hand_over": "teal", "track": "teal",
    "authorize": "green", "capture": "green", "record_payment": "green", "remit": "green", "refund": "amber",
    "take_back": "amber", "note": "violet", "open_case": "amber", "answer_case": "violet", "close_case": "green",
    "promise": "violet", "fill": "violet", "release": "cyan", "pick": "cyan",
    "pack": "cyan",
}  # fmt: skip


# What parcels travel in, and what can be told of it.
LOADS = Told({"bag": "Bag", "pallet": "Pallet", "flight": "Flight", "entry": "Customs entry"})
LOAD_NEWS = Told(
    {
        "handed_over": "Handed over to the line haul",
        "departed": "Departed",
        "DEP": "Departed",
        "arrived": "Arrived",
        "ARR": "Arrived",
        "RCF": "Received from the flight",
        "RCS": "Received from the shipper",
        "MAN": "Manifested on the flight",
        "in_customs": "With customs",
        "held_by_customs": "Held by customs",
        "cleared": "Cleared by customs",
        "CCD": "Cleared by customs",
        "handed_to_last_mile": "Handed over to the last mile",
        "delayed": "Delayed",
        "damaged": "Damaged",
        "lost": "Lost",
    }
)
LEGS = Told({"first_mile": "First mile", "line_haul": "Line haul", "last_mile": "Last mile"})

# What was told of an order of elsewhere.
TOLD = Told(
    {
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
)


def happened(verb: str, data: Mapping[str, Any]) -> str:
    if verb == "import_history":
        return TOLD.get(str(data.get("what")), HAPPENED[verb])
    if verb == "check" and data.get("held"):
        return _("Checked, and held")
    if verb in ("keep_notice", "keep_receipt"):
        return notice_words.happened(str(data.get("medium", "email")), str(data.get("state", "sent")))
    if verb in ("put_in", "take_out") and data.get("number"):
        kind = LOADS.get(str(data.get("kind")), "").lower()
        told = _("Put into %(kind)s %(number)s") if verb == "put_in" else _("Taken out of %(kind)s %(number)s")
        return told % {"kind": kind, "number": data["number"]}
    if verb == "track" and data.get("state"):
        return _("Parcel: %(state)s", state=scan(str(data["state"])).lower())
    return HAPPENED.get(verb, titled(verb))


# What of an event's data is worth reading: what somebody said, then the particulars.
_SAID = ("reason", "text", "note", "subject")
_PARTICULARS = Told({
    "channel": "through %s", "site": "at %s", "bin": "bin %s", "carrier": "%s", "tracking_number": "%s",
    "received_by": "to %s", "method": "by %s", "reference": "ref. %s", "number": "no. %s", "sku": "as %s",
})  # fmt: skip
# Particulars that the page says elsewhere, or that say nothing.
_KNOWN = {("place", "number")}


def said(data: Mapping[str, Any]) -> list[str]:
    """What somebody gave as a reason or wrote down, and what the checks found."""
    given = [data[name] for name in _SAID if isinstance(data.get(name), str)]
    # A code says nothing that the verb does not say.
    told = [reason(text) for text in given if text and not re.fullmatch(r"[a-z]+(_[a-z]+)+", text)]
    for name in ("held", "lifted"):
        found = data.get(name)
        for problem in found if isinstance(found, list) else ():
            kind = HOLDS.get(problem.get("type", ""), titled(str(problem.get("type", ""))))
            told.append(f"{kind}: {reason(problem.get('reason') or '') or _('no longer in the way')}")
    return told


def particulars(verb: str, data: Mapping[str, Any]) -> list[str]:
    """Where, how, by what: short phrases for the line below."""
    told = [
        phrase % (channel(str(data[name])) if name == "channel" else data[name])
        for name, phrase in _PARTICULARS.items()
        if isinstance(data.get(name), str | int)
        and data[name]
        and (verb, name) not in _KNOWN
        and (name != "sku" or verb == "name_item")
    ]
    if verb == "pick":
        told += [_("bin %(bin)s", bin=bin) for bin in dict.fromkeys(line["bin"] for line in data.get("lines", []))]
    if isinstance(data.get("sites"), list) and data["sites"]:
        told.append(_("from %(sites)s", sites=", ".join(str(site) for site in data["sites"])))
    return told


def demand(items: Sequence[str], verb: str, source: str, target: str) -> str:
    """Units that moved; from where to where only when the verb does not say it."""
    listed = ", ".join(items)
    implied = ROWS[verb].demand == f"{source} > {target}" or source == WORLD if verb in ROWS else False
    return listed if implied else f"{listed}: {_place(source)} → {_place(target)}"


def _place(stage: str) -> str:
    return _PLACES.get(stage) or UNITS.get(stage, plain(stage))


_CASH = Told({
    "world > owed": "%s to be paid",
    "owed > world": "%s no longer to be paid",
    "world > held": "%s held",
    "held > world": "%s let go",
    "held > earned": "%s taken",
    "world > earned": "%s paid",
    "world > collected": "%s collected at the door",
    "collected > earned": "%s paid out by the carrier",
    "earned > refunded": "%s given back",
})  # fmt: skip


def cash(amount: str, source: str, target: str) -> str:
    return _CASH.get(f"{source} > {target}", f"%s: {plain(source)} → {plain(target)}") % amount


PAYMENT_KINDS = Told(
    {
        "authorization": "Authorization",
        "capture": "Capture",
        "release": "Release of held money",
        "refund": "Refund",
        "payment": "Payment",
        "collection": "Collected at the door",
    }
)
PAYMENT_STATES = Told({"wanted": "asked for", "done": "", "declined": "declined", "expired": "expired"})


def actor(name: str, verb: str = "", keys: Mapping[str, str] | None = None) -> str:
    """Who did it, as one says it; `keys` are the names of API keys by what they begin with."""
    if name == "system" and verb == "track":
        return _("the carrier")
    kind, _colon, rest = name.partition(":")
    if kind == "person":
        return rest
    if kind == "key":
        return (keys or {}).get(rest) or _("API key %(key)s…", key=rest)
    return _ACTORS.get(name, name)


_ACTORS = Told({"system": "doorstep", "buyer": "the buyer", "check": "doorstep's checks", "import": "a file"})


# Refusals


# What a refusal names most.
ABOUT = Told({
    "order": "order", "role": "role", "merchant": "merchant", "sku": "SKU", "site": "site", "channel": "channel",
    "parcel": "parcel", "line": "line", "asn": "ASN", "account": "account", "carrier": "carrier", "file": "file",
    "reason": "reason", "detail": "detail",
})  # fmt: skip
# Of these some words are ours; all others are somebody's.
SPOKEN = ("reason", "detail")


def reasons(refusal: Refusal) -> list[str]:
    """The particulars of a refusal, each as a line."""
    return whys(refusal.why)


def whys(why: Mapping[str, Any]) -> list[str]:
    told = []
    for name, value in why.items():
        if name == "fields":
            told += [f"{_field(each.get('pointer', ''))}: {each.get('detail', '')}" for each in value]
        elif value not in (None, "", [], {}):
            told.append(f"{ABOUT.get(name, plain(name))}: {_shown(name, value)}")
    return told


def _shown(name: str, value: Any) -> Any:
    if name == "role":
        return ROLES.get(value, value)
    return reason(str(value)) if name in SPOKEN else value


def _field(pointer: str) -> str:
    return plain(pointer.strip("/").replace("/", " ")) or _("this form")


# What is asked of the outside world, for previews.
ERRANDS = Told(
    {
        "buy_label": "The carrier is asked for a label",
        "void_label": "The carrier is asked to void the label",
        "ask_manifest": "The carrier is asked for its manifest",
        "ask_pickup": "The carrier is asked to come",
        "ask_call_off": "The carrier is asked not to come",
        "buy_return_label": "The carrier is asked for a label for the way back",
        "void_return_label": "The carrier is asked to void the label for the way back",
        "follow": "The carrier is asked where the parcel is",
        "ask_authorization": "The provider is asked to hold the money",
        "ask_capture": "The provider is asked for the held money",
        "ask_release_of_funds": "The provider is asked to let the held money go",
        "ask_refund": "The provider is asked to send money back",
        "notify": "The buyer is told, as the rules of notices say",
        "deliver_webhook": "Subscribers are told",
    }
)


RETURN_LABELS = Told({
    "wanted": "asked for", "bought": "bought", "refused": "refused", "void_wanted": "to be voided", "void": "void",
})  # fmt: skip


# What a buyer says is wrong.
CASES = Told({
    "not_arrived": "Nothing arrived",
    "damaged": "Something is damaged",
    "wrong_item": "Something else came",
    "missing_item": "Something is missing",
    "change_address": "Another address",
    "other": "A question",
})  # fmt: skip
PARCEL_PAPERS = Told(
    {"label": "Label", "label.zpl": "Label as ZPL", "packing-slip": "Packing slip", "customs": "Customs papers"}
)
INVOICES = Told({"invoice": "Invoice", "credit_note": "Credit note"})
LABELS = Told(
    {
        "none": "No label",
        "wanted": "Label asked for",
        "bought": "Labeled",
        "refused": "Label refused",
        "void_wanted": "Label to be voided",
        "void": "Label void",
    }
)
PAPERS = Told({"cn22": "CN 22", "cn23": "CN 23", "commercial_invoice": "Commercial invoice",
               "packing_list": "Packing list"})  # fmt: skip
