"""rules: which fact speaks to whom by which medium; where the office and the merchant's program are; quiet hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from msgspec import Struct

from doorstep.kit import home as homes
from doorstep.kit.mailbox import MAILBOX
from doorstep.kit.refusals import Invalid, Refusal
from doorstep.kit.secrets import keyring
from doorstep.plug.guard import UrlRefused, read_url
from doorstep.plug.notifier import Endpoint, new_webhook_secret
from doorstep.setup import log
from doorstep.setup.log import MACHINE, By
from doorstep.setup.notices.kinds import FACTS, MEDIA, RULED, Kind, Medium, is_on_by_default
from doorstep.setup.notices.quiet import BY_DEFAULT, Quiet, as_json, read_quiet
from doorstep.spine.tenant import Tx

RULES = "select r.kind, r.medium, r.is_on from notice_rule r where r.merchant_id = $1"
KEEP_RULE = """
insert into notice_rule (merchant_id, kind, medium, is_on) values ($1, $2, $3, $4)
  on conflict (merchant_id, kind, medium) do update set is_on = excluded.is_on
"""
DROP_RULE = "delete from notice_rule where merchant_id = $1 and kind = $2 and medium = $3"
SETUP = "select s.office, s.url, s.secret, s.quiet from notice_setup s where s.merchant_id = $1"
KEEP_SETUP = """
insert into notice_setup (merchant_id, office, url, secret, quiet) values ($1, $2, $3, $4, $5::jsonb)
  on conflict (merchant_id) do update set office = excluded.office, url = excluded.url, secret = excluded.secret,
    quiet = excluded.quiet
"""
HAS_SMS = "select exists (select from connection c where c.merchant_id = $1 and c.kind = 'sms')"


class NoSuchRule(Refusal):
    """No fact of this name speaks, or not by this medium."""

    status = 422


class Rule(Struct, frozen=True, kw_only=True):
    """`on` as it is now, `by_default` as it is where nobody said otherwise."""

    kind: str
    says: str
    medium: str
    on: bool
    by_default: bool


class QuietHours(Struct, frozen=True, kw_only=True):
    """Local to whoever it is for, as HH:MM."""

    begins: str
    ends: str


class NoticeRules(Struct, frozen=True, kw_only=True):
    """`has_secret`: notices that are posted to `webhook` are signed. `sms`: an account for text messages is there."""

    rules: list[Rule]
    office: str
    webhook: str
    has_secret: bool
    sms: bool
    quiet: dict[str, QuietHours | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one merchant wants; the rule of notices reads it."""

    said: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    office: str = ""
    url: str = ""
    secret: str = ""
    quiet: Mapping[str, Quiet | None] = field(default_factory=dict)

    def is_on(self, kind: Kind, medium: Medium) -> bool:
        return self.said.get((kind, medium), is_on_by_default(kind, medium))

    def media(self, kind: Kind) -> tuple[Medium, ...]:
        """By which it speaks; an answer goes to whoever asked, by letter."""
        return ("email",) if kind == "answer" else tuple(medium for medium in MEDIA if self.is_on(kind, medium))

    def quiet_of(self, medium: Medium) -> Quiet | None:
        return self.quiet[medium] if medium in self.quiet else BY_DEFAULT.get(medium)


async def wanted(tx: Tx, merchant: int) -> Wanted:
    said = {(row["kind"], row["medium"]): row["is_on"] for row in await tx.rows(RULES, merchant)}
    row = await tx.row(SETUP, merchant)
    if row is None:
        return Wanted(said)
    hours = msgspec.json.decode(row["quiet"], type=dict[str, QuietHours | None])
    quiet = {medium: read_quiet(of.begins, of.ends) if of else None for medium, of in hours.items()}
    return Wanted(said, row["office"], row["url"], row["secret"], quiet)


async def notice_rules(tx: Tx, merchant: int) -> NoticeRules:
    """Every fact by every medium, as it is now."""
    now = await wanted(tx, merchant)
    rules = [
        Rule(kind=kind, says=FACTS[kind].says, medium=medium, on=now.is_on(kind, medium),
             by_default=is_on_by_default(kind, medium))
        for kind in RULED for medium in MEDIA
    ]  # fmt: skip
    return NoticeRules(
        rules=rules, office=now.office, webhook=now.url, has_secret=bool(now.secret),
        sms=bool(await tx.value(HAS_SMS, merchant)), quiet={
            name: QuietHours(**hours) if (hours := as_json(now.quiet_of(name))) else None for name in MEDIA
        },
    )  # fmt: skip


async def set_rule(tx: Tx, merchant: int, kind: str, medium: str, on: bool) -> None:
    """Refuses NoSuchRule. What is as it is by default is not written down."""
    if kind not in RULED or medium not in MEDIA:
        raise NoSuchRule(kind=kind[:60], medium=medium[:60], kinds=list(RULED), media=list(MEDIA))
    if on == is_on_by_default(kind, medium):
        await tx.run(DROP_RULE, merchant, kind, medium)
    else:
        await tx.run(KEEP_RULE, merchant, kind, medium, on)


async def set_addresses(
    tx: Tx, merchant: int, at: datetime, *, office: str | None = None, url: str | None = None, by: By = MACHINE
) -> str:
    """Where the office reads, and where notices are posted to; '' for nowhere. A new address gets a new secret, which
    is answered this one time. Refuses Invalid."""
    now = await wanted(tx, merchant)
    office, url = now.office if office is None else office.strip(), now.url if url is None else url.strip()
    if wrong := list(_problems(office, url)):
        raise Invalid(fields=wrong)
    fresh = new_webhook_secret() if url and url != now.url else ""
    sealed = keyring(homes.home()).seal(fresh, context_of(merchant)) if fresh else now.secret if url else ""
    await _keep(tx, merchant, Wanted(now.said, office, url, sealed, now.quiet))
    await log.write(tx, by, "setting_changed", at, url or office, setting="notices", merchant=merchant)
    return fresh


def _problems(office: str, url: str) -> list[dict[str, str]]:
    wrong = []
    if office and (len(office) > 254 or not MAILBOX.fullmatch(office)):
        wrong.append({"pointer": "/office", "detail": "must be an e-mail address"})
    try:
        if url and (len(url) > 2000 or not read_url(url)):
            wrong.append({"pointer": "/webhook", "detail": "is longer than 2000 characters"})
    except UrlRefused as no:
        wrong.append({"pointer": "/webhook", "detail": str(no)})
    return wrong


async def set_quiet(tx: Tx, merchant: int, hours: Mapping[str, Quiet | None]) -> None:
    """For these media; others stay. Refuses NoSuchRule."""
    for medium in hours:
        if medium not in MEDIA:
            raise NoSuchRule(medium=medium[:60], media=list(MEDIA))
    now = await wanted(tx, merchant)
    await _keep(tx, merchant, Wanted(now.said, now.office, now.url, now.secret, {**now.quiet, **hours}))


async def _keep(tx: Tx, merchant: int, now: Wanted) -> None:
    quiet = msgspec.json.encode({name: as_json(hours) for name, hours in now.quiet.items()}).decode()
    await tx.run(KEEP_SETUP, merchant, now.office, now.url, now.secret, quiet)


def endpoint_of(merchant: int, now: Wanted) -> Endpoint | None:
    """Where notices are posted to, ready to be signed for."""
    if not now.url:
        return None
    return Endpoint(now.url, (keyring(homes.home()).open(now.secret, context_of(merchant)),))


def context_of(merchant: int) -> str:
    return f"notice_setup/{merchant}/secret"
