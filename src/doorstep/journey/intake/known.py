"""known: what the words of orders stand for at their merchants, and which of the orders are here already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from doorstep.journey.intake.new_order import NewLine, NewOrder
from doorstep.journey.intake.told import CorrectedLine
from doorstep.setup.sites import SITES, Site, site_told
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import Tx

# Rows of several kinds in one trip: channels, the merchants' policies, shipping methods, the sites, items by the words
# for them with what of each is free at which site, and the orders that are here already. Each is probed for by its
# merchant's own words alone: a batch has orders of many merchants. `offset 0` keeps the database from joining the other
# way round, by all rows that there are, as it does while it has not counted them yet.
WORDS = f"""
with asked as materialized (
  select c.* from unnest($2::bigint[], $3::text[]) u(m, key)
    cross join lateral (
      select c.merchant_id, c.key, c.channel_id from channel c where c.merchant_id = u.m and c.key = u.key offset 0) c),
item as materialized (
  select s.merchant_id, 0::bigint as channel_id, s.code as word, s.sku_id, s.stocked, s.name
    from unnest($7::bigint[], $8::text[]) u(m, word)
    cross join lateral (select * from sku s where s.merchant_id = u.m and s.code = u.word offset 0) s
  union all
  select a.merchant_id, a.channel_id, a.alias, a.sku_id, s.stocked, s.name
    from unnest($4::bigint[], $5::text[], $6::text[]) u(m, key, word)
    join asked c on c.merchant_id = u.m and c.key = u.key
    cross join lateral (
      select * from sku_alias a where a.merchant_id = c.merchant_id and a.channel_id = c.channel_id and a.alias = u.word
        offset 0) a
    cross join lateral (select * from sku s where s.merchant_id = a.merchant_id and s.sku_id = a.sku_id offset 0) s)
select 'channel' as what, merchant_id, key as word, channel_id as a, 0::bigint as b, 0::bigint as c, '' as more,
    null as also, null::bytea as hash
  from asked
union all
select 'policy', merchant_id, when_short, reserve_minutes, 0, 0, ship, null, null from merchant
  where merchant_id = any($1)
union all
select 'method', merchant_id, name, days_min, days_max, 0, level, null, null from shipping_method
  where merchant_id = any($1) and name = any($9)
union all
select 'site', 0, '', s.site_id, 0, 0, to_json(s)::text, null, null from ({SITES}) s where $10
union all
select 'item', i.merchant_id, i.word, i.channel_id, i.sku_id, i.stocked::int, i.name, case when $10 then (
    select json_object_agg(v.site_id, v.free)::text from availability v
      where v.merchant_id = i.merchant_id and v.sku_id = i.sku_id and v.free > 0) end, null
  from item i
union all
select 'order', o.merchant_id, o.external_id, o.channel_id, o.order_id, o.history::int, o.number, o.also_id,
    o.content_hash
  from unnest($11::bigint[], $12::text[], $13::text[]) u(m, key, word)
  join asked c on c.merchant_id = u.m and c.key = u.key
  cross join lateral (
    select * from orders o
      where o.merchant_id = c.merchant_id and o.channel_id = c.channel_id and o.external_id = u.word offset 0) o
union all
select 'order', o.merchant_id, o.external_id, o.channel_id, o.order_id, o.history::int, o.number, o.also_id,
    o.content_hash
  from unnest($14::bigint[], $15::text[]) u(m, word)
  cross join lateral (select * from orders o where o.merchant_id = u.m and o.also_id = u.word offset 0) o
"""
CHANNELS = "select merchant_id, key, channel_id from channel where merchant_id = any($1) and key = any($2)"
SKUS = """
select s.merchant_id, 0::bigint as channel_id, s.code as word, s.sku_id, s.stocked, s.name from sku s
  where s.merchant_id = any($1) and s.code = any($2)
union all
select a.merchant_id, a.channel_id, a.alias, a.sku_id, s.stocked, s.name
  from sku_alias a join sku s on s.merchant_id = a.merchant_id and s.sku_id = a.sku_id
  where a.merchant_id = any($1) and a.alias = any($2)
