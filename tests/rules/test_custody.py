"""Custody: gaps between holders, whatever order their words come in; air waybills by their check digit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.shipping.legs import of_a_label, whose_surely
from doorstep.journey.shipping.load_papers import LoadTag, load_tag
from doorstep.journey.shipping.waybill import NotAWaybill, waybill
from doorstep.journey.tracking.load_words import AIRLINE, WORDS, meaning
from doorstep.plug.states import DELIVERY_STATES, FINAL_STATES, NEWS, STATE_OF_UPU
from doorstep.spine.custody import LONGEST_HANDING_OVER, Told, gaps

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENTS = st.lists(
    st.builds(
        lambda hour, holder, hands: Told(NOON + hour * HOUR, holder, "line_haul", hands),
        st.integers(0, 200), st.sampled_from(["first", "haul", "last"]), st.booleans(),
    ),
    max_size=15,
)  # fmt: skip


def test_a_gap_lies_between_two_holders_and_not_within_one() -> None:
    told = [Told(NOON, "first", ""), Told(NOON + 60 * HOUR, "first", ""), Told(NOON + 90 * HOUR, "last", "last_mile")]
    (gap,) = gaps(told, NOON + 100 * HOUR)
    assert (gap.since, gap.until, gap.after, gap.before, gap.hours) == (
        NOON + 60 * HOUR, NOON + 90 * HOUR, "first", "last", 30.0,
    )  # fmt: skip
    soon = [Told(NOON, "first", ""), Told(NOON + LONGEST_HANDING_OVER, "last", "")]
    assert not list(gaps(soon, NOON + 100 * HOUR))


def test_what_was_handed_over_and_never_taken_is_a_gap_without_an_end() -> None:
    told = [Told(NOON, "haul", "line_haul", hands_over=True)]
    assert not list(gaps(told, NOON + 24 * HOUR))
    (gap,) = gaps(told, NOON + 50 * HOUR)
    assert (gap.until, gap.after, gap.before, gap.hours) == (None, "haul", "", 50.0)


@given(EVENTS, st.randoms(use_true_random=False))
def test_in_any_order_and_told_twice_the_gaps_are_the_same(events: list[Told], chance: object) -> None:
    now = NOON + 300 * HOUR
    expected = list(gaps(events, now))
    again = [*events, *events]
    chance.shuffle(again)  # type: ignore[attr-defined]
    assert list(gaps(again, now)) == expected
    for gap in expected:
        assert (gap.until or now) - gap.since > LONGEST_HANDING_OVER and gap.after != gap.before
        assert not any(gap.since < told.at < (gap.until or now) for told in events)


@given(st.integers(0, 999), st.integers(0, 9_999_999))
def test_of_ten_waybills_with_one_serial_one_is_good(prefix: int, serial: int) -> None:
    good = []
    for check in range(10):
        try:
            good.append(waybill(f"{prefix:03d} {serial:07d}{check}"))
        except NotAWaybill:
            continue
    assert good == [f"{prefix:03d}-{serial:07d}{serial % 7}"]


@pytest.mark.parametrize("written", ["", "020", "020-1234567", "020-123456789", "LH1-12345675", "020_12345675"])
def test_what_is_no_waybill_is_told_so(written: str) -> None:
    with pytest.raises(NotAWaybill):
        waybill(written)


def test_every_word_of_a_load_is_a_state_and_none_ends_a_parcel() -> None:
    for means in (*WORDS.values(), *AIRLINE.values()):
        assert means.state in (*DELIVERY_STATES, NEWS) and means.state not in FINAL_STATES
        assert means.upu in ("", *STATE_OF_UPU)
        assert not means.upu or STATE_OF_UPU[means.upu] == means.state
    assert meaning("Departed") == meaning("dep") == meaning("DEP")
    assert meaning("Held by customs") == ("held_by_customs", WORDS["held_by_customs"])
    assert meaning("beamed up") is None


def test_a_number_is_somebody_s_only_where_its_shape_is_sure() -> None:
    assert whose_surely("1Z5R89390357567127", "meest") == "ups"
    assert whose_surely("1Z5R89390357567127", "ups") == ""
    assert whose_surely("12345", "meest") == ""
    assert of_a_label("A", "A", "B") == (("B", "last_mile"),)


def test_a_tag_is_printed_with_its_number_as_bars() -> None:
    plain = load_tag(LoadTag(kind="bag", number="B0001234", operator="The Hub", country="UA", parcels=40, seal="S1"))
    assert plain.data["bars"] is not None and not plain.data["is_sscc"]
    assert plain.pdf().startswith(b"%PDF")
    trade = load_tag(LoadTag(kind="pallet", number="340123450000000000", operator="Hub"))
    assert trade.data["is_sscc"] is True and trade.pdf().startswith(b"%PDF")
    long = load_tag(LoadTag(kind="entry", number="26" + "X" * 50, operator="Hub"))
    assert long.data["bars"] is None and long.pdf().startswith(b"%PDF")
