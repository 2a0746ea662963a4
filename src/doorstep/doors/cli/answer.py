"""answer: how a command answers: a few plain lines for a person, or JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer
import uvloop

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def answer(facts: dict[str, Any] | list[Any], lines: str, as_json: bool) -> None:
    """Print the facts, or the lines that tell them."""
    typer.echo(json.dumps(facts, default=str, ensure_ascii=False) if as_json else lines)


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run what is asynchronous to its end."""
    return uvloop.run(work)


def note(line: str, as_json: bool) -> None:
    """A word on the way, for a person only; never on the output that a program reads."""
    if not as_json:
        typer.echo(line, err=True)
