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
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process was frozen in the middle
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # the server died amid an answer, and the connection does not know yet
    OSError,
    TimeoutError,
)


def is_away(error: BaseException) -> bool:
    # These classes tell of wrong use too; that one is a bug.
    if isinstance(error, asyncpg.InterfaceError):
        # The pool takes back at once a connection that was lost; here nobody uses one that he gave back himself.
        return "clos" in str(error) or "released back to the pool" in str(error)
    if type(error) is RuntimeError:
        return "the handler is closed" in str(error)  # what uvloop says of a connection that is gone
    return isinstance(error, _AWAY)
