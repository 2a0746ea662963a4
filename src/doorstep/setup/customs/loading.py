"""loading: a list comes in, whole or not at all; what waited for customs rules is checked again.

A list is of a day. Loaded again for the same day it replaces what was loaded for it; lists of other days stay.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from doorstep.setup.customs.lists import LARGEST_FILE, POSTCODES, Kind, NotARuleList, Row, RuleList, read_list
from doorstep.setup.customs.rechecking import recheck
from doorstep.spine.tenant import Db, Tx, tenant_tx

SAMPLES = Path(__file__).with_name("samples")
TOLD_CHANGES = 10

# Reference tables: the operator's lists are every merchant's.
BEFORE = """
select l.list_id, l.as_of from rule_list l where l.kind = $1 and l.as_of <= $2 order by l.as_of desc limit 1
"""
ROWS_OF = "select r.country, r.key, r.data from rule_row r where r.list_id = $1"
OF_THE_DAY = "delete from rule_list where kind = $1 and as_of = $2"
# A list of denied parties is long, comes daily, and only the newest is ever asked: the one before it stays beside it.
FORGET = """
delete from rule_list where kind = 'denied-parties' and as_of < (
  select l.as_of from rule_list l where l.kind = 'denied-parties' and l.as_of <= $1
    order by l.as_of desc offset 1 limit 1)
"""
ADD_LIST = """
insert into rule_list (list_id, kind, as_of, source, is_sample, loaded_by, loaded_at)
  values ($1, $2, $3, $4, $5, $6, $7)
"""
ADD_ROWS = """
insert into rule_row (list_id, country, key, data, words)
  select $1, d.country, d.key, d.data, d.words
    from jsonb_to_recordset($2::jsonb) d(country text, key text, data jsonb, words text[])
"""
AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the list says that the one before it did not; `examples` are some keys of what changed.

    `rechecked`: orders that are looked at again because of it.
    """

    kind: str
    as_of: date
    source: str
    is_sample: bool
    rows: int
    replaces: date | None
    added: int
    changed: int
    removed: int
    unchanged: int
    examples: tuple[str, ...]
    rechecked: int


async def load_list(
    db: Db, kind: Kind, file: Path, *, at: datetime, by: str, as_of: date | None = None, source: str = ""
) -> Loaded:
    """Read the file, keep its list, check anew whom it may concern. Refuses NotARuleList, with every problem."""
    new = read_list(kind, _bytes(kind, file), file.name, as_of=as_of, source=source)
    return await keep_list(db, new, at=at, by=by)


def _bytes(kind: Kind, file: Path) -> bytes:
    try:
        if file.suffix == ".gz":
            with gzip.open(file) as packed:
                return packed.read(LARGEST_FILE + 1)
        return file.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        problem = {"row": 0, "field": "", "detail": f"it cannot be read: {_why(error)}"[:200]}
        raise NotARuleList(kind=kind, file=file.name, problems=[problem]) from None


def _why(error: Exception) -> str:
    """Of a file that is not there without its name: that is told beside it."""
    return str(getattr(error, "strerror", None) or error)


def sample(kind: Kind) -> Path:
    """The sample that comes with doorstep: it shows the form and proves nothing."""
    return SAMPLES / f"{kind}.csv"


async def keep_list(db: Db, new: RuleList, *, at: datetime, by: str) -> Loaded:
    everyone = await db.everyone()
    async with tenant_tx(db, everyone) as tx:
        before, replaces = await _before(tx, new)
        await tx.run(OF_THE_DAY, new.kind, new.as_of)
        list_id = next(await tx.fresh_ids(1))
        await tx.run(ADD_LIST, list_id, new.kind, new.as_of, new.source, new.is_sample, by, at)
        for start in range(0, len(new.rows), AT_ONCE):
            await tx.run(ADD_ROWS, list_id, _encoded(new.rows[start : start + AT_ONCE]))
        await tx.run(FORGET, at.date())
        is_of_customs = new.kind != POSTCODES
        rechecked = await recheck(tx, at, screened=new.kind == "denied-parties") if is_of_customs else 0
    return _told(new, before, replaces, rechecked)


async def _before(tx: Tx, new: RuleList) -> tuple[Mapping[tuple[str, str], Any], date | None]:
    """The rows of the list that held on that day, and its day."""
    row = await tx.row(BEFORE, new.kind, new.as_of)
    if row is None:
        return {}, None
    rows = await tx.rows(ROWS_OF, row["list_id"])
    return {(one["country"], one["key"]): msgspec.json.decode(one["data"]) for one in rows}, row["as_of"]


def _encoded(rows: Iterable[Row]) -> str:
    plain = [{"country": r.country, "key": r.key, "data": r.data, "words": list(r.words)} for r in rows]
    return msgspec.json.encode(plain).decode()


def _told(new: RuleList, before: Mapping[tuple[str, str], Any], replaces: date | None, rechecked: int) -> Loaded:
    now = {(row.country, row.key): dict(row.data) for row in new.rows}
    added = [key for key in now if key not in before]
    removed = [key for key in before if key not in now]
    changed = [key for key in now if key in before and now[key] != before[key]]
    examples = tuple(" ".join(filter(None, key)).rstrip(":") for key in (changed + added + removed)[:TOLD_CHANGES])
    return Loaded(
        new.kind, new.as_of, new.source, new.is_sample, len(now), replaces, len(added), len(changed), len(removed),
        len(now) - len(added) - len(changed), examples, rechecked,
    )  # fmt: skip
