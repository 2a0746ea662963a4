"""Bars in the terminal: as long as what they stand for, as wide as the terminal is."""

from __future__ import annotations

from doorstep.doors.cli.chart import LONGEST_LABEL, Bar, lines

MONTHS = [Bar("2026-01", 100, "$100"), Bar("2026-02", 25, "$25"), Bar("2026-03", 0, "$0"), Bar("2026-04", -50, "-$50")]


def test_the_largest_takes_all_the_room_and_the_others_their_share() -> None:
    drawn = lines(MONTHS, 33, fancy=False)  # 7 for the label, 4 for the number, 2 between: 20 are left
    assert drawn == [
        "2026-01 $100 " + "#" * 20,
        "2026-02  $25 " + "#" * 5,
        "2026-03   $0",
        "2026-04 -$50 " + "-" * 10,
    ]
    assert max(map(len, drawn)) == 33


def test_in_a_terminal_a_bar_is_drawn_to_the_eighth() -> None:
    bars = [Bar("a", 80, "80"), Bar("b", 41, "41"), Bar("c", -40, "-40")]
    assert lines(bars, 16, fancy=True) == ["a  80 " + "█" * 10, "b  41 " + "█" * 5 + "▏", "c -40 " + "░" * 5]


def test_a_narrow_terminal_and_long_names_still_have_a_bar() -> None:
    (drawn,) = lines([Bar("x" * 60, 1, "1")], 20, fancy=False)
    assert drawn == "x" * (LONGEST_LABEL - 1) + "… 1 #"
    assert lines([], 80, fancy=True) == []
    assert lines([Bar("a", 0, "0")], 20, fancy=True) == ["a 0"]
