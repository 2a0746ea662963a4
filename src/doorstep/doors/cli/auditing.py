"""auditing: `audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Merchant, merchant_meant, with_db

if TYPE_CHECKING:
    from doorstep.spine.audit import Report
    from doorstep.spine.sealing import Behind, Turn
    from doorstep.spine.tenant import Db

app = typer.Typer()

HANDS = 2


@app.command("audit")
def audit(
    merchant: Merchant = "",
    since_seal: Annotated[
        bool, typer.Option("--since-seal", help="Only what came in since it was audited last; the worker does so too.")
    ] = False,
    json: Json = False,
) -> None:
    """Replay every move and compare it with the books. Exit 1 when a law is broken: by what and since when."""

    async def work(db: Db) -> tuple[Report | Turn, Behind]:
        from doorstep.spine.audit import audit as replay
        from doorstep.spine.sealing import audit_since, behind

        whose = [await merchant_meant(db, merchant)] if merchant else None
        report = await audit_since(db, whose) if since_seal else await replay(db, whose, hands=HANDS)
        return report, await behind(db, whose)

    report, sealed = with_db(work)
    facts = report.as_json() | {"sealed": sealed.as_json()}
    answer(facts, f"{report.told()}\n{sealed.told()}", json)
    if not report.ok:
        raise typer.Exit(1)