"""
_FREE = msgspec.json.Decoder(dict[int, int])
_NONE: Mapping[str, Item] = {}


@dataclass(frozen=True, slots=True)
class Item:
    sku_id: int
    stocked: bool
    name: str = ""


# By merchant and channel (0: the merchant's own codes), then by the word for it.
Items = Mapping[tuple[int, int], Mapping[str, Item]]


@dataclass(frozen=True, slots=True)
class Existing:
    order_id: int
    number: str
    content_hash: bytes
    also_id: str | None
    history: bool


@dataclass(slots=True)
class Named:
    """What the words of these orders stand for, by merchant."""

    channels: dict[tuple[int, str], int] = field(default_factory=dict)
    policies: dict[int, dict[str, Any]] = field(default_factory=dict)
    levels: dict[tuple[int, str], str] = field(default_factory=dict)
    days: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)
    items: dict[tuple[int, int], dict[str, Item]] = field(default_factory=dict)
    free: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)
    sites: dict[int, Site] = field(default_factory=dict)
    # The orders that are here already, by the channel's key and by its second id.
    by_external_id: dict[tuple[int, int, str], Existing] = field(default_factory=dict)
    by_also_id: dict[tuple[int, int, str], Existing] = field(default_factory=dict)


async def named_by(tx: Tx, asks: Sequence[Ask[Any]]) -> Named:
    orders = [(ask.merchant, ask.body.order) for ask in asks]
    words = _words(orders)
    found = Named()
    rows = await tx.rows(
        WORDS,
        list(tx.merchants),
        *_arrays({(merchant, order.channel) for merchant, order in orders}, 2),
        *_arrays(words, 3),
        *_arrays({(merchant, word) for merchant, _, word in words}, 2),
        list({order.shipping_method for _, order in orders} - {""}),
        any(order.reserve == "now" for _, order in orders),
        *_arrays({(merchant, order.channel, order.external_id) for merchant, order in orders if order.external_id}, 3),
        *_arrays({(ask.merchant, ask.body.also_id) for ask in asks if ask.body.also_id}, 2),
    )
    for what, merchant, word, a, b, c, more, also, hashed in rows:
        if what == "item":
            found.items.setdefault((merchant, a), {})[word] = Item(b, bool(c), more)
            if also:
                found.free[merchant, b] = _FREE.decode(also)
        elif what == "policy":
            found.policies[merchant] = {"when_short": word, "ship": more, "reserve_minutes": a}
        elif what == "method":
            found.levels[merchant, word] = more
            found.days[merchant, word] = (a, b)
        elif what == "channel":
            found.channels[merchant, word] = a
        elif what == "site":
            found.sites[a] = site_told(more)
        else:
            one = Existing(b, more, hashed, also, bool(c))
            found.by_external_id[merchant, a, word] = one
            if also:
                found.by_also_id[merchant, a, also] = one
    return found


def _words(orders: Iterable[tuple[int, NewOrder]]) -> set[tuple[int, str, str]]:
    """By merchant and channel, what these orders call their items; a word stands in many lines."""
    called: dict[tuple[int, str], set[str]] = defaultdict(set)
    for merchant, order in orders:
        called[merchant, order.channel].update([line.sku or line.title for line in order.lines])
    return {(merchant, channel, word) for (merchant, channel), words in called.items() for word in words if word}


def _arrays(asked: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """A list per part of what is asked for, in the order of its index."""
    return [list(part) for part in zip(*sorted(asked), strict=True)] or [[] for _ in range(width)]


async def channels_named(tx: Tx, keys: Iterable[str]) -> dict[tuple[int, str], int]:
    rows = await tx.rows(CHANNELS, list(tx.merchants), list(set(keys)))
    return {(row["merchant_id"], row["key"]): row["channel_id"] for row in rows}


async def items_named(tx: Tx, words: Iterable[str]) -> Items:
    """As a channel calls them."""
    found: dict[tuple[int, int], dict[str, Item]] = defaultdict(dict)
    for row in await tx.rows(SKUS, list(tx.merchants), list(set(words) - {""})):
        item = Item(row["sku_id"], row["stocked"], row["name"])
        found[row["merchant_id"], row["channel_id"]][row["word"]] = item
    return found


def items_of(items: Items, merchant: int, channel: int, lines: Iterable[NewLine | CorrectedLine]) -> list[Item | None]:
    """What each line is of. A channel's alias says more about its own orders than the merchant's code."""
    aliases, codes = items.get((merchant, channel), _NONE), items.get((merchant, 0), _NONE)
    return [aliases.get(line.sku or line.title) or (codes.get(line.sku) if line.sku else None) for line in lines]


def word_for(line: NewLine) -> str:
    """What names the item: the channel's code, or what the buyer saw where there is none."""
    return line.sku or line.title
