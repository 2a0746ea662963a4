"""attention: `/attention`, one inbox for every exception and hold: why, and the one thing to do next.

What mends an exception is a verb of its order, whose form its button opens; what only has to be looked at is resolved
here, one, some, or all of a kind, after a look at what that does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response

from doorstep.doors import caring
from doorstep.doors.console import today, words
from doorstep.doors.console.allowing import may, sets_up
from doorstep.doors.console.narrowing import MERCHANTS
from doorstep.doors.console.speaking import Told, _, grouped, ngettext
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.http.problems import NoSuchPage
from doorstep.doors.reads import exceptions as reads
from doorstep.doors.reads.exceptions import COUNTED, ExceptionQuery
from doorstep.doors.resolving import Resolution, Resolved, resolve, resolve_kind
from doorstep.kit import clock
from doorstep.kit.ids import public
from doorstep.kit.refusals import Invalid, NotAllowed
from doorstep.kit.text import normalized
from doorstep.spine.exceptions import HOLD, JOB, means, next_action
from doorstep.spine.playbooks import playbook
from doorstep.spine.tenant import Tx

PAGE = 40
SHOWN = 8  # of those that would be resolved
PICKED = "pick."
RESOLVERS = frozenset({"operator", "merchant"})

CUSTOMS = "hold:customs_data"
# The verb of its order that mends an exception, where one does; its form opens on the order's page.
MENDS = {
    "hold:address": "fix_address", "hold:unknown_item": "name_item", "hold:payment": "record_payment",
    CUSTOMS: "check", "label_refused": "want_label", "delivery_returned_to_sender": "take_back",
    "delivery_refused": "take_back", "capture_declined": "want_capture", "put_back": "unpack",
    "hold:denied_party": "review_party",
}  # fmt: skip
# Customs data are of the SKU, but for these.
CUSTOMS_MENDS = {"itn": "keep_filing", "ship_to.tax_id": "fix_address"}
BUTTONS = Told({
    "complete": "Complete the SKU",
    "fix_address": "Mend the address",
    "keep_filing": "Keep the number",
    "name_item": "Name the SKU",
    "record_payment": "Record the payment",
    "check": "Check again",
    "want_label": "Ask for the label again",
    "take_back": "Take it back",
    "want_capture": "Take the money",
    "unpack": "Unpack it",
    "review_party": "Is it the same?",
    "lift": "Lift the hold",
    "retry": "Try again",
    "look": "Done",
})  # fmt: skip
SNOOZED = Told({
    "1": "Until tomorrow", "3": "For 3 days", "7": "For a week", "30": "For a month",
})  # fmt: skip
PEOPLE = """
select p.email, p.name, p.role, p.merchant_id from person p
  where p.ended_at is null and p.role not in ('floor', 'read_only') order by p.name, p.email limit 200
"""
SKUS = """
select l.order_id, l.line_no, l.sku_id from order_line l
  where l.merchant_id = any($1) and l.order_id = any($2) and l.sku_id is not null
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address of the inbox says."""

    kind: str = ""
    merchant: str = ""
    whose: str = ""  # mine
    snoozed: str = ""  # 1: those that are put aside too
    at: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filters:
        return cls(**{name: query.get(name, "").strip()[:200] for name in cls.__slots__})

    def but(self, **changed: str) -> str:
        """The address with some filters changed, from the first page on."""
        kept = {name: getattr(self, name) for name in self.__slots__ if name != "at"}
        wanted = {name: value for name, value in {**kept, **changed}.items() if value}
        return "/attention?" + urlencode(wanted) if wanted else "/attention"


@dataclass(frozen=True, slots=True)
class StepHere:
    """A step of the playbook; `href` leads to its form, where this person may ask it here."""

    says: str
    href: str


@dataclass(frozen=True, slots=True)
class Item:
    """An exception as the inbox shows it."""

    id: str
    kind: str
    row: Mapping[str, Any]
    said: Sequence[Any]
    may_resolve: bool
    mends: str  # the verb of its order that mends it, where they may ask it
    steps: Sequence[StepHere]  # what can be done about it, where there is more than one thing
    sku: str = ""  # whose data are to be completed, where they may do it

    @property
    def order(self) -> str:
        return public("ord", self.row["order_id"]) if self.row["order_id"] else ""

    @property
    def reason(self) -> str:
        """In plain words: the name of what refused a job is for programs."""
        told = words.exception_told(self.kind, re.sub(r"^[A-Z][A-Za-z]+: ", "", self.row["reason"]))[0]
        return told or meaning(self.kind)

    @property
    def carriers_words(self) -> str:
        return words.exception_told(self.kind, self.row["reason"])[1]

    @property
    def next_action(self) -> str:
        return words.sentence(self.row["next_action"] or next_action(self.kind))

    @property
    def button(self) -> str:
        if self.sku or self.mends:
            return BUTTONS["complete" if self.sku else self.mends]
        return BUTTONS["lift" if self.kind.startswith(HOLD) else "retry" if self.kind.startswith(JOB) else "look"]

    @property
    def href(self) -> str:
        """Where its button leads: the order's page, the form of the verb open; or the SKU that lacks something."""
        if self.sku:
            return f"/catalog/{self.sku}/edit"
        return f"/orders/{self.order}?open={self.mends}" if self.mends and self.order else ""


