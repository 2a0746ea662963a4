"""track: what the carrier tells of a parcel, in its own words and UPU codes; repeats and wrong order are harmless.

The state is that of the weightiest event there ever was, so news is weighed against what the state rests on; of one
event told twice, the telling that says more is kept. Both are the same in every order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.journey.tracking.polling import Watched, next_ask
from doorstep.journey.tracking.scans import Scan, as_told, event_of, mended_row, new_row, told_by
from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound
from doorstep.plug.carrier import TrackEvent
from doorstep.plug.states import (
    FINAL_STATES,
    TROUBLE_STATES,
    Weight,
    is_known,
    says_more,
    weight,
)
from doorstep.setup import lanes
from doorstep.setup.clocks import clock_of
from doorstep.setup.lanes import Lane, Paces
from doorstep.spine.exceptions import next_action
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, Update
from doorstep.spine.parcels import count_state
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.told_times import can_be
from doorstep.spine.verbs import verb

# The order's row is the lock of its parcels too.
LOCK = """
select n.order_id from parcel p join order_now n on n.merchant_id = p.merchant_id and n.order_id = p.order_id
  where p.merchant_id = any($1) and p.parcel_id = any($2) order by n.merchant_id, n.order_id for update of n
"""
PARCELS = """
select p.merchant_id as merchant, p.parcel_id, p.order_id, p.label_state, p.state, p.state_at, p.news_at, p.silence_id,
    p.packed_at, p.handed_over_at, p.carrier, p.service, o.placed_at, t.country as from_country,
    o.country as to_country,
    exists (select from parcel_line l
      where l.merchant_id = p.merchant_id and l.parcel_id = p.parcel_id and l.quantity > 0) as is_filled
  from parcel p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  join site t on t.site_id = p.site_id
  where p.merchant_id = any($1) and p.parcel_id = any($2)
"""
KNOWN = """
select e.parcel_id, e.digest, e.happened_at, e.code, e.raw_code, e.state, e.place, e.message, e.reason, e.party,
    e.proof, e.holder, e.leg, e.until
  from unnest($1::bigint[], $2::bigint[], $3::bytea[]) d(merchant_id, parcel_id, digest)
  join parcel_event e on e.merchant_id = d.merchant_id and e.parcel_id = d.parcel_id and e.digest = d.digest
"""
# What is open about the parcels of these orders: trouble that ends when a parcel moves on, words nobody knew.
OPEN = """
select a.parcel_id, a.attention_id, a.kind, a.why ->> 'raw_code' as raw_code from attention a
  where a.merchant_id = any($1) and a.order_id = any($2) and a.parcel_id is not null and a.resolved_at is null
    and a.kind like any(array['delivery\\_%', 'unknown_status']) order by a.attention_id
"""
# A parcel that is not at its end after so long is followed no more; the silence is somebody's to look at.
FOLLOWED_FOR = timedelta(days=90)
UNKNOWN = "unknown_status"
# States whose buyer may be told of them; that a parcel arrived is said by `deliver`. Of those told daily, another day
# in the same state is news too.
TOLD_DAILY = frozenset({"out_for_delivery", "attempted"})
TOLD = TOLD_DAILY | {"customs_hold", "available_for_pickup", "returned_to_sender"}


class Watch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the errand that follows the parcel: which round it is, and how many before it brought nothing.

    `pace_s` is the shortest wait; `asks` is false where no carrier can be asked: then the silence alone is watched.
    """

    round: int
    quiet: int = 0
    pace_s: float = 1800
    asks: bool = True
    by_webhook: bool = False
    not_before: datetime | None = None


