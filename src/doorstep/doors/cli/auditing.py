"""auditing: `audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Merchant, merchant_meant, with_db

if TYPE_CHECKING:
    from doorstep.spine.audit import Report
    from doorstep.spine.tenant import Db

app = typer.Typer()


@app.command("audit")
def audit(merchant: Merchant = "", json: Json = False) -> None:
    """Replay every move and compare it with the books. Exit 1 when a law is broken: by what and since when."""

    async def work(db: Db) -> Report:
        from doorstep.spine.audit import audit as replay

        return await replay(db, [await merchant_meant(db, merchant)] if merchant else None)

    report = with_db(work)
    answer(report.as_json(), report.told(), json)
    if not report.ok:
        raise typer.Exit(1)
