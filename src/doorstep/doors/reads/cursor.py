"""cursor: where a page ended, as a word nobody needs to understand."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from doorstep.kit.refusals import Refusal

T = TypeVar("T")
_LARGEST_ID = 2**63 - 1
# The longest names that a page ends at: a SKU's code and a site's, whatever they are written in.
LONGEST = 1_500
Cursor = Annotated[str, Meta(min_length=1, max_length=LONGEST)]


class NotACursor(Refusal):
    """This is not a cursor of this list; begin without one."""

    status = 422


def write(*values: Any) -> str:
    return urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode()


def read(word: str, kind: type[T]) -> T:
    """The values, as the tuple type that was written."""
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{1,{LONGEST}}}", word):
        raise NotACursor(cursor=word[:60])
    try:
        values: Any = msgspec.json.decode(urlsafe_b64decode(word + "=" * (-len(word) % 4)), type=kind)
    except (ValueError, msgspec.MsgspecError):
        raise NotACursor(cursor=word[:60]) from None
    for value in values:
        if isinstance(value, int) and not 0 <= value <= _LARGEST_ID:
            raise NotACursor(cursor=word[:60])
        if isinstance(value, datetime) and (value.tzinfo is None or not 1900 <= value.year < 2200):
            raise NotACursor(cursor=word[:60])
        if isinstance(value, str) and "\x00" in value:
            raise NotACursor(cursor=word[:60])
    return values  # type: ignore[no-any-return]
