"""ports: one that nobody has, for a server that is told its port and takes it a moment later."""

from __future__ import annotations

import secrets

from doorstep.kit.home import is_free

# Below those that the system gives to whoever connects somewhere, and above those of a doorstep's own parts: of what it
# gave out it may give one to somebody else before the server has come so far.
FIRST, COUNT = 12_000, 18_000


def a_free_port() -> int:
    """Not drawn by `random`: Hypothesis seeds that, alike in every process."""
    while not is_free(port := FIRST + secrets.randbelow(COUNT)):
        continue
    return port
