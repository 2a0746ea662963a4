"""log: who signed in or tried to, and who changed people, keys and settings: when, from where; never altered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from doorstep.kit import clock
from doorstep.spine.tenant import Connection, Db, Tx

# What happens, by its area.
AREAS: dict[str, tuple[str, ...]] = {
    "sign_in": (
        "signed_in", "sign_in_failed", "code_failed", "tries_stopped", "signed_out", "session_ended", "link_made",
    ),
    "account": (
        "password_set", "second_factor_on", "second_factor_off", "recovery_codes_made", "recovery_code_used",
    ),
    "people": ("person_invited", "person_ended", "role_changed"),
    "keys": ("key_made", "key_revoked"),
    "settings": ("setting_changed",),
}  # fmt: skip
AREA_OF = {what: area for area, all_of_it in AREAS.items() for what in all_of_it}

ADD = """
insert into log_entry (entry_id, at, area, what, who, person_id, about, details, address, browser)
  values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10)
"""
_LATEST = """
select entry_id, at, what, who, about, details, address, browser from log_entry
  where (at, entry_id) < ($1, $2) {area} order by at desc, entry_id desc limit $3
"""
LATEST = _LATEST.replace("{area}", "")
LATEST_OF_AREA = _LATEST.replace("{area}", "and area = $4")


@dataclass(frozen=True, slots=True)
class By:
    """Who does it, and from where."""

    who: str
    person: int | None = None
    address: str = ""
    browser: str = ""


# Whoever may run commands on the machine itself.
MACHINE = By("doorstep")


@dataclass(frozen=True, slots=True)
class Entry:
    entry_id: int
    at: datetime
    what: str
    who: str
    about: str
    details: dict[str, Any]
    address: str
    browser: str


async def write(
    to: Db | Tx, by: By, what: str, at: datetime, about: str = "", *, on: Connection | None = None, **details: Any
) -> None:
    """One entry, in the transaction that it belongs to: `to` itself, or `on` a connection of it."""
    connection = on or (to.connection if isinstance(to, Tx) else to.pool)
    (entry,) = await to.ids.draw(connection, 1)
    told = msgspec.json.encode({name: value for name, value in details.items() if value not in (None, "")}).decode()
    await connection.execute(
        ADD, entry, at, AREA_OF[what], what, by.who, by.person, about[:254], told, by.address[:60], by.browser[:300]
    )


async def changed(tx: Tx, by: By, setting: str, about: str, merchant: int | None = None) -> None:
    """Something that was set up is new, another or gone."""
    await write(tx, by, "setting_changed", clock.now(), about, setting=setting, merchant=merchant)


def some(names: Sequence[str]) -> str:
    """The first few of them."""
    return ", ".join(names[:5]) + (f" +{len(names) - 5}" if len(names) > 5 else "")


async def latest(db: Db, before: tuple[datetime, int], limit: int, area: str = "") -> Sequence[Entry]:
    """Entries before this moment and id, the newest first."""
    query, more = (LATEST_OF_AREA, [area]) if area else (LATEST, [])
    return [
        Entry(row["entry_id"], row["at"], row["what"], row["who"], row["about"], msgspec.json.decode(row["details"]),
              row["address"], row["browser"])
        for row in await db.pool.fetch(query, *before, limit, *more)
    ]  # fmt: skip
