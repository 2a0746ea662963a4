"""imports: files that people handed over: how they are to be read, how far they are, what became of them.

Whoever works on one holds it for a while, and says from time to time that it still does; what nobody holds any more is
taken up again, and ends with the same books: an import may be done again as often as anybody likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.spine.tenant import Db, Tx, tenant_tx

HELD_FOR = timedelta(seconds=30)
LONGEST_NAME = 60

_COLUMNS = """r.merchant_id, r.import_id, r.kind, r.name, r.files, r.settings, r.state, r.rehearsal, r.read, r.total,
    r.doing, r.came, r.refusal, r.asked_by, r.created_at, r.changed_at"""
ADD = """
insert into import_run (merchant_id, import_id, kind, name, files, settings, asked_by, created_at, changed_at)
  values ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $8)
"""
ONE = f"select {_COLUMNS} from import_run r where r.merchant_id = any($1) and r.import_id = $2"
NEWEST = f"""
select x.*, m.name as merchant from unnest($1::bigint[]) u(merchant_id) cross join lateral (
    select {_COLUMNS} from import_run r where r.merchant_id = u.merchant_id and ($2::bigint is null or r.import_id < $2)
      order by r.import_id desc limit $3) x
  join merchant m on m.merchant_id = x.merchant_id
  order by x.import_id desc limit $3
"""
# Only as long as nobody works on it.
CHANGE = """
update import_run set kind = $3, settings = $4::jsonb, state = 'draft', refusal = null, changed_at = $5
  where merchant_id = $1 and import_id = $2 and state in ('draft', 'done', 'failed') returning import_id
"""
START = """
update import_run set state = 'waiting', rehearsal = $3, read = 0, total = null, doing = '', came = null,
    refusal = null,
    lease = '', lease_until = null, changed_at = $4
  where merchant_id = $1 and import_id = $2 and state in ('draft', 'done', 'failed') returning import_id
"""
DROP = """
delete from import_run where merchant_id = $1 and import_id = $2 and state in ('draft', 'done', 'failed')
  returning import_id
"""
CLAIM = f"""
update import_run r set state = 'running', lease = $2, lease_until = $4
  from (
    select o.merchant_id, o.import_id from import_run o
      where o.merchant_id = any($1) and o.state in ('waiting', 'running')
        and (o.lease_until is null or o.lease_until < $3)
      order by o.import_id limit 1 for update skip locked) due
  where r.merchant_id = due.merchant_id and r.import_id = due.import_id returning {_COLUMNS}
"""
KEEP_HOLD = """
update import_run set lease_until = $4, read = $5, total = $6, doing = $7
  where merchant_id = $1 and import_id = $2 and lease = $3 and state = 'running' returning import_id
"""
LET_GO = """
update import_run set state = 'waiting', lease = '', lease_until = null
  where merchant_id = $1 and import_id = $2 and lease = $3 and state = 'running'
"""
END = """
update import_run set state = $4, came = $5::jsonb, refusal = $6::jsonb, changed_at = $7, lease = '', lease_until = null
  where merchant_id = $1 and import_id = $2 and lease = $3 and state = 'running'
"""
MAPPINGS = """
select m.name, m.settings from import_mapping m where m.merchant_id = $1 and m.kind = $2 order by m.name limit 200
"""
KEEP_MAPPING = """
insert into import_mapping (merchant_id, kind, name, settings, created_at) values ($1, $2, $3, $4::jsonb, $5)
  on conflict (merchant_id, kind, name) do update set settings = excluded.settings
