"""Cursors: the word that says where a page ended leads to the next one, however long the names that it ends at."""

from __future__ import annotations

import pytest

from doorstep.doors.reads import cursor
from doorstep.doors.reads.cursor import LONGEST, NotACursor


@pytest.mark.parametrize("longest", ["A" * 120, "ґ" * 120, "𝕏" * 120, '"' * 120, "\x01" * 120])
def test_a_page_ends_at_the_longest_code_in_any_script(longest: str) -> None:
    word = cursor.write(longest, "NJ" * 20, 2**63 - 1)
    assert cursor.read(word, tuple[str, str, int]) == (longest, "NJ" * 20, 2**63 - 1)


@pytest.mark.parametrize("word", ["", "no cursor", "x" * (LONGEST + 1), cursor.write(-1), cursor.write("\x00")])
def test_what_no_page_gave_out_is_refused(word: str) -> None:
    with pytest.raises(NotACursor):
        cursor.read(word, tuple[int])
