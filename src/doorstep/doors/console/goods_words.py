"""goods_words: a movement of goods in words: what happened, from where to where, how it changed what stands there."""

from __future__ import annotations

from typing import Any

from doorstep.doors.console import words
from doorstep.doors.console.speaking import Told, _, grouped
from doorstep.setup.places import PARCEL

STAGES = Told({
    "free": "free", "reserved": "promised", "picked": "picked", "packed": "packed", "quarantine": "in quarantine",
    "world": "gone",
})  # fmt: skip
HAPPENED = Told({
    "receive": "Arrived", "put_away": "Moved to another bin", "adjust": "The count was put right",
    "restock": "Sold again",
    "scrap": "Thrown away", "import_opening": "Stood there before", "import_correction": "Corrected elsewhere",
    "import_history": "Moved elsewhere",
})  # fmt: skip


def happened(row: Any) -> str:
    return HAPPENED.get(row["verb"]) or words.happened(row["verb"], {})


def signed(row: Any) -> str:
    """+ for what came to the site, − for what left it; what only changed its place or stage has neither."""
    if row["source"] == "world":
        return f"+{grouped(row['quantity'])}"
    return f"−{grouped(row['quantity'])}" if row["target"] == "world" else grouped(row["quantity"])


def tone(row: Any) -> str:
    return "green" if row["source"] == "world" else "amber" if row["target"] == "world" else "slate"


def way(row: Any) -> str:
    ends = [_end(row["source"], row["source_place"]), _end(row["target"], row["target_place"])]
    told = _("%(site)s: %(from)s → %(to)s", site=row["site"], **{"from": ends[0], "to": ends[1]})
    return f"{told} · {_('lot %(lot)s', lot=row['lot'])}" if row["lot"] else told


def _end(stage: str, place: str) -> str:
    if stage == "world":
        return _("outside")
    if not place or place.startswith(PARCEL):
        return STAGES[stage]
    return f"{STAGES[stage]} ({words.place(place)})"
