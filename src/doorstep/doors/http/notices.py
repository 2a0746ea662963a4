"""notices: what buyers are told of their orders: by which medium, in which words, and when it is quiet."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from doorstep.doors.http.operations import WRITE, Asked, Done, operation
from doorstep.doors.reads import notices as reads
from doorstep.setup.keys import READ
from doorstep.setup.notices import rules, wording
from doorstep.setup.notices.kinds import Medium
from doorstep.setup.notices.quiet import read_quiet

Name = Annotated[str, Meta(max_length=60)]
Language = Annotated[str, Meta(max_length=20)]


class RuleBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether this fact speaks by this medium: email and sms to the buyer, office, webhook."""

    kind: Name
    medium: Name
    on: bool


class AddressesBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`office`: an e-mail address of your own; `webhook`: where your own program takes notices. Empty: nowhere."""

    office: Annotated[str, Meta(max_length=254)] = ""
    webhook: Annotated[str, Meta(max_length=2000)] = ""


class AddressesKept(Struct, frozen=True, kw_only=True):
    """`secret` signs what is posted to a new address (Standard Webhooks); it is shown this one time."""

    secret: str


class QuietBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours in which a medium says nothing, local to whoever it is for, as 21:00 and 08:00; both empty: none."""

    medium: Medium
    begins: Annotated[str, Meta(max_length=8)] = ""
    ends: Annotated[str, Meta(max_length=8)] = ""


class WordsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Your own words, with names in braces that are filled in ({order_number}); what is empty is as by default."""

    kind: Name
    language: Language
    subject: Annotated[str, Meta(max_length=1000)] = ""
    headline: Annotated[str, Meta(max_length=1000)] = ""
    lead: Annotated[str, Meta(max_length=4000)] = ""
    sms: Annotated[str, Meta(max_length=1000)] = ""

    @property
    def words(self) -> wording.OwnWords:
        return wording.OwnWords(**{name: getattr(self, name) for name in wording.OwnWords.__struct_fields__})


class WordsOf(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Name
    language: Language


@operation("GET", "/notices/rules", scope=READ, tag="notices", answer=rules.NoticeRules)
async def get_notice_rules(asked: Asked) -> Any:
    """Which fact speaks by which medium, where to, and when it is quiet."""
    async with asked.reading() as tx:
        return await rules.notice_rules(tx, asked.merchant)


@operation("PUT", "/notices/rules", scope=WRITE, tag="notices", body=RuleBody, answer=Done)
async def put_notice_rule(asked: Asked) -> Any:
    """Have a fact speak by a medium, or not."""
    async with asked.writing() as tx:
        await rules.set_rule(tx, asked.merchant, asked.body.kind, asked.body.medium, asked.body.on)
    return Done()


@operation("PUT", "/notices/addresses", scope=WRITE, tag="notices", body=AddressesBody, answer=AddressesKept)
async def put_notice_addresses(asked: Asked) -> Any:
    """Say where the office reads and where your own program takes notices."""
    body = asked.body
    async with asked.writing() as tx:
        secret = await rules.set_addresses(
            tx, asked.merchant, asked.at, office=body.office, url=body.webhook, by=asked.by
        )
    return AddressesKept(secret=secret)


@operation("PUT", "/notices/quiet", scope=WRITE, tag="notices", body=QuietBody, answer=Done)
async def put_quiet_hours(asked: Asked) -> Any:
    """Say when a medium is quiet."""
    hours = read_quiet(asked.body.begins, asked.body.ends)
    async with asked.writing() as tx:
        await rules.set_quiet(tx, asked.merchant, {asked.body.medium: hours})
    return Done()


@operation("GET", "/notices/words", scope=READ, tag="notices", answer=reads.NoticeWords)
async def list_notice_words(asked: Asked) -> Any:
    """Every notice in every language, as it is said now, and the names that can stand in your own words."""
    async with asked.reading() as tx:
        return await reads.notice_words(tx, asked.merchant)


@operation("PUT", "/notices/words", scope=WRITE, tag="notices", body=WordsBody, answer=Done)
async def put_notice_words(asked: Asked) -> Any:
    """Say it in your own words; all empty says it as by default."""
    async with asked.writing() as tx:
        await wording.keep_words(tx, asked.merchant, asked.body.kind, asked.body.language, asked.body.words)
    return Done()


@operation("DELETE", "/notices/words", scope=WRITE, tag="notices", query=WordsOf, answer=Done)
async def delete_notice_words(asked: Asked) -> Any:
    """Back to doorstep's own words."""
    async with asked.writing() as tx:
        await wording.reset_words(tx, asked.merchant, *structs.astuple(asked.query))
    return Done()


@operation("POST", "/notices/preview", scope=READ, tag="notices", body=WordsBody, answer=reads.Preview)
async def preview_notice(asked: Asked) -> Any:
    """A notice as its buyer would see it, of an order that is nobody's. Nothing is kept, nothing is sent."""
    body = asked.body
    wording.check(body.kind, body.language, body.words)
    async with asked.reading() as tx:
        return await reads.preview(tx, asked.merchant, body.kind, body.language, body.words, asked.at)
