"""keys_page: `/settings/keys`: by which programs use the API, how far they reach; merchants' people see their own."""

from __future__ import annotations

from collections.abc import Mapping

from litestar import Response

from doorstep.doors.console.speaking import Told
from doorstep.doors.console.visit import Visit, see_other
from doorstep.kit import clock
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.setup.keys import SCOPES, create_key, list_keys, revoke_key
from doorstep.setup.people import merchants_known

SCOPE_SAYS = Told({
    "read": "See everything of the merchant",
    "intake:write": "Orders: send, change, import",
    "processing:write": "Holds, promises, addresses",
    "fulfillment:write": "Release, pick, pack",
    "shipping:write": "Labels, hand-over",
    "tracking:write": "Scans, deliveries",
    "changes:write": "Cancel, mend, take back",
    "cash:write": "Payments, invoices, refunds",
    "inventory:write": "Receive, count, move",
    "setup:write": "Channels, SKUs, webhooks",
})  # fmt: skip
DONE = Told({"revoked": "The key opens nothing any more."})
# A program of a merchant's is a channel of its orders besides; further than who made it no key reaches.
OF_A_MERCHANT = frozenset({"merchant", "channel"})


async def show(visit: Visit) -> Response[str]:
    return await _page(visit, did=visit.query.get("did", ""))


async def create(visit: Visit) -> Response[str]:
    """A new key, shown this one time; refused, the form is shown again as it was filled in."""
    form, person = visit.form, visit.visitor.person
    try:
        merchant = await _merchant(visit, form.get("merchant", ""))
        scopes = [scope for scope in SCOPES if form.get(f"scope {scope}")]
        limit = OF_A_MERCHANT if person.role == "merchant" else None
        name = form.get("name", "").strip()[:80]
        secret, _ = await create_key(
            visit.db, merchant, clock.now(), name=name, scopes=scopes, by=visit.by, roles=limit
        )
    except Refusal as refusal:
        return await _page(visit, refusal=refusal, form=form)
    return await _page(visit, secret=secret)


async def revoke(visit: Visit) -> Response[str]:
    await revoke_key(visit.db, visit.visitor.merchants, visit.path["key"], clock.now(), visit.by)
    return see_other("/settings/keys?did=revoked")


async def _merchant(visit: Visit, key: str) -> int:
    """Of those that this person sees; the only one needs no name. Refuses NotFound."""
    async with visit.reading() as tx:
        found = {row["key"]: int(row["merchant_id"]) for row in await merchants_known(tx)}
    if len(found) == 1 and not key:
        return next(iter(found.values()))
    if key not in found:
        raise NotFound(merchant=key[:60])
    return found[key]


async def _page(
    visit: Visit, *, did: str = "", refusal: Refusal | None = None, form: Mapping[str, str] | None = None,
    secret: str = "",
) -> Response[str]:  # fmt: skip
    async with visit.reading() as tx:
        keys = await list_keys(tx)
        merchants = await merchants_known(tx)
    return visit.show(
        "keys.html",
        refusal.status if refusal else 200,
        open_keys=[key for key in keys if key.revoked_at is None],
        ended_keys=[key for key in keys if key.revoked_at is not None],
        merchants=merchants,
        scopes=SCOPE_SAYS,
        did=DONE.get(did, ""),
        refusal=refusal,
        form=form or {},
        is_tried=form is not None,
        secret=secret,
    )
