"""notice_words: what the console calls notices: the facts that speak, the media, what became of them, and why."""

from __future__ import annotations

from doorstep.doors.console.speaking import Told, _

KINDS = Told({
    "received": "We have the order",
    "awaiting_fulfillment": "We are getting it ready",
    "backordered": "Something is not in stock",
    "split": "It comes in several parcels",
    "shipped": "It is on its way",
    "delayed": "It comes later than promised",
    "customs_hold": "Customs holds it",
    "out_for_delivery": "It comes today",
    "attempted": "The carrier could not deliver",
    "available_for_pickup": "It can be picked up",
    "delivered": "It is delivered",
    "returned_to_sender": "It came back",
    "lost": "The carrier lost it",
    "return_label": "There is a label to send it back",
    "canceled": "It is canceled",
    "refunded": "The money is on its way back",
    "answer": "An answer to a message",
})  # fmt: skip
MEDIA = Told({
    "email": "E-mail to the buyer", "sms": "Text message to the buyer", "office": "E-mail to the office",
    "webhook": "Your own program",
})  # fmt: skip
STATES = Told({
    "waiting": "Waits", "sending": "Being sent", "unknown": "Tried, without an answer", "sent": "Sent",
    "dropped": "Not sent", "failed": "Could not be sent",
})  # fmt: skip
TONES = {"waiting": "blue", "sending": "blue", "unknown": "amber", "sent": "green", "dropped": "quiet", "failed": "red"}
WHY = Told({
    "quiet_hours": "It is quiet hours there.",
    "no_address": "There is no address or number for it.",
    "stopped": "The buyer wants no more of these.",
    "order_canceled": "The order was canceled before.",
    "already_shipped": "It had left before.",
    "other_date": "The date had changed again.",
    "label_void": "The label was void before.",
    "not_missing": "Nothing was missing any more.",
    "another_day": "The day had passed.",
    "too_late": "It came too late to be news.",
})  # fmt: skip
HAPPENED = Told({
    "email sent": "The buyer got a letter", "sms sent": "The buyer got a text message",
    "sms came": "The text message is on the buyer's phone",
    "office sent": "The office got a letter", "webhook sent": "Your own program was told",
})  # fmt: skip


def why(word: str) -> str:
    """A reason in words; of one that names how a parcel stands, that it had moved on; another as it was said."""
    return WHY.get(word) or (_("The parcel had moved on before.") if word.startswith("parcel_") else word)


def happened(medium: str, state: str) -> str:
    return HAPPENED.get(f"{medium} {state}") or f"{MEDIA.get(medium, medium)}: {STATES.get(state, state).lower()}"
