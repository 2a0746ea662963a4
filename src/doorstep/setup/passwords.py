"""passwords: kept as argon2id, never as they are; what anybody would try first is refused."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from doorstep.kit.refusals import Refusal
from doorstep.setup.common_passwords import COMMON, ROWS

T = TypeVar("T")

SHORTEST, LONGEST = 8, 256

# RFC 9106's choice for memory that is not abundant.
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
# Each takes 64 MiB while it is at it: never more than two at once, whoever knocks.
_AT_WORK = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
# Of nobody's password: an unknown e-mail address takes as long as a known one.
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=1$+/c0t+rqn7C0FZmWrpIKxw$sovCp5G4YSL1F7Su7Vbhn6xFKS/+3tSAQ2AVvqXq/T0"
_LOOKS_LIKE = str.maketrans("013457@$!", "oieastasi")


class WeakPassword(Refusal):
    """This password would be guessed; choose a longer or less common one."""

    status = 422


def check(password: str, *own: str) -> None:
    """Refuses WeakPassword; `own` are words that anybody would try for this person: the name, the e-mail address."""
    if len(password) < SHORTEST:
        raise WeakPassword(shortest=SHORTEST)
    if len(password) > LONGEST:
        raise WeakPassword(longest=LONGEST)
    if is_common(password) or _folded(password) in {_folded(word) for each in own for word in (each, *each.split("@"))}:
        raise WeakPassword


def is_common(password: str) -> bool:
    """A common word, also in disguise (P@ssw0rd2024!), a row of keys or digits, or something short over and over."""
    word = _folded(password)
    if len(set(word)) < 4 or re.fullmatch(r"(.{1,6})\1+", word) or (word.isdigit() and len(word) <= SHORTEST):
        return True
    if any(word in row or word in row[::-1] for row in ROWS):
        return True
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", word)
    return bool({word, bare, word.translate(_LOOKS_LIKE), bare.translate(_LOOKS_LIKE), _bare_of(word)} & COMMON)


def _bare_of(word: str) -> str:
    """Without its tail, then with its disguise off: p@$$w0rd123."""
    return re.sub(r"[\W\d_]+$", "", word).translate(_LOOKS_LIKE)


async def hashed(password: str) -> str:
    return await _in_thread(lambda: _HASHER.hash(_one_form(password)))


async def matches(kept: str, password: str) -> bool:
    """Whether it is the one that was kept; takes the same time when none is kept."""
    right = await _in_thread(lambda: _verified(kept or NOBODYS, _one_form(password[: LONGEST + 1])))
    return right and kept != ""


def is_outdated(kept: str) -> bool:
    """It was kept with other parameters than we use now."""
    return _HASHER.check_needs_rehash(kept)


def _verified(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_AT_WORK, work)


def _one_form(password: str) -> str:
    """Keyboards differ in how they make an é."""
    return unicodedata.normalize("NFKC", password)


def _folded(password: str) -> str:
    return unicodedata.normalize("NFKC", password).casefold().strip()
