"""people_page: `/settings/people`: who may sign in, as what; invite, change, end. And `/settings`, which leads on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Response

from doorstep.doors.console.letters import send
from doorstep.doors.console.speaking import Told, _
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.http.problems import NoSuchPage
from doorstep.kit.address import public_address
from doorstep.kit.refusals import NotAllowed, NotFound, Refusal
from doorstep.plug.notifier import has_server
from doorstep.setup.people import (
    OF_A_MERCHANT,
    ROLES,
    add_person,
    change_role,
    email_of,
    end_person,
    everybody,
    may_manage,
    merchants_known,
    person_called,
)
from doorstep.setup.sessions import INVITATION_LASTS, issue_link
from doorstep.spine.tenant import tenant_tx

DONE = Told({
    "role": "Their role is changed: it counts from their next page on.",
    "end": "They are signed out everywhere, and cannot come in any more.",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Invited:
    """A link to hand over: it is shown this one time."""

    email: str
    link: str
    posted: bool


async def show(visit: Visit) -> Response[str]:
    return await _page(visit, did=visit.query.get("did", ""))


async def invite(visit: Visit) -> Response[str]:
    """Somebody new; refused, the form is shown again as it was filled in."""
    form = visit.form
    email, role, name = form.get("email", ""), form.get("role", ""), form.get("name", "")
    try:
        may_manage(visit.visitor.person, *({role} & ROLES.keys()))
        merchant = await _merchant(visit, role)
        await add_person(visit.db, email, role, name=name, merchant=merchant, by=visit.by)
        return await _page(visit, invited=await _invited(visit, email))
    except Refusal as refusal:
        return await _page(visit, refusal=refusal, form=form)


async def change(visit: Visit) -> Response[str]:
    """Another role, another link, or the end; for those this person manages."""
    what, db, manager = visit.path["change"], visit.db, visit.visitor.person
    if what not in ("role", "link", "end"):
        raise NoSuchPage
    email = await email_of(db, visit.path["person"])
    try:
        if what == "role":
            role = visit.form.get("role", "")
            await change_role(db, email, role, await _merchant(visit, role), by=visit.by, manager=manager)
        elif what == "end":
            await end_person(db, email, by=visit.by, manager=manager)
        else:
            await _may_give_link(visit, email)
            return await _page(visit, invited=await _invited(visit, email))
    except NotAllowed:
        raise
    except Refusal as refusal:
        return await _page(visit, refusal=refusal)
    return see_other(f"/settings/people?did={what}")


async def _may_give_link(visit: Visit, email: str) -> None:
    """Whoever makes a link could use it themselves: only for those whom they manage. Refuses NotAllowed."""
    may_manage(visit.visitor.person, (await person_called(visit.db, email)).role)


async def _merchant(visit: Visit, role: str) -> int | None:
    """Of the form, for roles that have one; refuses NotFound."""
    key = visit.form.get("merchant", "")
    if role not in OF_A_MERCHANT or not key:
        return None
    found = {row["key"]: int(row["merchant_id"]) for row in await _merchants(visit)}
    if key not in found:
        raise NotFound(merchant=key[:60])
    return found[key]


async def _merchants(visit: Visit) -> list[Mapping[str, Any]]:
    async with tenant_tx(visit.db, visit.visitor.merchants, readonly=True) as tx:
        return [row for row in await merchants_known(tx) if not row["is_operator"]]


async def _invited(visit: Visit, email: str) -> Invited:
    token = await issue_link(visit.db, email, lasts=INVITATION_LASTS, kind="letter", by=visit.by)
    link = f"{public_address() or visit.browser.origin}/in/{token}"
    text = _(
        "%(name)s invites you to doorstep. This link lets you in once, within seven days:\n\n%(link)s",
        name=visit.visitor.person.called,
        link=link,
    )
    posted = has_server() and await send(visit.db, email, _("Your invitation to doorstep"), text)
    return Invited(email, link, posted)


async def _page(
    visit: Visit, *, did: str = "", refusal: Refusal | None = None, form: Mapping[str, str] | None = None,
    invited: Invited | None = None,
) -> Response[str]:  # fmt: skip
    manager = visit.visitor.person
    return visit.show(
        "people.html",
        refusal.status if refusal else 200,
        people=await everybody(visit.db),
        roles=[role for role in ROLES if role in manager.manages],
        merchants=await _merchants(visit),
        did=DONE.get(did, ""),
        refusal=refusal,
        form=form or {},
        is_tried=form is not None,
        invited=invited,
    )
