"""print_journey: puts the journey table, as the code has it, where people read it: README.md and docs/words.md.

python tools/print_journey.py [--check]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from doorstep.spine.journey import JOURNEY, as_markdown

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- journey: printed from the code by `make journey` -->", "<!-- end of the journey -->"


def verbs() -> str:
    return "\n".join(["| verb | what happens |", "|---|---|", *(f"| `{row.verb}` | {row.says} |" for row in JOURNEY)])


PAGES = {ROOT / "README.md": as_markdown, ROOT / "docs" / "words.md": verbs}


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
        print(f"The journey in {', '.join(stale)} is not the one in the code: run `make journey`.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
