"""finding: follows the events and writes down what orders are found by, beside the way they come in.

An order that changes twice in a batch (doors/worker/following.py) is looked at once.
"""

from __future__ import annotations

from doorstep.doors.reads.words import standing_of, tokens_of
from doorstep.doors.worker.following import Follower, News
from doorstep.spine.journey import ROWS
from doorstep.spine.tenant import Tx

EVENTS = 2_000  # of one merchant in one batch
# Verbs that change no name, number, SKU or address of an order: after them only its standing is looked at. What is not
# in here is looked at whole.
NAME_NOTHING = frozenset(ROWS) & {
    "confirm", "promise", "fill", "unpromise", "expire", "hold", "lift", "release", "pick", "short", "unpick", "unpack",
    "want_label", "ask_label", "refuse_label", "want_void", "keep_void", "hand_over", "track", "deliver", "lose",
    "want_authorization", "authorize", "expire_authorization", "decline", "record_payment", "want_capture", "capture",
    "want_release_of_funds", "release_funds", "remit", "issue_invoice", "issue_credit", "want_refund", "refund",
    "cancel", "insure", "note", "take_back", "keep_notice", "keep_receipt", "open_case", "answer_case",
    "close_case", "want_return_label", "refuse_return_label", "want_return_void", "keep_return_void", "put_in",
    "take_out",
}  # fmt: skip

_THESE = "select $1::bigint as merchant_id, u.order_id from unnest($2::bigint[]) u(order_id)"
ADD_TOKENS = f"""
insert into order_token (merchant_id, placed_at, order_id, token)
  select t.merchant_id, t.placed_at, t.order_id, t.token from ({tokens_of(_THESE)}) t
    order by t.token, t.placed_at, t.order_id
  on conflict (merchant_id, token, placed_at, order_id) do nothing
"""
# Ways to stand that nobody has seen yet; there are few, and soon none.
ADD_STANDINGS = f"""
insert into standing (stage, payment, fulfillment, delivery, holds)
  select distinct w.stage, w.payment, w.fulfillment, w.delivery, w.holds from ({standing_of(_THESE)}) w
    where not exists (select from standing s where (s.stage, s.payment, s.fulfillment, s.delivery, s.holds)
      = (w.stage, w.payment, w.fulfillment, w.delivery, w.holds))
  on conflict (stage, payment, fulfillment, delivery, holds) do nothing
"""
KEEP_STANDING = f"""
insert into order_standing as k (merchant_id, order_id, placed_at, standing_id)
  select w.merchant_id, w.order_id, w.placed_at, s.standing_id from ({standing_of(_THESE)}) w
    join standing s on (s.stage, s.payment, s.fulfillment, s.delivery, s.holds)
      = (w.stage, w.payment, w.fulfillment, w.delivery, w.holds)
    order by w.order_id
  on conflict (merchant_id, order_id) do update
    set standing_id = excluded.standing_id, placed_at = excluded.placed_at
    where (k.standing_id, k.placed_at) <> (excluded.standing_id, excluded.placed_at)
"""


async def write(tx: Tx, news: News) -> None:
    """What the orders of a batch are found by now."""
    named = [order for order, verbs in news.verbs.items() if verbs - NAME_NOTHING]
    if named:
        await tx.run(ADD_TOKENS, news.merchant, named)
    if news.verbs:
        await tx.run(ADD_STANDINGS, news.merchant, list(news.verbs))
        await tx.run(KEEP_STANDING, news.merchant, list(news.verbs))


FOLLOWER = Follower("order_finding", EVENTS, write)
