"""notices: what a buyer is told about an order, in their language; in the merchant's own words, where it has some."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from babel.dates import format_date

from doorstep.journey.tracking.notice_texts import (
    MONEY_GOES_BACK,
    MONEY_OF_A_PART_GOES_BACK,
    NO_MONEY_IS_HERE,
    OF_A_PART,
    TEXTS,
    TEXTS_OF_A_PART,
    WHICH_PARCEL,
    Words,
)
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
    part_only: bool = False  # it is about a part of the order's goods; of the others it is not so
    stop_url: str = ""  # where its buyer says that they want no more letters of steps
    accent: str = PLAIN_ACCENT  # #rrggbb
    logo: bytes = b""  # a PNG
    contact: str = ""  # how to reach a person
    imprint: str = ""  # who is behind the shop, by law in many countries; several lines


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
    text = TEXTS_OF_A_PART.get(kind, TEXTS[kind]) if of.part_only else TEXTS[kind]
    subject, headline, lead = say._(text.subject, number=printable(of.order_number)), text.headline, say._(text.lead)
    if FACTS[kind].of_parcel and of.parcel_count > 1:
        subject += " " + say._(WHICH_PARCEL, nth=of.parcel_index, all=of.parcel_count)
        headline = OF_A_PART.get(kind, headline)
    if kind == "canceled" and (money := _money_of_what_is_canceled(of)):
        lead += " " + say._(money)
    return Words(subject, say._(headline), lead)


def _money_of_what_is_canceled(of: Notice) -> str:
    if of.part_only:
        return MONEY_OF_A_PART_GOES_BACK if of.is_paid else ""
    return MONEY_GOES_BACK if of.is_paid else NO_MONEY_IS_HERE


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
