"""garbage: asks and files leave hardly any circles behind; in what lives long, looking for them is kept rare."""

from __future__ import annotations

import gc

# So many objects more than went, until it is looked at the youngest; the rest is looked at after many of those.
OF_REQUESTS = 10_000
# An import makes millions of small objects, some two hundred in circles per thousand orders. Its batches hold more of
# them at once than a young generation usually does: to look through those again and again was a tenth of it.
OF_A_FILE = 500_000


def collect_seldom(young: int = OF_REQUESTS) -> None:
    """What is loaded by now stays, and is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, 20, 100)