def called(kind: str) -> str:
    """What people call a kind of exception."""
    if kind.startswith(HOLD):
        return words.HOLDS.get(kind.removeprefix(HOLD), words.titled(kind.removeprefix(HOLD)))
    return words.exception(kind.removeprefix(JOB)).replace("Asn ", "ASN ")


def meaning(kind: str) -> str:
    """What an exception of this kind is, as a sentence."""
    if kind.startswith(HOLD):
        return _("An open hold stops the order, or a line of it.")
    if kind.startswith(JOB):
        return _("What was to come next was refused, or failed too often.")
    return words.sentence(means(kind))


def counted(counts: Iterable[int]) -> str:
    """Their sum; where one was not counted to its end, with a plus."""
    found = list(counts)
    more = "+" if any(count > COUNTED for count in found) else ""
    return grouped(sum(min(count, COUNTED) for count in found)) + more


def group(kind: str) -> str:
    return _("On hold") if kind.startswith(HOLD) else _("Did not work") if kind.startswith(JOB) else _("To look at")


async def show(visit: Visit) -> Response[str]:
    filters = Filters.of(visit.query)
    person = visit.visitor.person
    query = ExceptionQuery(
        kind=filters.kind or None, assigned_to=person.email if filters.whose == "mine" else None,
        snoozed=filters.snoozed == "1", limit=PAGE, cursor=filters.at or None,
    )  # fmt: skip
    async with visit.reading() as tx:
        names = await tx.rows(MERCHANTS, list(tx.merchants))
        wanted = today.chosen(names, filters.merchant)
        rows, at = await reads.found_of(tx, wanted, query, more=", e.merchant_id")
        counts = await reads.summary(tx, *wanted, up_to=COUNTED + 1)
        said = await caring.comments(tx, [row["id"] for row in rows])
        people = await _people(tx, visit)
        skus = await _skus(tx, rows)
    keys = {row["merchant_id"]: row["key"] for row in names}
    return visit.show(
        "attention.html", filters=filters, items=[_item(visit, row, said[row["id"]], keys, skus) for row in rows],
        older=filters.but(at=at) if at else "", kinds=_kinds(counts), total=counted(counts.values()), called=called,
        counted=counted,
        meaning=meaning, merchants=names, names={row["merchant_id"]: row["name"] for row in names}, people=people,
        may_resolve=_may_resolve(visit, filters.kind), snoozes=SNOOZED, told=_told(visit.query),
    )  # fmt: skip


def _item(
    visit: Visit, row: Mapping[str, Any], said: Sequence[Any], keys: Mapping[int, str],
    skus: Mapping[tuple[int, int], str],
) -> Item:  # fmt: skip
    roles = visit.visitor.actor.roles
    mends = _mends(row)
    if not (mends and row["order_id"] and may(mends, roles)):
        mends = ""
    name, resolves = public(row["prefix"], row["id"]), _may_resolve(visit, row["kind"])
    sku = skus.get((row["order_id"], row["line"]), "") if sets_up(visit.visitor) else ""
    return Item(name, row["kind"], row, said, resolves, mends, _steps(row, keys, roles), sku)


