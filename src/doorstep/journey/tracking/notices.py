"""notices: the letters a buyer gets about an order, as finished e-mails in their language and the merchant's colors.

Whoever sends one adds nothing: sender, date and Message-ID are set here, from the notice alone: the same facts make the
same bytes, so that a notice sent twice after a crash is recognized by every mailbox that has it already.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2
import msgspec
from babel.dates import format_date

from doorstep.kit.color import NIGHT, fill, is_color, legible, readable_on
from doorstep.kit.mailbox import MAILBOX
from doorstep.kit.money import spell
from doorstep.kit.paper import Address, address_lines, paragraphs, printable
from doorstep.kit.refusals import Refusal
from doorstep.kit.speech import N_, SOURCE, Speech, spelled_days
from doorstep.setup.branding import PLAIN_ACCENT
from doorstep.setup.notices.kinds import FACTS, Kind
from doorstep.setup.notices.wording import NONE, OwnWords, filled, placeholders

TEMPLATES = Path(__file__).with_name("templates")
# The buyers' texts, of letters and pages alike.
LOCALES = Path(__file__).with_name("locales")

STEPS: tuple[tuple[Kind, str], ...] = (
    ("received", N_("Placed")),
    ("awaiting_fulfillment", N_("Getting ready")),
    ("shipped", N_("On its way")),
    ("delivered", N_("Delivered")),
)
# How far an order is of which something else is told; of the rest there is nothing to show.
STEP_OF: dict[Kind, Kind] = {
    **{step: step for step, _ in STEPS}, "backordered": "received", "split": "awaiting_fulfillment",
    "delayed": "received", "customs_hold": "shipped", "out_for_delivery": "shipped", "attempted": "shipped",
    "available_for_pickup": "shipped",
}  # fmt: skip
# When it comes is told with these.
DATED: frozenset[Kind] = frozenset({
    "received", "awaiting_fulfillment", "backordered", "split", "shipped", "delayed",
})  # fmt: skip
LONGEST_SMS = 480


class NotAMailbox(Refusal):
    """This is not an e-mail address that a notice can go to or come from."""

    status = 422


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


def compose(kind: Kind, of: Notice, own: OwnWords = NONE) -> EmailMessage:
    """`own`: the merchant's words, where it has some."""
    say = Speech(LOCALES, of.language)
    words = in_words(kind, of, own)
    message = EmailMessage(policy=SMTP)
    message["From"] = _mailbox(of.sender, of.merchant)
    message["To"] = _mailbox(of.to, of.buyer_name)
    if of.reply_to:
        message["Reply-To"] = _mailbox(of.reply_to)
    message["Subject"] = subject_of(words.subject)
    message["Date"] = format_datetime(of.at)
    message["Message-ID"] = _message_id(kind, of.key, of.sender)
    message["References"] = _message_id("order", f"{of.merchant}\n{of.order_number}", of.sender)
    message["Auto-Submitted"] = "no" if kind == "answer" else "auto-generated"
    _offer_to_stop(message, kind, of)
    view = _view(kind, of, words, say)
    message.set_content(_templates().get_template("notice.txt").render(view), cte="quoted-printable")
    html = _templates().get_template("notice.html").render(view)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    if of.logo:
        _attach(message, kind, of)
    message.set_boundary(f"=_{_digest(kind, of.key)}")
    return message


