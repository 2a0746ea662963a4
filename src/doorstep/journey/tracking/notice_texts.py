"""notice_texts: what a notice says of each fact, in plain words; of the order as a whole, and of a part of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from doorstep.kit.speech import N_
from doorstep.setup.notices.kinds import Kind


class Words(msgspec.Struct, frozen=True):
    subject: str
    headline: str
    lead: str


TEXTS: Mapping[Kind, Words] = {
    "received": Words(
        N_("We have received your order %(number)s"),
        N_("Thank you for your order"),
        N_("We have it and are checking that everything is in place. You will hear from us when we start on it."),
    ),
    "awaiting_fulfillment": Words(
        N_("We're working on getting your order %(number)s ready"),
        N_("We're working on getting your order ready"),
        N_("Everything is in place: your items are set aside for you and will be packed next."),
    ),
    "backordered": Words(
        N_("Something of your order %(number)s is not in stock just now"),
        N_("Something is not in stock just now"),
        N_(
            "Your order goes on as soon as more has come in; you need not order again. You do not want to wait?"
            " Write to us and we cancel it."
        ),
    ),
    "split": Words(
        N_("Your order %(number)s comes in several parcels"),
        N_("Your order comes in several parcels"),
        N_("It leaves from several places, so not all of it may arrive on the same day. We tell you of each."),
    ),
    "shipped": Words(
        N_("Your order %(number)s is on its way"),
        N_("Your order is on its way"),
        N_("We have handed it over to the carrier."),
    ),
    "customs_hold": Words(
        N_("Customs holds your order %(number)s"),
        N_("Customs holds your parcel"),
        N_(
            "They want to know something before they let it go on. Did customs or the carrier ask you for"
            " papers? Answer them, or send us what they wrote."
        ),
    ),
    "out_for_delivery": Words(
        N_("Your order %(number)s is out for delivery"),
        N_("Your parcel comes today"),
        N_("It is in the van that comes to you. Nobody at home? Leave a note where a neighbor can take it."),
    ),
    "attempted": Words(
        N_("The carrier could not hand over your order %(number)s"),
        N_("The carrier was at your door"),
        N_(
            "Nobody could take your parcel. Most carriers come again on the next working day; see whether they"
            " left a card. Is the address wrong? Write to us."
        ),
    ),
    "available_for_pickup": Words(
        N_("Your order %(number)s is waiting to be picked up"),
        N_("Your parcel is waiting for you"),
        N_("You can pick it up now. Take an identity card along, and the tracking number."),
    ),
    "delivered": Words(
        N_("Your order %(number)s has been delivered"),
        N_("Your order has been delivered"),
        N_("We hope that you like it. If something is not right, tell us and we will put it right."),
    ),
    "returned_to_sender": Words(
        N_("Your order %(number)s came back to us"),
        N_("Your parcel came back to us"),
        N_("The carrier could not deliver it. Write to us: we send it again, or give the money back."),
    ),
    "lost": Words(
        N_("Your order %(number)s got lost on its way"),
        N_("Your parcel is lost"),
        N_(
            "The carrier cannot find it. We are settling it with them, and you need not do anything: we send it again"
            " or give the money back, and write to you."
        ),
    ),
    "delayed": Words(
        N_("Your order %(number)s comes later than we said"),
        N_("Your order comes later than we said"),
        N_("We are sorry about that. Here is the new date."),
    ),
    "refunded": Words(
        N_("Your money for order %(number)s is on its way back"),
        N_("Your money is on its way back"),
        N_("We have sent it the way it came; your bank may need some days."),
    ),
    "return_label": Words(
        N_("The label to send back your order %(number)s"),
        N_("Here is the label to send it back"),
        N_(
            "Print it, stick it over the old label and hand the parcel in with the carrier that is named below."
            " There is nothing to pay."
        ),
    ),
    "answer": Words(
        N_("About your order %(number)s"),
        N_("An answer to your message"),
        N_("You wrote to us about your order. Here is our answer."),
    ),
    "canceled": Words(
        N_("Your order %(number)s is canceled"),
        N_("Your order is canceled"),
        N_("Nothing more is sent."),
    ),
}
# Of a part of its goods, where it is not so of the others.
TEXTS_OF_A_PART: Mapping[Kind, Words] = {
    "awaiting_fulfillment": Words(
        N_("We're working on getting a part of your order %(number)s ready"),
        N_("We're working on getting a part of your order ready"),
        N_(
            "What is listed here is set aside for you and will be packed next. The rest follows as soon as it can; you"
            " hear from us when it leaves."
        ),
    ),
    "canceled": Words(
        N_("A part of your order %(number)s is canceled"),
        N_("A part of your order is canceled"),
        N_("What is listed here is not sent; the rest comes as planned."),
    ),
}
# The headline where there are more parcels than this one.
OF_A_PART: Mapping[Kind, str] = {
    "shipped": N_("A part of your order is on its way"),
    "delivered": N_("A part of your order has been delivered"),
}
WHICH_PARCEL = N_("(parcel %(nth)s of %(all)s)")
MONEY_OF_A_PART_GOES_BACK = N_("What you paid for it goes back.")
MONEY_GOES_BACK = N_("What you paid goes back the way it came; that can take some days.")
NO_MONEY_IS_HERE = N_("We have no money of yours for it, so nothing is to be done.")
