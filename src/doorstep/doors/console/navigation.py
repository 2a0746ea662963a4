"""navigation: the pages that stand in the navigation, in its order. A page that comes adds a line here, and is there:
in the sidebar, on the phone's bar, in the command palette, on the help sheet and under its key.
"""

from __future__ import annotations

from dataclasses import dataclass

from doorstep.doors.console.speaking import Told
from doorstep.setup.people import ROLES

EVERYBODY = frozenset(ROLES)
RUNNERS = frozenset({"owner", "operator"})
SETTERS = RUNNERS | {"merchant"}
# The phone's bar has room for so many; the others are behind "More".
ON_PHONE = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A page: `icon` is a drawing of static/vendor/icons.svg, `key` is hit after g, `roles` are the people's who see
    it. `name` is what NAMES call it; templates say `{% set at = "…" %}` to be marked."""

    name: str
    address: str
    icon: str
    key: str
    roles: frozenset[str] = EVERYBODY

    @property
    def called(self) -> str:
        return NAMES[self.name]

    @property
    def says(self) -> str:
        return SAYS.get(self.name, "")


NAMES = Told({
    "today": "Today",
    "attention": "Needs attention",
    "orders": "Orders",
    "floor": "Floor",
    "catalog": "Catalog",
    "stock": "Stock",
    "reports": "Reports",
    "import": "Import",
    "settings": "Settings",
    "sites": "Sites",
    "merchants": "Merchants",
    "accounts": "Carriers and payments",
    "rate-cards": "Rate cards",
    "methods": "Shipping methods",
})  # fmt: skip

PLACES = (
    Place("orders", "/orders", "package", "o"),
    Place("floor", "/floor", "scan-barcode", "f", EVERYBODY - {"merchant"}),
    Place("catalog", "/catalog", "tag", "c"),
    Place("stock", "/stock", "boxes", "s"),
    Place("import", "/import", "upload", "i", SETTERS),
    Place("settings", "/settings", "settings", ",", SETTERS),
)

# What is behind Settings, in its order.
SETTINGS = (
    Place("sites", "/settings/sites", "warehouse", "", SETTERS),
    Place("merchants", "/settings/merchants", "store", "", SETTERS),
    Place("accounts", "/settings/accounts", "plug", "", RUNNERS),
    Place("rate-cards", "/settings/rate-cards", "receipt", "", RUNNERS),
    Place("methods", "/settings/methods", "truck", "", SETTERS),
)


SAYS = Told({
    "sites": "Where goods stand and leave from, and until when",
    "merchants": "Who sells, and what happens to their orders without anybody asking",
    "accounts": "Accounts with those who move parcels and money",
    "rate-cards": "Price lists of carriers that have no program to ask",
    "methods": "What channels call the ways to ship, and what that means here",
})  # fmt: skip


def settings(role: str) -> list[Place]:
    return [place for place in SETTINGS if role in place.roles]


def places(role: str) -> list[Place]:
    return [place for place in PLACES if role in place.roles]


def home(role: str) -> str:
    """Where somebody of this role begins."""
    return "/floor" if role == "floor" else places(role)[0].address
