"""Mail, text messages and posts to a merchant's program keep the contract of a notifier, on bad days too."""

from __future__ import annotations

import asyncio
import email
import email.policy
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from doorstep.kit import clock
from doorstep.plug import registry
from doorstep.plug.guard import Guard
from doorstep.plug.notifier import (
    Delivered,
    Endpoint,
    Gone,
    NotSigned,
    Receipt,
    RetryAt,
    SmtpMailer,
    SmtpSettings,
    Text,
    TwilioSettings,
    TwilioSms,
    WebhookMessage,
    WebhookNotifier,
    WebhookSender,
    known,
    new_webhook_secret,
    read_receipt,
)
from doorstep.plug.notifier.sms import signature
from doorstep.plug.simulator.process import Outside
from doorstep.plug.simulator.sms import LANDLINE, LOST, NOBODYS, STOPPED
from tests.plug.carrier_contract import SLOW_S, TOO_LATE
from tests.plug.notifier_contract import NotifierContract
from tests.plug.test_mail import PATIENT_S, letter_to
from tests.plug.test_mail import start as start_mail

# The simulated world's clock stands still there.
THEN = datetime(2026, 3, 2, 12, tzinfo=UTC)


# Letters


class Mailbox:
    """A mail server, and a mailbox that shows a letter once, by its Message-ID."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.trouble = ""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        trouble, self.trouble = self.trouble, ""
        if trouble == "fail":
            return "451 4.3.0 come back later"
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.ids.append(email.message_from_bytes(content, policy=email.policy.default)["Message-ID"])
        if trouble == "lose" and server.transport is not None:
            server.transport.close()
        return "??? what" if trouble == "nonsense" else "250 kept"


class MailRig:
    def __init__(self, box: Mailbox, port: int) -> None:
        self.box, self.secret = box, "a-password-of-ours"
        settings = SmtpSettings(host="127.0.0.1", port=port, password=self.secret)
        self.notifier = SmtpMailer(settings, deadline_s=PATIENT_S)

    def message(self, key: str) -> Any:
        return letter_to(key=key)

    def to_nobody(self, key: str) -> Any:
        return letter_to("nobody@example.pl", key)

    def reached(self) -> list[str]:
        return [one.strip("<>").partition("@")[0] for one in dict.fromkeys(self.box.ids)]

    def lose_the_answer(self) -> None:
        self.box.trouble = "lose"

    def fail(self) -> None:
        self.box.trouble = "fail"

    def nonsense(self) -> None:
        self.box.trouble = "nonsense"


class TestLettersKeepTheContract(NotifierContract):
    @pytest.fixture
    def rig(self) -> Iterator[MailRig]:
        box = Mailbox()
        controller = start_mail(box, enable_SMTPUTF8=True)  # type: ignore[arg-type]
        yield MailRig(box, controller.port)
        controller.stop()


# Posts to a merchant's program


class Program:
    """A merchant's program: it drops what it has, by Webhook-Id; one of a certain id it never wants."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.trouble = ""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                await reader.readexactly(int(headers["content-length"]))
                answer = self._answer(headers["webhook-id"])
                if not answer:
                    break
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, key: str) -> bytes:
        trouble, self.trouble = self.trouble, ""
        if key.startswith("nobody"):
            return b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
        if trouble == "fail":
            return b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n"
        self.ids.append(key)
        if trouble == "lose":
            return b""
        return b"HELLO?\r\n\r\n" if trouble == "nonsense" else b"HTTP/1.1 204 Kept\r\nContent-Length: 0\r\n\r\n"


class WebhookRig:
    def __init__(self, program: Program) -> None:
        self.program, self.secret = program, new_webhook_secret()
        self.sender = WebhookSender(Guard((ip_network("127.0.0.0/8"),)), deadline_s=PATIENT_S)
        self.notifier = WebhookNotifier(Endpoint(f"http://127.0.0.1:{program.port}/in", (self.secret,)), self.sender)

    def message(self, key: str) -> Any:
        return WebhookMessage(key, b'{"type": "notice.shipped"}')

    def to_nobody(self, key: str) -> Any:
        return WebhookMessage(f"nobody-{key}", b"{}")

    def reached(self) -> list[str]:
        return list(dict.fromkeys(self.program.ids))

    def lose_the_answer(self) -> None:
        self.program.trouble = "lose"

    def fail(self) -> None:
        self.program.trouble = "fail"

    def nonsense(self) -> None:
        self.program.trouble = "nonsense"


