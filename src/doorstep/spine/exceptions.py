"""exceptions: what somebody must look at, by kind: what each means, and the one next action.

Three things are exceptions while they are open: a row of the table `attention`, a hold (its kind is `hold:` and the
hold's type), and a job that was refused or is dead (`job:` and its verb). What raises one may say a next action of its
own, which knows the case (which bin, which parcel); these are for the rest, and for who asks what a kind is.
"""

from __future__ import annotations

from doorstep.spine.holds import TYPES

HOLD, JOB = "hold:", "job:"

# kind: what it means
MEANS: dict[str, str] = {
    # what a channel or a file says
    "order_changed": "the channel changed the order after work on it had begun",
    "import_problem": "a row of the file is not as it should be; nothing waits for it",
    "payment_mismatch": "the payments do not add up to what the order costs",
    "paid_no_items": "the order was paid and has no items",
    "handed_over_before_approval": "the parcel left before the order was approved",
    "delivered_before_carrier": "the parcel arrived before the carrier had it",
    "delivered_no_date": "it is said to be delivered, and nobody says when",
    "canceled_but_delivered": "the order was canceled, and was delivered",
    "canceled_but_fulfilled": "the order was canceled, and its goods have left",
    "canceled_not_refunded": "the order was canceled, and its money was kept",
    "happened_before_placed": "something happened to the order before it was placed",
    "total_mismatch": "the total is not what the lines, shipping, tax and discounts add up to",
    "refunded_more_than_paid": "more was given back than was ever paid",
    "contradictory_status": "the channel's own statuses contradict each other",
    # what is told now against what was told before
    "less_paid_than_before": "less is said to be paid than before",
    "less_refunded_than_before": "less is said to be given back than before",
    "fulfilled_after_cancel": "units are said to have left that were canceled before",
    "stage_went_back": "units are said to be less far than before",
    "parcel_went_back": "a parcel is said to be less far than before, or is not told any more",
    "correction_not_applied": "the file says other goods or amounts, and the books could not follow",
    # the floor
    "short_pick": "a bin did not hold what it should",
    "put_back": "goods of a canceled order are still in a tote or a parcel",
    "asn_discrepancy": "what came is not what was announced",
    # the carrier
    "label_refused": "the carrier refused the label, or to void it",
    "carrier_refused": "the carrier refused a manifest, a pickup, or a label for the way back",
    "parcel_lost": "the carrier lost the parcel",
    "delivery_customs_hold": "customs holds the parcel",
    "delivery_delayed": "the carrier says that the parcel is late",
    "delivery_attempted": "the carrier tried to deliver, and could not",
    "delivery_exception": "the carrier has trouble with the parcel",
    "delivery_damaged": "the parcel was damaged on its way",
    "delivery_refused": "the buyer did not take the parcel",
    "delivery_returning": "the parcel is on its way back",
    "delivery_returned_to_sender": "the parcel is back",
    "delivery_lost": "the carrier says that the parcel is lost",
    "silence": "nothing was heard of the parcel for longer than is usual on its way",
    "unknown_status": "the carrier said a word that nobody here knows",
    "carrier_to_tell": "the carrier is to be told what to do with the parcel",
    "notice_failed": "a notice could not be handed over: its address takes none",
    # the buyer
    "case_not_arrived": "the buyer says that nothing arrived",
    "case_damaged": "the buyer says that something is damaged",
    "case_wrong_item": "the buyer says that something else came than was ordered",
    "case_missing_item": "the buyer says that something is missing",
    "case_change_address": "the buyer wants it sent to another address",
    "case_other": "the buyer asks something",
    # money
    "capture_declined": "the provider did not hand over the money it holds",
    "release_declined": "the provider did not let the held money go",
    "refund_declined": "the provider did not send the money back",
    # the books
    "books_broken": "the books contradict themselves: a law of the audit is broken",
}

