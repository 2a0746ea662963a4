"""review_party: somebody says whether a buyer is whom a list of denied parties names; who said it, and when, stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import Refusal
from doorstep.setup.customs.names import compared
from doorstep.spine.facts import Hold, OrderFacts, of_merchant, order_facts
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

MATCHES_AT_MOST = 200


class ReviewParty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of all that the order's hold names, or of one `party` of it. The answer holds for every order of that name."""

    order: str
    verdict: Literal["match", "no_match"]
    party: Annotated[str, Meta(max_length=200)] = ""
    note: Annotated[str, Meta(max_length=500)] = ""


class PartyReviewed(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    verdict: str
    parties: list[str]


class NothingToReview(Refusal):
    """Nobody on a list is like a buyer of this order, or not the party that you name."""


@verb(ReviewParty, PartyReviewed)
async def review_party(tx: Tx, asks: list[Ask[ReviewParty]]) -> list[Result]:
    """Say whether the buyer is the listed party: another goes on at once and is not asked about again; the same
    stays held."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks], reads=("holds",))
    ids = await tx.fresh_ids(len(asks) * MATCHES_AT_MOST)
    return each(asks, lambda ask: decide(of_merchant(orders, ask.merchant, number("ord", ask.body.order)), ids, ask))


def decide(order: OrderFacts, ids: Iterator[int], ask: Ask[ReviewParty]) -> Outcome:
    wanted = ask.body
    matches = [match for hold in order.holds for match in _matches(hold) if wanted.party in ("", match["party"])]
    if not matches:
        raise NothingToReview(order=wanted.order, **({"party": wanted.party} if wanted.party else {}))
    parties = sorted({match["party"] for match in matches})
    told = {"verdict": wanted.verdict, "parties": parties, "note": wanted.note}
    outcome = Outcome(order.merchant, ("order", order.order_id), [Event("review_party", [], told)])
    for match in matches[:MATCHES_AT_MOST]:
        review = {
            "review_id": next(ids), "order_id": order.order_id, "name": compared(match["name"]),
            "party": match["party"], "verdict": wanted.verdict, "note": wanted.note, "reviewed_by": ask.actor.name,
            "reviewed_at": ask.at,
        }  # fmt: skip
        outcome.facts.append(Insert("party_review", review))
    outcome.answer = answer_of_order(order.order_id, verdict=wanted.verdict, parties=parties)
    outcome.then = [Job("check", {"order": public("ord", order.order_id)})]
    return outcome


def _matches(hold: Hold) -> list[dict[str, Any]]:
    return list(hold.why.get("matches", ())) if hold.type == "denied_party" and hold.placed_by == "check" else []
