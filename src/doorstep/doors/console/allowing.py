"""allowing: who may set something up; who may ask a verb, the journey's table says."""

from __future__ import annotations

from litestar import Response

from doorstep.doors.console.narrowing import merchants_of
from doorstep.doors.console.navigation import NAMES
from doorstep.doors.console.signing_in import Visitor
from doorstep.doors.console.visit import Visit, see_other
from doorstep.kit.refusals import NotAllowed, NotFound
from doorstep.setup.merchants import UnknownMerchant, merchant_of
from doorstep.spine.journey import ROWS
from doorstep.spine.verbs import VERBS


def may(verb: str, roles: frozenset[str]) -> bool:
    """Whether the journey lets one of these roles ask it, and there is code for it."""
    return verb in VERBS and bool(roles & set(ROWS[verb].who))


def must(visit: Visit, verb: str) -> None:
    """Refuses NotAllowed."""
    if not may(verb, visit.visitor.actor.roles):
        raise NotAllowed(verb=verb, role=visit.visitor.person.role)


def runs_the_operation(visitor: Visitor) -> bool:
    """Sites, merchants and accounts with carriers are the operator's."""
    return visitor.person.role in ("owner", "operator")


def sets_up(visitor: Visitor) -> bool:
    """What a merchant sells and how it wants to be treated is the operator's and its own people's."""
    return runs_the_operation(visitor) or visitor.person.role == "merchant"


def must_run_the_operation(visit: Visit) -> None:
    """Refuses NotAllowed."""
    if not runs_the_operation(visit.visitor):
        raise NotAllowed(role=visit.visitor.person.role)


def must_set_up(visit: Visit) -> None:
    """Refuses NotAllowed."""
    if not sets_up(visit.visitor):
        raise NotAllowed(role=visit.visitor.person.role)


async def merchant_named(visit: Visit, key: str) -> int:
    """The merchant of this key, one that the visitor sees; refuses NotFound, as for one that is not there."""
    try:
        found = await merchant_of(visit.db, key)
    except UnknownMerchant:
        raise NotFound(merchant=key[:60]) from None
    if found not in visit.visitor.merchants:
        raise NotFound(merchant=key[:60])
    return found


async def whose(visit: Visit, title: str, address: str, at: str) -> Response[str]:
    """On to `address/KEY` of the merchant that is meant: the only one, or the one that is chosen."""
    async with visit.reading() as tx:
        choices = (await merchants_of(tx)).choices
    if len(choices) == 1:
        return see_other(f"{address}/{choices[0][0]}")
    return visit.show("whose.html", title=title, address=address, choices=choices, at=at)


def nobody_yet(visit: Visit, name: str) -> Response[str]:
    """A page of the settings that is about a merchant, before there is one."""
    return visit.show("whose.html", title=NAMES[name], address="", choices=[], at="settings")
