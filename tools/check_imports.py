"""check_imports: the import rule of the house; every break is told with what is wrong and how to mend it.

The contracts in pyproject.toml say which part may import which; here is what only reading the code can tell:
a rule (`decide`) is pure, and a plugin imports doorstep.plug alone.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMPURE_CALLS = {"now", "utcnow", "today", "monotonic", "perf_counter", "random", "randint", "choice", "uuid4", "open"}
PLUGIN_MENDING = (
    "import it from doorstep.plug; if it is missing there, let doorstep/plug/__init__.py pass it on: "
    "that is the promise plugins can rely on while the rest moves"
)
RULE_MENDING = "read it before the rule runs and hand it in as a field of its Facts"


def main() -> int:
    broken = [*broken_contracts(), *impure_rules(ROOT / "src" / "doorstep"), *nosy_plugins(ROOT / "plugins")]
    for line in broken:
        print(line)
    print(f"Import rule: {'kept' if not broken else 'broken, see above'}.")
    return 1 if broken else 0


def broken_contracts() -> list[str]:
    """What import-linter says; the name of each contract carries its mending."""
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(tool), "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def impure_rules(folder: Path) -> Iterator[str]:
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(_parsed(file)):
            if isinstance(node, ast.AsyncFunctionDef) and _is_rule(node.name):
                yield _told(file, node, f"the rule {node.name} is async, so it may wait for I/O", RULE_MENDING)
            if isinstance(node, ast.FunctionDef) and _is_rule(node.name):
                yield from _impure_calls(file, node)


def _is_rule(name: str) -> bool:
    return name == "decide" or name.startswith("decide_")


def _impure_calls(file: Path, rule: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(rule):
        if isinstance(node, ast.Call) and _called(node) in IMPURE_CALLS:
            yield _told(file, node, f"the rule {rule.name} asks {_called(node)}(): clock, chance or I/O", RULE_MENDING)


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def nosy_plugins(folder: Path) -> Iterator[str]:
    for file in sorted(folder.rglob("*.py")):
        if "tests" in file.relative_to(folder).parts:
            continue
        for node in ast.walk(_parsed(file)):
            for module in _imported(node):
                if module.split(".")[0] == "doorstep" and module.split(".")[:2] != ["doorstep", "plug"]:
                    yield _told(file, node, f"a plugin imports {module}", PLUGIN_MENDING)


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [name.name for name in names]
        case ast.ImportFrom(module="doorstep", names=names):
            return [f"doorstep.{name.name}" for name in names]
        case ast.ImportFrom(module=str(module)):
            return [module]
    return []


def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"), filename=str(file))


def _told(file: Path, node: ast.stmt | ast.expr | ast.AST, wrong: str, mending: str) -> str:
    shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    return f"{shown}:{getattr(node, 'lineno', 0)}: {wrong}. To mend: {mending}."


if __name__ == "__main__":
    sys.exit(main())