"""
DROP_MAPPING = "delete from import_mapping where merchant_id = $1 and kind = $2 and name = $3 returning name"


class ImportUnderWay(Refusal):
    """It is under way: wait until it has ended."""


class NamelessMapping(Refusal):
    """A mapping needs a name, a short one."""

    status = 422


class Settings(Struct, frozen=True, kw_only=True):
    """How the files are read. `mapping` is for orders, `columns` for products and stock; `format`: one that is known,
    and needs neither."""

    format: str = ""
    mapping: str = ""
    columns: dict[str, str] = {}
    confidence: dict[str, float] = {}
    channel: str = "file"
    currency: str = ""
    timezone: str = "UTC"
    site: str = ""
    create: bool = True
    history: bool = False


class Came(Struct, frozen=True, kw_only=True):
    """What became of the rows; `report`: where the rest is told, below the home."""

    read: int
    taken: int
    changed: int
    unchanged: int
    refused: int
    report: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """An import as it stands."""

    merchant: int
    id: str
    kind: str
    name: str
    files: list[str]
    settings: Settings
    state: str
    rehearsal: bool
    read: int
    total: int | None
    doing: str
    came: Came | None
    refusal: dict[str, Any] | None
    asked_by: str
    created_at: datetime
    changed_at: datetime

    @property
    def is_under_way(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def number(self) -> int:
        return number("imp", self.id)


def _run(row: Any) -> Run:
    return Run(
        row["merchant_id"], public("imp", row["import_id"]), row["kind"], row["name"], list(row["files"]),
        msgspec.json.decode(row["settings"], type=Settings), row["state"], row["rehearsal"], row["read"], row["total"],
        row["doing"], msgspec.json.decode(row["came"], type=Came) if row["came"] else None,
        msgspec.json.decode(row["refusal"]) if row["refusal"] else None, row["asked_by"], row["created_at"],
        row["changed_at"],
    )  # fmt: skip


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


async def add_import(
    db: Db, merchant: int, import_id: int, kind: str, name: str, files: Sequence[str], settings: Settings, *,
    asked_by: str, at: datetime,
) -> str:  # fmt: skip
    """Files that were handed over, and what they most likely say; answers its public id."""
    async with tenant_tx(db, [merchant]) as tx:
        await tx.run(ADD, merchant, import_id, kind, name[:200], list(files), _json(settings), asked_by, at)
    return public("imp", import_id)


async def import_of(tx: Tx, word: str) -> Run:
    """Of whichever of the merchants; refuses NotFound."""
    row = await tx.row(ONE, list(tx.merchants), number("imp", word))
    if row is None:
        raise NotFound(**{"import": word})
    return _run(row)


async def imports(tx: Tx, before: int | None = None, limit: int = 30) -> list[tuple[Run, str]]:
    """The newest first, with whose they are."""
    return [(_run(row), row["merchant"]) for row in await tx.rows(NEWEST, list(tx.merchants), before, limit)]


async def change_import(db: Db, run: Run, kind: str, settings: Settings, at: datetime) -> None:
    """Read otherwise from now on; refuses ImportUnderWay."""
    async with tenant_tx(db, [run.merchant]) as tx:
        _must(await tx.value(CHANGE, run.merchant, run.number, kind, _json(settings), at))


async def start_import(db: Db, run: Run, *, rehearsal: bool, at: datetime) -> None:
    """To be taken up by a worker; refuses ImportUnderWay."""
    async with tenant_tx(db, [run.merchant]) as tx:
        _must(await tx.value(START, run.merchant, run.number, rehearsal, at))


async def drop_import(db: Db, run: Run) -> None:
    """What it took stays; refuses ImportUnderWay."""
    async with tenant_tx(db, [run.merchant]) as tx:
        _must(await tx.value(DROP, run.merchant, run.number))


def _must(found: Any) -> None:
    if found is None:
        raise ImportUnderWay


# For whoever works on it


async def claim_import(db: Db, merchants: Sequence[int], lease: str, at: datetime) -> Run | None:
    """The oldest that nobody works on, if there is one."""
    async with tenant_tx(db, merchants) as tx:
        row = await tx.row(CLAIM, list(merchants), lease, at, at + HELD_FOR)
    return _run(row) if row else None


async def keep_hold(db: Db, run: Run, lease: str, at: datetime, *, read: int, total: int | None, doing: str) -> bool:
    """Still at it, and so far; False when somebody else has it."""
    async with tenant_tx(db, [run.merchant]) as tx:
        found = await tx.value(KEEP_HOLD, run.merchant, run.number, lease, at + HELD_FOR, read, total, doing[:60])
    return found is not None


async def let_go(db: Db, run: Run, lease: str) -> None:
    """For somebody else to go on with."""
    async with tenant_tx(db, [run.merchant]) as tx:
        await tx.run(LET_GO, run.merchant, run.number, lease)


async def end_import(
    db: Db, run: Run, lease: str, at: datetime, *, came: Came | None = None, refusal: dict[str, Any] | None = None
) -> None:
    state = "failed" if refusal else "done"
    told = (_json(came) if came else None, _json(refusal) if refusal else None)
    async with tenant_tx(db, [run.merchant]) as tx:
        await tx.run(END, run.merchant, run.number, lease, state, *told, at)


# Mappings under a name


async def mappings(tx: Tx, merchant: int, kind: str) -> dict[str, Settings]:
    rows = await tx.rows(MAPPINGS, merchant, kind)
    return {row["name"]: msgspec.json.decode(row["settings"], type=Settings) for row in rows}


async def keep_mapping(db: Db, run: Run, name: str, at: datetime) -> None:
    """How this one is read, for others of its kind; one of that name is changed. Refuses NamelessMapping."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise NamelessMapping(longest=LONGEST_NAME)
    async with tenant_tx(db, [run.merchant]) as tx:
        await tx.run(KEEP_MAPPING, run.merchant, run.kind, name, _json(run.settings), at)


async def drop_mapping(tx: Tx, merchant: int, kind: str, name: str) -> None:
    """Refuses NotFound."""
    if await tx.value(DROP_MAPPING, merchant, kind, name) is None:
        raise NotFound(mapping=name[:60])
