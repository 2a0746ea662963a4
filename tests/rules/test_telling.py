"""The rule of notices: whatever the facts, what speaks is news, is wanted, is not quiet, and was not said before."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.journey.tracking.telling import HANDS_OFF, OVER, Facts, Kept, Standing, State, Word, overtaken, words
from doorstep.kit.phone import dialable
from doorstep.plug.states import DELIVERY_STATES, FINAL_STATES
from doorstep.setup.notices.kinds import FACTS, KINDS, MEDIA, RULED, can_be_stopped
from doorstep.setup.notices.quiet import BY_DEFAULT, Quiet, speaks_at
from doorstep.setup.notices.rules import Wanted

STAGES = ("received", "processing", "awaiting_fulfillment", "in_fulfillment", "fulfilled", "completed", "canceled",
          "expired")  # fmt: skip
ZONES = [ZoneInfo(name) for name in (
    "UTC", "Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham",
    "America/St_Johns", "Africa/Casablanca",
)]  # fmt: skip
moments = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
quiets = st.none() | st.builds(Quiet, times, times).filter(lambda quiet: quiet.begins != quiet.ends)
zones = st.sampled_from(ZONES)
media = st.sampled_from(MEDIA)
days = st.dates(date(2026, 1, 1), date(2026, 1, 5))


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    now = draw(moments)
    kind = draw(st.sampled_from(KINDS))
    standing = Standing(
        draw(st.sampled_from(STAGES)), draw(st.integers(0, 3)), draw(st.integers(0, 3)), draw(st.integers(0, 3)),
        draw(st.booleans()), draw(st.booleans()), draw(st.sets(days)), draw(st.sampled_from(DELIVERY_STATES)),
        draw(st.none() | st.timedeltas(timedelta(0), timedelta(days=30)).map(lambda ago: now - ago)),
    )  # fmt: skip
    about = draw(days).isoformat() if kind in ("delayed", "out_for_delivery", "attempted") else ""
    said = draw(st.dictionaries(st.tuples(st.sampled_from(RULED), media), st.booleans()))
    wanted = Wanted(said, "desk@x.example", "https://x.example", "s", draw(st.dictionaries(media, quiets)))
    kept = st.builds(
        Kept, st.sampled_from(get_args(State)), st.integers(0, 5),
        st.timedeltas(timedelta(0), timedelta(hours=1)).map(lambda ago: now - ago),
    )  # fmt: skip
    return Facts(
        kind, about, standing, wanted, draw(st.dictionaries(media, st.sampled_from(["", "a@x.example"]))),
        draw(st.sets(st.sampled_from(["email", "sms"]))), draw(st.dictionaries(media, kept)), now, draw(zones),
        draw(zones), draw(st.frozensets(media)),
    )  # fmt: skip


def zone(of: Facts, word: Word) -> ZoneInfo:
    return of.zone if word.medium in ("email", "sms") else of.office


@given(facts())
def test_a_fact_speaks_by_each_medium_that_is_wanted_and_there_and_by_no_other(of: Facts) -> None:
    told = words(of)
    assert len({word.medium for word in told}) == len(told)
    for medium in MEDIA:
        kept = of.kept.get(medium)
        expected = medium in of.wanted.media(of.kind) and medium in of.media and not (kept and kept.state in OVER)
        assert (medium in {word.medium for word in told}) == expected


@given(facts())
def test_what_is_said_now_is_true_wanted_and_not_quiet(of: Facts) -> None:
    for word in words(of):
        quiet = of.wanted.quiet_of(word.medium)
        if word.says in ("now", "later"):
            assert of.addresses[word.medium]
            assert not (word.medium in of.stopped and can_be_stopped(of.kind, word.medium))
            assert not overtaken(of.kind, of.about, of.standing, of.now, of.zone)
            local = word.at.astimezone(zone(of, word)).time().replace(tzinfo=None)
            assert quiet is None or local not in quiet
        if word.says == "now":
            assert word.at == of.now
        if word.says == "never":
            assert word.why


@given(facts())
def test_what_somebody_is_sending_is_left_to_them_for_a_while(of: Facts) -> None:
    for word in words(of):
        kept = of.kept.get(word.medium)
        busy = bool(kept and kept.state == "sending" and kept.tried_at and of.now - kept.tried_at < HANDS_OFF)
        assert (word.says == "busy") == busy


@given(facts())
def test_what_was_said_dropped_or_failed_is_never_spoken_of_again(of: Facts) -> None:
    over: dict[str, Kept] = {medium: Kept(state) for medium, state in zip(MEDIA, ("sent", "dropped", "failed", "sent"),
                                                                         strict=True)}  # fmt: skip
    done = Facts(of.kind, of.about, of.standing, of.wanted, of.addresses, of.stopped, over, of.now, of.zone, of.office,
                 of.media)  # type: ignore[arg-type]  # fmt: skip
    assert words(done) == []


@given(facts())
def test_of_a_parcel_that_is_at_its_end_only_that_end_is_news(of: Facts) -> None:
    state = of.standing.parcel_state
    if FACTS[of.kind].of_parcel and state in FINAL_STATES and state != of.kind:
        assert overtaken(of.kind, of.about, of.standing, of.now, of.zone)


@given(facts())
def test_money_and_answers_are_always_news(of: Facts) -> None:
    if of.kind in ("canceled", "refunded", "answer"):
        assert overtaken(of.kind, of.about, of.standing, of.now, of.zone) == ""


@given(moments, quiets, zones)
def test_it_speaks_at_once_or_at_the_first_moment_that_is_not_quiet(
    now: datetime, quiet: Quiet | None, at: ZoneInfo
) -> None:
    says = speaks_at(now, quiet, at)
    assert now <= says <= now + timedelta(hours=26)
    assert quiet is None or says.astimezone(at).time().replace(tzinfo=None) not in quiet
    assert speaks_at(says, quiet, at) == says
    if quiet and says > now:
        # Nothing before it was free, a minute at a time near both ends.
        for moment in (now, says - timedelta(minutes=1)):
            local = moment.astimezone(at).time().replace(tzinfo=None)
            assert local in quiet or moment < now or says.astimezone(at).fold or _is_gap(says, at)


def _is_gap(at: datetime, zone: ZoneInfo) -> bool:
    """Around a change of the clock."""
    return (at - timedelta(hours=3)).astimezone(zone).utcoffset() != (at + timedelta(hours=3)).astimezone(
        zone
    ).utcoffset()


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        # New York: on 8 March the hour from 2 to 3 is left out, on 1 November that from 1 to 2 comes twice.
        (datetime(2026, 3, 8, 6, 0, tzinfo=UTC), datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),
        (datetime(2026, 11, 1, 5, 10, tzinfo=UTC), datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
    ],
)
def test_quiet_hours_that_end_in_an_hour_that_is_left_out_or_comes_twice(now: datetime, ends: datetime) -> None:
    assert speaks_at(now, Quiet(time(21), time(2, 30)), ZoneInfo("America/New_York")) == ends


def test_text_messages_are_quiet_at_night_and_letters_never() -> None:
    assert dict(BY_DEFAULT).popitem() == ("sms", Quiet(time(21), time(8)))
    assert Wanted().quiet_of("email") is None and Wanted().quiet_of("sms") == Quiet(time(21), time(8))
    assert Wanted(quiet={"sms": None}).quiet_of("sms") is None


@pytest.mark.parametrize(
    ("written", "country", "dialed"),
    [
        ("+380 44 123-45-67", "US", "+380441234567"), ("044 123 45 67", "UA", "+380441234567"),
        ("00353 85 123 4567", "US", "+353851234567"), ("(201) 555-0123", "US", "+12015550123"),
        ("1-201-555-0123", "US", "+12015550123"), ("+44 (0)20 7946 0018", "GB", "+442079460018"),
        ("020 7946 0018", "GB", "+442079460018"), ("22 607 00 00", "PL", "+48226070000"), ("call me", "US", ""),
        ("12345", "XX", ""), ("", "US", ""), ("+1", "US", ""), ("+380441234567\r\nBcc: x", "UA", ""),
        ("٠٤٤١٢٣٤٥٦٧", "UA", ""), ("+0441234567", "UA", ""),
    ],
)  # fmt: skip
def test_a_number_is_as_the_world_dials_it_or_none(written: str, country: str, dialed: str) -> None:
    assert dialable(written, country) == dialed
