"""sku_words: what SKUs are found by, written down whenever they are written: their code and its parts, their barcode,
the words of their name.
"""

from __future__ import annotations

from collections.abc import Iterable

from doorstep.kit.text import folded
from doorstep.spine.tenant import Tx

# A word is found whole, as MUG-BLUE, and by each of its parts, as blue.
_WORDS = f"""
select distinct s.merchant_id, {folded("p.part")} as token, s.sku_id
  from sku s
    cross join lateral string_to_table(concat_ws(' ', s.code, s.barcode, s.name), ' ') w(word)
    cross join lateral (select w.word union all select regexp_split_to_table(w.word, '[^[:alnum:]]+')) p(part)
  where s.merchant_id = $1 and s.code = any($2) and btrim(p.part, ' #') <> ''
"""
KEEP_WORDS = f"""
with w as materialized ({_WORDS}),
gone as (
  delete from sku_token t using sku s
    where t.merchant_id = $1 and s.merchant_id = $1 and s.code = any($2) and t.sku_id = s.sku_id
      and not exists (select from w where w.token = t.token and w.sku_id = t.sku_id))
insert into sku_token (merchant_id, token, sku_id)
  select w.merchant_id, w.token, w.sku_id from w on conflict do nothing
"""


async def keep_words(tx: Tx, merchant: int, codes: Iterable[str]) -> None:
    """Of the SKUs of these codes, after they were written."""
    await tx.run(KEEP_WORDS, merchant, sorted(codes))
