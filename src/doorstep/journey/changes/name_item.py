"""name_item: somebody says which SKU an unknown item is; the answer given once is remembered for the channel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from doorstep.kit.ids import number, public
from doorstep.kit.refusals import NotFound, Refusal
from doorstep.spine.facts import Line, OrderFacts, of_merchant, order_facts
from doorstep.spine.holds import lift_hold
from doorstep.spine.outcome import Ask, Event, Insert, Job, Outcome, Result, Update, answer_of_order
from doorstep.spine.rules import each
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import verb

# So many other orders that wait for the same word are checked again at once.
AT_ONCE = 200

SKUS = "select merchant_id, code, sku_id, stocked from sku where merchant_id = any($1) and code = any($2)"
ALIASES = """
select a.merchant_id, a.channel_id, a.alias, a.sku_id
  from unnest($2::bigint[], $3::text[]) u(channel_id, alias)
  join sku_alias a on a.channel_id = u.channel_id and a.alias = u.alias
  where a.merchant_id = any($1)
"""
ALSO_WAITING = f"""
select u.channel_id, u.code, w.order_id
  from (select distinct channel_id, code from unnest($2::bigint[], $3::text[]) u(channel_id, code)) u
  cross join lateral (
    select distinct l.order_id from order_line l
      join orders o on o.merchant_id = l.merchant_id and o.order_id = l.order_id
      where l.merchant_id = any($1) and l.sku_id is null and l.wanted > 0
        and coalesce(nullif(l.code, ''), l.title) = u.code and o.channel_id = u.channel_id and not o.history
      order by l.order_id limit {AT_ONCE}) w
"""


class NameItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`remember`: from now on this channel's word for it means this SKU, in other waiting orders too."""

    order: str
    line: Annotated[int, Meta(ge=1, le=2000)]
    sku: Annotated[str, Meta(min_length=1, max_length=120)]
    remember: bool = True


class ItemNamed(msgspec.Struct, frozen=True, kw_only=True):
    """`remembered` is the channel's word; `also_checked` are other orders that waited for it."""

    order: str
    line: int
    sku: str
    remembered: str
    also_checked: int


class ItemKnown(Refusal):
    """This line has a SKU already."""


class HasNoStock(Refusal):
    """This SKU is set up as having no stock, and the line waits for goods; cancel it, or set the SKU up as stocked."""


@dataclass(slots=True)
class Words:
    """What channels' words mean, and which orders wait for a word; an alias is written once in a batch."""

    skus: Mapping[tuple[int, str], tuple[int, bool]]  # the id, and whether it is stocked
    aliases: dict[tuple[int, str], int] = field(default_factory=dict)
    waiting: dict[tuple[int, str], list[int]] = field(default_factory=dict)
    written: set[tuple[int, str]] = field(default_factory=set)


@verb(NameItem, ItemNamed)
async def name_item(tx: Tx, asks: list[Ask[NameItem]]) -> list[Result]:
    """Say which SKU a line is that nobody knew."""
    orders = await order_facts(tx, [number("ord", ask.body.order) for ask in asks])
    words = await _words(tx, orders, asks)

    def rule(ask: Ask[NameItem]) -> Outcome:
        return decide(words, of_merchant(orders, ask.merchant, number("ord", ask.body.order)), ask)

    return each(asks, rule)


async def _words(tx: Tx, orders: Mapping[int, OrderFacts], asks: list[Ask[NameItem]]) -> Words:
    named = {(number("ord", ask.body.order), ask.body.line) for ask in asks}
    said = {
        (order.row["channel_id"], word_of(line))
        for order in orders.values()
        for line in order.lines
        if (order.order_id, line.line_no) in named and word_of(line)
    }
    at = (list(tx.merchants), [channel for channel, _ in said], [code for _, code in said])
    waiting: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row in await tx.rows(ALSO_WAITING, *at):
        waiting[row["channel_id"], row["code"]].append(row["order_id"])
    return Words(
        skus={
            (row["merchant_id"], row["code"]): (row["sku_id"], row["stocked"])
            for row in await tx.rows(SKUS, list(tx.merchants), [ask.body.sku for ask in asks])
        },
        aliases={(row["channel_id"], row["alias"]): row["sku_id"] for row in await tx.rows(ALIASES, *at)},
        waiting=waiting,
    )


def decide(words: Words, order: OrderFacts, ask: Ask[NameItem]) -> Outcome:
    wanted = ask.body
    line = order.line(wanted.line)
    found = words.skus.get((ask.merchant, wanted.sku))
    if found is None:
        raise NotFound(sku=wanted.sku)
    sku, is_stocked = found
    if line.sku_id is not None:
        raise ItemKnown(order=wanted.order, line=wanted.line, sku=public("sku", line.sku_id))
    if line.ships and not is_stocked:
        raise HasNoStock(line=wanted.line, sku=wanted.sku)
    outcome = Outcome(order.merchant, ("order", order.order_id), [])
    outcome.facts.append(Update("order_line", {"order_id": order.order_id, "line_no": line.line_no}, {"sku_id": sku}))
    for hold in order.holds:
        if hold.type == "unknown_item" and hold.line_no == line.line_no:
            lift_hold(outcome, hold, by=ask.actor.name, at=ask.at)
    remembered = _remember(outcome, words, order, line, sku) if wanted.remember else ""
    others = words.waiting.get((order.row["channel_id"], word_of(line)), []) if remembered else []
    to_check = dict.fromkeys([order.order_id, *others])
    if order.row["drafts"] or order.row["history"]:
        del to_check[order.order_id]
    outcome.then = [Job("check", {"order": public("ord", order_id)}) for order_id in to_check]
    told: dict[str, Any] = {"line": line.line_no, "sku": wanted.sku, "remembered": remembered}
    outcome.events = [Event("name_item", [], told | {"code": line.code, "title": line.title})]
    also = sum(order_id != order.order_id for order_id in to_check)
    outcome.answer = answer_of_order(order.order_id, **told, also_checked=also)
    return outcome


def word_of(line: Line) -> str:
    """What the channel calls it: its code, or what the buyer saw where there is none."""
    return line.code or line.title


def _remember(outcome: Outcome, words: Words, order: OrderFacts, line: Line, sku: int) -> str:
    """The word that is remembered; '' when the channel gave none, or when this batch gave it another meaning first."""
    said = word_of(line)
    word = (int(order.row["channel_id"]), said)
    before = words.aliases.get(word)
    if not said or (word in words.written and before != sku):
        return ""
    where = {"channel_id": word[0], "alias": word[1]}
    if before is None:
        outcome.facts.append(Insert("sku_alias", where | {"sku_id": sku}))
    elif before != sku:
        outcome.facts.append(Update("sku_alias", where, {"sku_id": sku}))
    words.aliases[word] = sku
    words.written.add(word)
    return said
