"""seed: any number of consistent orders in minutes, by INSERT … SELECT: `python -m bench.seed --orders N --home DIR`.

A few lives are played through the real verbs (bench/lives.py); their rows are copied under other ids, times, buyers,
SKUs, channels and countries, moves included, so that they replay. Stock, numbers of invoices, counters, what finds
orders, and daily roll-ups are brought to what the copies say; the audit holds afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from bench import lives
from doorstep.doors.reads.words import standing_of, tokens_of
from doorstep.doors.worker import rolling
from doorstep.kit import clock, embedded
from doorstep.kit.embedded import Urls
from doorstep.kit.migrate import migrate
from doorstep.setup.channels import open_channels
from doorstep.setup.merchants import NewMerchant, NewSite, NewSku, add_site, add_skus, create_merchant
from doorstep.spine.audit import audit
from doorstep.spine.moves import WHAT, told
from doorstep.spine.outcome import Ask
from doorstep.spine.runner import run
from doorstep.spine.tenant import Db
from doorstep.spine.verbs import VERBS

SITE = NewSite("NJ", "New Jersey", "US", {"line1": "1 Port Road", "city": "Port Reading", "region": "NJ",
               "postcode": "07064"}, 40.56, -74.25, "America/New_York")  # fmt: skip
MERCHANTS, SKUS, UNITS = 4, 100, 1_000_000
CHANNELS = ("web", "market", "phone", "fair")
FAIR, RARE_SKU, RARE_COUNTRY = "fair", "RARE-1", "IS"
RARE = 60  # orders of the first merchant that have a thing that is rare
COUNTRIES = ("IE", "IE", "IE", "DE", "DE", "US", "US", "US", "FR", "UA", "PL", "GB")
FIRST = ("Ada", "Olena", "Taras", "José", "Mary", "John", "Johanna", "Łukasz", "Siobhán", "Ivan", "Anna", "Wei")
LAST = ("Byrne", "Kovalenko", "Shevchenko", "García", "Smith", "Murphy", "Müller", "Nowak", "Chen", "Dubois")
CITIES = ("Dublin", "Berlin", "Kyiv", "Port Reading", "Paris", "Kraków")
DAYS = 730  # over which they were placed
ROLLED_AT_ONCE = 20_000
IDS = 32  # of one order at most

# What a life's order has rows in, by the column that says whose they are.
BY_ORDER = ("orders", "order_line", "order_now", "allocation", "fulfillment_order", "parcel", "hold", "payment",
            "invoice", "decision", "attention")  # fmt: skip
BY_PARCEL = ("parcel_line", "parcel_event")
OWN_IDS = {"order_id", "fulfillment_order_id", "parcel_id", "hold_id", "payment_id", "invoice_id", "decision_id",
           "attention_id", "parent_id"}  # fmt: skip

COLUMNS = """
select a.attname as name, format_type(a.atttypid, a.atttypmod) as type from pg_attribute a
  where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and a.attidentity = '' and a.attname <> 'txid' order by a.attnum
