"""notify: say what somebody would otherwise ask about: each fact once, by the media that the merchant wants.

Before anything is sent it is written down as being sent. Whoever finds it so later does not know whether it was: a
letter and a post go out again under the same name, a text message is looked up first.
"""

from __future__ import annotations

from typing import Any

import msgspec

from doorstep.journey.tracking.keep_notice import KeepNotice
from doorstep.journey.tracking.letter import NotAMailbox, compose, is_mailbox
from doorstep.journey.tracking.notice_facts import Found, Notify, found_of
from doorstep.journey.tracking.notices import Notice, in_words, text_of
from doorstep.journey.tracking.telling import State, Word
from doorstep.plug.notifier import Delivered, Gone, Letter, Outcome, RetryAt, Text, WebhookMessage, known
from doorstep.setup.notices.wording import OwnWords
from doorstep.spine.outcome import Ask
from doorstep.spine.verbs import errand
from doorstep.spine.world import TryLater, World


@errand(Notify)
async def notify(world: World, asks: list[Ask[Notify]]) -> None:
    """What is not taken now is tried again; an address that is none ends it, for somebody to look at."""
    trouble: list[str] = []
    for ask in asks:
        found = await found_of(world, ask)
        if found is not None:
            trouble += [why for word in found.words if (why := await _say(world, ask, found, word))]
    if trouble:
        raise TryLater("; ".join(trouble))


async def _say(world: World, ask: Ask[Notify], of: Found, word: Word) -> str:
    """Why it must be tried again; '' when it need not."""
    match word.says:
        case "busy":
            return f"{word.medium}: somebody is sending it"
        case "never":
            await _keep(world, ask, of, word, "dropped", why=word.why)
            return ""
        case "later":
            again = msgspec.to_builtins(ask.body)
            await _keep(world, ask, of, word, "waiting", why="quiet_hours", due_at=word.at, again=again)
            return ""
    try:
        message = _message_of(world, ask, of, word)
    except NotAMailbox:
        await _keep(world, ask, of, word, "failed", why="it is no address")
        return ""
    return await _send(world, ask, of, word, message)


async def _send(world: World, ask: Ask[Notify], of: Found, word: Word, message: Any) -> str:
    notifier = await world.notifier_of(ask.merchant, word.medium)
    tries, outcome = word.tries, await known(notifier, message, word.tried_at)
    if outcome is None:
        if not await _keep(world, ask, of, word, "sending"):
            return f"{word.medium}: somebody is sending it"
        tries += 1
        (outcome,) = await notifier.send([message])
    state, why = _end(outcome)
    await _keep(world, ask, of, word, state, why=why, tries=tries)
    return f"{word.medium}: {why}" if state == "unknown" else ""


def _end(outcome: Outcome) -> tuple[State, str]:
    match outcome:
        case Delivered():
            return "sent", ""
        case Gone(reason=reason, stopped=is_stopped):
            return ("dropped", "stopped") if is_stopped else ("failed", reason)
        case RetryAt(reason=reason):
            return "unknown", reason


async def _keep(
    world: World, ask: Ask[Notify], of: Found, word: Word, state: State, *, tries: int | None = None, **more: Any
) -> bool:
    """Whether it was ours to keep."""
    said = KeepNotice(
        order=ask.body.order, letter=ask.body.key_by(word.medium), kind=ask.body.kind, medium=word.medium, state=state,
        subject=in_words(ask.body.kind, of.notice, of.own).subject[:300], address=of.addresses.get(word.medium, ""),
        tries=word.tries if tries is None else tries, **more,
    )  # fmt: skip
    answer = await world.keep(ask.merchant, "keep_notice", said)
    return isinstance(answer, dict) and bool(answer["kept"])


def _message_of(world: World, ask: Ask[Notify], of: Found, word: Word) -> Letter | Text | WebhookMessage:
    """The same for every try: its date is that of the first one. Refuses NotAMailbox."""
    kind, key, to = ask.body.kind, ask.body.key_by(word.medium), of.addresses[word.medium]
    at = of.first_at.get(word.medium, ask.at)
    notice = msgspec.structs.replace(of.notice, key=key, at=at)
    if word.medium == "webhook":
        return WebhookMessage(key, msgspec.json.encode(_posted(ask, notice, of.own)))
    if word.medium == "sms":
        if not to.startswith("+"):
            raise NotAMailbox(address=to)
        return Text(key, to, text_of(kind, notice, of.own), at, receipt_to=world.receipt_link(ask.merchant, key))
    if word.medium == "office":
        buyer = notice.to if is_mailbox(notice.to) else ""
        notice = msgspec.structs.replace(notice, to=to, buyer_name="", reply_to=buyer, stop_url="")
    return Letter(key, compose(kind, notice, of.own))


def _posted(ask: Ask[Notify], of: Notice, own: OwnWords) -> dict[str, Any]:
    """For a program that speaks to the buyer itself: what happened, whom to tell, and how we would say it."""
    said = in_words(ask.body.kind, of, own)
    data = {
        "order": ask.body.order, "number": of.order_number, "kind": ask.body.kind, "parcel": ask.body.parcel or None,
        "language": of.language, "buyer": {"name": of.buyer_name, "email": of.to, "phone": of.phone},
        "subject": said.subject, "headline": said.headline, "text": said.lead, "sms": text_of(ask.body.kind, of, own),
        "tracking_url": of.tracking_url, "carrier": of.carrier, "tracking_number": of.tracking_number,
        "expected_from": of.expected_from, "expected_by": of.expected_on, "place": of.place, "until": of.until,
        "amount_minor": of.amount_minor, "currency": of.currency, "label_url": of.label_url,
    }  # fmt: skip
    return {"type": f"notice.{ask.body.kind}", "timestamp": of.at, "data": data}
