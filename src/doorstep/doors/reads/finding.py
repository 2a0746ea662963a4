"""finding: the orders that fit filters, newest first, whatever there is of them.

Every filter has lists behind it that are sorted by time: of a token, of a way to stand, or of all orders. One filter
leads: so many of its newest entries are taken off its lists, and each is looked at itself: is it what was asked for?
So a list that is late shows nothing wrong, and a page costs the same among millions as among a few. Where little fits
of what was taken off, the search goes on from there a few rounds, and then says where it stopped.

The lists are fed beside the way orders come in (doors/worker/finding.py). What changed since they were fed is looked at
too, the last few hundred changes; the list of all orders is never late.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from doorstep.doors.reads.words import BEGINNING, TO, VIA, tokens_of
from doorstep.kit.text import LAST, folded, normalized
from doorstep.plug.numbers import candidates
from doorstep.spine.tenant import Tx

if TYPE_CHECKING:
    from doorstep.doors.reads.orders import OrderQuery

Place = tuple[datetime, int]
# The filter that leads: its name, or the number of a word of the text.
_Lead = str | int

# So many entries are taken off the lists, round after round, where more than one filter has to fit; then it says where
# it stopped.
ROUNDS = (150, 500, 1_000, 1_000)
TAIL = 300  # newest changes that are looked at beside the lists
# A word is the beginning of so many others at most; of more, only the whole word is meant.
BEGINNINGS = 64
WORDS = 6  # of a text that count
PROBED = 200  # entries by which the rarer filter is told
_VERY_LONG_S = 1e12
MANY_LISTS = 40  # of more, each gives a part of a page only
USUAL_STANDINGS = 20  # ways to stand that have one status in common

_OURS = re.compile(r"ord_([1-9][0-9]{0,17})", re.ASCII)

AXES = ("stage", "payment", "fulfillment", "delivery")
_COLUMNS = """
o.merchant_id, o.order_id, o.number, coalesce(o.external_id, '') as external_id, o.placed_at, o.currency,
    o.total_minor, coalesce(o.buyer ->> 'name', '') as buyer, o.email, o.country,
    coalesce(o.ship_to ->> 'city', '') as city, o.shipping_method, o.payment_term, h.key as channel, n.stage, n.payment,
    n.fulfillment, n.delivery, n.invoicing, n.ordered, n.holds_open"""

# What each filter asks of an order itself; `?` stands for its value. `limit 1` and not `exists`, which the database may
# answer by reading the whole table once instead.
_TRUE = {
    **{axis: f"n.{axis} = ?" for axis in AXES},
    "order": "o.order_id = ?",
    "channel": "h.key = ?",
    "country": "o.country = ?",
    "external_id": "(o.external_id = ? or o.also_id = ?)",
    "number": "o.number = ?",
    "called": f"{folded('?')} in ({folded('o.number')}, {folded('o.external_id')}, {folded('o.also_id')})",
    "email": "o.email = ?",
    "sku": """(select true from order_line l left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
      where l.merchant_id = o.merchant_id and l.order_id = o.order_id and (s.code = ? or l.code = ?) limit 1)""",
    "hold": """(select true from hold h where h.merchant_id = o.merchant_id and h.order_id = o.order_id
      and h.lifted_at is null and h.type = ? limit 1)""",
    "any_hold": "n.holds_open > 0",
}
# The filters with tokens, and the token of each.
_TOKEN = {"called": "", "number": "", "external_id": "", "email": "", "sku": "", "country": TO, "channel": VIA}

# The filters that a way to stand tells, and what they ask of it.
_STANDING = {
    **{axis: f"s.{axis} = ?" for axis in AXES},
    "hold": "? = any(s.holds)",
    "any_hold": "cardinality(s.holds) > 0",
}

_OF_ONE = """
select o.merchant_id, o.placed_at, o.order_id, false as is_cut from orders o
  where o.merchant_id = any((select $1::bigint[])::bigint[]) and o.order_id = {order}"""
# Lists, each `each` entries long, of (merchant_id, placed_at, order_id, is_cut).
_OF_ALL = """
select m.merchant_id, x.placed_at, x.order_id, x.nth = {each} as is_cut
  from unnest((select $1::bigint[])) m(merchant_id) cross join lateral (
    select t.placed_at, t.order_id, row_number() over (order by t.placed_at {way}, t.order_id {way}) as nth
      from orders t where t.merchant_id = m.merchant_id{within}
      order by t.placed_at {way}, t.order_id {way} limit {each}) x"""
_OF_TOKENS = """
select k.merchant_id, x.placed_at, x.order_id, x.nth = {each} as is_cut
  from ({keys}) k cross join lateral (
    select t.placed_at, t.order_id, row_number() over (order by t.placed_at {way}, t.order_id {way}) as nth
      from order_token t where t.merchant_id = k.merchant_id and t.token = k.token{within}
      order by t.placed_at {way}, t.order_id {way} limit {each}) x"""
_OF_STANDINGS = """
select m.merchant_id, x.placed_at, x.order_id, x.nth = {each} as is_cut
  from unnest((select $1::bigint[])) m(merchant_id) cross join ({keys}) k cross join lateral (
    select t.placed_at, t.order_id, row_number() over (order by t.placed_at {way}, t.order_id {way}) as nth
      from order_standing t where t.merchant_id = m.merchant_id and t.standing_id = k.standing_id{within}
      order by t.placed_at {way}, t.order_id {way} limit {each}) x"""
# What changed since the lists were fed. The place stands in a subselect of its own: only a plain value reaches the
# index through the wall.
_CHANGED = f"""
select distinct p.merchant_id, e.id as order_id
  from (
    select m.merchant_id, coalesce(f.after_txid, '0'::xid8) as txid, coalesce(f.after_pos, 0) as pos
      from unnest((select $1::bigint[])) m(merchant_id) left join order_finding f on f.merchant_id = m.merchant_id
      offset 0) p
  cross join lateral (
    select e.kind, e.id from event e where e.merchant_id = p.merchant_id and (e.txid, e.pos) > (p.txid, p.pos)
      order by e.txid desc, e.pos desc limit {TAIL}) e
  where e.kind = 'order'"""
# How far back the entries of a lead's lists reach, and how many those are.
_REACH = """
select {nth} as nth, k.newest, k.cut_at,
    (select count(*) from l{nth} l where k.cut_at is null or l.placed_at >= k.cut_at) as entries
  from (select max(l.placed_at) as newest, max(l.placed_at) filter (where l.is_cut) as cut_at from l{nth} l) k"""
_PAGE = """
with listed as materialized ({listed}),
cut as materialized (
  select l.placed_at, l.order_id from listed l where l.is_cut order by l.placed_at {way}, l.order_id {way} limit 1),
{changed}candidates as materialized (
  select c.merchant_id, c.placed_at, c.order_id, bool_or(c.is_listed) as is_listed from ({both}) c
    group by c.placed_at, c.order_id, c.merchant_id
    having not exists (select from cut)
      or (c.placed_at, c.order_id) {not_beyond} (select k.placed_at, k.order_id from cut k)
    order by c.placed_at {way}, c.order_id {way}),
