"""admission: who asks, found by their API key; good keys are remembered for a moment."""

from __future__ import annotations

import asyncio
from time import monotonic

from doorstep.doors.http.problems import WhoAreYou
from doorstep.kit.refusals import NotAllowed
from doorstep.setup.keys import Holder, holder_of
from doorstep.spine.tenant import Db, routed

REMEMBERED_S = 2.0  # so long a revoked key may still open
MOST_REMEMBERED = 10_000


class Admission:
    def __init__(self, db: Db) -> None:
        self._db = db
        self._known: dict[bytes, tuple[float, Holder]] = {}
        self._looking: dict[bytes, asyncio.Task[Holder | None]] = {}

    async def holder(self, authorization: bytes | None) -> Holder:
        """Who holds the key of this header; refuses WhoAreYou."""
        scheme, _, secret = (authorization or b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not secret or len(secret) > 200:
            raise WhoAreYou
        hashed = routed(secret)
        until, known = self._known.get(hashed, (0.0, None))
        if known is not None and monotonic() < until:
            return known
        # Who is asked for by many at once is looked up once.
        looking = self._looking.get(hashed)
        if looking is None:
            looking = self._looking[hashed] = asyncio.create_task(self._look_up(secret, hashed))
            looking.add_done_callback(lambda _: self._looking.pop(hashed, None))
        found = await asyncio.shield(looking)
        if found is None:
            raise WhoAreYou
        return found

    async def _look_up(self, secret: str, hashed: bytes) -> Holder | None:
        found = await holder_of(self._db, secret)
        if found is None:
            self._known.pop(hashed, None)
            return None
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[hashed] = (monotonic() + REMEMBERED_S, found)
        return found

    def forget(self) -> None:
        self._known.clear()


def check_scope(holder: Holder, scope: str) -> None:
    if not holder.may(scope):
        raise NotAllowed(scope=scope, yours=sorted(holder.scopes))
