"""Notices: every fact speaks once, to whom the merchant wants, when it is not quiet there, and not when it is over."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
import pytest

from doorstep.doors.reads.cases import Notice, cases
from doorstep.doors.reads.exceptions import ExceptionQuery, exceptions
from doorstep.doors.reads.notices import notice_words, preview
from doorstep.journey.tracking.notice_facts import Notify
from doorstep.kit.ids import number
from doorstep.kit.refusals import Invalid
from doorstep.plug.notifier import Delivered, Gone, Letter, Outcome, RetryAt, Text, WebhookMessage
from doorstep.setup.notices.kinds import MEDIA, RULED
from doorstep.setup.notices.quiet import Quiet, read_quiet
from doorstep.setup.notices.rules import NoSuchRule, notice_rules, set_addresses, set_quiet, set_rule
from doorstep.setup.notices.stops import ALL_ORDERS, go_on, stop
from doorstep.setup.notices.wording import NoSuchNotice, OwnWords, UnknownPlaceholder, keep_words, own_words
from doorstep.spine.outcome import Ask
from doorstep.spine.tenant import tenant_tx
from doorstep.spine.verbs import ERRAND
from doorstep.spine.world import TryLater, World
from tests.shop import NOON, Shop, read_plain

PHONE = "+353851234567"
HOME = {"name": "Ada Byrne", "line1": "12 Grafton Street", "city": "Dublin", "postcode": "D02 XY45", "country": "IE",
        "phone": PHONE}  # fmt: skip


class Killed(BaseException):
    """As a power cut would."""


class Post:
    """Everything by which somebody is told. `seen` is what whoever it is for sees: a letter and a post once by their
    key, a text as often as it was taken. `trouble` is what happens to the next ones."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.trouble: list[str] = []
        self.nobody: set[str] = set()

    async def send(self, messages: Sequence[Any]) -> list[Outcome]:
        return [self._send(message) for message in messages]

    def _send(self, message: Any) -> Outcome:
        trouble = self.trouble.pop(0) if self.trouble else ""
        if trouble == "killed before":
            raise Killed
        if trouble == "down":
            return RetryAt(NOON, "the server is away", 2)
        if _to(message) in self.nobody:
            return Gone("550 no such user")
        if trouble == "opted out":
            return Gone("21610", stopped=True)
        self.taken.append(message)
        if trouble == "killed after":
            raise Killed
        return RetryAt(NOON, "no answer", 2) if trouble == "lost" else Delivered()

    @property
    def letters(self) -> list[Letter]:
        found = [one for one in self.taken if isinstance(one, Letter)]
        return list({one.message["Message-ID"]: one for one in found}.values())

    @property
    def subjects(self) -> list[str]:
        return [str(one.message["Subject"]) for one in self.letters]

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.taken if isinstance(one, Text)]

    @property
    def posts(self) -> list[dict[str, Any]]:
        found = {one.id: one.body for one in self.taken if isinstance(one, WebhookMessage)}
        return [msgspec.json.decode(body) for body in found.values()]


class Gateway(Post):
    """One that takes no key: what was sent before is looked up."""

    async def look_up(self, message: Text, tried_at: datetime) -> Outcome | None:
        return next((Delivered() for one in self.taken if one.text == message.text and one.to == message.to), None)


def _to(message: Any) -> str:
    return str(message.message["To"]) if isinstance(message, Letter) else str(getattr(message, "to", ""))


