"""Every verb of the journey is asked in a story, and every refusal is asserted by its name in some test."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import doorstep
from doorstep.kit.refusals import every_refusal
from doorstep.spine.journey import ROWS

HERE = Path(__file__).resolve()
TESTS = HERE.parents[1]
STORIES = TESTS / "stories"
# The rooms whose refusals need a story. Doors and plugs have tests of their own beside them.
ROOMS = ("journey", "setup", "spine", "kit")
ASKING = ("ask", "ask_all", "do", "refuses")
# Assertions that have a name of their own.
ASSERTING = ("problem", "raises", "refuses")

# What no test run can meet, each with the reason.
NOT_TO_BE_MET: dict[str, str] = {}


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def asked_in(node: ast.AST) -> Iterator[str]:
    """The verbs that are asked by name: `shop.do("place", …)`."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and _called(call) in ASKING:
            first = call.args[0] if call.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def asked_in_stories() -> set[str]:
    return {verb for file in STORIES.glob("test_*.py") for verb in asked_in(tree(file))}


def asserted_in(file: Path) -> Iterator[str]:
    """Every name and word in an assertion, or in what a test is repeated for."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Assert):
            yield from _words(node.test)
        elif isinstance(node, ast.Call) and _called(node) in ASSERTING:
            yield from _words(*node.args)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _words(*node.decorator_list)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def _words(*nodes: ast.AST) -> Iterator[str]:
    for root in nodes:
        for node in ast.walk(root):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def asserted() -> set[str]:
    return {word for file in TESTS.rglob("*.py") if file != HERE for word in asserted_in(file)}


def refusals() -> dict[str, str]:
    """Code and module of every refusal of these rooms, whether or not something else has loaded it."""
    for module in pkgutil.walk_packages(doorstep.__path__, "doorstep."):
        if module.name.split(".")[1] in ROOMS and "__main__" not in module.name:
            importlib.import_module(module.name)
    rooms = tuple(f"doorstep.{room}." for room in ROOMS)
    return {kind.__name__: kind.__module__ for kind in every_refusal() if kind.__module__.startswith(rooms)}


def test_every_verb_is_asked_in_a_story() -> None:
    asked = asked_in_stories()
    missing = [verb for verb in ROWS if verb not in asked]
    assert not missing, (
        f"no story asks {', '.join(missing)}. To mend: tell in tests/stories/test_<stage>.py what somebody does with "
        'it and sees, as `await shop.do("<verb>", …)`.'
    )


def test_every_refusal_is_asserted_by_its_name() -> None:
    known = asserted()
    missing = {code: module for code, module in refusals().items() if code not in known and code not in NOT_TO_BE_MET}
    told = "\n".join(f"  {code} ({module})" for code, module in sorted(missing.items(), key=lambda one: one[::-1]))
    assert not missing, (
        f"no test asserts these refusals:\n{told}\nTo mend: tell in tests/stories how somebody meets it, assert its "
        "name and what did not change; where no run can meet it, say why in NOT_TO_BE_MET."
    )


def test_what_cannot_be_met_is_there_and_has_a_reason() -> None:
    gone = [code for code in NOT_TO_BE_MET if code not in refusals()]
    assert not gone, f"{', '.join(gone)}: no such refusal any more. To mend: take it out of NOT_TO_BE_MET."
    assert all(len(reason.split()) > 3 for reason in NOT_TO_BE_MET.values())


def test_a_refusal_that_no_test_names_is_told(tmp_path: Path) -> None:
    story = tmp_path / "test_story.py"
    story.write_text(
        "from doorstep.kit.refusals import Busy, Short\n"
        "async def test_it(shop):\n"
        '    await shop.do("pick", line=1)\n'
        '    refused = await shop.ask("pack")\n'
        "    assert isinstance(refused, Short)\n"
    )
    assert set(asked_in(tree(story))) == {"pick", "pack"}
    assert "Short" in set(asserted_in(story)) and "Busy" not in set(asserted_in(story))
