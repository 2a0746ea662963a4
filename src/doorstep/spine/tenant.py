"""tenant: the wall. Every transaction says which merchants it is for; the database shows it nothing else."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from time import monotonic
from typing import Any, Protocol

import asyncpg

from doorstep.kit.ids import Drawn, Ids
from doorstep.spine.kept import Kept
from doorstep.spine.statement import Columns


class Connection(Protocol):
    """What a verb needs of asyncpg's connection."""

    async def fetch(self, query: str, *args: Any) -> list[Any]: ...
    async def fetchrow(self, query: str, *args: Any) -> Any: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...
    async def execute(self, query: str, *args: Any) -> Any: ...
    async def executemany(self, query: str, args: Any) -> Any: ...
    def cursor(self, query: str, *args: Any) -> Awaitable[Any]: ...


ROUTE = "select merchant_id from route where kind = $1 and hash = $2"
ALL_MERCHANTS = "select merchant_id from route where kind = 'merchant' order by merchant_id"
ADD_ROUTES = "insert into route (kind, hash, merchant_id) select * from unnest($1::text[], $2::bytea[], $3::bigint[])"


# Who writes runs the same few statements with lists of any length, over rows found by their keys. Planning each anew
# would cost more than they do; and a plan made while a table was small must not read all of it when it no longer is.
# Sessions begin so, and who only reads is planned for as usual.
AS_A_WRITER = {"plan_cache_mode": "force_generic_plan", "random_page_cost": "0.01", "enable_seqscan": "off"}

# A process that is frozen, or whose machine is gone, keeps what it locked for as long as its connection lasts. So the
# database ends who has a transaction open and asks for nothing: all of it is rolled back, and others go on. A verb
# decides between two statements, which takes milliseconds, and nobody calls the outside with a transaction open. Half
# of a lease is far above that, and others wait for what was taken no longer than for what was leased. Who only reads
# keeps no row from anybody, may write into a slow pipe between two blocks, and waits for the other hands of an audit;
# but as long as it is open nothing that was deleted since is cleared away.
FROZEN_SECONDS = "DOORSTEP_FROZEN_SECONDS"
FROZEN_AFTER_S, READER_FROZEN_AFTER_S = 30.0, 3600.0
ENDS_THE_FROZEN = "idle_in_transaction_session_timeout"

AS_A_READER = "; ".join(
    [f"set local {name} to default" for name in AS_A_WRITER]
    + [f"set local {ENDS_THE_FROZEN} = '{READER_FROZEN_AFTER_S:.0f}s'"]
)


# A plan is made for tables as they were. While they grow it is made anew, when it is twice as old each time, then
# every so many seconds: where nothing has been counted yet, the wrong index would read all that a merchant has.
FIRST_PLANS_S, PLANS_S = 0.25, 60.0
NEVER = 2**62


class AppMayNotOwn(RuntimeError):
    """The application's database role is a superuser or owns tables: the tenant wall would not hold."""


@dataclass(slots=True)
class Tx:
    """A transaction of these merchants; the wall lets it see no other."""

    connection: Connection
    merchants: tuple[int, ...]
    ids: Ids
    columns: Columns
    kept: Kept = field(default_factory=Kept)
    # The try before found less than it had read: what is scarce is locked before it is read.
    careful: bool = False

    async def rows(self, query: str, *args: Any) -> list[Any]:
        return await self.connection.fetch(query, *args)

    async def together(self, queries: tuple[str, ...], *args: Any) -> list[list[tuple[Any, ...]]]:
        """Several questions in one trip, all of one moment and given the same; of each its rows, as plain tuples."""
        found: list[list[tuple[Any, ...]]] = [[] for _ in queries]
        for which, row in await self.connection.fetch(_together(queries), *args):
            found[which].append(row)
        return found

    async def row(self, query: str, *args: Any) -> Any:
        return await self.connection.fetchrow(query, *args)

    async def value(self, query: str, *args: Any) -> Any:
        return await self.connection.fetchval(query, *args)

    async def run(self, query: str, *args: Any) -> None:
        await self.connection.execute(query, *args)

    async def many(self, query: str, rows: Sequence[Sequence[Any]]) -> None:
        """The statement once for each of these, in one trip."""
        await self.connection.executemany(query, rows)

    async def blocks(self, query: str, *args: Any, size: int) -> AsyncIterator[list[Any]]:
        """The rows a block at a time: however many there are, only one block of them is here."""
        cursor = await self.connection.cursor(query, *args)
        while rows := await cursor.fetch(size):
            yield rows

    async def fresh_ids(self, count: int) -> Drawn:
        """Ids for new rows, drawn before the rule runs so that the rule needs no I/O."""
        return await self.ids.draw(self.connection, count)


