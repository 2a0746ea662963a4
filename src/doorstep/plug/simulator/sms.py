"""sms: the simulated gateway for text messages, in the shape of Twilio's REST API; it takes no keys, and repeats what
it is asked to.

Some numbers are special, so that a no can be had: one that nobody has, one whose owner has opted out, one that the
network gives up on later.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from doorstep.plug.simulator.answer import Answer

NOBODYS, STOPPED, LOST, LANDLINE = "+15005550001", "+15005550004", "+15005550006", "+15005550014"
REFUSED = {
    NOBODYS: (21211, "Invalid 'To' Phone Number"), STOPPED: (21610, "Attempt to send to unsubscribed recipient"),
    LANDLINE: (21614, "'To' number is not a valid mobile number"),
}  # fmt: skip
LONGEST = 1600


class Message(Struct, kw_only=True):
    sid: str
    account_sid: str
    to: str
    sender: str
    body: str
    status: str
    created_at: datetime
    error_code: int | None = None

    def told(self) -> dict[str, Any]:
        return {
            "sid": self.sid, "account_sid": self.account_sid, "to": self.to, "from": self.sender, "body": self.body,
            "status": self.status, "error_code": self.error_code, "error_message": None, "direction": "outbound-api",
            "date_created": format_datetime(self.created_at), "date_updated": format_datetime(self.created_at),
            "date_sent": None, "num_segments": str(1 + len(self.body) // 160), "price": None, "price_unit": "USD",
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages/{self.sid}.json",
        }  # fmt: skip


class ToTell(Struct):
    """Of a message whose sender wants to know how it ends: where that is posted, and what; signed with the token."""

    url: str
    form: dict[str, str]
    token: str
    tries: int = 0

    def signature(self) -> str:
        said = self.url + "".join(name + self.form[name] for name in sorted(self.form))
        return b64encode(hmac.digest(self.token.encode(), said.encode(), "sha1")).decode()


class SimulatedSms:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.to_tell: list[ToTell] = []

    def handle(
        self, method: str, account: str, body: Any, params: Mapping[str, str], now: datetime, who: str
    ) -> Answer:
        if _user_and_token(who)[0] != account:
            return _no(401, 20003, "Authenticate")
        if method == "GET":
            return Answer(200, self._page(account, params))
        return self._send(account, msgspec.convert(body or {}, dict[str, str]), now, _user_and_token(who)[1])

    def _send(self, account: str, form: Mapping[str, str], now: datetime, token: str) -> Answer:
        to, text = form.get("To", ""), form.get("Body", "")
        sender = form.get("From") or form.get("MessagingServiceSid", "")
        if not to.startswith("+") or not to[1:].isdigit() or not 8 <= len(to) <= 16:
            return _no(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if to in REFUSED:
            return _no(400, *REFUSED[to])
        if not sender:
            return _no(400, 21603, "A 'From' phone number is required.")
        if not text or len(text) > LONGEST:
            return _no(400, 21602, "Message body is required.")
        sid = "SM" + sha256(f"{len(self.messages)}|{to}|{text}".encode()).hexdigest()[:32]
        sent = Message(sid=sid, account_sid=account, to=to, sender=sender, body=text, status="queued", created_at=now)
        self.messages.append(sent)
        told = sent.told()
        if to == LOST:
            sent.status, sent.error_code = "undelivered", 30003
        # Who is replayed from the journal has no token, and was told before.
        if token and (url := form.get("StatusCallback", "")):
            self.to_tell += _news(sent, url, token)
        return Answer(201, told)

    def _page(self, account: str, params: Mapping[str, str]) -> dict[str, Any]:
        """The newest first."""
        size, page = int(params.get("PageSize", "50")), int(params.get("Page", "0"))
        found = [
            one for one in reversed(self.messages)
            if one.account_sid == account and params.get("To", one.to) == one.to
        ]  # fmt: skip
        shown = found[page * size : (page + 1) * size]
        more = len(found) > (page + 1) * size
        path = f"/2010-04-01/Accounts/{account}/Messages.json"
        return {
            "messages": [one.told() for one in shown], "page": page, "page_size": size, "uri": path,
            "next_page_uri": f"{path}?Page={page + 1}" if more else None,
        }  # fmt: skip

    def summary(self) -> dict[str, Any]:
        return {"messages": len(self.messages), "last": [one.body for one in self.messages[-5:]]}


def nobody_of(account: str) -> str:
    """Its Authorization without what is secret in it."""
    return "Basic " + b64encode(f"{account}:".encode()).decode()


def _news(sent: Message, url: str, token: str) -> list[ToTell]:
    """Steps on the way before its end, and the end twice: gateways repeat themselves."""
    end = {"MessageStatus": "undelivered", "ErrorCode": str(sent.error_code)} if sent.error_code else {
        "MessageStatus": "delivered"
    }  # fmt: skip
    about = {"AccountSid": sent.account_sid, "MessageSid": sent.sid, "To": sent.to, "From": sent.sender}
    return [ToTell(url, {**about, **step}, token) for step in ({"MessageStatus": "sent"}, end, end)]


def _user_and_token(authorization: str) -> tuple[str, str]:
    try:
        user, _, token = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
    except (NotBase64, UnicodeDecodeError):
        return "", ""
    return user, token


def _no(status: int, code: int, message: str) -> Answer:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Answer(status, {"code": code, "message": message, "more_info": more, "status": status})
