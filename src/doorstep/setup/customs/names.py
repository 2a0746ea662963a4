"""names: are two names the same, however they are written? Order, accents, alphabets and slips are no difference.

A name is found by rough keys of its words (a slip in one letter does not hide it), and compared word by word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations

from rapidfuzz.fuzz import ratio

# From here on a person looks; 100 is the same name.
ALIKE_FROM = 84.0
WORD_ALIKE_FROM = 80.0
JOINED_ALIKE_FROM = 95.0  # AlQaida, Al Qaida
# So many words of a long name are searched for; two of them must be found.
WORDS_SEARCHED = 5
# Each word that only one of the names has takes so much off: a middle name does not make another person.
EXTRA_WORD = 4.0

_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "yo", "є": "ye", "ж": "zh", "з": "z",
    "и": "i", "і": "i", "ї": "yi", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y",
    "ь": "", "э": "e", "ю": "yu", "я": "ya", "’": "", "ʼ": "", "'": "",
}  # fmt: skip
_SPELLED = {"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i", **_CYRILLIC}
_LATIN = str.maketrans(_SPELLED)
# What a company is called beside its name, and what people are addressed with: they tell nobody from another.
_FILLING = frozenset({
    "ab", "ag", "and", "as", "bv", "co", "company", "corp", "corporation", "de", "doo", "dr", "for", "gmbh",
    "group", "inc", "jsc", "kg", "limited", "llc", "llp", "lp", "ltd", "mr", "mrs", "ms", "nv", "of", "ojsc",
    "ooo", "oy", "pjsc", "plc", "pte", "pty", "sa", "sarl", "sl", "sp", "spa", "srl", "the", "tov", "und", "y",
    "zoo",
})  # fmt: skip
# Spellings of one sound.
_SOUNDS = (("ph", "f"), ("kh", "h"), ("ck", "k"), ("sch", "sh"), ("q", "k"), ("c", "k"), ("w", "v"), ("z", "s"))
_MUTE = re.compile("[aeiouy]")


@lru_cache(maxsize=8192)
def compared(name: str) -> str:
    """The words that tell, in small Latin letters; all of them where nothing else would be left."""
    # Styled letters are plain ones first, or their capitals would stay capitals.
    flat = unicodedata.normalize("NFKC", name).casefold().translate(_LATIN)
    flat = "".join(char for char in unicodedata.normalize("NFKD", flat) if not unicodedata.combining(char))
    words = re.findall(r"[^\W_]+", flat[:1000])[:40]
    return " ".join([word for word in words if word not in _FILLING] or words)


def keys_of(name: str) -> list[str]:
    """What a listed name is found by: rough keys of its words, and one of all its letters together."""
    words = _telling(name)
    return sorted({key for word in words for key in _word_keys(word)} | set(_joined_keys(words)))


def searches_for(name: str) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """What finds all that may be like it: keys of two of its words, one of each must be there; or of all together."""
    words = _telling(name)
    joined = _joined_keys(words)
    longest = sorted(words, key=len, reverse=True)[:WORDS_SEARCHED]
    pairs = [(_word_keys(one), _word_keys(other)) for one, other in combinations(longest, 2)]
    return [(joined, joined), *pairs] if joined else []


def _telling(name: str) -> list[str]:
    """Initials find too many."""
    words = compared(name).split()
    return [word for word in words if len(word) > 1] or words


def _joined_keys(words: list[str]) -> tuple[str, ...]:
    return tuple(f"={key}" for key in _word_keys("".join(words))) if words else ()


@lru_cache(maxsize=8192)
def _word_keys(word: str) -> tuple[str, ...]:
    bones = _bones(word)
    if len(bones) < 3:
        return (word[:24],)
    shorter = {bones[:at] + bones[at + 1 :] for at in range(1, len(bones))} if len(bones) > 3 else set()
    return tuple(key[:24] for key in sorted({bones, *shorter}))


@lru_cache(maxsize=8192)
def _bones(word: str) -> str:
    """The word as it sounds, without what is spelled at will: vowels after the first letter, double letters."""
    for written, sound in _SOUNDS:
        word = word.replace(written, sound)
    return re.sub(r"(.)\1+", r"\1", word[:1] + _MUTE.sub("", word[1:]))


def likeness(name: str, listed: Iterable[str]) -> tuple[float, str]:
    """How much a name is like the most similar of these, 0 to 100, and which that is."""
    best, which = 0.0, ""
    words = compared(name).split()
    for other in listed:
        found = _alike(words, compared(other).split())
        if found > best:
            best, which = found, other
    return round(best, 1), which


def _alike(one: list[str], other: list[str]) -> float:
    """Each word of the shorter name finds its like in the longer one; names of one word match such names only."""
    short, long = sorted((one, other), key=len)
    if not short:
        return 0.0
    if len(short) == 1 and len(long) > 1:
        joined = ratio(short[0], "".join(long))
        return joined if joined >= JOINED_ALIKE_FROM else 0.0
    left, found, letters = list(long), 0.0, 0
    for word in sorted(short, key=len, reverse=True):
        score, at = max((_word_alike(word, each), place) for place, each in enumerate(left))
        if score < WORD_ALIKE_FROM:
            return 0.0
        del left[at]
        found, letters = found + score * len(word), letters + len(word)
    return max(0.0, found / letters - EXTRA_WORD * len(left))


def _word_alike(one: str, other: str) -> float:
    """An initial is like each name that begins with it, though not quite; so are words that sound alike."""
    if one == other:
        return 100.0
    if len(one) == 1 or len(other) == 1:
        return 85.0 if one[:1] == other[:1] else 0.0
    bones, lengths = _bones(one), sorted((len(one), len(other)))
    tells = len(bones) > 2 or (lengths[0] > 3 and lengths[1] - lengths[0] < 2)
    sounds_alike = 90.0 if tells and bones == _bones(other) else 0.0
    return max(sounds_alike, ratio(one, other) if lengths[0] > 3 else 0.0)
