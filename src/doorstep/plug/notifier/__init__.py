"""notifier: news to people and programs outside: mail, text messages, signed webhooks; each try ends in one outcome."""

from doorstep.plug.notifier.mail import FolderMailer, Letter, Mailer, SmtpMailer, SmtpSettings, has_server, mailer
from doorstep.plug.notifier.outcome import SCHEDULE, Delivered, Gone, Outcome, RetryAt, next_try
from doorstep.plug.notifier.sms import NotSigned, Receipt, Text, TwilioSettings, TwilioSms, read_receipt
from doorstep.plug.notifier.socket import LooksUp, Notifier, known
from doorstep.plug.notifier.webhook import (
    LARGEST_BODY,
    Endpoint,
    WebhookMessage,
    WebhookNotifier,
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
    "LooksUp",
    "Mailer",
    "NotSigned",
    "Notifier",
    "Outcome",
    "Receipt",
    "RetryAt",
    "SmtpMailer",
    "SmtpSettings",
    "Text",
    "TwilioSettings",
    "TwilioSms",
    "WebhookMessage",
    "WebhookNotifier",
    "WebhookSender",
    "has_server",
    "known",
    "mailer",
    "new_webhook_secret",
    "next_try",
    "read_receipt",
    "webhook_headers",
]
