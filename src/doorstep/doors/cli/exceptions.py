"""exceptions: `exceptions summary`, `exceptions list`, `exceptions resolve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import (
    Cursor,
    Limit,
    Merchant,
    builtins_of,
    commander,
    merchant_meant,
    merchant_searched,
    order_meant,
    page_told,
    reading,
    table,
    with_db,
)

if TYPE_CHECKING:
    from doorstep.doors.resolving import Resolved
    from doorstep.spine.tenant import Db, Tx

app = typer.Typer()

COUNTED = {"kind": "kind", "open": "open", "means": "what it means", "next_action": "what to do"}
COLUMNS = {"id": "id", "kind": "kind", "about": "order", "since": "since", "reason": "reason",
           "next_action": "what to do"}  # fmt: skip
ENDED = {"resolved_at": "resolved", "resolved_by": "by", "note": "note"}
Kind = Annotated[
    str, typer.Option("--kind", metavar="KIND", help="payment_mismatch, hold:address, job:buy_label …; see summary.")
]


@app.callback()
def exceptions() -> None:
    """What somebody must look at: what imports and stages raised, open holds, jobs that were refused or are dead."""


@app.command("summary")
def summary(merchant: Merchant = "", json: Json = False) -> None:
    """How many are open, by kind, and what to do about each."""

    async def work(tx: Tx, meant: int) -> dict[str, int]:
        from doorstep.doors.reads.exceptions import summary as read

        return await read(tx, meant)

    counted = reading(merchant, work)
    answer(counted, _told(counted), json)


def _told(counted: dict[str, int]) -> str:
    from doorstep.spine.exceptions import means, next_action

    rows = [
        {"kind": kind, "open": count, "means": means(kind), "next_action": next_action(kind)}
        for kind, count in counted.items()
    ]
    return table(rows, COUNTED) if rows else "No exceptions."


@app.command("list")
def list_exceptions(
    merchant: Merchant = "",
    kind: Kind = "",
    order: Annotated[str, typer.Option("--order", metavar="ORDER", help="Its id, its number, or the channel's.")] = "",
    resolved: Annotated[bool, typer.Option("--resolved", help="Those that ended too.")] = False,
    limit: Limit = 50,
    cursor: Cursor = "",
    json: Json = False,
) -> None:
    """A page of them, newest first."""

    async def work(db: Db) -> Any:
        from doorstep.doors.reads.exceptions import ExceptionQuery
        from doorstep.doors.reads.exceptions import exceptions as read
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_searched(db, merchant)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            about = await order_meant(tx, meant, order) if order else None
            query = ExceptionQuery(
                kind=kind or None, order=about, resolved=resolved, limit=limit, cursor=cursor or None
            )
            return await read(tx, meant, query)

    page = builtins_of(with_db(work))
    rows = [_row(row) for row in page["exceptions"]]
    columns = {**COLUMNS, **(ENDED if resolved else {})}
    answer(page, page_told(page, rows, columns, "No exceptions."), json)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: (row[name] or "")[:16].replace("T", " ") for name in ("since", "resolved_at")}
    line = f" line {row['line']}" if row["line"] else ""
    return {**row, **times, "about": f"{row['number'] or row['order'] or ''}{line}"}


@app.command("resolve")
def resolve(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="att_12, hld_7, job_3.")] = None,
    merchant: Merchant = "",
    kind: Kind = "",
    all_: Annotated[bool, typer.Option("--all", help="All open ones of the kind, however many.")] = False,
    note: Annotated[str, typer.Option("--note", help="What was found, for who looks later.")] = "",
    drop: Annotated[bool, typer.Option("--drop", help="Jobs are not tried again: they will not be done.")] = False,
    json: Json = False,
) -> None:
    """End some by their ids, or all of a kind: attention is resolved, a hold lifted, a job tried again or dropped."""
    if bool(ids) == bool(kind):
        raise typer.BadParameter("name some by their ids, or a --kind")
    if len(note) > 500:
        raise typer.BadParameter("at most 500 characters", param_hint="--note")

    async def work(db: Db) -> Resolved:
        from doorstep.doors.resolving import Resolution, resolve_kind
        from doorstep.doors.resolving import resolve as end
        from doorstep.kit import clock

        how = Resolution(commander(), clock.now(), note, drop)
        meant = await merchant_meant(db, merchant)
        if ids:
            return await end(db, meant, ids, how)
        if not all_:
            await _must_be_one(db, meant, kind)
        return await resolve_kind(db, meant, kind, how)

    came = with_db(work)
    told = [f"{came.resolved} resolved."]
    told += [f"{one.id} was, since {one.at:%Y-%m-%d %H:%M}{f' by {one.by}' if one.by else ''}." for one in came.before]
    told += [f"{one.id} is still open: {one.sentence}" for one in came.refused]
    answer(builtins_of(came), "\n".join(told), json)
    if came.refused:
        raise typer.Exit(1)


async def _must_be_one(db: Db, merchant: int, kind: str) -> None:
    """Many at once only when that is what was said."""
    from doorstep.doors.reads.exceptions import summary as read
    from doorstep.spine.tenant import tenant_tx

    async with tenant_tx(db, [merchant], readonly=True) as tx:
        count = (await read(tx, merchant)).get(kind, 0)
    if count > 1:
        raise typer.BadParameter(f"{count} are open; with --all they are all resolved", param_hint="--kind")
