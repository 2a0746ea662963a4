"""wording: does a text tell customs what the goods are? Too short or too general a word tells nothing.

The words are in `vague_words.txt`, with their source and date. A text is vague when nothing but such words is in it:
"gift" is, "gift box of ceramic mugs" is not.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

WORDS = Path(__file__).with_name("vague_words.txt")
SHORTEST = 3
# Words that join or praise, and tell nothing by themselves.
_BESIDE = frozenset({
    "a", "all", "an", "and", "any", "as", "assorted", "cool", "for", "from", "in", "kind", "misc", "my", "new", "nice",
    "no", "of", "on", "or", "other", "our", "set", "sets", "some", "the", "to", "various", "with", "your",
})  # fmt: skip


def vague(text: str) -> str:
    """What is wrong with it as a customs text; "" when nothing is."""
    said = " ".join(text.split())
    if not said:
        return "is missing"
    words = re.findall(r"[^\W\d_]+", said.casefold())
    if sum(map(len, words)) < SHORTEST:
        return f"{said[:40]!r} is too short to tell what it is"
    telling = [word for word in words if word not in _BESIDE]
    if not telling or " ".join(words) in _phrases() or all(_is_vague(word) for word in telling):
        return f"{said[:60]!r} is too general"
    return ""


def _is_vague(word: str) -> bool:
    return word in _phrases() or word.removesuffix("s") in _phrases() or f"{word}s" in _phrases()


@lru_cache(maxsize=1)
def _phrases() -> frozenset[str]:
    lines = WORDS.read_text("utf-8").splitlines()
    return frozenset(line.strip().casefold() for line in lines if line.strip() and not line.startswith("#"))
