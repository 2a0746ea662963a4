"""bulk: one verb for many orders: what it would do to each is shown first, and who refuses, and why; then it is done.

The list's form names the orders (`o.ord_…`); the page that comes carries them along with its own fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from secrets import token_hex
from typing import Any, Literal

import msgspec
from litestar import Response
from msgspec import Struct

from doorstep.doors.console import words
from doorstep.doors.console.allowing import may, must
from doorstep.doors.console.asking import asked, body_of
from doorstep.doors.console.foretelling import NOT_SAID_YET, foretold
from doorstep.doors.console.forms import Field
from doorstep.doors.console.speaking import _, gettext
from doorstep.doors.console.visit import Visit
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.reads.order import rows_as_json
from doorstep.kit.ids import number
from doorstep.kit.refusals import Invalid, NotFound, Refusal
from doorstep.spine.outcome import Ask
from doorstep.spine.preview import preview
from doorstep.spine.runner import run
from doorstep.spine.tenant import Tx
from doorstep.spine.verbs import VERBS

MOST = 200
ORDER, HOLD = "o.", "h."

_LINES = """
(select l.line_no as line, coalesce(nullif(l.title, ''), s.name, l.code) as title from order_line l
    left join sku s on s.merchant_id = l.merchant_id and s.sku_id = l.sku_id
  where l.merchant_id = o.merchant_id and l.order_id = o.order_id)"""
_HOLDS = """
(select 'hld_' || h.hold_id as id, h.type, h.line_no as line from hold h
  where h.merchant_id = o.merchant_id and h.order_id = o.order_id and h.lifted_at is null order by h.hold_id)"""
# What may go to the floor: something of it is promised.
_TO_RELEASE = """
(select 'ful_' || f.fulfillment_order_id as id from fulfillment_order f
  where f.merchant_id = o.merchant_id and f.order_id = o.order_id and f.released_at is null
    and (select true from allocation a where a.merchant_id = f.merchant_id and a.order_id = f.order_id
      and a.fulfillment_order_id = f.fulfillment_order_id and a.promised > 0 limit 1)
  order by f.fulfillment_order_id)"""
CHOSEN = f"""
select row_to_json(w) from (
  select o.merchant_id as merchant, 'ord_' || o.order_id as id, o.number, o.currency, n.stage,
    coalesce(nullif(o.buyer ->> 'name', ''), o.email) as buyer, {rows_as_json(_LINES)} as lines,
    {rows_as_json(_HOLDS)} as holds, {rows_as_json(_TO_RELEASE)} as to_release
  from orders o join order_now n on n.merchant_id = o.merchant_id and n.order_id = o.order_id
  where o.merchant_id = any((select $1::bigint[])::bigint[]) and o.order_id = any((select $2::bigint[])::bigint[])
  order by o.placed_at desc, o.order_id desc) w
