"""log_page: `/settings/log`: who signed in or tried to, and who changed people, keys and settings."""

from __future__ import annotations

from datetime import UTC, datetime

from litestar import Response

from doorstep.doors.console import words
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit
from doorstep.doors.reads import cursor
from doorstep.setup.log import AREAS, Entry, latest

SHOWN = 50
NEWEST = (datetime(2199, 1, 1, tzinfo=UTC), 0)

AREA_SAYS = Told({
    "sign_in": "Sign-ins", "account": "Accounts", "people": "People", "keys": "API keys", "settings": "Settings",
})  # fmt: skip
SAYS = Told({
    "signed_in": "Signed in",
    "sign_in_failed": "Wrong password",
    "code_failed": "Wrong code",
    "tries_stopped": "Too many tries, stopped",
    "signed_out": "Signed out",
    "session_ended": "Signed out elsewhere",
    "link_made": "Link made",
    "password_set": "Password set",
    "second_factor_on": "Two-factor sign-in on",
    "second_factor_off": "Two-factor sign-in off",
    "recovery_codes_made": "New recovery codes",
    "recovery_code_used": "Recovery code used",
    "person_invited": "Invited",
    "person_ended": "Ended",
    "role_changed": "Role changed",
    "key_made": "API key made",
    "key_revoked": "API key revoked",
    "setting_changed": "Setting changed",
})  # fmt: skip
WAYS = Told({
    "link": "by a link from the machine", "letter": "by a link", "password": "with the password",
    "oidc": "by single sign-on", "account": "in the account",
})  # fmt: skip
ALARMING = ("sign_in_failed", "code_failed", "tries_stopped")


async def show(visit: Visit) -> Response[str]:
    area = visit.query.get("area", "")
    area = area if area in AREAS else ""
    before = visit.query.get("before", "")
    entries = await latest(visit.db, cursor.read(before, tuple[datetime, int]) if before else NEWEST, SHOWN + 1, area)
    shown = entries[:SHOWN]
    older = cursor.write(shown[-1].at, shown[-1].entry_id) if len(entries) > SHOWN else ""
    return visit.show(
        "log.html", entries=shown, area=area, areas=AREA_SAYS, older=older, is_first=not before, says=SAYS, told=told,
        alarming=ALARMING,
    )  # fmt: skip


def told(entry: Entry) -> str:
    """The particulars in words."""
    details = entry.details
    if "was" in details:
        return _("%(was)s, now %(role)s", was=words.ROLES[details["was"]], role=words.ROLES[details["role"]])
    if "role" in details:
        return words.ROLES[details["role"]]
    if "way" in details:
        return WAYS.get(details["way"], "")
    if "key" in details:
        return f"{details['key']}…"
    return str(details.get("there", "") or details.get("setting", ""))
