"""sample_notice: a notice of an order that is nobody's, really sent: to see how it arrives before buyers do."""

from __future__ import annotations

from datetime import datetime
from secrets import token_hex

from doorstep.doors.reads.notices import SENDER, sample_letter
from doorstep.kit import home as homes
from doorstep.kit.phone import dialable
from doorstep.kit.refusals import Refusal
from doorstep.kit.secrets import keyring
from doorstep.plug import registry
from doorstep.plug.notifier import Delivered, Gone, Letter, Outcome, Text, mailer
from doorstep.setup.connections import connection_of, connections
from doorstep.setup.notices.wording import check, own_words
from doorstep.spine.tenant import Db, tenant_tx


class NothingToSendWith(Refusal):
    """There is no address that letters come from, or no account with a gateway for text messages."""


class NotTaken(Refusal):
    """The sample was not taken."""

    status = 502


async def send_sample(db: Db, merchant: int, kind: str, language: str, to: str, now: datetime) -> str:
    """To an e-mail address, or to a number as the world dials it; answers by what it went.

    Refuses NoSuchNotice, NothingToSendWith, NotAMailbox, NotTaken.
    """
    medium = "email" if "@" in to else "sms"
    async with tenant_tx(db, [merchant], readonly=True) as tx:
        words = await own_words(tx, merchant, kind, language)
        check(kind, language, words)
        sender = await tx.row(SENDER, merchant)
        letter, sms = await sample_letter(tx, merchant, kind, language, words, now, to if medium == "email" else "")
        account = next((one for one in await connections(tx, merchant) if one.kind == "sms"), None)
        opened = await connection_of(tx, keyring(homes.home()), merchant, "sms", account.code) if account else None
    if medium == "email":
        if not (sender["sender"] or sender["email"]):
            raise NothingToSendWith(medium=medium)
        post = mailer(homes.prepare(homes.home()))
        (outcome,) = await post.send([Letter(str(letter["Message-ID"]), letter)])
    elif account is None or opened is None:
        raise NothingToSendWith(medium=medium)
    else:
        number = dialable(to, "")
        gateway = registry.sms(opened[0], account.code, opened[1])
        (outcome,) = await gateway.send([Text(token_hex(16), number, sms)]) if number else [Gone("it is no number")]
    if not isinstance(outcome, Delivered):
        raise NotTaken(medium=medium, reason=_reason(outcome))
    return medium


def _reason(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Delivered) else outcome.reason
