"""reach: which pages a role reaches, and where it may change something. What a verb asks for, the journey says besides.

The first line that a path begins with counts. Whoever is not named gets NotAllowed, from pages and forms alike.
"""

from __future__ import annotations

from doorstep.kit.refusals import NotAllowed
from doorstep.setup.people import ROLES, Person

ANYBODY = frozenset(ROLES)
MANAGERS = frozenset({"owner", "operator"})
DESK = frozenset({"owner", "operator", "merchant", "read_only"})
HANDS = frozenset({"owner", "operator", "floor"})
KEY_HOLDERS = frozenset({"owner", "operator", "merchant"})
NOBODY: frozenset[str] = frozenset()

# path, who sees it, who may post there
REACH: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = (
    ("/", ANYBODY, NOBODY),
    ("/look", NOBODY, ANYBODY),
    ("/me", ANYBODY, ANYBODY),
    ("/welcome", ANYBODY, ANYBODY),
    ("/settings/people", MANAGERS, MANAGERS),
    ("/settings/log", MANAGERS, NOBODY),
    ("/settings/keys", KEY_HOLDERS, KEY_HOLDERS),
    ("/settings/brand", KEY_HOLDERS, KEY_HOLDERS),
    ("/settings/notices", KEY_HOLDERS, KEY_HOLDERS),
    ("/settings/accounts", MANAGERS, MANAGERS),
    ("/settings/rate-cards", MANAGERS, MANAGERS),
    ("/settings/sites", KEY_HOLDERS, MANAGERS),
    ("/settings", KEY_HOLDERS, KEY_HOLDERS),
    ("/import", KEY_HOLDERS, KEY_HOLDERS),
    ("/catalog", ANYBODY, HANDS | {"merchant"}),
    ("/stock", ANYBODY, HANDS | {"merchant"}),
    ("/loads", HANDS | {"read_only"}, HANDS),
    ("/floor", HANDS | {"read_only"}, HANDS),
    # How a list looks to somebody is their own affair.
    ("/orders/columns", NOBODY, DESK),
    ("/orders/views", NOBODY, DESK),
    # The floor sees what it packs; what was paid is none of its work.
    ("/orders/{order:str}/invoices", DESK, NOBODY),
    ("/orders/{order:str}/parcels", ANYBODY, HANDS),
    ("/orders/{order:str}", ANYBODY, HANDS | {"merchant"}),
)
# Whatever is not named.
SEEN_BY, POSTED_BY = DESK, DESK - {"read_only"}


def reaches(role: str, method: str, path: str) -> bool:
    """Whether a page is for somebody of this role; `path` is as PAGES has it."""
    for begins, seen_by, posted_by in REACH:
        if path == begins or (begins != "/" and path.startswith(f"{begins}/")):
            return role in (seen_by if method == "GET" else posted_by)
    return role in (SEEN_BY if method == "GET" else POSTED_BY)


def check_reach(person: Person, method: str, path: str) -> None:
    """Refuses NotAllowed."""
    if not reaches(person.role, method, path):
        raise NotAllowed(role=person.role)
