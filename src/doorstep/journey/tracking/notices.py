"""notices: the four letters a buyer gets about an order, as finished e-mails; the same facts make the same bytes.

Whoever sends one adds nothing: sender, date and Message-ID are set here, from the notice alone, so that a notice sent
twice after a crash is recognized by every mailbox that has it already.
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
from typing import Any, Literal
from urllib.parse import urlsplit

import jinja2
import msgspec

from doorstep.kit.money import spell
from doorstep.kit.paper import Address, address_lines, paragraphs, printable, spelled_date
from doorstep.kit.refusals import Refusal

TEMPLATES = Path(__file__).with_name("templates")
PLAIN_ACCENT = "#1f5fbf"

Kind = Literal["received", "awaiting_fulfillment", "shipped", "delivered"]
STEPS: tuple[tuple[Kind, str], ...] = (
    ("received", "Received"),
    ("awaiting_fulfillment", "Getting ready"),
    ("shipped", "On its way"),
    ("delivered", "Delivered"),
)


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
    reply_to: str = ""
    buyer_name: str = ""
    lines: tuple[NoticeLine, ...] = ()
    total_minor: int | None = None
    currency: str = ""
    ship_to: Address | None = None
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    parcel_index: int = 1
    parcel_count: int = 1
    expected_on: date | None = None
    delivered_on: date | None = None
    received_by: str = ""
    order_url: str = ""
    accent: str = PLAIN_ACCENT  # #rrggbb
    contact: str = ""  # how to reach a person
    imprint: str = ""  # who is behind the shop, by law in many countries; several lines


class Words(msgspec.Struct, frozen=True):
    subject: str
    headline: str
    lead: str


def compose(kind: Kind, of: Notice) -> EmailMessage:
    words = _words(kind, of)
    message = EmailMessage(policy=SMTP)
    message["From"] = _mailbox(of.sender, of.merchant)
    message["To"] = _mailbox(of.to, of.buyer_name)
    if of.reply_to:
        message["Reply-To"] = _mailbox(of.reply_to)
    message["Subject"] = printable(words.subject).replace("=?", "= ?")[:200]
    message["Date"] = format_datetime(of.at)
    message["Message-ID"] = _message_id(kind, of.key, of.sender)
    message["References"] = _message_id("order", f"{of.merchant}\n{of.order_number}", of.sender)
    message["Auto-Submitted"] = "auto-generated"
    view = _view(kind, of, words)
    message.set_content(_templates().get_template("notice.txt").render(view), cte="quoted-printable")
    html = _templates().get_template("notice.html").render(view)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{_digest(kind, of.key)}")
    return message


# -- words -----------------------------------------------------------------------------------------------


def _words(kind: Kind, of: Notice) -> Words:
    order = f"order {printable(of.order_number)}"
    if kind == "received":
        return Words(
            f"We have received your {order}",
            "Thank you for your order",
            "We have it and are checking that everything is in place. You will hear from us when we start on it.",
        )
    if kind == "awaiting_fulfillment":
        return Words(
            f"We're working on getting your {order} ready",
            "We're working on getting your order ready",
            "Everything is in place: your items are set aside for you and will be packed next.",
        )
    part = f" (parcel {of.parcel_index} of {of.parcel_count})" if of.parcel_count > 1 else ""
    if kind == "shipped":
        return Words(
            f"Your {order} is on its way{part}",
            "Your order is on its way" if not part else "A part of your order is on its way",
            "We have handed it over to the carrier.",
        )
    return Words(
        f"Your {order} has been delivered{part}",
        "Your order has been delivered" if not part else "A part of your order has been delivered",
        "We hope that you like it. If something is not right, tell us and we will put it right.",
    )


def _view(kind: Kind, of: Notice, words: Words) -> dict[str, Any]:
    reached = [step for step, _ in STEPS].index(kind)
    accent = of.accent if re.fullmatch("#[0-9a-fA-F]{6}", of.accent) else PLAIN_ACCENT
    moving = kind in ("shipped", "delivered")
    return {
        "kind": kind,
        "merchant": printable(of.merchant),
        "subject": printable(words.subject),
        "headline": words.headline,
        "lead": words.lead,
        "greeting": f"Hello {printable(of.buyer_name)}," if printable(of.buyer_name) else "Hello,",
        "order_number": printable(of.order_number),
        "order_url": _link(of.order_url),
        "steps": [{"name": name, "reached": at <= reached} for at, (_, name) in enumerate(STEPS)],
        "lines": [_line(line) for line in of.lines],
        "lines_word": "In this parcel" if moving and of.parcel_count > 1 else "Your items",
        "total": spell(of.total_minor, of.currency) if of.total_minor is not None else "",
        "ship_to": address_lines(of.ship_to) if of.ship_to else [],
        "carrier": printable(of.carrier) if moving else "",
        "tracking_number": printable(of.tracking_number) if moving else "",
        "tracking_url": _link(of.tracking_url) if moving else "",
        "expected_on": spelled_date(of.expected_on) if kind != "delivered" else "",
        "delivered_on": spelled_date(of.delivered_on) if kind == "delivered" else "",
        "received_by": printable(of.received_by) if kind == "delivered" else "",
        "contact": printable(of.contact),
        "imprint": paragraphs(of.imprint),
        "accent": accent,
        "on_accent": _readable_on(accent),
    }


def _line(line: NoticeLine) -> dict[str, str]:
    return {
        "title": printable(line.title),
        "variant": printable(line.variant),
        "quantity": f"{line.quantity:,}",
    }


def _readable_on(accent: str) -> str:
    """White or near-black, whichever contrasts more (WCAG relative luminance)."""
    channels = [int(accent[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.06 else "#14181f"


# -- what a header or a link may hold --------------------------------------------------------------------

# What means something in an address list: a long name is folded, and folding can lose the quotes that would have
# kept it harmless. "=?" begins an encoded word, which could hold anything.
_LIST_MARKS = re.compile(r'["<>()\[\]\\,;:@]|=\?')
_MAILBOX = re.compile(r"""[^\s@<>()\[\],;:\\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\],;:\\"\x00-\x1f\x7f]{1,253}""")


def _mailbox(address: str, name: str = "") -> MailAddress:
    """One mailbox; a name cannot add a second one, nor a header."""
    if not _MAILBOX.fullmatch(address):
        raise NotAMailbox(address=printable(address))
    user, _, _ = address.partition("@")
    try:
        return MailAddress(display_name=_phrase(name), username=user, domain=_domain(address))
    except ValueError:
        raise NotAMailbox(address=printable(address)) from None


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
