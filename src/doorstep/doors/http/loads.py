"""loads: bags, pallets, flights and customs entries as they are; the further numbers of their parcels as a list."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from doorstep.doors.http.operations import Asked, Reply, operation
from doorstep.doors.http.papers import PDF, printed
from doorstep.doors.numbering import Told, number_them
from doorstep.doors.reads import loads as reads
from doorstep.doors.reads.papers import LoadPaper, load_pdf
from doorstep.setup.keys import READ


class Numbers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`item` is the parcel: its id, or any number that finds it."""

    numbers: Annotated[list[Told], Meta(min_length=1, max_length=1000)]


class NumberNot(Struct, frozen=True, kw_only=True):
    item: str
    error: str
    sentence: str


class NumbersKept(Struct, frozen=True, kw_only=True):
    kept: int
    refused: list[NumberNot]


@operation("GET", "/loads", scope=READ, tag="shipping", query=reads.LoadQuery, answer=reads.LoadPage)
async def list_loads(asked: Asked) -> Any:
    """Bags, pallets, flights and customs entries, the newest first."""
    async with asked.reading() as tx:
        return await reads.loads(tx, [asked.merchant], asked.query)


@operation("GET", "/loads/{load}", scope=READ, tag="shipping", answer=reads.LoadWhole)
async def get_load(asked: Asked) -> Any:
    """A load with all that lies in it, and what happened to it.

    By its id or its number. Of an operator's loads the parcels of all its merchants are shown.
    """
    return await reads.load(asked.db, [asked.merchant], asked.path["load"])


@operation("GET", "/loads/{load}/tag.pdf", scope=READ, tag="shipping", answer=None, media_type=PDF)
async def get_load_tag(asked: Asked) -> Any:
    """The tag that is stuck on a load, 4 by 6 inches, with its number as a barcode."""
    return await _paper(asked, "tag")


@operation("GET", "/loads/{load}/list.pdf", scope=READ, tag="shipping", answer=None, media_type=PDF)
async def get_load_list(asked: Asked) -> Any:
    """The list of what is in a load."""
    return await _paper(asked, "list")


async def _paper(asked: Asked, kind: LoadPaper) -> Reply:
    found = await reads.load(asked.db, [asked.merchant], asked.path["load"])
    return await printed(load_pdf(found, kind), f"{kind}-{found.load.id}.pdf")


@operation("POST", "/parcels/numbers", scope="shipping:write", tag="shipping", body=Numbers, answer=NumbersKept)
async def number_parcels(asked: Asked) -> Any:
    """Tell the last-mile numbers of many parcels, such as those of a whole flight.

    Each is kept or refused by itself. An operator's key may name parcels of all its merchants.
    """
    kept, refused = await number_them(asked.db, asked.merchant, asked.body.numbers, asked.at, asked.actor)
    told = [NumberNot(item=item, error=no.code, sentence=str(no)) for item, no in refused]
    return NumbersKept(kept=kept, refused=told)
