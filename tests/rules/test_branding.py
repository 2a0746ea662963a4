"""Colors that can be read, pictures in which nothing runs, links that nobody else makes, clocks of places."""

from __future__ import annotations

import struct
import zlib
from base64 import urlsafe_b64encode
from datetime import date
from io import BytesIO
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from doorstep.kit.color import INK, NIGHT, READABLE, WHITE, contrast, fill, is_color, legible, readable_on
from doorstep.kit.secrets import Keyring
from doorstep.kit.speech import language_of, spelled_days
from doorstep.setup.branding import LARGEST_UPLOAD, NotAPicture, picture
from doorstep.setup.clocks import MAIN_ZONES, clock_of
from doorstep.setup.tracking_links import TrackingLinks

colors = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


# Colors


@given(colors)
def test_words_in_a_color_and_on_it_can_be_read(color: str) -> None:
    assert contrast(legible(color), WHITE) >= READABLE
    assert contrast(legible(color, NIGHT), NIGHT) >= READABLE
    filled = fill(color)
    assert contrast(filled, readable_on(filled)) >= READABLE
    assert all(map(is_color, (legible(color), legible(color, NIGHT), filled)))


def test_a_color_that_can_be_read_stays_as_it_was_chosen() -> None:
    assert legible("#1f5fbf") == fill("#1f5fbf") == "#1f5fbf"
    assert fill("#ffe600") == "#ffe600" and readable_on("#ffe600") == INK
    assert legible("#ffe600") != "#ffe600"
    assert contrast("#000000", WHITE) == pytest.approx(21)


# Pictures


def png(width: int = 300, height: int = 100) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "#b3451c").save(out, "PNG", pnginfo=None)
    return out.getvalue()


def svg(inside: str, more: str = "") -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {more}>{inside}</svg>'.encode()


def test_a_png_is_drawn_again_no_larger_than_it_is_shown() -> None:
    chunk = b"tEXtComment\0<script>alert(1)</script>"
    told = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    whole = png(1200, 400)
    kept = picture(whole[:33] + told + whole[33:])
    assert kept.media_type == "image/png" and b"script" not in kept.content
    with Image.open(BytesIO(kept.content)) as drawn:
        assert drawn.size == (480, 160)
    assert kept == picture(whole)


def test_of_an_svg_only_what_draws_is_kept() -> None:
    hostile = svg(
        '<script>alert(1)</script><path d="M0 0h9" style="fill:#b3451c;background:url(//x)" onload="alert(1)"/>'
        '<image href="https://x.example/a.png"/><use href="#a"/><foreignObject><b/></foreignObject><style>*{}</style>'
        '<a href="javascript:alert(1)"><rect width="1" height="1"/></a><rect fill="url(#g)" mask="url(https://x/#m)"/>'
        '<circle fill="url( //x )" stroke="url(\\2f/x)"/>',
        'onclick="alert(1)" viewBox="0 0 9 9"',
    )
    kept = picture(hostile)
    text = kept.content.decode()
    for word in ("script", "alert", "http:/", "https:", "//x", "href", "on", "style", "foreignObject", "image", "<a"):
        assert word not in text.replace('xmlns="http://www.w3.org/2000/svg"', ""), word
    assert [child.tag.rpartition("}")[2] for child in ElementTree.fromstring(text)] == ["path", "rect", "circle"]
    assert 'fill="#b3451c"' in text and 'fill="url(#g)"' in text and 'viewBox="0 0 9 9"' in text


@pytest.mark.parametrize(
    "upload",
    [
        b"", b"GIF89a", b"<html></html>", b"\x89PNG\r\n\x1a\nbroken", png()[:60], svg("")[:-3],
        b'<!DOCTYPE svg [<!ENTITY a "b">]>' + svg("&a;"), svg("").decode().encode("utf-16"), b"<svg>no namespace</svg>",
        b"x" * (LARGEST_UPLOAD + 1), svg(f'<path d="{"M0 0" * 20_000}"/>'), svg("<g>" * 50_000 + "</g>" * 50_000),
        png(5000, 4000),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused(upload: bytes) -> None:
    with pytest.raises(NotAPicture):
        picture(upload)


# Links

KEYS = Keyring([b"k" * 32])
LINKS = TrackingLinks(KEYS, "https://shop.example")


@given(st.integers(1, 2**62), st.integers(1, 2**62))
def test_a_link_names_merchant_and_order(merchant: int, order: int) -> None:
    assert LINKS.read(LINKS.token(merchant, order)) == (merchant, order)
    assert LINKS.url(merchant, order) == f"https://shop.example/t/{LINKS.token(merchant, order)}"


@given(st.binary(max_size=80), st.text(max_size=120))
def test_nothing_that_nobody_signed_is_read(raw: bytes, text: str) -> None:
    assert LINKS.read(urlsafe_b64encode(raw).rstrip(b"=").decode()) is None
    assert LINKS.read(text) is None


def test_a_link_holds_when_the_key_is_changed_and_ends_when_it_is_gone() -> None:
    token = LINKS.token(7, 9)
    assert TrackingLinks(Keyring([b"n" * 32, b"k" * 32])).read(token) == (7, 9)
    assert TrackingLinks(Keyring([b"n" * 32])).read(token) is None


def test_a_signature_is_of_its_purpose_alone() -> None:
    signed = KEYS.sign(b"x", "one thing")
    assert KEYS.is_signed(b"x", "one thing", signed)
    assert not KEYS.is_signed(b"x", "another", signed) and not KEYS.is_signed(b"y", "one thing", signed)


# Clocks, languages, days


def test_every_country_has_a_clock() -> None:
    assert {str(clock_of(country)) for country in MAIN_ZONES} == set(MAIN_ZONES.values())
    for country, region, zone in (
        ("US", "tx", "America/Chicago"), ("US", "", "America/New_York"), ("UA", "", "Europe/Kyiv"),
        ("PL", "", "Europe/Warsaw"), ("AU", "WA", "Australia/Perth"), ("", "", "UTC"), ("XX", "", "UTC"),
    ):  # fmt: skip
        assert str(clock_of(country, region)) == zone


def test_a_buyer_reads_what_their_order_says_else_what_is_spoken_where_it_goes() -> None:
    assert language_of({"locale": "uk-UA"}, "US") == language_of({}, "UA") == "uk"
    assert (
        language_of({"locale": "en_GB"}, "UA") == language_of({"locale": "de"}, "UA") == language_of({}, "DE") == "en"
    )


def test_days_are_spelled_as_far_as_they_differ() -> None:
    assert spelled_days(date(2026, 7, 14), date(2026, 7, 16), "en") == "Tuesday 14 – Thursday 16 July"
    assert spelled_days(date(2026, 7, 31), date(2026, 8, 1), "uk") == "пʼятниця 31 липня – субота 1 серпня"
    assert spelled_days(None, date(2026, 7, 16), "en") == "Thursday 16 July"
    assert spelled_days(None, None, "en") == ""
