"""printing: `print label par_…`: a label or another paper into a file, as PDF or for a label printer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from doorstep.doors.cli.answer import Json, answer
from doorstep.doors.cli.session import Merchant, merchant_meant, with_db, write_file
from doorstep.kit.refusals import Refusal

if TYPE_CHECKING:
    from doorstep.spine.tenant import Db

app = typer.Typer()

What = Literal[
    "label", "packing-slip", "cn22", "cn23", "commercial-invoice", "packing-list", "return-invoice", "return-label",
    "manifest",
]  # fmt: skip


class FileThere(Refusal):
    """There is such a file; --force replaces it."""


@app.command("print")
def print_paper(
    what: Annotated[What, typer.Argument(metavar="WHAT", show_default=False,
        help="label, packing-slip, cn22, cn23, commercial-invoice, packing-list, return-invoice: of a parcel; "
        "return-label; manifest.")],
    of: Annotated[str, typer.Argument(metavar="ID", show_default=False, help="par_…, ret_… or man_….")],
    to: Annotated[Path | None, typer.Argument(metavar="FILE", show_default=False,
        help="Ends in .pdf, or for a label in .zpl; left out: called as what it is, here.")] = None,
    merchant: Merchant = "",
    zpl: Annotated[bool, typer.Option("--zpl", help="The label for a label printer, 203 dpi.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Write a paper into a file."""
    as_zpl = zpl or (to is not None and to.suffix == ".zpl")
    if as_zpl and what != "label":
        raise typer.BadParameter("only a label is printed by a label printer", param_hint="--zpl")
    file = to or Path(f"{what}-{of}.{'zpl' if as_zpl else 'pdf'}")
    if file.exists() and not force:
        raise FileThere(file=str(file))

    async def work(db: Db) -> bytes:
        from doorstep.doors.reads import papers
        from doorstep.kit import clock
        from doorstep.spine.tenant import tenant_tx

        meant = await merchant_meant(db, merchant)
        async with tenant_tx(db, [meant], readonly=True) as tx:
            match what:
                case "manifest":
                    draw = await papers.manifest_pdf(tx, of)
                case "return-label":
                    draw = await papers.return_label_pdf(tx, of)
                case "label" if as_zpl:
                    draw = await papers.label_zpl(tx, of, clock.now())
                case _:
                    draw = await papers.parcel_pdf(tx, of, papers.KINDS[what], clock.now())
        return await papers.drawn(draw)

    content = with_db(work)
    write_file(file, content)
    answer({"file": str(file), "bytes": len(content)}, f"{file} is there, {len(content):,} bytes.", json)
