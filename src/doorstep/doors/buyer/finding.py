"""finding: an order by its number or that of a parcel, and its postcode: who lacks one is not even told which."""

from __future__ import annotations

import hmac
import unicodedata
from datetime import datetime, timedelta

from doorstep.doors.reads.words import TO, VIA
from doorstep.kit.refusals import Refusal
from doorstep.kit.text import folded, normalized
from doorstep.setup.tries import Limit, let_try, network_of
from doorstep.spine.tenant import Db, tenant_tx

# Of one household, and of one number from wherever: a postcode is soon guessed by who may try for ever.
FROM_AN_ADDRESS = Limit("track from", 20, timedelta(minutes=10))
OF_A_NUMBER = Limit("track order", 30, timedelta(hours=1))
LONGEST = 120

# Orders are found by other words too (doors/reads/words.py), and half a shop may be found by one of those: where all of
# them go, an SKU. Of what anybody asks without a name so many are looked at, the newest.
CANDIDATES = 200
# Orders of that number, the newest first: numbers may come again in another channel.
CALLED = f"""
with t as materialized (
  select n.merchant_id, n.placed_at, n.order_id, n.token from order_token n
    where n.merchant_id = $1 and n.token = {folded("$2::text")}
    order by n.placed_at desc, n.order_id desc limit {CANDIDATES})
select o.order_id, coalesce(o.ship_to ->> 'postcode', '') as postcode
  from t join orders o on o.merchant_id = $1 and o.order_id = t.order_id
  where ({folded("o.number")} = t.token
    or exists (select from parcel p
      left join parcel_number n on n.merchant_id = p.merchant_id and n.parcel_id = p.parcel_id and n.until is null
      where p.merchant_id = o.merchant_id and p.order_id = o.order_id
        and t.token in ({folded("p.tracking_number")}, {folded("n.number")})))
  order by t.placed_at desc, t.order_id desc limit 20
"""
NOBODY = 0


class NotFoundSo(Refusal):
    """We find no order of this number and this postcode."""

    status = 404


async def found(db: Db, shop: str, number: str, postcode: str, address: str, at: datetime) -> tuple[int, int]:
    """Merchant and order; refuses NotFoundSo, the same for whatever does not fit, and TooManyTries."""
    await let_try(db, {FROM_AN_ADDRESS: network_of(address), OF_A_NUMBER: f"{shop}\0{_plain(number)}"}, at)
    if normalized(number).lstrip(" #").startswith((TO, VIA)):
        raise NotFoundSo
    # A shop that is not there is asked all the same: how long an answer takes tells nothing either.
    merchant = await db.find("merchant", shop) or NOBODY
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        rows = await tx.rows(CALLED, merchant, number[:LONGEST])
    wanted = _plain(postcode).encode()
    fitting = [row["order_id"] for row in rows if hmac.compare_digest(_plain(row["postcode"]).encode(), wanted)]
    if not fitting or not wanted:
        raise NotFoundSo
    return merchant, fitting[0]


def _plain(word: str) -> str:
    """Whatever it was typed like: large or small, with spaces and dashes or without."""
    folded_word = unicodedata.normalize("NFKC", word[:LONGEST]).casefold()
    return "".join(char for char in folded_word if char.isalnum())
