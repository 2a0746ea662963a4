"""timeline: what happened to an order as a page tells it: event by event, what belongs together as one line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from doorstep.doors.console import words
from doorstep.doors.console.looks import money
from doorstep.doors.console.speaking import _
from doorstep.doors.reads.order import TimelineEvent

# Verbs that come in runs: one line of the timeline while nobody pauses for longer.
RUNS = ("pick", "unpick", "track")
LONGEST_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of the timeline: one event, or a run of picks that belong together."""

    seq: int
    verb: str
    title: str
    said: list[str]
    moved: list[str]
    particulars: list[str]
    who: str
    happened_at: datetime
    before: Mapping[str, Any]  # what it changed, as it was, where the event says so

    @property
    def tone(self) -> str:
        return words.EVENT_TONES.get(self.verb, "slate")


def timeline(
    events: Sequence[TimelineEvent], currency: str, titles: Mapping[int, str], keys: Mapping[str, str]
) -> list[Happening]:
    """Newest first."""
    runs: list[list[TimelineEvent]] = []
    for event in events:
        if runs and _belongs(event, runs[-1][-1]):
            runs[-1].append(event)
        else:
            runs.append([event])
    return [_happening(run, currency, titles, keys) for run in reversed(runs)]


def _belongs(event: TimelineEvent, before: TimelineEvent) -> bool:
    """One walk through the shelves is one line; so is the news of one parcel, whose card tells it in full."""
    same = all(get(event) == get(before) for get in (_verb, _actor, _subject))
    soon = event.verb == "track" or event.happened_at - before.happened_at < LONGEST_PAUSE
    return same and soon and event.verb in RUNS


_verb, _actor = attrgetter("verb"), attrgetter("actor")


def _subject(event: TimelineEvent) -> Any:
    return event.data.get("parcel"), event.data.get("site")


def _happening(
    run: Sequence[TimelineEvent], currency: str, titles: Mapping[int, str], keys: Mapping[str, str]
) -> Happening:
    last = run[-1]
    moves = [move for event in run for move in event.moves]
    return Happening(
        seq=last.seq,
        verb=last.verb,
        title=words.happened(last.verb, last.data),
        said=[phrase for event in run for phrase in words.said(event.data)] + _states(run),
        moved=_in_words(last.verb, moves, currency, titles) + [one for e in run for one in _credited_before(e, titles)],
        particulars=list(dict.fromkeys(p for event in run for p in words.particulars(event.verb, event.data))),
        who=words.actor(last.actor, last.verb, keys),
        happened_at=last.happened_at,
        before=last.data.get("before") or {},
    )


def _states(run: Sequence[TimelineEvent]) -> list[str]:
    """The way of a parcel through a run of news."""
    states = [words.scan(str(event.data["state"])).lower() for event in run if event.data.get("state")]
    ways = [state for at, state in enumerate(states) if at == 0 or states[at - 1] != state]
    return [" → ".join(ways)] if len(ways) > 1 else []


def _in_words(verb: str, moves: Sequence[Sequence[Any]], currency: str, titles: Mapping[int, str]) -> list[str]:
    """Demand and cash, equal ones added up; stock moves with demand and says the same, so it is left out."""
    units: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    cash: dict[tuple[str, str], int] = defaultdict(int)
    for what, *rest in moves:
        if what == "demand":
            line, quantity, source, target = rest[:4]
            units[source, target][line] += quantity
        elif what == "cash":
            amount, source, target = rest
            cash[source, target] += amount
    told = []
    for way, lines in units.items():
        told.append(words.demand(_items(lines, titles), verb, *way))
    return told + [words.cash(money(amount, currency), *way) for way, amount in cash.items()]


def _credited_before(event: TimelineEvent, titles: Mapping[int, str]) -> list[str]:
    """Goods that came back with no move of their line: they were credited on their way."""
    came = Counter[int]()
    for one in event.data.get("lines", ()) if event.verb == "take_back" else ():
        came[one["line"]] += one["quantity"]
    for what, *rest in event.moves if came else ():
        if what == "demand":
            came[rest[0]] -= rest[1]
    items = ", ".join(_items(+came, titles))
    return [_("%(items)s, credited already", items=items)] if items else []


def _items(lines: Mapping[int, int], titles: Mapping[int, str]) -> list[str]:
    return [f"{count} × {titles.get(line) or _('line %(line)s', line=line)}" for line, count in lines.items()]
