"""tastes: how a person likes the pages, language and light, wherever they sign in; a browser keeps it in cookies."""

from __future__ import annotations

from doorstep.spine.tenant import Db

KEEP = """
insert into taste (person_id, language, theme) values ($1, coalesce($2, ''), coalesce($3, ''))
  on conflict (person_id) do update set language = coalesce($2, taste.language), theme = coalesce($3, taste.theme)
"""
OF_PERSON = "select t.language, t.theme from taste t where t.person_id = $1"


async def keep_taste(db: Db, person: int, *, language: str | None = None, theme: str | None = None) -> None:
    """What is given; '' is whatever the browser asks for."""
    await db.pool.execute(KEEP, person, language, theme)


async def taste_of(db: Db, person: int) -> dict[str, str]:
    """Their language and theme; nothing when they never chose."""
    row = await db.pool.fetchrow(OF_PERSON, person)
    return dict(row) if row else {}
