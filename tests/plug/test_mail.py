"""Letters reach a real mail server, or a folder; a server's no to one letter is not a no to the others."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from msgspec.structs import replace

from doorstep.kit import clock
from doorstep.plug.notifier import Delivered, FolderMailer, Gone, Letter, RetryAt, SmtpMailer, SmtpSettings, mailer
from doorstep.plug.notifier.mail import BadSmtpUrl, smtp_settings
from tests.ports import a_free_port

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SUBJECT, TEXT = "Your mug is on its way: 馬克杯", "It left Newark today."


def letter_to(to: str = "zofia@example.pl", key: str = "ord_1001/shipped") -> Letter:
    message = EmailMessage()
    message["From"] = Address("Mugs & More", addr_spec="orders@mugs.example")
    message["To"] = Address("Zofia Żak", addr_spec=to)
    message["Subject"] = SUBJECT
    message["Message-ID"] = f"<{key.replace('/', '-')}@mugs.example>"
    message.set_content(TEXT)
    message.add_alternative("<p>It left <b>Newark</b> today.</p>", subtype="html")
    return Letter(key, message)


LETTER = letter_to()
# As long as a busy machine may need.
PATIENT_S = 60.0


class Postbox:
    """Keeps letters; answers the n-th one, or one to a certain address, as told."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.answers: dict[int, str] = {}
        self.refused: dict[str, str] = {}
        self.tries = 0
        self.connections = 0

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += 1
        return responses

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.tries += 1
        if self.tries in self.answers:
            return self.answers[self.tries]
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.letters.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 kept"


def start(postbox: Postbox, **options: Any) -> Controller:
    controller = Controller(postbox, hostname="127.0.0.1", port=a_free_port(), ready_timeout=60, **options)
    controller.start()
    return controller


@pytest.fixture
async def postbox() -> AsyncIterator[tuple[Postbox, SmtpMailer]]:
    box = Postbox()
    controller = start(box, enable_SMTPUTF8=True)
    yield box, SmtpMailer(SmtpSettings(host="127.0.0.1", port=controller.port), deadline_s=PATIENT_S)
    controller.stop()


def letters(count: int) -> list[Letter]:
    return [letter_to(f"buyer{number}@example.pl", f"ord_{number}/shipped") for number in range(1, count + 1)]


async def test_a_letter_arrives_as_it_was_written(postbox: tuple[Postbox, SmtpMailer]) -> None:
    box, smtp = postbox
    [outcome] = await smtp.send([LETTER])
    assert isinstance(outcome, Delivered)
    [letter] = box.letters
    assert letter["Subject"] == SUBJECT
    assert letter["To"].addresses[0].display_name == "Zofia Żak"
    assert letter["From"].addresses[0].addr_spec == "orders@mugs.example"
    plain, rich = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None and plain.get_content().strip() == TEXT
    assert rich is not None and "<b>Newark</b>" in rich.get_content()


async def test_a_451_on_the_third_letter_holds_up_only_the_third(postbox: tuple[Postbox, SmtpMailer]) -> None:
    box, smtp = postbox
    box.answers[3] = "451 try again later"
    with clock.stopped_at(NOON):
        outcomes = await smtp.send(letters(5))
    assert [type(outcome) for outcome in outcomes] == [Delivered, Delivered, RetryAt, Delivered, Delivered]
    again = outcomes[2]
    assert isinstance(again, RetryAt) and "451" in again.reason
    assert timedelta(seconds=5) <= again.at - NOON <= timedelta(seconds=6)
    assert box.connections == 1
    [outcome] = await smtp.send([replace(letters(3)[2], attempt=again.attempt)])
    assert isinstance(outcome, Delivered)
    ids = [letter["Message-ID"] for letter in box.letters]
    assert len(set(ids)) == 5


async def test_the_same_letter_has_the_same_message_id(postbox: tuple[Postbox, SmtpMailer]) -> None:
    box, smtp = postbox
    await smtp.send([LETTER])
    await smtp.send([replace(LETTER, attempt=2)])
    first, second = box.letters
    assert first["Message-ID"] == second["Message-ID"]


