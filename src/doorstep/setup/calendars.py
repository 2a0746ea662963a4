"""calendars: on which days a country works, and which are holidays; dated data, no clock.

Days are counted as working days: what leaves on Friday and takes one day arrives on Monday, or on Tuesday where Monday
is a holiday. A day off counts as the working day that follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from importlib.metadata import version

import holidays

WEEK = (1, 2, 3, 4, 5)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Weekdays (1 = Monday) that are worked, but not on a country's holidays. `source`: where those are from."""

    weekdays: tuple[int, ...] = WEEK
    country: str = ""
    extra: frozenset[date] = field(default=frozenset())

    @property
    def source(self) -> str:
        return f"holidays {_version()}: {self.country}" if is_known(self.country) else "no holidays known"

    def works(self, day: date) -> bool:
        return day.isoweekday() in self.weekdays and day not in self.extra and not holiday(self.country, day)

    def first_from(self, day: date) -> date:
        """This day, or the first one after it that is worked."""
        while not self.works(day):
            day += ONE_DAY
        return day

    def after(self, day: date, working_days: int) -> date:
        """The so many-th working day after this day; with none this day, or the first one that is worked."""
        if not working_days:
            return self.first_from(day)
        for _ in range(working_days):
            day = self.first_from(day + ONE_DAY)
        return day

    def between(self, start: date, end: date) -> int:
        """Working days from the one to the other, a day off counted as the working day that follows it."""
        days, day = 0, self.first_from(start)
        while day < end:
            day = self.first_from(day + ONE_DAY)
            days += 1
        return days

    def holidays_in(self, start: date, end: date) -> dict[str, str]:
        """Those from the one to the other, both included, by day."""
        days = (start + timedelta(n) for n in range((end - start).days + 1))
        return {day.isoformat(): name for day in days if (name := holiday(self.country, day))}


def holiday(country: str, day: date) -> str:
    """Its name, or nothing."""
    return _holidays(country, day.year).get(day, "")


@lru_cache(maxsize=1024)
def _holidays(country: str, year: int) -> Mapping[date, str]:
    """The national ones. Of a country that the calendar does not know there are none."""
    if not is_known(country):
        return {}
    return dict(holidays.country_holidays(country, years=year, observed=True, expand=False))


@lru_cache(maxsize=300)
def is_known(country: str) -> bool:
    return country in holidays.list_supported_countries()


@lru_cache(maxsize=1)
def _version() -> str:
    return version("holidays")
