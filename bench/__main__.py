"""`python -m bench NAME`: one measurement; its last line with --json is one JSON object."""

from __future__ import annotations

import importlib
import sys

# A module here has `main(arguments: list[str]) -> None`; it is imported only when it is asked for.
BENCHES = {
    "intake": "bench.intake",
    "journey": "bench.journey",
    "reads": "bench.reads",
    "import": "bench.importing",
    "seed": "bench.seed",
    "audit": "bench.auditing",
    "tracking": "bench.tracking",
    "loads": "bench.loads",
    "promise": "bench.promise",
    "papers": "bench.papers",
}


def main() -> None:
    name, *arguments = sys.argv[1:] or ["--help"]
    if name not in BENCHES:
        sys.exit(f"usage: python -m bench {'|'.join(BENCHES)} [--json] [--help]")
    importlib.import_module(BENCHES[name]).main(arguments)


if __name__ == "__main__":
    main()
