"""A signed message goes out, and every answer of the other side leads to one plain outcome."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook, WebhookVerificationError

from doorstep.kit import clock
from doorstep.plug.guard import Guard
from doorstep.plug.notifier import (
    LARGEST_BODY,
    SCHEDULE,
    Delivered,
    Endpoint,
    Gone,
    RetryAt,
    WebhookMessage,
    WebhookSender,
    new_webhook_secret,
    next_try,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET, OLD_SECRET = new_webhook_secret(), new_webhook_secret()
BODY = json.dumps({"type": "parcel.delivered", "buyer": "Zofia Żak"}, ensure_ascii=False).encode()


class Receiver:
    """A real HTTP server that answers as told and keeps what it got."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
                self.requests.append((headers, await reader.readexactly(int(headers["content-length"]))))
                if self.answer == b"silence":
                    await asyncio.sleep(30)
                if self.answer == b"cut":
                    break
                writer.write(self.answer)
                await writer.drain()
                if self.answer.endswith(b"endless"):
                    while True:
                        writer.write(b"x" * 65536)
                        await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the sender has had enough, or the test is over
        finally:
            writer.close()

    def answers(self, status: str, headers: str = "", body: bytes = b"") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.answer = head.encode() + body


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


Send = Callable[..., Awaitable[Any]]
# As long as a busy machine may need; and what is soon over where no answer is to come.
PATIENT_S, HASTY_S = 60.0, 0.5


@pytest.fixture
async def send(receiver: Receiver) -> AsyncIterator[Send]:
    async def to_the_receiver(
        attempt: int = 1, secrets: tuple[str, ...] = (SECRET,), deadline_s: float = PATIENT_S
    ) -> Any:
        sender = WebhookSender(Guard([ip_network("127.0.0.1")]), deadline_s=deadline_s)
        endpoint = Endpoint(f"http://127.0.0.1:{receiver.port}/in?shop=7", secrets)
        try:
            return await sender.send(endpoint, WebhookMessage("msg_42", BODY, attempt))
        finally:
            await sender.close()

    yield to_the_receiver


async def test_a_receiver_verifies_it_with_the_public_library(receiver: Receiver, send: Send) -> None:
    assert isinstance(await send(), Delivered)
    headers, body = receiver.requests[0]
    assert body == BODY
    assert Webhook(SECRET).verify(body, headers)["buyer"] == "Zofia Żak"
    assert headers["webhook-id"] == "msg_42"
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD_SECRET).verify(body, headers)


async def test_while_a_secret_is_rotated_both_open_it(receiver: Receiver, send: Send) -> None:
    await send(secrets=(SECRET, OLD_SECRET))
    headers, body = receiver.requests[0]
    assert Webhook(SECRET).verify(body, headers) == Webhook(OLD_SECRET).verify(body, headers)


async def test_a_retry_has_the_same_id_and_a_fresh_time(receiver: Receiver, send: Send) -> None:
    with clock.stopped_at(NOON):
        await send()
    with clock.stopped_at(NOON + timedelta(hours=1)):
        await send(attempt=2)
    (first, _), (second, _) = receiver.requests
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 3600


@pytest.mark.parametrize("status", ["500 Oops", "404 Not Found", "401 No", "301 Moved", "307 Elsewhere", "304 Same"])
async def test_anything_but_a_2xx_is_tried_again(receiver: Receiver, send: Send, status: str) -> None:
    receiver.answers(status, f"Location: http://127.0.0.1:{receiver.port}/other\r\n", b"why not")
    with clock.stopped_at(NOON):
        outcome = await send()
    assert isinstance(outcome, RetryAt)
    assert outcome.attempt == 2
    assert timedelta(seconds=5) <= outcome.at - NOON <= timedelta(seconds=6)
    assert status[:3] in outcome.reason
    assert len(receiver.requests) == 1  # a redirect is not followed


async def test_410_ends_it_and_the_subscription(receiver: Receiver, send: Send) -> None:
    receiver.answers("410 Gone")
    outcome = await send()
    assert isinstance(outcome, Gone) and outcome.disable


async def test_a_longer_wait_is_granted_when_asked_for(receiver: Receiver, send: Send) -> None:
    receiver.answers("429 Slow", "Retry-After: 3600\r\n")
    with clock.stopped_at(NOON):
        outcome = await send()
        assert outcome == RetryAt(NOON + timedelta(hours=1), outcome.reason, 2)
        receiver.answers("503 Later", f"Retry-After: {'9' * 12}\r\n")
        assert (await send()).at == NOON + timedelta(hours=24)


@pytest.mark.parametrize("answer", [b"silence", b"cut", b"not http at all\r\n\r\n"])
async def test_no_answer_is_tried_again(receiver: Receiver, send: Send, answer: bytes) -> None:
    receiver.answer = answer
    outcome = await send(deadline_s=HASTY_S if answer == b"silence" else PATIENT_S)
    assert isinstance(outcome, RetryAt) and outcome.attempt == 2


async def test_an_endless_answer_is_not_read_to_the_end(receiver: Receiver, send: Send) -> None:
    receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nendless"
    assert isinstance(await send(), Delivered)


async def test_a_complaint_is_kept_short_and_on_one_line(receiver: Receiver, send: Send) -> None:
    receiver.answers("400 Bad", "", b"line one\r\n\x1b[31mline two" + b"y" * 9000)
    outcome = await send()
    assert "line one [31mline two" in outcome.reason
    assert len(outcome.reason) < 250


async def test_a_message_that_is_too_large_is_not_sent(receiver: Receiver) -> None:
    sender = WebhookSender(Guard([ip_network("127.0.0.1")]))
    endpoint = Endpoint(f"http://127.0.0.1:{receiver.port}/", (SECRET,))
    outcome = await sender.send(endpoint, WebhookMessage("msg_1", b"x" * (LARGEST_BODY + 1)))
    assert isinstance(outcome, Gone) and not outcome.disable
    assert receiver.requests == []


def test_ten_tries_take_75_hours_and_35_minutes() -> None:
    assert len(SCHEDULE) == 10
    assert sum(SCHEDULE, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert isinstance(next_try(NOON, "msg_1", 9, "no"), RetryAt)
    last = next_try(NOON, "msg_1", 10, "answered 500")
    assert last == Gone("gave up after 10 tries: answered 500")


def test_many_that_failed_together_do_not_come_back_together() -> None:
    due = set()
    for number in range(200):
        again = next_try(NOON, f"msg_{number}", 4, "no")
        assert isinstance(again, RetryAt)
        assert timedelta(hours=2) <= again.at - NOON <= timedelta(hours=2, minutes=12)
        due.add(again.at)
    assert len(due) > 50


def certificate(host: str, folder: Path) -> ssl.SSLContext:
    """A server's certificate for one name, signed by itself; `folder/cert.pem` is what a client may trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def test_the_certificate_is_checked_for_the_name_though_we_connect_to_an_address(tmp_path: Path) -> None:
    receiver = Receiver()
    context = certificate("hooks.example.com", tmp_path)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    sender = WebhookSender(Guard([ip_network("127.0.0.1")], resolve=resolve), deadline_s=PATIENT_S, trust=trust)
    message = WebhookMessage("msg_1", b"{}")
    assert isinstance(await sender.send(Endpoint(f"https://hooks.example.com:{port}/", (SECRET,)), message), Delivered)
    other = await sender.send(Endpoint(f"https://other.example.com:{port}/", (SECRET,)), message)
    assert isinstance(other, RetryAt) and "certificate" in other.reason.lower()
    assert len(receiver.requests) == 1
    await sender.close()
    server.close()
