"""saying: what the buyers' pages call things: plain words for people who know nothing of how a parcel travels."""

from __future__ import annotations

from doorstep.doors.console.speaking import N_, Told, _, gettext

STEPS = Told({
    "placed": "Placed", "getting_ready": "Getting ready", "on_its_way": "On its way", "nearby": "Out for delivery",
    "delivered": "Delivered",
})  # fmt: skip

# News of a parcel, as its buyer would say it.
NEWS = Told({
    "planned": "Being prepared",
    "pre_transit": "Announced to the carrier",
    "canceled": "Announcement withdrawn",
    "accepted": "The carrier has it",
    "in_transit": "On its way",
    "export_customs": "With customs, before it leaves the country",
    "departed": "Left for the next country",
    "arrived": "Arrived in the next country",
    "in_customs": "With customs",
    "customs_hold": "Held by customs",
    "customs_released": "Customs let it go on",
    "delayed": "Running late",
    "out_for_delivery": "Out for delivery",
    "attempted": "Nobody could take it",
    "available_for_pickup": "Waiting to be picked up",
    "partially_delivered": "Partly delivered",
    "exception": "Something came up",
    "redirected": "Sent on to another address",
    "damaged": "Damaged on its way",
    "refused": "Not accepted at the door",
    "customs_refused": "Not let in by customs",
    "returning": "On its way back to us",
    "returned_to_sender": "Back with us",
    "lost": "Lost",
    "destroyed": "Destroyed",
    "seized": "Kept by customs",
    "delivered": "Delivered",
})  # fmt: skip


def news(state: str) -> str:
    return NEWS.get(state) or _("News from the carrier")


