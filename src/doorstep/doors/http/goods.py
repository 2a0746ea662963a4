"""goods: stock by site, SKUs, and what channels call them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from doorstep.doors.http.operations import WRITE, Asked, Done, Reply, operation
from doorstep.doors.reads import goods as reads
from doorstep.setup import catalog
from doorstep.setup.keys import READ
from doorstep.setup.merchants import NewSku

Code = Annotated[str, Meta(min_length=1, max_length=120)]
Text = Annotated[str, Meta(max_length=200)]
Millimeters = Annotated[int, Meta(ge=0, le=100_000)]


class SkuBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A SKU, with what customs, scales and scanners must know of it."""

    code: Code
    name: Annotated[str, Meta(max_length=500)] = ""
    barcode: Annotated[str, Meta(max_length=60)] = ""
    weight_g: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    length_mm: Millimeters = 0
    width_mm: Millimeters = 0
    height_mm: Millimeters = 0
    hs_code: Annotated[str, Meta(pattern="^([0-9]{6,12})?$")] = ""
    origin: Annotated[str, Meta(pattern="^([A-Z]{2})?$", description="ISO 3166-1 alpha-2")] = ""
    customs_text: Text = ""
    value_minor: Annotated[int, Meta(ge=0, le=10**15)] = 0
    flags: Annotated[list[Annotated[str, Meta(min_length=1, max_length=40)]], Meta(max_length=20)] = []
    stocked: bool = True
    eccn: Annotated[str, Meta(max_length=30, description="export control classification: EAR99, 5A992.c")] = ""
    export_license: Annotated[str, Meta(max_length=60, description="its number, the exception used, or NLR")] = ""
    responsible_person: Annotated[str, Meta(max_length=500, description="who answers for it in the Union")] = ""


class AliasBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """On this channel this word means this SKU."""

    channel: Code
    alias: Code
    sku: Code


class AliasName(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    channel: Code
    alias: Code


@operation("GET", "/stock", scope=READ, tag="inventory", query=reads.StockQuery, answer=reads.StockPage)
async def list_stock(asked: Asked) -> Any:
    """Units by SKU and site: free, reserved, picked, packed, in quarantine."""
    async with asked.reading() as tx:
        return await reads.stock(tx, asked.merchant, asked.query)


@operation("GET", "/skus", scope=READ, tag="setup", query=reads.SkuQuery, answer=reads.SkuPage)
async def list_skus(asked: Asked) -> Any:
    """The merchant's SKUs by code."""
    async with asked.reading() as tx:
        return await reads.skus(tx, asked.merchant, asked.query)


@operation("POST", "/skus", scope=WRITE, tag="setup", body=SkuBody, answer=reads.Sku, status=201,
           example={"code": "MUG", "name": "A mug", "weight_g": 350, "hs_code": "691200", "origin": "US"})  # fmt: skip
async def create_sku(asked: Asked) -> Any:
    """Add a SKU."""
    sku = await catalog.create_sku(asked.db, asked.merchant, new_sku(asked.body), asked.by)
    async with asked.reading() as tx:
        return Reply(await reads.sku(tx, asked.merchant, sku), 201)


@operation("GET", "/skus/{sku}", scope=READ, tag="setup", answer=reads.Sku)
async def get_sku(asked: Asked) -> Any:
    """One SKU."""
    async with asked.reading() as tx:
        return await reads.sku(tx, asked.merchant, asked.path["sku"])


@operation("PUT", "/skus/{sku}", scope=WRITE, tag="setup", body=SkuBody, answer=reads.Sku)
async def put_sku(asked: Asked) -> Any:
    """Write a SKU anew, all of it."""
    await catalog.change_sku(asked.db, asked.merchant, asked.path["sku"], new_sku(asked.body), asked.by)
    async with asked.reading() as tx:
        return await reads.sku(tx, asked.merchant, asked.path["sku"])


@operation("GET", "/sku-aliases", scope=READ, tag="setup", query=reads.AliasQuery, answer=reads.AliasPage)
async def list_aliases(asked: Asked) -> Any:
    """What the channels call the merchant's SKUs."""
    async with asked.reading() as tx:
        return await reads.aliases(tx, asked.merchant, asked.query)


@operation("PUT", "/sku-aliases", scope=WRITE, tag="setup", body=AliasBody, answer=Done)
async def put_alias(asked: Asked) -> Any:
    """Say which SKU a channel means by a word."""
    async with asked.writing() as tx:
        await catalog.put_alias(tx, asked.merchant, asked.body.channel, asked.body.alias, asked.body.sku, asked.by)
    return Done()


@operation("DELETE", "/sku-aliases", scope=WRITE, tag="setup", query=AliasName, answer=Done)
async def remove_alias(asked: Asked) -> Any:
    """Forget what a channel means by a word."""
    async with asked.writing() as tx:
        await catalog.remove_alias(tx, asked.merchant, asked.query.channel, asked.query.alias, asked.by)
    return Done()


def new_sku(body: SkuBody) -> NewSku:
    """As it is kept."""
    return NewSku(**{**structs.asdict(body), "flags": tuple(body.flags)})