class Told:
    """A shop that tells its buyers, and the world it tells them by."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.post, self.sms, self.program = shop, Post(), Gateway(), Post()

    @property
    def world(self) -> World:
        async def notifier(_merchant: int, medium: str) -> Any:
            return self.sms if medium == "sms" else self.program

        async def nobody(*_: Any) -> Any:
            raise AssertionError("nobody else is asked")

        return World(
            self.shop.db, nobody, nobody, self.post, now=lambda: self.shop.at, open_notifier=notifier,
            tracking_link=lambda _m, order: f"https://shop.example/t/{order}",
            receipt_link=lambda _m, letter: f"https://shop.example/receipts/{letter}",
        )  # fmt: skip

    async def setting(self, call: Any, *args: Any, **more: Any) -> Any:
        async with tenant_tx(self.shop.db, [self.shop.merchant]) as tx:
            return await call(tx, self.shop.merchant, *args, **more)

    async def by(self, medium: str, *kinds: str, only: bool = False) -> None:
        """These facts speak by that medium, and nothing else by any other where `only`."""
        for kind in RULED:
            for each in MEDIA:
                if (each == medium and kind in kinds) or only:
                    await self.setting(set_rule, kind, each, on=each == medium and kind in kinds)

    async def work(self) -> None:
        await self.shop.work("notify", world=self.world)

    async def order(self, *lines: Any, **more: Any) -> str:
        given = {"number": "#1001", "payment_term": "on_account", "ship_to": HOME, **more}
        return await self.shop.place(*(lines or (("MUG", 1),)), **given)

    async def shipped(self, order: str) -> str:
        parcel = await self.shop.to_packed(order)
        await self.shop.do("keep_label", parcel=parcel, carrier="Meest", service="economy", tracking_number="MP1")
        await self.shop.do("hand_over", parcel=parcel)
        return parcel

    async def news(self, parcel: str, state: str, **more: Any) -> None:
        at = more.pop("at", self.shop.at)
        scan = {"happened_at": at, "raw_code": f"{state} {at.isoformat()}", "state": state, **more}
        await self.shop.do("track", parcel=parcel, events=[scan])

    async def notices(self, order: str) -> list[Notice]:
        async with tenant_tx(self.shop.db, [self.shop.merchant], readonly=True) as tx:
            return (await cases(tx, self.shop.merchant, order)).notices

    async def told(self, order: str) -> list[tuple[str, str, str]]:
        return [(one.kind, one.medium, one.state) for one in await self.notices(order)]

    async def say(self, **body: Any) -> None:
        """One job, as the worker runs it."""
        ask = Ask(self.shop.merchant, msgspec.convert(body, Notify), self.shop.at)
        await ERRAND["notify"].run(self.world, [ask])

    async def inbox(self) -> list[tuple[str, str, str]]:
        async with tenant_tx(self.shop.db, [self.shop.merchant], readonly=True) as tx:
            page = await exceptions(tx, self.shop.merchant, ExceptionQuery())
        return [(row.kind, row.reason, row.next_action) for row in page.exceptions]


@pytest.fixture
async def told(shop: Shop) -> AsyncIterator[Told]:
    shop.at = NOON
    async with tenant_tx(shop.db, [shop.merchant]) as tx:
        await tx.run(
            "update merchant set email = 'hello@mugs.example', hold_duplicates = false where merchant_id = $1",
            shop.merchant,
        )
    await shop.stock("MUG", 20)
    await shop.connect("sms", "twilio", "texts", account_sid="AC1", sender="+1")
    yield Told(shop)


# Each fact


async def test_an_order_tells_of_its_steps_by_itself(told: Told) -> None:
    order = await told.order()
    await told.work()
    parcel = await told.shipped(order)
    await told.work()
    told.shop.at += timedelta(days=2)
    await told.shop.do("deliver", parcel=parcel)
    await told.work()
    assert told.post.subjects == [
        "We have received your order #1001", "We're working on getting your order #1001 ready",
        "Your order #1001 is on its way", "Your order #1001 has been delivered",
    ]  # fmt: skip
    assert sorted(await told.told(order)) == [
        (kind, "email", "sent") for kind in ("awaiting_fulfillment", "delivered", "received", "shipped")
    ]
    assert told.sms.texts == [] and told.program.posts == []


async def test_a_buyer_whose_number_customs_wants_hears_of_the_order_too(told: Told) -> None:
    brazil = {"name": "Ana Lima", "line1": "Rua Augusta 12", "city": "São Paulo", "region": "SP",
              "postcode": "01305-000", "country": "BR", "tax_id": "390.533.447-05"}  # fmt: skip
    await told.order(ship_to=brazil)
    await told.work()
    assert "We have received your order #1001" in told.post.subjects
    assert "390.533.447-05" not in str(told.post.letters[0].message)


@pytest.mark.parametrize(
    ("state", "subject"),
    [
        ("out_for_delivery", "Your order #1001 is out for delivery"),
        ("attempted", "The carrier could not hand over your order #1001"),
        ("available_for_pickup", "Your order #1001 is waiting to be picked up"),
        ("customs_hold", "Customs holds your order #1001"),
        ("returned_to_sender", "Your order #1001 came back to us"),
        ("lost", "Your order #1001 got lost on its way"),
    ],
)
async def test_news_of_a_parcel_that_wants_its_buyer_is_told_once(told: Told, state: str, subject: str) -> None:
    await told.by("email", state, only=True)
    order = await told.order()
    parcel = await told.shipped(order)
    for minutes in (0, 5, 10):
        await told.news(parcel, state, at=NOON + timedelta(minutes=minutes), place="Dublin, IE")
        await told.work()
    assert told.post.subjects == [subject]
    assert await told.told(order) == [(state, "email", "sent")]


async def test_who_is_to_pick_it_up_hears_where_and_until_when(told: Told) -> None:
    for medium in ("email", "sms"):
        await told.by(medium, "available_for_pickup")
    order = await told.order()
    parcel = await told.shipped(order)
    await told.work()
    await told.news(parcel, "available_for_pickup", place="An Post, O'Connell St", until=date(2026, 3, 9))
    await told.work()
    plain = read_plain(told.post.letters[-1])
    assert "Pick it up at: An Post, O'Connell St" in plain and "Until: 9 Mar 2026" in plain
    (text,) = told.sms.texts
    assert "An Post, O'Connell St" in text and "Until 9 Mar 2026" in text and text.endswith(f"/t/{order[4:]}")


async def way_back(told: Told, order: str) -> tuple[str, str]:
    """The parcel has left and a label for its way back is kept: the label, and its parcel."""
    parcel = await told.shipped(order)
    label = (await told.shop.do("want_return_label", parcel=parcel))["return_label"]
    kept = {"return_label": label, "carrier": "An Post", "tracking_number": "BK7", "label_ref": "b7"}
    await told.shop.do("keep_return_label", **kept)
    return label, parcel


async def test_who_sends_it_back_gets_the_label_once(told: Told) -> None:
    await told.by("email", "return_label", only=True)
    await told.by("sms", "return_label")
    await told.by("webhook", "return_label")
    await told.setting(set_addresses, NOON, url="https://shop.example/hook")
    order = await told.order()
    label, _ = await way_back(told, order)
    await told.work()
    await told.work()
    assert told.post.subjects == ["The label to send back your order #1001"]
    (letter,) = told.post.letters
    plain = read_plain(letter)
    address = f"https://shop.example/t/{order[4:]}/returns/{label}"
    assert f"Download the label: {address}" in plain and "An Post" in plain and "BK7" in plain
    assert "MP1" not in plain and "Grafton" not in plain  # the way there's number; and where it comes from they know
    (text,) = told.sms.texts
    assert text.endswith(address)
    assert [one["data"]["label_url"] for one in told.program.posts] == [address]
    assert "List-Unsubscribe" not in letter.message


async def test_a_label_that_was_voided_meanwhile_is_not_sent(told: Told) -> None:
    await told.by("email", "return_label", only=True)
    label, _ = await way_back(told, order := await told.order())
    await told.shop.do("want_return_void", return_label=label)
    await told.work()
    assert told.post.subjects == []
    assert [(one.kind, one.state, one.why) for one in await told.notices(order)] == [
        ("return_label", "dropped", "label_void")
    ]
    # The carrier will not take it back: it is good after all.
    await told.shop.do("refuse_return_label", return_label=label, reason="already_moving")
    await told.work()
    assert await told.told(order) == [("return_label", "email", "dropped")]


async def test_a_letter_names_the_pickup_point_and_no_tax_number(told: Told) -> None:
    await told.by("email", "received", only=True)
    await told.order(ship_to={**HOME, "pickup_point": "DUB-4", "tax_id": "123.456.789-00"})
    await told.work()
    plain = read_plain(told.post.letters[0])
    assert "Pickup point DUB-4" in plain and "123.456" not in plain


async def test_a_buyer_hears_that_something_is_not_in_stock_and_no_more_of_it(told: Told) -> None:
    await told.by("email", "backordered", only=True)
    await told.order(("MUG", 25))
    await told.work()
    await told.work()
    assert told.post.subjects == ["Something of your order #1001 is not in stock just now"]
    plain = read_plain(told.post.letters[0])
    assert "We wait for" in plain and "5 x " in plain


async def test_of_an_order_that_waits_in_part_only_what_is_set_aside_is_told_to_be(told: Told) -> None:
    await told.shop.stock("MUG", 2)
    await told.shop.stock("LAMP", 1)
    order = await told.order(("MUG", 1), ("LAMP", 1))
    await told.shop.do("hold", order=order, line=2, type="operator", reason="to be looked at")
    await told.work()
    letter = next(each for each in told.post.letters if "a part of your order #1001 ready" in each.message["Subject"])
    plain = read_plain(letter)
    assert "What is listed here is set aside" in plain and "1 x" in plain and "lamp" not in plain.lower()
    assert "Everything is in place" not in plain and "Total" not in plain


async def test_what_leaves_from_several_sites_is_told_to_come_in_several_parcels(told: Told) -> None:
    await told.shop.stock("CUP", 5, site="PL")
    await told.by("email", "split", only=True)
    await told.order(("MUG", 1), ("CUP", 1), ship_to={**HOME, "country": "PL", "city": "Kielce", "postcode": "25-001"})
    await told.work()
    assert told.post.subjects == ["Your order #1001 comes in several parcels"]


async def test_a_later_date_is_told_and_an_earlier_one_is_not(told: Told) -> None:
    await told.by("email", "delayed", only=True)
    order = await told.order()
    await told.work()
    await told.shop.do("hold", order=order, type="fraud", reason="wait")
    await told.shop.do("unpromise", order=order)
    told.shop.at += timedelta(days=6)
    (hold,) = await told.shop.rows(
        "select hold_id from hold where merchant_id = $1 and lifted_at is null", told.shop.merchant
    )
    await told.shop.do("lift", hold=f"hld_{hold['hold_id']}")
    await told.work()
    assert told.post.subjects == ["Your order #1001 comes later than we said"]
    plain = read_plain(told.post.letters[0])
    (now,) = await told.shop.rows(
        "select max(deliver_by) as day from promise where merchant_id = $1", told.shop.merchant
    )
    assert f"{now['day']:%-d %B}" in plain
    # The date of before, told late: it is promised no more.
    await told.say(order=order, kind="delayed", about="2026-03-05")
    assert len(told.post.letters) == 1


async def test_canceled_in_part_and_as_a_whole_are_two_facts(told: Told) -> None:
    await told.by("email", "canceled", only=True)
    order = await told.order(("MUG", 3))
    await told.shop.do("cancel", order=order, lines=[{"line": 1, "quantity": 1}])
    await told.work()
    await told.shop.do("cancel", order=order)
    await told.work()
    await told.work()
    assert told.post.subjects == ["A part of your order #1001 is canceled", "Your order #1001 is canceled"]
    plain = read_plain(told.post.letters[-1])
    assert "We have no money of yours for it" in plain and "What you paid goes back" not in plain


async def test_the_buyer_of_services_alone_is_told_that_the_order_ran_out_unpaid(told: Told) -> None:
    await told.by("email", "canceled", only=True)
    lesson = {"title": "A lesson", "quantity": 2, "unit_price": "12.50", "ships": False}
    order = await told.order(lesson, payment_term="prepaid", reserve="now")
    told.shop.at += timedelta(minutes=60)
    await told.shop.do("expire", order=order)
    await told.work()
    assert told.post.subjects == ["Your order #1001 is canceled"]
    plain = read_plain(told.post.letters[-1])
    assert "A lesson" in plain and "We have no money of yours for it" in plain


async def test_a_refund_is_told_with_its_amount(told: Told) -> None:
    await told.by("email", "refunded", only=True)
    order = await told.order(payment_term="prepaid")
    await told.shop.do("record_payment", order=order, amount_minor=1250, method="bank transfer")
    await told.shop.do("cancel", order=order)
    await told.work()
    (payment,) = await told.shop.rows(
        "select payment_id from payment where merchant_id = $1 and kind = 'refund'", told.shop.merchant
    )
    await told.shop.do("refund", payment=f"pay_{payment['payment_id']}")
    await told.work()
    assert told.post.subjects == ["Your money for order #1001 is on its way back"]
    assert "Amount: $12.50" in read_plain(told.post.letters[0])


# Once


async def test_a_kill_at_any_moment_makes_no_second_letter_text_or_post(told: Told) -> None:
    for medium in MEDIA:
        await told.by(medium, "received")
    await told.setting(set_addresses, told.shop.at, office="desk@mugs.example", url="https://mugs.example/in")
    order = await told.order()
    for trouble in ("killed before", "killed after", "lost", "down", "killed after"):
        for post in (told.post, told.sms, told.program):
            post.trouble = [trouble]
        for _ in range(6):
            with contextlib.suppress(Killed, TryLater):
                await told.say(order=order, kind="received")
            told.shop.at += timedelta(seconds=61)
    assert Counter(told.post.subjects) == {"We have received your order #1001": 2}  # the buyer's and the office's
    assert len(told.sms.texts) == 1 and len(told.program.posts) == 1
    assert sorted(await told.told(order)) == sorted(("received", medium, "sent") for medium in MEDIA)


async def test_a_letter_that_is_sent_again_is_the_same_to_the_byte(told: Told) -> None:
    order = await told.order()
    told.post.trouble = ["lost"]
    with pytest.raises(TryLater):
        await told.say(order=order, kind="received")
    told.shop.at += timedelta(hours=3)
    await told.say(order=order, kind="received")
    first, second = told.post.taken
    assert first.message.as_bytes() == second.message.as_bytes()


async def test_of_many_that_say_it_at_once_one_does(told: Told) -> None:
    await told.by("sms", "received")
    order = await told.order()
    tries = [told.say(order=order, kind="received") for _ in range(8)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert all(outcome is None or isinstance(outcome, TryLater) for outcome in outcomes)
    assert len(told.sms.texts) == 1 and len(told.post.taken) == 1


async def test_in_whatever_order_and_however_often_the_jobs_come_the_buyer_reads_the_same(told: Told) -> None:
    order = await told.order()
    parcel = await told.shipped(order)
    await told.news(parcel, "out_for_delivery")
    await told.shop.do("deliver", parcel=parcel)
    await told.by("email", "out_for_delivery")
    facts = [
        {"kind": "received"}, {"kind": "awaiting_fulfillment"}, {"kind": "shipped", "parcel": parcel},
        {"kind": "out_for_delivery", "parcel": parcel, "about": "2026-03-02"}, {"kind": "delivered", "parcel": parcel},
    ]  # fmt: skip
    for shuffled in random.Random(7).sample(list(itertools.permutations(facts)), 12):
        for fact in (*shuffled, *shuffled[::-1]):
            await told.say(order=order, **fact)
    assert told.post.subjects == ["Your order #1001 has been delivered"]
    whys = {one.kind: one.why for one in await told.notices(order) if one.state == "dropped"}
    assert whys == {
        "received": "already_shipped", "awaiting_fulfillment": "already_shipped", "shipped": "parcel_delivered",
        "out_for_delivery": "parcel_delivered",
    }  # fmt: skip


async def test_each_day_in_the_van_is_news_and_a_day_that_is_over_is_none(told: Told) -> None:
    await told.by("email", "out_for_delivery", "attempted", only=True)
    order = await told.order()
    parcel = await told.shipped(order)
    await told.news(parcel, "out_for_delivery")
    await told.work()
    await told.news(parcel, "attempted", at=NOON + timedelta(hours=4))
    await told.work()
    told.shop.at = NOON + timedelta(days=1)
    await told.news(parcel, "out_for_delivery")
    told.shop.at += timedelta(days=1)
    await told.work()  # a worker that was away for a day
    assert told.post.subjects == [
        "Your order #1001 is out for delivery", "The carrier could not hand over your order #1001",
    ]  # fmt: skip
    assert [one.why for one in await told.notices(order) if one.state == "dropped"] == ["another_day"]


async def test_a_second_day_in_the_same_state_is_told_and_a_second_scan_of_a_day_is_not(told: Told) -> None:
    await told.by("email", "out_for_delivery", "attempted", only=True)
    order = await told.order()
    parcel = await told.shipped(order)
    for state in ("out_for_delivery", "attempted"):
        for _day in range(2):
            for _scan in range(2):
                told.shop.at += timedelta(hours=1)
                await told.news(parcel, state)
                await told.work()
            told.shop.at += timedelta(hours=22)
    assert [one.kind for one in await told.notices(order) if one.state == "sent"].count("out_for_delivery") == 2
    assert len(told.post.subjects) == 4


async def test_what_was_overtaken_unsaid_is_said_when_it_comes_back(told: Told) -> None:
    await told.by("email", "customs_hold", only=True)
    order = await told.order()
    parcel = await told.shipped(order)
    await told.news(parcel, "customs_hold")
    told.shop.at += timedelta(hours=1)
    await told.news(parcel, "in_transit")
    await told.work()
    assert told.post.subjects == []
    told.shop.at += timedelta(days=2)
    await told.news(parcel, "customs_hold")
    await told.work()
    told.shop.at += timedelta(days=1)
    await told.news(parcel, "customs_hold")  # still there
    await told.work()
    assert told.post.subjects == ["Customs holds your order #1001"]
    assert sorted(one.state for one in await told.notices(order)) == ["dropped", "sent"]


async def test_what_happened_elsewhere_is_told_to_nobody(told: Told) -> None:
    order = await told.order()
    async with tenant_tx(told.shop.db, [told.shop.merchant]) as tx:
        await tx.run("update orders set history = true where merchant_id = $1", told.shop.merchant)
    await told.say(order=order, kind="received")
    assert told.post.taken == [] and await told.told(order) == []


# To whom


async def test_the_office_and_the_merchants_program_hear_what_they_want_to(told: Told) -> None:
    secret = await told.setting(set_addresses, told.shop.at, office="desk@mugs.example", url="https://mugs.example/in")
    assert secret.startswith("whsec_")
    await told.by("office", "received", only=True)
    await told.by("webhook", "received")
    order = await told.order()
    await told.work()
    (letter,) = told.post.letters
    assert (letter.message["To"], letter.message["Reply-To"]) == ("desk@mugs.example", "ada@example.com")
    assert letter.message["List-Unsubscribe"] is None
    (post,) = told.program.posts
    assert post["type"] == "notice.received" and post["data"]["order"] == order
    assert post["data"]["buyer"] == {"name": "Ada Byrne", "email": "ada@example.com", "phone": PHONE}
    assert post["data"]["sms"].startswith("Mugs & Co: We have received your order #1001")


async def test_an_address_that_is_none_is_somebodys_to_look_at_once(told: Told) -> None:
    told.post.nobody = {"Ada Byrne <ada@example.com>"}
    order = await told.order()
    await told.work()
    await told.shipped(order)
    await told.work()
    assert {state for _, _, state in await told.told(order)} == {"failed"}
    found = [row for row in await told.inbox() if row[0] == "notice_failed"]
    assert len(found) == 1 and "ada@example.com does not take it: 550 no such user" in found[0][1]
    assert "ask for another address" in found[0][2]


async def test_a_number_that_nobody_can_dial_is_looked_at_and_none_is_no_trouble(told: Told) -> None:
    await told.by("sms", "received", only=True)
    bad = await told.order(ship_to={**HOME, "phone": "call my sister"})
    none = await told.order(number="#1002", ship_to={**HOME, "phone": ""})
    await told.work()
    assert (await told.told(bad), await told.told(none)) == (
        [("received", "sms", "failed")], [("received", "sms", "dropped")],
    )  # fmt: skip
    assert [row[0] for row in await told.inbox() if row[0] == "notice_failed"] == ["notice_failed"]
    assert "keep_notice" not in await told.shop.timeline(none)


async def test_who_told_the_gateway_to_stop_is_no_trouble(told: Told) -> None:
    await told.by("sms", "received", only=True)
    told.sms.trouble = ["opted out"]
    order = await told.order()
    await told.work()
    assert [(one.state, one.why) for one in await told.notices(order)] == [("dropped", "stopped")]
    assert await told.inbox() == []


# What the gateway tells later


async def test_a_text_that_did_not_come_is_told_with_its_reason_and_looked_at(told: Told) -> None:
    await told.by("sms", "received", only=True)
    order = await told.order()
    await told.work()
    (text,) = [one for one in told.sms.taken if isinstance(one, Text)]
    assert text.receipt_to == f"https://shop.example/receipts/{text.key}"
    why = "the gateway says undelivered (30003)"
    kept = await told.shop.do("keep_receipt", order=order, letter=text.key, came=False, why=why)
    assert kept["kept"] and [(one.state, one.why) for one in await told.notices(order)] == [("failed", why)]
    assert "keep_receipt" in await told.shop.timeline(order)
    (exception,) = [row for row in await told.inbox() if row[0] == "notice_failed"]
    assert exception[1] == f"{text.to} does not take it: {why}"
    # Gateways repeat themselves, and the first word counts.
    for came in (False, True):
        again = await told.shop.do("keep_receipt", order=order, letter=text.key, came=came)
        assert not again["kept"]
    assert (await told.shop.timeline(order)).count("keep_receipt") == 1
    assert await told.told(order) == [("received", "sms", "failed")]
    await told.work()
    assert len(told.sms.texts) == 1  # it is not sent again


async def test_who_got_the_same_by_letter_is_nobodys_to_look_at(told: Told) -> None:
    await told.by("sms", "received")
    order = await told.order()
    await told.work()
    (text,) = [one for one in told.sms.taken if isinstance(one, Text)]
    await told.shop.do("keep_receipt", order=order, letter=text.key, came=False, why="the gateway says failed")
    assert sorted(await told.told(order))[-2:] == [("received", "email", "sent"), ("received", "sms", "failed")]
    assert await told.inbox() == []


async def test_a_text_that_came_says_since_when(told: Told) -> None:
    await told.by("sms", "received", only=True)
    order = await told.order()
    await told.work()
    (text,) = [one for one in told.sms.taken if isinstance(one, Text)]
    told.shop.at += timedelta(seconds=9)
    assert (await told.shop.do("keep_receipt", order=order, letter=text.key, came=True))["kept"]
    (notice,) = await told.notices(order)
    assert (notice.state, notice.came_at) == ("sent", told.shop.at)
    for letter in (text.key, "ord_1/received/sms", f"{order}/received"):
        assert not (await told.shop.do("keep_receipt", order=order, letter=letter, came=False))["kept"]
    assert (await told.notices(order))[0].state == "sent"


async def test_a_receipt_may_be_quicker_than_the_gateways_own_answer(told: Told) -> None:
    """It is known how the text ended before it is known that it was taken: it is not sent again."""
    await told.by("sms", "received", only=True)
    told.sms.trouble = ["lost"]
    order = await told.order()
    with pytest.raises(TryLater):
        await told.work()
    (text,) = [one for one in told.sms.taken if isinstance(one, Text)]
    assert await told.told(order) == [("received", "sms", "unknown")]
    assert (await told.shop.do("keep_receipt", order=order, letter=text.key, came=True))["kept"]
    await told.say(order=order, kind="received")
    assert await told.told(order) == [("received", "sms", "sent")] and len(told.sms.texts) == 1


# Quiet hours


async def test_a_text_waits_until_it_is_day_where_the_buyer_is(told: Told) -> None:
    told.shop.at = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # in Dublin too
    await told.by("sms", "received")
    order = await told.order()
    await told.work()
    assert told.post.subjects[0] == "We have received your order #1001" and told.sms.texts == []
    waiting = next(one for one in await told.notices(order) if one.medium == "sms")
    assert (waiting.state, waiting.why) == ("waiting", "quiet_hours")
    assert waiting.due_at == datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    told.shop.at = datetime(2026, 3, 3, 7, 59, tzinfo=UTC)
    await told.work()
    assert told.sms.texts == []
    told.shop.at = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    await told.work()
    await told.work()
    assert len(told.sms.texts) == 1


async def test_what_is_overtaken_in_the_night_is_not_said_in_the_morning(told: Told) -> None:
    await told.by("sms", "shipped", "delivered", only=True)
    order = await told.order()
    told.shop.at = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)
    parcel = await told.shipped(order)
    await told.work()
    await told.shop.do("deliver", parcel=parcel)
    await told.work()
    told.shop.at = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    await told.work()
    assert len(told.sms.texts) == 1 and "has been delivered" in told.sms.texts[0]
    assert sorted((one.kind, one.state, one.why) for one in await told.notices(order)) == [
        ("delivered", "sent", ""), ("shipped", "dropped", "parcel_delivered"),
    ]  # fmt: skip


async def test_quiet_hours_are_the_merchants_to_set(told: Told) -> None:
    await told.setting(set_quiet, {"email": Quiet(time(9), time(18)), "sms": None})
    await told.by("sms", "received")
    await told.order()
    await told.work()
    assert told.post.taken == [] and len(told.sms.texts) == 1
    told.shop.at = NOON.replace(hour=18)
    await told.work()
    assert told.post.subjects[0] == "We have received your order #1001"


# Who wants none


async def test_who_wants_no_more_letters_of_steps_gets_none_but_hears_of_money(told: Told) -> None:
    order, other = await told.order(), await told.order(number="#1002")
    await told.setting(stop, number("ord", order), "email", "ADA@example.com", told.shop.at)
    await told.work()
    assert {subject[-5:] for subject in told.post.subjects if "received" in subject} == {"#1002"}
    await told.shop.do("cancel", order=order)
    await told.work()
    assert "Your order #1001 is canceled" in told.post.subjects
    assert {(one.kind, one.why) for one in await told.notices(order) if one.state == "dropped"} == {
        ("received", "stopped"), ("awaiting_fulfillment", "stopped"),
    }  # fmt: skip
    await told.setting(stop, ALL_ORDERS, "email", "ada@example.com", told.shop.at)
    parcel = await told.shipped(other)
    await told.work()
    assert not [subject for subject in told.post.subjects if "on its way" in subject]
    await told.setting(go_on, number("ord", other), "email", "ada@example.com")
    await told.shop.do("deliver", parcel=parcel)
    await told.work()
    assert told.post.subjects[-1] == "Your order #1002 has been delivered"


async def test_a_letter_of_a_step_offers_to_end_it_with_one_click(told: Told) -> None:
    order = await told.order()
    await told.work()
    await told.shop.do("cancel", order=order)
    await told.work()
    step, money = told.post.letters[0].message, told.post.letters[-1].message
    assert step["List-Unsubscribe"] == f"<https://shop.example/t/{order[4:]}/stop>"
    assert step["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"https://shop.example/t/{order[4:]}/stop" in step.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert money["List-Unsubscribe"] is None


# In whose words


async def test_a_merchants_own_words_are_said_and_can_be_taken_back(told: Told) -> None:
    words = OwnWords(subject="Hooray, {buyer_name}: {order_number}", sms="{shop} has {order_number}. {tracking_url}")
    await told.setting(keep_words, "received", "en", words)
    await told.by("sms", "received")
    await told.order()
    await told.order(number="#1002", buyer={"name": "Олена", "email": "o@example.com", "locale": "uk"})
    await told.work()
    assert "Hooray, Ada Byrne: #1001" in told.post.subjects
    assert "Ми отримали ваше замовлення #1002" in told.post.subjects
    assert any(text.startswith("Mugs & Co has #1001. https://shop.example/t/") for text in told.sms.texts)
    await told.setting(keep_words, "received", "en", OwnWords())
    await told.order(number="#1003")
    await told.work()
    assert "We have received your order #1003" in told.post.subjects


@pytest.mark.parametrize(
    ("kind", "language", "words", "refusal"),
    [
        ("received", "en", {"subject": "Hello {buyer}"}, UnknownPlaceholder),
        ("received", "en", {"lead": "{amount}"}, UnknownPlaceholder),
        ("received", "en", {"lead": "{order_number.__class__}"}, UnknownPlaceholder),
        ("received", "en", {"lead": "{{order_number}}"}, Invalid),
        ("received", "en", {"lead": "{order_number"}, Invalid),
        ("received", "en", {"subject": "Hi\r\nBcc: all@example.com"}, Invalid),
        ("received", "en", {"subject": "x" * 151}, Invalid),
        ("received", "xx", {"subject": "Hi"}, NoSuchNotice),
        ("answer", "en", {"subject": "Hi"}, NoSuchNotice),
        ("sold", "en", {"subject": "Hi"}, NoSuchNotice),
    ],
)
async def test_words_that_cannot_be_said_are_refused_by_name(
    told: Told, kind: str, language: str, words: dict[str, str], refusal: Any
) -> None:
    with pytest.raises(refusal) as no:
        await told.setting(keep_words, kind, language, OwnWords(**words))
    if refusal is UnknownPlaceholder:
        assert no.value.why["placeholder"] in words[no.value.why["field"]]
        assert "order_number" in no.value.why["known"]
    assert await told.setting(own_words, "received", "en") == OwnWords()


async def test_nothing_in_an_order_or_in_words_can_make_a_letter_say_something_else(told: Told) -> None:
    evil = "<img src=x onerror=alert(1)>\u202e{tracking_url}\r\nBcc: all@example.com"
    await told.setting(
        keep_words,
        "received",
        "en",
        OwnWords(
            subject="{buyer_name} <b>", headline="<script>{buyer_name}</script>", lead="{order_number} {{", sms=""
        ).__class__(subject="{buyer_name} <b>", headline="<script>{buyer_name}</script>", lead="{order_number}"),
    )
    await told.order(buyer={"name": evil, "email": "eve@example.com"})
    await told.work()
    letter = told.post.letters[0].message
    assert letter.get_all("Bcc") is None and "\n" not in letter["Subject"] and "\u202e" not in letter["Subject"]
    html = letter.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "<script>" not in html and "<img src=x" not in html and "&lt;script&gt;" in html
    # A name that looks like a placeholder stays what it is.
    assert "{tracking_url}" in letter["Subject"]


async def test_every_notice_can_be_read_in_every_language_before_anybody_gets_it(told: Told) -> None:
    found = (await told.setting(notice_words)).notices
    assert {(one.kind, one.language) for one in found} == {(kind, lang) for kind in RULED for lang in ("en", "uk")}
    for one in found:
        assert one.subject and one.headline and one.lead and one.sms and "order_number" in one.names
        seen = await told.setting(preview, one.kind, one.language, OwnWords(lead="Read {order_number}"), told.shop.at)
        assert "Read M-1001" in seen.text and "Read M-1001" in seen.html


# Rules


async def test_a_rule_is_as_it_is_by_default_until_somebody_says_otherwise(told: Told) -> None:
    rules = (await told.setting(notice_rules)).rules
    assert {rule.medium for rule in rules if rule.on} == {"email"} and len(rules) == len(RULED) * len(MEDIA)
    await told.by("sms", "shipped")
    now = {(rule.kind, rule.medium): rule.on for rule in (await told.setting(notice_rules)).rules}
    assert now["shipped", "sms"] and now["shipped", "email"]


@pytest.mark.parametrize(("kind", "medium"), [("shipped", "pigeon"), ("sold", "email"), ("answer", "sms")])
async def test_no_rule_is_kept_of_what_is_no_fact_or_no_medium(told: Told, kind: str, medium: str) -> None:
    with pytest.raises(NoSuchRule):
        await told.setting(set_rule, kind, medium, on=True)


async def test_an_office_without_an_address_and_a_program_without_a_url_are_refused(told: Told) -> None:
    for wrong in ({"office": "nobody"}, {"url": "ftp://mugs.example"}, {"url": "http://me:secret@mugs.example"}):
        with pytest.raises(Invalid):
            await told.setting(set_addresses, told.shop.at, **wrong)
    with pytest.raises(Invalid):
        read_quiet("09:00", "09:00")
    for begins, ends in (("9", "nine"), ("21:00", ""), ("21:00+02:00", "08:00+02:00")):
        with pytest.raises(Invalid):
            read_quiet(begins, ends)
    with pytest.raises(NoSuchRule):
        await told.setting(set_quiet, {"pigeon": None})


async def test_of_two_who_write_down_the_same_letter_at_once_one_is_told_that_it_stands_there(shop: Shop) -> None:
    order = await shop.place(("MUG", 1))
    letter = {"order": order, "letter": "L1", "kind": "received", "state": "sending"}
    first, second, sent = await shop.ask_all("keep_notice", [letter, letter, letter | {"state": "sent", "tries": 1}])
    assert [first["kept"], second["kept"], sent["kept"]] == [True, False, True]  # type: ignore[index]
    (row,) = await shop.rows("select state, tries from notice where merchant_id = $1", shop.merchant)
    assert row == {"state": "sent", "tries": 1}
