"""What a parcel's events say does not depend on how they are told."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.plug.carrier import TrackEvent
from doorstep.plug.simcarrier import CODES
from doorstep.plug.states import (
    DELIVERY_STATES,
    FINAL_STATES,
    NEWS,
    STATE_OF_UPU,
    TROUBLE_STATES,
    deciding_event,
    delivery_state,
    state_of_upu,
)
from doorstep.plug.words.meest import MEANINGS

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

events = st.builds(
    TrackEvent,
    happened_at=st.integers(0, 30).map(lambda hours: NOON + timedelta(hours=hours)),
    raw_code=st.sampled_from(["a", "b", "c"]),
    state=st.sampled_from([*DELIVERY_STATES, "", "no such state"]),
    place=st.sampled_from(["Newark", "Warsaw"]),
)
histories = st.lists(events, max_size=12)


def told(state: str, hours: int = 0) -> TrackEvent:
    return TrackEvent(happened_at=NOON + timedelta(hours=hours), state=state)


@given(st.data(), histories)
def test_the_state_is_the_same_in_every_order(data: st.DataObject, history: list[TrackEvent]) -> None:
    shuffled = data.draw(st.permutations(history))
    assert delivery_state(shuffled) == delivery_state(history)


@given(histories, st.lists(st.integers(0, 11), max_size=12))
def test_repeats_change_nothing(history: list[TrackEvent], again: list[int]) -> None:
    repeated = history + [history[index] for index in again if index < len(history)]
    assert delivery_state(repeated) == delivery_state(history)


@given(histories, events)
def test_a_late_piece_of_old_news_never_moves_a_parcel_back(history: list[TrackEvent], late: TrackEvent) -> None:
    before = delivery_state(history)
    deciding = deciding_event(history)
    if (
        deciding
        and late.happened_at < deciding.happened_at
        and before != "pre_transit"
        and late.state not in FINAL_STATES
    ):
        assert delivery_state([*history, late]) == before


@given(histories, events)
def test_nothing_but_another_end_follows_an_end(history: list[TrackEvent], more: TrackEvent) -> None:
    if delivery_state(history) in FINAL_STATES:
        assert delivery_state([*history, more]) in FINAL_STATES


def test_a_parcel_nobody_has_seen_is_pre_transit() -> None:
    assert delivery_state([]) == "pre_transit"
    assert delivery_state([told("")]) == "pre_transit"


def test_a_delivered_parcel_stays_delivered_when_an_older_scan_comes_later() -> None:
    assert delivery_state([told("delivered", 9), told("out_for_delivery", 8), told("in_transit", 10)]) == "delivered"


def test_label_data_sent_again_after_pickup_does_not_move_the_parcel_back() -> None:
    assert delivery_state([told("accepted", 1), told("pre_transit", 5)]) == "accepted"


def test_a_lost_parcel_that_is_scanned_again_is_found() -> None:
    assert delivery_state([told("lost", 5), told("in_transit", 7)]) == "in_transit"
    assert delivery_state([told("in_transit", 4), told("lost", 5)]) == "lost"


def test_two_scans_of_one_instant_go_by_the_order_of_the_journey() -> None:
    assert delivery_state([told("attempted"), told("out_for_delivery")]) == "attempted"


def test_every_upu_code_means_a_known_state() -> None:
    assert set(STATE_OF_UPU.values()) <= set(DELIVERY_STATES)
    assert state_of_upu(" emi ") == "delivered"
    assert state_of_upu("QQQ") == ""


def test_the_vocabulary_is_spelled_once() -> None:
    assert len(set(DELIVERY_STATES)) == len(DELIVERY_STATES)
    assert set(DELIVERY_STATES) >= FINAL_STATES | TROUBLE_STATES
    assert {meaning.state for meaning in CODES.values()} <= {*DELIVERY_STATES, NEWS}


def test_our_meaning_of_a_meest_code_agrees_with_its_upu_event() -> None:
    # 1216 waits at a branch, 1620 is refused: the raw code says more than the UPU event it is sent under.
    for code, meaning in MEANINGS.items():
        if meaning.upu and code not in {"1216", "1620"}:
            assert state_of_upu(meaning.upu) == meaning.state, code


def test_every_meest_status_on_record_maps_to_a_known_state() -> None:
    folder = os.environ.get("DOORSTEP_DATA")
    if not folder:
        pytest.skip("DOORSTEP_DATA is not set: no recorded Meest statuses to check against")
    with Path(folder, "meest", "meest_tracking_statuses.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 37
    assert {row["code"] for row in rows} == set(MEANINGS)
    assert all(MEANINGS[row["code"]].upu == row["upu_event"] for row in rows)
    assert [code for code, meaning in MEANINGS.items() if meaning.state == NEWS] == ["2533"]  # news without a state
