"""sms: text messages by a gateway that speaks as Twilio does, whoever runs it.

The gateway takes no key, so a message whose end is not known is not simply sent again: it is looked for among those
that the gateway has for that number, and only what is certainly not there is sent once more.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import Struct

from doorstep.kit import clock
from doorstep.plug.notifier.outcome import Delivered, Gone, Outcome, RetryAt, next_try
from doorstep.plug.wire import NoAnswer, Policy, Rejected, Wire

LONGEST = 1600
# So long a request may still be under way after nobody waits for its answer any more.
SETTLES = timedelta(seconds=60)
# How far the gateway's clock may be from ours.
SKEW = timedelta(minutes=5)
_PAGE, _PAGES = 100, 5
# About this number: https://www.twilio.com/docs/api/errors
_STOPPED = frozenset({21610})
_NO_NUMBER = frozenset({21211, 21214, 21217, 21408, 21612, 21614, 21635})
_NOT_SENT = frozenset({"failed", "undelivered", "canceled"})
_THERE = frozenset({"delivered", "read"})


class Text(Struct, frozen=True):
    key: str  # the same for every try
    to: str  # +380441234567
    text: str
    first_at: datetime | None = None  # of the first try
    attempt: int = 1
    receipt_to: str = ""  # where the gateway is to tell how it ended


class Receipt(Struct, frozen=True):
    """How a text message ended. `why`: of one that did not come."""

    came: bool
    why: str = ""


class NotSigned(Exception):
    """The gateway did not send this."""


class TwilioSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sender`: a number, a name, or the id of a messaging service (MG…)."""

    account_sid: str
    auth_token: str
    sender: str
    base_url: str = "https://api.twilio.com"
    deadline_s: float = 15.0

    def __repr__(self) -> str:
        return f"TwilioSettings({self.account_sid!r})"  # without the token: this ends up in logs


class Sent(Struct, frozen=True):
    sid: str
    status: str = ""
    body: str | None = ""
    to: str | None = ""
    error_code: int | None = None
    date_created: str | None = ""


class Page(Struct, frozen=True):
    messages: list[Sent]
    next_page_uri: str | None = None


class Trouble(Struct, frozen=True):
    code: int = 0
    message: str = ""


class TwilioSms:
    """One try a call: a second one could be a second message."""

    def __init__(self, code: str, settings: TwilioSettings) -> None:
        self.code, self._settings = code, settings
        credentials = b64encode(f"{settings.account_sid}:{settings.auth_token}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Accept": "application/json"}
        policy = Policy(tries=1, deadline_s=settings.deadline_s)
        self._wire = Wire(settings.base_url.rstrip("/") + "/", headers, policy)
        self._path = f"2010-04-01/Accounts/{quote(settings.account_sid, safe='')}/Messages.json"

    async def send(self, messages: Sequence[Text]) -> list[Outcome]:
        return [await self._send(message) for message in messages]

    async def look_up(self, message: Text, tried_at: datetime) -> Outcome | None:
        """By what it said, among what went to that number since it was first tried."""
        since = (message.first_at or tried_at) - SKEW
        try:
            found = await self._find(message, since)
        except (NoAnswer, Rejected) as failure:
            return _again(message, f"it may have been sent, and the gateway does not say: {failure}")
        if found is not None:
            return _outcome(found)
        left = tried_at + SETTLES - clock.now()
        if left > timedelta(0):
            return RetryAt(clock.now() + left, "it may still be under way", message.attempt + 1)
        return None

    async def close(self) -> None:
        await self._wire.close()

    async def _send(self, message: Text) -> Outcome:
        settings = self._settings
        sender = "MessagingServiceSid" if settings.sender.startswith("MG") else "From"
        form = {"To": message.to, sender: settings.sender, "Body": message.text[:LONGEST]}
        if message.receipt_to:
            form["StatusCallback"] = message.receipt_to
        try:
            return _outcome(await self._wire.call("POST", self._path, Sent, form=form))
        except NoAnswer as silence:
            return next_try(clock.now(), message.key, message.attempt, silence.detail, silence.retry_after_s)
        except Rejected as no:
            return _judge(message, no)

    async def _find(self, message: Text, since: datetime) -> Sent | None:
        """The gateway lists the newest first."""
        params: dict[str, str] = {"To": message.to, "PageSize": str(_PAGE)}
        for page in range(_PAGES):
            told = await self._wire.call("GET", self._path, Page, params={**params, "Page": str(page)})
            for sent in told.messages:
                if _created(sent) >= since and sent.body == message.text[:LONGEST]:
                    return sent
            if not told.next_page_uri or any(_created(sent) < since for sent in told.messages):
                return None
        raise NoAnswer("more messages to this number than are read")


def read_receipt(settings: TwilioSettings, url: str, headers: Mapping[str, str], body: bytes) -> Receipt | None:
    """What was posted to `url`; None of what is no end yet. Raises NotSigned."""
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if not hmac.compare_digest(headers.get("x-twilio-signature", "").encode(), signature(settings, url, form)):
        raise NotSigned
    status, code = form.get("MessageStatus", ""), form.get("ErrorCode", "")
    if status in _NOT_SENT:
        return Receipt(came=False, why=_gave_up(status, code))
    return Receipt(came=True) if status in _THERE else None


def signature(settings: TwilioSettings, url: str, form: Mapping[str, str]) -> bytes:
    """Of the address and what is posted there, by name: HMAC-SHA1 in base64."""
    said = url + "".join(name + form[name] for name in sorted(form))
    return b64encode(hmac.digest(settings.auth_token.encode(), said.encode(), "sha1"))


def _gave_up(status: str, code: object) -> str:
    return f"the gateway says {status}" + (f" ({code})" if code else "")


def _created(sent: Sent) -> datetime:
    try:
        return parsedate_to_datetime(sent.date_created or "")
    except (TypeError, ValueError):
        raise NoAnswer("a message without a date") from None


def _outcome(sent: Sent) -> Outcome:
    """What was taken counts as sent; what the gateway itself gave up on since does not."""
    if sent.status in _NOT_SENT:
        return Gone(_gave_up(sent.status, sent.error_code))
    return Delivered(sent.sid)


def _judge(message: Text, no: Rejected) -> Outcome:
    """A no to this number ends it; one to us (the token, the sender, the credit) may pass, and somebody sees it."""
    try:
        trouble = msgspec.json.decode(no.said, type=Trouble)
    except (msgspec.DecodeError, msgspec.ValidationError):
        trouble = Trouble()
    reason = f"{trouble.code} {trouble.message}".strip("0 ")[:300] or no.reason
    if trouble.code in _STOPPED:
        return Gone(reason, stopped=True)
    if trouble.code in _NO_NUMBER:
        return Gone(reason)
    return _again(message, reason)


def _again(message: Text, reason: str) -> Outcome:
    return next_try(clock.now(), message.key, message.attempt, reason)
