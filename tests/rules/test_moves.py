"""Moves as their event keeps them, and what is read off them again."""

from __future__ import annotations

from doorstep.spine.moves import brought, told, written
from doorstep.spine.outcome import Cash, Demand, Move, Stock

MOVES: list[Move] = [
    Demand(1, 2, "promised", "picked", 77),
    Stock(5, 6, 2, "reserved", "A-1", "picked", "tote:T1", "L-9"),
    Stock(5, 6, 1, "picked", "tote:T1", "packed", "parcel:8"),
    Stock(5, 6, 1, "picked", "tote:T1", "picked", "tote:T2"),
    Cash(1250, "owed", "earned"),
]


def test_what_was_written_is_told_again_in_full() -> None:
    assert told(written(MOVES)) == [
        ["demand", 1, 2, "promised", "picked", 77],
        ["stock", 5, 6, 2, "reserved", "A-1", "picked", "tote:T1", "L-9"],
        ["stock", 5, 6, 1, "picked", "tote:T1", "packed", "parcel:8", ""],
        ["stock", 5, 6, 1, "picked", "tote:T1", "picked", "tote:T2", ""],
        ["cash", 1250, "owed", "earned"],
    ]


def test_what_came_to_a_place_and_what_left_it_is_read_off_the_moves() -> None:
    assert list(brought(written(MOVES), "picked")) == [
        (5, 6, "tote:T1", "L-9", 2), (5, 6, "tote:T1", "", -1), (5, 6, "tote:T2", "", 1), (5, 6, "tote:T1", "", -1),
    ]  # fmt: skip
    assert list(brought(written(MOVES), "packed")) == [(5, 6, "parcel:8", "", 1)]
    assert list(brought(written(MOVES), "free")) == []
