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
    asyncpg.InternalClientError,  # the server died amid an answer, and the connection does not know yet
    OSError,
    TimeoutError,
)


def is_away(error: BaseException) -> bool:
    # These classes tell of wrong use too; that one is a bug.
    if isinstance(error, asyncpg.InterfaceError):
        return "clos" in str(error)
    if type(error) is RuntimeError:
        return "the handler is closed" in str(error)  # what uvloop says of a connection that is gone
    return isinstance(error, _AWAY)
