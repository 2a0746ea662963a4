"""why: why is this order here, why not further, and what would move it on; read only, nothing is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from doorstep.kit.ids import public
from doorstep.kit.refusals import NotFound
from doorstep.setup.sites import every_site
from doorstep.spine.facts import Hold, Line, OrderFacts, order_facts
from doorstep.spine.holds import TYPES
from doorstep.spine.journey import JOURNEY, LINE, Row
from doorstep.spine.tenant import Tx

# The newest decisions tell; what was decided before them is in the timeline.
TOLD = 5
DECISIONS = f"""
select d.verb, d.chosen, d.why, d.decided_at from decision d where d.merchant_id = $1 and d.order_id = $2
  order by d.decision_id desc limit {TOLD}
"""
FREE = """
select sku_id, site_id, free from availability where merchant_id = $1 and sku_id = any($2) and free > 0 order by site_id
"""
SHIP_BY = """
select min(ship_by) as ship_by, max(deliver_by) as deliver_by from fulfillment_order
  where merchant_id = $1 and order_id = $2
"""
# Verbs that write down what happened elsewhere are nobody's next move.
OF_THE_PAST = ("import_history", "import_correction")

STAGES: dict[str, str] = {
    "draft": "It is a draft: nothing happens until somebody confirms it.",
    "received": "It came in and was not looked at yet.",
    "processing": "It is being sorted before fulfillment.",
    "awaiting_fulfillment": "Everything is in order and promised: the floor is getting it ready.",
    "in_fulfillment": "It is being picked, packed and sent.",
    "fulfilled": "Everything has left; it is on its way, or there is money to settle.",
    "completed": "It is with the buyer, and everyone is paid.",
    "canceled": "It was canceled.",
    "expired": "Nobody paid in time.",
}


async def why(tx: Tx, order_id: int) -> dict[str, Any]:
    """Stage, open holds and what lifts them, waiting lines and what they lack, decisions, verbs that are possible."""
    order = (await order_facts(tx, [order_id], lock=False)).get(order_id)
    if order is None:
        raise NotFound(order=public("ord", order_id))
    merchant = order.merchant
    sites = {site_id: site.code for site_id, site in (await every_site(tx)).items()}
    skus = list({line.sku_id for line in order.lines if line.sku_id and line.wanted})
    free: dict[int, dict[str, int]] = defaultdict(dict)
    for row in await tx.rows(FREE, merchant, skus):
        free[row["sku_id"]][sites[row["site_id"]]] = row["free"]
    decisions = [_decision(row) for row in await tx.rows(DECISIONS, merchant, order_id)]
    dates = await tx.row(SHIP_BY, merchant, order_id)
    waiting = [_waiting(order, line, free) for line in order.lines if line.wanted]
    holds = [_hold(hold) for hold in order.holds]
    return {
        "order": public("ord", order_id),
        "stage": order.row["stage"],
        "says": STAGES[order.row["stage"]],
        "promise": {name: _day(dates[name]) for name in ("ship_by", "deliver_by")} if dates["ship_by"] else None,
        "holds": holds,
        "waiting": waiting,
        "moves_on": list(dict.fromkeys([*(hold["lifts"] for hold in holds), *(line["mend"] for line in waiting)])),
        "decisions": decisions,
        "next": list(possible(order)),
    }


def possible(order: OrderFacts) -> Iterator[dict[str, Any]]:
    """The rows of the journey whose source is not empty, and what stops them."""
    for row in JOURNEY:
        sources = _sources(row)
        units = sum(int(order.row[source]) for source in sources)
        if units and row.verb not in OF_THE_PAST:
            stopped = order.stopped(row.verb)
            by = stopped.why["hold"] if stopped else None
            yield {"verb": row.verb, "says": row.says, "units": units, "who": list(row.who), "stopped_by": by}


def _sources(row: Row) -> list[str]:
    return [name for name in row.demand.partition(">")[0].replace(" ", "").split("|") if name in LINE]


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "hold": public("hld", hold.hold_id), "type": hold.type, "line": hold.line_no, "reason": hold.reason,
        "fields": hold.why.get("fields", []), "lifts": _lifts_it(hold),
        "by": hold.placed_by, "since": hold.placed_at.isoformat(), "until": _day(hold.until),
    }  # fmt: skip


def _lifts_it(hold: Hold) -> str:
    return str(hold.why.get("lifts") or TYPES[hold.type])


def _lifts(order: OrderFacts, hold: str) -> str:
    """What that hold itself says: told once, not once more in general words."""
    return next(_lifts_it(each) for each in order.holds if public("hld", each.hold_id) == hold)


def _waiting(order: OrderFacts, line: Line, free: Mapping[int, Mapping[str, int]]) -> dict[str, Any]:
    """One line that is not promised yet, for the first reason that stands in its way."""
    at = dict(free.get(line.sku_id or 0, {}))
    told = {"line": line.line_no, "sku": line.code, "quantity": line.wanted, "free": at}
    stopped = order.stopped("promise", line.line_no)
    if stopped:
        because, mend = f"held: {stopped.why['reason']}", _lifts(order, stopped.why["hold"])
    elif line.sku_id is None:
        because, mend = "nobody knows which SKU it is", "say which SKU it is"
    elif not order.row["checks"]:
        because, mend = "the order was not checked yet", "check it"
    elif order.row["ship"] == "complete" and sum(at.values()) >= line.wanted:
        because, mend = "the order ships complete, and another line is missing", "what the other line waits for"
    elif sum(at.values()) >= line.wanted:
        because, mend = "there is stock that it was not given yet", "promise it"
    else:
        missing = line.wanted - sum(at.values())
        because, mend = f"{missing} more of {line.code} must come in", f"receive {line.code}"
    return told | {"because": because, "mend": mend}


def _decision(row: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen, and what was not, for which reason."""
    reasons = msgspec.json.decode(row["why"])
    return {
        "verb": row["verb"], "chosen": row["chosen"], "refused": reasons.get("refused", {}), "why": reasons,
        "decided_at": row["decided_at"].isoformat(),
    }  # fmt: skip


def _day(value: datetime | None) -> str | None:
    return value.isoformat() if value is not None else None