def _offer_to_stop(message: EmailMessage, kind: Kind, of: Notice) -> None:
    """By RFC 8058 mail programs end it with one click, over HTTPS alone."""
    stop = _link(of.stop_url)
    if not stop or not FACTS[kind].is_step:
        return
    message["List-Unsubscribe"] = f"<{stop}>"
    if stop.startswith("https://"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _attach(message: EmailMessage, kind: Kind, of: Notice) -> None:
    """The logo goes along: nothing in the letter is fetched from anywhere, so nobody sees when it is read."""
    _plain, html = message.iter_parts()
    assert isinstance(html, EmailMessage)
    html.add_related(of.logo, "image", "png", cid="<logo>", filename="logo.png", disposition="inline")
    html.set_boundary(f"=_{_digest(kind, of.key)}_r")


# -- words -----------------------------------------------------------------------------------------------


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
    link = _link(of.label_url if kind == "return_label" else of.tracking_url)
    return " ".join(filter(None, (printable(". ".join(said))[: LONGEST_SMS - 200] + ".", link)))


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
        "tracking_url": _link(of.tracking_url), "label_url": _link(of.label_url), "carrier": of.carrier,
        "tracking_number": of.tracking_number,
        "parcel": f"{of.parcel_index}/{of.parcel_count}", "place": of.place, "until": _day(of.until, language),
        "expected_on": spelled_days(of.expected_from, of.expected_on, language),
        "delivered_on": _day(of.delivered_on, language), "total": _money(of.total_minor, of.currency, language),
        "amount": _money(of.amount_minor, of.currency, language),
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


def _view(kind: Kind, of: Notice, words: Words, say: Speech) -> dict[str, Any]:
    steps = [step for step, _ in STEPS]
    reached = steps.index(STEP_OF[kind]) if kind in STEP_OF else -1
    accent = fill(of.accent if is_color(of.accent) else PLAIN_ACCENT)
    moving = FACTS[kind].of_parcel
    name = printable(of.buyer_name)
    several = moving and of.parcel_count > 1
    return {
        "_": say._,
        "language": say.language,
        "kind": kind,
        "merchant": printable(of.merchant),
        "subject": printable(words.subject),
        "headline": words.headline,
        "lead": words.lead,
        "greeting": say._("Hello %(name)s,", name=name) if name else say._("Hello,"),
        "order_number": printable(of.order_number),
        "steps": _steps(reached, say) if reached >= 0 else [],
        "lines": [_line(line) for line in of.lines],
        "lines_word": _lines_word(kind, say, several=several),
        "total": _money(of.total_minor, of.currency, say.language),
        "ship_to": _where_to(kind, of, say),
        "carrier": printable(of.carrier) if moving else "",
        "tracking_number": printable(of.tracking_number) if moving else "",
        "tracking_url": _link(of.tracking_url),
        "label_url": _link(of.label_url) if kind == "return_label" else "",
        "expected": spelled_days(of.expected_from, of.expected_on, say.language) if kind in DATED else "",
        "place": printable(of.place) if kind == "available_for_pickup" else "",
        "until": _day(of.until, say.language) if kind == "available_for_pickup" else "",
        "amount": _money(of.amount_minor, of.currency, say.language) if kind == "refunded" else "",
        "stop_url": _link(of.stop_url) if FACTS[kind].is_step else "",
        "delivered_on": _day(of.delivered_on, say.language) if kind == "delivered" else "",
        "received_by": printable(of.received_by) if kind == "delivered" else "",
        "paragraphs": [printable(line) for line in of.text.splitlines()] if kind == "answer" else [],
        "contact": printable(of.contact),
        "imprint": paragraphs(of.imprint),
        "accent": accent,
        "on_accent": readable_on(accent),
        "line": legible(accent),
        "line_at_night": legible(accent, NIGHT),
        "has_logo": bool(of.logo),
    }


def _where_to(kind: Kind, of: Notice, say: Speech) -> list[str]:
    """What is sent back goes elsewhere."""
    if of.ship_to is None or kind == "return_label":
        return []
    return address_lines(of.ship_to, point_word=say._("Pickup point"))


def _steps(reached: int, say: Speech) -> list[dict[str, Any]]:
    return [{"name": say._(name), "reached": at <= reached} for at, (_, name) in enumerate(STEPS)]


# Money as it is written in a language.
_LOCALES = {"en": "en_US", "uk": "uk_UA"}


def _money(minor: int | None, currency: str, language: str) -> str:
    return spell(minor, currency, _LOCALES[language]) if minor is not None else ""


def _lines_word(kind: Kind, say: Speech, *, several: bool) -> str:
    if kind == "canceled":
        return say._("Canceled")
    if kind == "backordered":
        return say._("We wait for")
    return say._("In this parcel") if several else say._("Your items")


def _line(line: NoticeLine) -> dict[str, str]:
    return {
        "title": printable(line.title),
        "variant": printable(line.variant),
        "quantity": f"{line.quantity:,}",
    }


def _day(day: date | None, language: str) -> str:
    """30 Nov 2026: no reader takes the month for the day."""
    return format_date(day, "d MMM y", locale=language) if day else ""


def subject_of(text: str) -> str:
    return printable(text).replace("=?", "= ?")[:200]


# -- what a header or a link may hold --------------------------------------------------------------------

# What means something in an address list: a long name is folded, and folding can lose the quotes that would have
# kept it harmless. "=?" begins an encoded word, which could hold anything.
_LIST_MARKS = re.compile(r'["<>()\[\]\\,;:@]|=\?')


def _mailbox(address: str, name: str = "") -> MailAddress:
    """One mailbox; a name cannot add a second one, nor a header."""
    if not MAILBOX.fullmatch(address):
        raise NotAMailbox(address=printable(address))
    user, _, _ = address.partition("@")
    try:
        return MailAddress(display_name=_phrase(name), username=user, domain=_domain(address))
    except ValueError:
        raise NotAMailbox(address=printable(address)) from None


def is_mailbox(word: str) -> bool:
    """Whether a letter can go there; a phone number is none."""
    try:
        return bool(_mailbox(word))
    except NotAMailbox:
        return False


def _domain(address: str) -> str:
    """The part behind the @ as the wire wants it."""
    return address.partition("@")[2].encode("idna").decode()


def _phrase(name: str) -> str:
    return printable(_LIST_MARKS.sub(" ", printable(name)))[:120]


def _link(url: str) -> str:
    """The address if a mail program may open it, else nothing."""
    if url != printable(url) or " " in url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


def _message_id(kind: str, key: str, sender: str) -> str:
    return f"<{_digest(kind, key)}@{_domain(sender)}>"


def _digest(kind: str, key: str) -> str:
    return hashlib.sha256(f"{kind}\n{key}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
