"""views: the order list as somebody keeps it, filters and columns under a name: their own, or shared.

A shared view is seen by the people of the same merchant, or, where who shares it works for the operator, by all who do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.setup.people import Person
from doorstep.spine.tenant import Db

LONGEST_NAME = 40
MOST = 50

SEEN = """
select v.view_id, v.name, v.query, v.shared, v.person_id = $1 as own
  from order_view v join person p on p.person_id = v.person_id and p.ended_at is null
  where v.person_id = $1 or (v.shared and v.merchant_id is not distinct from $2::bigint)
  order by v.person_id <> $1, lower(v.name), v.view_id limit 100
"""
COUNT_OWN = "select count(*) from order_view where person_id = $1 and name <> $2"
# One of the same name is changed.
KEEP = """
insert into order_view (view_id, person_id, merchant_id, name, query, shared, created_at)
  values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (person_id, name) do update set query = excluded.query, shared = excluded.shared
  returning view_id
"""
DROP = "delete from order_view where view_id = $1 and person_id = $2 returning view_id"


class NoSuchView(Refusal):
    """There is no view of yours like that."""

    status = 404


class TooManyViews(Refusal):
    """So many views are kept already; drop one you do not use."""


class NamelessView(Refusal):
    """A view needs a name, a short one."""

    status = 422


@dataclass(frozen=True, slots=True)
class View:
    view_id: int
    name: str
    query: str
    shared: bool
    own: bool


async def views_seen_by(db: Db, person: Person) -> list[View]:
    """Their own first."""
    return [View(**dict(row)) for row in await db.pool.fetch(SEEN, person.person_id, person.merchant)]


async def keep_view(
    db: Db, person: Person, name: str, query: str, *, shared: bool = False, at: datetime | None = None
) -> None:
    """Under this name, also when there is one; refuses NamelessView, TooManyViews."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise NamelessView(longest=LONGEST_NAME)
    if await db.pool.fetchval(COUNT_OWN, person.person_id, name) >= MOST:
        raise TooManyViews(most=MOST)
    (view,) = await db.ids.draw(db.pool, 1)
    given = (view, person.person_id, person.merchant, name, query, shared, at or clock.now())
    await db.pool.execute(KEEP, *given)


async def drop_view(db: Db, person: Person, view: int) -> None:
    """One's own only; refuses NoSuchView."""
    if await db.pool.fetchval(DROP, view, person.person_id) is None:
        raise NoSuchView
