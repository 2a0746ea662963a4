"""notices: what a buyer is told about an order, in their language; in the merchant's own words, where it has some."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from babel.dates import format_date

from doorstep.kit.money import spell
from doorstep.kit.paper import Address, printable
from doorstep.kit.speech import SOURCE, Speech, spelled_days
from doorstep.setup.branding import PLAIN_ACCENT
from doorstep.setup.notices.kinds import FACTS, Kind
from doorstep.setup.notices.wording import NONE, OwnWords, filled, placeholders

# The buyers' texts, of letters and pages alike.
LOCALES = Path(__file__).with_name("locales")
LONGEST_SMS = 480


class NoticeLine(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    quantity: int
    variant: str = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    key: str  # of this one notice, for ever: the same key is the same letter
    merchant: str
    sender: str  # an address that the merchant may send from
    to: str
    at: datetime
    order_number: str
    language: str = SOURCE
    reply_to: str = ""
    buyer_name: str = ""
    phone: str = ""
    lines: tuple[NoticeLine, ...] = ()
    total_minor: int | None = None
    currency: str = ""
    ship_to: Address | None = None
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""  # the order's own page
    label_url: str = ""  # where the label for the way back is
    parcel_index: int = 1
    parcel_count: int = 1
    expected_from: date | None = None
    expected_on: date | None = None
    delivered_on: date | None = None
    received_by: str = ""
    text: str = ""  # what somebody wrote to the buyer
    place: str = ""  # where it is, or can be picked up
    until: date | None = None  # how long it can be picked up
    amount_minor: int | None = None  # what went back
    is_paid: bool = True  # something was paid for it
    part_only: bool = False  # of what is canceled: something of the order still comes
    stop_url: str = ""  # where its buyer says that they want no more letters of steps
    accent: str = PLAIN_ACCENT  # #rrggbb
    logo: bytes = b""  # a PNG
    contact: str = ""  # how to reach a person
    imprint: str = ""  # who is behind the shop, by law in many countries; several lines


class Words(msgspec.Struct, frozen=True):
    subject: str
    headline: str
    lead: str


def in_words(kind: Kind, of: Notice, own: OwnWords = NONE) -> Words:
    """Subject, headline and lead, the merchant's own where it has some; every one a line that says what it says."""
    plain = _words(kind, of, Speech(LOCALES, of.language))
    values = _values(kind, of)
    said = {
        name: printable(filled(text, values)) if (text := getattr(own, name)) else getattr(plain, name)
        for name in Words.__struct_fields__
    }
    return Words(**said)


def text_of(kind: Kind, of: Notice, own: OwnWords = NONE) -> str:
    """As a text message."""
    if own.sms:
        return printable(filled(own.sms, _values(kind, of)))[:LONGEST_SMS]
    say = Speech(LOCALES, of.language)
    said = [f"{printable(of.merchant)}: {in_words(kind, of, own).subject}", *_details(kind, of, say)]
    at = link(of.label_url if kind == "return_label" else of.tracking_url)
    return " ".join(filter(None, (printable(". ".join(said))[: LONGEST_SMS - 200] + ".", at)))


def _details(kind: Kind, of: Notice, say: Speech) -> list[str]:
    """What cannot wait until somebody has opened the link."""
    values = _values(kind, of)
    told = []
    if kind == "available_for_pickup":
        told += [values["place"]] if values["place"] else []
        told += [say._("Until %(day)s", day=values["until"])] if values["until"] else []
    if kind == "delayed" and values["expected_on"]:
        told.append(say._("New date: %(days)s", days=values["expected_on"]))
    if kind == "refunded" and values["amount"]:
        told.append(values["amount"])
    return told


def _values(kind: Kind, of: Notice) -> dict[str, str]:
    """What stands for each name in a merchant's words; only the names that this fact has."""
    language = Speech(LOCALES, of.language).language
    known = {
        "order_number": of.order_number, "buyer_name": of.buyer_name, "shop": of.merchant,
        "tracking_url": link(of.tracking_url), "label_url": link(of.label_url), "carrier": of.carrier,
        "tracking_number": of.tracking_number,
        "parcel": f"{of.parcel_index}/{of.parcel_count}", "place": of.place, "until": day(of.until, language),
        "expected_on": spelled_days(of.expected_from, of.expected_on, language),
        "delivered_on": day(of.delivered_on, language), "total": money(of.total_minor, of.currency, language),
        "amount": money(of.amount_minor, of.currency, language),
    }  # fmt: skip
    names = {*placeholders(kind), "place", "until", "amount", "expected_on"} if kind != "answer" else ()
    return {name: printable(known[name]) for name in names}


