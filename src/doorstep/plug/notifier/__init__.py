"""notifier: news to people and machines outside: mail and signed webhooks, each attempt ending in one plain outcome."""

from doorstep.plug.notifier.mail import FolderMailer, Letter, Mailer, SmtpMailer, SmtpSettings, has_server, mailer
from doorstep.plug.notifier.outcome import SCHEDULE, Delivered, Gone, Outcome, RetryAt, next_try
from doorstep.plug.notifier.webhook import (
    LARGEST_BODY,
    Endpoint,
    WebhookMessage,
    WebhookSender,
    new_webhook_secret,
    webhook_headers,
)

__all__ = [
    "LARGEST_BODY",
    "SCHEDULE",
    "Delivered",
    "Endpoint",
    "FolderMailer",
    "Gone",
    "Letter",
    "Mailer",
    "Outcome",
    "RetryAt",
    "SmtpMailer",
    "SmtpSettings",
    "WebhookMessage",
    "WebhookSender",
    "has_server",
    "mailer",
    "new_webhook_secret",
    "next_try",
    "webhook_headers",
]
