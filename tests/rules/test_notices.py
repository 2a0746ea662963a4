"""Notices say what a buyer wants to know, and nothing in an order can make them say anything else."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, date, datetime
from email.message import EmailMessage
from itertools import cycle
from typing import Any, get_args

import msgspec
import pytest

from doorstep.journey.tracking.letter import NotAMailbox, compose
from doorstep.journey.tracking.notices import Kind, Notice, NoticeLine
from doorstep.kit.paper import Address
from tests.rules.test_papers import OWN_NAUGHTY, naughty_strings, spoiled

replace = msgspec.structs.replace
KINDS: tuple[Kind, ...] = get_args(Kind)
each_kind = pytest.mark.parametrize("kind", KINDS)

NOTICE = Notice(
    key="ord_7/pcl_1",
    merchant="Harbor Mugs",
    sender="orders@harbormugs.example",
    reply_to="hello@harbormugs.example",
    to="anna@example.com",
    at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
    order_number="#10042",
    buyer_name="Anna Müller",
    lines=(NoticeLine(title="Mug <Dawn> & more", quantity=2, variant="350 ml"),),
    total_minor=4998,
    currency="USD",
    ship_to=Address(name="Anna Müller", line1="Lindenallee 12a", city="Berlin", postcode="10115", country="DE"),
    carrier="Meridian Post",
    tracking_number="MP123456785US",
    tracking_url="https://track.example/t/AQcBKg?a=1&b=2",
    expected_on=date(2026, 12, 1),
    delivered_on=date(2026, 11, 30),
    received_by="J. Doe",
    contact="+1 973 555 0100",
    imprint="Harbor Mugs Inc.\n1200 Dock Street",
)


LOGO = b"\x89PNG\r\n\x1a\n of a shop"


def parts(message: EmailMessage) -> tuple[str, str]:
    """The plain and the HTML part, after a journey over the wire."""
    arrived = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert arrived.get_content_type() == "multipart/alternative"
    plain, html = arrived.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return plain.get_content().replace("\r\n", "\n"), html.get_content()


@each_kind
def test_a_notice_names_the_order_in_both_parts_and_the_subject(kind: Kind) -> None:
    message = compose(kind, NOTICE)
    assert "#10042" in message["Subject"]
    for part in parts(message):
        assert "#10042" in part and "Hello Anna Müller," in part and "Harbor Mugs" in part


def test_a_buyer_whose_order_awaits_fulfillment_hears_that_we_work_on_it() -> None:
    for part in parts(compose("awaiting_fulfillment", NOTICE)):
        assert "We're working on getting your order ready" in part.replace("&#39;", "'")


def test_a_shipped_notice_gives_carrier_number_and_link() -> None:
    plain, html = parts(compose("shipped", NOTICE))
    for said in ("Meridian Post", "MP123456785US", "https://track.example/t/AQcBKg?a=1&b=2"):
        assert said in plain
    assert 'href="https://track.example/t/AQcBKg?a=1&amp;b=2"' in html


def test_before_it_ships_there_is_nothing_to_track() -> None:
    for kind in ("received", "awaiting_fulfillment"):
        assert all("MP123456785US" not in part for part in parts(compose(kind, NOTICE)))  # type: ignore[arg-type]


def test_a_delivered_notice_says_when_and_to_whom() -> None:
    plain, _ = parts(compose("delivered", NOTICE))
    assert "Delivered on 30 Nov 2026, received by J. Doe" in plain and "Expected" not in plain


def test_a_second_parcel_is_called_a_part_of_the_order() -> None:
    message = compose("shipped", replace(NOTICE, parcel_index=2, parcel_count=2))
    assert message["Subject"] == "Your order #10042 is on its way (parcel 2 of 2)"
    assert "In this parcel" in parts(message)[0]


@each_kind
def test_the_same_notice_is_the_same_letter(kind: Kind) -> None:
    assert compose(kind, NOTICE).as_bytes() == compose(kind, NOTICE).as_bytes()
    other = compose(kind, replace(NOTICE, key="ord_7/pcl_2"))
    assert other["Message-ID"] != compose(kind, NOTICE)["Message-ID"]


def test_each_kind_is_a_letter_of_its_own_in_one_thread() -> None:
    letters = [compose(kind, NOTICE) for kind in KINDS]
    assert len({letter["Message-ID"] for letter in letters}) == len(KINDS)
    assert len({letter["References"] for letter in letters}) == 1


@each_kind
def test_a_letter_asks_for_nothing_from_anywhere(kind: Kind) -> None:
    arrived = email.message_from_bytes(
        compose(kind, replace(NOTICE, logo=LOGO)).as_bytes(), policy=email.policy.default
    )
    kinds = [part.get_content_type() for part in arrived.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    html = arrived.get_body(("html",)).get_content()
    assert 'src="cid:logo"' in html and re.findall(r'(?:src|background)="(?!cid:logo")', html) == []
    assert "url(" not in html and "@import" not in html and "<link" not in html and "<script" not in html
    (image,) = [part for part in arrived.walk() if part.get_content_type() == "image/png"]
    assert (image["Content-ID"], image.get_content()) == ("<logo>", LOGO)
    assert compose(kind, replace(NOTICE, logo=LOGO)).as_bytes() == compose(kind, replace(NOTICE, logo=LOGO)).as_bytes()


@each_kind
def test_a_letter_speaks_its_buyers_language_in_both_parts(kind: Kind) -> None:
    message = compose(kind, replace(NOTICE, language="uk"))
    assert "замовлення #10042" in message["Subject"]
    for part in parts(message):
        assert "Вітаємо, Anna Müller!" in part
        for word in ("Hello", "Order", "Carrier", "Expected", "Follow", "Your items"):
            assert word not in part, word


def test_an_answer_stands_in_the_letter_line_by_line_as_it_was_written() -> None:
    plain, html = parts(compose("answer", replace(NOTICE, text="We are <sorry>.\n\nA new one leaves today.")))
    assert "We are <sorry>.\n\nA new one leaves today." in plain
    assert "We are &lt;sorry&gt;.<br><br>A new one leaves today." in html
    assert "Mug" not in plain.replace("Harbor Mugs", "")


def test_every_letter_leads_to_the_orders_page() -> None:
    for kind in KINDS:
        assert "https://track.example/t/AQcBKg" in parts(compose(kind, NOTICE))[0]


def test_html_shows_markup_as_it_was_typed() -> None:
    _, html = parts(compose("received", NOTICE))
    assert "Mug &lt;Dawn&gt; &amp; more" in html and "<Dawn>" not in html


@pytest.mark.parametrize("accent", ["red;background:url(https://x)", "#12", "", '"><script>'])
def test_an_accent_that_is_no_color_is_not_used(accent: str) -> None:
    _, html = parts(compose("shipped", replace(NOTICE, accent=accent)))
    assert "#1f5fbf" in html and "url(" not in html and "<script" not in html


@pytest.mark.parametrize(("accent", "text"), [("#ffe600", "#14181f"), ("#1f2a44", "#ffffff")])
def test_words_on_the_accent_stay_readable(accent: str, text: str) -> None:
    assert f"background:{accent};color:{text}" in parts(compose("shipped", replace(NOTICE, accent=accent)))[1]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "https://", "http://[", "https://x /y", "//x"]
)
def test_only_web_links_are_links(url: str) -> None:
    plain, html = parts(compose("shipped", replace(NOTICE, tracking_url=url)))
    assert "Follow" not in plain and "href" not in html


@pytest.mark.parametrize(
    "to",
    ["", "anna", "anna@", "@x.com", "a@b.com, c@d.com", "a@b.com\r\nBcc: c@d.com", "Anna <a@b.com>", "a b@c.com",
     'a"@b.com', "a@" + "x" * 300, "a@\ud800", "a@x..com"],
)  # fmt: skip
def test_what_is_not_one_mailbox_is_refused(to: str) -> None:
    with pytest.raises(NotAMailbox):
        compose("received", replace(NOTICE, to=to))


def test_a_mailbox_in_another_script_is_written_for_the_wire() -> None:
    assert compose("received", replace(NOTICE, to="anna@müller.example"))["To"].addresses[0].domain.startswith("xn--")


HEADER_BREAKERS = [
    'Anna" <evil@x.com>, "',
    "a\r\nBcc: evil@x.com\r\n\r\nbody",
    "=?utf-8?q?a=0D=0ABcc:_evil@x.com?=",
    "=?utf-8?b?DQpCY2M6IGV2aWxAeC5jb20=?=",
    "a, b, c;" * 40,
]
HEADERS = ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "References", "Auto-Submitted"]


@each_kind
def test_hostile_text_never_adds_a_header_nor_a_recipient(kind: Kind) -> None:
    kept = {"sender", "to", "reply_to", "currency"}
    # Of all the rest each kind takes some, and no two of them the same.
    some = naughty_strings()[len(OWN_NAUGHTY) :][KINDS.index(kind) :: 2 * len(KINDS)]
    for text in [*HEADER_BREAKERS, *OWN_NAUGHTY, *some]:
        hostile: Any = spoiled(NOTICE, cycle([text]))
        message = compose(kind, replace(hostile, **{name: getattr(NOTICE, name) for name in kept}))
        arrived = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
        # Some of the texts are addresses themselves, and may be one where it is stopped.
        named = [name for name in arrived if not name.startswith("List-Unsubscribe")]
        assert named == [*HEADERS, "MIME-Version", "Content-Type"]
        assert [mailbox.addr_spec for mailbox in arrived["To"].addresses] == ["anna@example.com"]
        assert [mailbox.addr_spec for mailbox in arrived["From"].addresses] == ["orders@harbormugs.example"]
        assert "<script>" not in parts(message)[1]
