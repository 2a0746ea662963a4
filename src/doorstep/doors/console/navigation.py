"""navigation: the pages that stand in the navigation, in its order. A page that comes adds a line here, and is there:
in the sidebar, on the phone's bar, in the command palette, on the help sheet and under its key.
"""

from __future__ import annotations

from dataclasses import dataclass

from doorstep.doors.console.reach import reaches
from doorstep.doors.console.speaking import Told


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

    @property
    def called_short(self) -> str:
        """Where there is little room."""
        return SHORT.get(self.name, self.called)

    @property
    def says(self) -> str:
        return SAYS.get(self.name, "")


NAMES = Told({
    "today": "Today",
    "attention": "Needs attention",
    "orders": "Orders",
    "floor": "Floor",
    "loads": "Loads",
    "catalog": "Catalog",
    "stock": "Stock",
    "reports": "Reports",
    "import": "Import",
    "settings": "Settings",
    "sites": "Sites",
    "merchants": "Merchants",
    "channels": "Channels",
    "accounts": "Carriers and payments",
    "rate-cards": "Rate cards",
    "methods": "Shipping methods",
    "shipping-rules": "Shipping rules",
    "brand": "Buyers' pages",
    "notices": "Notices",
    "people": "People",
    "api-keys": "API keys",
    "log": "Log",
})  # fmt: skip

# On the phone's bar.
SHORT = Told({"attention": "Attention"})

PLACES = (
    Place("today", "/today", "gauge", "t"),
    Place("attention", "/attention", "inbox", "a"),
    Place("orders", "/orders", "package", "o"),
    Place("floor", "/floor", "scan-barcode", "f"),
    Place("loads", "/loads", "layers", "l"),
    Place("catalog", "/catalog", "tag", "c"),
    Place("stock", "/stock", "boxes", "s"),
    Place("import", "/import", "upload", "i"),
    Place("reports", "/reports", "chart-column", "r"),
    Place("settings", "/settings", "settings", ","),
)

# What is behind Settings, in its order.
SETTINGS = (
    Place("sites", "/settings/sites", "warehouse", ""),
    Place("merchants", "/settings/merchants", "store", ""),
    Place("channels", "/settings/channels", "layers", ""),
    Place("accounts", "/settings/accounts", "plug", ""),
    Place("rate-cards", "/settings/rate-cards", "receipt", ""),
    Place("methods", "/settings/methods", "truck", ""),
    Place("shipping-rules", "/settings/shipping-rules", "list-checks", ""),
    Place("brand", "/settings/brand", "globe", ""),
    Place("notices", "/settings/notices", "bell", ""),
    Place("people", "/settings/people", "users", ""),
    Place("api-keys", "/settings/keys", "key-round", ""),
    Place("log", "/settings/log", "file-text", ""),
)


SAYS = Told({
    "sites": "Where goods stand and leave from, and until when",
    "merchants": "Who sells, and what happens to their orders without anybody asking",
    "channels": "Where orders come from, and what people call it",
    "accounts": "Accounts with those who move parcels and money",
    "rate-cards": "Price lists of carriers that have no program to ask",
    "methods": "What channels call the ways to ship, and what that means here",
    "shipping-rules": "Which carrier and service a label is bought from",
    "brand": "How buyers see a shop: its tracking page and its letters",
    "notices": "What buyers are told, by which medium, in which words, and when it is quiet",
    "people": "Who comes in, and how far",
    "api-keys": "Programs that ask doorstep, and what each may do",
    "log": "Who changed people, keys and settings, and who came in",
})  # fmt: skip


def settings(role: str) -> list[Place]:
    return [place for place in SETTINGS if reaches(role, "GET", place.address)]


def places(role: str) -> list[Place]:
    return [place for place in PLACES if reaches(role, "GET", place.address)]


def home(role: str) -> str:
    """Where somebody of this role begins."""
    return places(role)[0].address
