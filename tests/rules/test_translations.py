"""Every text that a buyer reads is there in every language."""

from __future__ import annotations

import pytest

from doorstep.kit.speech import LANGUAGES, SOURCE, Speech
from tools.translations import OF_BUYERS, in_step, missing, written

OTHERS = [language for language in LANGUAGES if language != SOURCE]


@pytest.mark.parametrize("language", OTHERS)
def test_the_buyers_texts_are_in_step_and_translated(language: str) -> None:
    catalog, file = in_step(language, OF_BUYERS), OF_BUYERS / f"{language}.po"
    assert missing(catalog) == []
    assert file.read_text("utf-8") == written(catalog), "To mend: python tools/translations.py"


def test_what_nobody_translated_is_told_as_it_stands() -> None:
    assert Speech(OF_BUYERS, "uk")._("Delivered") == "Доставлено"
    assert Speech(OF_BUYERS, "uk")._("no text of ours %(n)s", n=1) == "no text of ours 1"
    assert Speech(OF_BUYERS, "xx").language == SOURCE
