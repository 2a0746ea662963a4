"""rate_tables_page: `/settings/rate-cards/…/import`: a carrier's price list, from a file or pasted, looked at before it
is kept; what is wrong stands beside its row, and can be mended there.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import msgspec
from litestar import Response

from doorstep.doors.console.allowing import must_run_the_operation
from doorstep.doors.console.rate_cards_page import PLUGIN, Known, known_card
from doorstep.doors.console.speaking import _
from doorstep.doors.console.visit import Visit, see_other
from doorstep.doors.rate_tables import GRAMS, Asked, Read, Wrong, as_text, merged, read_file, read_text
from doorstep.kit.home import home
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.kit.secrets import keyring
from doorstep.plug.ratecard import RateCard, problems
from doorstep.setup.connections import connect

ROWS_SHOWN = 200


async def ask(visit: Visit) -> Response[str]:
    must_run_the_operation(visit)
    return _show(visit, await known_card(visit), {}, None, [])


async def look(visit: Visit) -> Response[str]:
    """What was handed over, read; kept if that was asked, and nothing is wrong with it."""
    must_run_the_operation(visit)
    known = await known_card(visit)
    try:
        read = await _read(visit, known.card)
    except Refusal as refusal:
        return _show(visit, known, visit.form, None, [], refusal)
    became = merged(known.card, read)
    wrong = [] if read.problems else problems(became)
    if visit.form.get("step") == "keep" and not read.problems and not wrong:
        config = msgspec.to_builtins(became)
        await connect(visit.db, keyring(home()), known.merchant, "carrier", plugin=PLUGIN, code=known.code,
                      config=config)  # fmt: skip
        return see_other(f"/settings/rate-cards/{known.key}/{known.code}?did=card")
    return _show(visit, known, visit.form, read, wrong)


async def _read(visit: Visit, card: RateCard) -> Read:
    """Refuses Invalid, NotReadable."""
    form = visit.form
    begins = form.get("begins", "")
    try:
        day = date.fromisoformat(begins) if begins else None
    except ValueError:
        raise Invalid(fields=[{"pointer": _("They hold from"), "detail": _("cannot be %(word)s", word=begins[:40])}]
                      ) from None  # fmt: skip
    unit = form.get("unit", "")
    asked = Asked(form.get("service", "").strip()[:60], unit if unit in GRAMS else "", day)
    if visit.upload:
        return await asyncio.to_thread(_from_file, visit.upload, card, asked)
    if not form.get("text", "").strip():
        raise Invalid(fields=[{"pointer": _("File"), "detail": _("must be given")}])
    return read_text(form["text"], card, asked)


def _from_file(upload: bytes, card: RateCard, asked: Asked) -> Read:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table")
        path.write_bytes(upload)
        return read_file(path, card, asked)


def _show(
    visit: Visit, known: Known, form: Mapping[str, str], read: Read | None, wrong: list[str],
    refusal: Refusal | None = None,
) -> Response[str]:  # fmt: skip
    by_line: dict[int, list[Wrong]] = defaultdict(list)
    for one in read.problems if read else ():
        by_line[one.line].append(one)
    shown = {number for number, _texts in read.lines[:ROWS_SHOWN]} if read else set()
    beside = [one for one in (read.problems if read else ()) if one.line not in shown]
    return visit.show(
        "rate_table.html", refusal.status if refusal else 422 if wrong or by_line else 200, known=known, form=form,
        read=read, by_line=by_line, beside=beside, wrong=wrong, units=list(GRAMS), refusal=refusal,
        rows=read.lines[:ROWS_SHOWN] if read else [], text=as_text(read) if read else form.get("text", ""),
    )  # fmt: skip