def _mends(row: Mapping[str, Any]) -> str:
    if row["kind"] != CUSTOMS:
        return MENDS.get(row["kind"], "")
    wanted = [str(each["field"]) for each in msgspec.json.decode(row["why"]).get("fields", ())]
    return next((CUSTOMS_MENDS[name] for name in wanted if name in CUSTOMS_MENDS), MENDS[CUSTOMS])


async def _skus(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[int, int], str]:
    """Of lines that wait for customs data, the SKU by order and line."""
    orders = [row["order_id"] for row in rows if row["kind"] == CUSTOMS and row["line"]]
    if not orders:
        return {}
    found = await tx.rows(SKUS, list(tx.merchants), orders)
    asked = {(row["order_id"], row["line"]) for row in rows if row["kind"] == CUSTOMS}
    skus = {(each["order_id"], each["line_no"]): public("sku", each["sku_id"]) for each in found}
    return {at: sku for at, sku in skus.items() if at in asked}


def _steps(row: Mapping[str, Any], keys: Mapping[int, str], roles: frozenset[str]) -> list[StepHere]:
    reason = str(msgspec.json.decode(row["why"]).get("reason", ""))
    order = public("ord", row["order_id"]) if row["order_id"] else ""
    found = []
    for step in playbook(row["kind"], reason):
        href = ""
        if order and step.verb and may(step.verb, roles):
            again = f"/orders/new/{keys[row['merchant_id']]}?again={order}"
            href = again if step.verb == "place" else f"/orders/{order}?open={step.verb}"
        found.append(StepHere(words.sentence(step.says), href))
    return found


def _may_resolve(visit: Visit, kind: str) -> bool:
    roles = visit.visitor.actor.roles
    return may("lift", roles) if kind.startswith(HOLD) else bool(RESOLVERS & roles)


