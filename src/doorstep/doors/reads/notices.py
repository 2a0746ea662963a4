"""notices: how a merchant's notices read: every fact in every language, and each as a buyer would see it."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import cast

from msgspec import Struct, structs

from doorstep.journey.tracking.letter import compose, is_mailbox
from doorstep.journey.tracking.notices import Notice, NoticeLine, in_words, text_of
from doorstep.kit.paper import Address
from doorstep.kit.speech import LANGUAGES
from doorstep.setup.branding import Brand, brand_of, logo_of
from doorstep.setup.notices.kinds import RULED, Kind
from doorstep.setup.notices.wording import NONE, OwnWords, all_own_words, placeholders
from doorstep.spine.tenant import Tx

SENDER = "select m.email, m.brand ->> 'sender' as sender, m.currency from merchant m where m.merchant_id = $1"
# A letter that nobody gets has to come from somewhere all the same.
NOWHERE = "shop@doorstep.invalid"


class Said(Struct, frozen=True, kw_only=True):
    """`own`: the merchant's words, '' where it is said as by default. `names`: what can stand in braces in them."""

    kind: str
    language: str
    subject: str
    headline: str
    lead: str
    sms: str
    own: OwnWords
    names: list[str]


class NoticeWords(Struct, frozen=True, kw_only=True):
    notices: list[Said]


class Preview(Struct, frozen=True, kw_only=True):
    """A letter as text and as HTML, and the text message."""

    subject: str
    text: str
    html: str
    sms: str


async def notice_words(tx: Tx, merchant: int) -> NoticeWords:
    own = await all_own_words(tx, merchant)
    brand, row = await brand_of(tx, merchant), await tx.row(SENDER, merchant)
    found = []
    for kind in RULED:
        for language in LANGUAGES:
            words = own.get((kind, language), NONE)
            of = sample(kind, language, brand, NOWHERE, row["currency"], datetime(2026, 1, 5))
            said = in_words(kind, of, words)
            found.append(Said(
                kind=kind, language=language, **structs.asdict(said), sms=text_of(kind, of, words), own=words,
                names=list(placeholders(kind)),
            ))  # fmt: skip
    return NoticeWords(notices=found)


async def preview(tx: Tx, merchant: int, kind: str, language: str, words: OwnWords, now: datetime) -> Preview:
    letter, sms = await sample_letter(tx, merchant, kind, language, words, now)
    plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert isinstance(plain, EmailMessage) and isinstance(html, EmailMessage)
    return Preview(subject=str(letter["Subject"]), text=plain.get_content(), html=html.get_content(), sms=sms)


async def sample_letter(
    tx: Tx, merchant: int, kind: str, language: str, words: OwnWords, now: datetime, to: str = ""
) -> tuple[EmailMessage, str]:
    """A letter about an order that is nobody's, and the same as a text message; to that address when it is sent."""
    brand, row = await brand_of(tx, merchant), await tx.row(SENDER, merchant)
    sender = row["sender"] or row["email"]
    of = sample(cast(Kind, kind), language, brand, sender if is_mailbox(sender) else NOWHERE, row["currency"], now)
    if to:
        logo = await logo_of(tx, merchant)
        picture = logo.content if logo and logo.media_type == "image/png" else b""
        of = structs.replace(of, to=to, key=f"sample/{now.isoformat()}", logo=picture)
    return compose(cast(Kind, kind), of, words), text_of(cast(Kind, kind), of, words)


def sample(kind: Kind, language: str, brand: Brand, sender: str, currency: str, now: datetime) -> Notice:
    """Of an order on its way from Poland to Kyiv."""
    today = now.date()
    return Notice(
        key="sample", merchant=brand.name, sender=sender, to="olena@example.com", at=now, order_number="M-1001",
        language=language, buyer_name="Олена Коваль" if language == "uk" else "Olena Koval",
        lines=(NoticeLine(title="Кухоль" if language == "uk" else "A mug", quantity=2),), total_minor=4200,
        currency=currency, ship_to=Address(name="Olena Koval", line1="Khreshchatyk 22", city="Kyiv", postcode="01001",
                                           country="UA"),
        carrier="Meest", tracking_number="MP123456785PL", tracking_url="https://shop.example/t/sample",
        label_url="https://shop.example/t/sample/returns/sample",
        expected_from=today + timedelta(days=2), expected_on=today + timedelta(days=4), delivered_on=today,
        place="Meest 12, Khreshchatyk 2, Kyiv", until=today + timedelta(days=7), amount_minor=4200, accent=brand.accent,
        contact=brand.support, imprint=brand.note, stop_url="https://shop.example/t/sample/stop",
    )  # fmt: skip
