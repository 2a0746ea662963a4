"""navigation: the pages that stand in the navigation, in its order. A page that comes adds a line here, and is there:
in the sidebar, on the phone's bar, in the command palette, on the help sheet and under its key.
"""

from __future__ import annotations

from dataclasses import dataclass

from doorstep.doors.console.reach import reaches
from doorstep.doors.console.speaking import Told

# The phone's bar has room for so many; the others are behind "More".
ON_PHONE = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A page: `icon` is a drawing of static/vendor/icons.svg, `key` is hit after g; who sees it, reach.py says.
    `name` is what NAMES call it; templates say `{% set at = "…" %}` to be marked."""

    name: str
    address: str
    icon: str
    key: str

    @property
    def called(self) -> str:
        return NAMES[self.name]


NAMES = Told({
    "today": "Today",
    "attention": "Needs attention",
    "orders": "Orders",
    "floor": "Floor",
    "catalog": "Catalog",
    "stock": "Stock",
    "reports": "Reports",
    "brand": "Buyers' pages",
    "settings": "Settings",
})  # fmt: skip

PLACES = (
    Place("today", "/today", "gauge", "t"),
    Place("attention", "/attention", "inbox", "a"),
    Place("orders", "/orders", "package", "o"),
    Place("floor", "/floor", "scan-barcode", "f"),
    Place("reports", "/reports", "chart-column", "r"),
    Place("settings", "/settings", "settings", ","),
)


def places(role: str) -> list[Place]:
    return [place for place in PLACES if reaches(role, "GET", place.address)]


def home(role: str) -> str:
    """Where somebody of this role begins."""
    return places(role)[0].address
