"""notices_page: `/settings/notices`: which fact speaks by which medium, in whose words, and when it is quiet."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar import Response

from doorstep.doors.console import notice_words
from doorstep.doors.console.allowing import nobody_yet
from doorstep.doors.console.narrowing import MERCHANTS, merchant_meant
from doorstep.doors.console.speaking import LANGUAGES, Told, reader
from doorstep.doors.console.visit import SAFE, Visit, see_other
from doorstep.doors.reads.notices import Preview, preview
from doorstep.doors.reads.notices import notice_words as read_words
from doorstep.doors.sample_notice import send_sample
from doorstep.kit import clock
from doorstep.kit.refusals import Invalid, NotFound, Refusal
from doorstep.setup.log import By
from doorstep.setup.notices.kinds import MEDIA, RULED
from doorstep.setup.notices.quiet import read_quiet
from doorstep.setup.notices.rules import notice_rules, set_addresses, set_quiet, set_rule
from doorstep.setup.notices.wording import OwnWords, UnknownPlaceholder, check, keep_words, own_words
from doorstep.spine.tenant import tenant_tx

DONE = Told({
    "kept": "Kept", "reset": "It is said in doorstep’s words again", "email": "The letter is sent",
    "sms": "The text message is sent",
})  # fmt: skip
FIELDS = OwnWords.__struct_fields__
# A letter brings its look along; it runs nothing and fetches nothing, and stands in a page of ours alone.
AS_LETTER = {
    **SAFE,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox",
    "x-frame-options": "SAMEORIGIN",
}


async def show(visit: Visit) -> Response[str]:
    return await _matrix(visit) if visit.visitor.merchants else nobody_yet(visit, "notices")


async def keep(visit: Visit) -> Response[str]:
    """The whole page at once: what is ticked speaks, what is not does not."""
    merchant, form = await merchant_meant(visit), visit.form
    by = By(visit.visitor.person.email, visit.visitor.person.person_id)
    try:
        async with tenant_tx(visit.db, [merchant["merchant_id"]]) as tx:
            for kind in RULED:
                for medium in MEDIA:
                    await set_rule(tx, merchant["merchant_id"], kind, medium, f"{kind}/{medium}" in form)
            await set_quiet(
                tx,
                merchant["merchant_id"],
                {
                    medium: read_quiet(form.get(f"{medium}/begins", ""), form.get(f"{medium}/ends", ""))
                    for medium in MEDIA
                },
            )
            secret = await set_addresses(
                tx, merchant["merchant_id"], clock.now(), office=form.get("office", ""), url=form.get("webhook", ""),
                by=by,
            )  # fmt: skip
    except Refusal as refusal:
        return await _matrix(visit, refusal.status, refusal=refusal)
    if secret:
        return await _matrix(visit, secret=secret)
    return see_other(f"/settings/notices?merchant={merchant['key']}&did=kept")


async def show_words(visit: Visit) -> Response[str]:
    return await _words(visit)


async def keep_own(visit: Visit) -> Response[str]:
    """`do`: keep, reset, or send a sample."""
    merchant, kind, language = await merchant_meant(visit), visit.path["fact"], _language(visit)
    address = f"/settings/notices/{kind}?{urlencode({'merchant': merchant['key'], 'language': language})}"
    doing = visit.form.get("do", "keep")
    own = OwnWords() if doing == "reset" else _given(visit.form)
    try:
        if doing == "test":
            to = visit.form.get("to", "").strip()
            did = await send_sample(visit.db, merchant["merchant_id"], kind, language, to, clock.now())
            return see_other(f"{address}&did={did}")
        async with tenant_tx(visit.db, [merchant["merchant_id"]]) as tx:
            await keep_words(tx, merchant["merchant_id"], kind, language, own)
    except Refusal as refusal:
        return await _words(visit, refusal.status, refusal=refusal, given=None if doing == "test" else own)
    return see_other(f"{address}&did={'reset' if doing == 'reset' else 'kept'}")


async def sample(visit: Visit) -> Response[str]:
    """The letter as its buyer would see it, with the words of the form where they fit."""
    merchant, kind, language = await merchant_meant(visit), visit.path["fact"], _language(visit)
    async with visit.reading() as tx:
        kept = await own_words(tx, merchant["merchant_id"], kind, language)
        own = _given(visit.query) if any(name in visit.query for name in FIELDS) else kept
        seen = await _seen(tx, merchant["merchant_id"], kind, language, own)
    return Response(seen.html, media_type="text/html", headers=AS_LETTER)


async def _matrix(visit: Visit, status: int = 200, **more: Any) -> Response[str]:
    merchant = await merchant_meant(visit)
    async with visit.reading() as tx:
        now = await notice_rules(tx, merchant["merchant_id"])
        merchants = await tx.rows(MERCHANTS, list(visit.visitor.merchants))
    on = {f"{rule.kind}/{rule.medium}" for rule in now.rules if rule.on}
    form = {
        "office": now.office, "webhook": now.webhook,
        **{f"{medium}/{end}": getattr(hours, end, "") for medium, hours in now.quiet.items()
           for end in ("begins", "ends")},
    }  # fmt: skip
    if more.get("refusal"):
        on, form = {name for name in visit.form if "/" in name}, {name: visit.form.get(name, "") for name in form}
    return visit.show(
        "notices.html", status, merchant=merchant, merchants=merchants, kinds=RULED, media=MEDIA, on=on, form=form,
        now=now, did=visit.did(DONE), secret=more.get("secret", ""),
        refusal=more.get("refusal"),
    )  # fmt: skip


async def _words(visit: Visit, status: int = 200, **more: Any) -> Response[str]:
    merchant, kind, language = await merchant_meant(visit), visit.path["fact"], _language(visit)
    async with visit.reading() as tx:
        said = next(
            (one for one in (await read_words(tx, merchant["merchant_id"])).notices
             if (one.kind, one.language) == (kind, language)), None,
        )  # fmt: skip
        if said is None:
            raise NotFound(notice=kind[:60])
        given = more.get("given") or (_given(visit.query) if "subject" in visit.query else said.own)
        seen = await _seen(tx, merchant["merchant_id"], kind, language, given)
    asked = urlencode({"merchant": merchant["key"], "language": language,
                       **{name: getattr(given, name) for name in FIELDS}})  # fmt: skip
    return visit.show(
        "notice_words.html", status, merchant=merchant, kind=kind, called=notice_words.KINDS[kind], language=language,
        languages=LANGUAGES, said=said, given=given, sms=seen.sms, asked=asked, to=visit.visitor.person.email,
        did=visit.did(DONE), refusal=more.get("refusal"),
    )  # fmt: skip


async def _seen(tx: Any, merchant: int, kind: str, language: str, own: OwnWords) -> Preview:
    """In doorstep's words where these do not fit; refuses NoSuchNotice."""
    try:
        check(kind, language, own)
    except (Invalid, UnknownPlaceholder):
        own = OwnWords()
    return await preview(tx, merchant, kind, language, own, clock.now())


def _given(form: Any) -> OwnWords:
    return OwnWords(**{name: form.get(name, "").strip() for name in FIELDS})


def _language(visit: Visit) -> str:
    wanted = visit.form.get("language") or visit.query.get("language", "")
    return wanted if wanted in LANGUAGES else reader().language
