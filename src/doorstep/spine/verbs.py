"""verbs: the journey names them as strings; here the code that does them is found.

A stage registers its verbs with `@verb(Body)`, or `@verb(Body, Answer)` where the answer has a shape of its own for
the API's document, and its calls to the outside with `@errand(Body)`. The doors import the stages, then
`check_bound()` says what is missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from doorstep.spine.journey import ERRANDS, ROWS, Row
from doorstep.spine.outcome import Ask, Result
from doorstep.spine.tenant import Db, Tx

B = TypeVar("B", bound=msgspec.Struct)

Rule = Callable[[Tx, list[Ask[Any]]], Awaitable[list[Result]]]
Call = Callable[[Any, list[Ask[Any]]], Awaitable[None]]
# Whose things the asks reach beside their own merchants'.
Beyond = Callable[[Db, list[Ask[Any]]], Awaitable[set[int]]]


@dataclass(frozen=True, slots=True)
class Verb:
    row: Row
    body: type[msgspec.Struct]
    run: Rule
    stage: str  # the folder it lives in; also the area of the API scope
    answer: type[msgspec.Struct] | None = None  # what Outcome.answer looks like; None: any object
    beyond: Beyond | None = (
        None  # of a verb that reaches over the wall: an operator's load holds many merchants' parcels
    )

    async def merchants(self, db: Db, asks: list[Ask[Any]]) -> set[int]:
        """Those that its transaction is for."""
        own = {ask.merchant for ask in asks}
        return own | await self.beyond(db, asks) if self.beyond else own

    @property
    def name(self) -> str:
        return self.row.verb

    @property
    def says(self) -> str:
        return (self.run.__doc__ or self.row.says).strip()


@dataclass(frozen=True, slots=True)
class Errand:
    name: str
    body: type[msgspec.Struct]
    run: Call
    at_once: int = 1  # so many waiting asks go into one call; if it fails, all of them are tried again
    account: str = ""  # the field of the body that names whom it calls: who is slow there holds up nobody else


VERBS: dict[str, Verb] = {}
ERRAND: dict[str, Errand] = {}


class Unbound(RuntimeError):
    """A row of the journey table has no code, or code has no row."""


def verb(
    body: type[B], answer: type[msgspec.Struct] | None = None, *, beyond: Beyond | None = None
) -> Callable[[Rule], Rule]:
    """Bind the function to the journey row of its name."""

    def bind(run: Rule) -> Rule:
        name = run.__name__.rstrip("_")  # `import_` and the like
        VERBS[name] = Verb(ROWS[name], body, run, run.__module__.split(".")[-2], answer, beyond)
        return run

    return bind


def errand(body: type[B], *, at_once: int = 1, account: str = "") -> Callable[[Call], Call]:
    """Bind the function to the errand of its name: it is called with the outside world and waiting asks."""

    def bind(run: Call) -> Call:
        name = run.__name__
        if name not in ERRANDS:
            raise Unbound(f"{name} is not an errand of the journey: name it in spine/journey.py first")
        ERRAND[name] = Errand(name, body, run, at_once, account)
        return run

    return bind


def check_bound() -> None:
    missing = sorted((ROWS.keys() - VERBS.keys()) | (ERRANDS.keys() - ERRAND.keys()))
    if missing:
        raise Unbound(f"no code is bound to {', '.join(missing)}: write it in its stage, or take the row out")