def _kinds(counts: Mapping[str, int]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Those that are open, by group, most first."""
    groups: dict[str, list[tuple[str, int]]] = {}
    for kind, count in counts.items():
        groups.setdefault(group(kind), []).append((kind, count))
    return list(groups.items())


async def _people(tx: Tx, visit: Visit) -> list[Any]:
    """Who may be asked to look after something: a merchant's people know their own alone."""
    own = visit.visitor.person.merchant
    return [row for row in await tx.rows(PEOPLE) if own is None or row["merchant_id"] == own]


def _told(query: Mapping[str, str]) -> str:
    """What was done, after the redirect."""
    done, count = query.get("did", ""), query.get("n", "")
    number = int(count) if count.isascii() and count.isdigit() and len(count) < 8 else 0
    if done == "resolved":
        return ngettext("%(num)s is resolved.", "%(num)s are resolved.", number)
    return {
        "assigned": _("It is assigned."), "snoozed": _("It is put aside."), "said": _("It is written down."),
    }.get(done, "")  # fmt: skip


# What is done


async def look(visit: Visit) -> Response[str]:
    """What resolving some, or all of a kind, would do; nothing is done yet."""
    ids, kind = _picked(visit.form), visit.form.get("kind", "")
    _check_may(visit, ids, kind)
    async with visit.reading() as tx:
        names = await tx.rows(MERCHANTS, list(tx.merchants))
        wanted = today.chosen(names, visit.form.get("merchant", ""))
        if kind:
            count = (await reads.summary(tx, *wanted, up_to=COUNTED + 1)).get(kind, 0)
            rows, _at = await reads.found_of(tx, wanted, ExceptionQuery(kind=kind, limit=SHOWN), more=", e.merchant_id")
        else:
            count, rows = len(ids), []
            await caring.whose(tx, ids)
    return visit.show(
        "attention_look.html", ids=ids, kind=kind, count=count, told=counted([count]),
        more=counted([count - len(rows)]), rows=rows, called=called, meaning=meaning,
        merchant=visit.form.get("merchant", ""), effects=_effects(ids, kind), back=_back(visit),
        has_jobs=kind.startswith(JOB) or any(word.startswith("job_") for word in ids),
    )  # fmt: skip


def _effects(ids: Sequence[str], kind: str) -> list[str]:
    """In sentences, what will happen."""
    found = []
    if kind.startswith(HOLD) or any(word.startswith("hld_") for word in ids):
        found.append(_("The holds are lifted: their orders go on at once, where nothing else stops them."))
    if kind.startswith(JOB) or any(word.startswith("job_") for word in ids):
        found.append(_("What was refused or failed is tried again; what fails again comes back here."))
    if (kind and not kind.startswith((HOLD, JOB))) or any(word.startswith("att_") for word in ids):
        found.append(_("They are marked as looked at and leave this list. Nothing else changes."))
    return found


async def end(visit: Visit) -> Response[str]:
    """Resolve them."""
    ids, kind = _picked(visit.form), visit.form.get("kind", "")
    _check_may(visit, ids, kind)
    how = Resolution(
        visit.visitor.actor, clock.now(), visit.form.get("note", "").strip()[:500], visit.form.get("drop") == "1"
    )
    async with visit.reading() as tx:
        names = await tx.rows(MERCHANTS, list(tx.merchants))
        of = await caring.whose(tx, ids) if ids else {}
    if kind:
        wanted = today.chosen(names, visit.form.get("merchant", ""))
        ended = [await resolve_kind(visit.db, merchant, kind, how) for merchant in wanted]
    else:
        ended = [await resolve(visit.db, merchant, some, how) for merchant, some in of.items()]
    refused = [one for each in ended for one in each.refused]
    if refused:
        return visit.show("attention_refused.html", refused=refused, resolved=_count(ended), back=_back(visit))
    return _go_back(visit, "resolved", _count(ended))


def _count(ended: Sequence[Resolved]) -> int:
    return sum(each.resolved for each in ended)


async def care(visit: Visit) -> Response[str]:
    """Assign, put aside, or say something about one or some."""
    ids, what = _picked(visit.form), visit.path["what"]
    if not RESOLVERS & visit.visitor.actor.roles:
        raise NotAllowed(verb=what, role=visit.visitor.person.role)
    if not ids:
        raise Invalid(fields=[{"pointer": _("the list"), "detail": _("choose at least one")}])
    by, now = visit.visitor.actor, clock.now()
    async with visit.writing() as tx:
        if what == "assign":
            await caring.assign(tx, ids, await _assignee(tx, visit), by, now)
        elif what == "snooze":
            await caring.snooze(tx, ids, _until(visit.form.get("days", ""), now), by, now)
        elif what == "comment":
            await caring.comment(tx, ids, _text(visit.form.get("text", "")), by, now)
        else:
            raise NoSuchPage
    return _go_back(visit, {"assign": "assigned", "snooze": "snoozed", "comment": "said"}[what], len(ids))


async def _assignee(tx: Tx, visit: Visit) -> str:
    email = normalized(visit.form.get("to", ""))
    if email and email not in {row["email"] for row in await _people(tx, visit)}:
        raise Invalid(fields=[{"pointer": _("who"), "detail": _("nobody here is called that")}])
    return email


def _until(days: str, now: datetime) -> datetime | None:
    return now + timedelta(days=int(days)) if days in SNOOZED else None


def _text(said: str) -> str:
    text = said.strip()[: caring.LONGEST_COMMENT]
    if not text:
        raise Invalid(fields=[{"pointer": _("the comment"), "detail": _("must say something")}])
    return text


def _picked(form: Mapping[str, str]) -> list[str]:
    """Each box that is ticked is a field of its own name."""
    return [name.removeprefix(PICKED) for name in form if name.startswith(PICKED)]


def _check_may(visit: Visit, ids: Sequence[str], kind: str) -> None:
    if not ids and not kind:
        raise Invalid(fields=[{"pointer": _("the list"), "detail": _("choose at least one, or a kind")}])
    lifts = kind.startswith(HOLD) or any(word.startswith("hld_") for word in ids)
    if not _may_resolve(visit, HOLD if lifts else ""):
        raise NotAllowed(verb="lift" if lifts else "resolve", role=visit.visitor.person.role)


def _back(visit: Visit) -> str:
    back = visit.form.get("back", "")
    return back if back.startswith("/attention") else "/attention"


def _go_back(visit: Visit, did: str, count: int) -> Response[str]:
    back = _back(visit)
    return see_other(f"{back}{'&' if '?' in back else '?'}{urlencode({'did': did, 'n': count})}")
