"""Whatever was typed: what is sent ahead of a parcel fits its fields, can be read, and never is part of a number."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from doorstep.journey.shipping.sent_ahead import NUMBERS, WORDS, Fitting, visible
from doorstep.plug.carrier import Address
from tests import hostile

FIELDS = {"name": "name", "company": "company", "city": "city", "region": "region", "postal_code": "postcode",
          "phone": "phone", "email": "email"}  # fmt: skip
ANYTHING = st.text(st.characters(), max_size=900)  # lone surrogates too
# What XML 1.0 has no place for, and what breaks or turns a line.
NEVER = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")


def fits(text: str, longest: int) -> None:
    assert len(text) <= longest
    assert not NEVER.search(text), repr(text)
    assert text == " ".join(text.split())
    assert not text or any(unicodedata.category(char)[0] in "LNSP" for char in text), repr(text)
    text.encode()


def whole_address_fits(text: str) -> None:
    address = Address(country="UA", line1=text, line2=text, **dict.fromkeys(FIELDS, text))
    fitting = Fitting("addressee")
    fitted = fitting.address(address, text)
    for name, value in fitted.items():
        fits(value, {**WORDS, **NUMBERS, "country": 2}[name])
    assert fitted["country"] == "UA"
    for name in NUMBERS:
        assert fitted[name] in ("", visible(text))  # whole, or not at all
    told = [line.split()[-1] for line in fitting.shortened] + [line.split()[2] for line in fitting.left_out]
    seen = visible(text)
    not_whole = {name for name, longest in {**WORDS, **NUMBERS}.items() if len(seen) > longest}
    assert set(told) - {"street"} == not_whole - {"street", "description"}


@given(ANYTHING)
@example("x" * 71)
@example("і" * 500)
@example("a" * 60 + " " + "b" * 60)
@example("\u200d\u200c ")
@example("\u0301\u0301")
@example("\ue000\U0010ffff\u0378")
def test_any_text_fits_and_what_is_not_whole_is_told(text: str) -> None:
    whole_address_fits(text)
    fits(Fitting("piece 1").words("description", text), 512)


@pytest.mark.parametrize("text", hostile.texts(), ids=lambda text: repr(text)[:40].encode("ascii", "replace").decode())
def test_the_recorded_list_fits(text: str) -> None:
    whole_address_fits(text)
    fits(Fitting("piece 1").words("description", text), 512)


@given(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=35))
def test_what_fits_and_can_be_read_stays_as_it_is(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    fitting = Fitting("addressee")
    assert fitting.words("city", text) == text[:35]
    assert fitting.shortened == ([] if len(text) <= 35 else ["addressee: city"])


def test_words_are_cut_where_a_word_ends_and_numbers_are_not_cut() -> None:
    fitting = Fitting("addressee")
    address = Address(
        name="Олена Шевчук", line1="вулиця Академіка Володимира Івановича Вернадського 118-Б",
        line2="під'їзд 3, квартира 47", city="Львів", country="UA", postal_code="79007-79007-79007-79007",
    )  # fmt: skip
    fitted = fitting.address(address, "")
    assert fitted["street"] == "вулиця Академіка Володимира Івановича Вернадського 118-Б, під'їзд 3"
    assert fitting.shortened == ["addressee: street"]
    assert fitted["postcode"] == ""
    assert fitting.left_out == ["addressee: the postcode has more than 17 characters"]
