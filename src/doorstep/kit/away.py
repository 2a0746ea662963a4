"""away: whether an error says that the database cannot be reached, or went away in the middle.

Then nobody knows whether the last transaction counts: only who has an idempotency key may ask again.
"""

from __future__ import annotations

import asyncpg

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)


def is_away(error: BaseException) -> bool:
    if isinstance(error, asyncpg.InterfaceError):
        # The same class tells of wrong use too; that one is a bug.
        return "clos" in str(error)
    return isinstance(error, _AWAY)
