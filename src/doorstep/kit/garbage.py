"""garbage: asks and files leave hardly any circles behind; in what lives long, looking for them is kept rare."""

from __future__ import annotations

import gc

# So many objects more than went, until it is looked at the youngest; the rest is looked at after many of those.
OF_REQUESTS = 10_000
# An import makes millions of small objects, hardly one of them in a circle: to look for those is a sixth of it.
OF_A_FILE = 50_000


def collect_seldom(young: int = OF_REQUESTS) -> None:
    """What is loaded by now stays, and is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, 20, 100)
