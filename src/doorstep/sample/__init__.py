"""sample: an operator, three merchants and some 300 orders, as files; written by tools/make_sample.py."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
OPERATOR = FOLDER / "operator.json"
