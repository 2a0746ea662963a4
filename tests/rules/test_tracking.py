"""A parcel's news in any order, however often and in whatever pieces, ends in one state; silence is told in time."""

from __future__ import annotations

import itertools
import os
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.tracking.polling import BY_DAY, LONGEST, PACES, Watched, by_day, next_ask, zone_of
from doorstep.journey.tracking.scans import Scan, digest_of, told_by
from doorstep.journey.tracking.track import Facts, Open, Parcel, Track, Watch, decide
from doorstep.kit.budget import Budget
from doorstep.plug.carrier import TrackEvent
from doorstep.plug.states import DELIVERY_STATES, FINAL_STATES, delivery_state, stronger
from doorstep.setup.lanes import BELIEF, Lane, Pace, Paces, believed
from doorstep.spine.outcome import Ask, Insert, Outcome, Update

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ON_THE_ROAD = Parcel(
    merchant=1, parcel_id=7, order_id=5, label_state="bought", state="pre_transit", state_at=None, news_at=None,
    silence_id=None, packed_at=NOON, handed_over_at=NOON, carrier="meest", service="ECONOMY", placed_at=NOON,
    from_country="US", to_country="UA", is_filled=True,
)  # fmt: skip
# `make shuffles` asks for ten thousand.
SHUFFLES = int(os.environ.get("DOORSTEP_SHUFFLES", "300"))


class Desk:
    """A parcel and its events as the books keep them, written by the rule's own facts."""

    def __init__(self, parcel: Parcel = ON_THE_ROAD) -> None:
        self.parcel, self.events, self.ids = parcel, dict[bytes, dict[str, Any]](), itertools.count(100)
        self.attention: dict[int, dict[str, Any]] = {}
        self.jobs: list[str] = []

    def told(
        self, scans: list[Scan], at: datetime = NOON, watch: Watch | None = None, paces: Paces | None = None
    ) -> Outcome:
        told = told_by(scans)
        known = {digest: _event(self.events[digest]) for digest in told if digest in self.events}
        facts = Facts(self.parcel, told, known, self._open(), paces or Paces())
        outcome = decide(facts, self.ids, Ask(1, Track(parcel="par_7", events=scans, watch=watch), at))
        for fact in outcome.facts:
            self._keep(fact)
        self.jobs += [job.verb for job in outcome.then]
        self.last = outcome
        return outcome

    def _open(self) -> Open:
        still = [(key, row) for key, row in self.attention.items() if "resolved_at" not in row]
        return Open(
            [key for key, row in still if row["kind"].startswith("delivery_")],
            {row["why"]["raw_code"] for _, row in still if row["kind"] == "unknown_status"},
        )

    def _keep(self, fact: Any) -> None:
        if isinstance(fact, Insert) and fact.table == "parcel_event":
            assert fact.values["digest"] not in self.events
            self.events[fact.values["digest"]] = dict(fact.values)
        elif isinstance(fact, Insert):
            self.attention[fact.values["attention_id"]] = dict(fact.values)
        elif isinstance(fact, Update) and fact.table == "parcel_event":
            self.events[fact.where["digest"]] |= fact.values
        elif isinstance(fact, Update) and fact.table == "attention":
            self.attention[fact.where["attention_id"]] |= fact.values
        else:
            self.parcel = replace(self.parcel, **fact.values)

    def open(self) -> list[str]:
        return sorted(row["kind"] for row in self.attention.values() if "resolved_at" not in row)


NAMES = ("happened_at", "code", "raw_code", "state", "place", "message", "reason", "party", "proof")


def _event(row: dict[str, Any]) -> TrackEvent:
    return TrackEvent(**{name: row[name] for name in NAMES})


def scan(hours: float, state: str, raw: str = "", **more: Any) -> Scan:
    return Scan(happened_at=NOON + timedelta(hours=hours), state=state, raw_code=raw or state, **more)


