"""answer: what the simulated world says to one request."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")


class Answer(Struct, frozen=True):
    status: int
    body: Any
    late: bool = False  # the act is done, but the answer takes too long


class Wrong(Exception):
    """A no, with the word for it."""

    def __init__(self, status: int, error: str, detail: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.detail = status, error, detail


def read_as(kind: type[T], body: Any) -> T:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as problem:
        raise Wrong(422, "malformed", str(problem)) from problem
