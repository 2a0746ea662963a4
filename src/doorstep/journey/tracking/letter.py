"""letter: a notice as a finished e-mail, in its buyer's language and the merchant's colors.

Whoever sends one adds nothing: sender, date and Message-ID are set here, from the notice alone: the same facts make the
same bytes, so that a notice sent twice after a crash is recognized by every mailbox that has it already.
"""

from __future__ import annotations

import hashlib
import re
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from doorstep.journey.tracking.notice_texts import Words
from doorstep.journey.tracking.notices import LOCALES, Notice, NoticeLine, day, in_words, link, money
from doorstep.kit.color import NIGHT, fill, is_color, legible, readable_on
from doorstep.kit.mailbox import MAILBOX
from doorstep.kit.paper import address_lines, paragraphs, printable
from doorstep.kit.refusals import Refusal
from doorstep.kit.speech import N_, Speech, spelled_days
from doorstep.setup.branding import PLAIN_ACCENT
from doorstep.setup.notices.kinds import FACTS, Kind
from doorstep.setup.notices.wording import NONE, OwnWords

TEMPLATES = Path(__file__).with_name("templates")

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


class NotAMailbox(Refusal):
    """This is not an e-mail address that a notice can go to or come from."""

    status = 422


def compose(kind: Kind, of: Notice, own: OwnWords = NONE) -> EmailMessage:
    """`own`: the merchant's words, where it has some."""
    say = Speech(LOCALES, of.language)
    words = in_words(kind, of, own)
    message = EmailMessage(policy=SMTP)
    message["From"] = _mailbox(of.sender, of.merchant)
    message["To"] = _mailbox(of.to, of.buyer_name)
    if of.reply_to:
        message["Reply-To"] = _mailbox(of.reply_to)
    message["Subject"] = _subject(words.subject)
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
    stop = link(of.stop_url)
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
        "total": money(of.total_minor, of.currency, say.language),
        "ship_to": _where_to(kind, of, say),
        "carrier": printable(of.carrier) if moving else "",
        "tracking_number": printable(of.tracking_number) if moving else "",
        "tracking_url": link(of.tracking_url),
        "label_url": link(of.label_url) if kind == "return_label" else "",
        "expected": spelled_days(of.expected_from, of.expected_on, say.language) if kind in DATED else "",
        "place": printable(of.place) if kind == "available_for_pickup" else "",
        "until": day(of.until, say.language) if kind == "available_for_pickup" else "",
        "amount": money(of.amount_minor, of.currency, say.language) if kind == "refunded" else "",
        "stop_url": link(of.stop_url) if FACTS[kind].is_step else "",
        "delivered_on": day(of.delivered_on, say.language) if kind == "delivered" else "",
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


# What a header may hold

# What means something in an address list: a long name is folded, and folding can lose the quotes that would have
# kept it harmless. "=?" begins an encoded word, which could hold anything.
_LIST_MARKS = re.compile(r'["<>()\[\]\\,;:@]|=\?')


def _subject(text: str) -> str:
    return printable(text).replace("=?", "= ?")[:200]


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
