"""first_steps: what a new doorstep needs first, and what of it is done: on Today until orders come, and in Settings."""

from __future__ import annotations

from doorstep.doors.console.allowing import runs_the_operation
from doorstep.doors.console.speaking import _
from doorstep.doors.console.visit import Visit
from doorstep.doors.reads import setup
from doorstep.spine.tenant import Tx

BEGUN = """
select exists (select from sku s where s.merchant_id = any($1)) as skus,
  exists (select from availability a where a.merchant_id = any($1)) as stock,
  exists (select from orders o where o.merchant_id = any($1)) as orders,
  exists (select from connection c where c.merchant_id = any($1) and c.kind = 'carrier') as carriers
"""

# Where it is done, what is done, what that is, whether it is done.
Step = tuple[str, str, str, bool]


async def first_steps(visit: Visit, tx: Tx) -> list[Step]:
    """All of them while one is not done; none to who sets nothing up."""
    if not runs_the_operation(visit.visitor):
        return []
    begun = await tx.row(BEGUN, list(tx.merchants))
    sites = (await setup.sites(tx)).sites
    steps = [
        ("/settings/merchants/new", _("Add a merchant"), _("Whoever sells; with one shop, that is you."),
            bool(visit.visitor.merchants)),
        ("/settings/sites/new", _("Add a site"), _("Where the goods stand and leave from."), bool(sites)),
        ("/import", _("Import your products"), _("From a shop’s export or any table."), begun["skus"]),
        ("/import", _("Import opening stock"), _("A table of SKU, site and quantity."), begun["stock"]),
        ("/settings/accounts", _("Connect a carrier"), _("Or write down a rate card of your own."), begun["carriers"]),
        ("/import", _("Import your orders"), _("Open ones become work, what is over becomes history."),
            begun["orders"]),
    ]  # fmt: skip
    return [] if all(done for *_step, done in steps) else steps
