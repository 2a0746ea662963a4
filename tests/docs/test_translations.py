"""No text of the console is missing a translation, and no catalog is behind the sources."""

from __future__ import annotations

import pytest

from doorstep.doors.console.speaking import LANGUAGES, LOCALES, SOURCE, Reader, gettext, ngettext, write_for
from tools.translations import in_step, missing, texts, written

OTHERS = [language for language in LANGUAGES if language != SOURCE]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    assert missing(in_step(language)) == []


@pytest.mark.parametrize("language", OTHERS)
def test_the_catalog_is_in_step_with_the_sources(language: str) -> None:
    kept = (LOCALES / f"{language}.po").read_text("utf-8")
    assert kept == written(in_step(language)), "To mend: make translations"


def test_texts_are_found_wherever_they_stand() -> None:
    found = texts()
    assert "templates/order.html" in found["Why is it here, and what moves it on?"]
    assert "words.py" in found["Awaiting fulfillment"]  # in a table
    assert "words.py" in found["no longer in the way"]  # inside an f-string
    assert ("%(num)s unit", "%(num)s units") in found
    assert "You are not signed in, or not any more." in found  # a refusal


def test_counts_take_the_form_that_the_language_asks_for() -> None:
    write_for(Reader("uk"))
    try:
        told = [ngettext("%(num)s order", "%(num)s orders", count) for count in (1, 3, 5, 21, 1234)]
        assert told == ["1 замовлення", "3 замовлення", "5 замовлень", "21 замовлення", "1\xa0234 замовлення"]
        assert gettext("a text nobody knows") == "a text nobody knows"
    finally:
        write_for(Reader())