def a_life(chance: random.Random) -> list[Scan]:
    """News of one parcel as carriers tell it: late, contradictory, with equal times and words nobody knows."""
    states = [*DELIVERY_STATES, "news", "", "gibberish"]
    return [
        scan(chance.randrange(12), chance.choice(states), chance.choice("abcdef"), place=chance.choice(("", "Lviv")))
        for _ in range(chance.randrange(2, 14))
    ]  # fmt: skip


def pieces(scans: list[Scan], chance: random.Random) -> list[list[Scan]]:
    """Shuffled, some of it twice, cut where it falls."""
    told = scans + chance.choices(scans, k=chance.randrange(len(scans) + 1))
    chance.shuffle(told)
    cuts = sorted(chance.randrange(len(told) + 1) for _ in range(chance.randrange(4)))
    return [told[a:b] for a, b in itertools.pairwise([0, *cuts, len(told)]) if a < b]


def test_every_shuffle_of_a_parcels_news_with_repeats_ends_in_one_state() -> None:
    chance = random.Random(20260302)
    lives = max(1, SHUFFLES // 50)
    for _ in range(lives):
        scans = a_life(chance)
        ends = set()
        for _ in range(max(2, SHUFFLES // lives)):
            desk = Desk()
            for piece in pieces(scans, chance):
                desk.told(piece)
            kept = sorted((d, row["state"], row["code"], row["reason"]) for d, row in desk.events.items())
            ends.add((desk.parcel.state, desk.parcel.state_at, desk.parcel.news_at, tuple(kept)))
        assert len(ends) == 1, scans


def test_the_state_that_is_weighed_piece_by_piece_is_that_of_all_events_together() -> None:
    chance = random.Random(7)
    for _ in range(200):
        desk = Desk()
        for piece in pieces(a_life(chance), chance):
            desk.told(piece)
        assert desk.parcel.state == delivery_state([_event(row) for row in desk.events.values()])


def test_a_repeat_brings_nothing_new_and_queues_nothing() -> None:
    desk = Desk()
    desk.told([scan(1, "in_transit")])
    again = desk.told([scan(1, "in_transit"), scan(1, "in_transit")])
    assert (again.events, again.facts, again.then, again.answer["new_events"]) == ([], [], [], 0)


def test_an_unknown_word_is_kept_shown_and_counted_once_and_moves_nothing() -> None:
    desk = Desk()
    desk.told([scan(1, "in_transit")])
    desk.told([scan(2, "", raw="Z99", message="Qwerty"), scan(3, "", raw="Z99")])
    assert (desk.parcel.state, desk.last.answer["unknown"], desk.open()) == ("in_transit", 2, ["unknown_status"])
    desk.told([scan(4, "", raw="Z99")])
    assert desk.open() == ["unknown_status"]
    desk.told([scan(5, "", raw="Z98")])
    assert desk.open() == ["unknown_status"] * 2
    assert len(desk.events) == 5


def test_a_word_that_is_learned_later_moves_the_parcel_when_it_is_told_again() -> None:
    desk = Desk()
    desk.told([scan(1, "", raw="Z99")])
    told = desk.told([scan(1, "out_for_delivery", raw="Z99")])
    assert (desk.parcel.state, told.answer["new_events"], len(desk.events)) == ("out_for_delivery", 0, 1)
    desk.told([scan(1, "", raw="Z99")])
    assert desk.parcel.state == "out_for_delivery"


def test_another_wording_of_the_same_event_is_no_news() -> None:
    desk = Desk()
    desk.told([scan(1, "in_transit", raw="a", message="On its way")])
    assert desk.told([scan(1, "in_transit", raw="a", message="Underway, at last")]).events == []


def test_what_the_carrier_says_of_a_parcel_that_is_here_hands_it_over_at_its_first_move() -> None:
    desk = Desk(replace(ON_THE_ROAD, handed_over_at=None))
    out = desk.told([scan(-5, "pre_transit"), scan(2, "accepted"), scan(9, "in_transit")], NOON + timedelta(hours=10))
    (job,) = out.then
    assert (job.verb, job.body["happened_at"]) == ("hand_over", NOON + timedelta(hours=2))
    assert Desk(replace(ON_THE_ROAD, handed_over_at=None)).told([scan(1, "news"), scan(2, "", raw="?")]).then == []


def test_trouble_says_what_helps_and_ends_when_the_parcel_moves_on() -> None:
    desk = Desk()
    desk.told([scan(1, "attempted", reason="wrong_address", party="merchant")])
    (raised,) = desk.attention.values()
    assert "right address" in raised["next_action"] and raised["why"]["party"] == "merchant"
    desk.told([scan(9, "out_for_delivery")])
    assert (desk.open(), raised["resolution"]) == ([], "it is out for delivery now")


# Silence

LANE = Lane("meest", "ECONOMY", "US", "UA")


def watch(round: int = 2) -> Watch:
    return Watch(round=round)


def test_a_parcel_that_is_quiet_for_longer_than_its_lane_is_somebodys_before_the_buyer_asks() -> None:
    desk, usual = Desk(), timedelta(hours=40)
    paces = Paces({(LANE, "in_transit"): Pace(timedelta(hours=10), usual, 100_000)})
    desk.told([scan(1, "in_transit")], NOON + timedelta(hours=1))
    for hours in range(2, 41):  # a carrier that is asked tells again what it told before
        desk.told([scan(1, "in_transit")], NOON + timedelta(hours=hours), watch(), paces)
    assert desk.open() == []
    desk.told([], NOON + timedelta(hours=41, minutes=30), watch(), paces)
    (raised,) = desk.attention.values()
    assert raised["kind"] == "silence" and "19" in raised["reason"] and raised["why"]["gaps"] == 100_000
    desk.told([], NOON + timedelta(hours=60), watch(), paces)
    assert len(desk.attention) == 1, "one silence is told once"
    desk.told([scan(59, "arrived")], NOON + timedelta(hours=61))
    assert (desk.open(), desk.parcel.silence_id) == ([], None)
    desk.told([], NOON + timedelta(hours=61 + 24 * 9), watch(), Paces())
    assert desk.open() == ["silence"], "the next silence is another"


def test_who_never_scanned_a_parcel_is_quiet_since_its_hand_over() -> None:
    desk = Desk()
    desk.told([], NOON + timedelta(hours=71), watch())
    assert desk.open() == []
    desk.told([], NOON + timedelta(hours=73), watch())
    assert desk.open() == ["silence"]


@given(st.sampled_from(DELIVERY_STATES), st.integers(0, 2000))
def test_what_has_arrived_is_never_quiet_for_too_long(state: str, hours: int) -> None:
    desk = Desk(replace(ON_THE_ROAD, state=state, state_at=NOON, news_at=NOON))
    desk.told([], NOON + timedelta(hours=hours), watch())
    pace = believed(LANE, state)
    assert (desk.open() == ["silence"]) == (pace is not None and timedelta(hours=hours) > pace.p95)
    assert pace is None or state not in FINAL_STATES


@given(st.integers(1, 100_000), st.integers(1, 500))
def test_history_moves_the_belief_as_far_as_there_is_of_it(gaps: int, hours: int) -> None:
    seen = timedelta(hours=hours)
    before = believed(LANE, "in_transit")
    assert before is not None
    pace = Paces({(LANE, "in_transit"): Pace(seen / 2, seen, gaps)}).of(LANE, "in_transit")
    assert pace is not None and min(before.p95, seen) <= pace.p95 <= max(before.p95, seen)
    assert abs(pace.p95 - seen) <= abs(before.p95 - seen) * BELIEF / (BELIEF + gaps) + timedelta(seconds=1)


def test_a_lane_without_history_goes_by_the_wider_one() -> None:
    wide = Lane("", "", "US", "UA")
    pace = Paces({(wide, "departed"): Pace(timedelta(hours=5), timedelta(hours=20), 10**6)}).of(LANE, "departed")
    assert pace is not None and pace.p95 < timedelta(hours=21)


# When a carrier is asked

PACE = timedelta(minutes=30)


def watched(state: str, **more: Any) -> Watched:
    given_ = {"parcel": 0, "to_country": "UA", "age": timedelta(days=2), "quiet": 0, "pace": PACE} | more
    return Watched(state=state, **given_)


def test_calls_go_where_news_is_likely() -> None:
    def wait(state: str, **more: Any) -> timedelta:
        return next_ask(watched(state, **more), NOON) - NOON

    assert wait("out_for_delivery") < wait("attempted") < wait("in_transit") < wait("departed")
    assert wait("in_transit", by_webhook=True) > wait("in_transit")
    assert wait("in_transit", quiet=3) > wait("in_transit")
    assert wait("in_transit", age=timedelta(days=40)) > wait("in_transit")
    assert wait("out_for_delivery", parcel=50) != wait("out_for_delivery", parcel=51)


@given(
    st.sampled_from(DELIVERY_STATES), st.integers(0, 200) | st.just(10**6), st.integers(0, 120), st.booleans(),
    st.booleans(), st.sampled_from(["UA", "US", "JP", "BR", "ZZ", ""]), st.integers(0, 48), st.integers(0, 10_000),
)  # fmt: skip
def test_the_next_round_is_always_later_and_within_days(
    state: str, quiet: int, days: int, asks: bool, by_webhook: bool, country: str, hour: int, parcel: int
) -> None:
    now = NOON + timedelta(hours=hour)
    one = watched(
        state,
        quiet=quiet,
        age=timedelta(days=days),
        asks=asks,
        by_webhook=by_webhook,
        to_country=country,
        parcel=parcel,
    )
    due = next_ask(one, now)
    assert now < due <= now + LONGEST * 1.1 + timedelta(hours=11)
    if asks and state in BY_DAY and due - now > timedelta(minutes=10):
        assert 7 <= due.astimezone(zone_of(country)).hour < 22


def test_nobody_is_asked_at_night_about_what_moves_by_day() -> None:
    night = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # half past midnight in Kyiv
    due = by_day(night, zone_of("UA"))
    assert due == datetime(2026, 3, 3, 5, 30, tzinfo=UTC)


def test_the_end_of_patience_is_looked_at_when_it_comes() -> None:
    alarm = NOON + timedelta(minutes=90)
    assert next_ask(watched("departed", alarm_at=alarm), NOON) == alarm + timedelta(seconds=1)
    assert next_ask(watched("departed", alarm_at=NOON), NOON) == NOON + timedelta(seconds=1)
    assert next_ask(watched("departed", alarm_at=NOON - timedelta(hours=1)), NOON) > NOON


def test_every_state_has_its_pace() -> None:
    assert PACES.keys() == set(DELIVERY_STATES) - FINAL_STATES


def test_a_budget_is_spent_and_comes_back_with_time() -> None:
    budget = Budget(per_hour=60)
    assert budget.take("ups", 50, NOON) == 50
    assert budget.take("ups", 50, NOON) == 10
    assert budget.take("fedex", 50, NOON) == 50
    assert budget.next_at("ups", NOON) == NOON + timedelta(minutes=1)
    assert budget.take("ups", 50, NOON + timedelta(minutes=5)) == 5
    assert Budget().take("ups", 10**6, NOON) == 10**6


@pytest.mark.parametrize("state", ["delivered", "in_transit", ""])
def test_of_two_tellings_the_one_that_says_more_is_the_same_either_way(state: str) -> None:
    one = TrackEvent(happened_at=NOON, raw_code="a", state=state)
    other = TrackEvent(happened_at=NOON, raw_code="a", state="accepted", reason="weather")
    assert stronger(one, other) == stronger(other, one)
    assert digest_of(one) == digest_of(other)