class Track(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`watch`: from the errand that follows the parcel."""

    parcel: str
    events: Annotated[list[Scan], Meta(max_length=500)] = []
    watch: Watch | None = None


class Tracked(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is what all events together say; `new_events` were not known before, `unknown` says nothing to us."""

    order: str
    parcel: str
    state: str
    new_events: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """What the rule needs of it, and no more: this is asked for every piece of news there is."""

    merchant: int
    parcel_id: int
    order_id: int
    label_state: str
    state: str
    state_at: datetime | None
    news_at: datetime | None
    silence_id: int | None
    packed_at: datetime | None
    handed_over_at: datetime | None
    carrier: str
    service: str
    placed_at: datetime
    from_country: str
    to_country: str
    is_filled: bool

    @property
    def name(self) -> str:
        return public("par", self.parcel_id)

    @property
    def lane(self) -> Lane:
        return Lane(self.carrier, self.service, self.from_country, self.to_country)

    @property
    def heard_at(self) -> datetime | None:
        """The last that was heard of it, its hand-over counted."""
        return max((at for at in (self.news_at, self.handed_over_at) if at), default=None)


@dataclass(slots=True)
class Open:
    """What is open about one parcel: the trouble it is in, and the words of its carrier that nobody knew."""

    trouble: list[int] = field(default_factory=list)
    words: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Facts:
    parcel: Parcel
    told: Mapping[bytes, TrackEvent]
    known: Mapping[bytes, TrackEvent]
    open: Open
    paces: Paces


Told = dict[int, dict[bytes, TrackEvent]]


@verb(Track, Tracked)
async def track(tx: Tx, asks: list[Ask[Track]]) -> list[Result]:
    """Add what the carrier tells; the parcel's state is computed from all its events, in whatever order they came."""
    told = {number("par", ask.body.parcel): told_by(ask.body.events) for ask in asks}
    at = (list(tx.merchants), sorted(told))
    await tx.rows(LOCK, *at)
    parcels = {row["parcel_id"]: Parcel(*row) for row in await tx.rows(PARCELS, *at)}
    known = await _known(tx, parcels, told)
    opened = await _open(tx, [p for p in parcels.values() if _may_be_open(p, told[p.parcel_id])])
    watched = [p.lane for ask in asks if ask.body.watch and (p := parcels.get(number("par", ask.body.parcel)))]
    paces = await lanes.paces(tx, watched)
    ids = await tx.fresh_ids(2 * len(asks))

    def rule(ask: Ask[Track]) -> Outcome:
        key = number("par", ask.body.parcel)
        parcel = parcels.get(key)
        if parcel is None or parcel.merchant != ask.merchant:
            raise NotFound(parcel=ask.body.parcel)
        return decide(Facts(parcel, told[key], known.get(key, {}), opened.get(key, Open()), paces), ids, ask)

    return each(asks, rule)


async def _known(tx: Tx, parcels: Mapping[int, Parcel], told: Told) -> Told:
    """Which of these events are here already."""
    wanted = [(p.merchant, p.parcel_id, digest) for p in parcels.values() for digest in told[p.parcel_id]]
    found: Told = {}
    if wanted:
        for row in await tx.rows(KNOWN, *map(list, zip(*wanted, strict=True))):
            found.setdefault(row["parcel_id"], {})[row["digest"]] = event_of(row)
    return found


def _may_be_open(parcel: Parcel, told: Mapping[bytes, TrackEvent]) -> bool:
    return parcel.state in TROUBLE_STATES or any(not is_known(event.state) for event in told.values())


async def _open(tx: Tx, parcels: Iterable[Parcel]) -> dict[int, Open]:
    orders = sorted({parcel.order_id for parcel in parcels})
    found: dict[int, Open] = {}
    for row in await tx.rows(OPEN, list(tx.merchants), orders) if orders else ():
        of_parcel = found.setdefault(row["parcel_id"], Open())
        if row["kind"] == UNKNOWN:
            of_parcel.words.add(row["raw_code"] or "")
        else:
            of_parcel.trouble.append(row["attention_id"])
    return found


def decide(facts: Facts, ids: Iterator[int], ask: Ask[Track]) -> Outcome:
    parcel, events = facts.parcel, facts.told
    new = {digest: event for digest, event in events.items() if digest not in facts.known}
    better = {
        digest: event for digest, event in events.items()
        if digest in facts.known and says_more(event, than=facts.known[digest])
    }  # fmt: skip
    news = new | better
    heaviest = max([_resting(parcel), *filter(_says_where, map(weight, news.values()))])
    after = heaviest.state
    unknown = [event for event in new.values() if not is_known(event.state)]
    outcome = Outcome(
        parcel.merchant, ("order", parcel.order_id), [], verb="track",
        answer={
            "order": public("ord", parcel.order_id), "parcel": parcel.name, "state": after, "new_events": len(new),
            "unknown": len(unknown),
        },
    )  # fmt: skip
    if news:
        data = {"parcel": parcel.name, "state": after, "events": [as_told(event) for event in news.values()]}
        outcome.events = [Event("track", [], data, max(event.happened_at for event in news.values()))]
        outcome.facts = [new_row(parcel.parcel_id, event, ask.at) for event in new.values()]
        outcome.facts += [mended_row(parcel.parcel_id, event) for event in better.values()]
    _move(outcome, facts, heaviest, news, ids, ask)
    outcome.facts += _unknown_words(facts, unknown, ids, ask)
    outcome.then = list(_then(facts, heaviest, news, ask))
    return outcome


def _says_where(heavy: Weight) -> bool:
    return heavy.says_where


def _resting(parcel: Parcel) -> Weight:
    """What the state rests on; one that somebody wrote down without a time weighs least of its kind."""
    return Weight.of(parcel.state, parcel.state_at)


def _move(
    outcome: Outcome, facts: Facts, heaviest: Weight, news: Mapping[bytes, TrackEvent], ids: Iterator[int],
    ask: Ask[Track],
) -> None:  # fmt: skip
    """The parcel as it is now: its state, when it was last heard of, whether it is quiet for too long."""
    parcel, after = facts.parcel, heaviest.state
    heard = _heard(parcel, news, ask) if news else parcel.news_at
    silence = None if news else parcel.silence_id
    if news and parcel.silence_id:
        outcome.facts.append(_resolved(parcel.silence_id, "the carrier told of it again", ask))
    elif not news and (alarm := _silence(facts, ids, ask)):
        outcome.facts.append(alarm)
        silence = alarm.values["attention_id"]
    if after != parcel.state:
        if parcel.is_filled:  # an emptied parcel is counted nowhere
            count_state(outcome, parcel.state, after)
        outcome.facts += [_resolved(one, f"it is {_said(after)} now", ask) for one in facts.open.trouble]
        if after in TROUBLE_STATES or after == "returned_to_sender":
            outcome.facts.append(_trouble(next(ids), parcel, after, news, ask))
    now = {"state": after, "state_at": heaviest.at, "news_at": heard, "silence_id": silence}
    if now != {name: getattr(parcel, name) for name in now}:
        outcome.facts.append(Update("parcel", {"parcel_id": parcel.parcel_id}, now))


def _silence(facts: Facts, ids: Iterator[int], ask: Ask[Track]) -> Insert | None:
    """Quiet for longer than its lane is in 19 of 20 cases: somebody looks before the buyer asks."""
    parcel = facts.parcel
    heard = parcel.heard_at
    if ask.body.watch is None or parcel.silence_id or heard is None or parcel.state in FINAL_STATES:
        return None
    pace = facts.paces.of(parcel.lane, parcel.state)
    if pace is None or ask.at - heard <= pace.p95:
        return None
    quiet = {"state": parcel.state, "heard_at": heard, "quiet_h": hours(ask.at - heard), "usual_h": hours(pace.p95),
             "gaps": pace.gaps, "lane": parcel.lane.told}  # fmt: skip
    return Insert("attention", {
        "attention_id": next(ids), "kind": "silence", "order_id": parcel.order_id, "parcel_id": parcel.parcel_id,
        "reason": f"no news for {hours(ask.at - heard):g} h; of 20 parcels on this lane, 19 are heard of within "
        f"{hours(pace.p95):g} h", "next_action": next_action("silence"), "why": quiet, "raised_at": ask.at,
    })  # fmt: skip


def hours(span: timedelta) -> float:
    return round(span.total_seconds() / 3600, 1)


def _trouble(attention: int, parcel: Parcel, state: str, news: Mapping[bytes, TrackEvent], ask: Ask[Track]) -> Insert:
    last = max(news.values(), key=weight)
    kind = f"delivery_{state}"
    return Insert("attention", {
        "attention_id": attention, "kind": kind, "order_id": parcel.order_id, "parcel_id": parcel.parcel_id,
        "reason": last.message or f"the carrier says {_said(state)}", "next_action": next_action(kind, last.reason),
        "why": as_told(last), "raised_at": ask.at,
    })  # fmt: skip


def _unknown_words(facts: Facts, events: Iterable[TrackEvent], ids: Iterator[int], ask: Ask[Track]) -> list[Insert]:
    """Words that no table knows: kept, shown, and somebody's to look at; once per parcel."""
    new = [event for event in events if _word(event) not in facts.open.words]
    if not new:
        return []
    first, words = new[0], list(dict.fromkeys(map(_word, new)))
    parcel = facts.parcel
    return [Insert("attention", {
        "attention_id": next(ids), "kind": UNKNOWN, "order_id": parcel.order_id, "parcel_id": parcel.parcel_id,
        "reason": f"{parcel.carrier or 'the carrier'} said {', '.join(words)[:200]}: nobody knows what that means",
        "next_action": next_action(UNKNOWN), "why": as_told(first) | {"raw_code": _word(first), "words": words},
        "raised_at": ask.at,
    })]  # fmt: skip


def _word(event: TrackEvent) -> str:
    return event.raw_code or event.code or event.state or event.message[:60]


def _resolved(attention: int, why: str, ask: Ask[Any]) -> Update:
    ended = {"resolved_at": ask.at, "resolved_by": ask.actor.name, "resolution": why}
    return Update("attention", {"attention_id": attention}, ended)


def _then(facts: Facts, heaviest: Weight, news: Mapping[bytes, TrackEvent], ask: Ask[Track]) -> Iterator[Job]:
    parcel, after, name = facts.parcel, heaviest.state, facts.parcel.name
    moving = [event.happened_at for event in news.values() if weight(event).is_moving]
    if not parcel.handed_over_at and moving and parcel.label_state == "bought" and parcel.is_filled:
        # The carrier has it, whoever forgot to scan it out.
        yield Job("hand_over", {"parcel": name} | _when(parcel, min(moving), ask))
    elif after != parcel.state and parcel.handed_over_at:
        if after == "delivered":
            yield Job("deliver", {"parcel": name} | _when(parcel, heaviest.at, ask) | _received_by(news))
        elif after in ("lost", "destroyed", "seized"):
            yield Job("lose", {"parcel": name, "reason": after})
    again = after in TOLD_DAILY and heaviest.at != parcel.state_at
    if after in TOLD and (after != parcel.state or again) and parcel.is_filled:
        yield Job("notify", _notice_of(parcel, heaviest))
    watch = ask.body.watch
    young = parcel.handed_over_at is None or ask.at - parcel.handed_over_at < FOLLOWED_FOR
    if watch and after not in FINAL_STATES and young:
        quiet = 0 if news else watch.quiet + 1
        heard = _heard(parcel, news, ask)
        due = next_ask(_watched(facts, after, quiet, heard, ask), ask.at)
        body = {"parcel": name, "round": watch.round + 1, "quiet": quiet}
        yield Job("follow", body, max(due, watch.not_before or due), key=f"follow:{name}:{watch.round + 1}")


def _when(parcel: Parcel, told: datetime | None, ask: Ask[Track]) -> dict[str, datetime]:
    """A carrier is never refused: of a time that cannot be, such as of a number's earlier parcel, it is now."""
    return {"happened_at": told} if told and can_be(told, ask.at, since=parcel.placed_at) else {}


def _notice_of(parcel: Parcel, heaviest: Weight) -> dict[str, str]:
    """Each day is news of its own: what was overtaken before it was said may come to be true again."""
    body = {"order": public("ord", parcel.order_id), "kind": heaviest.state, "parcel": parcel.name}
    if heaviest.at:
        body["about"] = heaviest.at.astimezone(clock_of(parcel.to_country)).date().isoformat()
    return body


def _received_by(news: Mapping[bytes, TrackEvent]) -> dict[str, str]:
    signed = [event.proof.signed_by for event in news.values() if event.proof and event.proof.signed_by]
    return {"received_by": signed[0]} if signed else {}


def _heard(parcel: Parcel, news: Mapping[bytes, TrackEvent], ask: Ask[Track]) -> datetime | None:
    """The last that was heard of it, this news counted; a time to come is no later than now."""
    times = (parcel.heard_at, *(min(event.happened_at, ask.at) for event in news.values()))
    return max((at for at in times if at), default=None)


def _watched(facts: Facts, state: str, quiet: int, heard: datetime | None, ask: Ask[Track]) -> Watched:
    parcel, watch = facts.parcel, ask.body.watch
    assert watch is not None
    pace = facts.paces.of(parcel.lane, state)
    return Watched(
        parcel=parcel.parcel_id, state=state, to_country=parcel.to_country,
        age=ask.at - (parcel.handed_over_at or ask.at), quiet=quiet, pace=timedelta(seconds=watch.pace_s),
        asks=watch.asks, by_webhook=watch.by_webhook,
        alarm_at=heard + pace.p95 if heard and pace and not parcel.silence_id else None,
    )  # fmt: skip


def _said(state: str) -> str:
    return state.replace("_", " ")