class TestPostsKeepTheContract(NotifierContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[WebhookRig]:
        program = Program()
        server = await asyncio.start_server(program.serve, "127.0.0.1", 0)
        program.port = server.sockets[0].getsockname()[1]
        made = WebhookRig(program)
        yield made
        await made.sender.close()
        server.close()


# Text messages


class SmsRig:
    """The gateway takes no key: what it takes twice, a phone shows twice."""

    count = 0

    def __init__(self, outside: Outside) -> None:
        SmsRig.count += 1
        self.outside, self.secret = outside, "a-token-of-ours"
        self.to = f"+38044{SmsRig.count:07}"
        self.notifier = gateway(outside)

    def message(self, key: str) -> Any:
        return Text(key, self.to, f"Harbor Mugs: {key}", THEN)

    def to_nobody(self, key: str) -> Any:
        return Text(key, NOBODYS, f"Harbor Mugs: {key}", THEN)

    def reached(self) -> list[str]:
        return [body.removeprefix("Harbor Mugs: ") for body in texts(self.outside, self.to)]

    def lose_the_answer(self) -> None:
        strike(self.outside, kind="drop_after", times=1)

    def fail(self) -> None:
        strike(self.outside, kind="error_before", times=1)

    def nonsense(self) -> None:
        strike(self.outside, kind="garbage", times=1)


def gateway(outside: Outside, token: str = "a-token-of-ours", **more: Any) -> TwilioSms:
    settings = TwilioSettings(
        account_sid="AC1", auth_token=token, sender="+15005550100", base_url=f"{outside.url}/sms", **more
    )
    return TwilioSms("sms", settings)


def strike(outside: Outside, **rule: Any) -> None:
    outside.control("faults", rules=[{"path": "/sms/", **rule}])


def texts(outside: Outside, to: str) -> list[str]:
    """What the phone of that number shows, the oldest first."""
    path = f"{outside.url}/sms/2010-04-01/Accounts/AC1/Messages.json"
    with httpx.Client(timeout=120, trust_env=False, verify=False, auth=("AC1", "a-token-of-ours")) as client:
        outside.control("faults", rules=[])
        found = client.get(path, params={"To": to, "PageSize": "1000"}).json()["messages"]
    return [one["body"] for one in reversed(found)]


class TestTextMessagesKeepTheContract(NotifierContract):
    @pytest.fixture
    async def rig(self, outside: Outside) -> AsyncIterator[SmsRig]:
        made = SmsRig(outside)
        yield made
        await made.notifier.close()
        outside.control("faults", rules=[])


@pytest.mark.parametrize("kind", ["drop_before", "error_before", "rate_limit", "slow", "late", "redirect"])
async def test_a_gateway_on_a_bad_day_never_sends_one_text_twice(outside: Outside, kind: str) -> None:
    is_slow = kind in TOO_LATE
    rig, sms = SmsRig(outside), gateway(outside)
    hasty = gateway(outside, deadline_s=SLOW_S / 2) if is_slow else sms
    text = rig.message(f"of a {kind}")
    strike(outside, kind=kind, times=1, seconds=SLOW_S)
    (first,) = await hasty.send([text])
    assert isinstance(first, RetryAt)
    # It gets there unless the hasty one gave up before it had connected: then it was never sent.
    given_up = time.monotonic() + 30
    while is_slow and not rig.reached() and time.monotonic() < given_up:
        await asyncio.sleep(0.05)
    found = await known(sms, text, clock.now() - timedelta(minutes=5))
    if found is None:
        (found,) = await sms.send([text])
    assert isinstance(found, Delivered)
    assert texts(outside, rig.to) == [text.text]
    await hasty.close()
    await sms.close()


async def test_a_text_that_may_still_be_under_way_is_waited_for(outside: Outside) -> None:
    rig, sms = SmsRig(outside), gateway(outside)
    waits = await known(sms, rig.message("one"), clock.now())
    assert isinstance(waits, RetryAt) and "under way" in waits.reason
    assert await known(sms, rig.message("one"), clock.now() - timedelta(minutes=2)) is None
    await sms.close()


async def test_a_gateway_that_cannot_be_asked_is_not_told_a_second_time(outside: Outside) -> None:
    rig, sms = SmsRig(outside), gateway(outside)
    strike(outside, kind="drop_after", times=1)
    await sms.send([rig.message("one")])
    strike(outside, kind="error_before", times=1)
    assert isinstance(await known(sms, rig.message("one"), clock.now() - timedelta(minutes=5)), RetryAt)
    assert rig.reached() == ["one"]
    await sms.close()


async def test_the_same_words_of_another_day_are_another_text(outside: Outside) -> None:
    rig, sms = SmsRig(outside), gateway(outside)
    await sms.send([rig.message("one")])
    tomorrow = Text("other", rig.to, rig.message("one").text, THEN + timedelta(days=1))
    assert await known(sms, tomorrow, clock.now() - timedelta(minutes=5)) is None
    await sms.close()


async def test_it_is_found_among_many(outside: Outside) -> None:
    rig, sms = SmsRig(outside), gateway(outside)
    await sms.send([rig.message(f"no. {number}") for number in range(130)])
    assert isinstance(await known(sms, rig.message("no. 3"), clock.now() - timedelta(minutes=5)), Delivered)
    assert len(rig.reached()) == 130
    await sms.close()


@pytest.mark.parametrize(
    ("number", "code"), [(NOBODYS, "21211"), (LANDLINE, "21614"), (STOPPED, "21610"), ("12345", "21211")]
)
async def test_a_number_that_takes_none_ends_it(outside: Outside, number: str, code: str) -> None:
    sms = gateway(outside)
    (no,) = await sms.send([Text("one", number, "Hello", THEN)])
    assert isinstance(no, Gone) and code in no.reason and no.stopped == (number == STOPPED)
    await sms.close()


async def test_a_no_to_us_is_no_no_to_the_number(outside: Outside) -> None:
    other = TwilioSms("sms", TwilioSettings(
        account_sid="AC2", auth_token="wrong", sender="", base_url=f"{outside.url}/sms"
    ))  # fmt: skip
    (answer,) = await other.send([Text("one", "+380440000001", "Hello", THEN)])
    assert isinstance(answer, RetryAt) and "21603" in answer.reason
    await other.close()


async def test_what_the_network_gave_up_on_was_not_said(outside: Outside) -> None:
    sms, text = gateway(outside), Text("one", LOST, "Hello", THEN)
    assert isinstance((await sms.send([text]))[0], Delivered)
    gone = await known(sms, text, clock.now() - timedelta(minutes=5))
    assert isinstance(gone, Gone) and "undelivered (30003)" in gone.reason
    await sms.close()


# As Twilio's own libraries sign and check it.
CALLED = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
        "To": "+18005551212"}  # fmt: skip