@lru_cache(maxsize=256)
def _together(queries: tuple[str, ...]) -> str:
    return " union all ".join(
        f"select {which}::smallint, row(q.*) from ({query}) q" for which, query in enumerate(queries)
    )


@dataclass(slots=True)
class Db:
    """The application's way to the database: one pool behind the wall, one for finding the tenant."""

    pool: asyncpg.Pool[asyncpg.Record]
    router: asyncpg.Pool[asyncpg.Record]
    ids: Ids = field(default_factory=Ids)
    columns: Columns = field(default_factory=Columns)
    kept: Kept = field(default_factory=Kept)

    @classmethod
    async def open(cls, app_url: str, router_url: str, *, size: int = 8) -> Db:
        # Statements are many and long here, and planned once: none of them falls out of the cache, and no connection
        # is given up, with all that it has planned, for having been asked much.
        pool = await asyncpg.create_pool(
            app_url, min_size=1, max_size=size, init=_set_up, reset=_leave_as_it_is, statement_cache_size=1000,
            max_cacheable_statement_size=0, connection_class=Session, max_queries=NEVER,
        )  # fmt: skip
        router = await asyncpg.create_pool(router_url, min_size=0, max_size=2)
        db = cls(pool, router)
        await db.columns.load(pool)
        await db._refuse_an_owner()
        return db

    async def close(self) -> None:
        await self.pool.close()
        await self.router.close()

    async def find(self, kind: str, word: str) -> int | None:
        """The merchant behind an API key, a domain, a tracking number; None when nobody's."""
        found: int | None = await self.router.fetchval(ROUTE, kind, routed(word))
        return found

    async def everyone(self) -> list[int]:
        """All merchants, for the worker and the operator's screens: the one audited way across the wall."""
        return [row[0] for row in await self.router.fetch(ALL_MERCHANTS)]

    async def _refuse_an_owner(self) -> None:
        owns = await self.pool.fetchval(
            "select rolsuper or rolbypassrls or exists (select from pg_class c where c.relowner = r.oid"
            " and c.relkind = 'r') from pg_roles r where rolname = current_user"
        )
        if owns:
            raise AppMayNotOwn(AppMayNotOwn.__doc__)


def routed(word: str) -> bytes:
    """What the route table keeps of a secret or a name."""
    return sha256(word.encode()).digest()


class Session(asyncpg.Connection):  # type: ignore[misc]  # it has no types
    """A connection that knows when its plans have become too old."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._age_s = FIRST_PLANS_S
        self._until = monotonic() + FIRST_PLANS_S

    def plans_anew(self) -> bool:
        """Whether plans are to be forgotten before the transaction that begins now."""
        now = monotonic()
        if now < self._until:
            return False
        self._age_s = min(self._age_s * 2, PLANS_S)
        self._until = now + self._age_s
        return True


@asynccontextmanager
async def tenant_tx(db: Db, merchants: Iterable[int], *, readonly: bool = False) -> AsyncIterator[Tx]:
    """Open a transaction that sees these merchants only; commits at the end, rolls back on an exception."""
    ids = tuple(sorted(set(merchants)))
    async with db.pool.acquire() as connection:
        if connection.plans_anew():
            await connection.execute("discard plans")
        await connection.execute(_begin(ids, readonly))
        try:
            yield Tx(connection, ids, db.ids, db.columns, db.kept)
        except BaseException:
            if not _is_lost(connection):
                await connection.execute("rollback")
            raise
        await connection.execute("commit")


def _is_lost(connection: Any) -> bool:
    """The pool takes back at once what was lost: then it cannot even be asked."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


def _begin(ids: Sequence[int], readonly: bool) -> str:
    """The beginning and the wall in one trip."""
    # Textual on purpose: set_config() does not reach the shards of a distributed database.
    wall = f"set local app.merchants = '{','.join(str(int(merchant)) for merchant in ids)}'"
    if readonly:
        return f"begin read only; {wall}; {AS_A_READER}"
    return f"begin; {wall}"


async def _leave_as_it_is(_: Connection) -> None:
    """Everything is set for one transaction only: nothing is left to be reset, and no trip is made for it."""


async def _set_up(connection: Connection) -> None:
    frozen_after_s = float(os.environ.get(FROZEN_SECONDS, FROZEN_AFTER_S))
    settings = {"timezone": "UTC", **AS_A_WRITER, ENDS_THE_FROZEN: f"{frozen_after_s * 1000:.0f}ms"}
    await connection.execute("; ".join(f"set {name} = '{value}'" for name, value in settings.items()))
