"""mail: letters to buyers and merchants by SMTP, or into a folder where no server is set, so that none is lost."""

from __future__ import annotations

import asyncio
import os
import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from doorstep.kit import clock
from doorstep.kit.refusals import Refusal
from doorstep.plug.notifier.outcome import Delivered, Gone, Outcome, next_try

ENV = "DOORSTEP_SMTP_URL"
DEADLINE_S = 15.0


Tls = Literal["always", "required", "offered", "never"]  # always = from the first byte (smtps)
_STARTTLS: dict[str, Tls] = {"required": "required", "offered": "offered", "never": "never"}

# The server wants us to log in, or to do it better: nothing about this letter.
_ABOUT_US = frozenset({530, 534, 535, 538})


class BadSmtpUrl(Refusal):
    """DOORSTEP_SMTP_URL is not an address of a mail server."""

    status = 500


class Letter(Struct, frozen=True):
    """A finished e-mail; whoever writes it fixes its Message-ID, so that a repeat is recognized."""

    key: str  # the same for every try
    message: EmailMessage
    attempt: int = 1


class SmtpSettings(Struct, frozen=True, kw_only=True):
    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: Tls = "offered"

    def __repr__(self) -> str:
        return f"SmtpSettings({self.host}:{self.port})"  # without the password: this ends up in logs


class Mailer(Protocol):
    async def send(self, letters: Sequence[Letter]) -> list[Outcome]:
        """One outcome per letter, in the same order."""


def mailer(home: Path, env: Mapping[str, str] = os.environ) -> Mailer:
    """By DOORSTEP_SMTP_URL (`smtp://user:password@host:587?starttls=required`), else into the folder `mail`."""
    url = env.get(ENV, "")
    return SmtpMailer(smtp_settings(url)) if url else FolderMailer(home / "mail")


def has_server(env: Mapping[str, str] = os.environ) -> bool:
    """Whether letters go out, and are not just kept."""
    return bool(env.get(ENV))


def smtp_settings(url: str) -> SmtpSettings:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadSmtpUrl(problem="the port is not a number") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise BadSmtpUrl(problem="it must look like smtp://host:587 or smtps://host")
    secure = parts.scheme == "smtps"
    asked = parse_qs(parts.query).get("starttls", ["required" if parts.username else "offered"])[0]
    if asked not in _STARTTLS:
        raise BadSmtpUrl(problem=f"starttls is {', '.join(_STARTTLS)}")
    return SmtpSettings(
        host=parts.hostname,
        port=port or (465 if secure else 25),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls="always" if secure else _STARTTLS[asked],
    )


class SmtpMailer:
    def __init__(self, settings: SmtpSettings, deadline_s: float = DEADLINE_S) -> None:
        self._settings, self._deadline_s = settings, deadline_s

    async def send(self, letters: Sequence[Letter]) -> list[Outcome]:
        return await asyncio.to_thread(self._send, letters)

    def _send(self, letters: Sequence[Letter]) -> list[Outcome]:
        """One connection for all of them; a new one only after the server has hung up."""
        server: smtplib.SMTP | None = None
        outcomes: list[Outcome] = []
        for letter in letters:
            try:
                server = server or self._connect()
                server.send_message(letter.message)
                outcomes.append(Delivered())
            except (smtplib.SMTPException, OSError) as failure:
                outcomes.append(_judge(letter, failure))
                server = _if_still_there(server)
        if server is not None:
            _hang_up(server)
        return outcomes

    def _connect(self) -> smtplib.SMTP:
        settings, trust = self._settings, ssl.create_default_context()
        if settings.tls == "always":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=self._deadline_s, context=trust
            )
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=self._deadline_s)
        try:
            self._begin(server, trust)
        except BaseException:
            server.close()
            raise
        return server

    def _begin(self, server: smtplib.SMTP, trust: ssl.SSLContext) -> None:
        server.ehlo()
        wanted = self._settings.tls
        if wanted == "required" or (wanted == "offered" and server.has_extn("starttls")):
            server.starttls(context=trust)
            server.ehlo()
        if self._settings.user:
            server.login(self._settings.user, self._settings.password)


class FolderMailer:
    """Keeps letters as files, readable with any mail program: `new/<key>.eml`, whole or not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, letters: Sequence[Letter]) -> list[Outcome]:
        return await asyncio.to_thread(lambda: [self._keep(letter) for letter in letters])

    def _keep(self, letter: Letter) -> Outcome:
        for part in ("tmp", "new"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        name = f"{_plain(letter.key)}.eml"
        draft = self._folder / "tmp" / f"{name}.{os.getpid()}"
        draft.write_bytes(letter.message.as_bytes())
        draft.replace(self._folder / "new" / name)
        return Delivered(f"kept as {name}")


def _plain(key: str) -> str:
    """A name for a file, short and the same for the same key."""
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", key)[:60].strip("-")
    return f"{word}-{sha256(key.encode()).hexdigest()[:12]}"


def _judge(letter: Letter, failure: Exception) -> Outcome:
    """A clear no to this letter ends it; everything else may pass, and the same Message-ID marks a repeat."""
    reason = f"{type(failure).__name__}: {failure}".rstrip(": ")[:300]
    if isinstance(failure, smtplib.SMTPNotSupportedError) and not _is_about_tls(failure):
        return Gone(reason)
    if _code(failure) // 100 == 5 and _code(failure) not in _ABOUT_US:
        return Gone(reason)
    return next_try(clock.now(), letter.key, letter.attempt, reason)


def _code(failure: Exception) -> int:
    """The server's answer to this letter; 0 when it did not get so far."""
    if isinstance(failure, smtplib.SMTPRecipientsRefused):
        return max((code for code, _ in failure.recipients.values()), default=0)
    if isinstance(failure, smtplib.SMTPSenderRefused | smtplib.SMTPDataError):
        return failure.smtp_code
    return 0


def _is_about_tls(failure: Exception) -> bool:
    return "STARTTLS" in str(failure) or "AUTH" in str(failure)


def _if_still_there(server: smtplib.SMTP | None) -> smtplib.SMTP | None:
    if server is None:
        return None
    try:
        server.rset()
    except (smtplib.SMTPException, OSError):
        server.close()
        return None
    return server


def _hang_up(server: smtplib.SMTP) -> None:
    """The letters are through; a server that does not say goodbye changes nothing."""
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()