ENDS = TwilioSettings(account_sid="AC1", auth_token="12345", sender="MG1")


def posted(form: dict[str, str], url: str = CALLED, token: str = "12345") -> tuple[dict[str, str], bytes]:
    of = msgspec.structs.replace(ENDS, auth_token=token)
    return {"x-twilio-signature": signature(of, url, form).decode()}, urlencode(form).encode()


def test_a_receipt_is_signed_as_the_gateway_signs() -> None:
    assert signature(ENDS, CALLED, CALL) == b"RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert read_receipt(ENDS, CALLED, *posted(CALL)) is None
    for headers, body in (
        posted(CALL, token="another"), posted(CALL, url=CALLED + "/x"), ({}, urlencode(CALL).encode()),
        (posted(CALL)[0], urlencode({**CALL, "MessageStatus": "failed"}).encode()),
    ):  # fmt: skip
        with pytest.raises(NotSigned):
            read_receipt(ENDS, CALLED, headers, body)


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        ("delivered", "", Receipt(True)), ("read", "", Receipt(True)), ("sent", "", None), ("queued", "", None),
        ("undelivered", "30003", Receipt(False, "the gateway says undelivered (30003)")),
        ("failed", "", Receipt(False, "the gateway says failed")), ("", "", None), ("half-way", "", None),
    ],
)  # fmt: skip
def test_a_receipt_tells_the_end_and_nothing_else_is_one(status: str, code: str, told: Receipt | None) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": code, "Body": "ґанок & =%"}
    assert read_receipt(ENDS, CALLED, *posted(form)) == told


def test_the_gateway_is_a_plugin_whose_token_is_kept_sealed() -> None:
    assert registry.kind_of("twilio") == "sms" and registry.secret_fields("twilio") == ("auth_token",)
    config = {"account_sid": "AC1", "auth_token": "secret", "sender": "MG1"}
    assert isinstance(registry.sms("twilio", "main", config), TwilioSms)
    assert "secret" not in repr(TwilioSettings(**config))
    for wrong in ({}, {**config, "colour": "red"}):
        with pytest.raises(registry.BadSettings):
            registry.check("twilio", wrong)
    with pytest.raises(registry.UnknownPlugin):
        registry.sms("simpay", "main", config)
