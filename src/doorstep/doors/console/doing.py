"""doing: a posted form becomes one ask of its verb; a no comes back as a sentence on the same page, form still filled.

Each form carries a key made with its page, so that a double click or a reload asks once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Response

from doorstep.doors.console import order_page
from doorstep.doors.console.allowing import must
from doorstep.doors.console.asking import asked
from doorstep.doors.console.foretelling import foretold
from doorstep.doors.console.forms import Field
from doorstep.doors.console.move_forms import Move
from doorstep.doors.console.moves import find
from doorstep.doors.console.speaking import _
from doorstep.doors.console.undoing import subject_of
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.console.whole import whole
from doorstep.doors.http.problems import NoSuchPage
from doorstep.kit.money import to_minor
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.spine.journey import ROWS
from doorstep.spine.preview import preview
from doorstep.spine.runner import run_one
from doorstep.spine.verbs import VERBS


class NotOfThisOrder(Refusal):
    """This form is about something that this order does not have."""


async def do(visit: Visit) -> Response[str]:
    """Ask the verb; then the order's page again, which shows what came of it."""
    verb = visit.path["verb"].replace("-", "_")
    async with visit.reading() as tx:
        of = await whole(tx, visit.path["order"])
    if verb not in ROWS:
        raise NoSuchPage
    must(visit, verb)
    move = find(of, verb, visit.form)
    try:
        if move is None:
            raise NotOfThisOrder
        ask = asked(visit, verb, of.merchant, _body(move, visit.form))
        if move.previewed and visit.form.get("step") != "do":
            effect = await preview(visit.db, verb, ask)
            return visit.show(
                "preview.html",
                of=of,
                move=move.filled(visit.form),
                form=visit.form,
                effect=foretold(effect, of.titles, of.order.currency),
            )
        answer = await run_one(visit.db, verb, ask)
    except Refusal as refusal:
        return await order_page.refused(visit, refusal, move.filled(visit.form) if move else None)
    return see_other(f"/orders/{of.order.id}?{urlencode({'did': verb, **subject_of(verb, answer)})}")


def _body(move: Move, form: Mapping[str, str]) -> Any:
    """The verb's body from the form's words; refuses Invalid, naming each field as the page calls it."""
    values: dict[str, Any] = dict(move.subject)
    wrong: list[dict[str, str]] = []
    for field in move.fields:
        word = (form.get(f"{field.name}.utc") or form.get(field.name, "")).strip()
        if word == "" and field.required:
            wrong.append({"pointer": field.label, "detail": _("must be given")})
        elif word != "":
            try:
                _put(values, field, _value(field, word, move.currency))
            except (ValueError, Refusal):
                wrong.append({"pointer": field.label, "detail": _("cannot be %(word)s", word=word[:60])})
    if wrong:
        raise Invalid(fields=wrong)
    try:
        return msgspec.convert(move.shaped(values), VERBS[move.verb].body, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(fields=[_as_labeled(str(error), move)]) from None


def _value(field: Field, word: str, currency: str) -> Any:
    if field.kind == "money":
        return to_minor(word.replace(" ", ""), currency)
    if field.kind == "count":
        return int(word)
    if field.kind == "moment":
        # As browsers write it, without a zone: the page's own UTC, where its script has put it, comes first.
        found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(\.\d+)?Z?", word)
        if not found:
            raise ValueError(word)
        return f"{found[1]}:00Z"
    return word


def _put(values: dict[str, Any], field: Field, value: Any) -> None:
    """Dotted names are inside: `address.city`, and `lines.3` is so many units of line 3."""
    outer, _, inner = field.name.partition(".")
    if not inner:
        values[outer] = value
    elif outer == "lines":
        if value:
            values.setdefault("lines", []).append({"line": int(inner), "quantity": value})
    else:
        values.setdefault(outer, {})[inner] = value


def _as_labeled(told: str, move: Move) -> dict[str, str]:
    text, _, path = told.partition(" - at `$.")
    name = path.rstrip("`")
    label = next((field.label for field in move.fields if field.name == name), name)
    return {"pointer": label, "detail": text}