def _words(kind: Kind, of: Notice, say: Speech) -> Words:
    number = printable(of.order_number)
    if FACTS[kind].of_parcel:
        return _words_of_parcel(kind, number, of, say)
    if kind == "received":
        return Words(
            say._("We have received your order %(number)s", number=number),
            say._("Thank you for your order"),
            say._(
                "We have it and are checking that everything is in place. You will hear from us when we start on it."
            ),
        )
    if kind == "awaiting_fulfillment":
        return Words(
            say._("We're working on getting your order %(number)s ready", number=number),
            say._("We're working on getting your order ready"),
            say._("Everything is in place: your items are set aside for you and will be packed next."),
        )
    if kind == "backordered":
        return Words(
            say._("Something of your order %(number)s is not in stock just now", number=number),
            say._("Something is not in stock just now"),
            say._(
                "Your order goes on as soon as more has come in; you need not order again. You do not want to wait?"
                " Write to us and we cancel it."
            ),
        )
    if kind == "split":
        return Words(
            say._("Your order %(number)s comes in several parcels", number=number),
            say._("Your order comes in several parcels"),
            say._("It leaves from several places, so not all of it may arrive on the same day. We tell you of each."),
        )
    if kind == "delayed":
        return Words(
            say._("Your order %(number)s comes later than we said", number=number),
            say._("Your order comes later than we said"),
            say._("We are sorry about that. Here is the new date."),
        )
    if kind == "canceled":
        return _words_of_cancel(number, of, say)
    if kind == "refunded":
        return Words(
            say._("Your money for order %(number)s is on its way back", number=number),
            say._("Your money is on its way back"),
            say._("We have sent it the way it came; your bank may need some days."),
        )
    return Words(
        say._("About your order %(number)s", number=number),
        say._("An answer to your message"),
        say._("You wrote to us about your order. Here is our answer."),
    )


def _words_of_cancel(number: str, of: Notice, say: Speech) -> Words:
    if of.part_only:
        rest = say._("What is listed here is not sent; the rest comes as planned.")
        back = " " + say._("What you paid for it goes back.") if of.is_paid else ""
        return Words(
            say._("A part of your order %(number)s is canceled", number=number),
            say._("A part of your order is canceled"),
            rest + back,
        )
    money = (
        say._("What you paid goes back the way it came; that can take some days.")
        if of.is_paid
        else say._("We have no money of yours for it, so nothing is to be done.")
    )
    return Words(
        say._("Your order %(number)s is canceled", number=number),
        say._("Your order is canceled"),
        say._("Nothing more is sent.") + " " + money,
    )


def _words_of_parcel(kind: Kind, number: str, of: Notice, say: Speech) -> Words:
    part = ""
    if of.parcel_count > 1:
        part = " " + say._("(parcel %(nth)s of %(all)s)", nth=of.parcel_index, all=of.parcel_count)
    if kind == "shipped":
        return Words(
            say._("Your order %(number)s is on its way", number=number) + part,
            say._("A part of your order is on its way") if part else say._("Your order is on its way"),
            say._("We have handed it over to the carrier."),
        )
    if kind == "customs_hold":
        return Words(
            say._("Customs holds your order %(number)s", number=number) + part,
            say._("Customs holds your parcel"),
            say._(
                "They want to know something before they let it go on. Did customs or the carrier ask you for papers?"
                " Answer them, or send us what they wrote."
            ),
        )
    if kind == "out_for_delivery":
        return Words(
            say._("Your order %(number)s is out for delivery", number=number) + part,
            say._("Your parcel comes today"),
            say._("It is in the van that comes to you. Nobody at home? Leave a note where a neighbor can take it."),
        )
    if kind == "attempted":
        return Words(
            say._("The carrier could not hand over your order %(number)s", number=number) + part,
            say._("The carrier was at your door"),
            say._(
                "Nobody could take your parcel. Most carriers come again on the next working day; see whether they"
                " left a card. Is the address wrong? Write to us."
            ),
        )
    if kind == "available_for_pickup":
        return Words(
            say._("Your order %(number)s is waiting to be picked up", number=number) + part,
            say._("Your parcel is waiting for you"),
            say._("You can pick it up now. Take an identity card along, and the tracking number."),
        )
    if kind == "returned_to_sender":
        return Words(
            say._("Your order %(number)s came back to us", number=number) + part,
            say._("Your parcel came back to us"),
            say._("The carrier could not deliver it. Write to us: we send it again, or give the money back."),
        )
    if kind == "return_label":
        return Words(
            say._("The label to send back your order %(number)s", number=number) + part,
            say._("Here is the label to send it back"),
            say._(
                "Print it, stick it over the old label and hand the parcel in with the carrier that is named below."
                " There is nothing to pay."
            ),
        )
    return Words(
        say._("Your order %(number)s has been delivered", number=number) + part,
        say._("A part of your order has been delivered") if part else say._("Your order has been delivered"),
        say._("We hope that you like it. If something is not right, tell us and we will put it right."),
    )


# Money as it is written in a language.
_LOCALES = {"en": "en_US", "uk": "uk_UA"}


def money(minor: int | None, currency: str, language: str) -> str:
    return spell(minor, currency, _LOCALES[language]) if minor is not None else ""


def day(of: date | None, language: str) -> str:
    """30 Nov 2026: no reader takes the month for the day."""
    return format_date(of, "d MMM y", locale=language) if of else ""


def link(url: str) -> str:
    """The address if a mail program may open it, else nothing."""
    if url != printable(url) or " " in url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""
