"""print_journey: puts the journey table and the columns of exports, as the code has them, where people read them.

python tools/print_journey.py [--check]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from doorstep.doors.exports.columns import Export
from doorstep.doors.exports.every import EXPORTS
from doorstep.spine.journey import JOURNEY, as_markdown

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- journey: printed from the code by `make journey` -->", "<!-- end of the journey -->"


def verbs() -> str:
    return "\n".join(["| verb | what happens |", "|---|---|", *(f"| `{row.verb}` | {row.says} |" for row in JOURNEY)])


def exports() -> str:
    return "\n\n".join(f"## {export.name}\n\n{export.says}\n\n{columns(export)}" for export in EXPORTS.values())


def columns(export: Export) -> str:
    rows = (f"| `{column.name}` | {column.says} | {column.unit} |" for column in export.columns)
    return "\n".join(["| column | meaning | unit |", "|---|---|---|", *rows])


PAGES = {
    ROOT / "README.md": as_markdown,
    ROOT / "docs" / "words.md": verbs,
    ROOT / "docs" / "exporting.md": exports,
}


def printed(text: str, table: str) -> str:
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n{table}\n{END}", text)


def main() -> int:
    stale = []
    for page, table in PAGES.items():
        text = page.read_text("utf-8")
        fresh = printed(text, table())
        if fresh != text:
            stale.append(page.relative_to(ROOT).as_posix())
            if "--check" not in sys.argv:
                page.write_text(fresh, "utf-8")
    if stale and "--check" in sys.argv:
        print(f"{', '.join(stale)} does not say what the code says: run `make journey`.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
