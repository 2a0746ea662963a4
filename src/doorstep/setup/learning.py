"""learning: what tells how long a way takes, read once a minute for the rules, and learned by the worker day by day."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from doorstep.setup.calendars import Calendar
from doorstep.setup.experience import Crowd, Experience, Keeping, Way
from doorstep.setup.postcodes import Places, area_as_sql, places_of
from doorstep.setup.promising import Outlook, To, allowed_until, calendar_of, way_of
from doorstep.setup.sites import Site, every_site
from doorstep.setup.waiting import Open, Pace, Stage, Table
from doorstep.spine.tenant import Db, Tx, tenant_tx

RELIABILITIES = "select merchant_id, reliability::float8 as reliability from merchant where merchant_id = any($1)"
LEARNED = """
select merchant_id, learned_until, throughput, usual, open, price, more from experience
  where merchant_id = any($1)
"""
TABLES = "select merchant_id, stage, key, waited, ended from waiting_table where merchant_id = any($1)"
PACES = "select merchant_id, stage, nth, key, ended, expected from waiting_pace where merchant_id = any($1)"
QUEUES = "select site_id, waiting from site_queue"
# What of an order tells how long its way takes: see setup/promising.py, To.
_TO = f"""coalesce(o.ship_to ->> 'country', '') as country, coalesce(o.ship_to ->> 'region', '') as region,
    {area_as_sql("coalesce(o.ship_to ->> 'postcode', '')")} as area, o.service_level, o.payment_term"""
# What was in a stage on some day of a span: since when, until when, and how many alike.
HANDLED = f"""
select f.site_id, {_TO},
    (f.created_at at time zone t.timezone)::date as since, (p.handed_over_at at time zone t.timezone)::date as until,
    (o.ship_by at time zone t.timezone)::date as ship_by, count(*) as alike
  from fulfillment_order f
  join site t on t.site_id = f.site_id
  join orders o on o.merchant_id = f.merchant_id and o.order_id = f.order_id
  join order_now n on n.merchant_id = f.merchant_id and n.order_id = f.order_id
  left join lateral (select min(p.handed_over_at) as handed_over_at from parcel p
    where p.merchant_id = f.merchant_id and p.order_id = f.order_id
      and p.fulfillment_order_id = f.fulfillment_order_id) p on true
  where f.merchant_id = $1 and f.created_at >= $2::date - 60 and f.created_at < $3::date + 1
    and (p.handed_over_at is null or p.handed_over_at >= $2::date - 1) and n.stage not in ('canceled', 'expired')
  group by 1, 2, 3, 4, 5, 6, 7, 8, 9
"""
CARRIED = f"""
select p.site_id, {_TO},
    (p.handed_over_at at time zone t.timezone)::date as since, (p.delivered_at at time zone t.timezone)::date as until,
    null::date as ship_by, count(*) as alike
  from parcel p
  join site t on t.site_id = p.site_id
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  where p.merchant_id = $1 and p.handed_over_at >= $2::date - 90 and p.handed_over_at < $3::date + 1
    and (p.delivered_at is null or p.delivered_at >= $2::date - 1)
    and p.state not in ('lost', 'destroyed', 'seized', 'returned_to_sender')
  group by 1, 2, 3, 4, 5, 6, 7, 8
"""
FIRST_DAY = "select min(handed_over_at)::date as day from parcel where merchant_id = $1"
# What the dates named in a span were said to be worth, and how many fell due and were kept.
NAMED = """
select count(*) as named, coalesce(avg((d.basis ->> 'sure')::float8), 0) as sure from promise d
  where d.merchant_id = $1 and d.made_at >= $2::date and d.made_at < $3::date + 1 and d.basis ? 'sure'
"""
ENDED = """
select count(*) filter (where kept) as kept, count(*) filter (where not kept) as broken from promise_end
  where merchant_id = $1 and decided_at >= $2::date and decided_at < $3::date + 1
"""
# What another learned beside it reaches as far, or further: then this is not kept.
KEEP = """
insert into experience (merchant_id, learned_until, throughput, usual, open, price, more)
  values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (merchant_id) do update set learned_until = excluded.learned_until, throughput = excluded.throughput,
    usual = excluded.usual, open = excluded.open, price = excluded.price,
    more = excluded.more
    where experience.learned_until < excluded.learned_until
  returning 1
"""
KEEP_TABLE = """
insert into waiting_table (merchant_id, stage, key, waited, ended) values ($1, $2, $3, $4, $5)
  on conflict (merchant_id, stage, key) do update set waited = excluded.waited, ended = excluded.ended
"""
KEEP_PACES = """
insert into waiting_pace (merchant_id, stage, nth, key, ended, expected)
  select $1, * from unnest($2::text[], $3::smallint[], $4::text[], $5::real[], $6::real[])
  on conflict (merchant_id, stage, nth, key) do update set ended = excluded.ended, expected = excluded.expected
