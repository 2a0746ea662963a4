"""orders_page: `/orders`, the order list: filters in the address, saved views, columns; and what the palette finds."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.datastructures import Cookie

from doorstep.doors.console import words
from doorstep.doors.console.allowing import may
from doorstep.doors.console.bulk import bulks
from doorstep.doors.console.columns import COLUMNS, NAMED, NUMBERS, USUAL, columns_of
from doorstep.doors.console.listing import LONGEST_WORD, Filters, address_of, listing, ranges
from doorstep.doors.console.speaking import REMEMBERED_S, Told
from doorstep.doors.console.visit import SAFE, Visit, see_other
from doorstep.doors.reads.finding import find
from doorstep.doors.reads.orders import OrderQuery
from doorstep.kit.ids import public
from doorstep.setup.views import drop_view, keep_view, views_seen_by

OFFERED = 6


async def show(visit: Visit) -> Response[str]:
    filters = Filters.of(visit.query)
    columns = _columns(visit, filters)
    async with visit.reading() as tx:
        found = await listing(tx, filters, rows_only=visit.is_part)
    known = {"every_column": COLUMNS, "numbers": NUMBERS, "named": NAMED}
    context: dict[str, Any] = {"page": found, "filters": filters, "columns": columns, **known}
    if visit.is_part:
        return visit.show("orders_rows.html", **context)
    return visit.show(
        "orders.html",
        **context,
        bulks=bulks(visit.visitor.actor.roles),
        usual=USUAL,
        views=await views_seen_by(visit.db, visit.visitor.person),
        current=address_of(filters.kept),
        ranges=ranges(),
        did=visit.did(DONE),
        may_place=may("place", visit.visitor.actor.roles),
    )


DONE = Told({"view": "The view is kept", "dropped": "The view is gone"})


def _columns(visit: Visit, filters: Filters) -> tuple[str, ...]:
    """Those of the view, or those that this browser keeps."""
    return columns_of(filters.columns or visit.kept.get("columns", ""))


async def choose_columns(visit: Visit) -> Response[str]:
    """Which columns this browser shows from now on."""
    chosen = ".".join(name for name in COLUMNS if visit.form.get(f"column.{name}"))
    kept = "" if chosen == ".".join(USUAL) else chosen
    answer = see_other(address_of(Filters.of(_query_of(visit)).chosen))
    answer.set_cookie(Cookie(key="columns", value=kept, path="/", samesite="lax", max_age=REMEMBERED_S if kept else 0))
    return answer


async def keep(visit: Visit) -> Response[str]:
    """What the list shows now, under a name."""
    filters = Filters.of(_query_of(visit))
    columns = _columns(visit, filters)
    query = {**filters.chosen, "columns": "" if columns == USUAL else ".".join(columns)}
    # Who only reads keeps views for themselves.
    shared = visit.form.get("shared") == "yes" and bool(visit.visitor.person.roles)
    kept = address_of(query).partition("?")[2]
    await keep_view(visit.db, visit.visitor.person, visit.form.get("name", ""), kept, shared=shared)
    return see_other(address_of({**query, "did": "view"}))


async def drop(visit: Visit) -> Response[str]:
    word = visit.form.get("view", "")
    await drop_view(visit.db, visit.visitor.person, int(word) if word.isascii() and word.isdigit() else 0)
    return see_other(address_of({"did": "dropped"}))


def _query_of(visit: Visit) -> dict[str, str]:
    """The list's address as its forms carry it along."""
    return {name.removeprefix("list."): value for name, value in visit.form.items() if name.startswith("list.")}


async def called(visit: Visit) -> Response[list[dict[str, Any]]]:
    """The newest orders that what is typed may mean, for the command palette."""
    text = visit.query.get("q", "").strip()[:LONGEST_WORD]
    async with visit.reading() as tx:
        found = await find(tx, tx.merchants, OrderQuery(q=text, limit=OFFERED)) if text else None
    told = [
        {
            "says": " · ".join(filter(None, (row["number"], row["buyer"] or row["email"], words.stage(row["stage"])))),
            "address": f"/orders/{public('ord', row['order_id'])}",
        }
        for row in (found.rows if found else [])
    ]
    return Response(told, media_type="application/json", headers=SAFE)
