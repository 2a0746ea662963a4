"""letters: a way in by mail: an invitation, or a link for who forgot the password."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

import msgspec
import structlog

from doorstep.doors.console.speaking import _
from doorstep.kit import clock
from doorstep.kit import home as homes
from doorstep.plug.notifier import Delivered, Letter, mailer
from doorstep.setup.log import By
from doorstep.setup.people import NoSuchPerson
from doorstep.setup.sessions import issue_link
from doorstep.spine.tenant import Db, tenant_tx

SENDER = """
select m.name, m.email, m.brand from merchant m where m.merchant_id = any($1) and m.is_operator
  order by m.email = '', m.merchant_id limit 1
"""

logger = structlog.get_logger("doorstep.console")
# Kept until they are done, so that none is lost half way.
_posting: set[asyncio.Task[None]] = set()


def post_way_in(db: Db, email: str, address: str, by: By, lasts: timedelta) -> None:
    """Beside the answer, which must not tell by its time whether there is somebody of that e-mail address."""
    task = asyncio.ensure_future(_post_way_in(db, email, address, by, lasts))
    _posting.add(task)
    task.add_done_callback(_posting.discard)


async def _post_way_in(db: Db, email: str, address: str, by: By, lasts: timedelta) -> None:
    if not email:
        return
    try:
        link = await issue_link(db, email, lasts=lasts, kind="letter", by=by)
        text = _(
            "Somebody, we hope you, asked for a way into doorstep. This link lets you in once, within the hour:\n\n"
            "%(link)s\n\nIt was not you? Then do nothing: without the link nobody gets in.",
            link=f"{address.rstrip('/')}/in/{link}",
        )
        await send(db, email, _("Your way into doorstep"), text)
    except NoSuchPerson:
        return
    except Exception as error:  # nobody waits for it, so nobody else would write it down
        logger.error("letter not sent", error=type(error).__name__)


async def send(db: Db, email: str, subject: str, text: str) -> bool:
    """Whether the post took it; without a sender there is no letter."""
    async with tenant_tx(db, await db.everyone(), readonly=True) as tx:
        row = await tx.row(SENDER, list(tx.merchants))
    brand = msgspec.json.decode(row["brand"]) if row and row["brand"] else {}
    sender = brand.get("sender") or (row["email"] if row else "")
    if not sender:
        return False
    try:
        message = _letter(str(row["name"]), sender, email, subject, text)
    except ValueError:
        return False
    (outcome,) = await mailer(homes.prepare(homes.home())).send([Letter(str(message["Message-ID"]), message)])
    return isinstance(outcome, Delivered)


def _letter(name: str, sender: str, email: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(" ".join(name.split()), addr_spec=sender)
    message["To"] = Address(addr_spec=email)
    message["Subject"] = subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = make_msgid(domain=sender.partition("@")[2] or "doorstep")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, cte="quoted-printable")
    return message
