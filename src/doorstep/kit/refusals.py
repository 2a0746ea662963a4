"""refusals: the expected no, said by name, with its reason.

A refusal is an answer, not a failure: its class name is the public code, its docstring the sentence, its fields
the reason, its status the HTTP status. Whatever else is raised is a bug.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """doorstep refused."""

    status: ClassVar[int] = 409

    def __init__(self, **why: Any) -> None:
        super().__init__(why)
        self.why = why

    @property
    def code(self) -> str:
        return type(self).__name__

    @property
    def sentence(self) -> str:
        return sentence_of(type(self))

    def __str__(self) -> str:
        reasons = ", ".join(f"{name} {value}" for name, value in self.why.items() if value not in (None, ""))
        return f"{self.sentence} ({reasons})" if reasons else self.sentence


def sentence_of(kind: type[Refusal]) -> str:
    """The first line of the docstring: what a person reads."""
    return (kind.__doc__ or "").strip().splitlines()[0]


def every_refusal() -> list[type[Refusal]]:
    """All refusals that the loaded code can answer with, by code."""
    found: dict[str, type[Refusal]] = {}
    waiting = list(Refusal.__subclasses__())
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting.extend(kind.__subclasses__())
    return [found[code] for code in sorted(found)]


class Invalid(Refusal):
    """Some fields are not as they must be; each is listed."""

    # why: fields=[{"pointer": "/lines/0/quantity", "detail": "must be at least 1"}]
    status = 422


class NotFound(Refusal):
    """There is no such thing here."""

    status = 404


class NotAllowed(Refusal):
    """Your key or role does not reach this."""

    status = 403


class KeyReused(Refusal):
    """This idempotency key was used before with other content."""

    status = 422


class Short(Refusal):
    """There is not enough free stock."""


class OnHold(Refusal):
    """An open hold stops this; lift it first."""


class WrongStage(Refusal):
    """This is not where it would have to be for that."""


class Busy(Refusal):
    """Too much at once; try again shortly with the same key."""

    status = 429
