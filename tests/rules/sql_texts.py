"""The SQL of doorstep as its source has it: constants by name, and every other string that looks like a statement."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import doorstep

SRC = Path(doorstep.__file__).parent
STATEMENT = re.compile(r"\s*(select|insert\s+into|update|delete\s+from|merge\s+into|with)\s", re.I)
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
# Stands for what an f-string fills in.
HOLE = "{…}"


@dataclass(frozen=True, slots=True)
class Sql:
    where: str  # doorstep.spine.runner.CLAIM, or spine/runner.py:120
    text: str


def looks_like_sql(text: str) -> bool:
    return bool(STATEMENT.match(text)) and bool(re.search(r"\b(from|into|set|select)\b", text, re.I))


@cache
def constants() -> tuple[Sql, ...]:
    """Module-level constants in capitals, as they are when the code runs; templates are left out."""
    return tuple(_constants())


def _constants() -> Iterator[Sql]:
    for module in _modules():
        for name, value in sorted(vars(module).items()):
            if CONSTANT.fullmatch(name) and _defined_in(module.__name__, name) and not _is_of_a_file(module):
                for path, text in _strings(f"{module.__name__}.{name}", value):
                    if looks_like_sql(text) and "{" not in text:
                        yield Sql(path, text)


def _is_of_a_file(module: Any) -> bool:
    """Its SQL is for a scratch file of SQLite, not for the database."""
    return hasattr(module, "sqlite3")


def _strings(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(f"{path}[{key!r}]", item)
    elif isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        for number, item in enumerate(value):
            yield from _strings(f"{path}[{number}]", item)


def _modules() -> Iterator[Any]:
    for found in walk_packages([str(SRC)], "doorstep."):
        if not found.name.endswith("__main__"):
            yield import_module(found.name)


_ASSIGNED: dict[str, set[str]] = {}


def _defined_in(module: str, name: str) -> bool:
    """Not merely imported from elsewhere."""
    if module not in _ASSIGNED:
        path = SRC.joinpath(*module.split(".")[1:])
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        _ASSIGNED[module] = {
            target.id
            for node in ast.parse(file.read_text("utf-8")).body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
    return name in _ASSIGNED[module]


@cache
def literals(folder: Path = SRC) -> tuple[Sql, ...]:
    """Every string of the source but docstrings; what an f-string fills in is a hole."""
    return tuple(_literals(folder))


def _literals(folder: Path) -> Iterator[Sql]:
    for file in sorted(folder.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        for node in _texts(tree):
            text = _flat(node)
            if looks_like_sql(text):
                yield Sql(f"{file.relative_to(folder)}:{node.lineno}", text)


def _texts(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            yield child
        else:
            yield from _texts(child)


def _flat(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