# How it stands: tone, headline, what happens now, what the buyer can do.
Standing = tuple[str, str, str, str]
STANDINGS: dict[str, Standing] = {
    "placed": (
        "blue", N_("We have your order"), N_("We are checking that everything is in place."),
        N_("Is something not right yet? You can still change the address or cancel: write to us below."),
    ),
    "payment": (
        "amber", N_("We are waiting for your payment"), N_("As soon as it is here, we get your order ready."),
        N_("You have paid already? Then nothing is to be done: it can take a day or two until we see it."),
    ),
    "address": (
        "amber", N_("We have a question about your address"),
        N_("Something in it keeps us from sending your order."),
        N_("Write us the right address below, with “Another address”."),
    ),
    "held": (
        "amber", N_("We are looking into something"), N_("Your order waits until that is settled."),
        N_("Nothing is to be done. If we need anything from you, we write to you."),
    ),
    "waiting": (
        "amber", N_("Something is not in stock just now"),
        N_("Your order goes on as soon as more has come in; you need not order again."),
        N_("You do not want to wait? Write to us below and we cancel it."),
    ),
    "getting_ready": (
        "blue", N_("We are getting your order ready"), N_("Your items are set aside for you and will be packed next."),
        N_("You can still change the address or cancel, if you write to us soon."),
    ),
    "packed": (
        "blue", N_("Your order is packed"), N_("It leaves with the carrier next."),
        N_("To change something now, write to us at once."),
    ),
    "on_its_way": (
        "teal", N_("Your order is on its way"), N_("The carrier has it. You find its news below."), "",
    ),
    "in_customs": (
        "blue", N_("Your parcel is with customs"), N_("That is usual at a border, and takes some days at most times."),
        N_("Should customs want something from you, they or the carrier write to you."),
    ),
    "customs_hold": (
        "red", N_("Customs holds your parcel"), N_("They want to know something before they let it go on. We ask."),
        N_("Did you get a letter from customs or the carrier? Answer it, or send it to us below."),
    ),
    "delayed": (
        "amber", N_("Your parcel is running late"), N_("The carrier has it, and needs longer than planned."),
        N_("Nothing is to be done. If it has not moved for a week, write to us below."),
    ),
    "exception": (
        "amber", N_("Something came up on the way"), N_("We are asking the carrier what it is."),
        N_("Nothing is to be done. We write to you if we need anything."),
    ),
    "attempted": (
        "amber", N_("The carrier was at your door"),
        N_("Nobody could take your parcel. Most carriers come again on the next working day."),
        N_("See whether they left a card. Is the address wrong? Write to us below."),
    ),
    "available_for_pickup": (
        "violet", N_("Your parcel is waiting for you"), N_("You can pick it up where the carrier says, for some days."),
        N_("Take an identity card along, and the tracking number."),
    ),
    "nearby": (
        "cyan", N_("Your parcel is out for delivery"), N_("It is in the van that comes to you."),
        N_("Nobody at home? Leave a note where a neighbor can take it."),
    ),
    "partially_delivered": (
        "teal", N_("A part of your order has arrived"), N_("The rest follows in another parcel."),
        "",
    ),
    "delivered": (
        "green", N_("Your order has arrived"), N_("We hope that you like it."),
        N_("Something is not right, or you want to send it back? Write to us below."),
    ),
    "damaged": (
        "red", N_("Your parcel was damaged on its way"), N_("We are settling it with the carrier."),
        N_("You need not do anything: we send it again or give the money back. We write to you."),
    ),
    "refused": (
        "amber", N_("Your parcel was not accepted"), N_("It comes back to us; then we give the money back."),
        N_("That was a mistake? Write to us below and we send it again."),
    ),
    "customs_refused": (
        "amber", N_("Customs did not let your parcel in"), N_("It comes back to us."),
        N_("Write to us below: we send it another way, or give the money back."),
    ),
    "customs_returned": (
        "amber", N_("Your parcel came back to us"), N_("Customs did not let it in."),
        N_("Write to us below: we send it another way, or give the money back."),
    ),
    "returning": (
        "amber", N_("Your parcel is on its way back to us"), N_("The carrier could not deliver it."),
        N_("Write to us below whether we shall send it again, and where to."),
    ),
    "returned_to_sender": (
        "amber", N_("Your parcel came back to us"), N_("The carrier could not deliver it."),
        N_("Write to us below: we send it again, or give the money back."),
    ),
    "lost": (
        "red", N_("Your parcel is lost"), N_("The carrier cannot find it. We are settling it with them."),
        N_("You need not do anything: we send it again or give the money back. We write to you."),
    ),
    "canceled": (
        "quiet", N_("This order is canceled"), N_("Nothing more is sent."),
        N_("What you paid goes back the way it came; that can take some days."),
    ),
    "canceled_unpaid": (
        "quiet", N_("This order is canceled"), N_("Nothing more is sent."),
        N_("We have no money of yours for it, so nothing is to be done."),
    ),
    "expired": (
        "quiet", N_("This order ran out"), N_("No payment came, so we have let the items go."),
        N_("You still want them? Please order again."),
    ),
    "refunded": (
        "quiet", N_("Your money is on its way back"),
        N_("We have sent it the way it came; your bank may need some days."),
        N_("It is not there after ten days? Write to us below."),
    ),
}  # fmt: skip


# What the buyer can do where the shop lets them cancel by themselves.
CANCELING = Told({
    "placed": "Is something not right yet? You can still cancel below; for another address, write to us.",
    "waiting": "You do not want to wait? You can cancel below.",
    "getting_ready": "You can still cancel below; for another address, write to us soon.",
})  # fmt: skip


def standing(name: str) -> Standing:
    tone, title, now, you = STANDINGS[name]
    return tone, gettext(title), gettext(now), gettext(you)


# What may be wrong, as somebody would say it; in the order in which it happens most.
KINDS = Told({
    "not_arrived": "It has not arrived",
    "damaged": "Something is damaged",
    "wrong_item": "I got something else",
    "missing_item": "Something is missing",
    "change_address": "Another address",
    "other": "Something else",
})  # fmt: skip

# What is wrong with what they filled in, as the verbs say it.
DETAILS = (N_("must say something"), N_("must be an e-mail address"))