"""
# Of `rare` orders each has one rare thing, whatever their number: the first merchant's, spread over the time.
MADE = """
create unlogged table seed_{life} as
select d.i, h.merchant_id, h.channels[d.channel] as channel_id, {first_id} + d.i * {ids} as id,
    h.skus[d.sku_1] as sku_1, h.codes[d.sku_1] as code_1, h.titles[d.sku_1] as title_1,
    h.skus[d.sku_2] as sku_2, h.codes[d.sku_2] as code_2, h.titles[d.sku_2] as title_2,
    (100000 + d.i)::text as number, 'x-' || (700000 + d.i * 3) as external_id,
    ({first})[1 + abs(hashint8(d.i * 7)) % {firsts}] || ' ' || ({last})[1 + abs(hashint8(d.i * 11)) % {lasts}] as name,
    'buyer.' || case when d.i % 100 = 17 then 'solo.' || d.i else (abs(hashint8(d.i * 13)) % ({n} / 3))::text end
      || '@example.com' as email,
    case d.rare when 0 then '{rare_country}' else ({country})[1 + abs(hashint8(d.i * 17)) % {countries}] end as country,
    ({city})[1 + abs(hashint8(d.i * 19)) % {cities}] as city,
    (1 + abs(hashint8(d.i * 23)) % 9999) || ' Park Road' as street,
    timestamptz '{now}' - interval '{days} days' * (1 - d.i::float / {n}) - timestamptz '{played}' as shift,
    0::bigint as invoice
  from (
    select r.*, case when r.rare < 4 then 1 else (array[1, 1, 1, 1, 2, 2, 3, 4])[1 + abs(hashint8(r.i * 29)) % 8] end
          as m,
        case r.rare when 1 then {skus} + 1 else 1 + abs(hashint8(r.i * 31)) % {skus} end as sku_1,
        1 + ((case r.rare when 1 then {skus} + 1 else 1 + abs(hashint8(r.i * 31)) % {skus} end)
          + abs(hashint8(r.i * 37)) % ({skus} - 1)) % {skus} as sku_2,
        case r.rare when 2 then {channels} else 1 + abs(hashint8(r.i * 41)) % ({channels} - 1) end as channel
      from (select i, case when i % {step} = 7 then i / {step} % 4 else 4 end as rare
        from generate_series(1::bigint, {n}) i) r
      where case r.rare when 3 then '{life}' = '{rare_life}' else abs(hashint8(r.i * 43)) % 1000 >= {from_share}
        and abs(hashint8(r.i * 43)) % 1000 < {to_share} end) d
  join seed_place h on h.m = d.m
  order by d.i
"""
NUMBERED = """
update seed_{life} g set invoice = w.number from (
  select x.i, coalesce(s.next, 1) - 1 + row_number() over (partition by x.merchant_id order by x.i) as number
    from seed_{life} x left join series s on s.merchant_id = x.merchant_id and s.series = 'INV') w where w.i = g.i
"""
SERIES = """
insert into series as s (merchant_id, series, next)
  select merchant_id, 'INV', max(invoice) + 1 from seed_{life} group by merchant_id
  on conflict (merchant_id, series) do update set next = excluded.next
"""
STOCK = """
update availability a set {changes} from (select merchant_id, sku_{slot} as sku_id, count(*) as orders from seed_{life}
  group by 1, 2) g where a.merchant_id = g.merchant_id and a.sku_id = g.sku_id and a.site_id = {site}
"""
PLACES = """
insert into bin_stock as b (merchant_id, sku_id, site_id, place, quantity)
  select merchant_id, sku_{slot}, {site}, '{place}', 1000000000 + count(*) * {by} from seed_{life} group by 1, 2
  on conflict (merchant_id, sku_id, site_id, place, lot) do update set quantity = b.quantity + excluded.quantity
    - 1000000000
"""
# A place that was not there yet came with its round number.
NEW_PLACES = "update bin_stock set quantity = quantity - 1000000000 where quantity > 500000000"
FOUND = f"""
insert into order_token (merchant_id, placed_at, order_id, token)
  select t.merchant_id, t.placed_at, t.order_id, t.token
    from ({tokens_of("select merchant_id, order_id from orders where merchant_id = any($1)")}) t
    order by t.merchant_id, t.token, t.placed_at, t.order_id
  on conflict do nothing
"""
_EVERY = "select merchant_id, order_id from order_now where merchant_id = any($1)"
STANDINGS = f"""
insert into standing (stage, payment, fulfillment, delivery, holds)
  select distinct w.stage, w.payment, w.fulfillment, w.delivery, w.holds from ({standing_of(_EVERY)}) w
  on conflict do nothing