"""
WAITING_AT_SITES = """
select f.site_id, count(*) as waiting from fulfillment_order f
  join site t on t.site_id = f.site_id and t.capacity is not null
  where f.merchant_id = any($1) and exists (select from allocation a where a.merchant_id = f.merchant_id
    and a.order_id = f.order_id and a.fulfillment_order_id = f.fulfillment_order_id
    and a.promised + a.picked + a.packed > 0)
  group by f.site_id
"""
KEEP_QUEUES = """
insert into site_queue (site_id, waiting, at)
  select t.site_id, coalesce(u.waiting, 0), $3 from site t
    left join unnest($1::bigint[], $2::int[]) u(site_id, waiting) on u.site_id = t.site_id where t.capacity is not null
  on conflict (site_id) do update set waiting = excluded.waiting, at = excluded.at
"""
STAGES = ("handling", "transit")
# So many days are learned in one turn: years that were imported come in turn by turn.
DAYS_A_TURN = 45


async def outlook_of(tx: Tx) -> dict[int, Outlook]:
    """Of each merchant of the transaction, a minute old at most: one read of each kind for those that are older."""

    async def read(merchants: list[int]) -> Mapping[int, Outlook]:
        return await _read(tx, merchants)

    return await tx.kept.of("outlook", tx.merchants, read)


async def _read(tx: Tx, merchants: list[int]) -> dict[int, Outlook]:
    learned = await _learned(tx, merchants)
    queues = {row["site_id"]: row["waiting"] for row in await tx.rows(QUEUES)}
    places = await places_of(tx)
    found = {merchant: Outlook(queues=queues, places=places) for merchant in merchants}
    for row in await tx.rows(RELIABILITIES, merchants):
        found[row["merchant_id"]].reliability = row["reliability"]
    for merchant, (experience, until) in learned.items():
        found[merchant].learned_until = until
        experience.keeping.asked = found[merchant].reliability
        found[merchant].open_now = experience.crowd.open
        found[merchant].experience = experience
    return found


async def _learned(tx: Tx, merchants: list[int]) -> dict[int, tuple[Experience, date]]:
    """Tables are read when a day was learned since; what was worked out with them stays worked out till then."""
    until = {row["merchant_id"]: row["learned_until"] for row in await tx.rows(LEARNED, merchants)}
    before = {merchant: tx.kept.last("outlook", merchant) for merchant in until}
    same = {
        merchant: (outlook.experience, until[merchant])
        for merchant, outlook in before.items()
        if outlook and outlook.experience and outlook.learned_until == until[merchant]
    }
    new = [merchant for merchant in until if merchant not in same]
    return same | (await experiences_of(tx, new) if new else {})


async def experiences_of(tx: Tx, merchants: Sequence[int]) -> dict[int, tuple[Experience, date]]:
    """Those that have learned anything, and until when."""
    found: dict[int, tuple[Experience, date]] = {}
    for row in await tx.rows(LEARNED, list(merchants)):
        experience = Experience(
            crowd=Crowd(row["throughput"], row["usual"], row["open"]),
            keeping=Keeping(price=row["price"], more=row["more"]),
        )  # fmt: skip
        found[row["merchant_id"]] = experience, row["learned_until"]
    if found:
        for row in await tx.rows(TABLES, list(found)):
            stage = _stage(found[row["merchant_id"]][0], row["stage"])
            stage.tables[tuple(row["key"])] = Table(row["waited"], row["ended"])
        for row in await tx.rows(PACES, list(found)):
            stage = _stage(found[row["merchant_id"]][0], row["stage"])
            stage.paces[row["nth"]][row["key"]] = Pace(row["ended"], row["expected"])
    return found


def _stage(experience: Experience, name: str) -> Stage:
    stage: Stage = getattr(experience, name)
    return stage


@dataclass(frozen=True, slots=True)
class Span:
    """Alike things that were in a stage, by working days of the calendar that they are counted on."""

    way: Way
    calendar: Calendar
    since: date
    until: date | None
    alike: int

    def on(self, day: date) -> Iterator[Open]:
        """As they waited on this day; by the chain of the stage that asks."""
        start = self.calendar.first_from(self.since)
        ended = self.until is not None and self.calendar.first_from(self.until) <= day
        if start <= day and self.calendar.works(day) and not (ended and self._ended_before(day)):
            item = Open((), (), self.calendar.between(start, day), ended)
            yield from (item for _ in range(self.alike))

    def _ended_before(self, day: date) -> bool:
        return self.until is not None and self.calendar.first_from(self.until) < day


@dataclass(frozen=True, slots=True)
class News:
    """What happened on the days that come next, from the first to the last, to who knew that much."""

    before: Experience
    first: date
    last: date
    handled: Sequence[Span]
    carried: Sequence[Span]
    named: Mapping[str, Any]
    ended: Mapping[str, Any]


async def learn(db: Db, merchant: int, until: date) -> bool:
    """The days that are not learned yet, up to this one: some of them; answers whether there are more."""
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        news = await _news(tx, merchant, until)
    if news is None:
        return False
    # Beside the loop, and with no transaction open: after years were imported there is much to count.
    experience = await asyncio.to_thread(_learned_from, news)
    async with tenant_tx(db, [merchant]) as tx:
        await _keep(tx, experience, merchant, news.last)
    return news.last < until


async def _news(tx: Tx, merchant: int, until: date) -> News | None:
    kept = (await experiences_of(tx, [merchant])).get(merchant)
    first = kept[1] + timedelta(days=1) if kept else await tx.value(FIRST_DAY, merchant)
    if first is None or first > until:
        return None
    experience = kept[0] if kept else Experience()
    (row,) = await tx.rows(RELIABILITIES, [merchant])
    experience.keeping.asked = row["reliability"]
    last = min(until, first + timedelta(days=DAYS_A_TURN - 1))
    sites, places = await every_site(tx), await places_of(tx)
    return News(
        experience, first, last,
        handled=[_span(sites, places, row, own=True) for row in await tx.rows(HANDLED, merchant, first, last)],
        carried=[_span(sites, places, row, own=False) for row in await tx.rows(CARRIED, merchant, first, last)],
        named=await tx.row(NAMED, merchant, first, last),
        ended=await tx.row(ENDED, merchant, first, last),
    )  # fmt: skip


def _span(sites: Mapping[int, Site], places: Places, row: Mapping[str, Any], *, own: bool) -> Span:
    """What a site does is counted on its own calendar, what a carrier does on that of the country it goes to."""
    site = sites[row["site_id"]]
    to = To(row["country"], row["region"], row["area"], row["service_level"], row["payment_term"])
    calendar = calendar_of(site) if own else Calendar(country=to.country)
    allowed = allowed_until(site, row["since"], row["ship_by"]) if row["ship_by"] else ""
    return Span(way_of(site, to, allowed, places), calendar, row["since"], row["until"], row["alike"])


def _learned_from(news: News) -> Experience:
    experience = news.before
    for nth in range((news.last - news.first).days + 1):
        _learn_a_day(experience, news.handled, news.carried, news.first + timedelta(days=nth))
    _learn_from_promises(experience, news.named, news.ended)
    return experience


def _learn_a_day(experience: Experience, handled: Sequence[Span], carried: Sequence[Span], day: date) -> None:
    handling = [
        item._replace(chain=span.way.of_handling, factors=span.way.paces_of_handling)
        for span in handled
        for item in span.on(day)
    ]
    transit = [
        item._replace(chain=span.way.of_transit, factors=span.way.paces_of_transit)
        for span in carried
        for item in span.on(day)
    ]
    if handling or transit:
        still = sum(not item.ended for item in (*handling, *transit))
        experience.learn((), handling, transit, still, day.isoweekday())


def _learn_from_promises(experience: Experience, named: Mapping[str, Any], ended: Mapping[str, Any]) -> None:
    """How sure the dates were that were named, and whether those that fell due were kept."""
    experience.keeping.named(named["sure"], named["named"])
    for kept in (True,) * ended["kept"] + (False,) * ended["broken"]:
        experience.keeping.fell_due(kept)


async def _keep(tx: Tx, experience: Experience, merchant: int, until: date) -> None:
    crowd, keeping = experience.crowd, experience.keeping
    figures = (crowd.throughput, crowd.usual, crowd.open, keeping.price, keeping.more)
    if await tx.value(KEEP, merchant, until, *figures) is None:
        return
    paces: dict[str, list[Any]] = defaultdict(list)
    for name in STAGES:
        stage = _stage(experience, name)
        rows = [
            (merchant, name, list(key), [one / stage.weight for one in table.waited],
             [one / stage.weight for one in table.ended])
            for key, table in stage.tables.items()
        ]  # fmt: skip
        await tx.many(KEEP_TABLE, rows)
        for nth, of in enumerate(stage.paces):
            for key, pace in of.items():
                for column, value in zip("snkeo", (name, nth, key, pace.ended, pace.expected), strict=True):
                    paces[column].append(value)
    if paces:
        await tx.run(KEEP_PACES, merchant, *(paces[column] for column in "snkeo"))


async def count_queues(tx: Tx, at: Any) -> None:
    """Of the sites with a capacity: how many orders wait there, of all merchants of the transaction."""
    rows = await tx.rows(WAITING_AT_SITES, list(tx.merchants))
    await tx.run(KEEP_QUEUES, [row["site_id"] for row in rows], [row["waiting"] for row in rows], at)
