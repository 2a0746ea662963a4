"""cash: a row per payment, whatever became of it; and a row per invoice and credit note."""

from __future__ import annotations

from doorstep.doors.exports.columns import Export, flag, minor, moment, public_id, text

CASH = Export(
    name="cash",
    says="A row per payment: money asked for, held, taken, given back, by the time it was done, or else asked for.",
    columns=(
        public_id("payment_id", "pay", "p.payment_id", "the payment"),
        public_id("order_id", "ord", "p.order_id", "the order"),
        text("number", "o.number", "what people call the order"),
        text("external_id", "coalesce(o.external_id, '')", "the channel's own id of the order"),
        text("channel", "c.key", "the channel the order came from"),
        text("kind", "p.kind", "`authorization`: money was held; `capture`: held money was taken; `release`: it went "
             "back; `payment`: money came in; `collection`: a carrier took it; `refund`: money was given back"),
        text("state", "p.state", "`wanted`, `done`, `declined` or `expired`; only what is `done` has moved money"),
        text("currency", "p.currency", "the currency of the amount", "ISO 4217"),
        minor("amount_minor", "p.amount_minor", "the amount, never below zero"),
        text("provider", "p.provider", "who moved it; `channel`: the channel told of it; empty: by hand"),
        text("provider_ref", "p.provider_ref", "the provider's own id of it"),
        text("method", "p.method", "how it was paid"),
        public_id("parent_id", "pay", "p.parent_id", "the payment it draws on"),
        text("reason", "p.reason", "why it was declined, or given back"),
        moment("asked_at", "p.asked_at", "when it was asked for, or written down"),
        moment("done_at", "p.done_at", "when it was done"),
        moment("expires_at", "p.expires_at", "until when held money is held"),
    ),
    source="""
from payment p
  join orders o on o.merchant_id = p.merchant_id and o.order_id = p.order_id
  join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  where p.merchant_id = $1
""",
    order="coalesce(p.done_at, p.asked_at), p.payment_id",
    at="coalesce(p.done_at, p.asked_at)",
    channel="c.key",
)  # fmt: skip

INVOICES = Export(
    name="invoices",
    says="A row per invoice and credit note, as it was issued.",
    columns=(
        public_id("invoice_id", "inv", "i.invoice_id", "the paper"),
        text("kind", "i.kind", "`invoice` or `credit_note`"),
        text("invoice_number", "i.series || '-' || lpad(i.number::text, greatest(6, length(i.number::text)), '0')",
             "the number that stands on it: `INV-000042`"),
        public_id("order_id", "ord", "i.order_id", "the order"),
        text("number", "o.number", "what people call the order"),
        text("external_id", "coalesce(o.external_id, '')", "the channel's own id of the order"),
        text("channel", "c.key", "the channel the order came from"),
        public_id("parcel_id", "par", "i.parcel_id", "the parcel it is for, where it is for one alone"),
        moment("issued_at", "i.issued_at", "when it was issued"),
        text("currency", "i.currency", "the currency of its amounts", "ISO 4217"),
        minor("total_minor", "i.total_minor", "what is billed, or no longer owed; never below zero"),
        minor("tax_minor", "i.tax_minor", "the tax in it"),
        flag("tax_included", "coalesce((i.content ->> 'tax_included')::boolean, false)", "the prices include the tax"),
        text("corrects", "coalesce(i.content ->> 'corrects', '')", "of a credit note: the invoice it credits"),
        text("reason", "coalesce(i.content ->> 'reason', '')", "of a credit note: why"),
        text("content", "i.content::text", "everything that was issued, its `lines` among it", "JSON"),
    ),
    source="""
from invoice i
  join orders o on o.merchant_id = i.merchant_id and o.order_id = i.order_id
  join channel c on c.merchant_id = o.merchant_id and c.channel_id = o.channel_id
  where i.merchant_id = $1
""",
    order="i.issued_at, i.invoice_id",
    at="i.issued_at",
    channel="c.key",
    block=500,
)  # fmt: skip
