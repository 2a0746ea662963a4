"""Dates that are named: calendars, cut-offs, capacity, what the past says, and who is at fault when one is broken."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.setup import checks
from doorstep.setup.calendars import Calendar, holiday
from doorstep.setup.experience import Crowd, Experience, Keeping, Way, choose
from doorstep.setup.promising import MOST_ALLOWED, NO_OUTLOOK, Outlook, To, allowed_until
from doorstep.setup.sites import Site
from doorstep.setup.verdicts import Told, verdict
from doorstep.setup.waiting import Open, chances, one_after_the_other, stretched, surely_by

MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
COUNTRIES = st.sampled_from(["US", "UA", "DE", "BR", "AE", "JP", ""])
CARDS = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda two: (two[0], two[0] + two[1]))


def a_site(cut_off: time = time(14), capacity: int | None = None, **more: Any) -> Site:
    said = {"country": "US", "timezone": "UTC", "weekdays": (1, 2, 3, 4, 5)} | more
    return Site(1, "NJ", "New Jersey", latitude=None, longitude=None, cut_off=cut_off, capacity=capacity, **said)


def experienced(days: int, level: str = "standard", arrived: int = 40, site: str = "NJ") -> Experience:
    """Everything was handled the same day, and carried in so many working days."""
    experience = Experience()
    way = Way("prepaid", site, "US", "UA", "0100", level)
    for age in [*range(days + 1)] * 4:
        items = [Open(way.of_transit, way.paces_of_transit, age, age == days)] * arrived
        experience.learn((), handled(way, {0: arrived}), items, 10, 2)
    return experience


# calendars


@given(MOMENTS, COUNTRIES, COUNTRIES, CARDS)
def test_no_date_is_a_holiday_or_a_day_off(at: datetime, of_site: str, to: str, days: tuple[int, int]) -> None:
    dates = Outlook().dates(a_site(country=of_site), at, To(to), days)
    leaves = dates.ship_by.date()
    assert leaves.isoweekday() < 6 and not holiday(of_site, leaves)
    for day in (dates.deliver_from, dates.deliver_by):
        assert day.isoweekday() < 6 and not holiday(to, day)
    assert leaves <= dates.deliver_from <= dates.deliver_by


def test_christmas_is_no_working_day_and_the_basis_says_so() -> None:
    dates = Outlook().dates(a_site(), datetime(2026, 12, 24, 12, tzinfo=UTC), To("US"), (1, 1))
    assert dates.deliver_by == date(2026, 12, 28)
    assert dates.basis["holidays"] == {"2026-12-25": "Christmas Day"}
    assert dates.basis["calendars"]["to"].endswith(": US")
    assert dates.basis["cut_off"] == {"site": "NJ", "at": "14:00", "timezone": "UTC", "leaves": date(2026, 12, 24)}


def test_days_between_are_the_days_after() -> None:
    calendar = Calendar(country="US")
    assert calendar.between(date(2026, 7, 2), calendar.after(date(2026, 7, 2), 5)) == 5
    assert calendar.source.startswith("holidays ")
    assert Calendar().source == "no holidays known"


# cut-offs and capacity


@given(MOMENTS, st.times(), st.times(), CARDS)
def test_a_later_cut_off_never_makes_a_date_later(at: datetime, one: time, other: time, days: tuple[int, int]) -> None:
    early, late = sorted((one.replace(microsecond=0), other.replace(microsecond=0)))
    sooner, later = (NO_OUTLOOK.dates(a_site(cut_off), at, To(), days) for cut_off in (late, early))
    assert sooner.deliver_by <= later.deliver_by
    assert sooner.ship_by.date() <= later.ship_by.date()


@given(MOMENTS, st.integers(1, 500), st.integers(0, 500), st.integers(0, 5000))
def test_more_capacity_never_makes_a_date_later(at: datetime, capacity: int, more: int, waiting: int) -> None:
    outlook = Outlook(queues={1: waiting})
    narrow, wide = (
        outlook.dates(a_site(capacity=orders), at, To("US"), (2, 5)) for orders in (capacity, capacity + more)
    )
    assert wide.deliver_by <= narrow.deliver_by
    assert wide.ship_by <= narrow.ship_by


def test_a_queue_ahead_moves_the_date_by_the_days_it_takes() -> None:
    site = a_site(capacity=100)
    assert Outlook().dates(site, MONDAY, To("US"), (1, 1)).ship_by.date() == date(2026, 3, 2)
    behind = Outlook(queues={1: 250}).dates(site, MONDAY, To("US"), (1, 1))
    assert behind.ship_by.date() == date(2026, 3, 4)
    assert behind.basis["queue"] == {"waiting": 250, "capacity": 100}


# how long it takes


@given(st.lists(st.floats(0.01, 0.9), min_size=5, max_size=30), st.floats(1, 3))
def test_what_takes_longer_is_never_there_sooner(hazard: list[float], times: float) -> None:
    by = surely_by(chances(hazard))
    assert by[-1] == pytest.approx(1)
    assert all(slow <= fast + 1e-9 for slow, fast in zip(stretched(by, times), by, strict=True))


def test_two_stages_take_their_days_together() -> None:
    assert one_after_the_other([0, 1], [0, 0, 0.5, 0.5], 6) == [0, 0, 0, 0.5, 0.5, 0, 0]


@given(st.lists(st.floats(0.01, 0.9), min_size=20, max_size=20), st.floats(1, 500), st.floats(0, 500))
def test_a_dearer_broken_promise_never_makes_a_date_sooner_or_less_sure(
    hazard: list[float], price: float, more: float
) -> None:
    by, leads = surely_by(chances(hazard)), list(range(20))
    cheap, dear = choose(by, leads, price), choose(by, leads, price + more)
    assert cheap.last <= dear.last
    assert cheap.sure <= dear.sure + 1e-9
    assert cheap.first <= cheap.last


def test_own_history_overrules_the_rate_card_once_there_is_enough_of_it() -> None:
    at, to = MONDAY, To("UA", area="0100", paying="prepaid")
    card = Outlook().dates(a_site(), at, to, (2, 4))
    assert card.basis["transit"] == {"days": 4, "from": "the shipping method", "observed": 0}
    few = Outlook(experience=experienced(9, arrived=2)).dates(a_site(), at, to, (2, 4))
    assert few.deliver_by == card.deliver_by
    slow = Outlook(experience=experienced(9)).dates(a_site(), at, to, (2, 4))
    assert slow.deliver_by > card.deliver_by
    assert slow.basis["transit"]["from"] == "own history: UA US>UA US>UA standard"
    assert slow.basis["transit"]["observed"] > 100
    assert slow.basis["sure"] > 0.6


def test_a_lane_nobody_used_leans_on_the_next_coarser_one() -> None:
    experience = experienced(6)
    known, unknown = (
        Outlook(experience=experience).dates(a_site(), MONDAY, To("UA", area=area, level=level), (1, 2))
        for area, level in (("0100", "standard"), ("7900", "express"))
    )
    assert unknown.basis["transit"]["from"] == "own history: UA US>UA"
    assert abs((known.deliver_by - unknown.deliver_by).days) <= 7


def test_what_is_still_open_tells_of_a_jam_before_it_ends() -> None:
    calm, jam = experienced(5), experienced(5)
    way = Way("prepaid", "NJ", "US", "UA", "0100", "standard")
    for age in range(5, 12):
        jam.learn((), (), [Open(way.of_transit, way.paces_of_transit, age, False)] * 60, 60, 2)
    assert surely_by(jam.transit.days(way.of_transit))[8] < surely_by(calm.transit.days(way.of_transit))[8]


def a_day_of(takes: dict[int, int], chain: tuple[str, ...], factors: tuple[str, ...]) -> list[Open]:
    """As on every day: so many come that take so many days, and all of those before them are still waiting."""
    return [
        Open(chain, factors, age, age == days)
        for days, parcels in takes.items()
        for age in range(days + 1)
        for _ in range(parcels)
    ]


def carried(way: Way, takes: dict[int, int]) -> list[Open]:
    return a_day_of(takes, way.of_transit, way.paces_of_transit)


def handled(way: Way, takes: dict[int, int]) -> list[Open]:
    return a_day_of(takes, way.of_handling, way.paces_of_handling)


def by_day(experience: Experience, way: Way) -> list[float]:
    return surely_by(experience.transit.days(way.of_transit, way.paces_of_transit))


def test_a_site_as_fast_as_another_that_leaves_some_behind_has_its_own_long_tail() -> None:
    experience = Experience()
    steady, careless = (Way("prepaid", site, "US", "UA", "0100") for site in ("NJ", "LA"))
    for day in range(60):
        today = carried(steady, {3: 8, 6: 2}) + carried(careless, {3: 8, 20: 2})
        experience.learn((), (), today, 50, day % 5 + 1)
    one, other = by_day(experience, steady), by_day(experience, careless)
    assert other[3] == pytest.approx(one[3], abs=0.05) == pytest.approx(0.8, abs=0.05)
    assert one[8] > 0.95
    assert other[8] < 0.88


def test_a_lane_is_not_slow_because_a_slow_site_uses_it() -> None:
    experience = Experience()
    fast, slow = (
        {to: Way("prepaid", site, "US", to, "0100") for to in ("PL", "UA")} for site in ("NJ", "LA")
    )  # fmt: skip
    takes = {days: round(40 * 0.15 * 0.85**days) for days in range(20)}
    for day in range(120):
        today = carried(fast["PL"], {0: 6, 1: 4, 2: 2, 3: 1}) + carried(slow["PL"], takes) + carried(slow["UA"], takes)
        experience.learn((), (), today, 50, day % 5 + 1)
    assert by_day(experience, fast["UA"])[2] > by_day(experience, slow["UA"])[2] + 0.42


def test_a_postcode_nobody_sent_to_takes_as_long_as_its_district() -> None:
    experience = Experience()
    for day in range(60):
        today = [
            item
            for area, days in (("0101", 9), ("0102", 9), ("7901", 4), ("7902", 4))
            for item in carried(Way("prepaid", "NJ", "US", "UA", area), {days: 5})
        ]
        experience.learn((), (), today, 50, day % 5 + 1)
    far, near, unknown = (
        by_day(experience, Way("prepaid", "NJ", "US", "UA", area)) for area in ("0109", "7909", "5555")
    )
    assert far[6] < unknown[6] < near[6]


def test_what_all_have_in_common_is_no_pace_and_holds_for_a_place_nobody_sent_to() -> None:
    experience = Experience()
    known, unknown = (Way("prepaid", "NJ", "US", "UA", area) for area in ("0100", "5555"))
    for day in range(60):
        experience.learn((), (), carried(known, {3: 6, 4: 4}), 50, day % 5 + 1)
    assert by_day(experience, unknown) == pytest.approx(by_day(experience, known), abs=0.03)


def test_what_is_paid_another_way_may_be_handled_at_another_pace() -> None:
    experience = Experience()
    prepaid, later = (Way(paying, "NJ", "US", "UA", "0100") for paying in ("prepaid", "on_account"))
    for day in range(60):
        today = handled(prepaid, {0: 8, 1: 2}) + handled(later, {0: 2, 1: 2, 2: 2, 3: 2, 5: 2})
        experience.learn((), today, (), 50, day % 5 + 1)
    assert experience.days_of_handling(prepaid, 0.8) < experience.days_of_handling(later, 0.8)


def test_what_has_longer_to_leave_by_the_channels_day_leaves_later() -> None:
    experience = Experience()
    soon, later = (Way("prepaid", "NJ", "US", "UA", "0100", allowed=allowed) for allowed in ("2 days", "6 days"))
    for day in range(60):
        today = handled(soon, {1: 8, 2: 2}) + handled(later, {3: 4, 4: 4, 6: 2})
        experience.learn((), today, (), 50, day % 5 + 1)
    other = Way("prepaid", "LA", "US", "UA", "0100", allowed="6 days")
    assert experience.days_of_handling(soon, 0.7) < 3 <= experience.days_of_handling(later, 0.7)
    assert experience.days_of_handling(other, 0.7) >= 3


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(0, 400), st.integers(0, 400))
def test_a_later_day_of_the_channel_never_gives_fewer_days(start: date, days: int, more: int) -> None:
    site = a_site()
    early, late = (
        int(allowed_until(site, start, start + timedelta(days=until)).removesuffix(" days"))
        for until in (days, days + more)
    )
    assert early <= late <= MOST_ALLOWED
    assert allowed_until(site, start, start - timedelta(days=more)) == "0 days"


def test_what_goes_farther_within_a_lane_takes_longer_and_where_no_place_is_known_nothing_depends_on_it() -> None:
    experience, nowhere = Experience(), Experience()
    near, far = (Way("prepaid", "NJ", "US", "UA", area, far=far) for area, far in (("0100", "1"), ("7900", "8")))
    for day in range(60):
        today = carried(near, {2: 8, 4: 2}) + carried(far, {6: 8, 8: 2})
        experience.learn((), (), today, 50, day % 5 + 1)
        nowhere.learn((), (), [item._replace(factors=("", *item.factors[1:])) for item in today], 50, day % 5 + 1)
    one, other = (Way("prepaid", "LA", "US", "UA", "5555", far=far) for far in ("1", "8"))
    assert by_day(experience, one)[5] > by_day(experience, other)[5] + 0.2
    assert not nowhere.transit.paces[0]
    assert by_day(nowhere, one) == by_day(nowhere, other)


def test_what_comes_at_the_weekend_is_there_on_a_monday_and_mondays_are_surer() -> None:
    experience = Experience()
    way = Way("prepaid", "NJ", "US", "UA", "0100")
    for day in range(300):
        weekday, came = day % 5 + 1, 12 if day % 5 == 0 else 4
        waits = [Open(way.of_transit, way.paces_of_transit, age, nth < came) for age in range(4) for nth in range(20)]
        experience.learn((), (), waits, 50, weekday)
    by = [0.2, 0.4, 0.6, 0.8, 0.9]
    from_monday, from_tuesday = (
        experience.transit.on_weekdays(by, first, leads)
        for first, leads in ((1, [0, 1, 2, 3, 4]), (2, [0, 1, 2, 3, 6]))
    )
    assert from_monday[0] > 0.25 > from_tuesday[0]
    assert from_tuesday[4] - from_tuesday[3] > from_monday[4] - from_monday[3]
    assert all(early <= late <= 1 for early, late in pairwise(from_tuesday))


def test_more_open_for_what_arrives_makes_everything_take_longer() -> None:
    crowd = Crowd()
    for _ in range(50):
        crowd.learn(100, 10)
    assert crowd.stretch(100) == pytest.approx(1)
    assert 1.5 < crowd.stretch(200) < 2
    assert crowd.stretch(1) == 0.9


def test_the_price_of_a_broken_promise_follows_what_was_asked_for() -> None:
    keeping = Keeping(asked=0.9)
    before = keeping.price
    keeping.named(0.7)
    dearer = keeping.price
    assert dearer > before
    keeping.named(0.99, times=20)
    assert keeping.price < dearer
    for _ in range(1000):
        keeping.fell_due(kept=False)
    assert 0.9 < keeping.share <= 0.92


def test_a_reliability_is_a_share() -> None:
    for wrong in (0.2, 1.0, 90):
        with pytest.raises(checks.NotAReliability):
            checks.reliability(wrong)


# kept or broken


def told(**more: Any) -> Told:
    """Told on Monday to leave by 2 p.m. and to be there by Friday."""
    said: dict[str, Any] = {
        "made_at": MONDAY, "ship_by": MONDAY.replace(hour=14), "deliver_by": date(2026, 3, 6), "timezone": "UTC",
        "released": MONDAY + timedelta(minutes=30), "handed_over": MONDAY.replace(hour=13),
        "delivered": MONDAY + timedelta(days=4),
    }  # fmt: skip
    return Told(**said | more)


def test_on_the_last_minute_of_the_day_it_is_kept() -> None:
    kept = verdict(told(delivered=datetime(2026, 3, 6, 23, 59, tzinfo=UTC)))
    assert (kept.kept, kept.days_late, kept.party) == (True, 0, "")
    broken = verdict(told(delivered=datetime(2026, 3, 7, 0, 1, tzinfo=UTC)))
    assert (broken.kept, broken.days_late, broken.party) == (False, 1, "carrier")


@pytest.mark.parametrize(
    ("party", "more"),
    [
        ("site", {"handed_over": MONDAY + timedelta(days=5)}),
        ("merchant", {"released": MONDAY + timedelta(days=5), "handed_over": MONDAY + timedelta(days=5, hours=2)}),
        ("carrier", {}),
        ("customs", {"events": ((MONDAY + timedelta(days=1), "in_customs"), (MONDAY + timedelta(days=7), "arrived"))}),
        ("buyer", {"events": ((MONDAY + timedelta(days=3), "attempted"),)}),
    ],
)  # fmt: skip
def test_it_is_the_time_of_whoever_took_most_beyond_the_date(party: str, more: dict[str, Any]) -> None:
    found = verdict(told(delivered=MONDAY + timedelta(days=9), **more))
    assert (found.party, found.days_late) == (party, 5)
    assert sum(found.spent.values()) == pytest.approx(timedelta(days=9).total_seconds())
    assert min(found.spent.values()) >= 0