"""
STAND = f"""
insert into order_standing (merchant_id, order_id, placed_at, standing_id)
  select w.merchant_id, w.order_id, w.placed_at, s.standing_id from ({standing_of(_EVERY)}) w
    join standing s using (stage, payment, fulfillment, delivery, holds) order by 1, 2
  on conflict do nothing
"""
FOLLOWED = """
insert into order_finding (merchant_id, after_txid) select m, pg_current_xact_id() from unnest($1::bigint[]) m
  on conflict (merchant_id) do update set after_txid = excluded.after_txid, after_pos = 0
"""
ROLLED = """
update rollup set after_txid = pg_current_xact_id(), after_pos = 0, stock_txid = pg_current_xact_id(), stock_pos = 0
  where merchant_id = any($1)
"""
EVER = ("0", 0, str(2**62), 0)
# The orders that were played are counted by the writer already: all are counted anew.
UNCOUNTED = "delete from stage_count where merchant_id = any($1)"
COUNTED = """
insert into stage_count (merchant_id, slot, stage, orders)
  select n.merchant_id, 0, n.stage, count(*) from order_now n where n.merchant_id = any($1) group by 1, 3
  on conflict (merchant_id, slot, stage) do update set orders = excluded.orders
"""
TABLES = (*BY_ORDER, *BY_PARCEL, "event", "request", "bin_stock", "availability", "series", "order_token",
          "order_standing", "order_finding", "stage_count", "rollup", *rolling.TABLES)  # fmt: skip

# In a text of a played order: what is another's in a copy.
MARKS = {
    rf"{lives.NUMBER}\d+": "g.number", rf"{lives.EXTERNAL_ID}\d+": "g.external_id", rf"\d+{lives.EMAIL}": "g.email",
    lives.NAME: "g.name", lives.CITY: "g.city", lives.STREET: "g.street",
    lives.SKU_MARKS[0]: "g.code_1", lives.SKU_MARKS[1]: "g.code_2",
    lives.TITLE_MARKS[0]: "g.title_1", lives.TITLE_MARKS[1]: "g.title_2",
    rf"{lives.TRACKING}\d+": "'TN' || g.number", r"INV-\d{6}": "'INV-' || lpad(g.invoice::text, 6, '0')",
}  # fmt: skip
ID = re.compile(r"((?:ord|ful|par|pay|hld|inv|att|dec)_|parcel:|tote:|@@id:)(\d+)(@@)?")
COUNTRY = re.compile(r'("country":")IE"')


class Copier:
    """SQL that copies the rows of one played order for each row `g` of a life's table."""

    def __init__(self, owner: asyncpg.Connection[Any], merchant: int, order: int, skus: dict[int, int]) -> None:
        self.owner, self.merchant, self.order = owner, merchant, order
        self.skus = skus  # of the marked SKUs, which of a copy stands for them
        self.ids: dict[int, int] = {}
        self.moves: list[list[Any]] = []

    async def read(self) -> dict[str, list[dict[str, Any]]]:
        """The order's rows by table; every id of its own gets a place in the block of a copy."""
        found: dict[str, list[dict[str, Any]]] = {}
        for table in BY_ORDER:
            found[table] = await self._rows(table, f"t.order_id = {self.order}")
        parcels = [row["parcel_id"] for row in found["parcel"]]
        for table in BY_PARCEL:
            found[table] = await self._rows(table, f"t.parcel_id = any('{{{','.join(map(str, parcels))}}}')")
        found["event"] = await self._rows("event", f"t.kind = 'order' and t.id = {self.order}", "t.seq")
        found["request"] = await self._rows("request", f"t.answer ->> 'order' = 'ord_{self.order}'")
        places = [f"tote:{row['fulfillment_order_id']}" for row in found["fulfillment_order"]]
        found["bin_stock"] = await self._rows("bin_stock", f"t.place = any('{{{','.join(places)}}}')")
        self.ids[self.order] = 0
        for rows in found.values():
            for row in rows:
                for name in OWN_IDS & row.keys():
                    if row[name] is not None:
                        self.ids.setdefault(row[name], len(self.ids))
        assert len(self.ids) <= IDS
        self.moves = [move for row in found["event"] for move in told(json.dumps(row["moves"]))]
        return found

    async def _rows(self, table: str, where: str, by: str = "1") -> list[dict[str, Any]]:
        rows = await self.owner.fetch(
            f"select row_to_json(t)::text as j from {table} t where t.merchant_id = $1 and {where} order by {by}",
            self.merchant,
        )
        return [json.loads(row["j"]) for row in rows]

    async def insert(self, life: str, table: str, rows: Sequence[dict[str, Any]]) -> str:
        columns = await self.owner.fetch(COLUMNS, table)
        cells = ", ".join(
            f"({', '.join(self._cell(table, c['name'], c['type'], row[c['name']]) for c in columns)})" for row in rows
        )
        names = ", ".join(column["name"] for column in columns)
        rows_of = f"seed_{life} g cross join lateral (values {cells}) v({names})"
        return f"insert into {table} ({names}) select v.* from {rows_of}"

    def _cell(self, table: str, name: str, kind: str, value: Any) -> str:
        if value is None:
            return f"null::{kind}"
        if name in ("merchant_id", "channel_id"):
            return f"g.{name}"
        if name == "sku_id":
            return f"g.sku_{self.skus[value]}"
        if name in OWN_IDS or (table == "event" and name == "id"):
            return f"(g.id + {self.ids[value]})"
        if (table, name) == ("request", "key"):
            return "decode(md5('seed ' || g.id), 'hex')"
        if (table, name) == ("invoice", "number"):
            return "g.invoice"
        if (table, name) == ("orders", "country"):
            return "g.country"
        if kind == "timestamp with time zone":
            return f"({_quoted(value)}::timestamptz + g.shift)"
        if kind == "date":
            return f"({_quoted(value)}::date + extract(day from g.shift)::int)"
        if kind in ("json", "jsonb"):
            text = json.dumps(
                self._moves(value) if name == "moves" else value, ensure_ascii=False, separators=(",", ":")
            )
            return f"({self._text(text)})::{kind}"
        if kind.endswith("[]"):
            assert value == [], (table, name, value)
            return f"'{{}}'::{kind}"
        if kind == "text":
            return f"({self._text(value)})::text"
        return f"{_quoted(str(value).lower() if isinstance(value, bool) else str(value))}::{kind}"

    def _moves(self, moves: Sequence[list[Any]]) -> list[list[Any]]:
        """Bare numbers that are ids get a mark; how moves are kept stands in spine/moves.py."""
        marked = []
        for way, *rest in moves:
            kind = WHAT[way // 10_000 - 1]
            if kind == "demand" and len(rest) > 2:
                rest[2] = f"@@id:{rest[2]}@@"
            if kind == "stock":
                rest[0] = f"@@sku:{self.skus[rest[0]]}@@"
            marked.append([way, *rest])
        return marked

    def _text(self, text: str) -> str:
        """The text as SQL, with what is another's in each copy put in."""
        parts = [text]
        for pattern, sql in (
            (COUNTRY, lambda m: (m[1], "g.country", '"')),
            (re.compile(r'"@@sku:(\d)@@"'), lambda m: ("", f"g.sku_{m[1]}", "")),
            (re.compile(r'"@@id:(\d+)@@"'), lambda m: ("", f"(g.id + {self.ids[int(m[1])]})", "")),
            (ID, lambda m: (m[1], f"(g.id + {self.ids[int(m[2])]})", "")),
            *((re.compile(mark), lambda m, sql=sql: ("", f"({sql})", "")) for mark, sql in MARKS.items()),
        ):
            parts = [piece for part in parts for piece in _put_in(part, pattern, sql)]
        shown = [part.sql if isinstance(part, Sql) else _quoted(part) for part in parts if part != ""]
        return " || ".join(shown) or "''"

    def nets(self) -> tuple[dict[tuple[int, str], int], dict[tuple[int, str], int]]:
        """What a copy changes at the site: by SKU and stage, and by SKU and place that more than one order uses."""
        stages: dict[tuple[int, str], int] = defaultdict(int)
        places: dict[tuple[int, str], int] = defaultdict(int)
        for _, sku, _, quantity, source, source_place, target, target_place, _ in (
            move for move in self.moves if move[0] == "stock"
        ):
            slot = self.skus[sku]
            for stage, place, by in ((source, source_place, -quantity), (target, target_place, quantity)):
                if stage != "world":
                    stages[slot, stage] += by
                    if source_place != target_place and ":" not in place:
                        places[slot, place] += by
        return stages, places


class Sql(str):
    """A part of a text that is SQL."""

    @property
    def sql(self) -> str:
        return f"({self})::text"


def _put_in(part: str, pattern: re.Pattern[str], sql: Any) -> list[str]:
    if isinstance(part, Sql):
        return [part]
    pieces: list[str] = []
    at = 0
    for match in pattern.finditer(part):
        before, put, after = sql(match)
        pieces += [part[at : match.start()] + before, Sql(put), after]
        at = match.end()
    return [*pieces, part[at:]]


def _quoted(text: Any) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _array(words: Sequence[str]) -> str:
    return f"array[{', '.join(map(_quoted, words))}]"


async def seed(urls: Urls, orders: int, say: Any = lambda text: None) -> list[int]:
    """So many orders in a migrated database where there are no shops of this name yet; answers the merchants."""
    db = await Db.open(urls.app, urls.router, size=4)
    owner, helper = await asyncpg.connect(urls.owner), await asyncpg.connect(urls.owner)
    try:
        merchants, played = await _shops(db)
        await _unwalled(owner, True)
        for connection in (owner, helper):
            await connection.execute("set synchronous_commit = off; set work_mem = '256MB'; set timezone = 'UTC'")
        site = await owner.fetchval("select site_id from site where code = $1", SITE.code)
        await _copy(owner, helper, orders, merchants, played, site, say)
        await _finish(owner, helper, say)
        await _unwalled(owner, False)
        return merchants[1:]
    finally:
        await owner.close()
        await helper.close()
        await db.close()


async def _unwalled(owner: asyncpg.Connection[Any], open_: bool) -> None:
    """The owner of the tables writes for all merchants at once; the application never can."""
    for table in TABLES:
        await owner.execute(f"alter table {table} {'no ' if open_ else ''}force row level security")


async def _shops(db: Db) -> tuple[list[int], dict[str, int]]:
    """The shop whose orders are played, then those that get the copies; and the played order of each life."""
    shops = [await create_merchant(db, NewMerchant(key=f"shop-{n}", name=f"Shop {n}", currency="USD", country="US",
                                             hold_duplicates=False))
             for n in range(MERCHANTS + 1)]  # fmt: skip
    await add_site(db, shops[0], SITE)
    marked = [NewSku(code, name=title, weight_g=300, hs_code="691200", origin="US", customs_text="ceramic mug")
              for code, title in zip(lives.SKU_MARKS, lives.TITLE_MARKS, strict=True)]  # fmt: skip
    await add_skus(db, shops[0], marked)
    goods = [NewSku(f"SKU-{n:04d}", name=f"Mug {n}", weight_g=300, hs_code="691200", origin="US",
                    customs_text="ceramic mug") for n in range(1, SKUS + 1)]  # fmt: skip
    goods.append(NewSku(RARE_SKU, name="Rare mug", weight_g=300, hs_code="691200", origin="US",
                        customs_text="ceramic mug"))  # fmt: skip
    for shop in shops[1:]:
        await open_channels(db, shop, CHANNELS, "api")
        await add_skus(db, shop, goods)
    for shop in shops:
        await _receive(db, shop, [sku.code for sku in (goods if shop != shops[0] else marked)])
    return shops, await lives.play(db, shops[0], SITE.code)


async def _receive(db: Db, merchant: int, codes: Sequence[str]) -> None:
    lines = [{"sku": code, "quantity": UNITS, "bin": lives.BIN} for code in codes]
    body = msgspec.convert({"site": SITE.code, "lines": lines}, VERBS["receive"].body)
    await run(db, "receive", [Ask(merchant, body, clock.now())])


async def _copy(
    owner: asyncpg.Connection[Any], helper: asyncpg.Connection[Any], orders: int, merchants: list[int],
    played: dict[str, int], site: int, say: Any,
) -> None:  # fmt: skip
    await _places(owner, merchants[1:])
    marks = await owner.fetch("select sku_id, code from sku where code = any($1)", list(lives.SKU_MARKS))
    skus = {row["sku_id"]: lives.SKU_MARKS.index(row["code"]) + 1 for row in marks}
    first_id = await owner.fetchval("select nextval('doorstep_id') + 1024")
    now = await owner.fetchval("select now()::text")
    share = 0
    for life, order in played.items():
        began = time.perf_counter()
        copier = Copier(owner, merchants[0], order, skus)
        rows = await copier.read()
        made = await owner.execute(MADE.format(
            life=life, first_id=first_id, ids=IDS, n=orders, skus=SKUS, step=max(8, orders // (RARE * 4)),
            first=_array(FIRST), firsts=len(FIRST), last=_array(LAST), lasts=len(LAST), city=_array(CITIES),
            cities=len(CITIES), country=_array(COUNTRIES), countries=len(COUNTRIES), rare_country=RARE_COUNTRY,
            channels=len(CHANNELS), now=now, days=DAYS, played=rows["orders"][0]["placed_at"], rare_life=lives.RARE,
            from_share=share, to_share=share + lives.LIVES[life][1],
        ))  # fmt: skip
        share += lives.LIVES[life][1]
        if rows["invoice"]:
            await owner.execute(NUMBERED.format(life=life))
            await owner.execute(SERIES.format(life=life))
        texts = {table: await copier.insert(life, table, found) for table, found in rows.items() if found}
        await asyncio.gather(
            helper.execute(texts.pop("event")),
            _one_by_one(owner, [*texts.values(), *_stock(copier, life, site)]),
        )
        say(f"{life}: {made.split()[-1]} orders in {time.perf_counter() - began:.1f} s")
        await owner.execute(f"drop table seed_{life}")
    await owner.execute(NEW_PLACES)
    await owner.execute("drop table seed_place")
    last = -(-(first_id + (orders + 2) * IDS) // 256) * 256 + 1
    await owner.execute(f"select setval('doorstep_id', {last})")


async def _places(owner: asyncpg.Connection[Any], merchants: list[int]) -> None:
    await owner.execute(
        "create table seed_place (m integer, merchant_id bigint, channels bigint[], skus bigint[], codes text[],"
        " titles text[])"
    )
    everyone = await owner.fetch("select merchant_id from route where kind = 'merchant'")
    # Setup stays behind the wall.
    await owner.execute(f"set app.merchants = '{','.join(str(row[0]) for row in everyone)}'")
    for number, merchant in enumerate(merchants, start=1):
        await owner.execute(
            "insert into seed_place select $2, $1, array(select channel_id from channel where merchant_id = $1 and"
            " key = any($3) order by array_position($3, key)), array_agg(sku_id), array_agg(code), array_agg(name)"
            " from (select * from sku where merchant_id = $1 order by (code = $4), code) s",
            merchant, number, list(CHANNELS), RARE_SKU,
        )  # fmt: skip


def _stock(copier: Copier, life: str, site: int) -> list[str]:
    stages, places = copier.nets()
    texts = []
    for slot in {slot for slot, _ in stages}:
        changes = ", ".join(f"{stage} = a.{stage} + g.orders * {by}" for (s, stage), by in stages.items() if s == slot)
        texts.append(STOCK.format(life=life, slot=slot, site=site, changes=changes))
    texts += [
        PLACES.format(life=life, slot=slot, site=site, place=place, by=by) for (slot, place), by in places.items() if by
    ]
    return texts


async def _one_by_one(connection: asyncpg.Connection[Any], texts: Sequence[str]) -> None:
    for text in texts:
        await connection.execute(text)


async def _finish(owner: asyncpg.Connection[Any], helper: asyncpg.Connection[Any], say: Any) -> None:
    began = time.perf_counter()
    everyone = [row[0] for row in await owner.fetch("select merchant_id from route where kind = 'merchant'")]
    for connection in (owner, helper):
        await connection.execute(f"set app.merchants = '{','.join(map(str, everyone))}'")
    await owner.execute("analyze orders, order_line, order_now, parcel, hold, sku, channel")

    async def found() -> None:
        await helper.execute(FOUND, everyone)
        say(f"what finds them: {time.perf_counter() - began:.1f} s")

    async def stands() -> None:
        await owner.execute(STANDINGS, everyone)
        await owner.execute(STAND, everyone)
        await owner.execute(UNCOUNTED, everyone)
        await owner.execute(COUNTED, everyone)

    await asyncio.gather(found(), stands())
    await owner.execute(FOLLOWED, everyone)
    await owner.execute("analyze event, allocation, fulfillment_order, attention, parcel_line")
    await asyncio.gather(_roll(owner, everyone[::2]), _roll(helper, everyone[1::2]))
    say(f"rolled up: {time.perf_counter() - began:.1f} s")
    await owner.execute("vacuum (analyze)")
    say(f"finished in {time.perf_counter() - began:.1f} s")


async def _roll(connection: asyncpg.Connection[Any], merchants: Sequence[int]) -> None:
    for merchant in merchants:
        orders = [
            row[0] for row in await connection.fetch("select order_id from orders where merchant_id = $1", merchant)
        ]
        await connection.execute(rolling.BY_THAT_CLOCK, merchant)
        for statement in rolling.FORGET:
            await connection.execute(statement, merchant)
        for start in range(0, len(orders), ROLLED_AT_ONCE):
            await connection.execute(rolling.ROLL, merchant, orders[start : start + ROLLED_AT_ONCE])
        await connection.execute(rolling.ROLL_CASH, merchant, *EVER)
        await connection.execute(rolling.ROLL_STOCK, merchant, *EVER[2:])
    await connection.execute(ROLLED, merchants)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.seed", description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, required=True, help="of the embedded server; made where there is none")
    parser.add_argument("--audit", action="store_true")
    given = parser.parse_args(arguments)
    urls = open_home(given.home)
    began = time.perf_counter()
    asyncio.run(_seed_and_audit(urls, given.orders, given.audit))
    print(f"{given.orders:,} orders in {time.perf_counter() - began:.0f} s")


# The writing of millions, in few checkpoints.
HASTE = "max_wal_size = 16GB\ncheckpoint_timeout = 30min\n"


def open_home(home: Path) -> Urls:
    urls = embedded.start(home)
    local = home.resolve() / "postgres" / "local.conf"
    if not local.exists():
        local.write_text(HASTE)
        local.chmod(0o644)
        os.kill(embedded.server_pid(home) or 0, signal.SIGHUP)
    asyncio.run(migrate(urls.owner))
    return urls


async def _seed_and_audit(urls: Urls, orders: int, audited: bool) -> None:
    await seed(urls, orders, print)
    if audited:
        db = await Db.open(urls.app, urls.router)
        try:
            print((await audit(db)).told())
        finally:
            await db.close()


if __name__ == "__main__":
    main()