"""


class TooManyChosen(Refusal):
    """So many orders at once are too many; choose fewer."""

    status = 422


class NothingChosen(Refusal):
    """No order is chosen; go back to the list and tick some."""

    status = 422


class OpenHold(Struct, frozen=True):
    id: str
    type: str
    line: int | None


class LineTitle(Struct, frozen=True):
    line: int
    title: str


class ToRelease(Struct, frozen=True):
    id: str


class Chosen(Struct, frozen=True):
    """An order that was chosen, with what the verbs need of it."""

    merchant: int
    id: str
    number: str
    currency: str
    stage: str
    buyer: str
    lines: list[LineTitle]
    holds: list[OpenHold]
    to_release: list[ToRelease]

    @property
    def titles(self) -> dict[int, str]:
        return {line.line: line.title for line in self.lines}


_DECODER = msgspec.json.Decoder(Chosen)
Bodies = Callable[[Chosen, Mapping[str, str]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Bulk:
    """A verb for many orders. `bodies`: what it asks of one; `nothing`: why there is nothing to ask."""

    verb: str
    icon: str
    button: str
    title: str
    says: str
    bodies: Bodies
    nothing: str
    fields: tuple[Field, ...] = ()
    tone: Literal["", "danger"] = ""


@dataclass(slots=True)
class Part:
    """One of the orders: what would happen to it, or did; or who refuses it; or why there is `nothing` to do."""

    order: Chosen
    asks: list[Ask[Any]]
    effect: list[str]
    refusal: str = ""
    nothing: str = ""
    holds: tuple[str, ...] = ()  # that came to be

    @property
    def is_able(self) -> bool:
        return not self.refusal and not self.nothing

    @property
    def rank(self) -> int:
        """What is refused is to be read first, what is left as it is last."""
        return 0 if self.refusal else 2 if self.nothing else 1


def bulks(roles: frozenset[str]) -> list[Bulk]:
    """Those that these roles may ask."""
    return [bulk for bulk in _all("merchant" if "operator" not in roles else "operator") if may(bulk.verb, roles)]


def _all(kind: str) -> list[Bulk]:
    why = Field("reason", _("Why"), required=True, longest=500, hint=_("Everybody who meets the order reads this."))
    text = Field("text", _("Note"), "long", required=True, longest=2000, hint=_("Only people who work here see it."))
    return [
        Bulk("hold", "hand", _("Hold"), _("Put them on hold"),
             _("Nothing more happens to them until the hold is lifted, down to the next scan."),
             lambda order, form: [{"order": order.id, "type": kind, "reason": form["reason"]}], "", (why,)),
        Bulk("lift", "play", _("Lift holds"), _("Lift the holds"),
             _("The orders are checked again, and go on where nothing else stops them."),
             _lifts, _("It has no hold that can be lifted like this.")),
        Bulk("check", "rotate-ccw", _("Check again"), _("Check again"),
             _("Address, duplicate, payment and customs data."), _of_order, ""),
        Bulk("release", "scan-barcode", _("Release to the floor"), _("Release to the floor"),
             _("The floor sees them and may pick them."),
             lambda order, form: [{"fulfillment_order": part.id} for part in order.to_release],
             _("Nothing of it is promised and not on the floor yet.")),
        Bulk("note", "sticky-note", _("Note"), _("Write a note"), _("It stays with each order, in its timeline."),
             lambda order, form: [{"order": order.id, "text": form["text"]}], "",
             (text,)),
        Bulk("cancel", "x", _("Cancel"), _("Cancel what has not left"),
             _("What is then paid too much goes back the way it came."),
             lambda order, form: [{"order": order.id, "reason": form["reason"]}], "",
             (Field("reason", _("Why"), longest=500),), "danger"),
    ]  # fmt: skip


def _of_order(order: Chosen, form: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"order": order.id}]


def _lifts(order: Chosen, form: Mapping[str, str]) -> list[dict[str, Any]]:
    """Its holds, or those of them that the form names; what is unknown stays so until it is named."""
    named = {name.removeprefix(HOLD) for name in form if name.startswith(HOLD)}
    wanted = (hold for hold in order.holds if not (hold.type == "unknown_item" and hold.line))
    return [{"hold": hold.id} for hold in wanted if not named or hold.id in named]


async def do(visit: Visit) -> Response[str]:
    """First the effect on each, then, with `step=do`, what came of it."""
    verb, roles = visit.path["verb"].replace("-", "_"), visit.visitor.actor.roles
    bulk = next((bulk for bulk in bulks(roles) if bulk.verb == verb), None)
    if bulk is None:
        if verb in VERBS:
            must(visit, verb)
        raise NoSuchPage
    async with visit.reading() as tx:
        orders = await _chosen(tx, visit.form)
    missing = [field for field in bulk.fields if field.required and not visit.form.get(field.name, "").strip()]
    parts = _parts(visit, bulk, orders, {field.name: NOT_SAID_YET for field in missing})
    if visit.form.get("step") == "do" and not missing:
        await _done(visit, bulk, parts)
        return _shown(visit, bulk, parts, is_done=True)
    await _foretell(visit, bulk, parts)
    refusal = Invalid(fields=[{"pointer": f.label, "detail": _("must be given")} for f in missing])
    return _shown(visit, bulk, parts, refusal if missing and visit.form.get("step") == "do" else None)


async def _chosen(tx: Tx, form: Mapping[str, str]) -> list[Chosen]:
    names = [name.removeprefix(ORDER) for name in form if name.startswith(ORDER)]
    if not names:
        raise NothingChosen
    if len(names) > MOST:
        raise TooManyChosen(most=MOST, chosen=len(names))
    rows = await tx.rows(CHOSEN, list(tx.merchants), [number("ord", name) for name in names])
    if len(rows) < len(names):
        raise NotFound(orders=len(names) - len(rows))
    return [_DECODER.decode(row["row_to_json"]) for row in rows]


def _parts(visit: Visit, bulk: Bulk, orders: Sequence[Chosen], stand_ins: Mapping[str, str]) -> list[Part]:
    form = {**{field.name: "" for field in bulk.fields}, **visit.form, **stand_ins}
    parts = [Part(order, [_ask(visit, bulk, order, body) for body in bulk.bodies(order, form)], []) for order in orders]
    for part in parts:
        part.nothing = "" if part.asks else bulk.nothing
    return parts


def _ask(visit: Visit, bulk: Bulk, order: Chosen, values: dict[str, Any]) -> Ask[Any]:
    ask = asked(visit, bulk.verb, order.merchant, body_of(bulk.verb, values, bulk.title))
    # One form asks many things: each has a key of its own.
    own = ask.key and blake2b(ask.key + msgspec.json.encode(values), digest_size=16).digest()
    return replace(ask, key=own)


async def _foretell(visit: Visit, bulk: Bulk, parts: Sequence[Part]) -> None:
    for part in parts:
        for ask in part.asks:
            try:
                part.effect += foretold(await preview(visit.db, bulk.verb, ask), part.order.titles, part.order.currency)
            except Refusal as refusal:
                part.refusal = _told(refusal)
        part.effect = list(dict.fromkeys(part.effect))


async def _done(visit: Visit, bulk: Bulk, parts: Sequence[Part]) -> None:
    """All of them in one batch; each is done or refused by itself."""
    asks = [(part, ask) for part in parts for ask in part.asks]
    answers = await run(visit.db, bulk.verb, [ask for _part, ask in asks])
    for (part, _ask), answer in zip(asks, answers, strict=True):
        if isinstance(answer, Refusal):
            part.refusal = _told(answer)
        else:
            part.effect.append(words.HAPPENED.get(bulk.verb, bulk.title))
            if bulk.verb == "hold":
                part.holds += (answer["hold"],)


def _told(refusal: Refusal) -> str:
    return " ".join([gettext(refusal.sentence), *words.reasons(refusal)])


def _shown(
    visit: Visit, bulk: Bulk, parts: list[Part], refusal: Refusal | None = None, *, is_done: bool = False
) -> Response[str]:
    fields = [replace(field, value=visit.form.get(field.name, "")) for field in bulk.fields]
    return visit.show(
        "bulk.html",
        refusal.status if refusal else 200,
        bulk=bulk,
        fields=fields,
        parts=sorted(parts, key=lambda part: part.rank),
        able=[part for part in parts if part.is_able],
        form=visit.form,
        refusal=refusal,
        reasons=words.reasons(refusal) if refusal else [],
        is_done=is_done,
        once=visit.form.get("once") or token_hex(16),
    )