page as (
  select x.* from candidates c cross join lateral (
      select {columns}
        from orders o
        join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
        join channel h on h.merchant_id = o.merchant_id and h.channel_id = o.channel_id
        where o.merchant_id = c.merchant_id and o.order_id = c.order_id and o.placed_at = c.placed_at{true}
        limit 1) x
    order by c.placed_at {way}, c.order_id {way} limit {limit})
select k.placed_at as cut_at, k.order_id as cut_id, p.*
  from (values (1)) one(row) left join cut k on true left join page p on true
  order by p.placed_at {way}, p.order_id {way}
"""


@dataclass(slots=True)
class _Text:
    """A word that is looked for: the tokens that begin with it, per merchant, and itself as it is kept."""

    word: str
    merchants: list[int]
    tokens: list[str]
    is_whole: bool  # too many begin with it


@dataclass(slots=True)
class _Args:
    """The values of a statement, each with its place. It stands in a subselect: a plan for any value then costs as much
    as one for this value, and the database keeps it; planning each time would take longer than the page."""

    values: list[Any] = field(default_factory=list)

    def add(self, value: Any) -> str:
        self.values.append(value)
        many = isinstance(value, list)
        kind = _KINDS[type(value[0] if many and value else "" if many else value)]
        return f"(select ${len(self.values)}::{kind}{'[]' if many else ''})"


_KINDS: dict[type, str] = {str: "text", int: "bigint", datetime: "timestamptz"}


@dataclass(frozen=True, slots=True)
class Found:
    """`rows` in the order asked for. `at`: where the next page begins, None behind the last. `whole_words`: those of
    the text that are the beginning of too much to be looked for as one."""

    rows: list[Any]
    at: Place | None
    whole_words: list[str]


async def find(
    tx: Tx, merchants: Sequence[int], query: OrderQuery, *, at: Place | None = None, newer: bool = False,
    called: str = "",
) -> Found:  # fmt: skip
    """A page of the orders of these merchants that fit every filter; `newer` reads from `at` upwards in time.

    `called`: by number, or by any id of the channel's.
    """
    asked = _asked(query, called)
    texts = [] if "order" in asked else await _texts(tx, merchants, query.q or "")
    lead = await _lead(tx, merchants, query, asked, texts)
    rows: list[Any] = []
    more = True
    for entries in ROUNDS:
        came, ended = await _round(tx, merchants, query, asked, texts, lead, entries, at, newer)
        rows, more = rows + came, ended is not None
        at = ended or at
        if not more or len(rows) > query.limit:
            break
    if len(rows) > query.limit:
        rows, more = rows[: query.limit], True
        at = (rows[-1]["placed_at"], rows[-1]["order_id"])
    return Found(rows, at if more else None, [text.word for text in texts if text.is_whole])


def _asked(query: OrderQuery, called: str) -> dict[str, Any]:
    """The filters that are given, but for the text and the dates, with their values."""
    named = (*_TOKEN, *AXES, "hold")
    asked = {name: value for name in named if (value := getattr(query, name, None)) is not None}
    if "email" in asked:
        asked["email"] = normalized(asked["email"])
    if asked.get("hold") == "any":
        asked["any_hold"] = asked.pop("hold")
    if called:
        asked["called"] = called
    if ours := _OURS.fullmatch((query.q or "").strip()):
        asked["order"] = int(ours[1])
    return asked


async def _texts(tx: Tx, merchants: Sequence[int], text: str) -> list[_Text]:
    found = [await _text(tx, merchants, word) for word in dict.fromkeys(_words_of(text))]
    return [each for each in found if each.word]


def _words_of(text: str) -> list[str]:
    """A tracking number is one word however it was typed."""
    words = text.split()
    if len(words) > 1 and (claimed := candidates(text)) and claimed[0].certainty == "certain":
        return [claimed[0].number]
    return words[:WORDS]


async def _text(tx: Tx, merchants: Sequence[int], word: str) -> _Text:
    rows = await tx.rows(BEGINNING, list(merchants), word, BEGINNINGS)
    kept = str(rows[0]["word"]) if rows else ""
    if any(row["nth"] > BEGINNINGS for row in rows):
        return _Text(kept, list(merchants), [kept] * len(merchants), True)
    begun = [row for row in rows if row["token"] is not None]
    return _Text(kept, [row["merchant_id"] for row in begun], [row["token"] for row in begun], False)


# Which filter leads


async def _lead(
    tx: Tx, merchants: Sequence[int], query: OrderQuery, asked: dict[str, Any], texts: Sequence[_Text]
) -> _Lead:
    """The rarest one: its entries are few, or the newest of them reach far back."""
    if "order" in asked:
        return "order"
    leads: list[_Lead] = [name for name in _TOKEN if name in asked]
    leads[4:4] = range(len(texts))
    if any(name in asked for name in _STANDING):
        leads.append("standing")
    if len(leads) <= 1:
        return leads[0] if leads else "all"
    args = _Args([list(merchants)])
    lists, reaches = [], []
    for nth, lead in enumerate(leads):
        sql, count = _lists(lead, asked, texts, args)
        listed = sql.format(each=max(10, PROBED // max(1, count)), way="desc", within=_within(query, None, False, args))
        lists.append(f"l{nth} as materialized ({listed})")
        reaches.append(_REACH.format(nth=nth))
    rows = await tx.rows(f"with {', '.join(lists)} {' union all '.join(reaches)} order by 1", *args.values)
    newest = max((row["newest"] for row in rows if row["newest"]), default=None)
    return leads[min(range(len(leads)), key=lambda nth: (_density(rows[nth], newest), nth))]


def _density(row: Any, newest: datetime | None) -> float:
    """Entries per second back to where the lists were cut; of lists that came to their end, next to none."""
    cut: datetime | None = row["cut_at"]
    span = _VERY_LONG_S if newest is None or cut is None else max(1e-6, (newest - cut).total_seconds())
    return float(row["entries"]) / span


def _lists(lead: _Lead, asked: dict[str, Any], texts: Sequence[_Text], args: _Args) -> tuple[str, int]:
    """SQL of the lists that a filter leads with, still to be told how long each is; and how many there are, about."""
    if lead == "all":
        return _OF_ALL, 1
    if lead == "order":
        return _OF_ONE.replace("{order}", args.add(asked["order"])), 1
    if lead == "standing":
        parts = [_filled(part, asked[name], args) for name, part in _STANDING.items() if name in asked]
        keys = f"select s.standing_id from standing s where {' and '.join(parts)}"
        return _OF_STANDINGS.replace("{keys}", keys), USUAL_STANDINGS
    if isinstance(lead, int):
        text = texts[lead]
        of_word = f"unnest({args.add(text.merchants)}::bigint[], {args.add(text.tokens)}) u(merchant_id, token)"
        keys = f"select * from {of_word} where u.merchant_id = any((select $1::bigint[])::bigint[])"
        return _OF_TOKENS.replace("{keys}", keys), len(text.tokens)
    token = folded(f"'{_TOKEN[lead]}' || {args.add(asked[lead])}")
    keys = f"select m.merchant_id, {token} as token from unnest((select $1::bigint[])) m(merchant_id)"
    return _OF_TOKENS.replace("{keys}", keys), 1


def _filled(part: str, value: Any, args: _Args) -> str:
    return part.replace("?", args.add(value)) if "?" in part else part


def _within(query: OrderQuery, at: Place | None, newer: bool, args: _Args) -> str:
    """The part of a list that a page is read from."""
    return "".join(f" and {part}" for part in _times(query, at, newer, args, "t"))


def _times(query: OrderQuery, at: Place | None, newer: bool, args: _Args, row: str) -> Iterator[str]:
    if query.placed_from:
        yield f"{row}.placed_at >= {args.add(query.placed_from)}"
    if query.placed_to:
        yield f"{row}.placed_at < {args.add(query.placed_to)}"
    if at:
        yield f"({row}.placed_at, {row}.order_id) {'>' if newer else '<'} ({args.add(at[0])}, {args.add(at[1])})"


# A round


async def _round(
    tx: Tx, merchants: Sequence[int], query: OrderQuery, asked: dict[str, Any], texts: Sequence[_Text], lead: _Lead,
    entries: int, at: Place | None, newer: bool,
) -> tuple[list[Any], Place | None]:  # fmt: skip
    """What fits of the lists' next entries, and where those ended, None when they came to their end."""
    args = _Args([list(merchants)])
    lists, of_each = _lists(lead, asked, texts, args)
    count = of_each if isinstance(lead, int) else of_each * len(merchants)
    is_alone = len(asked) + len(texts) <= 1 or (lead == "standing" and all(name in _STANDING for name in asked))
    limit, way = query.limit + 1, "asc" if newer else "desc"
    each = limit if is_alone and count <= MANY_LISTS else max(entries // max(1, count), 20)
    listed = lists.format(each=each, way=way, within=_within(query, at, newer, args))
    parts = [_filled(_TRUE[name], value, args) for name, value in asked.items()]
    parts += [_has_word(index, text, lead, args) for index, text in enumerate(texts)]
    parts += _times(query, at, newer, args, "o")
    found = await tx.rows(
        _PAGE.format(
            listed=listed, **_beside(lead, bool(texts)), columns=_COLUMNS, limit=limit, way=way,
            true="".join(f" and {part}" for part in parts), not_beyond="<=" if newer else ">=",
        ),
        *args.values,
    )  # fmt: skip
    ended = None if found[0]["cut_at"] is None else (found[0]["cut_at"], found[0]["cut_id"])
    return [row for row in found if row["order_id"] is not None], ended


def _beside(lead: _Lead, has_text: bool) -> dict[str, str]:
    """What is looked at beside the lists that are fed."""
    both = "select l.merchant_id, l.placed_at, l.order_id, true as is_listed from listed l"
    if lead in ("all", "order"):
        return {"changed": "", "both": both}
    changed = f"changed as materialized ({_CHANGED}),\n"
    if has_text:
        changed += f"fresh as materialized ({tokens_of('select * from changed')}),\n"
    both += """
    union all
    select g.merchant_id, o.placed_at, g.order_id, false from changed g cross join lateral (
      select o.placed_at from orders o where o.merchant_id = g.merchant_id and o.order_id = g.order_id limit 1) o"""
    return {"changed": changed, "both": both}


def _has_word(index: int, text: _Text, lead: _Lead, args: _Args) -> str:
    """Whether one of the order's tokens begins with the word."""
    word = args.add(text.word)
    same = f"f.token = {word}" if text.is_whole else f"f.token >= {word} and f.token < {word} || {LAST}"
    fresh = f"exists (select from fresh f where f.merchant_id = o.merchant_id and f.order_id = o.order_id and {same})"
    if index == lead:
        return f"(c.is_listed or {fresh})"
    tokens = args.add(list(dict.fromkeys(text.tokens)))
    return f"""((select true from order_token t
          where t.merchant_id = o.merchant_id and t.token = any({tokens}::text[])
            and t.placed_at = o.placed_at and t.order_id = o.order_id limit 1) or {fresh})"""