async def test_a_550_ends_it_for_that_address_alone(postbox: tuple[Postbox, SmtpMailer]) -> None:
    box, smtp = postbox
    box.refused["buyer2@example.pl"] = "550 no such user"
    outcomes = await smtp.send(letters(3))
    assert [type(outcome) for outcome in outcomes] == [Delivered, Gone, Delivered]


async def test_a_450_for_an_address_is_tried_again(postbox: tuple[Postbox, SmtpMailer]) -> None:
    box, smtp = postbox
    box.refused["buyer1@example.pl"] = "450 mailbox busy"
    [outcome] = await smtp.send(letters(1))
    assert isinstance(outcome, RetryAt)


async def test_after_a_421_the_rest_goes_over_a_new_connection(postbox: tuple[Postbox, SmtpMailer]) -> None:
    box, smtp = postbox
    box.answers[1] = "421 closing"
    outcomes = await smtp.send(letters(3))
    assert [type(outcome) for outcome in outcomes] == [RetryAt, Delivered, Delivered]


async def test_without_a_server_every_letter_is_tried_again() -> None:
    outcomes = await SmtpMailer(SmtpSettings(host="127.0.0.1", port=1), deadline_s=1).send(letters(2))
    assert [type(outcome) for outcome in outcomes] == [RetryAt, RetryAt]


async def test_a_server_without_starttls_gets_nothing_when_it_is_required(
    postbox: tuple[Postbox, SmtpMailer],
) -> None:
    box, plain = postbox
    settings = replace(plain._settings, tls="required")
    [outcome] = await SmtpMailer(settings, deadline_s=PATIENT_S).send([LETTER])
    assert isinstance(outcome, RetryAt) and "STARTTLS" in outcome.reason
    assert box.letters == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_a_login_is_used_and_a_wrong_one_does_not_end_the_letter() -> None:
    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"shop", b"p@ss word")
        return AuthResult(success=good, handled=False)

    box = Postbox()
    controller = start(box, authenticator=check, auth_required=True, auth_require_tls=False)
    try:
        for password, expected in (("p@ss word", Delivered), ("wrong", RetryAt)):
            settings = SmtpSettings(
                host="127.0.0.1", port=controller.port, user="shop", password=password, tls="offered"
            )
            [outcome] = await SmtpMailer(settings, deadline_s=PATIENT_S).send([LETTER])
            assert isinstance(outcome, expected)
        [outcome] = await SmtpMailer(SmtpSettings(host="127.0.0.1", port=controller.port)).send([LETTER])
        assert isinstance(outcome, RetryAt)  # 530: about us, not about the letter
    finally:
        controller.stop()


async def test_without_a_server_set_letters_are_kept_as_files(tmp_path: Path) -> None:
    folder = mailer(tmp_path, env={})
    assert isinstance(folder, FolderMailer)
    [outcome] = await folder.send([LETTER])
    [again] = await folder.send([LETTER])
    assert isinstance(outcome, Delivered) and isinstance(again, Delivered)
    [file] = (tmp_path / "mail" / "new").iterdir()
    letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert letter["Subject"] == SUBJECT
    assert not list((tmp_path / "mail" / "tmp").iterdir())


def test_a_mail_url_says_how_to_reach_the_server() -> None:
    assert smtp_settings("smtp://localhost") == SmtpSettings(host="localhost", port=25, tls="offered")
    assert smtp_settings("smtps://mail.example") == SmtpSettings(host="mail.example", port=465, tls="always")
    assert smtp_settings("smtp://a%40b:p%3Aw@mail.example:587") == SmtpSettings(
        host="mail.example", port=587, user="a@b", password="p:w", tls="required"
    )
    assert smtp_settings("smtp://localhost?starttls=never").tls == "never"
    for wrong in ("http://mail.example", "smtp://", "smtp://mail.example?starttls=maybe", "smtp://mail.example:x"):
        with pytest.raises(BadSmtpUrl):
            smtp_settings(wrong)