# kind: the one next action
NEXT_ACTION: dict[str, str] = {
    "order_changed": "cancel or edit the order until it is as the channel has it, or leave it; then lift the hold",
    "import_problem": "look at the row of the file",
    "payment_mismatch": "compare the order with the provider's payout, and record what is missing",
    "paid_no_items": "ask the channel what was bought, or refund it",
    "handed_over_before_approval": "find out who let it go, and whether the payment is good",
    "delivered_before_carrier": "ask the channel or the carrier which of the two times is right",
    "delivered_no_date": "ask the carrier when it arrived",
    "canceled_but_delivered": "find out whether the goods are to come back, or are to be paid",
    "canceled_but_fulfilled": "find out where the goods are; take them back, or have them paid",
    "canceled_not_refunded": "refund the buyer, or find the refund that was not told",
    "happened_before_placed": "ask the channel which of the times is right",
    "total_mismatch": "compare the order with the channel's own page; correct the file, or credit the difference",
    "refunded_more_than_paid": "find the payment that is missing, or ask the provider for the money",
    "contradictory_status": "ask the channel what is true, and record it",
    "less_paid_than_before": "ask the provider whether a payment was taken back",
    "less_refunded_than_before": "ask the provider whether the refund failed",
    "fulfilled_after_cancel": "ask the channel whether the units left; then have them paid, or expect them back",
    "stage_went_back": "ask the channel what is true, and correct the file",
    "parcel_went_back": "ask the carrier where the parcel is",
    "correction_not_applied": "undo what stands in the way and import the file again, or correct the file",
    "short_pick": "count the bin",
    "put_back": "take them out and restock them from quarantine",
    "asn_discrepancy": "settle it with the supplier, or count again and adjust",
    "label_refused": "mend what the carrier names, then ask for the label again",
    "carrier_refused": "mend what the carrier names, then ask again",
    "parcel_lost": "claim it from the carrier; resend or refund",
    "delivery_customs_hold": "send customs what it asks for",
    "delivery_delayed": "ask the carrier, tell the buyer",
    "delivery_attempted": "ask the buyer for a better time or address",
    "delivery_exception": "ask the carrier, tell the buyer",
    "delivery_damaged": "claim it from the carrier; resend or refund",
    "delivery_refused": "ask the buyer why; expect the parcel back",
    "delivery_returning": "tell the buyer; expect the parcel back",
    "delivery_returned_to_sender": "take it back at the site, then resend or refund",
    "delivery_lost": "claim it from the carrier, resend or refund",
    "silence": "ask the carrier, and tell the buyer before they ask",
    "unknown_status": "ask the carrier what it means, and add it to the carrier's words",
    "carrier_to_tell": "tell the carrier; then say here that it is done",
    "notice_failed": "ask for another address or number, or call; of the merchant's own, set it right in the settings",
    "case_not_arrived": "ask the carrier; resend or refund; tell the buyer",
    "case_damaged": "resend or refund; claim it from the carrier; tell the buyer",
    "case_wrong_item": "resend or refund; take the wrong one back; tell the buyer",
    "case_missing_item": "resend or refund; count what is left; tell the buyer",
    "case_change_address": "mend the address while it can be; tell the buyer",
    "case_other": "answer the buyer",
    "capture_declined": "ask the provider, or settle it by hand",
    "release_declined": "ask the provider, or settle it by hand",
    "refund_declined": "ask the provider, or settle it by hand",
    "books_broken": "find what wrote it past the books, and set it to what the moves say",
}
RETRY = "mend what the error names, then try the job again; or drop it"
UNKNOWN = "look at the reason"


def means(kind: str) -> str:
    """What an exception of this kind is; its name in words where nobody wrote more."""
    if kind.startswith(HOLD):
        return f"an open hold ({_words(kind.removeprefix(HOLD))}) stops the order or a line of it"
    if kind.startswith(JOB):
        return f"what was to come next ({_words(kind.removeprefix(JOB))}) was refused, or failed too often"
    return MEANS.get(kind, _words(kind))


# Why a carrier could not deliver says more than that it could not.
NEXT_ACTION_FOR: dict[str, str] = {
    "wrong_address": "ask the buyer for the right address, then send it there",
    "unverifiable": "ask the buyer for the right address, then send it there",
    "moved": "ask the buyer for the new address, then send it there",
    "papers": "send customs what it asks for",
    "no_access": "ask the buyer how the courier gets in, then have it tried again",
    "unclaimed": "tell the buyer; expect the parcel back",
}


def next_action(kind: str, reason: str = "") -> str:
    """What to do about it; `reason` is why a carrier could not deliver."""
    if kind.startswith("delivery_") and reason in NEXT_ACTION_FOR:
        return NEXT_ACTION_FOR[reason]
    if kind.startswith(HOLD):
        return TYPES.get(kind.removeprefix(HOLD), UNKNOWN)
    return RETRY if kind.startswith(JOB) else NEXT_ACTION.get(kind, UNKNOWN)


def _words(name: str) -> str:
    return name.replace("_", " ")
