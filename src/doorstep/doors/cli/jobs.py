"""jobs: `jobs list`, `jobs replay`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Cursor, Limit, Merchant, builtins_of, page_told, reading, writing

if TYPE_CHECKING:
    from doorstep.spine.tenant import Tx

app = typer.Typer()

COLUMNS = {"id": "job", "verb": "verb", "state": "state", "attempts": "tries", "due_at": "due", "about": "about",
           "error": "error"}  # fmt: skip
State = Annotated[
    Literal["due", "refused", "dead"],
    typer.Option("--state", help="due: waits for its time; refused: a verb said no; dead: it failed too often."),
]


@app.callback()
def jobs() -> None:
    """What the worker is to do next, and what it could not do."""


@app.command("list")
def list_jobs(
    state: State = "dead",
    merchant: Merchant = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    json: Json = False,
) -> None:
    """Jobs of that state, newest first."""

    async def work(tx: Tx, meant: int) -> Any:
        from doorstep.doors.reads.work import JobQuery
        from doorstep.doors.reads.work import jobs as read

        return await read(tx, meant, JobQuery(state=state, limit=limit, cursor=cursor or None))

    page = builtins_of(reading(merchant, work))
    rows = [
        {**job, "about": _about(job["body"]), "due_at": job["due_at"][:16].replace("T", " ")} for job in page["jobs"]
    ]
    answer(page, page_told(page, rows, COLUMNS, f"No {state} jobs."), json)


def _about(body: dict[str, Any]) -> str:
    return ", ".join(str(value) for value in body.values() if isinstance(value, str | int))[:80]


@app.command("replay")
def replay(
    jobs: Annotated[list[str], typer.Argument(metavar="JOB", help="Their ids: job_12.")],
    merchant: Merchant = "",
    json: Json = False,
) -> None:
    """Try refused and dead jobs again."""

    async def work(tx: Tx, meant: int) -> list[int]:
        from doorstep.kit import clock
        from doorstep.kit.ids import number
        from doorstep.spine.jobs import replay as again

        wanted = [number("job", job) for job in jobs]

        return await again(tx, meant, wanted, clock.now())

    from doorstep.kit.ids import public

    found = [public("job", job) for job in writing(merchant, work)]
    missing = [job for job in jobs if job not in found]
    told = f"Tried again: {', '.join(found) or 'none'}."
    told += f" Neither refused nor dead: {', '.join(missing)}." if missing else ""
    answer({"replayed": found, "missing": missing}, told, json)
    if missing:
        raise typer.Exit(1)
