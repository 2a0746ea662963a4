"""wording: a merchant's own words for a notice, in a language: plain text with names in braces that are filled in.

A name is replaced by its value once, and by nothing else: no code, no markup; what is unknown is refused by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, structs

from doorstep.kit.refusals import Invalid, Refusal
from doorstep.kit.speech import LANGUAGES
from doorstep.setup.notices.kinds import FACTS, RULED, Kind
from doorstep.spine.tenant import Tx

ALL = """
select w.kind, w.language, w.subject, w.headline, w.lead, w.sms from notice_words w
  where w.merchant_id = $1 order by w.kind, w.language
"""
ONE = """
select w.subject, w.headline, w.lead, w.sms from notice_words w
  where w.merchant_id = $1 and w.kind = $2 and w.language = $3
"""
KEEP = """
insert into notice_words (merchant_id, kind, language, subject, headline, lead, sms) values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (merchant_id, kind, language) do update set subject = excluded.subject, headline = excluded.headline,
    lead = excluded.lead, sms = excluded.sms
"""
RESET = "delete from notice_words where merchant_id = $1 and kind = $2 and language = $3 returning kind"

LONGEST = {"subject": 150, "headline": 150, "lead": 1000, "sms": 320}
_EVERYWHERE = ("order_number", "buyer_name", "shop", "tracking_url")
_OF_PARCELS = ("carrier", "tracking_number", "parcel")
_OF: dict[str, tuple[str, ...]] = {
    "received": ("expected_on", "total"), "awaiting_fulfillment": ("expected_on", "total"),
    "backordered": ("expected_on",), "split": ("expected_on",), "shipped": ("expected_on",),
    "delayed": ("expected_on",), "out_for_delivery": ("expected_on",), "attempted": ("place",),
    "available_for_pickup": ("place", "until"), "customs_hold": ("place",), "delivered": ("delivered_on",),
    "return_label": ("label_url",), "refunded": ("amount",),
}  # fmt: skip
_NAME = re.compile(r"\{([^{}]*)\}")


class UnknownPlaceholder(Refusal):
    """Nothing is filled in for this name."""

    status = 422


class NoSuchNotice(Refusal):
    """No fact of this name speaks, or not in this language."""

    status = 422


class OwnWords(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is empty is said in doorstep's own words."""

    subject: str = ""
    headline: str = ""
    lead: str = ""
    sms: str = ""


NONE = OwnWords()


def placeholders(kind: Kind) -> tuple[str, ...]:
    """The names that are filled in for this fact."""
    return (*_EVERYWHERE, *(_OF_PARCELS if FACTS[kind].of_parcel else ()), *_OF.get(kind, ()))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Each name with its value; a value that looks like a name stays as it is."""
    return _NAME.sub(lambda name: values.get(name[1], ""), text)


def check(kind: str, language: str, words: OwnWords) -> None:
    """Refuses NoSuchNotice, Invalid, UnknownPlaceholder."""
    if kind not in RULED or language not in LANGUAGES:
        raise NoSuchNotice(kind=kind[:60], language=language[:20], kinds=list(RULED), languages=list(LANGUAGES))
    if wrong := list(_problems(words)):
        raise Invalid(fields=wrong)
    known = placeholders(kind)
    for field, text in structs.asdict(words).items():
        for name in _NAME.findall(text):
            if name not in known:
                raise UnknownPlaceholder(field=field, placeholder=name[:60], known=list(known))


def _problems(words: OwnWords) -> Iterator[dict[str, Any]]:
    for field, text in structs.asdict(words).items():
        if len(text) > LONGEST[field]:
            yield {"pointer": f"/{field}", "detail": f"is longer than {LONGEST[field]} characters"}
        if any(mark in _NAME.sub("", text) for mark in "{}"):
            yield {"pointer": f"/{field}", "detail": "has a brace that does not enclose a name"}
        if any(ord(char) < 32 or char in "\x7f\u2028\u2029\x85" for char in text):
            yield {"pointer": f"/{field}", "detail": "must be one line, without control characters"}


async def own_words(tx: Tx, merchant: int, kind: str, language: str) -> OwnWords:
    row = await tx.row(ONE, merchant, kind, language)
    return OwnWords(**dict(row)) if row else NONE


async def all_own_words(tx: Tx, merchant: int) -> dict[tuple[str, str], OwnWords]:
    """By kind and language."""
    rows = await tx.rows(ALL, merchant)
    return {(row["kind"], row["language"]): OwnWords(**dict(tuple(row.items())[2:])) for row in rows}


async def keep_words(tx: Tx, merchant: int, kind: str, language: str, words: OwnWords) -> None:
    """Refuses NoSuchNotice, Invalid, UnknownPlaceholder. All empty: as it was before anybody wrote anything."""
    words = OwnWords(**{name: text.strip() for name, text in structs.asdict(words).items()})
    check(kind, language, words)
    if words == NONE:
        await reset_words(tx, merchant, kind, language)
        return
    await tx.run(KEEP, merchant, kind, language, words.subject, words.headline, words.lead, words.sms)


async def reset_words(tx: Tx, merchant: int, kind: str, language: str) -> bool:
    """Back to doorstep's own words; answers whether there were others."""
    return await tx.value(RESET, merchant, kind, language) is not None
