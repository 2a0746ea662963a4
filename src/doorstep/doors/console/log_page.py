"""log_page: `/settings/log`: who signed in or tried to, and who changed people, keys and settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from litestar import Response

from doorstep.doors.console import words
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit
from doorstep.doors.reads import cursor
from doorstep.setup.log import AREAS, Entry, latest
from doorstep.setup.people import merchants_known

SHOWN = 50
NEWEST = (datetime(2199, 1, 1, tzinfo=UTC), 0)

AREA_SAYS = Told({
    "sign_in": "Sign-ins", "account": "Accounts", "people": "People", "keys": "API keys", "settings": "Settings",
})  # fmt: skip
SAYS = Told({
    "signed_in": "Signed in",
    "sign_in_failed": "Sign-in failed",
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
SETTINGS = Told({
    "carrier": "account with a carrier", "no carrier": "account with a carrier removed",
    "payments": "account with a provider", "no payments": "account with a provider removed",
    "merchant": "merchant", "new merchant": "new merchant", "site": "site", "new site": "new site",
    "channel": "channel", "new channel": "new channel", "SKU": "SKU", "new SKU": "new SKU",
    "alias": "name of a SKU", "no alias": "name of a SKU removed", "shipping method": "shipping method",
    "brand": "buyers' pages",
    "webhook": "webhook", "new webhook": "new webhook", "no webhook": "webhook removed",
    "secret key": "new key for what is sealed", "no secret key": "old key for what is sealed removed",
})  # fmt: skip
ALARMING = ("sign_in_failed", "code_failed", "tries_stopped")


async def show(visit: Visit) -> Response[str]:
    area = visit.query.get("area", "")
    area = area if area in AREAS else ""
    before = visit.query.get("before", "")
    since = cursor.read(before, tuple[datetime, int]) if before else NEWEST
    entries = await latest(visit.db, since, SHOWN + 1, area)
    async with visit.reading() as tx:
        names = {row["merchant_id"]: row["name"] for row in await merchants_known(tx)}
    shown = entries[:SHOWN]
    older = cursor.write(shown[-1].at, shown[-1].entry_id) if len(entries) > SHOWN else ""
    return visit.show(
        "log.html",
        entries=[(entry, told(entry, names)) for entry in shown],
        area=area,
        areas=AREA_SAYS,
        older=older,
        is_first=not before,
        says=SAYS,
        alarming=ALARMING,
    )


def told(entry: Entry, merchants: Mapping[int, str]) -> str:
    """The particulars in words."""
    details = entry.details
    parts = [_change(details), WAYS.get(details.get("way", ""), ""), details.get("there", "")]
    parts.append(f"{details['key']}…" if "key" in details else "")
    parts.append(SETTINGS.get(details.get("setting", ""), details.get("setting", "")))
    parts.append(merchants.get(details.get("merchant", 0), ""))
    return " · ".join(filter(None, parts))


def _change(details: Mapping[str, Any]) -> str:
    role = words.ROLES.get(details.get("role", ""), "")
    return _("%(was)s, now %(role)s", was=words.ROLES[details["was"]], role=role) if "was" in details else role
