"""sku_finding: SKUs by words that something in their code, barcode or name begins with, off an index.

The word that fewest SKUs have leads: they come in the order of what it was found in, so that what is called exactly so
stands first; the other words are looked up one by one. A page costs the same among a hundred SKUs as among millions.
"""

from __future__ import annotations

from collections.abc import Sequence

from doorstep.kit.text import LAST, folded
from doorstep.spine.tenant import Tx

MOST_WORDS = 6
COUNTED = 1_000
# How many entries begin with each word, counted up to a bound.
HOW_MANY = f"""
select w.word, (select count(*) from (
    select from sku_token t where t.merchant_id = any($1) and t.token >= {folded("w.word")}
      and t.token < {folded("w.word")} || {LAST} limit {COUNTED}) x) as entries
  from unnest($2::text[]) w(word)
"""


def begins(row: str, word: str) -> str:
    return f"{row}.token >= {folded(word)} and {row}.token < {folded(word)} || {LAST}"


def found_by(first: str, others: str, *, after: tuple[str, str], joined: str = "") -> str:
    """From-clause and conditions for the tokens t of the merchant m, each SKU s once, from `after` (token and SKU) on;
    `first` is the word that leads, `others` a list of words: all of them parameters.

    Written so that there is one way only to read it: the tokens in their order, and what belongs to each by its key.
    `is null` would be taken to hold for one row of two hundred, and then everything is read and put in order.
    """
    same = "e.merchant_id = t.merchant_id and e.sku_id = t.sku_id"
    token, sku = after
    before = f"select true from sku_token e where {same} and e.token >= {folded(first)} and e.token < t.token limit 1"
    called_so = f"select true from sku_token e where {same} and {begins('e', 'o.word')} limit 1"
    missing = f"select true from unnest({others}::text[]) o(word) where ({called_so}) is null limit 1"
    return f"""
      from sku_token t
        cross join lateral (
          select * from sku k where k.merchant_id = t.merchant_id and k.sku_id = t.sku_id limit 1) s{joined}
      where t.merchant_id = m.merchant_id and t.token < {folded(first)} || {LAST}
        and (t.token, t.sku_id) >= (coalesce({token}::text, {folded(first)}), {sku}::bigint)
        and not coalesce(({before}), false) and not coalesce(({missing}), false)"""


async def words_of(tx: Tx, merchants: Sequence[int], text: str) -> tuple[str, list[str]]:
    """The word that leads, and the others; '' for none."""
    words = list(dict.fromkeys(word for word in text.split() if word.strip("#")))[:MOST_WORDS]
    if len(words) > 1:
        entries = {row["word"]: row["entries"] for row in await tx.rows(HOW_MANY, list(merchants), words)}
        words.sort(key=lambda word: entries[word])
    return (words[0], words[1:]) if words else ("", [])
